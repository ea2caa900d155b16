#include "sim/client_sim.h"

#include <algorithm>

#include "base/strings.h"
#include "engine/resource_book.h"
#include "sim/checkers.h"
#include "sim/controller_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kPatience{10'000};
constexpr Duration kNetworkDelayMax{10};
constexpr std::uint32_t kRetriesOfMissionsMax = 6;

/// What a channel refuses when it is full, or when a consumer was too slow; and a mission after one
/// that has ended otherwise.
bool is_usual(const engine::Command& command, ErrorCode code) {
  if (const auto* submit = std::get_if<engine::SubmitMission>(&command)) {
    // Namespaces come and go.
    const bool elsewhere = submit->ns.view() != "default" &&
                           (code == ErrorCode::NotFound || code == ErrorCode::PermissionDenied);
    return elsewhere || (!submit->after.empty() && code == ErrorCode::IllegalTransition);
  }
  const auto* about = std::get_if<engine::ObjectCommand>(&command);
  if (about != nullptr && (about->object.kind == journal::Kind::Metadata ||
                           engine::resource_kind(about->object.kind) != nullptr)) {
    return code == ErrorCode::AlreadyExists || code == ErrorCode::PermissionDenied ||
           code == ErrorCode::Invalid;
  }
  return about != nullptr && about->object.kind == journal::Kind::Channel &&
         (code == ErrorCode::StaleFence || code == ErrorCode::LimitExceeded);
}

/// The mission that must be there for a command.
const MissionName* mission_named_in(const engine::Command& command) {
  if (const auto* abort = std::get_if<engine::AbortMission>(&command)) {
    return &abort->mission;
  }
  if (const auto* resume = std::get_if<engine::ResumeMission>(&command)) {
    return &resume->mission;
  }
  if (const auto* retry = std::get_if<engine::RetryMission>(&command)) {
    return &retry->parent;
  }
  if (const auto* decision = std::get_if<engine::DecideGate>(&command)) {
    return &decision->mission;
  }
  return nullptr;
}

}  // namespace

ClientSim::ClientSim(
    World& world,
    FaultRates& faults,
    Checkers& checkers,
    ControllerSim& controller,
    store::MemoryStore& disk
)
    : world_(world), faults_(faults), checkers_(checkers), controller_(controller), disk_(disk) {}

std::size_t ClientSim::submit(
    std::shared_ptr<const workflow::Workflow> workflow,
    std::string name,
    std::vector<model::NamedValue> params,
    const Namespace& ns
) {
  engine::SubmitMission command;
  command.ns = ns;
  command.name = MissionName(std::move(name));
  command.workflow = std::move(workflow);
  command.params = std::move(params);
  return add(std::move(command));
}

std::size_t ClientSim::submit(engine::SubmitMission command, Then then) {
  const std::size_t number = add(std::move(command));
  requests_[number].then = std::move(then);
  return number;
}

std::size_t ClientSim::set_pool(
    const std::string& pool, std::optional<std::uint64_t> units, const Namespace& ns
) {
  Json body = Json::object();
  if (units) {
    body.set("units", *units);
  }
  return order(
      {.kind = journal::Kind::Pool, .ns = ns, .name = pool},
      units ? "set" : "delete",
      std::move(body)
  );
}

std::size_t ClientSim::abort(const MissionName& mission) {
  return add(engine::AbortMission{.mission = mission, .message = "a client changed its mind"});
}

std::size_t ClientSim::resume(const MissionName& mission) {
  return add(engine::ResumeMission{.mission = mission});
}

std::size_t ClientSim::deploy(
    const std::string& workflow, std::string verb, Json body, const Namespace& ns
) {
  return order(
      {.kind = journal::Kind::Workflow, .ns = ns, .name = workflow},
      std::move(verb),
      std::move(body)
  );
}

std::size_t ClientSim::order(
    journal::ObjectKey object, std::string verb, Json body, Then then, const Principal& who
) {
  const std::size_t number = add(engine::ObjectCommand{
      .object = std::move(object), .verb = std::move(verb), .body = std::move(body)});
  requests_[number].then = std::move(then);
  requests_[number].who = who;
  return number;
}

std::size_t ClientSim::retry(const MissionName& parent, std::string name) {
  return add(engine::RetryMission{.parent = parent, .name = MissionName(std::move(name))});
}

std::size_t ClientSim::add(engine::Command command) {
  const std::size_t number = requests_.size();
  requests_.push_back(
      {.id = InputId(concat("client-", number)), .command = std::move(command), .answer = nullptr}
  );
  send(number);
  return number;
}

std::size_t ClientSim::decide(const Principal& who, engine::DecideGate decision) {
  const std::size_t number = requests_.size();
  requests_.push_back(
      {.id = InputId(concat("client-", number)),
       .command = std::move(decision),
       .answer = nullptr,
       .then = nullptr,
       .who = who}
  );
  send(number);
  return number;
}

/// Sends until there is an answer.
void ClientSim::send(std::size_t number) {
  if (requests_[number].answer) {
    return;
  }
  transmit(number);
  if (world_.random().chance(faults_.command_doubled)) {
    transmit(number);
  }
  world_.after(kPatience, [this, number] { send(number); });
}

