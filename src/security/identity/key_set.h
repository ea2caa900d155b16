#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reeve::identity {

/// Algorithms of signatures that are accepted (RFC 7518, RFC 8037). `none` is not among them, and
/// never is.
enum class JwtAlgorithm { RS256, PS256, ES256, EdDSA, HS256 };

/// The name in a header, as `RS256`.
std::string_view to_string(JwtAlgorithm algorithm);

inline constexpr std::size_t kKeySetBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kKeySetKeysMax = 100;
inline constexpr int kRsaBitsMin = 2048;
inline constexpr int kRsaBitsMax = 8192;

/// A public key. Immutable; any thread.
class PublicKey {
 public:
  virtual ~PublicKey() = default;

  /// Empty: it has none.
  virtual std::string_view id() const = 0;

  virtual bool can(JwtAlgorithm algorithm) const = 0;

  /// Whether `signature` (as RFC 7515 has it) is this key's for `text`.
  virtual bool verify(JwtAlgorithm algorithm, std::string_view text, std::string_view signature)
      const = 0;
};

/// Public keys of an issuer (RFC 7517). Immutable; copies share the keys; any thread.
class KeySet {
 public:
  KeySet() = default;

  /// Reads a JWK set. Keys of unknown types, for other uses or too weak are left out and counted,
  /// as the RFC wants it. Invalid: it is no set, or there is no usable key in it. LimitExceeded:
  /// see above.
  static Result<KeySet> parse(std::string_view text);

  /// One key from PEM (SubjectPublicKeyInfo or certificate) under an id.
  static Result<KeySet> from_pem(std::string id, std::string_view pem);

  /// Keys that can check this algorithm: those with the id, or all if `id` is empty.
  std::vector<const PublicKey*> find(std::string_view id, JwtAlgorithm algorithm) const;

  std::size_t size() const { return keys_.size(); }

  std::size_t left_out() const { return left_out_; }

 private:
  std::vector<std::shared_ptr<const PublicKey>> keys_;
  std::size_t left_out_ = 0;
};

}  // namespace reeve::identity
