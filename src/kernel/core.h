#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/engine.h"
#include "journal/event.h"
#include "model/effect.h"
#include "store/ports.h"

namespace reeve::kernel {

/// Called once with the outcome of an input, after its effect on the state is durable. Any thread;
/// must not block.
using Done = std::function<void(Result<engine::Reply>)>;

/// A command on its way into the engine.
struct Input {
  /// Given by the sender; a repeated id has no second effect and gets the first answer. May be
  /// empty: then the input is not deduplicated.
  InputId id;
  /// A digest of what is asked: a repeated id with another one is refused (Invalid). Without
  /// blanks; may be empty: then nothing is compared.
  std::string fingerprint = {};
  Principal principal{"system:kernel"};
  /// The groups that the principal belongs to.
  std::vector<std::string> groups = {};
  CorrelationId correlation;
  /// Of the request; a mission that it makes takes it on.
  model::Trace trace = {};
  engine::Command command;
  Done done;
  /// Becomes true when nobody wants it any more: then it is not begun, and answered with Cancelled.
  /// Null: it always is. The loop looks when its turn comes; a core does not.
  std::shared_ptr<const std::atomic<bool>> withdrawn = nullptr;
};

/// An answer that waits for its batch.
struct Completion {
  Done done;
  Result<engine::Reply> outcome;
};

/// What is committed together, and what must wait for that.
struct Batch {
  store::Commit commit;
  std::vector<Completion> completions;
  std::vector<model::Effect> effects;
  /// Objects that have no life ahead after this batch.
  std::vector<journal::ObjectKey> ended;
};

struct CoreOptions {
  engine::Limits limits;
  /// Unique to this data directory; part of every uid.
  std::string instance;
  engine::WorkflowLoader loader;
  /// Outlives the core; null: only UTC is known.
  cron::ZoneSource* zones = nullptr;
  /// Empty: the engine's own.
  engine::ArtifactAddress artifact_address = {};
  /// How runs add tasks to their missions; empty: they cannot.
  engine::WorkflowExtender extend = {};
  /// How long a handled input is remembered.
  Duration input_memory = std::chrono::hours(24);
};

/// The kernel without threads: turns inputs into batches. A driver (Loop, or a simulation) seals a
/// batch, commits it, and then calls `released`; on any failure it throws the core away and makes
/// a new one from the store.
///
/// Threading: one thread at a time; reads the store, never writes it.
class Core {
 public:
  /// Loads everything that is live. The first batch of the new core asks the hosts again for what
  /// should be going on.
  static Result<std::unique_ptr<Core>> recover(
      store::Reader& reader, CoreOptions options, Timestamp now
  );

  /// Runs the turn of one input and stages what it did.
  void handle(Input input, Timestamp now);

  /// Runs the turns of at most `limit` due timers. Returns how many.
  std::uint32_t fire_timers(Timestamp now, std::uint32_t limit);

  /// Reconciles at most `limit` live missions, continuing where the last call stopped. Returns
  /// how many; 0 when a round is complete.
  std::uint32_t reconcile(Timestamp now, std::uint32_t limit);

  /// When the next timer is due.
  std::optional<Timestamp> next_timer() const;

  /// Whether there is something to seal.
  bool staged() const;

  /// Events in the open batch; for back-pressure.
  std::size_t staged_events() const { return open_.commit.events.size(); }

  /// Closes the open batch: encodes the last version of every touched row.
  Batch seal();

  /// After the batch is durable: forgets what has ended.
  void released(const std::vector<journal::ObjectKey>& ended);

  /// Timers that are armed.
  std::size_t timers() const { return timers_.size(); }

  const engine::Engine& engine() const { return engine_; }

  /// Never decreases, whatever the clock does.
  Timestamp last_now() const { return last_now_; }

 private:
  struct TimerId {
    journal::ObjectKey owner;
    std::string key;

    friend auto operator<=>(const TimerId&, const TimerId&) = default;
  };

  Core(store::Reader& reader, CoreOptions options);

  engine::Scope begin(const Input& input, Timestamp now);
  void finish(engine::Scope scope);
  bool answer_repeat(Input& input);
  void remember(const Input& input, Revision last, const engine::Reply& reply);
  Result<engine::Reply> first_answer(const Input& input, std::string subject);
  Result<std::optional<std::string>> find_repeat(const InputId& id);
  Result<void> prepare(engine::Command& command);
  Result<void> fetch(const MissionName& name);
  Result<void> refold_missions();
  Result<void> fetch_row(const journal::ObjectKey& key);
  Result<void> fetch_described(const journal::ObjectKey& object);
  engine::StoredObjects stored_objects();
  void arm(const TimerId& id, std::optional<Timestamp> due);
  void stage_timer(const TimerId& id, std::optional<Timestamp> due);
  void disarm_all(const journal::ObjectKey& owner);

  store::Reader& reader_;
  CoreOptions options_;
  engine::Engine engine_;
  Revision next_;
  Timestamp last_now_;
  Batch open_;
  /// Objects changed in the open batch, with the revision of their last event.
  std::map<journal::ObjectKey, Revision> touched_;
  std::map<TimerId, std::optional<Timestamp>> timer_writes_;
  /// Those of them that the store has never had.
  std::set<TimerId> unstored_timers_;
  std::map<TimerId, Timestamp> timers_;
  std::set<std::pair<Timestamp, TimerId>> due_;
  /// Inputs handled lately, maybe not committed yet.
  std::unordered_map<InputId, std::string> recent_inputs_;
  std::deque<InputId> recent_order_;
  std::deque<MissionName> to_reconcile_;
};

}  // namespace reeve::kernel
