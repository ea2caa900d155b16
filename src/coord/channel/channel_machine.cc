#include "coord/channel/channel_machine.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/assert.h"
#include "base/strings.h"

namespace reeve::coord {

namespace {

// Rows: from; columns: to; both in the order of DeliveryState.
constexpr std::array<std::array<bool, kDeliveryStates>, kDeliveryStates> kLegal = {{
    // WAITING LEASED DONE DEAD EXPIRED
    {false, true, false, false, true},    // WAITING
    {true, false, true, true, false},     // LEASED
    {false, false, false, false, false},  // DONE
    {false, false, false, false, false},  // DEAD
    {false, false, false, false, false},  // EXPIRED
}};

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

/// Moves the position over everything that the group is done with.
void advance(const Channel& channel, const std::string& name, Group& group) {
  auto next = channel.messages.upper_bound(group.position);
  while (next != channel.messages.end() &&
         (group.settled.contains(next->first) || !concerns(next->second, name))) {
    ++next;
  }
  group.position = next == channel.messages.end() ? channel.next_sequence - 1 : next->first - 1;
  group.settled.erase(group.settled.begin(), group.settled.upper_bound(group.position));
}

/// Whether some group still waits for the message. Without groups it is kept for those to come.
bool is_wanted(const Channel& channel, const Message& message) {
  for (const auto& [name, group] : channel.groups) {
    if (concerns(message, name) && !group.is_settled(message.sequence)) {
      return true;
    }
  }
  return channel.groups.empty();
}

auto find_dead(const Channel& channel, std::string_view group, Sequence sequence) {
  return std::find_if(channel.dead.begin(), channel.dead.end(), [&](const DeadLetter& letter) {
    return letter.message.sequence == sequence && letter.group == group;
  });
}

class Applier {
 public:
  Applier(Channel& channel, const EventStamp& stamp) : c_(channel), stamp_(stamp) {}

  void operator()(const ChannelCreated& e) {
    c_.created = stamp_.revision;
    c_.created_at = stamp_.at;
    c_.config = e.config;
  }

  void operator()(const ChannelConfigured& e) { c_.config = e.config; }

  void operator()(const ChannelDeleted& /*unused*/) {
    c_.deleted = true;
    c_.messages.clear();
    c_.bytes = 0;
    c_.groups.clear();
    c_.dead.clear();
    c_.dead_bytes = 0;
  }

  void operator()(const MessageSent& e) {
    Message message = e.message;
    message.sender = stamp_.actor;
    message.sent_at = stamp_.at;
    c_.next_sequence = message.sequence + 1;
    c_.bytes += message_bytes(message);
    ++c_.counts.sent;
    c_.messages.emplace(message.sequence, std::move(message));
    // Groups that it is none of the business of go on past it.
    for (auto& [name, group] : c_.groups) {
      advance(c_, name, group);
    }
  }

  void operator()(const GroupCreated& e) {
    Group group;
    group.position = e.position;
    group.lifetime = e.lifetime;
    group.ends_at = group.ends() ? stamp_.at + e.lifetime : Timestamp();
    advance(c_, e.group, group);
    c_.groups.emplace(e.group, std::move(group));
    remove_unwanted();
  }

  void operator()(const GroupRenewed& e) { group_of(e.group).ends_at = e.ends_at; }

  void operator()(const GroupRemoved& e) {
    c_.groups.erase(e.group);
    if (!c_.groups.empty()) {
      remove_unwanted();
    }
  }

  void operator()(const MessageLeased& e) {
    Delivery& delivery = group_of(e.group).deliveries[e.sequence];
    c_.counts.redelivered += delivery.count > 0 ? 1 : 0;
    ++delivery.count;
    delivery.token = Fence(stamp_.revision.value());
    delivery.until = e.until;
    delivery.consumer = e.consumer;
    delivery.not_before.reset();
  }

  void operator()(const LeaseExtended& e) {
    group_of(e.group).deliveries.at(e.sequence).until = e.until;
  }

  void operator()(const MessageAcked& e) {
    ++c_.counts.acked;
    settle(e.group, e.sequence);
  }

