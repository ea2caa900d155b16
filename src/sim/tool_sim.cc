#include "sim/tool_sim.h"

#include <utility>

#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kWorkMax{20'000};
constexpr Duration kThinkMax{90'000};
constexpr std::string_view kHash = "00";
constexpr std::string_view kOtherHash = "01";

journal::ObjectKey call_key(const std::string& name) {
  return {.kind = journal::Kind::ToolCall, .ns = Namespace("default"), .name = name};
}

Principal gateway() {
  return Principal(std::string(engine::kToolsActor));
}

}  // namespace

ToolSim::ToolSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk)
    : world_(world), checkers_(checkers), client_(client), disk_(disk) {}

void ToolSim::use(std::uint64_t calls, Duration within, std::uint64_t seed) {
  random_ = Random(seed);
  calls_ = calls;
  for (std::uint64_t i = 0; i < calls; ++i) {
    world_.after(random_.duration(Duration(0), within), [this, i] { record(concat("tc-", i)); });
  }
}

void ToolSim::record(const std::string& name) {
  Json spec = Json::object();
  spec.set("server", "s").set("tool", "t").set("argumentsHash", kHash).set("caller", "user:alice");
  if (random_.percent(60)) {
    spec.set("requiresApproval", true).set("approvalTimeout", "60s");
  }
  Json body = Json::object();
  body.set("spec", std::move(spec)).set("begin", true);
  client_.order(
      call_key(name),
      "record",
      std::move(body),
      [this, name](const Result<engine::Reply>& reply) {
        if (!reply) {
          return;
        }
        // An answer that is repeated does not say what may be done: nothing is, then.
        const std::string state = reply->detail.get_string("state");
        if (state == "EXECUTING") {
          execute(name);
        } else if (state == "PENDING" || reply->repeated) {
          world_.after(random_.duration(Duration(0), kThinkMax), [this, name] { decide(name); });
        }
      },
      gateway()
  );
}

void ToolSim::decide(const std::string& name) {
  const std::uint64_t dice = random_.below(10);
  if (dice < 2) {
    return;
  }
  Json body = Json::object();
  body.set("message", "decided");
  client_.order(
      call_key(name),
      dice < 4 ? "reject" : "approve",
      std::move(body),
      [this, name](const Result<engine::Reply>& reply) {
        if (reply) {
          begin(name);
        }
      },
      Principal("user:bob")
  );
}

void ToolSim::begin(const std::string& name) {
  const bool wrong = random_.percent(10);
  client_.order(
      call_key(name),
      "begin",
      Json::object().set("argumentsHash", wrong ? kOtherHash : kHash),
      [this, name, wrong](const Result<engine::Reply>& reply) {
        if (reply && wrong) {
          checkers_.fail(concat(name, " was begun with arguments that nobody approved"));
        } else if (reply && !reply->repeated) {
          execute(name);
        }
      },
      gateway()
  );
}

void ToolSim::execute(const std::string& name) {
  if (++executions_[name] > 1) {
    checkers_.fail(concat(name, " was carried out twice"));
    return;
  }
  const std::string state = stored_state(name);
  if (state != "EXECUTING" && state != "UNKNOWN") {
    checkers_.fail(concat(name, " is carried out and is ", state));
    return;
  }
  const std::string outcome = random_.percent(80) ? "completed" : "failed";
  world_.after(random_.duration(Duration(0), kWorkMax), [this, name, outcome] {
    client_.order(
        call_key(name), "finish", Json::object().set("outcome", outcome), nullptr, gateway()
    );
  });
}

std::string ToolSim::stored_state(const std::string& name) const {
  const auto row = disk_.get(call_key(name));
  if (!row.ok() || !*row) {
    return {};
  }
  const Result<Json> body = parse_json((*row)->body);
  const Json* status = body ? body->find("status") : nullptr;
  return status == nullptr ? std::string() : status->get_string("state");
}

void ToolSim::check_end() {
  for (std::uint64_t i = 0; i < calls_; ++i) {
    const std::string name = concat("tc-", i);
    const std::string state = stored_state(name);
    const bool executed = executions_.contains(name);
    const bool never = state == "REJECTED" || state == "EXPIRED";
    const bool always = state == "COMPLETED" || state == "FAILED";
    if (state.empty() || state == "PENDING" || state == "APPROVED" || state == "EXECUTING") {
      checkers_.fail(concat(name, " is left ", state.empty() ? "without a record" : state));
    } else if ((never && executed) || (always && !executed)) {
      checkers_.fail(concat(name, " is ", state, executed ? " and was" : " and was not", " done"));
    }
  }
}

}  // namespace reeve::sim
