#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "platform/ports.h"
#include "security/access/identity.h"

/// Who asks: tokens, certificates, identity providers, and what proves each of them.
namespace reeve::identity {

inline constexpr std::string_view kStaticTokenPrefix = "rvt_";
inline constexpr std::size_t kStaticTokensMax = 100'000;

/// A token that was just made. The text is shown once and kept nowhere.
struct NewToken {
  /// `rvt_<16 hex digits>_<64 hex digits>`; the second number is 256 random bits.
  Secret text;
  /// `<16 hex digits>.<SHA-256 of the text, hex>`: what is stored instead.
  std::string hash;
};

/// A fresh token.
NewToken make_static_token(platform::Random& random);

/// The hash to store for the text of a token. Invalid: it is no text of a token.
Result<std::string> static_token_hash(std::string_view text);

/// What a token stands for.
struct StaticToken {
  std::string user;
  std::vector<std::string> groups;
  std::optional<Timestamp> expires;
  std::string hash;
};

/// Reads `spec` of a Token object: user, groups, expirationTime (RFC 3339), hash. Invalid: the
/// subject is the member.
Result<StaticToken> parse_static_token(const Json& spec);

/// The static tokens that count now, found by the public part of their text. Secrets are compared
/// in a time that tells nothing.
///
/// Threading: one thread; a copy is independent.
class StaticTokens {
 public:
  /// Takes over the token of the object `name`, new or changed. AlreadyExists: the token of another
  /// object has the same public part; nothing has changed then. LimitExceeded: there are too many.
  Result<void> upsert(std::string_view name, StaticToken token);

  /// The same from an object's spec.
  Result<void> upsert(std::string_view name, const Json& spec);

  void remove(std::string_view name);

  std::size_t size() const { return by_name_.size(); }

  /// Who bears the token. PermissionDenied: it is none, is unknown, or has expired. Whether its
  /// public part exists cannot be told from the answer.
  Result<access::Identity> verify(std::string_view text, Timestamp now) const;

 private:
  struct Entry {
    std::string name;
    StaticToken token;
  };

  std::map<std::string, Entry, std::less<>> by_id_;
  /// Name of the object → public part.
  std::map<std::string, std::string, std::less<>> by_name_;
};

/// The token of the first administrator (user `admin`, group `system:masters`) in a file of ours
/// (0600), which is made if it is not there. Removing the file revokes it at the next start.
struct AdminToken {
  Secret text;
  StaticToken token;
};

/// PermissionDenied: the file is open to others or not ours. Corrupt: it holds no token.
Result<AdminToken> open_or_create_admin_token(
    const std::filesystem::path& file, platform::Random& random
);

}  // namespace reeve::identity
