#include "engine/channel_book.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "coord/channel/channel_codec.h"
#include "coord/channel/channel_machine.h"
#include "coord/channel/channel_turn.h"

namespace reeve::engine {

namespace {

using coord::Channel;
using coord::ChannelTurn;

constexpr std::string_view kDueTimer = "due";

/// The members of a command's body that more than one verb has.
class Body : public Fields {
 public:
  Body(const Json& body, std::string_view verb) : Fields(body, verb), body_(body), verb_(verb) {}

  bool has(std::string_view name) const { return body_.find(name) != nullptr; }

  Result<std::optional<Duration>> duration(std::string_view name) {
    const std::string written = text(name);
    if (written.empty()) {
      return std::optional<Duration>();
    }
    auto parsed = parse_duration(written);
    if (!parsed) {
      Error error = std::move(parsed).error();
      error.subject = concat(verb_, ".", name);
      return error;
    }
    return std::optional(*parsed);
  }

  Result<coord::From> from() {
    const std::string written = text("from", "earliest");
    if (written != "earliest" && written != "latest") {
      Error error = make_error(
          ErrorCode::Invalid, concat("\"", written, "\" is no beginning"), concat(verb_, ".from")
      );
      error.hint = "write earliest or latest";
      return error;
    }
    return written == "latest" ? coord::From::Latest : coord::From::Earliest;
  }

  std::string group() { return text("group", coord::kDefaultGroup); }

  std::uint64_t sequence() { return static_cast<std::uint64_t>(number("sequence", 1, kNumberMax)); }

  coord::Held held() {
    return {
        .group = group(),
        .sequence = sequence(),
        .token = Fence(static_cast<std::uint64_t>(number("token", 1, kNumberMax)))};
  }

  /// Limits are checked where the number is used.
  template <class Number>
  Number limit(std::string_view name, Number fallback) {
    constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
    const auto given = optional_number(name, 0, kMax);
    return given ? static_cast<Number>(*given) : fallback;
  }

 private:
  static constexpr std::int64_t kNumberMax = std::numeric_limits<std::int64_t>::max();

  const Json& body_;
  std::string_view verb_;
};

Json sequence_detail(coord::Sequence sequence) {
  Json detail = Json::object();
  detail.set("sequence", Json(sequence));
  return detail;
}

// --- the verbs ----------------------------------------------------------------------------------

Result<Json> set(const Channel& channel, Body& body, ChannelTurn& turn) {
  coord::ChannelConfig config = channel.config;
  config.messages_max = body.limit("messagesMax", config.messages_max);
  config.bytes_max = body.limit("bytesMax", config.bytes_max);
  config.deliveries_max = body.limit("deliveriesMax", config.deliveries_max);
  REEVE_TRY(const auto visibility, body.duration("visibility"));
  config.visibility = visibility.value_or(config.visibility);
  REEVE_TRY(const auto retention, body.duration("retention"));
  config.retention = retention.value_or(config.retention);
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.configure(config));
  return Json();
}

Result<Json> send(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  coord::Send send;
  send.body = body.text("body");
  send.key = body.text("key");
  send.properties = body.texts("properties");
  REEVE_TRY(const auto delay, body.duration("delay"));
  send.delay = delay.value_or(Duration(0));
  REEVE_TRY(send.ttl, body.duration("ttl"));
  REEVE_CHECK(body.finish());
  if (!body.has("body")) {
    Error error = make_error(ErrorCode::Invalid, "there is no message", "send.body");
    error.hint = "give one, if only an empty text";
    return error;
  }
  REEVE_TRY(const coord::Sequence sequence, turn.send(send));
  return sequence_detail(sequence);
}

Json handed_out(const Channel& channel, const std::string& group, coord::Sequence sequence) {
  const coord::Message& message = channel.messages.at(sequence);
  const coord::Delivery& delivery = channel.groups.at(group).deliveries.at(sequence);
  Json json = Json::object();
  json.set("sequence", Json(sequence)).set("token", Json(delivery.token.value()));
  json.set("group", group).set("key", message.key).set("body", message.body);
  Json properties = Json::object();
  for (const auto& [name, value] : message.properties) {
    properties.set(name, value);
  }
  json.set("properties", std::move(properties)).set("sender", message.sender.str());
  json.set("sentAt", format_timestamp(message.sent_at));
  json.set("deliveries", static_cast<std::int64_t>(delivery.count));
  json.set("until", format_timestamp(delivery.until));
  return json;
}

Result<Json> receive(const Channel& channel, Body& body, ChannelTurn& turn) {
  coord::Receive receive;
  receive.group = body.group();
  receive.consumer = body.text("consumer");
  receive.count = body.limit("count", receive.count);
  REEVE_TRY(receive.visibility, body.duration("visibility"));
  REEVE_TRY(receive.from, body.from());
  REEVE_TRY(receive.lifetime, body.duration("lifetime"));
  REEVE_CHECK(body.finish());
  REEVE_TRY(const std::vector<coord::Received> received, turn.receive(receive));
  Json messages = Json::array();
  for (const coord::Received& one : received) {
    messages.push(handed_out(channel, receive.group, one.sequence));
  }
  Json detail = Json::object();
  detail.set("messages", std::move(messages));
  return detail;
}

Result<Json> ack(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const coord::Held held = body.held();
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.ack(held));
  return Json();
}

