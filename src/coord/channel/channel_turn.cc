#include "coord/channel/channel_turn.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "coord/channel/channel_machine.h"

namespace reeve::coord {

namespace {

Error invalid(std::string_view field, std::string message, std::string hint) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::string(field));
  error.hint = std::move(hint);
  return error;
}

Result<void> check_word(std::string_view field, std::string_view text) {
  if (text.empty() || text.size() > kChannelWordBytesMax || !is_utf8(text)) {
    return invalid(
        field, "not a name", concat("write 1 to ", kChannelWordBytesMax, " bytes of UTF-8 text")
    );
  }
  return {};
}

Result<void> check_duration(
    std::string_view field, Duration duration, Duration least, Duration most
) {
  if (duration < least || duration > most) {
    return invalid(
        field,
        "the duration is out of range",
        concat("write ", format_duration(least), " to ", format_duration(most))
    );
  }
  return {};
}

Result<void> check_text(std::string_view field, std::string_view text) {
  if (is_utf8(text)) {
    return {};
  }
  return invalid(field, "the value is not UTF-8 text", "encode binary data, for example as base64");
}

Result<void> check_send(const Send& request) {
  if (request.key.size() > kChannelWordBytesMax) {
    return invalid(
        "key", "the key is too long", concat("at most ", kChannelWordBytesMax, " bytes")
    );
  }
  if (request.body.size() > kMessageBytesMax) {
    Error error = make_error(
        ErrorCode::LimitExceeded,
        concat("the body is longer than ", kMessageBytesMax, " bytes"),
        "body"
    );
    error.hint = "send the address of what is large";
    return error;
  }
  REEVE_CHECK(check_text("key", request.key));
  REEVE_CHECK(check_text("body", request.body));
  if (request.properties.size() > kPropertiesMax) {
    return invalid("properties", "too many properties", concat("at most ", kPropertiesMax));
  }
  std::set<std::string_view> names;
  for (const auto& [name, value] : request.properties) {
    REEVE_CHECK(check_word("properties", name));
    REEVE_CHECK(check_text("properties", value));
    if (!names.insert(name).second) {
      return invalid("properties", concat("\"", name, "\" is there twice"), "name each once");
    }
  }
  REEVE_CHECK(check_duration("delay", request.delay, Duration(0), kRetentionMax));
  if (request.ttl) {
    REEVE_CHECK(check_duration("ttl", *request.ttl, Duration(1), kRetentionMax));
  }
  return {};
}

Error lost_hold(const Held& held, std::string_view why) {
  Error error = make_error(
      ErrorCode::StaleFence,
      concat("message ", held.sequence, " is no longer yours: ", why),
      "token"
  );
  error.hint = "ask for a longer visibility, or extend it while you work";
  return error;
}

}  // namespace

Result<void> ChannelTurn::require() const {
  if (channel_.created.value() != 0 && !channel_.deleted) {
    return {};
  }
  return make_error(
      ErrorCode::NotFound, concat("there is no channel \"", channel_.name, "\""), "channel"
  );
}

Result<void> ChannelTurn::configure(const ChannelConfig& config) {
  REEVE_CHECK(check_config(config));
  if (!require()) {
    emit_(ChannelCreated{config});
  } else if (config != channel_.config) {
    emit_(ChannelConfigured{config});
  }
  return {};
}

/// Whether there is room for one more once everything that is over is gone.
Result<void> ChannelTurn::check_room(const Message& message) const {
  const std::uint64_t bytes = message_bytes(message);
  if (bytes > kMessageJsonBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the message takes ", bytes, " bytes as JSON, at most ", kMessageJsonBytesMax),
        "body"
    );
  }
  std::uint64_t taken = channel_.bytes;
  std::size_t count = channel_.messages.size();
  for (const Sequence sequence : overdue_messages()) {
    taken -= message_bytes(channel_.messages.at(sequence));
    --count;
  }
  if (count < channel_.config.messages_max && taken + bytes <= channel_.config.bytes_max) {
    return {};
  }
  Error error = make_error(
      ErrorCode::LimitExceeded,
      concat(
          "the channel is full: ",
          count,
          " messages of ",
          taken,
          " bytes wait, at most ",
          channel_.config.messages_max,
          " of ",
          channel_.config.bytes_max,
          " may"
      ),
      "channel"
  );
  error.hint = "receive and acknowledge messages, or allow more";
  return error;
}

