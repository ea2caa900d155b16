#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"
#include "base/result.h"
#include "coord/channel/channel.h"

/// What can happen to a channel. Each event is complete: applying it (channel_machine.h) needs the
/// state before it and nothing else.
namespace reeve::coord {

struct ChannelCreated {
  ChannelConfig config;
};

struct ChannelConfigured {
  ChannelConfig config;
};

struct ChannelDeleted {};

struct MessageSent {
  /// Without `sender` and `sent_at`, which are the event's.
  Message message;
};

struct GroupCreated {
  std::string group;
  Sequence position = 0;
  /// How long it outlives its last `receive`; zero: for ever.
  Duration lifetime{0};
};

/// Somebody receives for a group that ends otherwise.
struct GroupRenewed {
  std::string group;
  Timestamp ends_at;
};

/// Somebody said so, or nobody received for it within its lifetime.
struct GroupRemoved {
  std::string group;
};

/// Handed out. The event's revision is the holder's token.
struct MessageLeased {
  std::string group;
  Sequence sequence = 0;
  Timestamp until;
  std::string consumer;
};

struct LeaseExtended {
  std::string group;
  Sequence sequence = 0;
  Timestamp until;
};

struct MessageAcked {
  std::string group;
  Sequence sequence = 0;
};

/// Given back, or taken away because the holder's time was over.
struct MessageReleased {
  std::string group;
  Sequence sequence = 0;
  std::optional<Timestamp> not_before;
  /// The holder's time was over.
  bool timed_out = false;
};

/// Put aside: the group is done with it, a person may look at it.
struct MessageDied {
  std::string group;
  Sequence sequence = 0;
  std::string reason;
};

/// Forgotten for all groups: its time was over.
struct MessageExpired {
  Sequence sequence = 0;
};

/// Why a dead letter is no longer there.
enum class Burial : std::uint8_t {
  Resent,     ///< it is a message again, for its group
  Discarded,  ///< somebody looked at it
  Dropped,    ///< the oldest of too many
};

struct DeadRemoved {
  std::string group;
  Sequence sequence = 0;
  Burial burial = Burial::Discarded;
};

using ChannelEvent = std::variant<
    ChannelCreated,
    ChannelConfigured,
    ChannelDeleted,
    MessageSent,
    GroupCreated,
    GroupRenewed,
    GroupRemoved,
    MessageLeased,
    LeaseExtended,
    MessageAcked,
    MessageReleased,
    MessageDied,
    MessageExpired,
    DeadRemoved>;

/// "channel.created", "message.sent" …
std::string_view type_of(const ChannelEvent& event);

/// The data of the event.
Json to_json(const ChannelEvent& event);

/// The inverse. Corrupt: unknown type, or a member is missing or wrong.
Result<ChannelEvent> channel_event_from_json(std::string_view type, const Json& data);

}  // namespace reeve::coord
