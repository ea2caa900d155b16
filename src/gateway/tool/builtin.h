#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "gateway/tool/policy.h"
#include "gateway/tool/ports.h"

namespace reeve::gateway {

/// Files that tools read and write; what a rollback can bring back; what is fetched.
inline constexpr std::size_t kWorkspaceFileBytesMax = std::size_t{1} << 20U;
inline constexpr std::size_t kWorkspaceEntriesMax = 1'000;
inline constexpr std::size_t kWorkspaceUndoBytesMax = std::size_t{32} << 10U;
inline constexpr std::size_t kFetchBytesMax = std::size_t{256} << 10U;

/// On whose behalf a tool is called.
struct ToolCaller {
  Namespace ns;
  /// Names in the namespace; empty: whoever asks is no run.
  std::string mission;
  std::string run;
  Principal principal;
  /// The agent that the run carries out; empty: it is no agent's.
  std::string agent = {};
  /// Whether whoever is no run may do that in `ns`: `may("create", "workflows", "submit")`. Empty:
  /// nothing of that. Runs are not asked.
  std::function<bool(std::string_view verb, std::string_view resource, std::string_view part)> may =
      {};
};

/// What a tool gives.
struct ToolOutcome {
  /// As the protocol has it: `content`, `isError`, `structuredContent`.
  Json result;
  /// How it is undone: `tool`, `arguments`; null: it is not.
  Json undo;
  /// Nobody can say whether it was done.
  bool unsure = false;
};

using ToolDone = std::function<void(Result<ToolOutcome>)>;

/// A result of one text.
Json text_result(std::string text, bool is_error = false);

/// The tools of a set of our own, as the protocol describes tools.
std::vector<Json> builtin_tools(std::string_view set);

/// Carries out a tool of our own, whose arguments fit its schema. `done` is called once, perhaps
/// before this returns.
void run_builtin(
    const ToolServer& server,
    std::string_view tool,
    const Json& arguments,
    const ToolCaller& caller,
    bool keep_undo,
    Duration timeout,
    const ToolPorts& ports,
    ToolDone done
);

}  // namespace reeve::gateway