Result<Json> nack(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const coord::Held held = body.held();
  REEVE_TRY(const auto delay, body.duration("delay"));
  const std::string reason = body.text("dead");
  const bool dead = body.flag("giveUp") || !reason.empty();
  REEVE_CHECK(body.finish());
  REEVE_CHECK(
      turn.nack(held, delay.value_or(Duration(0)), dead ? std::optional(reason) : std::nullopt)
  );
  return Json();
}

Result<Json> extend(const Channel& channel, Body& body, ChannelTurn& turn) {
  const coord::Held held = body.held();
  REEVE_TRY(const auto visibility, body.duration("visibility"));
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.extend(held, visibility.value_or(channel.config.visibility)));
  return Json();
}

Result<Json> subscribe(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const std::string group = body.group();
  REEVE_TRY(const coord::From from, body.from());
  REEVE_TRY(const auto lifetime, body.duration("lifetime"));
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.add_group(group, from, lifetime));
  return Json();
}

Result<Json> unsubscribe(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const std::string group = body.group();
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.remove_group(group));
  return Json();
}

Result<Json> resend(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const std::string group = body.group();
  const coord::Sequence dead = body.sequence();
  REEVE_CHECK(body.finish());
  REEVE_TRY(const coord::Sequence sequence, turn.resend(group, dead));
  return sequence_detail(sequence);
}

Result<Json> discard(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  const std::string group = body.group();
  const coord::Sequence dead = body.sequence();
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.discard(group, dead));
  return Json();
}

Result<Json> remove(const Channel& /*channel*/, Body& body, ChannelTurn& turn) {
  REEVE_CHECK(body.finish());
  REEVE_CHECK(turn.remove());
  return Json();
}

struct Verb {
  std::string_view name;
  Result<Json> (*run)(const Channel& channel, Body& body, ChannelTurn& turn);
};

constexpr std::array kVerbs = {
    Verb{"set", set},
    Verb{"send", send},
    Verb{"receive", receive},
    Verb{"ack", ack},
    Verb{"nack", nack},
    Verb{"extend", extend},
    Verb{"subscribe", subscribe},
    Verb{"unsubscribe", unsubscribe},
    Verb{"resend", resend},
    Verb{"discard", discard},
    Verb{"delete", remove},
};

Result<const Verb*> verb_named(const std::string& name) {
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == name) {
      return &verb;
    }
    names.emplace_back(verb.name);
  }
  Error error =
      make_error(ErrorCode::Invalid, concat("a channel does not know \"", name, "\""), "verb");
  const std::string like = nearest(name, names);
  error.hint =
      like.empty() ? concat("it knows ", join(names, ", ")) : concat("did you mean ", like, "?");
  return error;
}

/// What is emitted goes through the book, which applies it to the channel.
ChannelTurn channel_turn(const Channel& channel, const journal::ObjectKey& key, BookTurn& turn) {
  return ChannelTurn(channel, turn.now(), [&turn, key](const coord::ChannelEvent& event) {
    const Result<void> emitted = turn.emit(key, type_of(event), to_json(event));
    REEVE_ASSERT(emitted.ok());  // what is emitted was checked to fit
  });
}

void arm(
    const Channel& channel,
    const journal::ObjectKey& key,
    const std::optional<Timestamp>& before,
    BookTurn& turn
) {
  const std::optional<Timestamp> due = next_due(channel);
  if (due != before) {
    turn.set_timer(key, std::string(kDueTimer), due);
  }
}

}  // namespace

const Channel* ChannelBook::find(const journal::ObjectKey& key) const {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : &found->second;
}

