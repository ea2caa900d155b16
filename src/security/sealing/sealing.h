#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

/// Authenticated encryption of values with a master key (libsodium: XChaCha20-Poly1305). Any
/// thread.
namespace reeve::sealing {

inline constexpr std::size_t kKeyBytes = 32;
/// Longest value that is sealed.
inline constexpr std::size_t kSealedValueBytesMax = std::size_t{32} << 10U;

/// What a sealed value belongs to. It opens only under the same names.
struct Binding {
  std::string_view ns;
  std::string_view name;
};

/// A key for values. Its bytes are overwritten when it dies.
class Key {
 public:
  /// A fresh key under a random id. Io: libsodium cannot work on this machine.
  static Result<Key> random();

  /// A key of known bytes. Invalid: not kKeyBytes of them.
  static Result<Key> from_bytes(std::string id, Secret bytes);

  /// Names the key in sealed values; says nothing about its bytes.
  const std::string& id() const { return id_; }

  std::string_view bytes() const { return bytes_.view(); }

  /// `plain` as text that only `open` with this key and binding turns back. The same value gives
  /// another text each time. LimitExceeded: longer than kSealedValueBytesMax.
  Result<std::string> seal(const Binding& binding, std::string_view plain) const;

  /// The value of a text that `seal` made. Corrupt: it was changed or belongs to another name.
  /// NotFound: it was sealed with another key.
  Result<Secret> open(const Binding& binding, std::string_view sealed) const;

 private:
  Key(std::string id, Secret bytes) : id_(std::move(id)), bytes_(std::move(bytes)) {}

  std::string id_;
  Secret bytes_;
};

/// The id of the key that `sealed` was made with. Invalid: it is no sealed text.
Result<std::string> key_id_of(std::string_view sealed);

/// How a key is made from a passphrase (Argon2id). Stored beside what it protects.
struct Derivation {
  std::string salt;
  std::uint64_t passes = 3;
  std::uint64_t memory_bytes = std::uint64_t{64} << 20U;
};

/// A derivation with a fresh salt.
Result<Derivation> fresh_derivation();

/// The bytes of the key that `passphrase` gives. Invalid: parameters beyond any that are written.
/// LimitExceeded: there is not enough memory.
Result<Secret> derive(const Derivation& derivation, std::string_view passphrase);

/// A random id of 16 hex digits.
Result<std::string> random_id();

std::string to_base64(std::string_view bytes);
/// Invalid: no base64.
Result<Secret> from_base64(std::string_view text);

}  // namespace reeve::sealing
