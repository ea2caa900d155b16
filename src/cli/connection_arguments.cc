#include "cli/connection_arguments.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/arguments.h"

namespace reeve::cli {

namespace {

constexpr std::array<std::string_view, 16> kRemote = {
    "apply",
    "submit",
    "run",
    "retry",
    "abort",
    "release",
    "approve",
    "reject",
    "revise",
    "approvals",
    "status",
    "logs",
    "events",
    "workflows",
    "enable",
    "disable"};

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

void add_connection_options(CLI::App* command, ConnectionArgs& args) {
  command->add_option("--server", args.server, "Address of the server (default: $REEVE_SERVER)")
      ->type_name("URL")
      ->group("Connection");
  command->add_option("--token-file", args.token_file, "File with the token to show")
      ->type_name("FILE")
      ->group("Connection");
  command
      ->add_option(
          "--certificate-authority",
          args.authority_file,
          "File with the authorities to believe, PEM"
      )
      ->type_name("FILE")
      ->group("Connection");
  command
      ->add_option(
          "--kubeconfig",
          args.kubeconfig,
          "File that says all of this (default: $REEVE_KUBECONFIG, else that of reeve up)"
      )
      ->type_name("FILE")
      ->group("Connection");
}

void add_remote_options(CLI::App& app, Common& common) {
  for (const std::string_view name : kRemote) {
    add_connection_options(app.get_subcommand(std::string(name)), common.connection);
  }
}

bool is_remote(const CLI::App& app, const ConnectionArgs& args) {
  const bool takes = std::any_of(kRemote.begin(), kRemote.end(), [&](std::string_view name) {
    return app.get_subcommand(std::string(name))->parsed();
  });
  const bool given = !args.server.empty() || !args.kubeconfig.empty() || !args.token_file.empty() ||
                     !args.authority_file.empty();
  return takes && (given || is_set("REEVE_SERVER") || is_set("REEVE_KUBECONFIG"));
}

}  // namespace reeve::cli
