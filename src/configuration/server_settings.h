#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "configuration/configuration.h"
#include "configuration/setting.h"

namespace reeve::configuration {

enum class TlsMode : std::uint8_t {
  Auto,   ///< a certificate authority of its own
  Off,    ///< plain text
  Files,  ///< the certificate that is named
};

/// The settings as the server uses them, one member for each row of the table.
struct ServerSettings {
  struct Server {
    std::vector<ListenAddress> listen;
    TlsMode tls = TlsMode::Auto;
    bool allow_plain_text = false;
    std::string tls_cert;
    std::string tls_key;
    std::string tls_client_ca;
    std::vector<std::string> advertise;
    Duration grace{};
  } server;

  struct Limits {
    std::int64_t connections_max = 0;
    std::int64_t connections_per_address_max = 0;
    /// 0: no limit, also below.
    std::int64_t requests_per_second = 0;
    std::int64_t requests_per_second_per_address = 0;
    std::int64_t body_bytes_max = 0;
    std::int64_t watch_buffer_events = 0;
    Duration continue_age{};
  } limits;

  struct Oidc {
    std::string issuer;
    std::string jwks_uri;
    std::vector<std::string> audience;
    std::string username_claim;
    std::string username_prefix;
    std::string groups_claim;
    std::string groups_prefix;
    /// `claim=value`.
    std::vector<std::string> required_claims;
    std::vector<std::string> algorithms;
    std::string ca;

    bool enabled() const { return !issuer.empty(); }
  };

  struct FrontProxy {
    std::string client_ca;
    std::vector<std::string> allowed_names;
    std::string user_header;
    std::string group_header;
    std::string uid_header;
    std::string extra_prefix;

    bool enabled() const { return !client_ca.empty(); }
  };

  struct Auth {
    bool anonymous = false;
    Oidc oidc;
    FrontProxy front_proxy;
  } auth;

  struct Log {
    /// As LogHub::set_levels takes it.
    std::string level;
    std::string format;
  } log;

  struct Telemetry {
    std::string otlp_endpoint;
    /// `Name=value`; secret.
    std::vector<std::string> otlp_headers;
    double sample_ratio = 0;
    bool accept_otlp = false;
  } telemetry;

  struct History {
    /// 0: no limit, also below.
    std::int64_t missions_max = 0;
    Duration age{};
  } history;

  struct Run {
    std::int64_t slots = 0;
    std::vector<std::string> labels;
  } run;

  struct Tools {
    bool private_addresses = false;
    std::vector<std::string> commands;
    bool unsandboxed = false;
  } tools;

  struct Models {
    bool private_addresses = false;
  } models;
};

/// `configuration` must have loaded without errors.
ServerSettings server_settings(const Configuration& configuration);

}  // namespace reeve::configuration
