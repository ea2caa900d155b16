#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "platform/ports.h"
#include "security/identity/key_set.h"

/// What the tests of this folder share.
namespace reeve::identity::testing_support {

/// 2026-11-21T09:30:00Z.
inline constexpr Timestamp kNow = from_unix_millis(1'795'253'400'000);

Json json(std::string_view text);

/// Different numbers, the same ones each time.
class CountingRandom final : public platform::Random {
 public:
  explicit CountingRandom(std::uint64_t seed = 1) : state_(seed) {}

  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

/// A directory that goes away with the object.
class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The permission bits of a file.
unsigned mode_of(const std::filesystem::path& file);

/// An issuer of tokens with one key.
class Signer {
 public:
  /// A fresh key for RS256 and PS256, ES256, or EdDSA.
  explicit Signer(JwtAlgorithm algorithm);
  ~Signer();
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;

  /// The public key as a JWK.
  Json jwk(std::string_view id) const;

  /// As PEM.
  std::string pem() const;

  /// `{"keys":[…]}` with the one key.
  std::string key_set(std::string_view id) const;

  /// A signature as RFC 7515 has it.
  std::string signature(JwtAlgorithm algorithm, std::string_view text) const;

  /// A token with this header; the algorithm is set in it.
  std::string token(JwtAlgorithm algorithm, Json header, const Json& claims) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A signer that is made once for all tests: making RSA keys takes time.
const Signer& rsa_signer();
const Signer& ec_signer();
const Signer& ed_signer();

}  // namespace reeve::identity::testing_support
