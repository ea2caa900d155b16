#pragma once

#include <functional>

#include "store/ports.h"
#include "telemetry/work/work_metrics.h"

namespace reeve::telemetry {

/// A store that tells what each commit took. Everything is handed on to the store behind it.
///
/// Threading: as the store behind it; `tell` is called by whoever commits.
class ObservedStore final : public store::Store {
 public:
  /// `store` outlives this.
  ObservedStore(store::Store& store, std::function<void(const CommitFigures&)> tell)
      : store_(store), tell_(std::move(tell)) {}

  Result<store::Head> head() override { return store_.head(); }

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    return store_.get(key);
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery& query) override {
    return store_.list(query);
  }

  Result<std::vector<journal::Event>> events(const store::EventQuery& query) override {
    return store_.events(query);
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>& visit) override {
    return store_.each_live_row(visit);
  }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& visit) override {
    return store_.each_row(visit);
  }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>& visit) override {
    return store_.each_timer(visit);
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId& id) override {
    return store_.find_input(id);
  }

  Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) override {
    return store_.count_ended(tally, up_to);
  }

  Result<void> commit(const store::Commit& commit) override;

  Result<void> forget_inputs(Timestamp now, std::uint32_t limit) override {
    return store_.forget_inputs(now, limit);
  }

 private:
  store::Store& store_;
  std::function<void(const CommitFigures&)> tell_;
};

}  // namespace reeve::telemetry
