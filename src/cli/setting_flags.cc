#include "cli/setting_flags.h"

#include <string>

#include <CLI/CLI.hpp>

#include "cli/arguments.h"
#include "configuration/setting.h"

namespace reeve::cli {

void add_setting_flags(CLI::App& command, UpArgs& args) {
  command.add_option("--config", args.config, "File with settings (default: reeve.yaml there)")
      ->type_name("FILE");
  for (const configuration::Setting& setting : configuration::settings()) {
    command
        .add_option_function<std::string>(
            configuration::flag_name(setting.key),
            [&args, key = std::string(setting.key)](const std::string& text) {
              args.settings.emplace_back(key, text);
            },
            std::string(setting.description)
        )
        ->type_name("VALUE")
        ->group("Settings");
  }
}

}  // namespace reeve::cli
