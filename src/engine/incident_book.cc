#include "engine/incident_book.h"

#include <utility>

#include "base/fields.h"
#include "base/hash.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kTimer = "forget";
constexpr std::string_view kOpen = "open";
constexpr std::string_view kAcknowledged = "acknowledged";
constexpr std::string_view kClosed = "closed";
constexpr std::size_t kNameDigits = 16;

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

const Json& status_of(const Json& object) {
  static const Json kNone = Json::object();
  const Json* found = object.find("status");
  return found != nullptr && found->is_object() ? *found : kNone;
}

journal::ObjectKey key_of(
    const Namespace& ns, std::string_view reason, std::string_view kind, std::string_view subject
) {
  const Digest digest = sha256(concat(reason, "\n", kind, "\n", subject));
  return {
      .kind = journal::Kind::Incident,
      .ns = ns,
      .name = concat("inc-", digest.view().substr(digest.view().size() - kNameDigits))};
}

/// As `open` has it.
struct Opening {
  std::string reason;
  std::string severity;
  std::string subject_kind;
  std::string subject;
  std::string message;
};

Result<Opening> opening_in(const Json& body) {
  Fields fields(body, "open");
  Opening opening;
  opening.reason = fields.required_text("reason");
  opening.severity = fields.required_text("severity");
  opening.message = fields.text("message");
  const Json* subject = fields.object("subject");
  REEVE_CHECK(fields.finish());
  if (subject == nullptr) {
    return invalid("says what it is about", "subject");
  }
  Fields about(*subject, "subject");
  opening.subject_kind = about.required_text("kind");
  opening.subject = about.required_text("name");
  REEVE_CHECK(about.finish());
  if (opening.severity != "warning" && opening.severity != "critical") {
    return invalid(concat("\"", opening.severity, "\" is no severity"), "severity");
  }
  if (opening.message.size() > kIncidentTextBytesMax) {
    opening.message.resize(kIncidentTextBytesMax);
    while (!is_utf8(opening.message)) {
      opening.message.pop_back();
    }
  }
  return opening;
}

Json object_of(const journal::ObjectKey& key, const Opening& opening, BookTurn& turn) {
  Json subject = Json::object();
  subject.set("kind", opening.subject_kind).set("name", opening.subject);
  Json spec = Json::object();
  spec.set("reason", opening.reason).set("severity", opening.severity);
  spec.set("subject", std::move(subject)).set("message", opening.message);
  spec.set("openedBy", turn.actor().str());
  Json status = Json::object();
  status.set("state", kOpen).set("occurrences", 1);
  status.set("openedAt", format_timestamp(turn.now()));
  status.set("lastSeenAt", format_timestamp(turn.now()));
  Json metadata = Json::object();
  metadata.set("name", key.name).set("namespace", key.ns.str());
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "Incident");
  object.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  object.set("status", std::move(status));
  return object;
}

Json subject_json(const IncidentReport& report) {
  Json subject = Json::object();
  subject.set("kind", report.subject_kind).set("name", report.subject);
  return subject;
}

}  // namespace

ObjectCommand open_incident(const Namespace& ns, const IncidentReport& report) {
  Json body = Json::object();
  body.set("reason", report.reason).set("severity", report.severity);
  body.set("subject", subject_json(report)).set("message", report.message);
  return {
      .object = key_of(ns, report.reason, report.subject_kind, report.subject),
      .verb = "open",
      .body = std::move(body)};
}

ObjectCommand resolve_incident(const Namespace& ns, const IncidentReport& report) {
  Json body = Json::object();
  body.set("message", report.message);
  return {
      .object = key_of(ns, report.reason, report.subject_kind, report.subject),
      .verb = "close",
      .body = std::move(body)};
}

IncidentBook::IncidentBook() : ResourceBook(*resource_kind(journal::Kind::Incident)) {}

ResourceBook::EventUse IncidentBook::use_of(std::string_view type) const {
  if (type == "incident.opened") {
    return EventUse::Creates;
  }
  const bool changes = type == "incident.reopened" || type == "incident.seen" ||
                       type == "incident.acknowledged" || type == "incident.closed";
  if (changes || type == "resource.updated" || type == "resource.deletion_requested") {
    return EventUse::Changes;
  }
  return type == "resource.deleted" ? EventUse::Deletes : EventUse::Unknown;
}

