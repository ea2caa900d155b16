#include "engine/endpoint_book.h"

#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/resource_object.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kTimer = "expire";
constexpr std::string_view kExpired = "expired";
constexpr std::string_view kStarting = "starting";
constexpr std::string_view kHealthy = "healthy";

std::string state_of(const Json& object) {
  return object.get_object("status").get_string("state");
}

std::string owner_of(const Json& object) {
  return object.get_object("status").get_string("owner");
}

Result<Duration> ttl_of(const Json& object) {
  const std::string text = object.get_object("spec").get_string("ttl");
  if (text.empty()) {
    return kEndpointTtl;
  }
  const Result<Duration> ttl = parse_duration(text);
  if (!ttl || *ttl < kEndpointTtlMin || *ttl > kEndpointTtlMax) {
    Error error = make_error(ErrorCode::Invalid, concat("\"", text, "\" is no ttl"), "spec.ttl");
    error.hint = concat(
        "write a duration from ",
        format_duration(kEndpointTtlMin),
        " to ",
        format_duration(kEndpointTtlMax)
    );
    return error;
  }
  return *ttl;
}

/// As the end of a label's key: letters, digits, `-`, `_`, `.`, the first and last no sign.
bool is_capability(std::string_view text) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool legal = !text.empty() && text.size() <= kCapabilityBytesMax && alphanumeric(text.front()) &&
               alphanumeric(text.back());
  for (const char c : text) {
    legal = legal && (alphanumeric(c) || c == '-' || c == '_' || c == '.');
  }
  return legal;
}

/// What it can do, as labels, so that it is found by selectors.
Result<void> label_capabilities(Json& object) {
  static const Json kNone = Json::array();
  const Json* given = object.get_object("spec").find("capabilities");
  const Json& capabilities = given != nullptr && given->is_array() ? *given : kNone;
  if (capabilities.as_array().size() > kCapabilitiesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("an endpoint has at most ", kCapabilitiesMax, " capabilities"),
        "spec.capabilities"
    );
  }
  Json& metadata = metadata_of(object);
  Json labels = metadata.get_object("labels");
  std::erase_if(labels.as_object(), [](const Json::Member& member) {
    return member.first.starts_with(kCapabilityLabel);
  });
  for (const Json& capability : capabilities.as_array()) {
    if (!capability.is_string() || !is_capability(capability.as_string())) {
      Error error = make_error(ErrorCode::Invalid, "is no capability", "spec.capabilities");
      error.hint = concat(
          "letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, at "
          "most ",
          kCapabilityBytesMax
      );
      return error;
    }
    labels.set(concat(kCapabilityLabel, capability.as_string()), "true");
  }
  if (labels.as_object().empty()) {
    erase_member(metadata, "labels");
  } else {
    metadata.set("labels", std::move(labels));
  }
  return {};
}

void set_state(Json& status, std::string_view state) {
  status.set("state", state).set("healthy", state == kHealthy);
}

/// A sign of life now.
void seen(Json& status, Timestamp now, Duration ttl) {
  status.set("renewedAt", format_timestamp(now));
  status.set("expiresAt", format_timestamp(now + ttl));
}

std::optional<Timestamp> expiry_of(const Json& object) {
  const Result<Timestamp> at = parse_timestamp(object.get_object("status").get_string("expiresAt"));
  return at ? std::optional(*at) : std::nullopt;
}

Result<void> check_owner(const Json& object, const Principal& actor, std::string_view name) {
  if (owner_of(object) == registrant_of(actor)) {
    return {};
  }
  Error error = make_error(
      ErrorCode::PermissionDenied,
      concat("the endpoint belongs to ", owner_of(object)),
      std::string(name)
  );
  error.hint = "register another name";
  return error;
}

}  // namespace

std::string registrant_of(const Principal& actor) {
  const std::string_view text = actor.view();
  if (!text.starts_with("run:")) {
    return std::string(text);
  }
  return std::string(text.substr(0, text.rfind('.')));
}

EndpointBook::EndpointBook() : ResourceBook(*resource_kind(journal::Kind::Endpoint)) {}

ResourceBook::EventUse EndpointBook::use_of(std::string_view type) const {
  return type == "endpoint.renewed" || type == "endpoint.expired" ? EventUse::Changes
                                                                  : ResourceBook::use_of(type);
}

