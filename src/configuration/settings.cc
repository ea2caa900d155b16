#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "configuration/setting.h"

namespace reeve::configuration {
namespace {

constexpr std::array<std::string_view, 3> kTlsModes = {"auto", "off", "files"};
constexpr std::array<std::string_view, 2> kLogFormats = {"json", "text"};

constexpr std::int64_t kMega = 1'000'000;
constexpr std::int64_t kMebi = std::int64_t{1} << 20;
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kYear = 365 * 24 * kHour;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [others](char c) {
    return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
  });
}

std::string check_listen(std::string_view text) {
  const auto address = parse_listen_address(text);
  return address.ok() ? "" : address.error().message;
}

/// A name or address that certificates and links may carry.
std::string check_host(std::string_view text) {
  constexpr std::size_t kHostBytesMax = 253;
  const bool fine = text.size() <= kHostBytesMax && only(text, ".-:") && text.front() != '-';
  return fine ? "" : "is no host name or address";
}

std::string check_https(std::string_view text) {
  const bool fine = text.starts_with("https://") && text.size() > 8 &&
                    text.find_first_of(" \"<>") == std::string_view::npos;
  return fine ? "" : "is no https:// address";
}

std::string check_http(std::string_view text) {
  const std::size_t scheme = text.find("://");
  const bool known = text.starts_with("http://") || text.starts_with("https://");
  const bool fine =
      known && text.size() > scheme + 3 && text.find_first_of(" \"<>?#@") == std::string_view::npos;
  return fine ? "" : "is no http:// or https:// address (without credentials and query)";
}

/// RFC 9110, 5.6.2: a token.
bool is_token(std::string_view text) {
  return !text.empty() && only(text, "!#$%&'*+-.^_`|~");
}

std::string check_header_name(std::string_view text) {
  return is_token(text) ? "" : "is no name of a header";
}

std::string check_header(std::string_view text) {
  const std::size_t equals = text.find('=');
  const bool fine = equals != std::string_view::npos && is_token(text.substr(0, equals));
  return fine ? "" : "is not of the form Name=value";
}

std::string check_algorithm(std::string_view text) {
  constexpr std::array<std::string_view, 4> kAlgorithms = {"RS256", "PS256", "ES256", "EdDSA"};
  const bool known = std::find(kAlgorithms.begin(), kAlgorithms.end(), text) != kAlgorithms.end();
  return known ? "" : "is none of RS256, PS256, ES256, EdDSA";
}

std::string check_claim(std::string_view text) {
  return text.empty() ? "is no name of a claim" : "";
}

std::string check_claim_value(std::string_view text) {
  const std::size_t equals = text.find('=');
  const bool fine = equals != std::string_view::npos && equals > 0;
  return fine ? "" : "is not of the form claim=value";
}

/// What a task can name in its `tags`.
std::string check_label(std::string_view text) {
  constexpr std::size_t kLabelBytesMax = 100;
  const bool fine = !text.empty() && text.size() <= kLabelBytesMax &&
                    is_letter_or_digit(text.front()) && only(text, "._-");
  return fine ? ""
              : "is no label: letters, digits, '.', '_' and '-', a letter or digit first, at most "
                "100";
}

/// `info,net=debug`, as LogHub::set_levels takes it.
std::string check_levels(std::string_view text) {
  constexpr std::array<std::string_view, 6> kLevels = {
      "trace", "debug", "info", "warn", "error", "off"};
  constexpr std::size_t kModuleBytesMax = 64;
  std::set<std::string_view> modules;
  for (const std::string_view raw : split(text, ',')) {
    const std::string_view piece = trim(raw);
    const std::size_t equals = piece.find('=');
    const std::string_view module =
        equals == std::string_view::npos ? std::string_view() : piece.substr(0, equals);
    const std::string_view level =
        equals == std::string_view::npos ? piece : piece.substr(equals + 1);
    if (std::find(kLevels.begin(), kLevels.end(), level) == kLevels.end()) {
      return concat("has \"", level, "\", which is none of trace, debug, info, warn, error, off");
    }
    const bool named =
        equals == std::string_view::npos || (!module.empty() && module.size() <= kModuleBytesMax &&
                                             only(module, "_-./") && to_lower(module) == module);
    if (!named || !modules.insert(module).second) {
      return concat("has \"", piece, "\", whose module is none, or comes twice");
    }
  }
  return "";
}

/// What gateway::CommandRules takes. Reads it as far as that somebody who writes it sees mistakes.
std::string check_command(std::string_view text) {
  bool program = false;
  bool further = false;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) {
      continue;
    }
    if (further) {
      return "has words after `...`";
    }
    const std::size_t equals = word.find('=');
    const bool variable = !program && equals != std::string_view::npos && equals > 0 &&
                          only(word.substr(0, equals), "_*?");
    further = word == "...";
    program = program || (!variable && !further);
  }
  return program ? "" : "names no program";
}

