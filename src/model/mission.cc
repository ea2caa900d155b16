#include "model/mission.h"

#include <array>

#include "base/strings.h"

namespace reeve::model {

std::size_t ChildMission::result_bytes() const {
  constexpr std::size_t kArtifactBytes = 200;  // a path, a digest and numbers
  std::size_t bytes = artifacts.size() * kArtifactBytes;
  for (const NamedValue& output : outputs) {
    bytes += output.first.size() + output.second.size();
  }
  return bytes;
}

namespace {

constexpr std::array<std::string_view, kMissionStates> kMissionStateNames = {
    "PREP",
    "QUEUED",
    "HELD",
    "LAUNCHING",
    "ACTIVE",
    "COMPENSATING",
    "COMPLETE",
    "FAILED",
    "ABORTED"};
constexpr std::array<std::string_view, 19> kReasonNames = {
    "user_request",
    "scheduler",
    "agent_ready",
    "completion",
    "failure",
    "timeout",
    "quota_exceeded",
    "rate_limit",
    "worker_lost",
    "approval_granted",
    "approval_rejected",
    "approval_expired",
    "hold_released",
    "retry",
    "drain",
    "dependency",
    "compensation",
    "skipped",
    "approval_required"};
constexpr std::array<std::string_view, 8> kTaskStateNames = {
    "WAITING", "PENDING", "LAUNCHING", "ACTIVE", "COMPLETE", "FAILED", "ABORTED", "SKIPPED"};
constexpr std::array<std::string_view, 12> kHoldKindNames = {
    "approval",
    "validation",
    "quota",
    "dependency",
    "policy",
    "spiral",
    "no_agent",
    "no_tier",
    "no_capacity",
    "backoff",
    "drain",
    "compensation_failed"};
constexpr std::array<std::string_view, 2> kOnDeadlineNames = {"release", "abort"};

template <class Enum, std::size_t N>
Result<Enum> parse(
    const std::array<std::string_view, N>& names, std::string_view text, std::string_view what
) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) {
      return static_cast<Enum>(i);
    }
  }
  return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a ", what));
}

}  // namespace

std::string_view to_string(MissionState state) {
  return kMissionStateNames.at(static_cast<std::size_t>(state));
}

Result<MissionState> parse_mission_state(std::string_view text) {
  return parse<MissionState>(kMissionStateNames, text, "mission state");
}

std::string_view to_string(Reason reason) {
  return kReasonNames.at(static_cast<std::size_t>(reason));
}

Result<Reason> parse_reason(std::string_view text) {
  return parse<Reason>(kReasonNames, text, "reason");
}

std::string_view to_string(TaskState state) {
  return kTaskStateNames.at(static_cast<std::size_t>(state));
}

Result<TaskState> parse_task_state(std::string_view text) {
  return parse<TaskState>(kTaskStateNames, text, "task state");
}

std::string_view to_string(HoldKind kind) {
  return kHoldKindNames.at(static_cast<std::size_t>(kind));
}

Result<HoldKind> parse_hold_kind(std::string_view text) {
  return parse<HoldKind>(kHoldKindNames, text, "kind of hold");
}

std::string_view to_string(OnDeadline action) {
  return kOnDeadlineNames.at(static_cast<std::size_t>(action));
}

Result<OnDeadline> parse_on_deadline(std::string_view text) {
  return parse<OnDeadline>(kOnDeadlineNames, text, "deadline action");
}

Result<void> check_name(std::string_view name, std::string_view what) {
  constexpr std::size_t kNameBytesMax = 100;
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty()) {
    return make_error(ErrorCode::Invalid, concat(what, " must not be empty"));
  }
  bool good = name.size() <= kNameBytesMax && alphanumeric(name.front());
  for (const char c : name) {
    good = good && (alphanumeric(c) || c == '.' || c == '_' || c == '-');
  }
  if (!good) {
    Error error = make_error(
        ErrorCode::Invalid, concat("\"", name.substr(0, 120), "\" is not a valid ", what)
    );
    error.hint = "use letters, digits, '.', '_' and '-', start with a letter or digit, at most 100";
    return error;
  }
  return {};
}

}  // namespace reeve::model
