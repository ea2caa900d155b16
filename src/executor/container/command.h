#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reeve::executor::container {

/// One script in a container of its own.
struct ContainerRun {
  /// The engine's program.
  std::string engine;
  std::string name;
  std::string image;
  /// Mounted under its own path, and where the script starts.
  std::filesystem::path working_dir;
  /// Mounted under its own path, read-only.
  std::filesystem::path script;
  /// Mounted under its own path: the file of $REEVE_OUTPUT.
  std::filesystem::path output;
  /// Further files, mounted under their own paths: those that the script may write, and others.
  std::vector<std::filesystem::path> writable = {};
  std::vector<std::filesystem::path> readable = {};
  /// Names of variables that are handed on; their values are in the environment of the engine's
  /// client and never among its arguments, which everybody can read.
  std::vector<std::string> variables;
  /// "1000:1000"; empty: the image's.
  std::string user;
};

/// The command that runs it and ends with its exit code. Invalid: the image is no image's name.
Result<std::vector<std::string>> run_command(const ContainerRun& run);

/// The command that removes containers, whether they run or not.
std::vector<std::string> remove_command(
    const std::string& engine, const std::vector<std::string>& names
);

/// The name of the container of one step; `mark` names the run's process tree.
std::string container_name(std::string_view mark, std::size_t step);

}  // namespace reeve::executor::container
