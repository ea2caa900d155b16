#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "sim/fwd.h"
#include "sim/random.h"

namespace reeve::sim {

/// Those who use a channel: senders, and consumers who fall silent, give back, give up, or say
/// twice that they are done. After `work_properly` they do what they should until nothing is left.
///
/// They draw from a stream of their own: a seed without them plays as it always did.
///
/// Threading: the simulation's.
class ChannelSim {
 public:
  ChannelSim(World& world, Checkers& checkers, ClientSim& client);

  /// Begins to use the channel: so many messages, sent within that time.
  void use(const std::string& channel, std::uint64_t messages, Duration within, std::uint64_t seed);

  void work_properly();

  /// Nobody will do anything any more.
  bool at_rest() const { return busy_ == 0; }

 private:
  void send(const std::string& channel, std::uint64_t number);
  void consume(const std::string& channel, const std::string& group);
  void work(const std::string& channel, const Json& message);
  void ask(const std::string& channel, std::string verb, Json body);

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  Random random_{0};
  bool properly_ = false;
  /// Consumers that go on, and messages that are being worked on.
  std::uint64_t busy_ = 0;
};

}  // namespace reeve::sim
