#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace reeve::identity {

/// What a client needs to find and to believe a server, and to be believed.
struct KubeconfigOptions {
  /// `https://127.0.0.1:7433`.
  std::string server = {};
  /// PEM; empty: the machine's authorities.
  std::string authority = {};
  /// Names cluster, user and context.
  std::string name = "reeve";
  std::string user = {};
  std::string ns = "default";
  /// Either a token, or a certificate (PEM) with its key.
  const Secret* token = nullptr;
  std::string client_certificate = {};
  const Secret* client_key = nullptr;
};

/// A kubeconfig as YAML. Contains what it authenticates with: for a file of 0600 or a terminal.
/// Invalid: no server, nothing or too much to authenticate with.
Result<Secret> make_kubeconfig(const KubeconfigOptions& options);

}  // namespace reeve::identity
