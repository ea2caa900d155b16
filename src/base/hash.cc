#include "base/hash.h"

#include <openssl/evp.h>

#include "base/assert.h"
#include "base/strings.h"

namespace reeve {

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();

  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ~Context() { EVP_MD_CTX_free(md); }
};

namespace {

void start(EVP_MD_CTX* md) {
  // Fetching the algorithm by name on every use would cost more than hashing a short record.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  REEVE_ASSERT(kAlgorithm != nullptr);
  REEVE_ASSERT(EVP_DigestInit_ex2(md, kAlgorithm, nullptr) == 1);
}

}  // namespace

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  REEVE_ASSERT(context_->md != nullptr);
  start(context_->md);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  REEVE_ASSERT(EVP_DigestUpdate(context_->md, bytes.data(), bytes.size()) == 1);
}

Sha256Bytes Sha256::finish() {
  Sha256Bytes bytes{};
  REEVE_ASSERT(EVP_DigestFinal_ex(context_->md, bytes.data(), nullptr) == 1);
  start(context_->md);
  return bytes;
}

Digest sha256(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  const Sha256Bytes sum = hash.finish();
  return Digest(to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()}));
}

std::uint64_t stable_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdU;
  hash ^= hash >> 33U;
  return hash;
}

}  // namespace reeve
