#include <chrono>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "coord/channel/fixture.h"

namespace reeve::coord {
namespace {

using namespace std::chrono_literals;

/// Random use of a channel by several groups of unreliable consumers, compared with what senders
/// and consumers remember by themselves.
class Model {
 public:
  explicit Model(std::uint64_t seed) : seed_(seed) {
    EXPECT_TRUE(f_.turn().configure({.messages_max = 20, .deliveries_max = 3}).ok());
    for (const char* group : {"one", "two"}) {
      EXPECT_TRUE(f_.turn().add_group(group, From::Earliest).ok());
    }
  }

  void play(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
    }
  }

  /// Everybody works properly until nothing is left.
  void drain() {
    for (int round = 0; round < 200 && !f_.channel.messages.empty(); ++round) {
      f_.advance(31s);
      for (const char* group : {"one", "two"}) {
        for (const Held& held : take(group, 10)) {
          ack(held);
        }
      }
    }
    EXPECT_TRUE(f_.channel.messages.empty());
    f_.expect_stored();
  }

  /// At least once, in order of keys, and nothing without an end.
  void judge() const {
    for (const char* group : {"one", "two"}) {
      for (const auto& [sequence, key] : sent_) {
        const std::pair id(std::string(group), sequence);
        EXPECT_EQ(acked_.count(id) + dead_.count(id), 1U) << group << " " << sequence;
        EXPECT_TRUE(seen_.contains(id));
      }
    }
  }

 private:
  std::uint64_t draw(std::uint64_t below) {
    return stable_hash(concat(seed_, ":", count_++)) % below;
  }

  void step() {
    const std::string group = draw(2) == 0 ? "one" : "two";
    switch (draw(7)) {
      case 0:
      case 1:
        send();
        break;
      case 2:
      case 3:
        for (const Held& held : take(group, static_cast<std::uint32_t>(1 + draw(3)))) {
          held_.push_back(held);
        }
        break;
      case 4:
      case 5:
        settle();
        break;
      default:
        f_.advance(std::chrono::seconds(draw(20)));
        note_dead();
    }
  }

  void send() {
    const std::string key = draw(3) == 0 ? "" : concat("k", draw(3));
    const auto sent = f_.turn().send({.key = key, .body = "x"});
    if (sent.ok()) {
      sent_[*sent] = key;
    } else {
      EXPECT_EQ(sent.error().code, ErrorCode::LimitExceeded);
      EXPECT_EQ(f_.channel.messages.size(), 20U);
    }
  }

  std::vector<Held> take(const std::string& group, std::uint32_t count) {
    std::vector<Held> taken = f_.receive(count, group);
    note_dead();
    for (const Held& held : taken) {
      seen_.insert({group, held.sequence});
      EXPECT_FALSE(acked_.contains({group, held.sequence})) << "handed out after its end";
      check_order(group, held.sequence);
    }
    return taken;
  }

  /// Everything earlier of the same key has come to an end in this group.
  void check_order(const std::string& group, Sequence sequence) const {
    const std::string& key = sent_.at(sequence);
    for (const auto& [earlier, other] : sent_) {
      if (earlier < sequence && !key.empty() && other == key) {
        const std::pair id(group, earlier);
        EXPECT_TRUE(acked_.contains(id) || dead_.contains(id))
            << sequence << " overtakes " << earlier << " in " << group;
      }
    }
  }

  void settle() {
    if (held_.empty()) {
      return;
    }
    const std::size_t index = draw(held_.size());
    const Held held = held_[index];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
    switch (draw(4)) {
      case 0:
        (void)f_.turn().nack(held, std::chrono::seconds(draw(5)));
        break;
      case 1:
        (void)f_.turn().extend(held, 60s);
        held_.push_back(held);
        break;
      default:
        ack(held);
        if (draw(4) == 0) {
          (void)f_.turn().ack(held);
        }
    }
    note_dead();
  }

  void ack(const Held& held) {
    const Delivery* holder = nullptr;
    const Group& group = f_.channel.groups.at(held.group);
    const auto delivery = group.deliveries.find(held.sequence);
    if (delivery != group.deliveries.end() && delivery->second.leased()) {
      holder = &delivery->second;
    }
    const bool mine = holder != nullptr && holder->token == held.token;
    const auto result = f_.turn().ack(held);
    if (mine) {
      EXPECT_TRUE(result.ok());
      EXPECT_TRUE(acked_.insert({held.group, held.sequence}).second) << "acknowledged twice";
    } else if (result.ok()) {
      EXPECT_TRUE(acked_.contains({held.group, held.sequence}));
    } else {
      EXPECT_EQ(result.error().code, ErrorCode::StaleFence);
    }
  }

  void note_dead() {
    for (const DeadLetter& letter : f_.channel.dead) {
      dead_.insert({letter.group, letter.message.sequence});
    }
  }

  using Id = std::pair<std::string, Sequence>;

  ChannelFixture f_;
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  std::map<Sequence, std::string> sent_;
  std::vector<Held> held_;
  std::set<Id> seen_;
  std::set<Id> acked_;
  std::set<Id> dead_;
};

TEST(ChannelModel, DeliversEverythingAtLeastOnceInOrderOfKeys) {
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    model.play(150);
    model.drain();
    model.judge();
  }
}

}  // namespace
}  // namespace reeve::coord
