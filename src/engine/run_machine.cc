#include "engine/run_machine.h"

#include <array>

#include "base/strings.h"

namespace reeve::engine {

namespace {

using model::RunState;

constexpr std::size_t kStates = 7;

// Rows: from; columns: to; both in the order of RunState.
constexpr std::array<std::array<bool, kStates>, kStates> kLegal = {{
    // PENDING LAUNCHING ACTIVE COMPLETE FAILED ABORTED LOST
    {false, true, false, true, true, true, false},      // PENDING
    {false, false, true, false, true, true, true},      // LAUNCHING
    {false, false, false, true, true, true, true},      // ACTIVE
    {false, false, false, false, false, false, false},  // COMPLETE
    {false, false, false, false, false, false, false},  // FAILED
    {false, false, false, false, false, false, false},  // ABORTED
    {false, false, false, false, false, false, false},  // LOST
}};

}  // namespace

bool is_legal(RunState from, RunState to) {
  return kLegal.at(static_cast<std::size_t>(from)).at(static_cast<std::size_t>(to));
}

Result<void> check_transition(RunState from, RunState to) {
  if (!is_legal(from, to)) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat("a run cannot go from ", to_string(from), " to ", to_string(to))
    );
  }
  return {};
}

}  // namespace reeve::engine