constexpr Setting kTable[] = {
    {.key = "server.listen",
     .type = Type::List,
     .fallback = "127.0.0.1:7070",
     .description = "Addresses and ports to listen at; `:7070` stands for all IPv4 addresses, "
                    "port 0 for a free one",
     .check = check_listen},
    {.key = "server.tls",
     .type = Type::Choice,
     .fallback = "auto",
     .description = "`auto` makes a certificate authority and a certificate in the data "
                    "directory, `files` uses `tls_cert` and `tls_key`, `off` speaks plain text",
     .choices = kTlsModes},
    {.key = "server.allow_plain_text",
     .type = Type::Bool,
     .fallback = "false",
     .description = "Whether `tls: off` may be spoken at other addresses than those of this "
                    "machine: tokens cross the network for everybody to read"},
    {.key = "server.tls_cert",
     .description = "File with the certificate and its chain, PEM",
     .reloadable = true},
    {.key = "server.tls_key", .description = "File with the private key, PEM", .reloadable = true},
    {.key = "server.tls_client_ca",
     .description = "File with the authorities of clients' certificates, PEM; with `tls: auto` "
                    "its own authority counts as well",
     .reloadable = true},
    {.key = "server.advertise",
     .type = Type::List,
     .description = "Host names and addresses under which others reach this server: for the "
                    "certificate of `tls: auto` and for links",
     .reloadable = true,
     .check = check_host},
    {.key = "server.grace",
     .type = Type::Duration,
     .fallback = "30s",
     .description = "How long requests in flight may take when the server ends",
     .min = 0,
     .max = kHour,
     .reloadable = true},

    {.key = "limits.connections_max",
     .type = Type::Int,
     .fallback = "10000",
     .description = "Open connections; one more is closed at once",
     .min = 1,
     .max = kMega,
     .reloadable = true},
    {.key = "limits.connections_per_address_max",
     .type = Type::Int,
     .fallback = "1000",
     .description = "The same from one address",
     .min = 1,
     .max = kMega,
     .reloadable = true},
    {.key = "limits.requests_per_second",
     .type = Type::Int,
     .fallback = "200",
     .description = "Requests of one principal, on average; 0: no limit",
     .min = 0,
     .max = kMega,
     .reloadable = true},
    {.key = "limits.requests_per_second_per_address",
     .type = Type::Int,
     .fallback = "500",
     .description =
         "Requests from one address before it is known who asks, on average; 0: no limit",
     .min = 0,
     .max = kMega,
     .reloadable = true},
    {.key = "limits.body_bytes_max",
     .type = Type::Bytes,
     .fallback = "3MiB",
     .description = "Body of a request; uploads have limits of their own",
     .min = 1024,
     .max = 64 * kMebi,
     .reloadable = true},
    {.key = "limits.watch_buffer_events",
     .type = Type::Int,
     .fallback = "16384",
     .description = "Changes of each kind that are kept for watches: how far a slow one may fall "
                    "behind, and one that comes back may have missed, before it has to list again",
     .min = 10,
     .max = kMega,
     .reloadable = true},
    {.key = "limits.continue_age",
     .type = Type::Duration,
     .fallback = "5m",
     .description = "How long the state that a list was begun in is kept for its further pages",
     .min = 10 * kSecond,
     .max = 24 * kHour,
     .reloadable = true},

    {.key = "auth.anonymous",
     .type = Type::Bool,
     .fallback = "false",
     .description = "Whether requests without credentials count as `system:anonymous` instead of "
                    "being refused; what that may do is a matter of policy",
     .reloadable = true},
    {.key = "auth.oidc.issuer",
     .description = "OpenID Connect provider whose tokens are believed; empty: none",
     .reloadable = true,
     .check = check_https},
    {.key = "auth.oidc.jwks_uri",
     .description = "Where its keys are; empty: found through discovery",
     .reloadable = true,
     .check = check_https},
    {.key = "auth.oidc.audience",
     .type = Type::List,
     .description = "Tokens must be meant for one of these",
     .reloadable = true},
    {.key = "auth.oidc.username_claim",
     .fallback = "sub",
     .description = "Claim that names the user",
     .reloadable = true,
     .check = check_claim},
    {.key = "auth.oidc.username_prefix",
     .fallback = "oidc:",
     .description = "Put before it, so that it is nobody else's name",
     .reloadable = true},
    {.key = "auth.oidc.groups_claim",
     .fallback = "groups",
     .description = "Claim that lists the groups; empty: none",
     .reloadable = true},
    {.key = "auth.oidc.groups_prefix",
     .fallback = "oidc:",
     .description = "Put before each of them",
     .reloadable = true},
    {.key = "auth.oidc.required_claims",
     .type = Type::List,
     .description = "Claims that tokens must have, as `claim=value`",
     .reloadable = true,
     .check = check_claim_value},
    {.key = "auth.oidc.algorithms",
     .type = Type::List,
     .fallback = "RS256,PS256,ES256,EdDSA",
     .description = "Algorithms of signatures that are believed",
     .reloadable = true,
     .check = check_algorithm},
    {.key = "auth.oidc.ca",
     .description = "File with the authorities of the provider's certificate, PEM; empty: those of "
                    "the machine",
     .reloadable = true},
    {.key = "auth.front_proxy.client_ca",
     .description = "File with the authorities of proxies that say for whom they ask, PEM; empty: "
                    "there are none",
     .reloadable = true},
    {.key = "auth.front_proxy.allowed_names",
     .type = Type::List,
     .description = "Common names of the proxies' certificates; empty: every certificate of these "
                    "authorities",
     .reloadable = true},
    {.key = "auth.front_proxy.user_header",
     .fallback = "X-Remote-User",
     .description = "Header with the name of the user",
     .reloadable = true,
     .check = check_header_name},
    {.key = "auth.front_proxy.group_header",
     .fallback = "X-Remote-Group",
     .description = "Header with a group, once for each",
     .reloadable = true,
     .check = check_header_name},
    {.key = "auth.front_proxy.uid_header",
     .fallback = "X-Remote-Uid",
     .description = "Header with the user's id",
     .reloadable = true,
     .check = check_header_name},
    {.key = "auth.front_proxy.extra_prefix",
     .fallback = "X-Remote-Extra-",
     .description = "Beginning of the headers with further facts",
     .reloadable = true,
     .check = check_header_name},

    {.key = "log.level",
     .fallback = "info",
     .description = "Level of the log, with exceptions for modules: `info,net=debug`; levels are "
                    "trace, debug, info, warn, error, off",
     .reloadable = true,
     .check = check_levels},
    {.key = "log.format",
     .type = Type::Choice,
     .fallback = "json",
     .description = "One object of JSON for each record, or a line of text",
     .choices = kLogFormats},

    {.key = "telemetry.otlp_endpoint",
     .description = "Collector that spans are sent to by OTLP/HTTP, without `/v1/traces`; empty: "
                    "they are not sent",
     .check = check_http},
    {.key = "telemetry.otlp_headers",
     .type = Type::List,
     .description = "Headers of these requests, as `Name=value`",
     .secret = true,
     .check = check_header},
    {.key = "telemetry.sample_ratio",
     .type = Type::Ratio,
     .fallback = "0.1",
     .description = "Share of the traces beginning here that are recorded"},
    {.key = "telemetry.accept_otlp",
     .type = Type::Bool,
     .fallback = "true",
     .description = "Whether runs may send metrics, logs and spans to this server"},

    {.key = "history.missions_max",
     .type = Type::Int,
     .fallback = "10000",
     .description = "Finished missions that are kept; 0: no limit",
     .min = 0,
     .max = 100 * kMega,
     .reloadable = true},
    {.key = "history.age",
     .type = Type::Duration,
     .fallback = "0s",
     .description = "How long finished missions are kept; 0s: no limit",
     .min = 0,
     .max = 100 * kYear,
     .reloadable = true},

    {.key = "run.slots",
     .type = Type::Int,
     .fallback = "16",
     .description = "Runs at the same time on this machine; also `--slots`",
     .min = 1,
     .max = 10'000},
    {.key = "run.labels",
     .type = Type::List,
     .description = "What this machine offers to tasks with `tags`, such as `gpu`; also "
                    "`--labels`",
     .check = check_label},

    {.key = "tools.private_addresses",
     .type = Type::Bool,
     .fallback = "false",
     .description = "Whether tool servers and fetched pages may be on this machine and in private "
                    "networks"},
    {.key = "tools.commands",
     .type = Type::List,
     .description = "Commands that tool servers may be, one for each entry: words that are globs, "
                    "with `NAME=VALUE` before them for each variable that may be set, and `...` "
                    "after them if any may follow; empty: none",
     .check = check_command},
    {.key = "tools.unsandboxed",
     .type = Type::Bool,
     .fallback = "false",
     .description = "Whether these may be started without a sandbox, where they see what the "
                    "server sees"},
    {.key = "models.private_addresses",
     .type = Type::Bool,
     .fallback = "false",
     .description = "Whether providers of models may be on this machine and in private networks"},
};

}  // namespace

