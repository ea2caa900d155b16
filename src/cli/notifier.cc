#include "cli/notifier.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/strings.h"
#include "notify/message.h"

namespace reeve::cli {

namespace {

/// Without news it is looked at this often: what is due may have come.
constexpr Duration kTick{1'000};
constexpr Duration kTickMin{5};
/// Revisions that are looked at again after a restart.
constexpr std::uint64_t kUnsavedMax = 10'000;

Revision revision_in(const Json& object, std::string_view name) {
  return Revision(static_cast<std::uint64_t>(std::max<std::int64_t>(object.get_int(name), 0)));
}

}  // namespace

Notifier::Notifier(NotifierPorts ports, NotifierOptions options)
    : ports_(std::move(ports)), options_(options) {
  for (std::size_t i = 0; i < options_.senders; ++i) {
    senders_.emplace_back([this] { send(); });
  }
  thread_ = std::thread([this] { run(); });
}

Notifier::~Notifier() {
  stop();
}

void Notifier::committed() {
  {
    const std::lock_guard lock(mutex_);
    news_ = true;
  }
  wake_.notify_all();
}

void Notifier::look_again() {
  {
    const std::lock_guard lock(mutex_);
    stale_ = true;
    news_ = true;
  }
  wake_.notify_all();
}

NotifierFigures Notifier::figures() const {
  const std::lock_guard lock(mutex_);
  return figures_;
}

void Notifier::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

// --- senders ------------------------------------------------------------------------------------

/// That of the namespace with the fewest attempts under way. The last free sender is for one that
/// has none. Holds the mutex.
std::deque<Attempt>::iterator Notifier::next_job() {
  auto next = jobs_.end();
  std::size_t fewest = 0;
  for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
    const auto busy = sending_in_.find(at->sink->ns);
    const std::size_t count = busy == sending_in_.end() ? 0 : busy->second;
    if (next == jobs_.end() || count < fewest) {
      next = at;
      fewest = count;
    }
  }
  const bool last = sending_ + 1 >= options_.senders;
  return fewest > 0 && last ? jobs_.end() : next;
}

void Notifier::send() {
  while (true) {
    Attempt attempt;
    {
      std::unique_lock lock(mutex_);
      auto next = jobs_.end();
      jobs_ready_.wait(lock, [&] {
        next = next_job();
        return senders_stop_ || next != jobs_.end();
      });
      if (next == jobs_.end()) {
        return;
      }
      attempt = std::move(*next);
      jobs_.erase(next);
      ++sending_;
      ++sending_in_[attempt.sink->ns];
    }
    notify::AttemptResult result = ports_.attempt(attempt);
    {
      const std::lock_guard lock(mutex_);
      ended_.push_back({.uid = attempt.sink->uid, .result = std::move(result)});
      --sending_;
      const auto busy = sending_in_.find(attempt.sink->ns);
      if (--busy->second == 0) {
        sending_in_.erase(busy);
      }
    }
    wake_.notify_all();
    jobs_ready_.notify_all();
  }
}

// --- the notifier's thread ----------------------------------------------------------------------

void Notifier::run() {
  while (true) {
    wait();
    bool stale = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        break;
      }
      stale = std::exchange(stale_, false);
      news_ = false;
    }
    if (stale) {
      refresh();
    }
    take_ended();
    const bool more = read_events();
    begin_due();
    save(false);
    tell_figures();
    if (more) {
      committed();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    // What was not begun comes again after the next start.
    notify::AttemptResult stopped;
    stopped.problem = "the server was stopped";
    for (const Attempt& never : jobs_) {
      ended_.push_back({.uid = never.sink->uid, .result = stopped});
    }
    jobs_.clear();
    senders_stop_ = true;
  }
  jobs_ready_.notify_all();
  for (std::thread& sender : senders_) {
    sender.join();
  }
  take_ended();
  save(true);
}

void Notifier::wait() {
  const Timestamp now = ports_.now();
  const Timestamp due = next_due();
  const Duration pause = due <= now ? Duration(0) : std::min(kTick, due - now);
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, std::max(pause, kTickMin), [this] {
    return stopping_ || news_ || !ended_.empty();
  });
}

