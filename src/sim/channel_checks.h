#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "coord/channel/channel_events.h"
#include "journal/event.h"

namespace reeve::sim {

/// What must hold about channels, told by the journal alone: numbers without gaps, one message for
/// each request to send, one holder at a time, nothing handed out after its end, the order of keys,
/// and at rest an end for every message in every group.
///
/// Threading: the simulation's.
class ChannelChecks {
 public:
  /// An event about a channel; the violation, if it is one.
  std::optional<std::string> see(const journal::Event& event);

  /// A client was told that its message has this number.
  void acknowledged(const std::string& channel, coord::Sequence sequence);

  /// Everything that was acknowledged is in the journal.
  std::optional<std::string> recovered() const;

  /// At rest, after the consumers had time: what is left over.
  std::optional<std::string> at_end() const;

  /// Whether some group still has something to do.
  bool unfinished() const;

  std::uint64_t deliveries() const { return deliveries_; }

 private:
  struct Group {
    /// Where it began.
    coord::Sequence position = 0;
    /// Acknowledged or put aside.
    std::set<coord::Sequence> ended;
    std::set<coord::Sequence> held;
  };

  struct Channel {
    std::map<coord::Sequence, coord::Message> sent;
    std::set<coord::Sequence> expired;
    /// No group waited for them any more; groups that come later do not see them.
    std::set<coord::Sequence> gone;
    std::map<std::string, Group> groups;
  };

  std::optional<std::string> sent(
      Channel& channel, const journal::Event& event, const coord::Message& message
  );
  std::optional<std::string> leased(
      const Channel& channel, const std::string& name, Group& group, coord::Sequence sequence
  );
  static std::optional<std::string> ended(
      Channel& channel, const std::string& name, coord::Sequence sequence
  );
  static std::optional<std::string> released(Group& group, coord::Sequence sequence);
  static std::optional<std::string> expired(Channel& channel, coord::Sequence sequence);
  static void forget_unwanted(Channel& channel);
  static bool waits(
      const Channel& channel, const std::string& name, const Group& group, coord::Sequence sequence
  );

  std::map<std::string, Channel> channels_;
  std::set<std::string> senders_;
  std::set<std::pair<std::string, coord::Sequence>> acknowledged_;
  std::uint64_t deliveries_ = 0;
};

}  // namespace reeve::sim
