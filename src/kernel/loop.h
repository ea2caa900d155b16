#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "kernel/core.h"

namespace reeve::kernel {

/// What the loop hands out after a commit. Called on the writer thread, in commit order; must not
/// block and must not call back into the loop except through `post`.
struct Sinks {
  std::function<void(model::Effect)> effect;
  std::function<void(std::span<const journal::Event>)> events;
  /// All that was stored; before those who asked for it are answered, so that they find it in what
  /// is made from it.
  std::function<void(const store::Commit&)> committed = {};
  /// After a failed commit the state was loaded from the store again: something may be there that
  /// `committed` has not told. Called on the loop thread, before the next turn.
  std::function<void()> reloaded = {};
};

struct LoopOptions {
  CoreOptions core;
  /// A clock that does not jump (platform::SmoothClock); any thread.
  std::function<Timestamp()> now;
  /// Inputs that may wait; one more is refused with Unavailable.
  std::size_t queue_max = 4096;
  /// Turns between two looks at the writer.
  std::uint32_t turns_max = 256;
  /// Events staged while the writer is busy; beyond it the loop waits for the writer.
  std::size_t staged_events_max = 16'384;
  /// Every live mission is reconciled about this often.
  Duration reconcile_period{30'000};
  /// After a failed commit, how often to try to load the store again.
  Duration reload_period{1000};
  /// Expired input records that are removed at a time.
  std::uint32_t forget_inputs_max = 10'000;
};

/// Whether the kernel takes inputs, and if not, why.
struct Health {
  bool healthy = true;
  Error problem;
};

/// What comes and goes in the kernel, at most kStatisticsPeriod old while it works.
struct Statistics {
  engine::Statistics engine;
  /// Inputs that wait for their turn, and how many may.
  std::size_t inputs_waiting = 0;
  std::size_t inputs_max = 0;
  /// Events that wait for the writer.
  std::size_t events_staged = 0;
  std::size_t timers = 0;
};

/// How often the statistics are made again.
inline constexpr Duration kStatisticsPeriod{250};

/// The kernel with its two threads: the loop runs turns, the writer commits. While one batch is
/// being committed the loop already fills the next one; replies, effects and events of a batch
/// wait for that batch. A failed commit stops everything: nothing is acknowledged, and the state is
/// loaded again from the store before the next turn.
///
/// Threading: `post`, `call`, `health`, `statistics` from any thread; `stop` once, from outside.
class Loop {
 public:
  /// Recovers from `store` and starts the threads. `store` and the sinks must outlive the loop.
  /// `ready`, if given, is told the loop before any thread starts: sinks may need its address.
  static Result<std::unique_ptr<Loop>> start(
      store::Store& store,
      LoopOptions options,
      Sinks sinks,
      const std::function<void(Loop&)>& ready = {}
  );

  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Queues an input; `input.done` is called exactly once if this succeeds, never if it fails.
  ///
  /// Unavailable: the queue is full or the kernel is unhealthy; try again later. Cancelled: it is
  /// stopping.
  Result<void> post(Input input);

  /// Queues a host's report. Never refused for lack of space: there are at most as many as runs.
  void report(model::Report report);

  /// `post` and wait for the outcome. DeadlineExceeded: it may still happen.
  Result<engine::Reply> call(Input input, Duration timeout);

  Health health() const;

  Statistics statistics() const;

  /// Takes no more inputs, finishes those it has, commits, ends the threads. Idempotent.
  void stop();

 private:
  enum class WriterState : std::uint8_t { Idle, Busy, Failed };

  Loop(store::Store& store, LoopOptions options, Sinks sinks);

  void run();
  void run_turns(std::vector<Input> inputs);
  bool wait_for_work(std::vector<Input>& inputs);
  void hand_over();
  void fail(const Error& error);
  bool reload();
  void write_batches();
  Result<void> commit(Batch& batch);
  void release(Batch batch);
  void forget_old_inputs();
  void tell_statistics();
  void refuse(std::vector<Completion>& completions, const Error& error);

  Timestamp now() const;
  void set_ahead(Timestamp journal, Timestamp clock);

  store::Store& store_;
  LoopOptions options_;
  Sinks sinks_;
  std::unique_ptr<Core> core_;       // loop thread only
  journal::Chain chain_;             // writer thread only, or while it is idle
  Timestamp next_forget_;            // writer thread only
  std::uint64_t inputs_stored_ = 0;  // since the last forget_inputs; writer thread only
  /// How far the journal was ahead of the clock when it was loaded (the clock had been set back),
  /// and when that was. Changed only while the writer is idle.
  Duration ahead_{0};
  Timestamp ahead_since_;
  Timestamp next_reconcile_;   // loop thread only
  Timestamp next_statistics_;  // loop thread only

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable batch_ready_;
  std::deque<Input> queue_;
  std::optional<Batch> in_flight_;
  std::vector<journal::ObjectKey> ended_;
  WriterState writer_ = WriterState::Idle;
  Health health_;
  Statistics statistics_;
  /// Commits that failed since the last one that was stored.
  std::uint32_t failures_ = 0;
  bool stopping_ = false;
  bool loop_done_ = false;

  std::thread loop_thread_;
  std::thread writer_thread_;
};

}  // namespace reeve::kernel
