#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "coord/channel/channel.h"
#include "coord/channel/channel_events.h"

namespace reeve::coord {

inline constexpr std::string_view kDefaultGroup = "default";

/// A message to be sent.
struct Send {
  std::string key = {};
  std::string body = {};
  std::vector<Property> properties = {};
  /// Handed out after this time at the earliest.
  Duration delay{0};
  /// Forgotten after this time, if the channel's retention does not end earlier.
  std::optional<Duration> ttl = {};
};

/// Where a group begins that is seen for the first time.
enum class From : std::uint8_t { Earliest, Latest };

struct Receive {
  std::string group{kDefaultGroup};
  /// Who asks, for people.
  std::string consumer = {};
  std::uint32_t count = 1;
  /// Instead of the channel's.
  std::optional<Duration> visibility = {};
  From from = From::Earliest;
  /// Of a group that is made by this: how long it outlives its last `receive`.
  std::optional<Duration> lifetime = {};
};

/// Names one message that somebody holds.
struct Held {
  std::string group{kDefaultGroup};
  Sequence sequence = 0;
  Fence token = {};
};

/// What somebody was handed.
struct Received {
  Sequence sequence = 0;
  Fence token;
};

/// One turn of one channel: checks what is asked for, and emits the events that carry it out.
///
/// Every function that returns an error has emitted nothing.
class ChannelTurn {
 public:
  /// Records the event and applies it to the channel at once.
  using Emit = std::function<void(const ChannelEvent&)>;

  /// `channel` is what `emit` changes.
  ChannelTurn(const Channel& channel, Timestamp now, Emit emit)
      : channel_(channel), now_(now), emit_(std::move(emit)) {}

  // Each is Invalid if the request is beyond a limit; the subject is the field.

  /// Makes the channel, or changes how it behaves.
  Result<void> configure(const ChannelConfig& config);

  /// Makes the channel if there is none. LimitExceeded: it is full.
  Result<Sequence> send(const Send& request);

  /// Hands out up to `count` messages; fewer, or none, if no more are there. Makes the group if
  /// there is none.
  Result<std::vector<Received>> receive(const Receive& request);

  /// The holder is done with it. Saying so again is fine. StaleFence: its time is over, and
  /// somebody else has it, or it waits to be handed out again, or it was put aside.
  Result<void> ack(const Held& held);

  /// The holder gives it back, to be tried again after `delay`; or gives it up (`dead`). StaleFence
  /// as above, also if it is done.
  Result<void> nack(const Held& held, Duration delay, std::optional<std::string> dead = {});

  /// The holder needs it for so long from now. StaleFence as above.
  Result<void> extend(const Held& held, Duration visibility);

  /// Makes a group if there is none. With a lifetime it is removed when nobody has received for it
  /// for so long.
  Result<void> add_group(
      const std::string& group, From from, std::optional<Duration> lifetime = {}
  );
  Result<void> remove_group(const std::string& group);

  /// Groups that end have their whole lifetime again: for a while nobody could receive.
  void renew_groups();

  /// A dead letter becomes a message of its group again, or is forgotten.
  Result<Sequence> resend(const std::string& group, Sequence sequence);
  Result<void> discard(const std::string& group, Sequence sequence);

  /// With everything in it.
  Result<void> remove();

  /// Takes messages from holders whose time is over, and forgets messages and groups whose time is
  /// over.
  void tick();

 private:
  Result<void> require() const;
  Result<void> check_room(const Message& message) const;
  Result<const Group*> group_named(const std::string& name) const;
  Result<const Delivery*> holding(const Held& held) const;
  std::vector<Sequence> overdue_messages() const;
  void renew(const std::string& group);
  void end_groups();
  void give_back(const std::string& group, Sequence sequence, MessageReleased released);
  void bury(const std::string& group, Sequence sequence, std::string reason);

  const Channel& channel_;
  Timestamp now_;
  Emit emit_;
};

}  // namespace reeve::coord
