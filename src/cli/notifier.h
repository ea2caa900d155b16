#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "journal/event.h"
#include "notify/sink.h"
#include "notify/sink_queue.h"

namespace reeve::cli {

/// What is told at this time, and to whom.
struct Attempt {
  std::shared_ptr<const notify::Sink> sink;
  notify::Notification notification;
};

/// What a sink's status is to say.
struct SinkReport {
  Namespace ns;
  std::string name;
  std::string uid;
  Revision cursor;
  std::uint64_t delivered = 0;
  std::uint64_t dead = 0;
  /// Empty: none was taken, or given up, since the start.
  std::string last_delivery;
  std::string last_delivered_at;
  std::string last_dead;
  bool ready = true;
  /// Why it is not ready.
  std::string problem;
};

/// A part of the journal.
struct EventPage {
  /// Those that may have to be told, in order; others may be left out.
  std::vector<std::shared_ptr<const journal::Event>> events;
  /// Up to there all of them are in it.
  Revision through;
};

/// What the notifier stands on; each is called on its threads and must not throw.
struct NotifierPorts {
  /// The NotificationSinks of all namespaces, whole.
  std::function<Result<std::vector<Json>>()> sinks;
  /// At most so many events after a revision.
  std::function<Result<EventPage>(Revision after, std::size_t events_max)> events;
  /// The last revision that can be read.
  std::function<Revision()> head;
  /// Of a mission; nothing known: empty.
  std::function<notify::MissionFacts(const Namespace&, const std::string& mission)> facts;
  /// Masks what must not be told.
  std::function<std::string(std::string_view)> redact;
  /// Carries out one attempt within its deadline. Sender threads, several at a time.
  std::function<notify::AttemptResult(const Attempt&)> attempt;
  /// Keeps the status of a sink. Must not block for long.
  std::function<void(const SinkReport&)> save;
  /// A message was given up (`problem` says why), or the sink works again (`problem` is empty).
  std::function<void(const notify::Sink&, const std::string& problem)> trouble;
  std::function<Timestamp()> now;
  /// In [0, 1).
  std::function<double()> jitter;
};

struct NotifierOptions {
  notify::QueueOptions queue = {};
  /// Attempts at the same time.
  std::size_t senders = 4;
  /// The status of a sink is written this often at most.
  Duration save_period{2'000};
  /// Events that are read at a time.
  std::size_t events_max = 500;
};

/// Counts since the start.
struct NotifierFigures {
  std::uint64_t delivered = 0;
  std::uint64_t retried = 0;
  std::uint64_t dead = 0;
  /// Now.
  std::uint64_t waiting = 0;
  std::uint64_t sinks = 0;
};

/// Tells sinks what happens: reads the journal after each sink's cursor, and sends. A sink that
/// does not answer keeps nobody else waiting but its own messages, and one of the senders for the
/// length of an attempt; those of one namespace never keep all senders.
///
/// Threading: one thread of its own, and senders; `committed`, `look_again` and `figures` any
/// thread; create, `stop` and destroy on one.
class Notifier {
 public:
  Notifier(NotifierPorts ports, NotifierOptions options);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// Something was committed that may have to be told. Must not block.
  void committed();

  /// The sinks may be others.
  void look_again();

  NotifierFigures figures() const;

  /// Waits for the attempts under way, writes what is known of each sink, and ends the threads.
  /// Idempotent.
  void stop();

 private:
  struct Target {
    std::shared_ptr<const notify::Sink> sink;
    std::unique_ptr<notify::SinkQueue> queue;
    SinkReport report;
    bool dirty = true;
    /// An incident may be open.
    bool failing = true;
    Timestamp saved{};
  };

  struct Ended {
    std::string uid;
    notify::AttemptResult result;
  };

  void run();
  void send();
  std::deque<Attempt>::iterator next_job();
  void wait();
  void refresh();
  void take_sink(const Json& object, std::map<std::string, Target>& kept);
  bool read_events();
  void take_events(Revision after, const std::vector<Target*>& targets);
  void offer(const journal::Event& event, const std::vector<Target*>& targets);
  void take_ended();
  void begin_due();
  void gave_up(Target& target, const notify::Notification& notification);
  void save(bool all);
  Timestamp next_due() const;
  void tell_figures();

  NotifierPorts ports_;
  NotifierOptions options_;

  /// By uid; the notifier's thread only.
  std::map<std::string, Target> targets_;
  std::map<std::string, notify::Notification> under_way_;
  NotifierFigures counted_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable jobs_ready_;
  std::deque<Attempt> jobs_;
  /// Attempts under way, of all and by namespace.
  std::size_t sending_ = 0;
  std::map<Namespace, std::size_t> sending_in_;
  std::deque<Ended> ended_;
  NotifierFigures figures_;
  bool news_ = true;
  bool stale_ = true;
  bool stopping_ = false;
  bool senders_stop_ = false;

  std::vector<std::thread> senders_;
  std::thread thread_;
};

}  // namespace reeve::cli
