#include "base/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/strings.h"

namespace reeve {

namespace {

Sha256Bytes sum_of(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

}  // namespace

Sha256Bytes hmac_sha256(std::string_view key, std::string_view bytes) {
  Sha256Bytes sum{};
  // OpenSSL takes the length of the key as an int; RFC 2104 replaces longer keys by their hash,
  // which is done here so that any length fits.
  constexpr std::size_t kBlockBytes = 64;
  const Sha256Bytes key_sum = key.size() > kBlockBytes ? sum_of(key) : Sha256Bytes{};
  const void* const used = key.size() > kBlockBytes ? static_cast<const void*>(key_sum.data())
                                                    : static_cast<const void*>(key.data());
  const std::size_t size = key.size() > kBlockBytes ? key_sum.size() : key.size();
  unsigned length = 0;
  const auto* const made = ::HMAC(
      ::EVP_sha256(),
      size == 0 ? "" : used,
      static_cast<int>(size),
      reinterpret_cast<const unsigned char*>(bytes.data()),
      bytes.size(),
      sum.data(),
      &length
  );
  REEVE_ASSERT(made != nullptr && length == sum.size());
  return sum;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view bytes) {
  const Sha256Bytes sum = hmac_sha256(key, bytes);
  return to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

bool equal_secrets(std::string_view a, std::string_view b) {
  const Sha256Bytes sum_a = sum_of(a);
  const Sha256Bytes sum_b = sum_of(b);
  return ::CRYPTO_memcmp(sum_a.data(), sum_b.data(), sum_a.size()) == 0;
}

}  // namespace reeve