Timestamp Notifier::next_due() const {
  Timestamp first = Timestamp::max();
  for (const auto& [uid, target] : targets_) {
    const std::optional<Timestamp> due = target.queue->due();
    if (due && !target.sink->suspended) {
      first = std::min(first, *due);
    }
    if (target.dirty) {
      first = std::min(first, target.saved + options_.save_period);
    }
  }
  return first == Timestamp::max() ? ports_.now() + kTick : first;
}

/// The sinks as they are now. Those that were there keep what waits for them.
void Notifier::refresh() {
  const Result<std::vector<Json>> objects = ports_.sinks();
  if (!objects) {
    look_again();
    return;
  }
  std::map<std::string, Target> kept;
  for (const Json& object : *objects) {
    take_sink(object, kept);
  }
  // A sink that is gone: its attempt may still be under way, and ends without anybody to tell.
  targets_ = std::move(kept);
}

void Notifier::take_sink(const Json& object, std::map<std::string, Target>& kept) {
  const Json& metadata = object.get_object("metadata");
  const std::string uid = metadata.get_string("uid");
  const auto found = targets_.find(uid);
  const std::int64_t generation = metadata.get_int("generation", 1);
  if (found != targets_.end() && found->second.sink->generation == generation) {
    kept.emplace(uid, std::move(found->second));
    return;
  }
  Result<notify::Sink> sink = notify::sink_from(object);
  Target target;
  if (found != targets_.end()) {
    target = std::move(found->second);
    target.queue->changed();
  } else {
    const Json& status = object.get_object("status");
    const Revision cursor = status.find("cursor") == nullptr ? revision_in(object, "revision")
                                                             : revision_in(status, "cursor");
    target.queue = std::make_unique<notify::SinkQueue>(cursor, options_.queue, ports_.jitter);
    target.report.delivered = revision_in(status, "delivered").value();
    target.report.dead = revision_in(status, "dead").value();
    target.report.last_delivery = status.get_string("lastDelivery");
    target.report.last_delivered_at = status.get_string("lastDeliveredAt");
    target.report.last_dead = status.get_string("lastDead");
  }
  target.dirty = true;
  target.saved = Timestamp{};
  target.report.ready = sink.ok();
  target.report.problem = sink ? std::string() : sink.error().describe();
  if (!sink) {
    // It is told nothing until it is mended, and nothing of what happens until then.
    sink = notify::Sink{};
    sink->suspended = true;
    sink->ns = Namespace(metadata.get_string("namespace"));
    sink->name = metadata.get_string("name");
    sink->uid = uid;
    sink->generation = generation;
  }
  if (sink->suspended) {
    target.queue->clear();
  }
  target.report.ns = sink->ns;
  target.report.name = sink->name;
  target.report.uid = uid;
  target.sink = std::make_shared<const notify::Sink>(std::move(*sink));
  kept.emplace(uid, std::move(target));
}

/// Whether there may be more to read.
bool Notifier::read_events() {
  const Revision head = ports_.head();
  std::map<Revision, std::vector<Target*>> at;
  for (auto& [uid, target] : targets_) {
    if (target.sink->suspended) {
      target.queue->advance(head);
    } else if (target.queue->looked_at() < head && target.queue->room() > 0) {
      at[target.queue->looked_at()].push_back(&target);
    }
  }
  for (const auto& [after, targets] : at) {
    take_events(after, targets);
  }
  return std::any_of(at.begin(), at.end(), [&](const auto& group) {
    return std::any_of(group.second.begin(), group.second.end(), [&](const Target* target) {
      return target->queue->looked_at() < head && target->queue->room() > 0 &&
             target->queue->looked_at() > group.first;
    });
  });
}

