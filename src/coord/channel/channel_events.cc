#include "coord/channel/channel_events.h"

#include <utility>

#include "base/strings.h"
#include "coord/channel/channel_codec.h"
#include "coord/channel/fields.h"

namespace reeve::coord {

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

/// `{"group":…,"sequence":…}`
Json delivery(const std::string& group, Sequence sequence) {
  Json json = Json::object();
  json.set("group", group).set("sequence", Json(sequence));
  return json;
}

std::string_view to_string(Burial burial) {
  switch (burial) {
    case Burial::Resent:
      return "resent";
    case Burial::Discarded:
      return "discarded";
    case Burial::Dropped:
      return "dropped";
  }
  return "dropped";
}

Result<Burial> burial_from(std::string_view text) {
  for (const Burial burial : {Burial::Resent, Burial::Discarded, Burial::Dropped}) {
    if (text == to_string(burial)) {
      return burial;
    }
  }
  return make_error(ErrorCode::Corrupt, concat("\"", text, "\" is no end of a dead letter"));
}

/// An event about one message in one group.
template <class Event>
Result<ChannelEvent> about_delivery(const Json& data, Event event = {}) {
  REEVE_TRY(event.group, text_field(data, "group"));
  REEVE_TRY(event.sequence, number_field(data, "sequence"));
  return ChannelEvent(std::move(event));
}

Result<ChannelEvent> leased(const Json& data) {
  MessageLeased event;
  REEVE_TRY(event.until, time_field(data, "until"));
  REEVE_TRY(event.consumer, text_field(data, "consumer"));
  return about_delivery(data, std::move(event));
}

Result<ChannelEvent> extended(const Json& data) {
  LeaseExtended event;
  REEVE_TRY(event.until, time_field(data, "until"));
  return about_delivery(data, std::move(event));
}

Result<ChannelEvent> released(const Json& data) {
  MessageReleased event;
  REEVE_TRY(event.not_before, optional_time_field(data, "notBefore"));
  event.timed_out = data.get_bool("timedOut");
  return about_delivery(data, std::move(event));
}

Result<ChannelEvent> died(const Json& data) {
  MessageDied event;
  REEVE_TRY(event.reason, text_field(data, "reason"));
  return about_delivery(data, std::move(event));
}

Result<ChannelEvent> dead_removed(const Json& data) {
  DeadRemoved event;
  REEVE_TRY(event.burial, burial_from(data.get_string("reason")));
  return about_delivery(data, event);
}

Result<ChannelEvent> group_created(const Json& data) {
  GroupCreated event;
  REEVE_TRY(event.group, text_field(data, "group"));
  REEVE_TRY(event.position, number_field(data, "position"));
  REEVE_TRY(event.lifetime, optional_duration_field(data, "lifetime"));
  return ChannelEvent(std::move(event));
}

Result<ChannelEvent> group_renewed(const Json& data) {
  GroupRenewed event;
  REEVE_TRY(event.group, text_field(data, "group"));
  REEVE_TRY(event.ends_at, time_field(data, "endsAt"));
  return ChannelEvent(std::move(event));
}

Result<ChannelConfig> config_of(const Json& data) {
  const Json* const config = data.find("config");
  return config_from_json(config == nullptr ? Json() : *config);
}

}  // namespace

std::string_view type_of(const ChannelEvent& event) {
  return std::visit(
      Overloaded{
          [](const ChannelCreated&) { return "channel.created"; },
          [](const ChannelConfigured&) { return "channel.configured"; },
          [](const ChannelDeleted&) { return "channel.deleted"; },
          [](const MessageSent&) { return "message.sent"; },
          [](const GroupCreated&) { return "group.created"; },
          [](const GroupRenewed&) { return "group.renewed"; },
          [](const GroupRemoved&) { return "group.removed"; },
          [](const MessageLeased&) { return "message.leased"; },
          [](const LeaseExtended&) { return "message.extended"; },
          [](const MessageAcked&) { return "message.acked"; },
          [](const MessageReleased&) { return "message.released"; },
          [](const MessageDied&) { return "message.died"; },
          [](const MessageExpired&) { return "message.expired"; },
          [](const DeadRemoved&) {
            return "dead_letter.removed";
          }},
      event
  );
}

