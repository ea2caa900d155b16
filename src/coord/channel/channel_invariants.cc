#include <algorithm>
#include <set>

#include "base/strings.h"
#include "coord/channel/channel_machine.h"

namespace reeve::coord {

namespace {

using Broken = std::optional<std::string>;

Broken broken_sizes(const Channel& channel) {
  std::uint64_t bytes = 0;
  for (const auto& [sequence, message] : channel.messages) {
    if (message.sequence != sequence || sequence == 0 || sequence >= channel.next_sequence) {
      return concat("message ", sequence, " has a wrong number");
    }
    bytes += message_bytes(message);
  }
  std::uint64_t dead_bytes = 0;
  for (const DeadLetter& letter : channel.dead) {
    dead_bytes += message_bytes(letter.message);
  }
  if (bytes != channel.bytes || dead_bytes != channel.dead_bytes) {
    return "the bytes are counted wrong";
  }
  if (channel.messages.size() > kMessagesMax || bytes > kChannelBytesMax) {
    return "more messages than a channel may have";
  }
  if (channel.dead.size() > kDeadLettersMax || dead_bytes > kDeadBytesMax) {
    return "more dead letters than a channel may have";
  }
  if (channel.groups.size() > kGroupsMax) {
    return "more groups than a channel may have";
  }
  return std::nullopt;
}

/// Messages of a key are handed out one after the other.
Broken broken_order(const Channel& channel, const std::string& name, const Group& group) {
  std::set<std::string_view> earlier;
  for (const auto& [sequence, message] : channel.messages) {
    if (group.is_settled(sequence) || !concerns(message, name) || message.key.empty()) {
      continue;
    }
    const auto delivery = group.deliveries.find(sequence);
    const bool leased = delivery != group.deliveries.end() && delivery->second.leased();
    if (!earlier.insert(message.key).second && leased) {
      return concat("message ", sequence, " was handed out before an earlier one of its key");
    }
  }
  return std::nullopt;
}

Broken broken_group(const Channel& channel, const std::string& name, const Group& group) {
  if (group.position >= channel.next_sequence) {
    return concat("group ", name, " is ahead of the channel");
  }
  for (const Sequence sequence : group.settled) {
    if (sequence <= group.position || sequence >= channel.next_sequence) {
      return concat("group ", name, " is done with ", sequence, ", which is no news");
    }
  }
  const auto next = channel.messages.upper_bound(group.position);
  if (next != channel.messages.end() &&
      (group.settled.contains(next->first) || !concerns(next->second, name))) {
    return concat("group ", name, " is further than its position says");
  }
  std::size_t leases = 0;
  for (const auto& [sequence, delivery] : group.deliveries) {
    if (!channel.messages.contains(sequence) || group.is_settled(sequence)) {
      return concat("group ", name, " delivers ", sequence, ", which it is done with");
    }
    if (delivery.count == 0 || delivery.token.value() > channel.revision.value()) {
      return concat("delivery ", sequence, " of group ", name, " is counted wrong");
    }
    leases += delivery.leased() ? 1 : 0;
  }
  if (leases > kLeasesMax) {
    return concat("group ", name, " has handed out too much");
  }
  return broken_order(channel, name, group);
}

Broken broken_wants(const Channel& channel) {
  if (channel.groups.empty()) {
    return std::nullopt;
  }
  for (const auto& [sequence, message] : channel.messages) {
    const bool wanted =
        std::any_of(channel.groups.begin(), channel.groups.end(), [&](const auto& entry) {
          return concerns(message, entry.first) && !entry.second.is_settled(message.sequence);
        });
    if (!wanted) {
      return concat("message ", sequence, " is kept and nobody waits for it");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_invariant(const Channel& channel) {
  if (auto broken = broken_sizes(channel)) {
    return broken;
  }
  std::set<Fence> tokens;
  for (const auto& [name, group] : channel.groups) {
    if (auto broken = broken_group(channel, name, group)) {
      return broken;
    }
    for (const auto& [sequence, delivery] : group.deliveries) {
      if (delivery.leased() && !tokens.insert(delivery.token).second) {
        return concat("two holders have the token ", delivery.token.value());
      }
    }
  }
  return broken_wants(channel);
}

}  // namespace reeve::coord
