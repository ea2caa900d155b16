#include "executor/shell/script.h"

#include <array>
#include <unistd.h>

#include "base/strings.h"

namespace reeve::executor::shell {

namespace {

constexpr std::array<const char*, 3> kBashPaths = {
    "/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"};

}  // namespace

std::string default_shell() {
  for (const char* path : kBashPaths) {
    if (::access(path, X_OK) == 0) {
      return path;
    }
  }
  return "/bin/sh";
}

std::vector<std::string> interpreter(std::string_view script, std::string_view fallback_shell) {
  if (!script.starts_with("#!")) {
    return {std::string(fallback_shell)};
  }
  const std::string_view line = trim(script.substr(2, script.find('\n') - 2));
  if (line.empty()) {
    return {std::string(fallback_shell)};
  }
  const std::size_t space = line.find_first_of(" \t");
  std::vector<std::string> argv = {std::string(line.substr(0, space))};
  if (space != std::string_view::npos) {
    argv.emplace_back(trim(line.substr(space)));
  }
  return argv;
}

}  // namespace reeve::executor::shell
