#include "engine/pool_book.h"

#include <cstdint>

#include "base/fields.h"
#include "base/strings.h"
#include "model/mission.h"

namespace reeve::engine {

namespace {

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

}  // namespace

Result<void> PoolBook::load(const journal::ObjectKey& key, const Json& row) {
  Fields fields(row, "the row of a pool");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* spec_json = fields.object("spec");
  if (!fields.finish() || metadata_json == nullptr || spec_json == nullptr) {
    return corrupt("its row is not one of a pool", key.name);
  }
  Pool pool;
  Fields metadata(*metadata_json, "metadata");
  const std::string name = metadata.required_text("name");
  const std::string ns = metadata.required_text("namespace");
  pool.uid = Uid(metadata.required_text("uid"));
  pool.created_at = metadata.required_time("creationTimestamp");
  Fields spec(*spec_json, "spec");
  pool.units = static_cast<std::uint32_t>(spec.number("units", 0, kPoolUnitsMax));
  pool.revision = Revision(static_cast<std::uint64_t>(spec.number("revision", 0, INT64_MAX)));
  pool.deleted = spec.flag("deleted");
  for (const Fields* part : {&metadata, &spec}) {
    if (Result<void> whole = part->finish(); !whole) {
      return corrupt(whole.error().describe(), key.name);
    }
  }
  if (name != key.name || ns != key.ns.view()) {
    return corrupt("its row belongs to another pool", key.name);
  }
  objects_.insert_or_assign(key, std::move(pool));
  return {};
}

bool PoolBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Pool& pool = objects_.at(key);
  Json metadata = Json::object();
  metadata.set("name", key.name).set("namespace", key.ns.str()).set("uid", pool.uid.str());
  metadata.set("creationTimestamp", format_timestamp(pool.created_at));
  Json spec = Json::object();
  spec.set("units", std::uint64_t{pool.units}).set("revision", pool.revision.value());
  if (pool.deleted) {
    spec.set("deleted", true);
  }
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "Pool");
  row.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  body += row.dump();
  return !pool.deleted;
}

Result<void> PoolBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  const auto found = objects_.find(event.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  Pool pool = exists ? found->second : Pool{};
  Fields fields(data, event.type);
  if (event.type == "pool.set") {
    pool.units = static_cast<std::uint32_t>(fields.number("units", 0, kPoolUnitsMax));
    if (!exists) {
      pool.uid = event.uid;
      pool.created_at = event.at;
    }
  } else if (event.type == "pool.deleted" && exists) {
    pool.deleted = true;
    pool.units = 0;
  } else {
    return corrupt(concat("the event ", event.type, " does not fit"), event.object.name);
  }
  pool.revision = event.revision;
  if (Result<void> whole = fields.finish(); !whole) {
    return corrupt(whole.error().describe(), event.object.name);
  }
  objects_.insert_or_assign(event.object, std::move(pool));
  return {};
}

void PoolBook::recover(BookTurn& turn) {
  for (const auto& [key, pool] : objects_) {
    turn.engine().pool_changed(key.ns, key.name, pool.units);
  }
}

Result<Reply> PoolBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(refuse_runs(turn.actor(), "pools"));
  REEVE_CHECK(model::check_name(command.object.name, "name of a pool"));
  const auto found = objects_.find(command.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  Fields fields(command.body, command.verb);
  if (command.verb == "delete") {
    REEVE_CHECK(fields.finish());
    if (!exists) {
      return make_error(
          ErrorCode::NotFound,
          concat("there is no pool \"", command.object.name, "\""),
          command.object.name
      );
    }
    REEVE_CHECK(turn.emit(command.object, "pool.deleted", Json::object()));
    turn.engine().pool_changed(command.object.ns, command.object.name, std::nullopt);
    return turn.reply(command.object);
  }
  if (command.verb != "set") {
    return make_error(
        ErrorCode::Invalid, concat("pools have no command \"", command.verb, "\""), "verb"
    );
  }
  const std::optional<std::int64_t> units = fields.optional_number("units", 0, kPoolUnitsMax);
  REEVE_CHECK(fields.finish());
  if (!units) {
    return make_error(ErrorCode::Invalid, "says how many units the pool has", "units");
  }
  if (!exists && count_in(command.object.ns) >= kPoolsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "there are ",
            kPoolsMax,
            " pools in namespace ",
            command.object.ns.view(),
            ", which is the limit"
        ),
        command.object.name
    );
  }
  if (!exists || found->second.units != static_cast<std::uint32_t>(*units)) {
    Json data = Json::object();
    data.set("units", *units);
    REEVE_CHECK(turn.emit(command.object, "pool.set", data));
    turn.engine().pool_changed(
        command.object.ns, command.object.name, static_cast<std::uint32_t>(*units)
    );
  }
  return turn.reply(command.object);
}

}  // namespace reeve::engine
