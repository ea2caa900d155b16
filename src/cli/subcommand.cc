#include "cli/subcommand.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "cli/print.h"

namespace reeve::cli {

const std::map<std::string, Output> kTextOrJson = {{"text", Output::Text}, {"json", Output::Json}};
const std::map<std::string, Output> kAllOutputs = {
    {"text", Output::Text}, {"json", Output::Json}, {"wide", Output::Wide}, {"name", Output::Name}};
const std::map<std::string, Output> kTextJsonOrYaml = {
    {"text", Output::Text}, {"json", Output::Json}, {"yaml", Output::Yaml}};
const std::map<std::string, Output> kObjectOutputs = {
    {"text", Output::Text},
    {"json", Output::Json},
    {"wide", Output::Wide},
    {"name", Output::Name},
    {"yaml", Output::Yaml}};

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

namespace {

/// What to say about words that nobody expected; `command` is the one that was called.
std::string about_extras(const std::vector<std::string>& extras, const CLI::App& command) {
  const auto option = std::find_if(extras.begin(), extras.end(), [](const std::string& word) {
    return word.starts_with('-');
  });
  if (option == extras.end()) {
    return concat(
        "\"", extras.empty() ? std::string() : extras.front(), "\" is one argument too many"
    );
  }
  const std::string word = option->substr(0, option->find('='));
  std::vector<std::string> known;
  for (const CLI::Option* one : command.get_options()) {
    for (const std::string& name : one->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  const std::string near = nearest(word, known);
  return concat(
      "there is no option \"",
      word,
      "\"",
      near.empty() ? std::string() : concat("; did you mean ", near, "?")
  );
}

/// What to say where one of the commands of `command` should be; `listed`: they are few.
std::string about_command(
    const std::vector<std::string>& extras, const CLI::App& command, bool listed
) {
  std::vector<std::string> names;
  for (const CLI::App* one : command.get_subcommands(nullptr)) {
    names.push_back(one->get_name());
  }
  std::string message = extras.empty() ? std::string("a command is missing")
                                       : concat("there is no command \"", extras.front(), "\"");
  const std::string near = extras.empty() ? std::string() : nearest(extras.front(), names);
  if (!near.empty()) {
    message += concat("; did you mean ", near, "?");
  } else if (listed) {
    message += concat(": ", command.get_name(), " has ", join(names, ", "));
  }
  return message;
}

}  // namespace

int report_usage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  std::string called = "reeve";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().back();
    called += concat(" ", command->get_name());
  }
  std::string message = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    message = about_extras(app.remaining(true), *command);
  } else if (!command->get_subcommands(nullptr).empty()) {
    message = about_command(app.remaining(true), *command, command != &app);
  }
  print_error_text(concat("reeve: ", printable(message), "\nSee ", called, " --help.\n"));
  return static_cast<int>(ExitCode::Usage);
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