std::string_view to_string(Type type) {
  switch (type) {
    case Type::Text:
      return "text";
    case Type::Bool:
      return "true or false";
    case Type::Int:
      return "whole number";
    case Type::Ratio:
      return "number from 0 to 1";
    case Type::Duration:
      return "duration";
    case Type::Bytes:
      return "size";
    case Type::Choice:
      return "choice";
    case Type::List:
      return "list";
  }
  return "";
}

std::span<const Setting> settings() {
  return kTable;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : settings()) {
    if (setting.key == key) {
      return &setting;
    }
  }
  return nullptr;
}

std::string env_name(std::string_view key) {
  return concat("REEVE_", to_upper(replace_all(key, ".", "_")));
}

std::string flag_name(std::string_view key) {
  return concat("--", replace_all(replace_all(key, ".", "-"), "_", "-"));
}

std::vector<std::string_view> name_clashes(std::span<const Setting> table) {
  std::set<std::string> names;
  std::vector<std::string_view> clashes;
  for (const Setting& setting : table) {
    const bool variable = names.insert(env_name(setting.key)).second;
    const bool flag = names.insert(flag_name(setting.key)).second;
    if (!variable || !flag) {
      clashes.push_back(setting.key);
    }
  }
  return clashes;
}

}  // namespace reeve::configuration