Result<Sequence> ChannelTurn::send(const Send& request) {
  REEVE_CHECK(check_send(request));
  Message message;
  message.key = request.key;
  message.body = request.body;
  message.properties = request.properties;
  if (request.delay > Duration(0)) {
    message.not_before = now_ + request.delay;
  }
  if (request.ttl) {
    message.expires_at = now_ + *request.ttl;
  }
  REEVE_CHECK(check_room(message));
  if (!require()) {
    emit_(ChannelCreated{});
  }
  tick();
  message.sequence = channel_.next_sequence;
  emit_(MessageSent{message});
  return message.sequence;
}

Result<std::vector<Received>> ChannelTurn::receive(const Receive& request) {
  REEVE_CHECK(require());
  REEVE_CHECK(check_word("group", request.group));
  if (request.consumer.size() > kChannelWordBytesMax || !is_utf8(request.consumer)) {
    return invalid("consumer", "not a name", "write a shorter text");
  }
  if (request.count < 1 || request.count > kReceiveMax) {
    return invalid("count", "the number is out of range", concat("write 1 to ", kReceiveMax));
  }
  const Duration visibility = request.visibility.value_or(channel_.config.visibility);
  REEVE_CHECK(check_duration("visibility", visibility, Duration(1), kVisibilityMax));
  if (!channel_.groups.contains(request.group)) {
    REEVE_CHECK(add_group(request.group, request.from, request.lifetime));
  }
  renew(request.group);
  tick();
  const Group& group = channel_.groups.find(request.group)->second;
  std::size_t held = 0;
  for (const auto& [sequence, delivery] : group.deliveries) {
    held += delivery.leased() ? 1 : 0;
  }
  std::vector<Received> received;
  while (received.size() < request.count && held < kLeasesMax) {
    const auto sequence = next_deliverable(channel_, request.group, now_);
    if (!sequence) {
      break;
    }
    emit_(MessageLeased{
        .group = request.group,
        .sequence = *sequence,
        .until = now_ + visibility,
        .consumer = request.consumer});
    received.push_back({.sequence = *sequence, .token = group.deliveries.at(*sequence).token});
    ++held;
  }
  return received;
}

Result<const Group*> ChannelTurn::group_named(const std::string& name) const {
  REEVE_CHECK(require());
  const auto found = channel_.groups.find(name);
  if (found != channel_.groups.end()) {
    return &found->second;
  }
  std::vector<std::string> names;
  for (const auto& [known, group] : channel_.groups) {
    names.push_back(known);
  }
  Error error = make_error(
      ErrorCode::NotFound,
      concat("channel \"", channel_.name, "\" has no group \"", name, "\""),
      "group"
  );
  const std::string like = nearest(name, names);
  error.hint =
      like.empty() ? "a group is made by receiving for it" : concat("did you mean ", like, "?");
  return error;
}

/// The delivery under this token; null if the group is done with the message.
Result<const Delivery*> ChannelTurn::holding(const Held& held) const {
  REEVE_TRY(const Group* group, group_named(held.group));
  if (held.sequence == 0 || held.sequence >= channel_.next_sequence) {
    return make_error(
        ErrorCode::NotFound, concat("there is no message ", held.sequence), "sequence"
    );
  }
  for (const DeadLetter& letter : channel_.dead) {
    if (letter.group == held.group && letter.message.sequence == held.sequence) {
      return lost_hold(held, concat("it was put aside, ", letter.reason));
    }
  }
  switch (state_of(channel_, held.group, held.sequence)) {
    case DeliveryState::Waiting:
      return lost_hold(held, "your time was over, and it waits for the next");
    case DeliveryState::Leased: {
      const Delivery& delivery = group->deliveries.at(held.sequence);
      if (delivery.token != held.token) {
        return lost_hold(held, "somebody else has it");
      }
      return &delivery;
    }
    case DeliveryState::Done:
    case DeliveryState::Dead:
    case DeliveryState::Expired:
      return nullptr;
  }
  return nullptr;
}

