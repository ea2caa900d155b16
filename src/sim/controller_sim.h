#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "journal/event.h"
#include "kernel/core.h"
#include "sim/faults.h"
#include "sim/fwd.h"
#include "store/faulty/faulty_store.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// The kernel's core on virtual time, driven as kernel::Loop drives it: one batch is being
/// committed while the next one fills; answers and effects of a batch wait for its commit; a failed
/// commit throws the core away and loads the store again. Dies and comes back.
///
/// Threading: the simulation's.
class ControllerSim {
 public:
  using EffectSink = std::function<void(const model::Effect&)>;

  ControllerSim(
      World& world,
      FaultRates& faults,
      Checkers& checkers,
      store::MemoryStore& disk,
      kernel::CoreOptions options,
      EffectSink effects
  );

  /// Recovers from the disk; a store that cannot be read is tried again every second.
  void start();

  /// `kill -9`: everything in memory and some of the requests on their way are lost. It comes back
  /// after `away`.
  void crash(Duration away);

  /// Queues an input. While the controller is down it is lost, and `done` is never called.
  void post(kernel::Input input);

  void report(const model::Report& report);

  /// Crash once, at boundary number `number` (from 1), whatever the rates say.
  void crash_at(std::uint64_t number) { crash_at_ = number; }

  /// How many boundaries there were so far.
  std::uint64_t boundaries() const { return boundaries_; }

  std::uint64_t crashes() const { return crashes_; }

  std::uint64_t reloads() const { return reloads_; }

  /// Null while it is down.
  const kernel::Core* core() const { return core_.get(); }

  /// Nothing waits for a turn, a commit or its way to the host.
  bool quiet() const;

 private:
  store::Fault fault_at(store::FaultPoint point);
  bool crashes_here();
  void recover();
  void pump();
  void run_turns();
  void handle_report(kernel::Input input);
  void hand_over();
  void commit();
  void release(kernel::Batch batch);
  void refuse(kernel::Batch& batch, const Error& error);
  void reload(const Error& error);
  void send(const model::Effect& effect);
  void wake(Duration delay);
  void plan_wake();
  void forget_memory();

  World& world_;
  FaultRates& faults_;
  Checkers& checkers_;
  store::FaultyStore store_;
  kernel::CoreOptions options_;
  EffectSink effects_;

  std::unique_ptr<kernel::Core> core_;
  journal::Chain chain_;
  std::deque<kernel::Input> queue_;
  std::optional<kernel::Batch> in_flight_;
  /// Tells the actions of an earlier life from those of this one.
  std::uint64_t life_ = 0;
  std::uint64_t wake_number_ = 0;
  Timestamp next_reconcile_;
  Timestamp disk_full_until_;
  /// Requests arrive in the order in which they were sent.
  Timestamp last_arrival_;
  std::uint32_t effects_in_flight_ = 0;
  std::uint64_t boundaries_ = 0;
  std::uint64_t crash_at_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t reloads_ = 0;
  /// Whether a commit has succeeded since the core was loaded.
  bool committed_ = false;
};

}  // namespace reeve::sim
