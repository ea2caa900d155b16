#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "notify/sink.h"

namespace reeve::notify {

struct QueueOptions {
  /// Notifications in memory; the others wait in the journal.
  std::size_t waiting_max = 256;
  /// Attempts of one notification.
  std::uint32_t attempts_max = 8;
  /// After the first failure; twice as long after each further one.
  Duration first_pause{1'000};
  Duration longest_pause{300'000};
  /// Dead letters in a row after which the sink is only looked at now and then.
  std::uint32_t dead_max = 3;
  /// How often then.
  Duration probe_period{300'000};
  /// What is older is given up.
  Duration age_max{Duration::rep{24} * 3'600'000};
};

/// How an attempt ended.
struct AttemptResult {
  bool taken = false;
  /// It makes no sense to try again.
  bool final = false;
  /// Not before, if the other side has said so.
  Duration retry_after{0};
  /// For people; nothing secret.
  std::string problem;
};

/// What became of a notification.
enum class Fate : std::uint8_t { Taken, Again, Dead };

/// What waits to be told to one sink, in order and one at a time. The journal's revision up to
/// which all is told or given up is what has to be remembered.
///
/// Threading: one thread.
class SinkQueue {
 public:
  /// `cursor`: up to where all was told before. `jitter` gives numbers in [0, 1).
  SinkQueue(Revision cursor, QueueOptions options, std::function<double()> jitter);

  /// Notifications that still fit.
  std::size_t room() const;

  /// Up to where the journal was looked at.
  Revision looked_at() const { return looked_at_; }

  /// The next notification; there is room, and it is later than the last.
  void push(Notification notification);

  /// The journal was looked at up to there.
  void advance(Revision revision);

  /// When the next attempt may begin; nothing: nothing waits, or one is under way.
  std::optional<Timestamp> due() const;

  /// Begins the attempt that is due. What it returns lives until `ended`.
  const Notification& begin();

  /// The attempt has ended.
  Fate ended(const AttemptResult& result, Timestamp now);

  /// Gives up what is too old; one at a time. Not while an attempt is under way.
  std::optional<Notification> drop_old(Timestamp now);

  /// The sink was changed: what failed may work now.
  void changed();

  /// Forgets all that waits, except what is under way.
  void clear();

  /// Up to where all is told or given up.
  Revision cursor() const;

  bool busy() const { return busy_; }

  std::size_t waiting() const { return waiting_.size(); }

  /// Whether it is only looked at now and then.
  bool resting() const { return dead_in_row_ >= options_.dead_max; }

  /// Empty: the last attempt was taken.
  const std::string& problem() const { return problem_; }

 private:
  Duration pause(Duration at_least);
  void give_up();

  QueueOptions options_;
  std::function<double()> jitter_;
  Revision looked_at_;
  std::deque<Notification> waiting_;
  bool busy_ = false;
  std::uint32_t attempts_ = 0;
  std::uint32_t dead_in_row_ = 0;
  Timestamp next_{};
  std::string problem_;
};

}  // namespace reeve::notify