void ClientSim::transmit(std::size_t number) {
  world_.after(world_.random().duration(Duration(0), kNetworkDelayMax), [this, number] {
    kernel::Input input;
    input.id = requests_[number].id;
    input.principal = requests_[number].who;
    input.correlation = CorrelationId(input.id.str());
    input.command = requests_[number].command;
    input.done = [this, number](Result<engine::Reply> reply) {
      if (world_.random().chance(faults_.reply_lost)) {
        return;
      }
      world_.after(
          world_.random().duration(Duration(0), kNetworkDelayMax),
          [this, number, reply = std::move(reply)] { receive(number, reply); }
      );
    };
    controller_.post(std::move(input));
  });
}

void ClientSim::receive(std::size_t number, Result<engine::Reply> reply) {
  world_.trace("reply", number);
  if (!reply && (reply.error().retryable() || reply.error().code == ErrorCode::Io)) {
    return;  // the next try is planned already
  }
  const bool first = requests_[number].answer == nullptr;
  judge(requests_[number], reply);
  if (first) {
    requests_[number].answer = std::make_unique<Result<engine::Reply>>(reply);
    const bool made = std::holds_alternative<engine::SubmitMission>(requests_[number].command) ||
                      std::holds_alternative<engine::RetryMission>(requests_[number].command);
    if (reply && made && meddling_) {
      plan_visit(reply->mission);
    }
    if (const Then then = requests_[number].then) {
      then(reply);
    }
  }
}

/// Whether the answer makes sense. Names are unique and missions known, so few errors do.
void ClientSim::judge(const Request& request, const Result<engine::Reply>& reply) {
  if (std::holds_alternative<engine::DecideGate>(request.command)) {
    judge_decision(request, reply);
    return;
  }
  const bool submits = std::holds_alternative<engine::SubmitMission>(request.command);
  const bool retries = std::holds_alternative<engine::RetryMission>(request.command);
  if (!reply) {
    const bool late = !submits && reply.error().code == ErrorCode::IllegalTransition;
    // Requests overtake each other: a workflow may be switched before it is applied.
    const bool early = std::holds_alternative<engine::ObjectCommand>(request.command) &&
                       reply.error().code == ErrorCode::NotFound;
    const MissionName* named = mission_named_in(request.command);
    const model::Mission* mission = named == nullptr ? nullptr : checkers_.find(*named);
    const bool deleted =
        mission != nullptr && mission->deleted && reply.error().code == ErrorCode::NotFound;
    if (!late && !early && !deleted && !is_usual(request.command, reply.error().code)) {
      checkers_.fail(concat("input ", request.id.view(), " was refused: ", reply.error().describe())
      );
    }
  } else if (submits || retries) {
    checkers_.acknowledged(request.id, *reply);
  } else if (std::holds_alternative<engine::AbortMission>(request.command)) {
    checkers_.abort_acknowledged(reply->mission);
  }
}

/// A decision may come too late or from the wrong person; one that was taken stays as it was told.
void ClientSim::judge_decision(const Request& request, const Result<engine::Reply>& reply) {
  const auto& decision = std::get<engine::DecideGate>(request.command);
  if (reply) {
    checkers_.decision_acknowledged(request.who, decision, *reply);
    const bool again = request.answer != nullptr && request.answer->ok();
    if (again && (*request.answer)->detail.dump() != reply->detail.dump()) {
      checkers_.fail(concat("decision ", request.id.view(), " was answered in two ways"));
    }
    return;
  }
  const ErrorCode code = reply.error().code;
  const model::Mission* mission = checkers_.find(decision.mission);
  if (code == ErrorCode::NotFound && mission != nullptr && mission->deleted) {
    return;
  }
  if (code != ErrorCode::IllegalTransition && code != ErrorCode::PermissionDenied &&
      code != ErrorCode::LimitExceeded) {
    checkers_.fail(
        concat("decision ", request.id.view(), " was refused: ", reply.error().describe())
    );
  }
}

const Result<engine::Reply>* ClientSim::answer(std::size_t request) const {
  return requests_.at(request).answer.get();
}

std::size_t ClientSim::waiting() const {
  return static_cast<std::size_t>(std::count_if(
      requests_.begin(),
      requests_.end(),
      [](const Request& request) { return request.answer == nullptr; }
  ));
}

// --- meddling -----------------------------------------------------------------------------------

void ClientSim::plan_visit(const MissionName& mission) {
  world_.after(world_.random().duration(Duration(0), Duration(300'000)), [this, mission] {
    if (meddling_) {
      visit(mission);
    }
  });
}

/// Looks at a mission as `reeve status` does, and acts on what it sees.
void ClientSim::visit(const MissionName& mission) {
  const model::Mission* seen = checkers_.find(mission);
  if (seen == nullptr) {
    checkers_.fail(concat("mission ", mission.view(), " cannot be found"));
    return;
  }
  Random& random = world_.random();
  if (seen->state == model::MissionState::Held) {
    if (random.percent(60)) {
      resume(mission);
    } else if (random.percent(50)) {
      abort(mission);
    }
    plan_visit(mission);
  } else if (!is_terminal(seen->state)) {
    if (random.percent(25)) {
      abort(mission);
    }
    plan_visit(mission);
  } else if (seen->state != model::MissionState::Complete && random.percent(40)) {
    const std::size_t number = requests_.size();
    if (number < kRetriesOfMissionsMax * 4) {
      retry(mission, random.percent(50) ? concat("again-", number) : std::string());
    }
  }
}

}  // namespace reeve::sim
