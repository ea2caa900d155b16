#include "base/strings.h"
#include "cli/print.h"
#include "cli/server_commands.h"
#include "cli/settings.h"
#include "cli/yaml.h"
#include "configuration/configuration.h"

/// `reeve config show`, `check` and `docs`: the settings of the server.
namespace reeve::cli {

namespace {

/// Key and value, one on a line.
std::string values_text(const configuration::Configuration& settings) {
  std::string text;
  for (const configuration::Setting& setting : configuration::settings()) {
    text += concat(setting.key, " = ", settings.shown(setting), "\n");
  }
  return text;
}

Json problem_json(const Error& error, std::string_view severity) {
  Json problem = Json::object();
  problem.set("severity", severity).set("message", error.message).set("subject", error.subject);
  problem.set("hint", error.hint).set("file", error.file);
  problem.set("line", error.position.line).set("column", error.position.column);
  return problem;
}

}  // namespace

int show_settings(const Common& common, const SettingsArgs& args) {
  const auto sources = setting_sources(common.data_dir, args.file, {});
  if (!sources) {
    return report(sources.error());
  }
  const auto settings = load_settings(*sources);
  if (!settings) {
    return static_cast<int>(ExitCode::Refused);
  }
  if (common.output == Output::Text) {
    print(printable(args.origin ? configuration::show_text(*settings) : values_text(*settings)));
    return static_cast<int>(ExitCode::Done);
  }
  Json whole = Json::object();
  whole.set("items", configuration::show_json(*settings));
  print(common.output == Output::Json ? whole.pretty() : to_yaml(whole));
  return static_cast<int>(ExitCode::Done);
}

int check_settings(const Common& common, const SettingsArgs& args) {
  const auto sources = setting_sources(common.data_dir, args.file, {});
  if (!sources) {
    return report(sources.error());
  }
  if (common.output == Output::Text) {
    if (!load_settings(*sources)) {
      return static_cast<int>(ExitCode::WorkFailed);
    }
    print(concat(
        "the settings are fine",
        sources->file ? concat(": ", printable(sources->file->first))
                      : std::string("; there is no file, so that defaults and variables count"),
        "\n"
    ));
    return static_cast<int>(ExitCode::Done);
  }
  const configuration::Loaded loaded = configuration::load(*sources);
  Json problems = Json::array();
  for (const Error& error : loaded.errors) {
    problems.push(problem_json(error, "error"));
  }
  for (const Error& warning : loaded.warnings) {
    problems.push(problem_json(warning, "warning"));
  }
  Json whole = Json::object();
  whole.set("ok", loaded.ok()).set("problems", std::move(problems));
  print(common.output == Output::Json ? whole.pretty() : to_yaml(whole));
  return static_cast<int>(loaded.ok() ? ExitCode::Done : ExitCode::WorkFailed);
}

int print_settings_reference(const Common& /*common*/, const SettingsArgs& /*args*/) {
  print(configuration::reference_page());
  return static_cast<int>(ExitCode::Done);
}

}  // namespace reeve::cli
