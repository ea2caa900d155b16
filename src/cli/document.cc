#include "cli/document.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "workflow/workflow.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardInput = "-";

/// Names of a directory that are looked at for one like a missing file's.
constexpr std::size_t kNeighboursMax = 1000;

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

/// The file beside a missing one that has nearly its name; else where it was looked for.
std::string missing_file_hint(const fs::path& path) {
  const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<std::string> names;
  std::error_code unreadable;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, unreadable)) {
    if (names.size() == kNeighboursMax) {
      break;
    }
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  const std::string near = nearest(path.filename().string(), names);
  if (!near.empty()) {
    return concat("did you mean ", (path.parent_path() / near).string(), "?");
  }
  return concat("it was looked for in ", fs::absolute(path, unreadable).parent_path().string());
}

}  // namespace

Result<std::string> read_document(const std::string& path) {
  Result<std::string> text = platform::read_file(path, workflow::kSourceBytesMax);
  if (text) {
    return text;
  }
  Error error = std::move(text).error();
  if (error.code == ErrorCode::LimitExceeded) {
    error = make_error(
        ErrorCode::LimitExceeded,
        concat("a workflow file has at most ", workflow::kSourceBytesMax, " bytes"),
        path
    );
    error.hint = "large data belongs into files that scripts read";
  } else if (error.code == ErrorCode::NotFound) {
    error.hint = missing_file_hint(path);
  } else {
    error.hint = "give a file that can be read";
  }
  return error;
}

Result<std::string> read_input(const std::string& path) {
  return path == kStandardInput ? read_standard_input() : read_document(path);
}

std::string input_name(const std::string& path) {
  return path == kStandardInput ? "stdin" : path;
}

}  // namespace reeve::cli
