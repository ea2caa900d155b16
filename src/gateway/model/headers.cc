#include "gateway/model/headers.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

/// About one connection, RFC 9110 section 7.6.1, and what net writes itself.
constexpr std::array<std::string_view, 12> kOfConnection = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "expect",
    "host"};

/// About who asks: it is the gateway that does.
constexpr std::array<std::string_view, 16> kOfClient = {
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "openai-organization",
    "openai-project",
    "cookie",
    "origin",
    "referer",
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "accept-encoding"};

/// About whose account it is.
constexpr std::array<std::string_view, 5> kOfProvider = {
    "set-cookie",
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "www-authenticate"};

constexpr std::string_view kOurs = "reeve-";

template <std::size_t Size>
bool has(const std::array<std::string_view, Size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Those that `Connection` names too.
std::vector<std::string> named_by_connection(const net::Headers& headers) {
  std::vector<std::string> names;
  for (const std::string_view line : headers.find_all("Connection")) {
    for (const std::string_view part : split(line, ',')) {
      names.push_back(to_lower(trim(part)));
    }
  }
  return names;
}

template <class Predicate>
std::vector<net::Header> without(const net::Headers& headers, const Predicate& is_out) {
  const std::vector<std::string> named = named_by_connection(headers);
  std::vector<net::Header> kept;
  kept.reserve(headers.size());
  for (const net::Header& header : headers) {
    const std::string name = to_lower(header.name);
    const bool out = has(kOfConnection, name) || name.starts_with(kOurs) || is_out(name) ||
                     std::find(named.begin(), named.end(), name) != named.end();
    if (!out) {
      kept.push_back(header);
    }
  }
  return kept;
}

}  // namespace

std::vector<net::Header> headers_to_provider(const net::Headers& headers) {
  std::vector<net::Header> kept =
      without(headers, [](const std::string& name) { return has(kOfClient, name); });
  kept.push_back({"Accept-Encoding", "identity"});
  return kept;
}

std::vector<net::Header> headers_to_client(const net::Headers& headers) {
  return without(headers, [](const std::string& name) { return has(kOfProvider, name); });
}

}  // namespace reeve::gateway::model