Result<void> IncidentBook::open(const ObjectCommand& command, BookTurn& turn) {
  if (!turn.actor().view().starts_with("system:")) {
    return make_error(
        ErrorCode::PermissionDenied, "incidents are opened by the system alone", turn.actor().str()
    );
  }
  REEVE_TRY(const Opening opening, opening_in(command.body));
  const journal::ObjectKey& key = command.object;
  if (key != key_of(key.ns, opening.reason, opening.subject_kind, opening.subject)) {
    return invalid("is not the name of an incident of that reason and subject", "name");
  }
  if (find(key) == nullptr) {
    return make(key, "incident.opened", object_of(key, opening, turn), turn);
  }
  return happened_again(key, opening.message, turn);
}

Result<void> IncidentBook::happened_again(
    const journal::ObjectKey& key, const std::string& message, BookTurn& turn
) {
  REEVE_TRY(Json object, stored(key));
  Json status = status_of(object);
  const bool closed = status.get_string("state") == kClosed;
  const Result<Timestamp> last = parse_timestamp(status.get_string("lastSeenAt"));
  if (!closed && last && turn.now() < *last + kIncidentSeenPeriod) {
    return {};
  }
  status.set("occurrences", status.get_int("occurrences") + 1);
  status.set("lastSeenAt", format_timestamp(turn.now()));
  if (closed) {
    status.set("state", kOpen).set("openedAt", format_timestamp(turn.now()));
    for (const std::string_view over :
         {"acknowledgedBy", "acknowledgedAt", "closedBy", "closedAt", "note"}) {
      erase_member(status, over);
    }
    turn.set_timer(key, std::string(kTimer), std::nullopt);
  }
  Json spec = *object.find("spec");
  spec.set("message", message);
  object.set("spec", std::move(spec)).set("status", std::move(status));
  return change(key, closed ? "incident.reopened" : "incident.seen", std::move(object), turn);
}

Result<void> IncidentBook::settle(const ObjectCommand& command, BookTurn& turn) {
  const bool closes = command.verb == "close";
  const Json nothing = Json::object();
  Fields fields(command.body.is_null() ? nothing : command.body, command.verb);
  const std::string note = fields.text("message");
  REEVE_CHECK(fields.finish());
  if (note.size() > kIncidentTextBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kIncidentTextBytesMax, " bytes"),
        "message"
    );
  }
  REEVE_TRY(Json object, stored(command.object));
  Json status = status_of(object);
  const std::string state = status.get_string("state");
  if (state == kClosed || (!closes && state == kAcknowledged)) {
    return {};
  }
  const std::string_view word = closes ? kClosed : kAcknowledged;
  status.set("state", word);
  status.set(concat(word, "By"), turn.actor().str());
  status.set(concat(word, "At"), format_timestamp(turn.now()));
  if (!note.empty()) {
    status.set("note", note);
  }
  object.set("status", std::move(status));
  REEVE_CHECK(change(command.object, concat("incident.", word), std::move(object), turn));
  if (closes) {
    turn.set_timer(command.object, std::string(kTimer), turn.now() + kIncidentKept);
  }
  return {};
}

Result<Reply> IncidentBook::turn(const ObjectCommand& command, BookTurn& turn) {
  if (command.verb == "delete") {
    return ResourceBook::turn(command, turn);
  }
  REEVE_CHECK(refuse_runs(turn.actor(), "incidents"));
  if (command.verb == "open") {
    REEVE_CHECK(open(command, turn));
  } else if (command.verb == "acknowledge" || command.verb == "close") {
    REEVE_CHECK(settle(command, turn));
  } else {
    return make_error(
        ErrorCode::Invalid, concat("incidents have no command \"", command.verb, "\""), "verb"
    );
  }
  return reply_about(command.object, Json());
}

void IncidentBook::on_timer(
    const journal::ObjectKey& key, std::string_view /*timer*/, BookTurn& turn
) {
  const Result<Json> object = stored(key);
  if (object && status_of(*object).get_string("state") == kClosed) {
    request_deletion(key, Propagation::Background, turn);
  }
}

}  // namespace reeve::engine
