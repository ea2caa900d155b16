#include "coord/channel/channel_codec.h"

#include <limits>
#include <utility>

#include "base/strings.h"
#include "coord/channel/channel_machine.h"
#include "coord/channel/fields.h"

namespace reeve::coord {

namespace {

Error corrupt(std::string message) {
  return make_error(ErrorCode::Corrupt, std::move(message));
}

Result<std::uint32_t> count_field(const Json& object, std::string_view name) {
  REEVE_TRY(const std::uint64_t number, number_field(object, name));
  if (number > std::numeric_limits<std::uint32_t>::max()) {
    return corrupt(concat(name, " is too large"));
  }
  return static_cast<std::uint32_t>(number);
}

Result<Duration> duration_field(const Json& object, std::string_view name) {
  REEVE_TRY(const std::string text, text_field(object, name));
  return parse_duration(text);
}

Result<const Json::Array*> array_field(const Json& object, std::string_view name) {
  const Json* const field = object.find(name);
  if (field == nullptr || !field->is_array()) {
    return corrupt(concat(name, " is missing, or no list"));
  }
  return &field->as_array();
}

Result<const Json*> object_field(const Json& object, std::string_view name) {
  const Json* const field = object.find(name);
  if (field == nullptr || !field->is_object()) {
    return corrupt(concat(name, " is missing, or no object"));
  }
  return field;
}

/// A message as it is stored: with what the event says about it.
Json stored_json(const Message& message) {
  Json json = to_json(message);
  json.set("sender", message.sender.str()).set("sentAt", format_timestamp(message.sent_at));
  return json;
}

Result<Message> stored_message(const Json& json) {
  REEVE_TRY(Message message, message_from_json(json));
  REEVE_TRY(std::string sender, text_field(json, "sender"));
  message.sender = Principal(std::move(sender));
  REEVE_TRY(message.sent_at, time_field(json, "sentAt"));
  return message;
}

Json to_json(Sequence sequence, const Delivery& delivery) {
  Json json = Json::object();
  json.set("sequence", Json(sequence)).set("count", static_cast<std::int64_t>(delivery.count));
  if (delivery.leased()) {
    json.set("token", Json(delivery.token.value()));
    json.set("until", format_timestamp(delivery.until)).set("consumer", delivery.consumer);
  }
  set_optional(json, "notBefore", delivery.not_before);
  return json;
}

Result<std::pair<Sequence, Delivery>> delivery_from_json(const Json& json) {
  Delivery delivery;
  REEVE_TRY(const Sequence sequence, number_field(json, "sequence"));
  REEVE_TRY(delivery.count, count_field(json, "count"));
  if (json.find("token") != nullptr) {
    REEVE_TRY(const std::uint64_t token, number_field(json, "token"));
    delivery.token = Fence(token);
    REEVE_TRY(delivery.until, time_field(json, "until"));
    REEVE_TRY(delivery.consumer, text_field(json, "consumer"));
  }
  REEVE_TRY(delivery.not_before, optional_time_field(json, "notBefore"));
  return std::pair(sequence, std::move(delivery));
}

Json to_json(const std::string& name, const Group& group) {
  Json settled = Json::array();
  for (const Sequence sequence : group.settled) {
    settled.push(Json(sequence));
  }
  Json deliveries = Json::array();
  for (const auto& [sequence, delivery] : group.deliveries) {
    deliveries.push(to_json(sequence, delivery));
  }
  Json json = Json::object();
  json.set("name", name).set("position", Json(group.position));
  json.set("settled", std::move(settled)).set("deliveries", std::move(deliveries));
  if (group.ends()) {
    set_optional(json, "lifetime", group.lifetime);
    json.set("endsAt", format_timestamp(group.ends_at));
  }
  return json;
}

Result<Group> group_from_json(const Json& json) {
  Group group;
  REEVE_TRY(group.position, number_field(json, "position"));
  REEVE_TRY(const Json::Array* settled, array_field(json, "settled"));
  for (const Json& sequence : *settled) {
    if (!sequence.is_int() || sequence.as_int() < 0) {
      return corrupt("settled holds something else than numbers");
    }
    group.settled.insert(static_cast<Sequence>(sequence.as_int()));
  }
  REEVE_TRY(const Json::Array* deliveries, array_field(json, "deliveries"));
  for (const Json& entry : *deliveries) {
    REEVE_TRY(auto delivery, delivery_from_json(entry));
    group.deliveries.insert(std::move(delivery));
  }
  REEVE_TRY(group.lifetime, optional_duration_field(json, "lifetime"));
  if (group.ends()) {
    REEVE_TRY(group.ends_at, time_field(json, "endsAt"));
  }
  return group;
}

Json to_json(const DeadLetter& letter) {
  Json json = Json::object();
  json.set("message", stored_json(letter.message)).set("group", letter.group);
  json.set("reason", letter.reason);
  json.set("deliveries", static_cast<std::int64_t>(letter.deliveries));
  json.set("diedAt", format_timestamp(letter.died_at));
  return json;
}

Result<DeadLetter> dead_letter_from_json(const Json& json) {
  DeadLetter letter;
  REEVE_TRY(const Json* message, object_field(json, "message"));
  REEVE_TRY(letter.message, stored_message(*message));
  REEVE_TRY(letter.group, text_field(json, "group"));
  REEVE_TRY(letter.reason, text_field(json, "reason"));
  REEVE_TRY(letter.deliveries, count_field(json, "deliveries"));
  REEVE_TRY(letter.died_at, time_field(json, "diedAt"));
  return letter;
}

Json to_json(const ChannelCounts& counts) {
  Json json = Json::object();
  json.set("sent", Json(counts.sent)).set("acked", Json(counts.acked));
  json.set("redelivered", Json(counts.redelivered)).set("died", Json(counts.died));
  json.set("expired", Json(counts.expired));
  return json;
}

Result<ChannelCounts> counts_from_json(const Json& json) {
  ChannelCounts counts;
  REEVE_TRY(counts.sent, number_field(json, "sent"));
  REEVE_TRY(counts.acked, number_field(json, "acked"));
  REEVE_TRY(counts.redelivered, number_field(json, "redelivered"));
  REEVE_TRY(counts.died, number_field(json, "died"));
  REEVE_TRY(counts.expired, number_field(json, "expired"));
  return counts;
}

Result<void> read_metadata(const Json& row, Channel& channel) {
  REEVE_TRY(const Json* metadata, object_field(row, "metadata"));
  REEVE_TRY(std::string ns, text_field(*metadata, "namespace"));
  channel.ns = Namespace(std::move(ns));
  REEVE_TRY(channel.name, text_field(*metadata, "name"));
  REEVE_TRY(std::string uid, text_field(*metadata, "uid"));
  channel.uid = Uid(std::move(uid));
  REEVE_TRY(const std::uint64_t created, number_field(*metadata, "created"));
  channel.created = Revision(created);
  REEVE_TRY(const std::uint64_t revision, number_field(*metadata, "revision"));
  channel.revision = Revision(revision);
  REEVE_TRY(channel.created_at, time_field(*metadata, "createdAt"));
  return {};
}

Result<void> read_status(const Json& status, Channel& channel) {
  channel.deleted = status.get_bool("deleted");
  REEVE_TRY(channel.next_sequence, number_field(status, "nextSequence"));
  REEVE_TRY(const Json::Array* messages, array_field(status, "messages"));
  for (const Json& entry : *messages) {
    REEVE_TRY(Message message, stored_message(entry));
    channel.bytes += message_bytes(message);
    channel.messages.emplace(message.sequence, std::move(message));
  }
  REEVE_TRY(const Json::Array* groups, array_field(status, "groups"));
  for (const Json& entry : *groups) {
    REEVE_TRY(std::string name, text_field(entry, "name"));
    REEVE_TRY(Group group, group_from_json(entry));
    channel.groups.emplace(std::move(name), std::move(group));
  }
  REEVE_TRY(const Json::Array* dead, array_field(status, "dead"));
  for (const Json& entry : *dead) {
    REEVE_TRY(DeadLetter letter, dead_letter_from_json(entry));
    channel.dead_bytes += message_bytes(letter.message);
    channel.dead.push_back(std::move(letter));
  }
  REEVE_TRY(const Json* counts, object_field(status, "counts"));
  REEVE_TRY(channel.counts, counts_from_json(*counts));
  return {};
}

}  // namespace

Json to_json(const ChannelConfig& config) {
  Json json = Json::object();
  json.set("messagesMax", static_cast<std::int64_t>(config.messages_max));
  json.set("bytesMax", Json(config.bytes_max));
  json.set("visibility", format_duration(config.visibility));
  json.set("deliveriesMax", static_cast<std::int64_t>(config.deliveries_max));
  json.set("retention", format_duration(config.retention));
  return json;
}

Result<ChannelConfig> config_from_json(const Json& json) {
  ChannelConfig config;
  REEVE_TRY(config.messages_max, count_field(json, "messagesMax"));
  REEVE_TRY(config.bytes_max, number_field(json, "bytesMax"));
  REEVE_TRY(config.visibility, duration_field(json, "visibility"));
  REEVE_TRY(config.deliveries_max, count_field(json, "deliveriesMax"));
  REEVE_TRY(config.retention, duration_field(json, "retention"));
  return config;
}

Json to_json(const Message& message) {
  Json properties = Json::object();
  for (const auto& [name, value] : message.properties) {
    properties.set(name, value);
  }
  Json json = Json::object();
  json.set("sequence", Json(message.sequence)).set("key", message.key).set("body", message.body);
  json.set("properties", std::move(properties));
  set_optional(json, "notBefore", message.not_before);
  set_optional(json, "expiresAt", message.expires_at);
  if (!message.only_group.empty()) {
    json.set("onlyGroup", message.only_group);
  }
  return json;
}

Result<Message> message_from_json(const Json& json) {
  Message message;
  REEVE_TRY(message.sequence, number_field(json, "sequence"));
  REEVE_TRY(message.key, text_field(json, "key"));
  REEVE_TRY(message.body, text_field(json, "body"));
  REEVE_TRY(const Json* properties, object_field(json, "properties"));
  for (const auto& [name, value] : properties->as_object()) {
    if (!value.is_string()) {
      return corrupt(concat("property ", name, " is no text"));
    }
    message.properties.emplace_back(name, value.as_string());
  }
  REEVE_TRY(message.not_before, optional_time_field(json, "notBefore"));
  REEVE_TRY(message.expires_at, optional_time_field(json, "expiresAt"));
  message.only_group = json.get_string("onlyGroup");
  return message;
}

Json to_json(const Channel& channel) {
  Json metadata = Json::object();
  metadata.set("namespace", channel.ns.str()).set("name", channel.name);
  metadata.set("uid", channel.uid.str()).set("created", Json(channel.created.value()));
  metadata.set("revision", Json(channel.revision.value()));
  metadata.set("createdAt", format_timestamp(channel.created_at));
  Json messages = Json::array();
  for (const auto& [sequence, message] : channel.messages) {
    messages.push(stored_json(message));
  }
  Json groups = Json::array();
  for (const auto& [name, group] : channel.groups) {
    groups.push(to_json(name, group));
  }
  Json dead = Json::array();
  for (const DeadLetter& letter : channel.dead) {
    dead.push(to_json(letter));
  }
  Json status = Json::object();
  status.set("deleted", channel.deleted).set("nextSequence", Json(channel.next_sequence));
  status.set("counts", to_json(channel.counts)).set("messages", std::move(messages));
  status.set("groups", std::move(groups)).set("dead", std::move(dead));
  Json row = Json::object();
  row.set("kind", "Channel").set("metadata", std::move(metadata));
  row.set("spec", to_json(channel.config)).set("status", std::move(status));
  return row;
}

Result<Channel> channel_from_json(const Json& row) {
  Channel channel;
  REEVE_CHECK(read_metadata(row, channel));
  REEVE_TRY(const Json* spec, object_field(row, "spec"));
  REEVE_TRY(channel.config, config_from_json(*spec));
  REEVE_TRY(const Json* status, object_field(row, "status"));
  REEVE_CHECK(read_status(*status, channel));
  if (const auto broken = broken_invariant(channel)) {
    return corrupt(concat("channel \"", channel.name, "\": ", *broken));
  }
  return channel;
}

}  // namespace reeve::coord
