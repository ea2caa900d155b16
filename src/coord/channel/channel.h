#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

/// Messages from those who have something to say to those who do something about it: kept until
/// they are done, handed out again if nobody says so.
namespace reeve::coord {

inline constexpr std::size_t kChannelNameBytesMax = 100;
/// Key, property names and names of groups and consumers.
inline constexpr std::size_t kChannelWordBytesMax = 200;
inline constexpr std::size_t kMessageBytesMax = std::size_t{256} << 10U;
/// The whole message as JSON, so that it fits into an event whatever its characters are.
inline constexpr std::uint64_t kMessageJsonBytesMax = std::uint64_t{768} << 10U;
inline constexpr std::size_t kPropertiesMax = 50;
inline constexpr std::size_t kDeathReasonBytesMax = 1'000;
inline constexpr std::uint32_t kMessagesMax = 5'000;
inline constexpr std::uint64_t kChannelBytesMax = std::uint64_t{2} << 20U;
inline constexpr std::size_t kGroupsMax = 20;
/// Messages that one group has handed out at the same time.
inline constexpr std::size_t kLeasesMax = 1'000;
inline constexpr std::uint32_t kReceiveMax = 100;
inline constexpr std::size_t kDeadLettersMax = 1'000;
inline constexpr std::uint64_t kDeadBytesMax = std::uint64_t{1} << 20U;
inline constexpr std::uint32_t kDeliveriesMax = 1'000;
inline constexpr Duration kVisibilityMax{std::chrono::hours(12)};
/// Of delays and retention.
inline constexpr Duration kRetentionMax{std::chrono::hours(24 * 366)};

using Sequence = std::uint64_t;
using Property = std::pair<std::string, std::string>;

/// How a channel behaves. Within the limits above.
struct ChannelConfig {
  /// Messages that wait; more are refused, none is dropped.
  std::uint32_t messages_max = 1'000;
  /// The same in bytes, as JSON.
  std::uint64_t bytes_max = std::uint64_t{1} << 20U;
  /// How long a message is a consumer's before it is handed out again.
  Duration visibility{30'000};
  /// Times a message is handed out before it is put aside as a dead letter.
  std::uint32_t deliveries_max = 5;
  /// How long a message is kept at most.
  Duration retention{std::chrono::hours(24 * 7)};

  friend bool operator==(const ChannelConfig&, const ChannelConfig&) = default;
};

struct Message {
  /// Place in the channel, from 1; never used twice.
  Sequence sequence = 0;
  /// Messages of one key are handed out to a group one after the other. Empty: no order.
  std::string key;
  std::string body;
  std::vector<Property> properties;
  Principal sender;
  Timestamp sent_at;
  /// Not handed out before.
  std::optional<Timestamp> not_before;
  /// Forgotten afterwards, besides the channel's retention.
  std::optional<Timestamp> expires_at;
  /// For this group alone; empty: for all.
  std::string only_group;

  friend bool operator==(const Message&, const Message&) = default;
};

/// What is going on with one message in one group; absent while it waits for the first time.
struct Delivery {
  /// Times it was handed out.
  std::uint32_t count = 0;
  /// Names the present holder; zero: nobody has it.
  Fence token = {};
  /// While somebody has it: until when.
  Timestamp until = {};
  std::string consumer = {};
  /// While nobody has it: not handed out before.
  std::optional<Timestamp> not_before = {};

  bool leased() const { return token.value() != 0; }

  friend bool operator==(const Delivery&, const Delivery&) = default;
};

/// Consumers that share the work: each message goes to one of them. Every group gets every message.
struct Group {
  /// It is done with every message up to this one.
  Sequence position = 0;
  /// Done, out of order, beyond the position.
  std::set<Sequence> settled;
  std::map<Sequence, Delivery> deliveries;
  /// How long it outlives its last `receive`; zero: for ever.
  Duration lifetime{0};
  /// When it is removed unless somebody receives; of a group with a lifetime.
  Timestamp ends_at = {};

  bool ends() const { return lifetime > Duration(0); }

  bool is_settled(Sequence sequence) const {
    return sequence <= position || settled.contains(sequence);
  }

  friend bool operator==(const Group&, const Group&) = default;
};

/// A message that a group could not deal with.
struct DeadLetter {
  Message message;
  std::string group;
  std::string reason;
  std::uint32_t deliveries = 0;
  Timestamp died_at;

  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};

/// What happened since the channel was made.
struct ChannelCounts {
  std::uint64_t sent = 0;
  std::uint64_t acked = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t died = 0;
  std::uint64_t expired = 0;

  friend bool operator==(const ChannelCounts&, const ChannelCounts&) = default;
};

struct Channel {
  Namespace ns;
  std::string name;
  Uid uid;
  /// Of the first and the last event.
  Revision created;
  Revision revision;
  Timestamp created_at;
  bool deleted = false;
  ChannelConfig config;
  Sequence next_sequence = 1;
  std::map<Sequence, Message> messages;
  /// Of `messages`, as `message_bytes` counts.
  std::uint64_t bytes = 0;
  std::map<std::string, Group, std::less<>> groups;
  /// Oldest first.
  std::vector<DeadLetter> dead;
  std::uint64_t dead_bytes = 0;
  ChannelCounts counts;

  friend bool operator==(const Channel&, const Channel&) = default;
};

/// Bytes that the message takes in the channel's row.
std::uint64_t message_bytes(const Message& message);

/// Whether a message is any of the group's business.
inline bool concerns(const Message& message, std::string_view group) {
  return message.only_group.empty() || message.only_group == group;
}

/// When the message is forgotten.
Timestamp end_of(const Message& message, const ChannelConfig& config);

/// Letters, digits and `. _ -`, at most kChannelNameBytesMax. Invalid otherwise.
Result<void> check_channel_name(std::string_view name);

/// Invalid: a value is beyond its limit; the subject is the field.
Result<void> check_config(const ChannelConfig& config);

}  // namespace reeve::coord
