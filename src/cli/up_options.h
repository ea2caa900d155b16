#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/server.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/server_certificate.h"
#include "cli/session.h"
#include "configuration/server_settings.h"

/// What of the settings becomes what of the server.
namespace reeve::cli {

/// Where the server keeps what is its own.
std::filesystem::path server_dir(const DataDir& dir);

std::vector<net::ListenerOptions> listeners_of(const configuration::ServerSettings& settings);

/// What can change while the server runs, with all the files that the settings name.
struct LiveSettings {
  api::LiveOptions options;
  /// Nothing: there is no TLS.
  std::optional<Timestamp> certificate_expires;
  /// PEM of our own authority; empty: there is none.
  std::string authority;
  /// Everything that is wrong. Not empty: the options are not to be used.
  std::vector<Error> errors;
};

/// Reads files; makes keys and certificates of ours that are missing or near their end.
LiveSettings live_settings(
    const DataDir& dir, const configuration::ServerSettings& settings, Timestamp now
);

}  // namespace reeve::cli
