#include "executor/container/command.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::executor::container {

namespace {

constexpr std::size_t kImageBytesMax = 512;

/// Not an option, nothing that ends a word: registries have the last word about the rest.
bool is_image(std::string_view image) {
  return !image.empty() && image.size() <= kImageBytesMax && image.front() != '-' &&
         std::all_of(image.begin(), image.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// The long form of a mount has no trouble with ':' in paths; ',' separates its parts.
std::string bind(const std::filesystem::path& path, std::string_view options) {
  return concat("type=bind,source=", path.native(), ",target=", path.native(), options);
}

}  // namespace

Result<std::vector<std::string>> run_command(const ContainerRun& run) {
  if (!is_image(run.image)) {
    Error error = make_error(ErrorCode::Invalid, "a container needs the name of an image", "image");
    error.hint = "such as debian:12 or registry.example.org/team/tool:1.2";
    return error;
  }
  std::vector<std::filesystem::path> paths = {run.working_dir, run.script, run.output};
  paths.insert(paths.end(), run.writable.begin(), run.writable.end());
  paths.insert(paths.end(), run.readable.begin(), run.readable.end());
  for (const std::filesystem::path& path : paths) {
    if (path.native().find(',') != std::string::npos) {
      return make_error(
          ErrorCode::Invalid, concat(path.native(), " has a comma and cannot be mounted"), "path"
      );
    }
  }
  std::vector<std::string> argv = {
      run.engine,
      "run",
      "--rm",
      "--init",
      "--name",
      run.name,
      "--mount",
      bind(run.working_dir, ""),
      "--mount",
      bind(run.output, ""),
      "--mount",
      bind(run.script, ",readonly"),
      "--workdir",
      run.working_dir.native(),
      "--security-opt",
      "no-new-privileges"};
  for (const std::filesystem::path& path : run.writable) {
    argv.insert(argv.end(), {"--mount", bind(path, "")});
  }
  for (const std::filesystem::path& path : run.readable) {
    argv.insert(argv.end(), {"--mount", bind(path, ",readonly")});
  }
  if (!run.user.empty()) {
    argv.insert(argv.end(), {"--user", run.user});
  }
  for (const std::string& name : run.variables) {
    argv.insert(argv.end(), {"--env", name});
  }
  argv.insert(argv.end(), {"--entrypoint", "/bin/sh", run.image, run.script.native()});
  return argv;
}

std::vector<std::string> remove_command(
    const std::string& engine, const std::vector<std::string>& names
) {
  std::vector<std::string> argv = {engine, "rm", "--force"};
  argv.insert(argv.end(), names.begin(), names.end());
  return argv;
}

std::string container_name(std::string_view mark, std::size_t step) {
  return concat("reeve-", mark, "-", step);
}

}  // namespace reeve::executor::container
