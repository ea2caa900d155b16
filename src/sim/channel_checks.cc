#include "sim/channel_checks.h"

#include "base/json.h"
#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::sim {

namespace {

using coord::Sequence;
using Violation = std::optional<std::string>;

}  // namespace

Violation ChannelChecks::see(const journal::Event& event) {
  const Result<Json> data = parse_json(event.data);
  if (!data) {
    return data.error().describe();
  }
  const auto decoded = coord::channel_event_from_json(event.type, *data);
  if (!decoded) {
    return decoded.error().describe();
  }
  Channel& channel = channels_[model::scoped(event.object.ns, event.object.name)];
  if (const auto* e = std::get_if<coord::MessageSent>(&*decoded)) {
    return sent(channel, event, e->message);
  }
  if (const auto* e = std::get_if<coord::GroupCreated>(&*decoded)) {
    channel.groups[e->group].position = e->position;
    forget_unwanted(channel);
  }
  if (const auto* e = std::get_if<coord::GroupRemoved>(&*decoded)) {
    channel.groups.erase(e->group);
    forget_unwanted(channel);
  }
  if (const auto* e = std::get_if<coord::MessageLeased>(&*decoded)) {
    return leased(channel, e->group, channel.groups[e->group], e->sequence);
  }
  if (const auto* e = std::get_if<coord::MessageAcked>(&*decoded)) {
    return ended(channel, e->group, e->sequence);
  }
  if (const auto* e = std::get_if<coord::MessageDied>(&*decoded)) {
    return ended(channel, e->group, e->sequence);
  }
  if (const auto* e = std::get_if<coord::MessageReleased>(&*decoded)) {
    return released(channel.groups[e->group], e->sequence);
  }
  if (const auto* e = std::get_if<coord::MessageExpired>(&*decoded)) {
    return expired(channel, e->sequence);
  }
  return std::nullopt;
}

Violation ChannelChecks::released(Group& group, Sequence sequence) {
  if (group.held.erase(sequence) == 0) {
    return concat("message ", sequence, " was given back by nobody who had it");
  }
  return std::nullopt;
}

Violation ChannelChecks::expired(Channel& channel, Sequence sequence) {
  channel.expired.insert(sequence);
  for (const auto& [name, group] : channel.groups) {
    if (group.held.contains(sequence)) {
      return concat("message ", sequence, " expired while group ", name, " had it");
    }
  }
  return std::nullopt;
}

Violation ChannelChecks::sent(
    Channel& channel, const journal::Event& event, const coord::Message& message
) {
  const Sequence last = channel.sent.empty() ? 0 : channel.sent.rbegin()->first;
  if (message.sequence != last + 1) {
    return concat("message ", message.sequence, " follows message ", last);
  }
  if (!senders_.insert(event.correlation.str()).second) {
    return concat("request ", event.correlation.view(), " sent two messages");
  }
  channel.sent[message.sequence] = message;
  return std::nullopt;
}

/// Whether the group has not ended the message, which concerns it.
bool ChannelChecks::waits(
    const Channel& channel, const std::string& name, const Group& group, Sequence sequence
) {
  return sequence > group.position && !group.ended.contains(sequence) &&
         !channel.expired.contains(sequence) && !channel.gone.contains(sequence) &&
         concerns(channel.sent.at(sequence), name);
}

Violation ChannelChecks::leased(
    const Channel& channel, const std::string& name, Group& group, Sequence sequence
) {
  ++deliveries_;
  if (!channel.sent.contains(sequence) || !waits(channel, name, group, sequence)) {
    return concat("message ", sequence, " was handed out to ", name, " after its end");
  }
  if (!group.held.insert(sequence).second) {
    return concat("message ", sequence, " has two holders in ", name);
  }
  const std::string& key = channel.sent.at(sequence).key;
  for (auto earlier = channel.sent.begin(); earlier->first < sequence; ++earlier) {
    if (!key.empty() && earlier->second.key == key && waits(channel, name, group, earlier->first)) {
      return concat("message ", sequence, " overtook message ", earlier->first, " of its key");
    }
  }
  return std::nullopt;
}

Violation ChannelChecks::ended(Channel& channel, const std::string& name, Sequence sequence) {
  Group& group = channel.groups[name];
  if (group.held.erase(sequence) == 0) {
    return concat("message ", sequence, " was ended by nobody who had it");
  }
  group.ended.insert(sequence);
  forget_unwanted(channel);
  return std::nullopt;
}

void ChannelChecks::forget_unwanted(Channel& channel) {
  for (const auto& [sequence, message] : channel.sent) {
    bool wanted = channel.groups.empty();
    for (const auto& [name, group] : channel.groups) {
      wanted = wanted || waits(channel, name, group, sequence);
    }
    if (!wanted) {
      channel.gone.insert(sequence);
    }
  }
}

void ChannelChecks::acknowledged(const std::string& channel, Sequence sequence) {
  acknowledged_.emplace(channel, sequence);
}

Violation ChannelChecks::recovered() const {
  for (const auto& [name, sequence] : acknowledged_) {
    const auto channel = channels_.find(name);
    if (channel == channels_.end() || !channel->second.sent.contains(sequence)) {
      return concat("message ", sequence, " of ", name, " was acknowledged and is gone");
    }
  }
  return std::nullopt;
}

Violation ChannelChecks::at_end() const {
  for (const auto& [channel_name, channel] : channels_) {
    for (const auto& [name, group] : channel.groups) {
      for (const auto& [sequence, message] : channel.sent) {
        if (waits(channel, name, group, sequence)) {
          return concat(
              "message ", sequence, " of ", channel_name, " came to no end in group ", name
          );
        }
      }
    }
  }
  return recovered();
}

bool ChannelChecks::unfinished() const {
  for (const auto& [channel_name, channel] : channels_) {
    for (const auto& [name, group] : channel.groups) {
      for (const auto& [sequence, message] : channel.sent) {
        if (waits(channel, name, group, sequence)) {
          return true;
        }
      }
    }
  }
  return false;
}

}  // namespace reeve::sim