/// All of `targets` were looked at up to `after`.
void Notifier::take_events(Revision after, const std::vector<Target*>& targets) {
  const Result<EventPage> page = ports_.events(after, options_.events_max);
  if (!page) {
    return;
  }
  for (const auto& event : page->events) {
    if (notify::may_tell(*event)) {
      offer(*event, targets);
    }
    for (Target* target : targets) {
      // One that had no room for an earlier event must not pass it by.
      if (target->queue->room() > 0) {
        target->queue->advance(event->revision);
      }
    }
  }
  for (Target* target : targets) {
    if (target->queue->room() > 0) {
      target->queue->advance(page->through);
    }
  }
  // A place further on without anything told is kept now and then: each time is an event itself.
  for (Target* target : targets) {
    const std::uint64_t passed = target->queue->cursor().value() -
                                 std::min(target->queue->cursor(), target->report.cursor).value();
    target->dirty = target->dirty || passed >= kUnsavedMax;
  }
}

void Notifier::offer(const journal::Event& event, const std::vector<Target*>& targets) {
  std::optional<notify::Notification> notification;
  for (Target* target : targets) {
    if (target->sink->ns != event.object.ns || target->queue->room() == 0) {
      continue;
    }
    if (!notification) {
      notification = notify::notification_of(event);
      if (!notification) {
        return;
      }
      if (!notification->mission.empty()) {
        notification->facts = ports_.facts(notification->ns, notification->mission);
      }
      notification->title = ports_.redact(notification->title);
      notification->text = ports_.redact(notification->text);
    }
    if (notify::wants(*target->sink, *notification)) {
      target->queue->push(*notification);
    }
  }
}

void Notifier::take_ended() {
  std::deque<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const Ended& one : ended) {
    const auto sent = under_way_.extract(one.uid);
    const auto found = targets_.find(one.uid);
    if (sent.empty() || found == targets_.end() || !found->second.queue->busy()) {
      continue;
    }
    Target& target = found->second;
    const Timestamp now = ports_.now();
    const notify::Fate fate = target.queue->ended(one.result, now);
    target.dirty = true;
    target.report.ready = fate == notify::Fate::Taken;
    target.report.problem = one.result.problem;
    if (fate == notify::Fate::Again) {
      ++counted_.retried;
    } else if (fate == notify::Fate::Dead) {
      gave_up(target, sent.mapped());
    } else {
      ++counted_.delivered;
      ++target.report.delivered;
      target.report.problem.clear();
      target.report.last_delivery = notify::delivery_id(*target.sink, sent.mapped());
      target.report.last_delivered_at = format_timestamp(now);
      if (std::exchange(target.failing, false)) {
        ports_.trouble(*target.sink, {});
      }
    }
    if (target.sink->suspended) {
      target.queue->clear();
    }
  }
}

void Notifier::gave_up(Target& target, const notify::Notification& notification) {
  ++counted_.dead;
  ++target.report.dead;
  target.report.last_dead = notify::delivery_id(*target.sink, notification);
  target.report.ready = false;
  target.report.problem = target.queue->problem();
  target.dirty = true;
  target.failing = true;
  ports_.trouble(*target.sink, target.queue->problem());
}

void Notifier::begin_due() {
  const Timestamp now = ports_.now();
  for (auto& [uid, target] : targets_) {
    while (const auto old = target.queue->drop_old(now)) {
      gave_up(target, *old);
    }
    const std::optional<Timestamp> due = target.queue->due();
    if (!due || *due > now || target.sink->suspended || under_way_.contains(uid)) {
      continue;
    }
    const notify::Notification& next = target.queue->begin();
    under_way_.emplace(uid, next);
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back({.sink = target.sink, .notification = next});
    }
    jobs_ready_.notify_one();
  }
}

void Notifier::save(bool all) {
  const Timestamp now = ports_.now();
  for (auto& [uid, target] : targets_) {
    if (!target.dirty || (!all && now < target.saved + options_.save_period)) {
      continue;
    }
    target.report.cursor = target.queue->cursor();
    target.saved = now;
    target.dirty = false;
    ports_.save(target.report);
  }
}

void Notifier::tell_figures() {
  counted_.sinks = targets_.size();
  counted_.waiting = 0;
  for (const auto& [uid, target] : targets_) {
    counted_.waiting += target.queue->waiting();
  }
  const std::lock_guard lock(mutex_);
  figures_ = counted_;
}

}  // namespace reeve::cli
