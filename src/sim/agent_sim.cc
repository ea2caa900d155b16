#include "sim/agent_sim.h"

#include <utility>

#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "model/scoped_name.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/host_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kLookPeriod{1'000};
constexpr Duration kWorkMax{8'000};
constexpr Duration kThinkMax{90'000};
constexpr std::uint64_t kDecideWithinMin = 20;
constexpr std::uint64_t kDecideWithinMax = 400;
constexpr std::string_view kHash = "00";

Principal gateway() {
  return Principal(std::string(engine::kToolsActor));
}

/// What all runs of a task have in common.
std::string task_of(const RunRecord& run) {
  return run.run.str().substr(0, run.run.view().rfind('.'));
}

}  // namespace

AgentSim::AgentSim(
    World& world, Checkers& checkers, ClientSim& client, HostSim& host, store::MemoryStore& disk
)
    : world_(world), checkers_(checkers), client_(client), host_(host), disk_(disk) {
  host_.use([this](Fence fence, std::uint32_t calls) {
    ask({.fence = fence, .number = 0, .calls = calls});
  });
}

void AgentSim::use(std::uint64_t seed) {
  random_ = Random(seed);
  deciding_ = true;
  hurried_ = true;
}

// --- the loop and its gateway -------------------------------------------------------------------

/// Whether nothing can be done now: the run is over, or stands still and tries again later.
bool AgentSim::is_stopped(Fence fence, const std::function<void()>& again) {
  const RunRecord* run = host_.find(fence);
  if (run->lives() && run->frozen) {
    world_.after(kLookPeriod, again);
  }
  return !run->lives() || run->frozen;
}

void AgentSim::ask(Question question) {
  if (is_stopped(question.fence, [this, question] { ask(question); })) {
    return;
  }
  if (question.number == question.calls) {
    host_.go_on(question.fence);
    return;
  }
  const RunRecord& run = *host_.find(question.fence);
  const std::string plain(model::plain(run.run.view()));
  Json spec = Json::object();
  spec.set("server", "s").set("tool", concat("t", question.number)).set("argumentsHash", kHash);
  spec.set("caller", concat("run:", plain)).set("run", plain);
  spec.set("mission", model::plain(run.mission)).set("requiresApproval", true);
  if (hurried_) {
    spec.set("approvalTimeout", concat(random_.between(kDecideWithinMin, kDecideWithinMax), "s"));
  }
  spec.set("correlation", Json::object().set("idempotencyKey", std::to_string(question.number)));
  const journal::ObjectKey call = call_key(question, concat("ask-", ++names_));
  const Timestamp until = world_.time() + random_.duration(Duration(0), patience_max_);
  client_.order(
      call,
      "record",
      Json::object().set("spec", std::move(spec)).set("begin", true),
      [this, question, call, until](const Result<engine::Reply>& reply) {
        if (!reply) {
          // What keeps a tool from answering is told to the model like an answer.
          ask(question.next());
          return;
        }
        const std::string first = reply->detail.get_string("name");
        if (first.empty() && state_of(call) == "PENDING") {
          plan_decision(call);
        }
        look(question, first.empty() ? call : call_key(question, first), until);
      },
      gateway()
  );
}

void AgentSim::look(Question question, const journal::ObjectKey& call, Timestamp until) {
  if (is_stopped(question.fence, [this, question, call, until] { look(question, call, until); })) {
    return;
  }
  const std::string state = state_of(call);
  if (state == "PENDING" && world_.time() >= until) {
    ++parkings_;
    host_.park(question.fence);
  } else if (state == "PENDING" || state == "EXECUTING") {
    world_.after(kLookPeriod, [this, question, call, until] { look(question, call, until); });
  } else if (state == "APPROVED") {
    start(question, call, until);
  } else if (state.empty()) {
    // Forgotten, or the answer said nothing because it was an old one.
    world_.after(kLookPeriod, [this, question] { ask(question); });
  } else {
    ask(question.next());
  }
}

void AgentSim::start(Question question, const journal::ObjectKey& call, Timestamp until) {
  client_.order(
      call,
      "begin",
      Json::object().set("argumentsHash", kHash),
      [this, question, call, until](const Result<engine::Reply>& reply) {
        if (reply && reply->repeated) {
          // Nobody can say whether it was carried out.
          settle(call, "unknown");
        } else if (reply) {
          execute(question, call);
        }
        world_.after(kLookPeriod, [this, question, call, until] { look(question, call, until); });
      },
      gateway()
  );
}

void AgentSim::execute(const Question& question, const journal::ObjectKey& call) {
  const RunRecord& run = *host_.find(question.fence);
  if (++executions_[{task_of(run), question.number}] > 1) {
    checkers_.fail(concat("call ", question.number, " of ", run.run.view(), " was made twice"));
    return;
  }
  const std::string state = state_of(call);
  if (!approved_.contains(call) || (state != "EXECUTING" && state != "UNKNOWN")) {
    checkers_.fail(concat(call.name, " is carried out, and nobody has approved it: it is ", state));
    return;
  }
  world_.after(random_.duration(Duration(0), kWorkMax), [this, call, failed = random_.percent(15)] {
    settle(call, failed ? "failed" : "completed");
  });
}

void AgentSim::settle(const journal::ObjectKey& call, std::string_view outcome) {
  client_.order(call, "finish", Json::object().set("outcome", outcome), nullptr, gateway());
}

// --- people -------------------------------------------------------------------------------------

void AgentSim::plan_decision(const journal::ObjectKey& call) {
  asked_.push_back(call);
  const std::uint64_t dice = random_.below(100);
  const Duration later = random_.duration(Duration(0), kThinkMax);
  const bool twice = random_.percent(10);
  const std::string_view verb = dice < 55   ? "approve"
                                : dice < 75 ? "reject"
                                : dice < 80 ? "delete"
                                            : "";
  if (verb.empty()) {
    return;
  }
  world_.after(later, [this, call, verb, twice] {
    if (deciding_) {
      decide(call, verb);
      if (twice && verb != "delete") {
        decide(call, verb);
      }
    }
  });
}

void AgentSim::decide(const journal::ObjectKey& call, std::string_view verb) {
  if (verb == "approve") {
    approved_.insert(call);
  }
  Json body = Json::object();
  if (verb != "delete") {
    body.set("message", "because");
  }
  client_.order(call, std::string(verb), std::move(body), nullptr, Principal("user:bob"));
}

void AgentSim::decide_all(std::string_view verb) {
  for (const journal::ObjectKey& call : asked_) {
    if (state_of(call) == "PENDING") {
      decide(call, verb);
    }
  }
}

// --- what is on disk ----------------------------------------------------------------------------

journal::ObjectKey AgentSim::call_key(const Question& question, std::string name) const {
  return {
      .kind = journal::Kind::ToolCall,
      .ns = model::namespace_of(host_.find(question.fence)->run.view()),
      .name = std::move(name)};
}

/// Empty: there is no such record.
std::string AgentSim::state_of(const journal::ObjectKey& call) const {
  const auto row = disk_.get(call);
  if (!row.ok() || !*row) {
    return {};
  }
  const Result<Json> body = parse_json((*row)->body);
  const Json* status = body ? body->find("status") : nullptr;
  return status == nullptr ? std::string() : status->get_string("state");
}

}  // namespace reeve::sim