  void operator()(const MessageReleased& e) {
    Delivery& delivery = group_of(e.group).deliveries.at(e.sequence);
    delivery.token = Fence();
    delivery.until = Timestamp{};
    delivery.consumer.clear();
    delivery.not_before = e.not_before;
  }

  void operator()(const MessageDied& e) {
    ++c_.counts.died;
    const Message& message = c_.messages.at(e.sequence);
    c_.dead_bytes += message_bytes(message);
    c_.dead.push_back(DeadLetter{
        .message = message,
        .group = e.group,
        .reason = e.reason,
        .deliveries = group_of(e.group).deliveries.at(e.sequence).count,
        .died_at = stamp_.at});
    settle(e.group, e.sequence);
  }

  void operator()(const MessageExpired& e) {
    ++c_.counts.expired;
    remove(e.sequence);
    for (auto& [name, group] : c_.groups) {
      group.deliveries.erase(e.sequence);
      advance(c_, name, group);
    }
  }

  void operator()(const DeadRemoved& e) {
    const auto letter = find_dead(c_, e.group, e.sequence);
    c_.dead_bytes -= message_bytes(letter->message);
    c_.dead.erase(letter);
  }

 private:
  Group& group_of(const std::string& name) { return c_.groups.at(name); }

  void settle(const std::string& name, Sequence sequence) {
    Group& group = group_of(name);
    group.deliveries.erase(sequence);
    group.settled.insert(sequence);
    advance(c_, name, group);
    if (!is_wanted(c_, c_.messages.at(sequence))) {
      remove(sequence);
    }
  }

  void remove(Sequence sequence) {
    const auto message = c_.messages.find(sequence);
    c_.bytes -= message_bytes(message->second);
    c_.messages.erase(message);
  }

  void remove_unwanted() {
    for (auto message = c_.messages.begin(); message != c_.messages.end();) {
      const Sequence sequence = message->first;
      const bool wanted = is_wanted(c_, message->second);
      ++message;
      if (!wanted) {
        remove(sequence);
      }
    }
    for (auto& [name, group] : c_.groups) {
      advance(c_, name, group);
    }
  }

