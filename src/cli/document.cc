#include "cli/document.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unistd.h>

#include "base/strings.h"
#include "cli/session.h"
#include "platform/posix/files.h"
#include "workflow/workflow.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kStandardInput = "-";

Result<std::string> read_standard_input() {
  std::string text;
  std::array<char, 65536> chunk{};
  while (text.size() <= workflow::kSourceBytesMax) {
    const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (count < 0 && errno != EINTR) {
      return platform::errno_error("read", "standard input");
    }
    if (count == 0) {
      return text;
    }
    text.append(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return make_error(
      ErrorCode::LimitExceeded,
      concat("a workflow file has at most ", workflow::kSourceBytesMax, " bytes"),
      "standard input"
  );
}

}  // namespace

Result<std::string> read_input(const std::string& path) {
  return path == kStandardInput ? read_standard_input() : read_document(path);
}

std::string input_name(const std::string& path) {
  return path == kStandardInput ? "stdin" : path;
}

}  // namespace reeve::cli
