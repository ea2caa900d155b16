#include "model/approval.h"

#include <array>

#include "base/strings.h"

namespace reeve::model {

namespace {

constexpr std::array<std::string_view, 3> kDecisionNames = {"approve", "reject", "revise"};
constexpr std::array<std::string_view, kApprovalStates> kApprovalStateNames = {
    "pending", "granted", "rejected", "revise", "expired", "withdrawn"};

}  // namespace

std::string_view to_string(Decision decision) {
  return kDecisionNames.at(static_cast<std::size_t>(decision));
}

Result<Decision> parse_decision(std::string_view text) {
  for (std::size_t i = 0; i < kDecisionNames.size(); ++i) {
    if (kDecisionNames[i] == text) {
      return static_cast<Decision>(i);
    }
  }
  return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a decision"));
}

std::string_view to_string(ApprovalState state) {
  return kApprovalStateNames.at(static_cast<std::size_t>(state));
}

Result<ApprovalState> parse_approval_state(std::string_view text) {
  for (std::size_t i = 0; i < kApprovalStateNames.size(); ++i) {
    if (kApprovalStateNames[i] == text) {
      return static_cast<ApprovalState>(i);
    }
  }
  return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a state of an approval"));
}

}  // namespace reeve::model
