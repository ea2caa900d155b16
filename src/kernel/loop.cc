#include "kernel/loop.h"

#include <algorithm>
#include <future>
#include <utility>

#include "base/strings.h"

namespace reeve::kernel {

namespace {

/// The loop looks at the clock at least this often.
constexpr Duration kTick{1000};
constexpr std::uint32_t kTimersPerRound = 1024;
constexpr std::uint32_t kReconcilePerRound = 4096;
constexpr Duration kForgetInputsPeriod{60'000};

Error stopping_error() {
  return make_error(ErrorCode::Cancelled, "the kernel is stopping");
}

bool is_empty(const store::Commit& commit) {
  return commit.events.empty() && commit.rows.empty() && commit.timers.empty() &&
         commit.inputs.empty();
}

}  // namespace

Loop::Loop(store::Store& store, LoopOptions options, Sinks sinks)
    : store_(store), options_(std::move(options)), sinks_(std::move(sinks)) {}

Result<std::unique_ptr<Loop>> Loop::start(
    store::Store& store, LoopOptions options, Sinks sinks, const std::function<void(Loop&)>& ready
) {
  std::unique_ptr<Loop> loop(new Loop(store, std::move(options), std::move(sinks)));
  const Timestamp clock = loop->options_.now();
  REEVE_TRY(loop->core_, Core::recover(store, loop->options_.core, clock));
  loop->set_ahead(loop->core_->last_now(), clock);
  REEVE_TRY(const store::Head head, store.head());
  loop->chain_ = journal::Chain(head.chain);
  loop->next_reconcile_ = loop->now() + loop->options_.reconcile_period;
  loop->tell_statistics();
  if (ready) {
    ready(*loop);
  }
  loop->writer_thread_ = std::thread([raw = loop.get()] { raw->write_batches(); });
  loop->loop_thread_ = std::thread([raw = loop.get()] { raw->run(); });
  return loop;
}

Loop::~Loop() {
  stop();
}

/// A journal that is ahead of the clock lets time pass at half its pace until the clock has caught
/// up: it never goes back, timers still come due, and ticks of the clock are soon those of the
/// wall.
Timestamp Loop::now() const {
  const Timestamp clock = options_.now();
  return clock + std::max(Duration(0), ahead_ - (clock - ahead_since_) / 2);
}

void Loop::set_ahead(Timestamp journal, Timestamp clock) {
  ahead_ = std::max(Duration(0), journal - clock);
  ahead_since_ = clock;
}

// --- senders ------------------------------------------------------------------------------------

Result<void> Loop::post(Input input) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) {
    return stopping_error();
  }
  if (!health_.healthy) {
    return make_error(ErrorCode::Unavailable, health_.problem.describe(), "store");
  }
  if (queue_.size() >= options_.queue_max) {
    return make_error(
        ErrorCode::Unavailable, concat(queue_.size(), " inputs are waiting already"), "queue"
    );
  }
  queue_.push_back(std::move(input));
  work_.notify_one();
  return {};
}

void Loop::report(model::Report report) {
  Input input;
  input.principal = Principal("system:host");
  input.command = std::move(report);
  const std::scoped_lock lock(mutex_);
  // While unhealthy or stopping, reports are dropped: a recovered engine asks the host again.
  if (!stopping_ && health_.healthy) {
    queue_.push_back(std::move(input));
    work_.notify_one();
  }
}

Result<engine::Reply> Loop::call(Input input, Duration timeout) {
  auto promise = std::make_shared<std::promise<Result<engine::Reply>>>();
  std::future<Result<engine::Reply>> future = promise->get_future();
  input.done = [promise](Result<engine::Reply> outcome) {
    promise->set_value(std::move(outcome));
  };
  REEVE_CHECK(post(std::move(input)));
  if (future.wait_for(timeout) != std::future_status::ready) {
    return make_error(
        ErrorCode::DeadlineExceeded,
        concat("no answer within ", format_duration(timeout), "; it may still happen")
    );
  }
  return future.get();
}

Health Loop::health() const {
  const std::scoped_lock lock(mutex_);
  return health_;
}

Statistics Loop::statistics() const {
  const std::scoped_lock lock(mutex_);
  Statistics statistics = statistics_;
  statistics.inputs_waiting = queue_.size();
  statistics.inputs_max = options_.queue_max;
  return statistics;
}