  Channel& c_;
  const EventStamp& stamp_;
};

Error unfit(const ChannelEvent& event, std::string_view why) {
  return make_error(ErrorCode::Corrupt, concat(type_of(event), " does not fit the channel: ", why));
}

Result<void> check_move(
    const Channel& channel,
    const ChannelEvent& event,
    const std::string& group,
    Sequence sequence,
    DeliveryState to
) {
  if (!channel.groups.contains(group) || !channel.messages.contains(sequence)) {
    return unfit(event, "no such group or message");
  }
  const DeliveryState from = state_of(channel, group, sequence);
  if (!is_legal(from, to)) {
    return unfit(event, concat("the message is ", to_string(from)));
  }
  return {};
}

}  // namespace

std::string_view to_string(DeliveryState state) {
  switch (state) {
    case DeliveryState::Waiting:
      return "WAITING";
    case DeliveryState::Leased:
      return "LEASED";
    case DeliveryState::Done:
      return "DONE";
    case DeliveryState::Dead:
      return "DEAD";
    case DeliveryState::Expired:
      return "EXPIRED";
  }
  return "EXPIRED";
}

bool is_legal(DeliveryState from, DeliveryState to) {
  return kLegal[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

Result<void> check_transition(DeliveryState from, DeliveryState to) {
  if (is_legal(from, to)) {
    return {};
  }
  return make_error(
      ErrorCode::IllegalTransition,
      concat("a message cannot go from ", to_string(from), " to ", to_string(to))
  );
}

DeliveryState state_of(const Channel& channel, std::string_view group, Sequence sequence) {
  const auto found = channel.groups.find(group);
  REEVE_ASSERT(found != channel.groups.end());
  const Group& known = found->second;
  const auto message = channel.messages.find(sequence);
  if (known.is_settled(sequence) || message == channel.messages.end() ||
      !concerns(message->second, group)) {
    return DeliveryState::Done;
  }
  const auto delivery = known.deliveries.find(sequence);
  const bool leased = delivery != known.deliveries.end() && delivery->second.leased();
  return leased ? DeliveryState::Leased : DeliveryState::Waiting;
}

Result<void> check_event(const Channel& channel, const ChannelEvent& event) {
  const auto move = [&](const auto& e, DeliveryState to) {
    return check_move(channel, event, e.group, e.sequence, to);
  };
  const auto require = [&](bool fits, std::string_view why) -> Result<void> {
    return fits ? Result<void>() : Result<void>(unfit(event, why));
  };
  const bool exists = channel.created.value() != 0 && !channel.deleted;
  if (exists == std::holds_alternative<ChannelCreated>(event)) {
    return unfit(event, exists ? "it exists" : "it does not exist");
  }
  return std::visit(
      Overloaded{
          [&](const MessageSent& e) {
            return require(e.message.sequence == channel.next_sequence, "its number is not next");
          },
          [&](const GroupCreated& e) {
            return require(
                !channel.groups.contains(e.group) && e.position < channel.next_sequence,
                "the group exists or begins in the future"
            );
          },
          [&](const GroupRenewed& e) {
            const auto group = channel.groups.find(e.group);
            return require(
                group != channel.groups.end() && group->second.ends(), "no such group that ends"
            );
          },
          [&](const GroupRemoved& e) {
            return require(channel.groups.contains(e.group), "no such group");
          },
          [&](const MessageLeased& e) { return move(e, DeliveryState::Leased); },
          [&](const LeaseExtended& e) { return move(e, DeliveryState::Waiting); },
          [&](const MessageAcked& e) { return move(e, DeliveryState::Done); },
          [&](const MessageReleased& e) { return move(e, DeliveryState::Waiting); },
          [&](const MessageDied& e) { return move(e, DeliveryState::Dead); },
          [&](const MessageExpired& e) {
            for (const auto& [name, group] : channel.groups) {
              const auto delivery = group.deliveries.find(e.sequence);
              if (delivery != group.deliveries.end() && delivery->second.leased()) {
                return require(false, "somebody has the message");
              }
            }
            return require(channel.messages.contains(e.sequence), "no such message");
          },
          [&](const DeadRemoved& e) {
            return require(
                find_dead(channel, e.group, e.sequence) != channel.dead.end(), "no such dead letter"
            );
          },
          [](const auto& /*always*/) {
            return Result<void>();
          }},
      event
  );
}

void apply(Channel& channel, const ChannelEvent& event, const EventStamp& stamp) {
  channel.revision = stamp.revision;
  std::visit(Applier(channel, stamp), event);
}

std::optional<Sequence> next_deliverable(
    const Channel& channel, std::string_view group_name, Timestamp now
) {
  const auto found = channel.groups.find(group_name);
  if (found == channel.groups.end()) {
    return std::nullopt;
  }
  const Group& group = found->second;
  std::set<std::string_view> blocked;
  for (auto at = channel.messages.upper_bound(group.position); at != channel.messages.end(); ++at) {
    const auto& [sequence, message] = *at;
    if (group.settled.contains(sequence) || !concerns(message, group_name)) {
      continue;
    }
    const auto delivery = group.deliveries.find(sequence);
    bool ready = !message.not_before || *message.not_before <= now;
    if (delivery != group.deliveries.end()) {
      const Delivery& d = delivery->second;
      ready = ready && !d.leased() && (!d.not_before || *d.not_before <= now);
    }
    if (ready && !blocked.contains(message.key) && end_of(message, channel.config) > now) {
      return sequence;
    }
    if (!message.key.empty()) {
      blocked.insert(message.key);
    }
  }
  return std::nullopt;
}

std::optional<Timestamp> next_due(const Channel& channel) {
  std::optional<Timestamp> due;
  const auto consider = [&](Timestamp at) {
    due = due ? std::min(*due, at) : at;
  };
  std::set<Sequence> held;
  for (const auto& [name, group] : channel.groups) {
    if (group.ends()) {
      consider(group.ends_at);
    }
    for (const auto& [sequence, delivery] : group.deliveries) {
      if (delivery.leased()) {
        consider(delivery.until);
        held.insert(sequence);
      }
    }
  }
  for (const auto& [sequence, message] : channel.messages) {
    if (!held.contains(sequence)) {
      consider(end_of(message, channel.config));
    }
  }
  return due;
}

}  // namespace reeve::coord
