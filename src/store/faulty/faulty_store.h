#pragma once

#include <functional>

#include "store/ports.h"

namespace reeve::store {

/// Where a fault may strike: one value per operation of the port.
enum class FaultPoint {
  Head,
  Get,
  List,
  Events,
  EachLiveRow,
  EachRow,
  EachTimer,
  FindInput,
  CountEnded,
  Commit,
  ForgetInputs,
};

/// What happens to one operation. There is no torn commit: a store stores all or nothing.
enum class Fault {
  None,
  /// Not done; Io.
  FailIo,
  /// Not done; LimitExceeded, as on a full disk.
  FailFull,
  /// Done, but reported as failed: Ambiguous for a write; for a read, whose visitor has seen
  /// everything by then, Io.
  FailAfter,
};

/// Decides the fate of each operation. Called on the caller's thread, before the operation; must be
/// safe for as many threads as use the store.
using FaultPlan = std::function<Fault(FaultPoint)>;

/// Passes every operation on to another store, except when the plan says otherwise.
///
/// Threading: as the inner store, which must outlive this one.
class FaultyStore final : public Store {
 public:
  FaultyStore(Store& inner, FaultPlan plan) : inner_(inner), plan_(std::move(plan)) {}

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
  Store& inner_;
  FaultPlan plan_;
};

}  // namespace reeve::store
