#include "cli/configuration_arguments.h"

#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/subcommand.h"

namespace reeve::cli {

struct ConfigurationParser::State {
  Common& common;
  CredentialArgs credential;
  ConfigArgs config;
  CLI::App* set_command = nullptr;
  std::vector<std::pair<CLI::App*, CredentialArgs::Action>> credential_commands;
  std::vector<std::pair<CLI::App*, ConfigArgs::Action>> config_commands;

  CLI::App* add(CLI::App& parent, const char* name, const char* purpose, const char* example) {
    return cli::add(parent, name, purpose, example, common);
  }

  void add_credentials(CLI::App& app) {
    CLI::App* all =
        add(app,
            "credential",
            "Keep secret values for tasks, sealed",
            "gh auth token | reeve credential set github-token");
    all->require_subcommand(1);
    CLI::App* set =
        add(*all,
            "set",
            "Keep a value, read from standard input, a file or a variable",
            "reeve credential set github-token --from-file token.txt --workflow deploy");
    set->add_option("NAME", credential.name)->required();
    // To be refused with more than "not expected", and without being repeated.
    set->allow_extras();
    set_command = set;
    CLI::Option* file =
        set->add_option("--from-file", credential.file, "File that holds the value");
    set->add_option("--from-env", credential.variable, "Variable that holds the value")
        ->excludes(file);
    set->add_option("--description", credential.description, "What it is for");
    set->add_option("--workflow", credential.workflows, "Only this workflow may use it; repeat")
        ->allow_extra_args(false);
    credential_commands.emplace_back(set, CredentialArgs::Action::Set);
    CLI::App* allow =
        add(*all,
            "allow",
            "Say which workflows may use a credential; the value stays",
            "reeve credential allow github-token deploy release");
    allow->add_option("NAME", credential.name)->required();
    CLI::Option* names = allow->add_option("WORKFLOW", credential.workflows);
    allow->add_flag("--all", credential.all, "Every workflow may")->excludes(names);
    credential_commands.emplace_back(allow, CredentialArgs::Action::Allow);
    CLI::App* list =
        add(*all, "list", "List credentials, never their values", "reeve credential list -o json");
    add_output(list, common, kTextOrJson);
    credential_commands.emplace_back(list, CredentialArgs::Action::List);
    CLI::App* remove =
        add(*all, "delete", "Delete a credential", "reeve credential delete github-token");
    remove->add_option("NAME", credential.name)->required();
    credential_commands.emplace_back(remove, CredentialArgs::Action::Delete);
    CLI::App* rekey =
        add(*all,
            "rekey",
            "Make a new master key and seal everything with it",
            "reeve credential rekey --new-passphrase-file ~/passphrase");
    CLI::Option* passphrase = rekey->add_option(
        "--new-passphrase-file", credential.passphrase_file, "Make the key from this passphrase"
    );
    rekey->add_flag("--key-file", credential.key_file, "Keep the key in a file, without passphrase")
        ->excludes(passphrase);
    credential_commands.emplace_back(rekey, CredentialArgs::Action::Rekey);
  }

  void add_scope(CLI::App* command) {
    command->add_option("--workflow", config.workflow, "Of this workflow only");
  }

  void add_settings(CLI::App& app) {
    CLI::App* all =
        add(app, "config", "Keep plain values for workflows", "reeve config set Region eu-west-1");
    all->require_subcommand(1);
    CLI::App* set =
        add(*all,
            "set",
            "Set a value for all workflows, or for one",
            "reeve config set Region eu-west-1 --workflow deploy");
    set->add_option("NAME", config.name)->required();
    set->add_option("VALUE", config.value)->required();
    add_scope(set);
    config_commands.emplace_back(set, ConfigArgs::Action::Set);
    CLI::App* get = add(*all, "get", "Print a value", "reeve config get Region --workflow deploy");
    get->add_option("NAME", config.name)->required();
    add_scope(get);
    config_commands.emplace_back(get, ConfigArgs::Action::Get);
    CLI::App* list = add(*all, "list", "List values", "reeve config list -o json");
    add_scope(list);
    add_output(list, common, kTextOrJson);
    config_commands.emplace_back(list, ConfigArgs::Action::List);
    CLI::App* unset =
        add(*all, "unset", "Remove a value", "reeve config unset Region --workflow deploy");
    unset->add_option("NAME", config.name)->required();
    add_scope(unset);
    config_commands.emplace_back(unset, ConfigArgs::Action::Unset);
  }
};

ConfigurationParser::ConfigurationParser(CLI::App& app, Common& common)
    : state_(std::make_unique<State>(State{
          .common = common,
          .credential = {},
          .config = {},
          .set_command = nullptr,
          .credential_commands = {},
          .config_commands = {}})) {
  state_->add_credentials(app);
  state_->add_settings(app);
}

ConfigurationParser::~ConfigurationParser() = default;

std::optional<std::variant<CredentialArgs, ConfigArgs>> ConfigurationParser::selected() const {
  for (const auto& [command, action] : state_->credential_commands) {
    if (command->parsed()) {
      CredentialArgs args = state_->credential;
      args.action = action;
      return args;
    }
  }
  for (const auto& [command, action] : state_->config_commands) {
    if (command->parsed()) {
      ConfigArgs args = state_->config;
      args.action = action;
      return args;
    }
  }
  return std::nullopt;
}

std::string ConfigurationParser::problem() const {
  for (const std::string& word : state_->set_command->remaining()) {
    if (word.starts_with('-')) {
      return "reeve credential set has no option " + word.substr(0, word.find('='));
    }
    return "a value is never an argument, which everybody on this machine can read: use standard "
           "input, --from-file or --from-env";
  }
  return {};
}

}  // namespace reeve::cli
