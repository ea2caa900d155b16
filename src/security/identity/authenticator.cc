#include "security/identity/authenticator.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::identity {

namespace {

Error refused(std::string message) {
  return make_error(ErrorCode::PermissionDenied, std::move(message), "credentials");
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && to_lower(a) == to_lower(b);
}

bool has_prefix(std::string_view name, std::string_view prefix) {
  return name.size() >= prefix.size() && same_name(name.substr(0, prefix.size()), prefix);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  constexpr int kTen = 10;
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + kTen : -1;
}

/// Keys of extras are percent-encoded, since headers have few characters (RFC 3986, 2.1).
Result<std::string> decode(std::string_view text) {
  constexpr std::size_t kEscape = 3;
  constexpr int kBase = 16;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const bool whole = i + kEscape <= text.size();
    const int high = whole ? hex_digit(text[i + 1]) : -1;
    const int low = whole ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return make_error(ErrorCode::Invalid, "has a wrong escape in its name", "extra");
    }
    out.push_back(static_cast<char>(high * kBase + low));
    i += kEscape - 1;
  }
  return out;
}

struct IdentityHeaders {
  std::string_view user;
  std::string_view group;
  std::string_view uid;
  std::string_view extra_prefix;

  bool has(std::string_view name) const {
    return same_name(name, user) || same_name(name, group) || same_name(name, uid) ||
           has_prefix(name, extra_prefix);
  }
};

/// The identity that headers name. Nothing: there is none of them. Invalid: no user, or a name that
/// is none.
Result<std::optional<access::Identity>> read_identity(
    const std::vector<HeaderValue>& headers, const IdentityHeaders& names
) {
  access::Identity identity;
  std::size_t users = 0;
  std::size_t uids = 0;
  bool any = false;
  for (const HeaderValue& header : headers) {
    any = any || names.has(header.name);
    if (same_name(header.name, names.user)) {
      ++users;
      identity.user = header.value;
    } else if (same_name(header.name, names.group)) {
      identity.groups.emplace_back(header.value);
    } else if (same_name(header.name, names.uid)) {
      ++uids;
      identity.uid = header.value;
    } else if (has_prefix(header.name, names.extra_prefix)) {
      REEVE_TRY(const std::string key, decode(header.name.substr(names.extra_prefix.size())));
      identity.extra[to_lower(key)].emplace_back(header.value);
    }
  }
  if (!any) {
    return std::optional<access::Identity>();
  }
  if (users != 1 || uids > 1) {
    return make_error(ErrorCode::Invalid, "must be there once", std::string(names.user));
  }
  REEVE_CHECK(access::check_identity(identity));
  const bool nobody =
      identity.user == access::kAnonymous || identity.in_group(access::kUnauthenticated);
  if (!nobody) {
    access::add_group(identity, access::kAuthenticated);
  }
  return std::optional(std::move(identity));
}

/// RFC 6750, 2.1: b64token.
bool is_bearer_text(std::string_view token) {
  const std::size_t end = token.find_last_not_of('=');
  if (end == std::string_view::npos || token.size() > kBearerBytesMax) {
    return false;
  }
  const std::string_view body = token.substr(0, end + 1);
  return std::all_of(body.begin(), body.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/").find(c) != std::string_view::npos;
  });
}

/// The bearer token of a request. Nothing: there is no header at all.
Result<std::optional<std::string_view>> bearer_of(const std::vector<HeaderValue>& headers) {
  constexpr std::string_view kHeader = "Authorization";
  constexpr std::string_view kScheme = "bearer";
  std::optional<std::string_view> found;
  for (const HeaderValue& header : headers) {
    if (!same_name(header.name, kHeader)) {
      continue;
    }
    if (found) {
      return refused("there is more than one Authorization header");
    }
    const std::string_view value = trim(header.value);
    const std::size_t space = value.find(' ');
    if (space == std::string_view::npos || !same_name(value.substr(0, space), kScheme)) {
      return refused("only bearer tokens are accepted in an Authorization header");
    }
    found = trim(value.substr(space));
    if (!is_bearer_text(*found)) {
      return refused("the token is not valid");
    }
  }
  return found;
}

Result<void> add_to(std::vector<OidcIssuer>& issuers, OidcIssuer issuer) {
  for (const OidcIssuer& other : issuers) {
    if (other.options().issuer == issuer.options().issuer) {
      return make_error(ErrorCode::AlreadyExists, "there is one for this issuer already", "issuer");
    }
  }
  if (issuers.size() >= kIssuersMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("there are more than ", kIssuersMax, " issuers"), "issuer"
    );
  }
  issuers.push_back(std::move(issuer));
  return {};
}