Result<void> EndpointBook::prepare(Json& object, BookTurn& turn) const {
  REEVE_TRY(const Duration ttl, ttl_of(object));
  REEVE_CHECK(label_capabilities(object));
  Json status = Json::object();
  status.set("owner", registrant_of(turn.actor()));
  set_state(status, kStarting);
  status.set("registeredAt", format_timestamp(turn.now()));
  seen(status, turn.now(), ttl);
  object.set("status", std::move(status));
  return {};
}

Result<void> EndpointBook::check_change(const Json& before, Json& after, BookTurn& turn) const {
  REEVE_CHECK(check_owner(before, turn.actor(), metadata_of(before).get_string("name")));
  REEVE_TRY(const Duration ttl, ttl_of(after));
  REEVE_CHECK(label_capabilities(after));
  Json status = before.get_object("status");
  if (state_of(before) == kExpired) {
    set_state(status, kStarting);
  }
  seen(status, turn.now(), ttl);
  after.set("status", std::move(status));
  return {};
}

Result<Reply> EndpointBook::renew(const ObjectCommand& command, BookTurn& turn) {
  const Json nothing = Json::object();
  Fields fields(command.body.is_null() ? nothing : command.body, "renew");
  const std::string state = fields.text("state", kHealthy);
  const std::string message = fields.text("message");
  REEVE_CHECK(fields.finish());
  if (state != kStarting && state != kHealthy && state != "degraded" && state != "unhealthy") {
    Error error = make_error(ErrorCode::Invalid, concat("\"", state, "\" is no state"), "state");
    error.hint = "write starting, healthy, degraded or unhealthy";
    return error;
  }
  if (message.size() > kEndpointMessageBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kEndpointMessageBytesMax, " bytes"),
        "message"
    );
  }
  REEVE_TRY(Json object, stored(command.object));
  REEVE_CHECK(check_owner(object, turn.actor(), command.object.name));
  REEVE_TRY(const Duration ttl, ttl_of(object));
  Json status = object.get_object("status");
  set_state(status, state);
  status.set("message", message);
  seen(status, turn.now(), ttl);
  object.set("status", std::move(status));
  REEVE_CHECK(change(command.object, "endpoint.renewed", std::move(object), turn));
  return reply_about(command.object, Json());
}

void EndpointBook::arm(const journal::ObjectKey& key, BookTurn& turn) const {
  std::optional<Timestamp> due;
  if (const Result<Json> object = stored(key)) {
    due = expiry_of(*object);
    if (due && state_of(*object) == kExpired) {
      due = *due + kEndpointKept;
    }
  }
  turn.set_timer(key, std::string(kTimer), due);
}

Result<Reply> EndpointBook::turn(const ObjectCommand& command, BookTurn& turn) {
  if (command.verb == "delete" && turn.actor().view().starts_with("run:")) {
    REEVE_TRY(const Json object, stored(command.object));
    REEVE_CHECK(check_owner(object, turn.actor(), command.object.name));
  }
  REEVE_TRY(
      Reply reply,
      command.verb == "renew" ? renew(command, turn) : ResourceBook::turn(command, turn)
  );
  arm(command.object, turn);
  return reply;
}

void EndpointBook::on_timer(
    const journal::ObjectKey& key, std::string_view /*timer*/, BookTurn& turn
) {
  Result<Json> object = stored(key);
  const std::optional<Timestamp> expiry = object ? expiry_of(*object) : std::nullopt;
  if (!expiry) {
    return;
  }
  if (state_of(*object) == kExpired) {
    request_deletion(key, Propagation::Background, turn);
    return;
  }
  if (*expiry <= turn.now()) {
    Json status = object->get_object("status");
    set_state(status, kExpired);
    object->set("status", std::move(status));
    const Result<void> changed = change(key, "endpoint.expired", std::move(*object), turn);
    REEVE_ASSERT(changed.ok());  // no larger than what was there by more than a few bytes
  }
  arm(key, turn);
}

/// Nobody could say anything while we were away: from now on they have their whole time.
void EndpointBook::recover(BookTurn& turn) {
  for (const journal::ObjectKey& key : keys()) {
    const Result<Json> object = stored(key);
    if (!object || state_of(*object) == kExpired) {
      continue;
    }
    const Result<Duration> ttl = ttl_of(*object);
    turn.set_timer(key, std::string(kTimer), turn.now() + (ttl ? *ttl : kEndpointTtl));
  }
}

}  // namespace reeve::engine
