#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/ports.h"

namespace reeve::store {

/// A store that forgets everything with the process: for tests, simulation and trying things out.
/// Behaves like the durable ones, limits and order included.
///
/// Threading: any thread; one mutex, never held while a visitor runs.
class MemoryStore final : public Store {
 public:
  /// An independent copy of what is committed now: what a crash at this moment would leave.
  std::unique_ptr<MemoryStore> clone() const;

  Result<Head> head() override;
  Result<std::optional<Row>> get(const journal::ObjectKey& key) override;
  Result<std::vector<ListedRow>> list(const RowQuery& query) override;
  Result<std::vector<journal::Event>> events(const EventQuery& query) override;
  Result<void> each_live_row(const std::function<Result<void>(Row)>& visit) override;
  Result<void> each_row(const std::function<Result<void>(Row)>& visit) override;
  Result<void> each_timer(const std::function<Result<void>(Timer)>& visit) override;
  Result<std::optional<InputRecord>> find_input(const InputId& id) override;
  Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) override;
  Result<void> commit(const Commit& commit) override;
  Result<void> forget_inputs(Timestamp now, std::uint32_t limit) override;

 private:
  /// An object is known from its first event on; its row may follow later.
  struct Object {
    Revision created;
    std::optional<Row> row;
    std::vector<Revision> history;
  };

  /// Ordered by age; the key makes entries of one revision distinct.
  using Age = std::pair<Revision, journal::ObjectKey>;

  struct Data {
    /// Event of revision n at index n - 1.
    std::vector<journal::Event> events;
    std::map<journal::ObjectKey, Object> objects;
    std::set<Age> rows;
    std::set<Age> live_rows;
    std::map<std::pair<journal::ObjectKey, std::string>, Timestamp> timers;
    std::map<InputId, InputRecord> inputs;
    std::set<std::pair<Timestamp, InputId>> input_expiry;

    Head head() const;
    void put_row(const Row& row);
    void put_timer(const TimerWrite& timer);
    void put_input(const InputRecord& input);
  };

  mutable std::mutex mutex_;
  Data data_;
};

}  // namespace reeve::store
