#include "sim/simulation.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"
#include "engine/resource_book.h"
#include "sim/family_workload.h"
#include "workflow/load/load.h"

namespace reeve::sim {

namespace {

constexpr Duration kHourAtMost{3'600'000};
constexpr Duration kHostAwayMax{40'000};
constexpr Duration kMinute{60'000};
constexpr Duration kRestPeriod{1000};
constexpr std::uint32_t kPercentWithTriggers = 30;
constexpr std::uint32_t kPercentWithChannels = 20;
constexpr std::uint32_t kPercentWithFamilies = 40;
constexpr std::uint32_t kPercentWithOthers = 30;
constexpr std::uint32_t kPercentWithObjects = 20;
constexpr std::uint32_t kPercentWithAgents = 30;

kernel::CoreOptions core_options(const engine::Limits& limits, WorkflowShelf& shelf) {
  kernel::CoreOptions options;
  options.limits = limits;
  options.instance = "simulation";
  options.loader = shelf.loader();
  options.extend = workflow::extend_source;
  return options;
}

}  // namespace

Simulation::Simulation(SimulationOptions options)
    : faults_(options.faults),
      world_(options.seed),
      checkers_(disk_, shelf_.loader()),
      controller_(
          world_,
          faults_,
          checkers_,
          disk_,
          core_options(options.limits, shelf_),
          [this](const model::Effect& effect) { host_.handle(effect); }
      ),
      host_(
          world_,
          faults_,
          checkers_,
          [this](const model::Report& report) { controller_.report(report); }
      ),
      client_(world_, faults_, checkers_, controller_, disk_),
      people_(world_, checkers_, client_),
      channels_(world_, checkers_, client_),
      objects_(world_, checkers_, client_, disk_),
      agents_(world_, checkers_, client_, host_, disk_) {
  checkers_.use([this](Fence fence) { return host_.find(fence); });
  controller_.start();
}

void Simulation::submit(const std::string& source, const std::string& name, const Namespace& ns) {
  Result<std::shared_ptr<const workflow::Workflow>> loaded = shelf_.load(source);
  if (!loaded) {
    checkers_.fail(concat("the workload is wrong: ", loaded.error().describe(), "\n", source));
    return;
  }
  client_.submit(std::move(*loaded), name, {}, ns);
}

void Simulation::deploy(const std::string& source, const Namespace& ns) {
  const Result<std::shared_ptr<const workflow::Workflow>> loaded = shelf_.load(source);
  if (!loaded) {
    checkers_.fail(concat("the workload is wrong: ", loaded.error().describe(), "\n", source));
    return;
  }
  Json body = Json::object();
  body.set("source", source);
  client_.deploy((*loaded)->name, "apply", std::move(body), ns);
}

/// Once nothing is on its way that could wake one up again.
void Simulation::rest_triggers() {
  const std::vector<journal::ObjectKey> enabled = checkers_.enabled_workflows();
  if (client_.waiting() == 0) {
    for (const journal::ObjectKey& workflow : enabled) {
      client_.deploy(workflow.name, "disable", Json::object(), workflow.ns);
    }
  }
  if (client_.waiting() > 0 || !enabled.empty()) {
    world_.after(kRestPeriod, [this] { rest_triggers(); });
  }
}

const model::Mission& Simulation::mission(const std::string& name) const {
  const model::Mission* found = checkers_.find(MissionName(name));
  REEVE_ASSERT(found != nullptr);
  return *found;
}

bool Simulation::advance(Duration by) {
  const Timestamp until = world_.time() + by;
  while (!violation()) {
    const std::optional<Timestamp> due = world_.next_due();
    if (!due || *due > until) {
      // Time itself must reach the end, so that the next delay counts from there.
      world_.after(until - world_.time(), [] {});
      world_.step();
      return !violation();
    }
    if (world_.steps() > kStepsMax) {
      checkers_.fail("too many steps: the simulation does not get on");
      return false;
    }
    world_.step();
  }
  return false;
}

namespace {

bool is_parked(const model::Mission& mission) {
  return std::ranges::any_of(mission.tasks, &model::TaskStatus::parked);
}

}  // namespace

bool Simulation::at_rest() const {
  if (!controller_.quiet() || client_.waiting() > 0 || host_.busy() > 0 || !channels_.at_rest() ||
      !objects_.at_rest()) {
    return false;
  }
  const engine::Engine& engine = controller_.core()->engine();
  if (engine.collects()) {
    return false;
  }
  const std::vector<MissionName> live = engine.live_missions();
  return std::all_of(live.begin(), live.end(), [&](const MissionName& name) {
    const model::Mission* mission = engine.find(name);
    if (is_parked(*mission)) {
      return false;
    }
    if (waits_for_admission(*mission) || waits_for_units(*mission)) {
      return true;
    }
    return mission->state == model::MissionState::Held &&
           std::none_of(mission->holds.begin(), mission->holds.end(), [](const auto& hold) {
             return hold.deadline.has_value();
           });
  });
}

void Simulation::run_until_idle() {
  const Timestamp limit = world_.time() + kRestMax;
  while (!violation() && !at_rest()) {
    if (world_.time() > limit || world_.steps() > kStepsMax) {
      std::string who;
      for (const model::Mission* mission : checkers_.missions()) {
        if (!is_terminal(mission->state)) {
          who += concat(" ", mission->name.view(), " is ", to_string(mission->state), ";");
        }
      }
      checkers_.fail(concat(
          "it does not come to rest:",
          who,
          " ",
          client_.waiting(),
          " requests wait, the host has ",
          host_.busy()
      ));
      return;
    }
    world_.step();
  }
}

void Simulation::heal() {
  faults_ = FaultRates{};
  world_.set_clock_right();
  host_.stop_confirming(false);
  client_.meddle(false);
  people_.rest();
  channels_.work_properly();
  objects_.work_properly();
  agents_.rest();
  rest_triggers();
}

void Simulation::finish(bool calm) {
  if (!violation()) {
    checkers_.at_end(calm, host_.runs());
  }
}

namespace {

/// What strikes from outside, minute by minute, until the faults stop.
void plan_blows(Simulation& sim, Timestamp until) {
  Random& random = sim.world().random();
  sim.world().after(random.duration(Duration(1), kMinute), [&sim, until] {
    if (sim.world().time() >= until) {
      return;
    }
    Random& dice = sim.world().random();
    if (dice.chance(sim.faults().host_dies)) {
      sim.host().die(dice.duration(Duration(1), kHostAwayMax));
    }
    if (dice.chance(sim.faults().clock_jumps)) {
      const Duration by = dice.duration(Duration(0), kHourAtMost);
      sim.world().jump(dice.percent(50) ? by : -by);
    }
    plan_blows(sim, until);
  });
}

/// What the workload draws from, and where its questions to people come from; null: nobody asks.
struct Chances {
  Random& random;
  Random* asking = nullptr;

  std::string ask(std::string source) const {
    return asking == nullptr ? source : with_questions(*asking, std::move(source));
  }
};

void plan_missions(Simulation& sim, const Chances& chances, Duration within, const Namespace& ns) {
  Random& random = chances.random;
  std::vector<std::string> sources;
  const std::uint64_t workflows = random.between(1, 3);
  for (std::uint64_t i = 0; i < workflows; ++i) {
    sources.push_back(chances.ask(random_workflow(random, concat("flow-", i))));
  }
  const std::uint64_t missions = random.between(1, 8);
  for (std::uint64_t i = 0; i < missions; ++i) {
    const std::string name = random.percent(50) ? concat("mission-", i) : std::string();
    sim.world().after(
        random.duration(Duration(0), within),
        [&sim, source = random.pick(sources), name, ns] { sim.submit(source, name, ns); }
    );
  }
}

/// Workflows with a cron trigger that come, change, rest and go on. They draw from a stream of
/// their own: a seed without them plays as it always did.
void plan_triggers(Simulation& sim, Random& random, Duration within, const Namespace& ns) {
  const std::uint64_t workflows = random.between(1, 2);
  for (std::uint64_t i = 0; i < workflows; ++i) {
    const std::string name = concat("cron-", i);
    sim.world().after(
        random.duration(Duration(0), within),
        [&sim, source = cron_workflow(random, name), ns] { sim.deploy(source, ns); }
    );
    const std::uint64_t changes = random.between(0, 4);
    for (std::uint64_t k = 0; k < changes; ++k) {
      const std::uint64_t what = random.between(0, 2);
      sim.world().after(
          random.duration(Duration(0), within * 2),
          [&sim, name, what, ns, source = cron_workflow(random, name)] {
            if (what == 0) {
              sim.deploy(source, ns);
            } else {
              sim.client().deploy(name, what == 1 ? "disable" : "enable", Json::object(), ns);
            }
          }
      );
    }
  }
}

/// Sizes of pools that come, change, and in the end suffice for everybody; some seeds leave one
/// without units.
void plan_pools(Simulation& sim, Random& random, Duration within, const Namespace& ns) {
  for (std::uint64_t pool = 0; pool < kPools; ++pool) {
    const std::uint64_t changes = random.between(0, 5);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::uint64_t dice = random.below(100);
      const std::optional<std::uint64_t> units = dice < 15   ? std::nullopt
                                                 : dice < 35 ? std::optional(std::uint64_t{0})
                                                             : std::optional(random.between(1, 3));
      sim.world().after(random.duration(Duration(0), within), [&sim, pool, units, ns] {
        sim.client().set_pool(pool_name(pool), units, ns);
      });
    }
    const std::uint64_t last = random.percent(15) ? 0 : kUnitsWantedMax;
    sim.world().after(within * 2 - Duration(1), [&sim, pool, last, ns] {
      sim.client().set_pool(pool_name(pool), last, ns);
    });
  }
}

engine::SubmitMission family_mission(
    Random& random,
    std::shared_ptr<const workflow::Workflow> workflow,
    Timestamp at,
    const Namespace& ns
) {
  engine::SubmitMission command;
  command.ns = ns;
  command.workflow = std::move(workflow);
  command.user_key = random.percent(35) ? concat("k", random.below(3)) : std::string();
  if (random.percent(40)) {
    command.priority = static_cast<std::int32_t>(random.between(0, 9));
  }
  if (random.percent(25)) {
    command.not_before = at + Duration(30'000);
  }
  return command;
}

/// Submits one mission and, once it is there, those that start after it.
void submit_in_order(Simulation& sim, std::vector<engine::SubmitMission> missions) {
  if (missions.empty()) {
    return;
  }
  const engine::SubmitMission first = missions.front();
  missions.erase(missions.begin());
  sim.client().submit(
      first,
      [&sim, missions = std::move(missions)](const Result<engine::Reply>& reply) mutable {
        if (reply && !missions.empty()) {
          missions.front().after = {reply->mission};
          submit_in_order(sim, std::move(missions));
        }
      }
  );
}

/// Missions that make missions, wait for places, pools and each other, ask for missions and grow. A
/// stream of their own, as above.
void plan_families(Simulation& sim, const Chances& chances, Duration within, const Namespace& ns) {
  Random& random = chances.random;
  for (std::uint64_t leaf = 0; leaf < kLeaves; ++leaf) {
    sim.deploy(chances.ask(leaf_workflow(random, leaf)), ns);
  }
  plan_pools(sim, random, within, ns);
  std::vector<std::shared_ptr<const workflow::Workflow>> workflows;
  const std::uint64_t count = random.between(1, 3);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string source = chances.ask(family_workflow(random, concat("family-", i)));
    const Result<std::shared_ptr<const workflow::Workflow>> loaded = sim.shelf().load(source);
    if (!loaded) {
      sim.checkers().fail(concat("the workload is wrong: ", loaded.error().describe(), "\n", source)
      );
      return;
    }
    workflows.push_back(*loaded);
  }
  const std::uint64_t missions = random.between(1, 8);
  for (std::uint64_t i = 0; i < missions; ++i) {
    const Duration later = random.duration(Duration(0), within);
    std::vector<engine::SubmitMission> in_order;
    const std::uint64_t length = random.percent(30) ? random.between(2, 3) : 1;
    for (std::uint64_t k = 0; k < length; ++k) {
      const auto& workflow = random.pick(workflows);
      in_order.push_back(family_mission(random, workflow, sim.world().time() + later, ns));
    }
    sim.world().after(later, [&sim, in_order] { submit_in_order(sim, in_order); });
  }
}

/// Another tenant of the same installation, who names everything alike. A stream of its own, as
/// above.
void plan_others(Simulation& sim, const Chances& chances, Duration within) {
  const Namespace ns(kOtherNamespace);
  Json metadata = Json::object();
  metadata.set("name", ns.str());
  Json object = Json::object();
  object.set("apiVersion", "v1").set("kind", "Namespace").set("metadata", std::move(metadata));
  Json body = Json::object();
  body.set("object", std::move(object));
  sim.client().order(
      engine::namespace_key(ns),
      "create",
      std::move(body),
      [&sim, chances, within, ns](const Result<engine::Reply>& /*reply*/) {
        plan_missions(sim, chances, within, ns);
        if (chances.random.percent(kPercentWithTriggers)) {
          plan_triggers(sim, chances.random, within, ns);
        }
        if (chances.random.percent(kPercentWithFamilies)) {
          plan_families(sim, chances, within, ns);
        }
      }
  );
}

/// Plain objects, namespaces, and missions in them. A stream of their own, as above.
void plan_objects(Simulation& sim, Random& random, Duration within) {
  const std::string source = random_workflow(random, "described");
  const Result<std::shared_ptr<const workflow::Workflow>> loaded = sim.shelf().load(source);
  if (!loaded) {
    sim.checkers().fail(concat("the workload is wrong: ", loaded.error().describe(), "\n", source));
    return;
  }
  sim.objects().use(random.between(30, 120), within, *loaded, random.next());
}

engine::Limits random_limits(Random& random) {
  engine::Limits limits;
  limits.run_slots = static_cast<std::uint32_t>(random.between(1, 6));
  limits.starts_max = 60;
  limits.epochs_max = 4;
  return limits;
}

Outcome outcome_of(Simulation& sim, std::uint64_t seed) {
  Outcome outcome;
  outcome.seed = seed;
  outcome.violation = sim.violation();
  if (const Result<store::Head> head = sim.disk().head()) {
    const std::string chain(head->chain.begin(), head->chain.end());
    sim.world().trace("head", chain);
    sim.world().trace("end", head->revision.value());
  }
  outcome.trace = sim.world().trace_hash();
  outcome.crashes = sim.controller().crashes();
  outcome.reloads = sim.controller().reloads();
  outcome.steps = sim.world().steps();
  outcome.transitions = sim.checkers().transitions();
  outcome.ticks = sim.checkers().catalog().ticks();
  outcome.deliveries = sim.checkers().deliveries();
  outcome.foreign = sim.checkers().families().foreign();
  outcome.removed = sim.checkers().objects().removed();
  outcome.parkings = sim.checkers().parkings().parkings();
  for (const model::Mission* mission : sim.checkers().missions()) {
    ++outcome.missions;
    outcome.held += mission->state == model::MissionState::Held ? 1 : 0;
  }
  for (const auto& [fence, record] : sim.host().runs()) {
    outcome.executions += record.executions;
  }
  return outcome;
}

}  // namespace

Outcome simulate(std::uint64_t seed, const std::function<void(Simulation&)>& look) {
  // A stream of its own, so that the rates do not depend on how the world uses its numbers.
  Random setup(stable_hash(concat("setup/", seed)));
  SimulationOptions options;
  options.seed = seed;
  options.faults = FaultRates::draw(setup);
  options.limits = random_limits(setup);
  Simulation sim(options);
  const Duration trouble = setup.duration(Duration(60'000), Duration(900'000));
  sim.client().meddle(setup.percent(60));
  if (setup.percent(85)) {
    sim.people().work();
  }
  const Namespace own("default");
  Random agents(stable_hash(concat("agents/", seed)));
  Random* asking = agents.percent(kPercentWithAgents) ? &agents : nullptr;
  if (asking != nullptr) {
    sim.agents().use(agents.next());
  }
  plan_missions(sim, {.random = sim.world().random(), .asking = asking}, trouble / 2, own);
  Random triggers(stable_hash(concat("triggers/", seed)));
  if (triggers.percent(kPercentWithTriggers)) {
    plan_triggers(sim, triggers, trouble / 2, own);
  }
  Random channels(stable_hash(concat("channels/", seed)));
  if (channels.percent(kPercentWithChannels)) {
    sim.channels().use("orders", channels.between(1, 40), trouble / 2, channels.next());
  }
  Random families(stable_hash(concat("families/", seed)));
  if (families.percent(kPercentWithFamilies)) {
    plan_families(sim, {.random = families, .asking = asking}, trouble / 2, own);
  }
  Random others(stable_hash(concat("namespaces/", seed)));
  if (others.percent(kPercentWithOthers)) {
    plan_others(sim, {.random = others, .asking = asking}, trouble / 2);
  }
  Random objects(stable_hash(concat("objects/", seed)));
  if (objects.percent(kPercentWithObjects)) {
    plan_objects(sim, objects, trouble / 2);
  }
  plan_blows(sim, sim.world().time() + trouble);
  sim.advance(trouble);
  sim.heal();
  sim.run_until_idle();
  sim.finish(options.faults.none());

  const Outcome outcome = outcome_of(sim, seed);
  if (look) {
    look(sim);
  }
  return outcome;
}

}  // namespace reeve::sim
