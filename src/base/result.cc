#include "base/result.h"

namespace reeve {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::Invalid:
      return "invalid";
    case ErrorCode::NotFound:
      return "not_found";
    case ErrorCode::AlreadyExists:
      return "already_exists";
    case ErrorCode::Conflict:
      return "conflict";
    case ErrorCode::IllegalTransition:
      return "invalid_transition";
    case ErrorCode::StaleFence:
      return "stale_fence";
    case ErrorCode::LimitExceeded:
      return "limit_exceeded";
    case ErrorCode::Unsupported:
      return "unsupported";
    case ErrorCode::PermissionDenied:
      return "permission_denied";
    case ErrorCode::Unavailable:
      return "unavailable";
    case ErrorCode::DeadlineExceeded:
      return "deadline_exceeded";
    case ErrorCode::Cancelled:
      return "cancelled";
    case ErrorCode::Ambiguous:
      return "ambiguous";
    case ErrorCode::Corrupt:
      return "corrupt";
    case ErrorCode::Io:
      return "io";
  }
  return "unknown";
}

std::string Error::describe() const {
  std::string text;
  if (!file.empty()) {
    text += file;
    text += ':';
  }
  if (position.line > 0) {
    if (file.empty()) {
      text += "line ";
    }
    text += std::to_string(position.line);
    text += ':';
    if (position.column > 0) {
      text += std::to_string(position.column);
      text += ':';
    }
  }
  if (!text.empty()) {
    text += ' ';
  }
  if (!subject.empty()) {
    text += subject;
    text += ": ";
  }
  text += message;
  if (!hint.empty()) {
    text += " (";
    text += hint;
    text += ')';
  }
  return text;
}

}  // namespace reeve
