#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "coord/channel/channel.h"
#include "coord/channel/channel_events.h"

/// The life of one message in one group.
///
///             ┌───────2──────┐
///             ▼              │
///  sent ──▶ WAITING ──1──▶ LEASED ──3──▶ DONE
///             │              │
///             5              4
///             ▼              ▼
///          EXPIRED          DEAD
///
///  1 handed out to a consumer, with a token and a time
///  2 given back, or the time is over, and it may be tried again
///  3 acknowledged by the holder of the token
///  4 given up by its holder, or handed out too often
///  5 its retention is over, for all groups at once
///
/// A message is removed when no group waits for it any more; with no group at all it is kept.
namespace reeve::coord {

enum class DeliveryState : std::uint8_t { Waiting, Leased, Done, Dead, Expired };

inline constexpr std::size_t kDeliveryStates = 5;

std::string_view to_string(DeliveryState state);  ///< "WAITING" …

bool is_legal(DeliveryState from, DeliveryState to);

/// IllegalTransition unless `is_legal`.
Result<void> check_transition(DeliveryState from, DeliveryState to);

/// The state of a message of the channel; a group that is done with it says Done, whatever way.
DeliveryState state_of(const Channel& channel, std::string_view group, Sequence sequence);

/// What every event carries besides its data.
struct EventStamp {
  Revision revision;
  Timestamp at;
  Principal actor;
};

/// Corrupt unless `event` may happen in this state. Turns emit only such events; replay checks.
Result<void> check_event(const Channel& channel, const ChannelEvent& event);

/// The state after `event`, which `check_event` has allowed. The only code that changes a channel.
void apply(Channel& channel, const ChannelEvent& event, const EventStamp& stamp);

/// What must be true of a channel after every turn; the first rule that is broken, in words.
std::optional<std::string> broken_invariant(const Channel& channel);

/// The first message that the group may be handed at `now`.
std::optional<Sequence> next_deliverable(
    const Channel& channel, std::string_view group, Timestamp now
);

/// When something happens by itself: the time of a holder, a message or a group is over.
std::optional<Timestamp> next_due(const Channel& channel);

}  // namespace reeve::coord
