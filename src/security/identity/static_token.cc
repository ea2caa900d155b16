#include "security/identity/static_token.h"

#include <algorithm>

#include "base/fields.h"
#include "base/hash.h"
#include "base/hmac.h"
#include "base/strings.h"
#include "platform/posix/private_files.h"
#include "security/identity/secret_file.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kSecretDigits = 64;
constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kTokenFileBytesMax = 256;
constexpr std::string_view kAdminUser = "admin";

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

/// The public part of a token's text; empty: it is no such text.
std::string_view id_of(std::string_view text) {
  if (!text.starts_with(kStaticTokenPrefix)) {
    return {};
  }
  text.remove_prefix(kStaticTokenPrefix.size());
  const bool fits = text.size() == kIdDigits + 1 + kSecretDigits && text[kIdDigits] == '_' &&
                    is_hex(text.substr(0, kIdDigits)) && is_hex(text.substr(kIdDigits + 1));
  return fits ? text.substr(0, kIdDigits) : std::string_view();
}

std::string hash_of(std::string_view id, std::string_view text) {
  return concat(id, ".", sha256(text).view());
}

bool is_hash(std::string_view hash) {
  return hash.size() == kIdDigits + 1 + kHashDigits && hash[kIdDigits] == '.' &&
         is_hex(hash.substr(0, kIdDigits)) && is_hex(hash.substr(kIdDigits + 1));
}

Error refused(std::string message) {
  return make_error(ErrorCode::PermissionDenied, std::move(message), "token");
}

}  // namespace

NewToken make_static_token(platform::Random& random) {
  const Secret id_bytes = random_bytes(random, kIdDigits / 2);
  const Secret secret_bytes = random_bytes(random, kSecretDigits / 2);
  const std::string id = to_hex(id_bytes.view());
  std::string secret = to_hex(secret_bytes.view());
  std::string text = concat(kStaticTokenPrefix, id, "_", secret);
  NewToken token{.text = Secret(text), .hash = hash_of(id, text)};
  wipe(secret);
  wipe(text);
  return token;
}

Result<std::string> static_token_hash(std::string_view text) {
  const std::string_view id = id_of(text);
  if (id.empty()) {
    return make_error(ErrorCode::Invalid, "is no token", "token");
  }
  return hash_of(id, text);
}

Result<StaticToken> parse_static_token(const Json& spec) {
  Fields fields(spec, "spec");
  StaticToken token;
  token.user = fields.required_text("user");
  token.groups = fields.text_list("groups");
  const std::string expires = fields.text("expirationTime");
  token.hash = fields.required_text("hash");
  (void)fields.text("description");
  REEVE_CHECK(fields.finish());
  access::Identity identity;
  identity.user = token.user;
  identity.groups = token.groups;
  auto named = access::check_identity(identity);
  if (!named.ok()) {
    Error error = std::move(named).error();
    error.subject = concat("spec.", error.subject);
    return error;
  }
  if (!expires.empty()) {
    const auto at = parse_date_time(expires);
    if (!at.ok()) {
      return make_error(ErrorCode::Invalid, at.error().message, "spec.expirationTime");
    }
    token.expires = *at;
  }
  if (!is_hash(token.hash)) {
    Error error = make_error(ErrorCode::Invalid, "is no hash of a token", "spec.hash");
    error.hint = "it is <16 hex digits>.<64 hex digits>; the token itself belongs nowhere";
    return error;
  }
  return token;
}

Result<void> StaticTokens::upsert(std::string_view name, StaticToken token) {
  if (!is_hash(token.hash)) {
    return make_error(ErrorCode::Invalid, "is no hash of a token", "spec.hash");
  }
  const std::string id = token.hash.substr(0, kIdDigits);
  const auto other = by_id_.find(id);
  if (other != by_id_.end() && other->second.name != name) {
    return make_error(
        ErrorCode::AlreadyExists, "another object has a token with this public part", "spec.hash"
    );
  }
  if (!by_name_.contains(name) && by_name_.size() >= kStaticTokensMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("there are more than ", kStaticTokensMax, " tokens")
    );
  }
  remove(name);
  by_name_[std::string(name)] = id;
  by_id_[id] = Entry{.name = std::string(name), .token = std::move(token)};
  return {};
}

Result<void> StaticTokens::upsert(std::string_view name, const Json& spec) {
  REEVE_TRY(StaticToken token, parse_static_token(spec));
  return upsert(name, std::move(token));
}

void StaticTokens::remove(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) {
    by_id_.erase(found->second);
    by_name_.erase(found);
  }
}

Result<access::Identity> StaticTokens::verify(std::string_view text, Timestamp now) const {
  const std::string_view id = id_of(text);
  if (id.empty()) {
    return refused("the token is not valid");
  }
  const auto found = by_id_.find(id);
  // As much work for a token that is unknown as for a wrong one.
  const std::string wanted = found == by_id_.end() ? std::string() : found->second.token.hash;
  if (!equal_secrets(wanted, hash_of(id, text)) || found == by_id_.end()) {
    return refused("the token is not valid");
  }
  const StaticToken& token = found->second.token;
  if (token.expires && now >= *token.expires) {
    return refused("the token has expired");
  }
  access::Identity identity;
  identity.user = token.user;
  identity.groups = token.groups;
  access::add_group(identity, access::kAuthenticated);
  return identity;
}

Result<AdminToken> open_or_create_admin_token(
    const std::filesystem::path& file, platform::Random& random
) {
  auto bytes = platform::read_private_file(file, kTokenFileBytesMax);
  if (!bytes.ok() && bytes.error().code == ErrorCode::NotFound) {
    const NewToken fresh = make_static_token(random);
    Secret line(fresh.text.size() + 1);
    std::copy_n(fresh.text.view().data(), fresh.text.size(), line.data());
    line.data()[fresh.text.size()] = '\n';
    REEVE_TRY(const bool created, platform::create_private_file(file, line.view()));
    (void)created;
    bytes = platform::read_private_file(file, kTokenFileBytesMax);
  }
  if (!bytes.ok()) {
    return std::move(bytes).error();
  }
  const std::string_view text = trim(bytes->view());
  const auto hash = static_token_hash(text);
  if (!hash.ok()) {
    Error error = make_error(ErrorCode::Corrupt, "holds no token", file.string());
    error.hint = "remove it: a new one is made at the next start";
    return error;
  }
  AdminToken admin;
  admin.text = Secret(text);
  admin.token.user = kAdminUser;
  admin.token.groups = {std::string(access::kMasters)};
  admin.token.hash = *hash;
  return admin;
}

}  // namespace reeve::identity
