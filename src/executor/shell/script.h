#pragma once

#include <string>
#include <string_view>
#include <vector>

/// How a step's script is turned into a command and what its output means.
namespace reeve::executor::shell {

/// The shell that runs scripts without a shebang: bash if this machine has one, else /bin/sh.
/// Asks the file system. Any thread.
std::string default_shell();

/// The command, without the script's path, that runs `script`: the shebang of its first line by the
/// kernel's rules (interpreter, then the rest of the line as at most one argument), else
/// `fallback_shell`. A shebang without an interpreter counts as none. Pure.
std::vector<std::string> interpreter(std::string_view script, std::string_view fallback_shell);

}  // namespace reeve::executor::shell
