#include "sim/controller_sim.h"

#include <algorithm>

#include "base/strings.h"
#include "sim/checkers.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kReconcilePeriod{30'000};
constexpr Duration kReloadPeriod{1000};
constexpr Duration kCommitTimeMax{5};
constexpr Duration kEffectDelayMax{5};
constexpr Duration kDiskFullMax{60'000};
constexpr std::uint64_t kTurnsMax = 8;
constexpr std::uint32_t kTimersPerRound = 16;
constexpr std::uint32_t kReconcilePerRound = 1000;
constexpr PerMillion kLostWithController = 500'000;

}  // namespace

ControllerSim::ControllerSim(
    World& world,
    FaultRates& faults,
    Checkers& checkers,
    store::MemoryStore& disk,
    kernel::CoreOptions options,
    EffectSink effects
)
    : world_(world),
      faults_(faults),
      checkers_(checkers),
      store_(disk, [this](store::FaultPoint point) { return fault_at(point); }),
      options_(std::move(options)),
      effects_(std::move(effects)) {}

store::Fault ControllerSim::fault_at(store::FaultPoint point) {
  Random& random = world_.random();
  if (point != store::FaultPoint::Commit) {
    return random.chance(faults_.read_fails) ? store::Fault::FailIo : store::Fault::None;
  }
  if (random.chance(faults_.disk_fills)) {
    disk_full_until_ = world_.time() + random.duration(Duration(1), kDiskFullMax);
  }
  if (world_.time() < disk_full_until_ && !faults_.none()) {
    return store::Fault::FailFull;
  }
  if (random.chance(faults_.commit_fails)) {
    return store::Fault::FailIo;
  }
  return random.chance(faults_.commit_ambiguous) ? store::Fault::FailAfter : store::Fault::None;
}

