#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tool_call_book.h"
#include "gateway/tool/calls.h"

/// What the parts of ToolCalls share. Private to src/gateway/tool.
namespace reeve::gateway {

inline Principal gateway_principal() {
  return Principal(std::string(engine::kToolsActor));
}

/// Whether a call waits for a person, or for somebody who has it carried out. Null: it does not.
inline bool waits(const Json* object) {
  const std::string state =
      object == nullptr ? "" : object->get_object("status").get_string("state");
  return state == "PENDING" || state == "APPROVED";
}

/// Whether the kernel has certainly not done what it was asked for. Otherwise it may have, or will
/// when it is asked again.
inline bool is_definite(ErrorCode code) {
  return code == ErrorCode::NotFound || code == ErrorCode::IllegalTransition ||
         code == ErrorCode::LimitExceeded || code == ErrorCode::Invalid ||
         code == ErrorCode::PermissionDenied || code == ErrorCode::AlreadyExists ||
         code == ErrorCode::Conflict;
}

inline CallAnswer refusal(const std::string& message) {
  return {.allowed = false, .result = text_result(message, true), .arguments = {}};
}

/// Somebody who waits for an answer.
struct ToolCalls::Client {
  Ticket ticket = 0;
  OnAnswer answer;
  OnHeld held;
  Upstream::Listener listener;

  bool wants(std::string_view method, const Json& params) const {
    return listener.note && (method != kLogMethod ||
                             (!listener.log_level.empty() && severity_of(params.get_string("level")
                                                             ) >= severity_of(listener.log_level)));
  }
};

/// One call and where it is.
struct ToolCalls::Live {
  enum class Step : std::uint8_t { Recording, Waiting, Beginning, Executing, Ending };

  std::string name;
  Namespace ns;
  CallRequest request;
  std::string server;
  /// What is asked, for whoever asks it again.
  LeftCalls::Asked asked;
  /// Of the arguments that are carried out.
  std::string hash;
  Step step = Step::Recording;
  bool rollback = false;
  Timestamp began;
  /// Once it ends: what is put on record, what is told then, and what is told if it cannot be.
  Json end_body;
  CallAnswer outcome;
  std::string not_recorded;
  Duration pause = kRecordRetry;
  std::vector<Client> clients;
};

}  // namespace reeve::gateway
