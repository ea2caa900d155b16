#include "cli/settings.h"

#include <unistd.h>

#include "base/strings.h"
#include "cli/print.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace {

/// Variables that begin with REEVE_ and are no settings of the server.
const std::vector<std::string> kOtherVariables = {
    "REEVE_DATA",
    "REEVE_NAMESPACE",
    "REEVE_PASSPHRASE_FILE",
    "REEVE_FAULT",
    "REEVE_SERVER",
    "REEVE_KUBECONFIG"};

constexpr std::uint64_t kConfigBytesMax = std::uint64_t{1} << 20U;

}  // namespace

Result<configuration::Sources> setting_sources(
    const std::string& data_dir,
    const std::string& file,
    std::vector<std::pair<std::string, std::string>> flags
) {
  configuration::Sources sources;
  const std::string path = file.empty() ? concat(data_dir, "/reeve.yaml") : file;
  Result<std::string> text = platform::read_file(path, kConfigBytesMax);
  if (text) {
    sources.file = {path, std::move(*text)};
  } else if (text.error().code != ErrorCode::NotFound || !file.empty()) {
    return std::move(text).error();
  }
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t equals = variable.find('=');
    if (variable.starts_with("REEVE_") && equals != std::string_view::npos) {
      sources.environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
    }
  }
  sources.flags = std::move(flags);
  sources.other_variables = kOtherVariables;
  return sources;
}

std::optional<configuration::Configuration> load_settings(const configuration::Sources& sources) {
  configuration::Loaded loaded = configuration::load(sources);
  for (const Error& warning : loaded.warnings) {
    print_error_text(concat("reeve: warning: ", printable(warning.describe()), "\n"));
  }
  for (const Error& error : loaded.errors) {
    print_error_text(concat("reeve: error: ", printable(error.describe()), "\n"));
  }
  if (!loaded.ok()) {
    return {};
  }
  return std::move(loaded.configuration);
}

}  // namespace reeve::cli
