#include "store/faulty/faulty_store.h"

#include <string>
#include <utility>

#include "base/strings.h"

namespace reeve::store {

namespace {

std::string_view name_of(FaultPoint point) {
  switch (point) {
    case FaultPoint::Head:
      return "head";
    case FaultPoint::Get:
      return "get";
    case FaultPoint::List:
      return "list";
    case FaultPoint::Events:
      return "events";
    case FaultPoint::EachLiveRow:
      return "each_live_row";
    case FaultPoint::EachRow:
      return "each_row";
    case FaultPoint::EachTimer:
      return "each_timer";
    case FaultPoint::FindInput:
      return "find_input";
    case FaultPoint::CountEnded:
      return "count_ended";
    case FaultPoint::Commit:
      return "commit";
    case FaultPoint::ForgetInputs:
      return "forget_inputs";
  }
  return "unknown";
}

bool is_write(FaultPoint point) {
  return point == FaultPoint::Commit || point == FaultPoint::ForgetInputs;
}

Error injected(FaultPoint point, ErrorCode code, std::string_view what) {
  return make_error(code, concat(name_of(point), ": ", what, " (injected)"), "store");
}

/// Runs `operation` unless the plan has other ideas; its own error always comes first.
template <class Operation>
auto run(const FaultPlan& plan, FaultPoint point, Operation operation) -> decltype(operation()) {
  switch (plan(point)) {
    case Fault::None:
      return operation();
    case Fault::FailIo:
      return injected(point, ErrorCode::Io, "input/output error");
    case Fault::FailFull:
      return injected(point, ErrorCode::LimitExceeded, "disk is full");
    case Fault::FailAfter: {
      auto result = operation();
      if (!result.ok()) {
        return result;
      }
      return is_write(point) ? injected(point, ErrorCode::Ambiguous, "the answer was lost")
                             : injected(point, ErrorCode::Io, "input/output error at the end");
    }
  }
  return injected(point, ErrorCode::Io, "the plan named no known fault");
}

}  // namespace

Result<Head> FaultyStore::head() {
  return run(plan_, FaultPoint::Head, [&] { return inner_.head(); });
}

Result<std::optional<Row>> FaultyStore::get(const journal::ObjectKey& key) {
  return run(plan_, FaultPoint::Get, [&] { return inner_.get(key); });
}

Result<std::vector<ListedRow>> FaultyStore::list(const RowQuery& query) {
  return run(plan_, FaultPoint::List, [&] { return inner_.list(query); });
}

Result<std::vector<journal::Event>> FaultyStore::events(const EventQuery& query) {
  return run(plan_, FaultPoint::Events, [&] { return inner_.events(query); });
}

Result<void> FaultyStore::each_live_row(const std::function<Result<void>(Row)>& visit) {
  return run(plan_, FaultPoint::EachLiveRow, [&] { return inner_.each_live_row(visit); });
}

Result<void> FaultyStore::each_row(const std::function<Result<void>(Row)>& visit) {
  return run(plan_, FaultPoint::EachRow, [&] { return inner_.each_row(visit); });
}

Result<void> FaultyStore::each_timer(const std::function<Result<void>(Timer)>& visit) {
  return run(plan_, FaultPoint::EachTimer, [&] { return inner_.each_timer(visit); });
}

Result<std::optional<InputRecord>> FaultyStore::find_input(const InputId& id) {
  return run(plan_, FaultPoint::FindInput, [&] { return inner_.find_input(id); });
}

Result<std::uint64_t> FaultyStore::count_ended(std::string_view tally, Revision up_to) {
  return run(plan_, FaultPoint::CountEnded, [&] { return inner_.count_ended(tally, up_to); });
}

Result<void> FaultyStore::commit(const Commit& commit) {
  return run(plan_, FaultPoint::Commit, [&] { return inner_.commit(commit); });
}

Result<void> FaultyStore::forget_inputs(Timestamp now, std::uint32_t limit) {
  return run(plan_, FaultPoint::ForgetInputs, [&] { return inner_.forget_inputs(now, limit); });
}

}  // namespace reeve::store