Json to_json(const ChannelEvent& event) {
  return std::visit(
      Overloaded{
          [](const ChannelCreated& e) {
            Json json = Json::object();
            json.set("config", to_json(e.config));
            return json;
          },
          [](const ChannelConfigured& e) {
            Json json = Json::object();
            json.set("config", to_json(e.config));
            return json;
          },
          [](const ChannelDeleted&) { return Json::object(); },
          [](const MessageSent& e) { return to_json(e.message); },
          [](const GroupCreated& e) {
            Json json = Json::object();
            json.set("group", e.group).set("position", Json(e.position));
            set_optional(json, "lifetime", e.lifetime);
            return json;
          },
          [](const GroupRenewed& e) {
            Json json = Json::object();
            json.set("group", e.group).set("endsAt", format_timestamp(e.ends_at));
            return json;
          },
          [](const GroupRemoved& e) {
            Json json = Json::object();
            json.set("group", e.group);
            return json;
          },
          [](const MessageLeased& e) {
            Json json = delivery(e.group, e.sequence);
            json.set("until", format_timestamp(e.until)).set("consumer", e.consumer);
            return json;
          },
          [](const LeaseExtended& e) {
            Json json = delivery(e.group, e.sequence);
            json.set("until", format_timestamp(e.until));
            return json;
          },
          [](const MessageAcked& e) { return delivery(e.group, e.sequence); },
          [](const MessageReleased& e) {
            Json json = delivery(e.group, e.sequence);
            set_optional(json, "notBefore", e.not_before);
            json.set("timedOut", e.timed_out);
            return json;
          },
          [](const MessageDied& e) {
            Json json = delivery(e.group, e.sequence);
            json.set("reason", e.reason);
            return json;
          },
          [](const MessageExpired& e) {
            Json json = Json::object();
            json.set("sequence", Json(e.sequence));
            return json;
          },
          [](const DeadRemoved& e) {
            Json json = delivery(e.group, e.sequence);
            json.set("reason", to_string(e.burial));
            return json;
          }},
      event
  );
}

Result<ChannelEvent> channel_event_from_json(std::string_view type, const Json& data) {
  if (type == "channel.created") {
    REEVE_TRY(const ChannelConfig config, config_of(data));
    return ChannelEvent(ChannelCreated{config});
  }
  if (type == "channel.configured") {
    REEVE_TRY(const ChannelConfig config, config_of(data));
    return ChannelEvent(ChannelConfigured{config});
  }
  if (type == "channel.deleted") {
    return ChannelEvent(ChannelDeleted{});
  }
  if (type == "message.sent") {
    REEVE_TRY(Message message, message_from_json(data));
    return ChannelEvent(MessageSent{std::move(message)});
  }
  if (type == "group.created") {
    return group_created(data);
  }
  if (type == "group.renewed") {
    return group_renewed(data);
  }
  if (type == "group.removed") {
    REEVE_TRY(std::string group, text_field(data, "group"));
    return ChannelEvent(GroupRemoved{std::move(group)});
  }
  if (type == "message.leased") {
    return leased(data);
  }
  if (type == "message.extended") {
    return extended(data);
  }
  if (type == "message.acked") {
    return about_delivery<MessageAcked>(data);
  }
  if (type == "message.released") {
    return released(data);
  }
  if (type == "message.died") {
    return died(data);
  }
  if (type == "message.expired") {
    REEVE_TRY(const Sequence sequence, number_field(data, "sequence"));
    return ChannelEvent(MessageExpired{sequence});
  }
  if (type == "dead_letter.removed") {
    return dead_removed(data);
  }
  return make_error(ErrorCode::Corrupt, concat("\"", type, "\" is no event of a channel"));
}

}  // namespace reeve::coord