void Loop::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  if (loop_thread_.joinable()) {
    loop_thread_.join();
  }
  {
    const std::scoped_lock lock(mutex_);
    loop_done_ = true;
  }
  batch_ready_.notify_all();
  if (writer_thread_.joinable()) {
    writer_thread_.join();
  }
}

// --- the loop thread ----------------------------------------------------------------------------

void Loop::run() {
  std::vector<Input> inputs;
  while (wait_for_work(inputs)) {
    run_turns(std::move(inputs));
    inputs.clear();
    hand_over();
    tell_statistics();
  }
}

/// Sleeps until there is something to do. Fills `inputs`; false: everything is done and it is time
/// to end.
bool Loop::wait_for_work(std::vector<Input>& inputs) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (writer_ == WriterState::Failed) {
      const Error problem = health_.problem;
      lock.unlock();
      fail(problem);
      if (!reload()) {
        return false;
      }
      lock.lock();
      continue;
    }
    if (!ended_.empty()) {
      core_->released(std::exchange(ended_, {}));
    }
    const bool room = core_->staged_events() < options_.staged_events_max;
    const bool can_hand_over = writer_ == WriterState::Idle && core_->staged();
    if (room && !queue_.empty()) {
      const std::size_t count = std::min<std::size_t>(queue_.size(), options_.turns_max);
      std::move(
          queue_.begin(),
          queue_.begin() + static_cast<std::ptrdiff_t>(count),
          std::back_inserter(inputs)
      );
      queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
      return true;
    }
    if (can_hand_over) {
      return true;
    }
    if (stopping_ && writer_ == WriterState::Idle && !core_->staged()) {
      return false;
    }
    // Without room, or at the end, nothing but the writer is worth waking up for.
    Duration wait = kTick;
    if (const std::optional<Timestamp> due = core_->next_timer(); due && room && !stopping_) {
      wait = std::clamp<Duration>(*due - now(), Duration(0), kTick);
    }
    if (wait.count() == 0) {
      return true;
    }
    if (work_.wait_for(lock, wait) == std::cv_status::timeout && !stopping_) {
      return true;
    }
  }
}

void Loop::run_turns(std::vector<Input> inputs) {
  const Timestamp at = now();
  for (Input& input : inputs) {
    if (input.withdrawn != nullptr && input.withdrawn->load()) {
      if (input.done) {
        input.done(make_error(ErrorCode::Cancelled, "nobody waits for it any more"));
      }
      continue;
    }
    core_->handle(std::move(input), at);
  }
  core_->fire_timers(at, kTimersPerRound);
  if (at >= next_reconcile_) {
    const std::uint32_t done = core_->reconcile(at, kReconcilePerRound);
    next_reconcile_ = done == 0 ? at + options_.reconcile_period : at;
  }
}

/// Not with each turn: they take time for each channel. The loop wakes at least once in kTick.
void Loop::tell_statistics() {
  const Timestamp at = options_.now();
  if (at < next_statistics_) {
    return;
  }
  next_statistics_ = at + kStatisticsPeriod;
  Statistics statistics;
  statistics.engine = core_->engine().statistics();
  statistics.events_staged = core_->staged_events();
  statistics.timers = core_->timers();
  const std::scoped_lock lock(mutex_);
  statistics_ = std::move(statistics);
}

void Loop::hand_over() {
  const std::scoped_lock lock(mutex_);
  if (writer_ != WriterState::Idle || !core_->staged()) {
    return;
  }
  in_flight_ = core_->seal();
  writer_ = WriterState::Busy;
  batch_ready_.notify_one();
}

/// Answers everything that waits: nothing of it is known to be stored.
void Loop::fail(const Error& error) {
  Error answer = make_error(
      ErrorCode::Unavailable, concat("the store refused a commit: ", error.describe()), "store"
  );
  answer.hint = "it may or may not have been stored; look before sending it again";
  if (core_ != nullptr) {
    Batch staged = core_->seal();
    core_.reset();
    refuse(staged.completions, answer);
  }
  std::deque<Input> waiting;
  {
    const std::scoped_lock lock(mutex_);
    waiting.swap(queue_);
    ended_.clear();
  }
  for (Input& input : waiting) {
    if (input.done) {
      input.done(answer);
    }
  }
}

