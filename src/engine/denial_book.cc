#include "engine/denial_book.h"

#include <cstdint>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kDenied = "access.denied";
constexpr std::string_view kDeleted = "denials.deleted";

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), "denials");
}

/// How often somebody was refused what one entry says.
Result<std::int64_t> count_of(const Json& entry) {
  Fields fields(entry, "a denial");
  for (const std::string_view name : {"user", "verb", "resource"}) {
    if (fields.required_text(name).size() > kDenialTextBytesMax) {
      return invalid(concat(name, " is longer than ", kDenialTextBytesMax, " bytes"));
    }
  }
  if (fields.text("namespace").size() > kDenialTextBytesMax) {
    return invalid("the namespace is too long");
  }
  const std::int64_t count = fields.number("count", 1, INT64_MAX / 2);
  REEVE_CHECK(fields.finish());
  return count;
}

/// How many denials a record tells of.
Result<std::uint64_t> total_of(const Json& record) {
  Fields fields(record, "a record of denials");
  (void)fields.required_time("from");
  (void)fields.required_time("to");
  const Json* denials = fields.array("denials");
  auto total = static_cast<std::uint64_t>(fields.number("others", 0, INT64_MAX / 2));
  REEVE_CHECK(fields.finish());
  if (denials == nullptr || denials->as_array().size() > kDenialsOfRecordMax) {
    return invalid(concat("a record has a list of at most ", kDenialsOfRecordMax, " denials"));
  }
  for (const Json& entry : denials->as_array()) {
    REEVE_TRY(const std::int64_t count, count_of(entry));
    total += static_cast<std::uint64_t>(count);
  }
  return total;
}

}  // namespace

journal::ObjectKey denials_key(const Namespace& ns) {
  return {.kind = journal::Kind::Denial, .ns = ns, .name = std::string(kDenialsName)};
}

Result<void> DenialBook::load(const journal::ObjectKey& key, const Json& row) {
  Fields fields(row, "the row of denials");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* status_json = fields.object("status");
  if (!fields.finish() || metadata_json == nullptr || status_json == nullptr) {
    return corrupt("its row is not one of denials", key.name);
  }
  DenialCount count;
  Fields metadata(*metadata_json, "metadata");
  const std::string name = metadata.required_text("name");
  const std::string ns = metadata.text("namespace");
  count.uid = Uid(metadata.required_text("uid"));
  count.created_at = metadata.required_time("creationTimestamp");
  Fields status(*status_json, "status");
  count.total = static_cast<std::uint64_t>(status.number("total", 0, INT64_MAX));
  count.revision = Revision(static_cast<std::uint64_t>(status.number("revision", 0, INT64_MAX)));
  count.deleted = status.flag("deleted");
  for (const Fields* part : {&metadata, &status}) {
    if (Result<void> whole = part->finish(); !whole) {
      return corrupt(whole.error().describe(), key.name);
    }
  }
  if (name != key.name || ns != key.ns.view()) {
    return corrupt("its row belongs to another namespace", key.name);
  }
  objects_.insert_or_assign(key, std::move(count));
  return {};
}

bool DenialBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const DenialCount& count = objects_.at(key);
  Json metadata = Json::object();
  metadata.set("name", key.name).set("namespace", key.ns.str()).set("uid", count.uid.str());
  metadata.set("creationTimestamp", format_timestamp(count.created_at));
  Json status = Json::object();
  status.set("total", count.total).set("revision", count.revision.value());
  if (count.deleted) {
    status.set("deleted", true);
  }
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "Denial");
  row.set("metadata", std::move(metadata)).set("status", std::move(status));
  body += row.dump();
  return !count.deleted;
}

Result<void> DenialBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  const auto found = objects_.find(event.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  DenialCount count = exists ? found->second : DenialCount{};
  if (event.type == kDenied) {
    const Result<std::uint64_t> total = total_of(data);
    if (!total) {
      return corrupt(total.error().describe(), event.object.name);
    }
    count.total += *total;
    if (!exists) {
      count.uid = event.uid;
      count.created_at = event.at;
    }
  } else if (event.type == kDeleted && exists) {
    count.deleted = true;
  } else {
    return corrupt(concat("the event ", event.type, " does not fit"), event.object.name);
  }
  count.revision = event.revision;
  objects_.insert_or_assign(event.object, std::move(count));
  return {};
}

Result<Reply> DenialBook::turn(const ObjectCommand& command, BookTurn& turn) {
  if (command.verb == "delete" && revision_of(command.object) != Revision()) {
    REEVE_CHECK(turn.emit(command.object, kDeleted, Json::object()));
    return turn.reply(command.object);
  }
  if (command.verb != "record" || command.object.name != kDenialsName) {
    return make_error(ErrorCode::Invalid, "denials are recorded, no more", "verb");
  }
  if (turn.actor().view() != kDenialsRecorder) {
    return make_error(ErrorCode::PermissionDenied, "denials are recorded by the API alone");
  }
  REEVE_CHECK(total_of(command.body));
  REEVE_CHECK(turn.emit(command.object, kDenied, command.body));
  return turn.reply(command.object);
}

}  // namespace reeve::engine
