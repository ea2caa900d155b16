#include "cli/subcommand.h"

#include <CLI/CLI.hpp>

namespace reeve::cli {

const std::map<std::string, Output> kTextOrJson = {{"text", Output::Text}, {"json", Output::Json}};
const std::map<std::string, Output> kAllOutputs = {
    {"text", Output::Text}, {"json", Output::Json}, {"wide", Output::Wide}, {"name", Output::Name}};

CLI::App* add(
    CLI::App& app, const char* name, const char* purpose, const char* example, Common& common
) {
  CLI::App* command = app.add_subcommand(name, purpose);
  command->footer(std::string("\nExample:\n  ") + example);
  command->add_option(
      "--data", common.data_dir, "Data directory (default: $REEVE_DATA, else ~/.local/share/reeve)"
  );
  return command;
}

void add_output(CLI::App* command, Common& common, const std::map<std::string, Output>& choices) {
  std::vector<std::string> names;
  for (const auto& [name, value] : choices) {
    names.push_back(name);
  }
  command
      ->add_option_function<std::string>(
          "-o,--output",
          [&common, choices](const std::string& name) { common.output = choices.at(name); },
          "How to print (default: text)"
      )
      ->transform(CLI::IsMember(names, CLI::ignore_case));
}

std::string parse_pairs(
    const std::string& option, const std::vector<std::string>& raw, Params& params
) {
  for (const std::string& text : raw) {
    const std::size_t at = text.find('=');
    if (at == 0 || at == std::string::npos) {
      return option + " " + text + ": write it as key=value";
    }
    std::string key = text.substr(0, at);
    for (const auto& [known, value] : params) {
      if (known == key) {
        return option + " " + key + " is given twice";
      }
    }
    params.emplace_back(std::move(key), text.substr(at + 1));
  }
  return {};
}

}  // namespace reeve::cli