/// Loads the store until it succeeds. False: we are asked to stop first.
bool Loop::reload() {
  {
    // One failure may have been a hiccup. After the second in a row the store gets time: with a
    // full disk it can be read and not written.
    std::unique_lock lock(mutex_);
    const Duration pause = failures_ > 1 ? options_.reload_period : Duration(0);
    if (work_.wait_for(lock, pause, [&] { return stopping_; })) {
      return false;
    }
  }
  while (true) {
    const Timestamp clock = options_.now();
    Result<std::unique_ptr<Core>> core = Core::recover(store_, options_.core, now());
    Result<store::Head> head = store_.head();
    if (core && head && sinks_.reloaded) {
      sinks_.reloaded();
    }
    std::unique_lock lock(mutex_);
    if (core && head) {
      core_ = std::move(*core);
      set_ahead(core_->last_now(), clock);
      chain_ = journal::Chain(head->chain);
      writer_ = WriterState::Idle;
      // Whether it can be written shows at the next commit.
      health_ = Health{};
      return true;
    }
    health_.problem = core ? head.error() : core.error();
    if (work_.wait_for(lock, options_.reload_period, [&] { return stopping_; })) {
      return false;
    }
  }
}

void Loop::refuse(std::vector<Completion>& completions, const Error& error) {
  for (Completion& completion : completions) {
    if (completion.done) {
      completion.done(error);
    }
  }
}

// --- the writer thread --------------------------------------------------------------------------

void Loop::write_batches() {
  while (true) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      batch_ready_.wait(lock, [&] { return in_flight_.has_value() || loop_done_; });
      if (!in_flight_) {
        return;
      }
      batch = std::move(*in_flight_);
      in_flight_.reset();
    }
    if (Result<void> stored = commit(batch); !stored) {
      Error answer = make_error(
          ErrorCode::Unavailable,
          concat("the store refused a commit: ", stored.error().describe()),
          "store"
      );
      answer.hint = "it may or may not have been stored; look before sending it again";
      refuse(batch.completions, answer);
      const std::scoped_lock lock(mutex_);
      health_ = Health{.healthy = false, .problem = std::move(stored).error()};
      ++failures_;
      writer_ = WriterState::Failed;
      work_.notify_one();
      continue;
    }
    std::vector<journal::ObjectKey> ended = std::move(batch.ended);
    {
      // The next batch may be sealed while this one's answers go out; the order of commits stays.
      const std::scoped_lock lock(mutex_);
      failures_ = is_empty(batch.commit) ? failures_ : 0;
      std::move(ended.begin(), ended.end(), std::back_inserter(ended_));
    }
    inputs_stored_ += batch.commit.inputs.size();
    release(std::move(batch));
    forget_old_inputs();
    const std::scoped_lock lock(mutex_);
    writer_ = WriterState::Idle;
    work_.notify_one();
  }
}

/// Housekeeping, at least once for each half of what a round removes: records must not come faster
/// than they go. A failure shows at the next commit and is handled there.
void Loop::forget_old_inputs() {
  const Timestamp at = now();
  if (at >= next_forget_ || inputs_stored_ >= options_.forget_inputs_max / 2) {
    next_forget_ = at + kForgetInputsPeriod;
    inputs_stored_ = 0;
    (void)store_.forget_inputs(at, options_.forget_inputs_max).ok();
  }
}

Result<void> Loop::commit(Batch& batch) {
  store::Commit& commit = batch.commit;
  if (is_empty(commit)) {
    return {};
  }
  for (journal::Event& event : commit.events) {
    chain_.link(event);
  }
  return store_.commit(commit);
}

void Loop::release(Batch batch) {
  if (sinks_.committed) {
    sinks_.committed(batch.commit);
  }
  if (sinks_.events && !batch.commit.events.empty()) {
    sinks_.events(batch.commit.events);
  }
  for (Completion& completion : batch.completions) {
    if (completion.done) {
      completion.done(std::move(completion.outcome));
    }
  }
  for (model::Effect& effect : batch.effects) {
    if (sinks_.effect) {
      sinks_.effect(std::move(effect));
    }
  }
}

}  // namespace reeve::kernel