Result<void> ChannelTurn::ack(const Held& held) {
  REEVE_TRY(const Delivery* delivery, holding(held));
  if (delivery != nullptr) {
    emit_(MessageAcked{.group = held.group, .sequence = held.sequence});
  }
  return {};
}

Result<void> ChannelTurn::nack(const Held& held, Duration delay, std::optional<std::string> dead) {
  REEVE_CHECK(check_duration("delay", delay, Duration(0), kRetentionMax));
  if (dead && (dead->size() > kDeathReasonBytesMax || !is_utf8(*dead))) {
    return invalid(
        "reason",
        "the reason is too long",
        concat("at most ", kDeathReasonBytesMax, " bytes of text")
    );
  }
  REEVE_TRY(const Delivery* delivery, holding(held));
  if (delivery == nullptr) {
    return lost_hold(held, "it is done");
  }
  if (dead) {
    bury(held.group, held.sequence, dead->empty() ? "given up" : *dead);
    return {};
  }
  MessageReleased released;
  if (delay > Duration(0)) {
    released.not_before = now_ + delay;
  }
  give_back(held.group, held.sequence, std::move(released));
  return {};
}

Result<void> ChannelTurn::extend(const Held& held, Duration visibility) {
  REEVE_CHECK(check_duration("visibility", visibility, Duration(1), kVisibilityMax));
  REEVE_TRY(const Delivery* delivery, holding(held));
  if (delivery == nullptr) {
    return lost_hold(held, "it is done");
  }
  emit_(LeaseExtended{.group = held.group, .sequence = held.sequence, .until = now_ + visibility});
  return {};
}

Result<void> ChannelTurn::add_group(
    const std::string& group, From from, std::optional<Duration> lifetime
) {
  REEVE_CHECK(require());
  REEVE_CHECK(check_word("group", group));
  if (lifetime) {
    REEVE_CHECK(check_duration("lifetime", *lifetime, Duration(1), kRetentionMax));
  }
  if (channel_.groups.contains(group)) {
    return {};
  }
  if (channel_.groups.size() >= kGroupsMax) {
    Error error = make_error(
        ErrorCode::LimitExceeded, concat("the channel has ", kGroupsMax, " groups already"), "group"
    );
    error.hint = "remove a group that nobody uses";
    return error;
  }
  emit_(GroupCreated{
      .group = group,
      .position = from == From::Latest ? channel_.next_sequence - 1 : 0,
      .lifetime = lifetime.value_or(Duration(0))});
  return {};
}

/// Not each time, so that waiting for a message writes little.
void ChannelTurn::renew(const std::string& name) {
  const Group& group = channel_.groups.at(name);
  if (group.ends() && group.ends_at - now_ < group.lifetime / 2) {
    emit_(GroupRenewed{.group = name, .ends_at = now_ + group.lifetime});
  }
}

void ChannelTurn::renew_groups() {
  std::vector<std::string> shorter;
  for (const auto& [name, group] : channel_.groups) {
    if (group.ends() && group.ends_at < now_ + group.lifetime) {
      shorter.push_back(name);
    }
  }
  for (const std::string& name : shorter) {
    emit_(GroupRenewed{.group = name, .ends_at = now_ + channel_.groups.at(name).lifetime});
  }
}

void ChannelTurn::end_groups() {
  std::vector<std::string> ended;
  for (const auto& [name, group] : channel_.groups) {
    if (group.ends() && group.ends_at <= now_) {
      ended.push_back(name);
    }
  }
  for (const std::string& name : ended) {
    emit_(GroupRemoved{name});
  }
}

Result<void> ChannelTurn::remove_group(const std::string& group) {
  REEVE_CHECK(group_named(group));
  emit_(GroupRemoved{group});
  return {};
}

