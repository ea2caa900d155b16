#include "configuration/server_settings.h"

#include "base/assert.h"

namespace reeve::configuration {
namespace {

TlsMode tls_mode(const std::string& text) {
  if (text == "off") {
    return TlsMode::Off;
  }
  return text == "files" ? TlsMode::Files : TlsMode::Auto;
}

ServerSettings::Server server_of(const Configuration& from) {
  ServerSettings::Server server;
  for (const std::string& text : from.list("server.listen")) {
    auto address = parse_listen_address(text);
    REEVE_ASSERT(address.ok());
    server.listen.push_back(std::move(address).value());
  }
  server.tls = tls_mode(from.text("server.tls"));
  server.allow_plain_text = from.flag("server.allow_plain_text");
  server.tls_cert = from.text("server.tls_cert");
  server.tls_key = from.text("server.tls_key");
  server.tls_client_ca = from.text("server.tls_client_ca");
  server.advertise = from.list("server.advertise");
  server.grace = from.duration("server.grace");
  return server;
}

ServerSettings::Limits limits_of(const Configuration& from) {
  return {
      .connections_max = from.number("limits.connections_max"),
      .connections_per_address_max = from.number("limits.connections_per_address_max"),
      .requests_per_second = from.number("limits.requests_per_second"),
      .requests_per_second_per_address = from.number("limits.requests_per_second_per_address"),
      .body_bytes_max = from.number("limits.body_bytes_max"),
      .watch_buffer_events = from.number("limits.watch_buffer_events"),
      .continue_age = from.duration("limits.continue_age")};
}

ServerSettings::Auth auth_of(const Configuration& from) {
  return {
      .anonymous = from.flag("auth.anonymous"),
      .oidc =
          {.issuer = from.text("auth.oidc.issuer"),
           .jwks_uri = from.text("auth.oidc.jwks_uri"),
           .audience = from.list("auth.oidc.audience"),
           .username_claim = from.text("auth.oidc.username_claim"),
           .username_prefix = from.text("auth.oidc.username_prefix"),
           .groups_claim = from.text("auth.oidc.groups_claim"),
           .groups_prefix = from.text("auth.oidc.groups_prefix"),
           .required_claims = from.list("auth.oidc.required_claims"),
           .algorithms = from.list("auth.oidc.algorithms"),
           .ca = from.text("auth.oidc.ca")},
      .front_proxy = {
          .client_ca = from.text("auth.front_proxy.client_ca"),
          .allowed_names = from.list("auth.front_proxy.allowed_names"),
          .user_header = from.text("auth.front_proxy.user_header"),
          .group_header = from.text("auth.front_proxy.group_header"),
          .uid_header = from.text("auth.front_proxy.uid_header"),
          .extra_prefix = from.text("auth.front_proxy.extra_prefix")}};
}

}  // namespace

ServerSettings server_settings(const Configuration& configuration) {
  const Configuration& from = configuration;
  return {
      .server = server_of(from),
      .limits = limits_of(from),
      .auth = auth_of(from),
      .log = {.level = from.text("log.level"), .format = from.text("log.format")},
      .telemetry =
          {.otlp_endpoint = from.text("telemetry.otlp_endpoint"),
           .otlp_headers = from.list("telemetry.otlp_headers"),
           .sample_ratio = from.ratio("telemetry.sample_ratio"),
           .accept_otlp = from.flag("telemetry.accept_otlp")},
      .history =
          {.missions_max = from.number("history.missions_max"),
           .age = from.duration("history.age")},
      .run = {.slots = from.number("run.slots"), .labels = from.list("run.labels")},
      .tools =
          {.private_addresses = from.flag("tools.private_addresses"),
           .commands = from.list("tools.commands"),
           .unsandboxed = from.flag("tools.unsandboxed")},
      .models = {.private_addresses = from.flag("models.private_addresses")}};
}

}  // namespace reeve::configuration