Result<void> ChannelBook::load(const journal::ObjectKey& key, const Json& row) {
  REEVE_TRY(Channel channel, coord::channel_from_json(row));
  if (channel.name != key.name || channel.ns != key.ns) {
    return make_error(
        ErrorCode::Corrupt,
        concat("the row of channel \"", key.name, "\" is named \"", channel.name, "\""),
        key.name
    );
  }
  channels_[key] = std::move(channel);
  return {};
}

Result<void> ChannelBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  REEVE_TRY(const coord::ChannelEvent decoded, coord::channel_event_from_json(event.type, data));
  Channel& channel = channels_[event.object];
  if (std::holds_alternative<coord::ChannelCreated>(decoded) && channel.deleted) {
    channel = Channel();
  }
  if (channel.uid.empty()) {
    channel.ns = event.object.ns;
    channel.name = event.object.name;
    channel.uid = event.uid;
  }
  REEVE_CHECK(check_event(channel, decoded));
  coord::apply(
      channel, decoded, {.revision = event.revision, .at = event.at, .actor = event.actor}
  );
  return {};
}

bool ChannelBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Channel* const channel = find(key);
  REEVE_ASSERT(channel != nullptr);
  body += to_json(*channel).dump();
  return !channel->deleted;
}

Uid ChannelBook::uid_of(const journal::ObjectKey& key) const {
  const Channel* const channel = find(key);
  return channel == nullptr ? Uid() : channel->uid;
}

Revision ChannelBook::revision_of(const journal::ObjectKey& key) const {
  const Channel* const channel = find(key);
  return channel == nullptr || channel->deleted ? Revision() : channel->revision;
}

std::vector<journal::ObjectKey> ChannelBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [key, channel] : channels_) {
    keys.push_back(key);
  }
  return keys;
}

void ChannelBook::forget(const journal::ObjectKey& key) {
  const Channel* const channel = find(key);
  if (channel != nullptr && channel->deleted) {
    channels_.erase(key);
  }
}

/// There is no channel of that name: perhaps it was meant to be another.
void ChannelBook::explain_absence(const journal::ObjectKey& absent, Error& error) const {
  if (error.code != ErrorCode::NotFound) {
    return;
  }
  std::vector<std::string> names;
  for (const auto& [key, channel] : channels_) {
    if (key.ns == absent.ns) {
      names.push_back(key.name);
    }
  }
  const std::string like = nearest(absent.name, names);
  error.hint = like.empty() ? "reeve channel send makes it" : concat("did you mean ", like, "?");
}

Result<Reply> ChannelBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(coord::check_channel_name(command.object.name));
  REEVE_TRY(const Verb* verb, verb_named(command.verb));
  const Json nothing = Json::object();
  Body body(command.body.is_null() ? nothing : command.body, command.verb);
  const auto found = channels_.find(command.object);
  if (found != channels_.end() && found->second.deleted) {
    return make_error(
        ErrorCode::Conflict, "the channel is just being deleted; try again", command.object.name
    );
  }
  // A name without a channel has no place in the book before its first event.
  Channel absent;
  absent.ns = command.object.ns;
  absent.name = command.object.name;
  const bool exists = found != channels_.end();
  Channel& channel =
      exists ? found->second : channels_.emplace(command.object, absent).first->second;
  const std::optional<Timestamp> before = next_due(channel);
  ChannelTurn channel_turn_of = channel_turn(channel, command.object, turn);
  Result<Json> detail = verb->run(channel, body, channel_turn_of);
  if (!detail) {
    Error error = std::move(detail).error();
    if (!exists) {
      channels_.erase(command.object);
      explain_absence(command.object, error);
    }
    return error;
  }
  arm(channel, command.object, before, turn);
  return turn.reply(command.object, std::move(*detail));
}

void ChannelBook::on_timer(
    const journal::ObjectKey& key, std::string_view /*timer*/, BookTurn& turn
) {
  const Channel* const channel = find(key);
  if (channel == nullptr) {
    return;
  }
  channel_turn(*channel, key, turn).tick();
  // It was armed for a time that has come: arm it again whatever is next.
  arm(*channel, key, std::nullopt, turn);
}

/// The time we were away does not count against a group whose consumers could not receive.
void ChannelBook::recover(BookTurn& turn) {
  for (const auto& [key, channel] : channels_) {
    const std::optional<Timestamp> before = next_due(channel);
    channel_turn(channel, key, turn).renew_groups();
    arm(channel, key, before, turn);
  }
}

}  // namespace reeve::engine