Result<Sequence> ChannelTurn::resend(const std::string& group, Sequence sequence) {
  REEVE_CHECK(group_named(group));
  for (const DeadLetter& letter : channel_.dead) {
    if (letter.group == group && letter.message.sequence == sequence) {
      Message message = letter.message;
      message.not_before.reset();
      message.expires_at.reset();
      message.only_group = group;
      REEVE_CHECK(check_room(message));
      message.sequence = channel_.next_sequence;
      emit_(MessageSent{message});
      emit_(DeadRemoved{.group = group, .sequence = sequence, .burial = Burial::Resent});
      return message.sequence;
    }
  }
  return make_error(
      ErrorCode::NotFound,
      concat("there is no dead letter ", sequence, " of group ", group),
      "sequence"
  );
}

Result<void> ChannelTurn::discard(const std::string& group, Sequence sequence) {
  REEVE_CHECK(require());
  for (const DeadLetter& letter : channel_.dead) {
    if (letter.group == group && letter.message.sequence == sequence) {
      emit_(DeadRemoved{.group = group, .sequence = sequence, .burial = Burial::Discarded});
      return {};
    }
  }
  return make_error(
      ErrorCode::NotFound,
      concat("there is no dead letter ", sequence, " of group ", group),
      "sequence"
  );
}

Result<void> ChannelTurn::remove() {
  REEVE_CHECK(require());
  emit_(ChannelDeleted{});
  return {};
}

std::vector<Sequence> ChannelTurn::overdue_messages() const {
  std::set<Sequence> held;
  for (const auto& [name, group] : channel_.groups) {
    for (const auto& [sequence, delivery] : group.deliveries) {
      if (delivery.leased() && delivery.until > now_) {
        held.insert(sequence);
      }
    }
  }
  std::vector<Sequence> overdue;
  for (const auto& [sequence, message] : channel_.messages) {
    if (end_of(message, channel_.config) <= now_ && !held.contains(sequence)) {
      overdue.push_back(sequence);
    }
  }
  return overdue;
}

void ChannelTurn::tick() {
  if (!require()) {
    return;
  }
  end_groups();
  std::vector<std::pair<std::string, Sequence>> late;
  for (const auto& [name, group] : channel_.groups) {
    for (const auto& [sequence, delivery] : group.deliveries) {
      if (delivery.leased() && delivery.until <= now_) {
        late.emplace_back(name, sequence);
      }
    }
  }
  for (const auto& [name, sequence] : late) {
    MessageReleased released;
    released.timed_out = true;
    give_back(name, sequence, std::move(released));
  }
  for (const Sequence sequence : overdue_messages()) {
    if (channel_.messages.contains(sequence)) {
      emit_(MessageExpired{sequence});
    }
  }
}

/// A message that was handed out often enough is put aside instead.
void ChannelTurn::give_back(const std::string& group, Sequence sequence, MessageReleased released) {
  const Delivery& delivery = channel_.groups.at(group).deliveries.at(sequence);
  if (delivery.count >= channel_.config.deliveries_max) {
    bury(
        group,
        sequence,
        concat(
            "handed out ",
            delivery.count,
            released.timed_out ? " times and not acknowledged in time" : " times and given back"
        )
    );
    return;
  }
  released.group = group;
  released.sequence = sequence;
  emit_(std::move(released));
}

void ChannelTurn::bury(const std::string& group, Sequence sequence, std::string reason) {
  const std::uint64_t bytes = message_bytes(channel_.messages.at(sequence));
  while (!channel_.dead.empty() &&
         (channel_.dead.size() >= kDeadLettersMax || channel_.dead_bytes + bytes > kDeadBytesMax)) {
    const DeadLetter& oldest = channel_.dead.front();
    emit_(DeadRemoved{
        .group = oldest.group, .sequence = oldest.message.sequence, .burial = Burial::Dropped});
  }
  emit_(MessageDied{.group = group, .sequence = sequence, .reason = std::move(reason)});
}

}  // namespace reeve::coord
