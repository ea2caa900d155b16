#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "host/attend.h"
#include "platform/posix/files.h"

/// How an order reaches the attendant. Private to src/host.
namespace reeve::host {

/// In its directory: where the program starts.
inline constexpr const char* kProgramWorkDir = "work";

/// An order as the attendant needs it.
struct AttendantOrder {
  /// What is executed: the path of the first word.
  std::string program;
  std::vector<std::string> argv;
  /// NAME=VALUE, complete.
  std::vector<Secret> environment;
  model::Sandbox sandbox;
  std::filesystem::path data_dir;
  std::filesystem::path directory;
};

/// A sealed memfd that holds it. LimitExceeded.
Result<platform::FileDescriptor> to_memory(const AttendantOrder& order);

/// What `to_memory` wrote. Corrupt: something else.
Result<AttendantOrder> order_from_memory(int fd);

}  // namespace reeve::host
