#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "executor/agent/journal.h"
#include "executor/agent/result.h"
#include "executor/agent/server.h"
#include "executor/agent/work.h"

/// The agent loop that is built in.
namespace reeve::executor::agent {

/// What a loop works with.
struct LoopServices {
  Server& server;
  Journal& journal;
  /// One line for people.
  std::function<void(std::string_view)> note;
  std::function<void(std::string)> warn;
  std::function<void(Duration)> wait;
  /// Time since some moment, on a clock that does not jump.
  std::function<Duration()> elapsed;
};

/// Bytes of a history that a model is told.
inline constexpr std::size_t kHistoryBytesMax = std::size_t{4} << 20U;
/// How often one question or call is sent.
inline constexpr std::uint32_t kTriesMax = 3;
inline constexpr Duration kRetryPause{1000};

/// Works until there is a result. `state` is what the journal had before, or new; a question and a
/// call that were under way are sent again under the same names. Errors: the journal could not be
/// written. Everything else is a result.
Result<AgentResult> run_loop(const Work& work, LoopState& state, LoopServices services);

}  // namespace reeve::executor::agent