/// Counts a boundary and says whether the process dies right there.
bool ControllerSim::crashes_here() {
  ++boundaries_;
  if (boundaries_ != crash_at_ && !world_.random().chance(faults_.crash_at_boundary)) {
    return false;
  }
  crash(world_.random().duration(Duration(1), Duration(30'000)));
  return true;
}

// --- life and death -----------------------------------------------------------------------------

void ControllerSim::start() {
  next_reconcile_ = world_.time() + kReconcilePeriod;
  recover();
}

void ControllerSim::forget_memory() {
  ++life_;
  core_.reset();
  in_flight_.reset();
  queue_.clear();
}

void ControllerSim::crash(Duration away) {
  world_.trace("crash", boundaries_);
  ++crashes_;
  forget_memory();
  world_.after(away, [this, life = life_] {
    if (life == life_) {
      recover();
    }
  });
}

void ControllerSim::recover() {
  Result<std::unique_ptr<kernel::Core>> core =
      kernel::Core::recover(store_, options_, world_.clock());
  const Result<store::Head> head = store_.head();
  if (!core || !head) {
    const Error& error = core ? head.error() : core.error();
    if (error.code != ErrorCode::Io) {
      checkers_.fail(concat("the store cannot be loaded: ", error.describe()));
      return;
    }
    world_.after(kReloadPeriod, [this, life = life_] {
      if (life == life_) {
        recover();
      }
    });
    return;
  }
  world_.trace("recovered", head->revision.value());
  core_ = std::move(*core);
  chain_ = journal::Chain(head->chain);
  checkers_.recovered();
  wake(Duration(0));
}

/// As kernel::Loop after a failed commit: nothing of what is in memory is known to be stored.
void ControllerSim::reload(const Error& error) {
  world_.trace("reload", to_string(error.code));
  ++reloads_;
  if (core_ != nullptr) {
    kernel::Batch staged = core_->seal();
    refuse(staged, error);
  }
  for (kernel::Input& input : queue_) {
    if (input.done) {
      input.done(error);
    }
  }
  forget_memory();
  // A store that refuses every commit is not asked without pause.
  world_.after(committed_ ? Duration(0) : kReloadPeriod, [this, life = life_] {
    if (life == life_) {
      recover();
    }
  });
  committed_ = false;
}

void ControllerSim::refuse(kernel::Batch& batch, const Error& error) {
  for (kernel::Completion& completion : batch.completions) {
    if (completion.done) {
      completion.done(error);
    }
  }
}

// --- turns --------------------------------------------------------------------------------------

void ControllerSim::post(kernel::Input input) {
  if (core_ == nullptr) {
    return;
  }
  queue_.push_back(std::move(input));
  wake(world_.random().duration(Duration(0), Duration(2)));
}

void ControllerSim::report(const model::Report& report) {
  kernel::Input input;
  input.principal = Principal("system:host");
  input.command = report;
  post(std::move(input));
}

void ControllerSim::wake(Duration delay) {
  world_.after(delay, [this, life = life_, number = ++wake_number_] {
    // Only the latest plan counts, except that inputs are never left waiting.
    if (life == life_ && (number == wake_number_ || !queue_.empty())) {
      pump();
    }
  });
}

void ControllerSim::pump() {
  if (core_ == nullptr || checkers_.violation()) {
    return;
  }
  run_turns();
  checkers_.core_changed(*core_);
  hand_over();
  plan_wake();
}

void ControllerSim::run_turns() {
  const Timestamp now = world_.clock();
  const std::uint64_t turns = world_.random().between(1, kTurnsMax);
  for (std::uint64_t i = 0; i < turns && !queue_.empty(); ++i) {
    kernel::Input input = std::move(queue_.front());
    queue_.pop_front();
    if (std::holds_alternative<model::Report>(input.command)) {
      handle_report(std::move(input));
    } else {
      core_->handle(std::move(input), now);
    }
  }
  core_->fire_timers(now, kTimersPerRound);
  if (world_.time() >= next_reconcile_) {
    while (core_->reconcile(now, kReconcilePerRound) != 0) {
    }
    next_reconcile_ = world_.time() + kReconcilePeriod;
  }
}

/// A report whose fence no run on a host has now must not change anything.
void ControllerSim::handle_report(kernel::Input input) {
  const auto [mission, fence] = std::visit(
      [](const auto& report) { return std::pair(report.mission, report.fence); },
      std::get<model::Report>(input.command)
  );
  const bool current = Checkers::is_on_host(core_->engine().find(mission), fence);
  const std::size_t events = core_->staged_events();
  core_->handle(std::move(input), world_.clock());
  if (!current && core_->staged_events() != events) {
    checkers_.fail(
        concat("a report with the old fence ", fence.value(), " changed mission ", mission.view())
    );
  }
}

void ControllerSim::plan_wake() {
  if (!queue_.empty()) {
    wake(Duration(0));
    return;
  }
  Timestamp due = next_reconcile_;
  if (const std::optional<Timestamp> timer = core_->next_timer()) {
    const bool fires_now = *timer <= core_->last_now();
    const Duration wait = fires_now ? Duration(0) : *timer - world_.clock();
    due = std::min(due, world_.time() + std::max(wait, Duration(0)));
  }
  Duration delay = std::max(due - world_.time(), Duration(0));
  if (world_.random().chance(faults_.timer_late)) {
    delay += world_.random().duration(Duration(0), kLatenessMax);
  }
  wake(delay);
}

// --- commits ------------------------------------------------------------------------------------

void ControllerSim::hand_over() {
  if (in_flight_ || !core_->staged()) {
    return;
  }
  in_flight_ = core_->seal();
  world_.after(world_.random().duration(Duration(0), kCommitTimeMax), [this, life = life_] {
    if (life == life_) {
      commit();
    }
  });
}

void ControllerSim::commit() {
  if (crashes_here()) {
    return;
  }
  kernel::Batch batch = std::move(*in_flight_);
  in_flight_.reset();
  store::Commit& commit = batch.commit;
  if (!commit.events.empty() || !commit.rows.empty() || !commit.timers.empty() ||
      !commit.inputs.empty()) {
    for (journal::Event& event : commit.events) {
      chain_.link(event);
    }
    const Result<void> stored = store_.commit(commit);
    checkers_.disk_changed();
    if (!stored) {
      Error answer = make_error(
          ErrorCode::Unavailable, "the store refused a commit: " + stored.error().message
      );
      refuse(batch, answer);
      reload(answer);
      return;
    }
    committed_ = true;
  }
  if (!crashes_here()) {
    release(std::move(batch));
  }
}

void ControllerSim::release(kernel::Batch batch) {
  for (kernel::Completion& completion : batch.completions) {
    if (crashes_here()) {
      return;
    }
    if (completion.done) {
      completion.done(std::move(completion.outcome));
    }
  }
  for (const model::Effect& effect : batch.effects) {
    if (crashes_here()) {
      return;
    }
    checkers_.effect_released(effect);
    send(effect);
  }
  core_->released(batch.ended);
  hand_over();
  wake(Duration(0));
}

void ControllerSim::send(const model::Effect& effect) {
  Random& random = world_.random();
  if (random.chance(faults_.effect_lost)) {
    return;
  }
  const bool late = random.chance(faults_.effect_late);
  const Duration delay = random.duration(Duration(0), late ? kLatenessMax : kEffectDelayMax);
  last_arrival_ = std::max(last_arrival_, world_.time() + delay);
  const int copies = random.chance(faults_.effect_doubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    ++effects_in_flight_;
    world_.after(last_arrival_ - world_.time(), [this, effect, life = life_] {
      --effects_in_flight_;
      if (life == life_ || !world_.random().chance(kLostWithController)) {
        effects_(effect);
      }
    });
  }
}

bool ControllerSim::quiet() const {
  return core_ != nullptr && queue_.empty() && !in_flight_ && !core_->staged() &&
         effects_in_flight_ == 0;
}

}  // namespace reeve::sim
