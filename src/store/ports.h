#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/event.h"

namespace reeve::store {

/// The current value of one object, as its fold left it.
struct Row {
  journal::ObjectKey key;
  Uid uid;
  /// Revision of the last event that changed it.
  Revision revision;
  /// Whether the object still has a life ahead (a mission that is not terminal). Recovery loads
  /// live rows only.
  bool live = true;
  /// JSON object as compact text.
  std::string body;
  /// What the row is counted under once it is not live any more (`count_ended`); empty: nothing.
  std::string tally = {};
};

/// A durable alarm. `due` empty: disarm. At most one per (owner, key); arming again overwrites.
struct TimerWrite {
  journal::ObjectKey owner;
  std::string key;
  std::optional<Timestamp> due;
};

struct Timer {
  journal::ObjectKey owner;
  std::string key;
  Timestamp due;
};

/// Remembers that an input was handled, so that a repeat is answered and not done again.
struct InputRecord {
  InputId id;
  /// Last revision of the turn that handled it.
  Revision revision;
  Timestamp expires_at;
  /// What the first answer referred to (the mission's name).
  std::string subject;
};

/// Where the journal ends.
struct Head {
  Revision revision;
  Sha256Bytes chain{};
};

/// One atomic step of the store: everything in it or nothing. Contains each row, timer and input
/// at most once.
struct Commit {
  std::vector<journal::Event> events;
  std::vector<Row> rows;
  std::vector<TimerWrite> timers;
  std::vector<InputRecord> inputs;
};

/// Which events to read; empty members select everything.
struct EventQuery {
  Revision after;
  std::optional<journal::ObjectKey> object;
  std::uint32_t limit = 500;
  /// The last `limit` events in place of the first ones, oldest first all the same. Only with
  /// `object`.
  bool newest = false;
};

/// Which rows to list, newest first (by the revision of their creation).
struct RowQuery {
  journal::Kind kind = journal::Kind::Mission;
  std::optional<Namespace> ns;
  bool live_only = false;
  std::uint32_t limit = 500;
  /// Continue below this creation revision; 0 starts at the newest.
  Revision before;
};

/// A row together with the revision of its creation (the cursor of `list`).
struct ListedRow {
  Row row;
  Revision created;
};

/// Reads what has been committed. Each call sees one consistent snapshot.
///
/// Threading: any thread; implementations do their own locking.
class Reader {
 public:
  virtual ~Reader() = default;

  virtual Result<Head> head() = 0;

  /// NotFound is not an error here: an absent row is an empty optional.
  virtual Result<std::optional<Row>> get(const journal::ObjectKey& key) = 0;

  /// At most `query.limit` rows, newest first.
  virtual Result<std::vector<ListedRow>> list(const RowQuery& query) = 0;

  /// At most `query.limit` events in order of revision.
  virtual Result<std::vector<journal::Event>> events(const EventQuery& query) = 0;

  /// Visits all live rows in order of their creation; the visitor's error ends the scan and is
  /// returned. For recovery.
  virtual Result<void> each_live_row(const std::function<Result<void>(Row)>& visit) = 0;

  /// Visits every row, live or not, in key order. For audit.
  virtual Result<void> each_row(const std::function<Result<void>(Row)>& visit) = 0;

  /// Visits all timers in order of `due`.
  virtual Result<void> each_timer(const std::function<Result<void>(Timer)>& visit) = 0;

  /// The record of a handled input; the caller compares `expires_at`, stores have no clock.
  virtual Result<std::optional<InputRecord>> find_input(const InputId& id) = 0;

  /// How many rows that are not live have this tally and were last changed at `up_to` or before.
  virtual Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) = 0;
};

/// The journal, the rows that are its fold, the timers and the handled inputs.
///
/// Threading: `commit` is called by one writer thread at a time; reads by any thread.
///
/// Durability: once `commit` has succeeded, everything in it survives a crash of this process and
/// of the machine (as far as the disk keeps its promises).
class Store : public Reader {
 public:
  /// Stores all of `commit` or nothing. Its events must follow `head()` without a gap.
  ///
  /// Io, LimitExceeded (disk full), Corrupt: nothing may be assumed; reload before going on.
  ///
  /// Conflict: the events do not follow the head: another writer has been here.
  ///
  /// Ambiguous: it may have been stored; reload to find out.
  virtual Result<void> commit(const Commit& commit) = 0;

  /// Removes input records that expired before `now`, at most `limit`. Called now and then.
  virtual Result<void> forget_inputs(Timestamp now, std::uint32_t limit) = 0;
};

}  // namespace reeve::store