access::Identity identity_of(const ClientCertificate& certificate) {
  access::Identity identity;
  identity.user = certificate.common_name;
  identity.groups = certificate.organizations;
  return identity;
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::Certificate:
      return "certificate";
    case Method::StaticToken:
      return "token";
    case Method::RunToken:
      return "run";
    case Method::Jwt:
      return "jwt";
    case Method::FrontProxy:
      return "proxy";
    case Method::Anonymous:
      return "anonymous";
  }
  return {};
}

Result<std::optional<access::Identity>> impersonated(const std::vector<HeaderValue>& headers) {
  return read_identity(
      headers,
      {.user = "Impersonate-User",
       .group = "Impersonate-Group",
       .uid = "Impersonate-Uid",
       .extra_prefix = "Impersonate-Extra-"}
  );
}

Authenticator::Authenticator(RunTokens run_tokens, FrontProxyOptions proxy)
    : run_tokens_(std::move(run_tokens)), proxy_(std::move(proxy)) {}

Result<void> Authenticator::add_issuer(OidcIssuer issuer) {
  return add_to(issuers_, std::move(issuer));
}

Result<void> Authenticator::replace_issuers(std::vector<OidcIssuer> issuers) {
  std::vector<OidcIssuer> replaced;
  for (OidcIssuer& issuer : issuers) {
    const auto known = std::find_if(issuers_.begin(), issuers_.end(), [&](const OidcIssuer& each) {
      return each.options() == issuer.options();
    });
    // A copy: an error leaves all as it was.
    REEVE_CHECK(add_to(replaced, known == issuers_.end() ? std::move(issuer) : *known));
  }
  issuers_ = std::move(replaced);
  return {};
}

bool Authenticator::is_proxy(const Presented& presented) const {
  if (!presented.certificate || !presented.certificate->proxy) {
    return false;
  }
  const auto& allowed = proxy_.allowed_names;
  return allowed.empty() ||
         std::find(allowed.begin(), allowed.end(), presented.certificate->common_name) !=
             allowed.end();
}

Result<std::optional<Authenticated>> Authenticator::by_proxy(const Presented& presented) const {
  const IdentityHeaders names{
      .user = proxy_.user_header,
      .group = proxy_.group_header,
      .uid = proxy_.uid_header,
      .extra_prefix = proxy_.extra_prefix};
  const bool any = std::any_of(
      presented.headers.begin(),
      presented.headers.end(),
      [&](const HeaderValue& header) { return names.has(header.name); }
  );
  if (!any) {
    return std::optional<Authenticated>();
  }
  if (!is_proxy(presented)) {
    return refused("only a front proxy may say for whom it asks");
  }
  auto identity = read_identity(presented.headers, names);
  if (!identity.ok() || !identity.value()) {
    return refused("the front proxy does not say for whom it asks");
  }
  Authenticated who;
  who.identity = std::move(*identity.value());
  who.method = Method::FrontProxy;
  return std::optional(std::move(who));
}

Result<Authenticated> Authenticator::by_jwt(std::string_view token, Timestamp now) {
  const auto jwt = parse_jwt(token);
  if (!jwt.ok()) {
    return refused("the token is not valid");
  }
  const std::string issuer_name = jwt->claims.get_string("iss");
  for (OidcIssuer& issuer : issuers_) {
    if (issuer.options().issuer == issuer_name) {
      Authenticated who;
      who.method = Method::Jwt;
      REEVE_TRY(who.identity, issuer.verify(*jwt, now));
      return who;
    }
  }
  return refused("the token is of an issuer that is not known here");
}

Result<Authenticated> Authenticator::by_bearer(std::string_view token, Timestamp now) {
  Authenticated who;
  if (token.starts_with(kStaticTokenPrefix)) {
    who.method = Method::StaticToken;
    REEVE_TRY(who.identity, static_tokens_.verify(token, now));
    return who;
  }
  if (token.starts_with(kRunTokenPrefix)) {
    who.method = Method::RunToken;
    REEVE_TRY(who.run, run_tokens_.verify(token, now));
    who.identity = identity::identity_of(*who.run);
    return who;
  }
  return by_jwt(token, now);
}

Result<Authenticated> Authenticator::authenticate(const Presented& presented, Timestamp now) {
  REEVE_TRY(auto proxied, by_proxy(presented));
  if (proxied) {
    return std::move(*proxied);
  }
  REEVE_TRY(const auto token, bearer_of(presented.headers));
  if (presented.certificate && presented.certificate->user) {
    // A certificate says who it is; what is wrong beside it is wrong all the same.
    if (token) {
      REEVE_CHECK(by_bearer(*token, now));
    }
    Authenticated who;
    who.method = Method::Certificate;
    who.identity = identity_of(*presented.certificate);
    if (!access::check_identity(who.identity).ok()) {
      return refused("the certificate has no name that can be a user's");
    }
    access::add_group(who.identity, access::kAuthenticated);
    return who;
  }
  if (token) {
    return by_bearer(*token, now);
  }
  Authenticated nobody;
  nobody.identity = access::anonymous();
  return nobody;
}

}  // namespace reeve::identity
