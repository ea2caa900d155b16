#include "security/identity/support_test.h"

#include <cstdlib>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "security/identity/base64url.h"

namespace reeve::identity::testing_support {

namespace {

constexpr std::size_t kCoordinateBytes = 32;

std::string number_bytes(const BIGNUM* number, std::size_t size) {
  std::string bytes(size, '\0');
  ::BN_bn2binpad(
      number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())
  );
  return bytes;
}

std::string key_number(EVP_PKEY* key, const char* name, std::size_t size = 0) {
  BIGNUM* number = nullptr;
  EXPECT_EQ(::EVP_PKEY_get_bn_param(key, name, &number), 1);
  const std::string bytes =
      number_bytes(number, size == 0 ? static_cast<std::size_t>(BN_num_bytes(number)) : size);
  ::BN_free(number);
  return to_base64url(bytes);
}

std::string raw_signature(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* const signature = ::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  const std::string raw = number_bytes(::ECDSA_SIG_get0_r(signature), kCoordinateBytes) +
                          number_bytes(::ECDSA_SIG_get0_s(signature), kCoordinateBytes);
  ::ECDSA_SIG_free(signature);
  return raw;
}

}  // namespace

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? std::move(parsed).value() : Json();
}

std::uint64_t CountingRandom::next() {
  // SplitMix64 (Steele, Lea and Flood, 2014).
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t bits = state_;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  return bits ^ (bits >> 31U);
}

TempDirectory::TempDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "reeve-identity-XXXXXX").native();
  path_ = ::mkdtemp(name.data());
}

TempDirectory::~TempDirectory() {
  std::filesystem::remove_all(path_);
}

unsigned mode_of(const std::filesystem::path& file) {
  struct stat info {};

  EXPECT_EQ(::stat(file.c_str(), &info), 0) << file;
  return info.st_mode & 0777U;
}

struct Signer::State {
  JwtAlgorithm algorithm;
  EVP_PKEY* key;
};

Signer::Signer(JwtAlgorithm algorithm) : state_(std::make_unique<State>()) {
  state_->algorithm = algorithm;
  if (algorithm == JwtAlgorithm::ES256) {
    state_->key = ::EVP_EC_gen("P-256");
  } else if (algorithm == JwtAlgorithm::EdDSA) {
    state_->key = ::EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  } else {
    state_->key = ::EVP_RSA_gen(kRsaBitsMin);
  }
}

Signer::~Signer() {
  ::EVP_PKEY_free(state_->key);
}

Json Signer::jwk(std::string_view id) const {
  Json key = Json::object();
  key.set("kid", id);
  if (state_->algorithm == JwtAlgorithm::ES256) {
    key.set("kty", "EC").set("crv", "P-256");
    key.set("x", key_number(state_->key, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes));
    key.set("y", key_number(state_->key, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes));
  } else if (state_->algorithm == JwtAlgorithm::EdDSA) {
    std::string bytes(kCoordinateBytes, '\0');
    std::size_t size = bytes.size();
    ::EVP_PKEY_get_raw_public_key(
        state_->key, reinterpret_cast<unsigned char*>(bytes.data()), &size
    );
    key.set("kty", "OKP").set("crv", "Ed25519").set("x", to_base64url(bytes));
  } else {
    key.set("kty", "RSA");
    key.set("n", key_number(state_->key, OSSL_PKEY_PARAM_RSA_N));
    key.set("e", key_number(state_->key, OSSL_PKEY_PARAM_RSA_E));
  }
  return key;
}

std::string Signer::pem() const {
  BIO* const bio = ::BIO_new(::BIO_s_mem());
  ::PEM_write_bio_PUBKEY(bio, state_->key);
  char* data = nullptr;
  const long size = ::BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  ::BIO_free_all(bio);
  return text;
}

std::string Signer::key_set(std::string_view id) const {
  return Json::object().set("keys", Json::array().push(jwk(id))).dump();
}

std::string Signer::signature(JwtAlgorithm algorithm, std::string_view text) const {
  EVP_MD_CTX* const context = ::EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  const EVP_MD* const digest = algorithm == JwtAlgorithm::EdDSA ? nullptr : ::EVP_sha256();
  EXPECT_EQ(::EVP_DigestSignInit(context, &options, digest, nullptr, state_->key), 1);
  if (algorithm == JwtAlgorithm::PS256) {
    ::EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING);
    ::EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST);
  }
  std::string bytes(1024, '\0');
  std::size_t size = bytes.size();
  EXPECT_EQ(
      ::EVP_DigestSign(
          context,
          reinterpret_cast<unsigned char*>(bytes.data()),
          &size,
          reinterpret_cast<const unsigned char*>(text.data()),
          text.size()
      ),
      1
  );
  ::EVP_MD_CTX_free(context);
  bytes.resize(size);
  return algorithm == JwtAlgorithm::ES256 ? raw_signature(bytes) : bytes;
}

std::string Signer::token(JwtAlgorithm algorithm, Json header, const Json& claims) const {
  header.set("alg", to_string(algorithm));
  const std::string text = to_base64url(header.dump()) + "." + to_base64url(claims.dump());
  return text + "." + to_base64url(signature(algorithm, text));
}

const Signer& rsa_signer() {
  static const Signer kSigner(JwtAlgorithm::RS256);
  return kSigner;
}

const Signer& ec_signer() {
  static const Signer kSigner(JwtAlgorithm::ES256);
  return kSigner;
}

const Signer& ed_signer() {
  static const Signer kSigner(JwtAlgorithm::EdDSA);
  return kSigner;
}

}  // namespace reeve::identity::testing_support
