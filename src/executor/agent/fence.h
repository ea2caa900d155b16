#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "model/run.h"

/// What puts an agent inside the fence: how its run reaches the server, and what it must not see.
/// Pure.
namespace reeve::executor::agent {

/// The server's address over the socket, where plain HTTP is spoken; nobody resolves the name.
inline constexpr std::string_view kSocketApi = "http://reeve.local";

/// How a run reaches the server.
struct Fence {
  /// `https://127.0.0.1:7070`, without a slash at the end: for those that do not know sockets.
  std::string api;
  std::string token_file;
  /// The token itself; never in arguments, logs or errors.
  Secret token;
  /// A file with the authority of the server's certificate; empty: one that the machine knows.
  std::string ca_file;
  /// A socket of the file system that leads to the server; empty: none.
  std::string socket;
};

/// From the environment of a run, without the token. Unsupported: the run has no API.
Result<Fence> find_fence(const std::vector<model::NamedValue>& environment);

/// Whether a variable of the machine is kept from agents: keys and addresses of providers, other
/// credentials by their usual names, proxies.
bool is_withheld(std::string_view variable);

/// The value of a variable, or "".
std::string value_of(const std::vector<model::NamedValue>& environment, std::string_view name);

/// Sets or replaces a variable.
void set_value(
    std::vector<model::NamedValue>& environment, std::string_view name, std::string value
);

}  // namespace reeve::executor::agent
