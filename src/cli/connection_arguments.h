#pragma once

#include <string>

namespace CLI {
class App;
}  // namespace CLI

/// Which server a command is for. Private to cli.
namespace reeve::cli {

struct Common;

/// `--server`, `--token-file`, `--certificate-authority`, `--kubeconfig`; empty: not given.
struct ConnectionArgs {
  std::string server = {};
  std::string token_file = {};
  std::string authority_file = {};
  std::string kubeconfig = {};
};

void add_connection_options(CLI::App* command, ConnectionArgs& args);

/// Gives them to commands about missions, which otherwise ask the owner of the data directory.
void add_remote_options(CLI::App& app, Common& common);

/// After parsing: whether such a command was called with one of them, or $REEVE_SERVER or
/// $REEVE_KUBECONFIG is set.
bool is_remote(const CLI::App& app, const ConnectionArgs& args);

}  // namespace reeve::cli
