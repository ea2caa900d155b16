#include "model/run.h"

#include <array>

#include "base/strings.h"

namespace reeve::model {

std::string_view to_string(RunState state) {
  switch (state) {
    case RunState::Pending:
      return "PENDING";
    case RunState::Launching:
      return "LAUNCHING";
    case RunState::Active:
      return "ACTIVE";
    case RunState::Complete:
      return "COMPLETE";
    case RunState::Failed:
      return "FAILED";
    case RunState::Aborted:
      return "ABORTED";
    case RunState::Lost:
      return "LOST";
  }
  return "UNKNOWN";
}

std::string_view to_string(RunEnd end) {
  switch (end) {
    case RunEnd::Exited:
      return "exited";
    case RunEnd::Signalled:
      return "signalled";
    case RunEnd::TimedOut:
      return "timed_out";
    case RunEnd::Cancelled:
      return "cancelled";
    case RunEnd::OutOfMemory:
      return "out_of_memory";
    case RunEnd::LaunchFailed:
      return "launch_failed";
  }
  return "unknown";
}

bool is_exit_text(std::string_view text) {
  const auto is_legal = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  bool legal = !text.empty() && text.size() <= kExitTextBytesMax;
  for (const char c : text) {
    legal = legal && is_legal(c);
  }
  return legal;
}

RunName make_run_name(
    const MissionName& mission, std::uint32_t epoch, const TaskName& task, std::uint32_t attempt
) {
  return RunName(concat(mission.view(), ".", epoch, ".", task.view(), ".", attempt));
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::Before:
      return "before";
    case Phase::Main:
      return "main";
    case Phase::After:
      return "after";
  }
  return "unknown";
}

std::string_view to_string(CredentialPlace::Part part) {
  switch (part) {
    case CredentialPlace::Part::Script:
      return "script";
    case CredentialPlace::Part::Input:
      return "input";
    case CredentialPlace::Part::Environment:
      return "environment";
  }
  return "environment";
}

std::string_view to_string(SandboxLevel level) {
  switch (level) {
    case SandboxLevel::None:
      return "none";
    case SandboxLevel::Workspace:
      return "workspace";
    case SandboxLevel::Isolated:
      return "isolated";
  }
  return "unknown";
}

std::string_view to_string(ArtifactWhen when) {
  switch (when) {
    case ArtifactWhen::Always:
      return "always";
    case ArtifactWhen::OnSuccess:
      return "on_success";
    case ArtifactWhen::OnFailure:
      return "on_failure";
  }
  return "unknown";
}

namespace {

constexpr std::array kRunStates = {
    RunState::Pending,
    RunState::Launching,
    RunState::Active,
    RunState::Complete,
    RunState::Failed,
    RunState::Aborted,
    RunState::Lost};
constexpr std::array kRunEnds = {
    RunEnd::Exited,
    RunEnd::Signalled,
    RunEnd::TimedOut,
    RunEnd::Cancelled,
    RunEnd::OutOfMemory,
    RunEnd::LaunchFailed};
constexpr std::array kPhases = {Phase::Before, Phase::Main, Phase::After};
constexpr std::array kArtifactWhens = {
    ArtifactWhen::Always, ArtifactWhen::OnSuccess, ArtifactWhen::OnFailure};

constexpr std::array kSandboxLevels = {
    SandboxLevel::None, SandboxLevel::Workspace, SandboxLevel::Isolated};

constexpr std::array kCredentialParts = {
    CredentialPlace::Part::Script,
    CredentialPlace::Part::Input,
    CredentialPlace::Part::Environment};

/// The value whose name is `text`, among `values`; the error lists all names.
template <class Enum, std::size_t kSize>
Result<Enum> parse_name(
    std::string_view text, const std::array<Enum, kSize>& values, std::string_view what
) {
  std::vector<std::string> names;
  for (const Enum value : values) {
    if (to_string(value) == text) {
      return value;
    }
    names.emplace_back(to_string(value));
  }
  Error error = make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a ", what));
  error.hint = concat("one of ", join(names, ", "));
  return error;
}

}  // namespace

Result<RunState> parse_run_state(std::string_view text) {
  return parse_name(text, kRunStates, "run state");
}

Result<SandboxLevel> parse_sandbox_level(std::string_view text) {
  return parse_name(text, kSandboxLevels, "level of a sandbox");
}

Result<RunEnd> parse_run_end(std::string_view text) {
  return parse_name(text, kRunEnds, "end of a run");
}

Result<Phase> parse_phase(std::string_view text) {
  return parse_name(text, kPhases, "phase");
}

Result<CredentialPlace::Part> parse_credential_part(std::string_view text) {
  return parse_name(text, kCredentialParts, "part of a run");
}

Result<ArtifactWhen> parse_artifact_when(std::string_view text) {
  return parse_name(text, kArtifactWhens, "time to keep artifacts");
}

}  // namespace reeve::model
