#include "sim/meter_sim.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kAnswerMax{5'000};
constexpr Duration kPauseMax{20'000};
constexpr std::string_view kQuotaName = "q";

journal::ObjectKey key_of(journal::Kind kind, std::string name) {
  return {.kind = kind, .ns = Namespace("default"), .name = std::move(name)};
}

Principal gateway() {
  return Principal("system:models");
}

std::uint64_t tokens_in(const Json& status, std::string_view section) {
  const Json* found = status.find(section);
  return found == nullptr ? 0 : static_cast<std::uint64_t>(found->get_int("tokens"));
}

}  // namespace

MeterSim::MeterSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk)
    : world_(world), checkers_(checkers), client_(client), disk_(disk) {}

void MeterSim::set_quota(std::uint64_t tokens_max) {
  tokens_max_ = std::max(tokens_max_, tokens_max);
  Json spec = Json::object();
  spec.set("limits", Json::object().set("maxTotalTokens", tokens_max));
  spec.set("enforcement", Json::object().set("onTokenLimit", options_.action));
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "BudgetQuota");
  object.set("metadata", Json::object().set("name", kQuotaName));
  object.set("spec", std::move(spec));
  const auto key = key_of(journal::Kind::BudgetQuota, std::string(kQuotaName));
  const auto before = disk_.get(key);
  const bool there = before.ok() && before->has_value();
  client_.order(key, there ? "update" : "create", Json::object().set("object", std::move(object)));
}

void MeterSim::use(const Options& options, std::uint64_t seed) {
  random_ = Random(seed);
  options_ = options;
  set_quota(options.tokens_max);
  for (std::uint64_t i = 0; i < options.missions; ++i) {
    world_.after(kFirstCallAfter + random_.duration(Duration(0), options.within), [this, i] {
      ask(i, 0);
    });
  }
}

void MeterSim::raise() {
  set_quota(
      options_.tokens_max + options_.missions * options_.calls_of_each * options_.call_tokens_max
  );
}

/// The next call of a run.
void MeterSim::ask(std::uint64_t mission, std::uint64_t number) {
  if (number >= options_.calls_of_each) {
    return;
  }
  const std::string call = concat("mc-", mission, "-", number);
  const std::uint64_t worst = 1 + random_.below(options_.call_tokens_max);
  Json body = Json::object();
  body.set("mission", concat("m", mission)).set("run", concat("m", mission, ".1.a.1"));
  body.set("provider", "acme").set("model", "large");
  body.set("inputTokens", worst / 2).set("outputTokens", worst - worst / 2).set("cost", "0");
  client_.order(
      key_of(journal::Kind::ModelCall, call),
      "reserve",
      std::move(body),
      [this, call, worst](const Result<engine::Reply>& reply) {
        if (reply && reply->detail.get_bool("granted")) {
          send(call, worst);
        } else {
          refused_.push_back(call);
        }
      },
      gateway()
  );
  world_.after(random_.duration(Duration(0), kPauseMax), [this, mission, number] {
    ask(mission, number + 1);
  });
}

/// What was granted is sent, unless there is no connection. An answer may come after a crash, when
/// the call counts as unknown: it may be sent all the same, as all that it can use is counted.
void MeterSim::send(const std::string& call, std::uint64_t worst) {
  look();
  if (random_.percent(10)) {
    refund(call);
    return;
  }
  if (!sent_.emplace(call, worst).second) {
    checkers_.fail(concat("the gateway has sent ", call, " twice"));
    return;
  }
  const std::uint64_t used = random_.percent(30) ? worst : random_.below(worst + 1);
  given_ += used;
  if (given_ > tokens_max_) {
    checkers_.fail(concat("the provider has given ", given_, " of ", tokens_max_, " tokens"));
  }
  world_.after(random_.duration(Duration(0), kAnswerMax), [this, call, used] {
    settle(call, used);
  });
}

void MeterSim::refund(const std::string& call) {
  client_.order(
      key_of(journal::Kind::ModelCall, call),
      "refund",
      Json::object().set("reason", "no connection"),
      nullptr,
      gateway()
  );
}

void MeterSim::close() {
  for (const std::string& call : refused_) {
    refund(call);
  }
}

void MeterSim::settle(const std::string& call, std::uint64_t used) {
  const bool cut = random_.percent(10);
  Json body = Json::object();
  body.set("outcome", cut ? "unknown" : "completed");
  body.set("inputTokens", used).set("outputTokens", 0).set("cost", "0");
  client_.order(
      key_of(journal::Kind::ModelCall, call), "settle", std::move(body), nullptr, gateway()
  );
}

Json MeterSim::usage() const {
  const auto row = disk_.get(key_of(journal::Kind::BudgetUsage, concat("quota.", kQuotaName)));
  if (!row.ok() || !*row) {
    return Json::object();
  }
  const Result<Json> body = parse_json((*row)->body);
  const Json* status = body ? body->find("status") : nullptr;
  return status == nullptr ? Json::object() : *status;
}

/// What is on disk at this moment.
void MeterSim::look() {
  const Json status = usage();
  const std::uint64_t sum = tokens_in(status, "period") + tokens_in(status, "promised");
  if (sum > tokens_max_) {
    checkers_.fail(concat(sum, " of ", tokens_max_, " tokens are used or promised"));
  }
}

void MeterSim::check_end() {
  look();
  const Json status = usage();
  const std::uint64_t settled = tokens_in(status, "period");
  if (status.find("promised") != nullptr) {
    checkers_.fail(concat("promises are left: ", status.dump()));
  } else if (settled < given_) {
    checkers_.fail(concat("the provider has given ", given_, ", settled are ", settled));
  }
}

}  // namespace reeve::sim
