#include "sim/channel_sim.h"

#include <utility>

#include "base/strings.h"
#include "engine/engine.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kPauseMax{40'000};
constexpr Duration kWorkMax{30'000};
constexpr Duration kProperWorkMax{5'000};
constexpr std::uint64_t kKeys = 3;

journal::ObjectKey channel_key(const std::string& name) {
  return {.kind = journal::Kind::Channel, .ns = Namespace("default"), .name = name};
}

}  // namespace

ChannelSim::ChannelSim(World& world, Checkers& checkers, ClientSim& client)
    : world_(world), checkers_(checkers), client_(client) {}

void ChannelSim::use(
    const std::string& channel, std::uint64_t messages, Duration within, std::uint64_t seed
) {
  random_ = Random(seed);
  Json config = Json::object();
  config.set("messagesMax", static_cast<std::int64_t>(random_.between(3, 20)));
  config.set("deliveriesMax", static_cast<std::int64_t>(random_.between(1, 4)));
  config.set("visibility", "20s");
  ask(channel, "set", std::move(config));
  const std::uint64_t groups = random_.between(1, 3);
  for (std::uint64_t i = 0; i < groups; ++i) {
    const std::string group = concat("group-", i);
    const std::uint64_t consumers = random_.between(1, 2);
    for (std::uint64_t k = 0; k < consumers; ++k) {
      ++busy_;
      world_.after(random_.duration(Duration(0), kPauseMax), [this, channel, group] {
        consume(channel, group);
      });
    }
  }
  for (std::uint64_t i = 0; i < messages; ++i) {
    world_.after(random_.duration(Duration(0), within), [this, channel, i] { send(channel, i); });
  }
}

void ChannelSim::work_properly() {
  properly_ = true;
}

void ChannelSim::ask(const std::string& channel, std::string verb, Json body) {
  client_.order(channel_key(channel), std::move(verb), std::move(body));
}

void ChannelSim::send(const std::string& channel, std::uint64_t number) {
  Json body = Json::object();
  body.set("body", concat("message-", number));
  if (random_.percent(70)) {
    body.set("key", concat("key-", random_.below(kKeys)));
  }
  if (random_.percent(10)) {
    body.set("delay", concat(random_.between(1, 60), "s"));
  }
  if (random_.percent(10)) {
    body.set("ttl", concat(random_.between(20, 200), "s"));
  }
  client_.order(
      channel_key(channel),
      "send",
      std::move(body),
      [this, channel](const Result<engine::Reply>& reply) {
        const Json* sequence = reply ? reply->detail.find("sequence") : nullptr;
        if (sequence != nullptr) {
          checkers_.message_acknowledged(channel, static_cast<std::uint64_t>(sequence->as_int()));
        }
      }
  );
}

void ChannelSim::consume(const std::string& channel, const std::string& group) {
  if (properly_ && client_.waiting() == 0 && !checkers_.channels_unfinished()) {
    --busy_;
    return;
  }
  Json body = Json::object();
  body.set("group", group).set("count", static_cast<std::int64_t>(random_.between(1, 3)));
  client_.order(
      channel_key(channel),
      "receive",
      std::move(body),
      [this, channel, group](const Result<engine::Reply>& reply) {
        const Json* messages = reply ? reply->detail.find("messages") : nullptr;
        for (const Json& message : messages == nullptr ? Json::Array() : messages->as_array()) {
          ++busy_;
          world_.after(
              random_.duration(Duration(0), properly_ ? kProperWorkMax : kWorkMax),
              [this, channel, message] { work(channel, message); }
          );
        }
        world_.after(random_.duration(Duration(1), kPauseMax), [this, channel, group] {
          consume(channel, group);
        });
      }
  );
}

/// What becomes of a message in a consumer's hands.
void ChannelSim::work(const std::string& channel, const Json& message) {
  --busy_;
  Json held = Json::object();
  held.set("group", message.get_string("group")).set("sequence", message.get_int("sequence"));
  held.set("token", message.get_int("token"));
  const std::uint64_t dice = properly_ ? 99 : random_.below(100);
  if (dice < 20) {
    return;  // dies with the message in its hands
  }
  if (dice < 35) {
    held.set("delay", concat(random_.between(0, 30), "s"));
    ask(channel, "nack", std::move(held));
  } else if (dice < 40) {
    held.set("dead", "not today");
    ask(channel, "nack", std::move(held));
  } else if (dice < 45) {
    held.set("visibility", "60s");
    ask(channel, "extend", std::move(held));
  } else {
    ask(channel, "ack", held);
    if (dice < 60) {
      ask(channel, "ack", std::move(held));
    }
  }
}

}  // namespace reeve::sim
