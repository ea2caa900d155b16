#include "security/identity/key_set.h"

#include <algorithm>
#include <optional>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/json.h"
#include "base/strings.h"
#include "security/identity/base64url.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kKeyIdBytesMax = 256;
constexpr int kJsonDepthMax = 16;

template <auto Function>
struct Free {
  template <class Object>
  void operator()(Object* object) const {
    Function(object);
  }
};

using PkeyPtr = std::unique_ptr<EVP_PKEY, Free<&::EVP_PKEY_free>>;
using PkeyContextPtr = std::unique_ptr<EVP_PKEY_CTX, Free<&::EVP_PKEY_CTX_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Free<&::EVP_MD_CTX_free>>;
using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, Free<&::OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, Free<&::OSSL_PARAM_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Free<&::BN_free>>;
using SignaturePtr = std::unique_ptr<ECDSA_SIG, Free<&::ECDSA_SIG_free>>;
using BioPtr = std::unique_ptr<BIO, Free<&::BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<&::X509_free>>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

NumberPtr number_of(std::string_view bytes) {
  return NumberPtr(::BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

/// The raw r and s of RFC 7518, 3.4, as OpenSSL reads signatures; empty: they are none.
std::string to_der(std::string_view raw) {
  if (raw.size() != 2 * kCoordinateBytes) {
    return {};
  }
  const SignaturePtr signature(::ECDSA_SIG_new());
  NumberPtr r = number_of(raw.substr(0, kCoordinateBytes));
  NumberPtr s = number_of(raw.substr(kCoordinateBytes));
  if (!signature || !r || !s || ::ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
    return {};
  }
  // They belong to the signature now.
  (void)r.release();
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = ::i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) {
    return {};
  }
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  ::OPENSSL_free(der);
  return text;
}

enum class KeyType { Rsa, P256, Ed25519 };

bool fits(KeyType type, JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::RS256:
    case JwtAlgorithm::PS256:
      return type == KeyType::Rsa;
    case JwtAlgorithm::ES256:
      return type == KeyType::P256;
    case JwtAlgorithm::EdDSA:
      return type == KeyType::Ed25519;
    case JwtAlgorithm::HS256:
      return false;
  }
  return false;
}

class OpensslKey final : public PublicKey {
 public:
  OpensslKey(std::string id, KeyType type, std::string only, PkeyPtr key)
      : id_(std::move(id)), type_(type), only_(std::move(only)), key_(std::move(key)) {}

  std::string_view id() const override { return id_; }

  bool can(JwtAlgorithm algorithm) const override {
    return fits(type_, algorithm) && (only_.empty() || only_ == to_string(algorithm));
  }

  bool verify(JwtAlgorithm algorithm, std::string_view text, std::string_view signature)
      const override {
    const bool verified = can(algorithm) && check(algorithm, text, signature);
    // What failed is told by the result; nobody reads OpenSSL's queue.
    ::ERR_clear_error();
    return verified;
  }

 private:
  bool check(JwtAlgorithm algorithm, std::string_view text, std::string_view signature) const {
    const DigestContextPtr context(::EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    const EVP_MD* const digest = type_ == KeyType::Ed25519 ? nullptr : ::EVP_sha256();
    if (!context ||
        ::EVP_DigestVerifyInit(context.get(), &options, digest, nullptr, key_.get()) != 1) {
      return false;
    }
    if (algorithm == JwtAlgorithm::PS256 &&
        (::EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         ::EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
      return false;
    }
    const std::string der = type_ == KeyType::P256 ? to_der(signature) : std::string(signature);
    return !der.empty() && ::EVP_DigestVerify(
                               context.get(), bytes_of(der), der.size(), bytes_of(text), text.size()
                           ) == 1;
  }

  std::string id_;
  KeyType type_;
  /// The only algorithm it says it is for; empty: none in particular.
  std::string only_;
  PkeyPtr key_;
};

PkeyPtr build(const char* type, OSSL_PARAM_BLD* builder) {
  const ParamsPtr params(::OSSL_PARAM_BLD_to_param(builder));
  const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || ::EVP_PKEY_fromdata_init(context.get()) != 1 ||
      ::EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPtr(key);
}

PkeyPtr rsa_key(std::string_view modulus, std::string_view exponent) {
  constexpr std::size_t kExponentBytesMax = 8;
  constexpr std::size_t kModulusBytesMax = kRsaBitsMax / 8;
  if (exponent.size() > kExponentBytesMax || modulus.size() > kModulusBytesMax) {
    return nullptr;
  }
  const NumberPtr n = number_of(modulus);
  const NumberPtr e = number_of(exponent);
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || ::BN_is_odd(e.get()) != 1 || ::BN_is_one(e.get()) == 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      ::OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  return build("RSA", builder.get());
}

PkeyPtr ec_key(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return nullptr;
  }
  constexpr char kUncompressed = 4;
  const std::string point = concat(kUncompressed, x, y);
  const BuilderPtr builder(::OSSL_PARAM_BLD_new());
  if (!builder ||
      ::OSSL_PARAM_BLD_push_utf8_string(
          builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0
      ) != 1 ||
      ::OSSL_PARAM_BLD_push_octet_string(
          builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()
      ) != 1) {
    return nullptr;
  }
  return build("EC", builder.get());
}

/// The kind of a key that is good enough; nothing: it is of no use to us.
std::optional<KeyType> type_of(EVP_PKEY* key) {
  switch (::EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: {
      const int bits = ::EVP_PKEY_get_bits(key);
      return bits >= kRsaBitsMin && bits <= kRsaBitsMax ? std::optional(KeyType::Rsa)
                                                        : std::nullopt;
    }
    case EVP_PKEY_EC: {
      const PkeyContextPtr context(::EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
      std::array<char, 32> group{};
      const bool named = ::EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1;
      const bool on_curve = context && ::EVP_PKEY_public_check(context.get()) == 1;
      return named && on_curve && std::string_view(group.data()) == "prime256v1"
                 ? std::optional(KeyType::P256)
                 : std::nullopt;
    }
    case EVP_PKEY_ED25519:
      return KeyType::Ed25519;
  }
  return std::nullopt;
}

std::string member_bytes(const Json& jwk, std::string_view name) {
  const auto bytes = from_base64url(jwk.get_string(name));
  return bytes.ok() ? *bytes : std::string();
}

PkeyPtr read_key(const Json& jwk) {
  const std::string type = jwk.get_string("kty");
  if (type == "RSA") {
    return rsa_key(member_bytes(jwk, "n"), member_bytes(jwk, "e"));
  }
  if (type == "EC" && jwk.get_string("crv") == "P-256") {
    return ec_key(member_bytes(jwk, "x"), member_bytes(jwk, "y"));
  }
  if (type == "OKP" && jwk.get_string("crv") == "Ed25519") {
    const std::string x = member_bytes(jwk, "x");
    return PkeyPtr(::EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
  }
  return nullptr;
}

/// Whether the key says that it is for something else, or should not be public.
bool is_for_signatures(const Json& jwk) {
  const Json* const operations = jwk.find("key_ops");
  if (jwk.find("d") != nullptr || jwk.get_string("use", "sig") != "sig") {
    return false;
  }
  if (operations == nullptr) {
    return true;
  }
  return operations->is_array() && std::any_of(
                                       operations->as_array().begin(),
                                       operations->as_array().end(),
                                       [](const Json& one) { return one == Json("verify"); }
                                   );
}

std::shared_ptr<const PublicKey> usable_key(const Json& jwk) {
  const std::string id = jwk.get_string("kid");
  if (!jwk.is_object() || id.size() > kKeyIdBytesMax || !is_for_signatures(jwk)) {
    return nullptr;
  }
  PkeyPtr key = read_key(jwk);
  const auto type = key ? type_of(key.get()) : std::nullopt;
  ::ERR_clear_error();
  if (!type) {
    return nullptr;
  }
  return std::make_shared<OpensslKey>(id, *type, jwk.get_string("alg"), std::move(key));
}

PkeyPtr read_pem(std::string_view pem) {
  const BioPtr bio(::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (pem.find("BEGIN CERTIFICATE") != std::string_view::npos) {
    const CertificatePtr certificate(::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    return PkeyPtr(certificate ? ::X509_get_pubkey(certificate.get()) : nullptr);
  }
  return PkeyPtr(::PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
}

}  // namespace

std::string_view to_string(JwtAlgorithm algorithm) {
  switch (algorithm) {
    case JwtAlgorithm::RS256:
      return "RS256";
    case JwtAlgorithm::PS256:
      return "PS256";
    case JwtAlgorithm::ES256:
      return "ES256";
    case JwtAlgorithm::EdDSA:
      return "EdDSA";
    case JwtAlgorithm::HS256:
      return "HS256";
  }
  return {};
}

Result<KeySet> KeySet::parse(std::string_view text) {
  if (text.size() > kKeySetBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kKeySetBytesMax, " bytes"), "keys"
    );
  }
  REEVE_TRY(
      const Json json,
      parse_json(text, {.depth_max = kJsonDepthMax, .size_bytes_max = kKeySetBytesMax})
  );
  const Json* const list = json.find("keys");
  if (list == nullptr || !list->is_array()) {
    return make_error(ErrorCode::Invalid, "is no JSON Web Key Set (RFC 7517)", "keys");
  }
  if (list->as_array().size() > kKeySetKeysMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("has more than ", kKeySetKeysMax, " entries"), "keys"
    );
  }
  KeySet set;
  for (const Json& jwk : list->as_array()) {
    if (auto key = usable_key(jwk)) {
      set.keys_.push_back(std::move(key));
    } else {
      ++set.left_out_;
    }
  }
  if (set.keys_.empty()) {
    return make_error(
        ErrorCode::Invalid, "has no key for RS256, PS256, ES256 or EdDSA signatures", "keys"
    );
  }
  return set;
}

Result<KeySet> KeySet::from_pem(std::string id, std::string_view pem) {
  PkeyPtr key = pem.size() > kKeySetBytesMax ? nullptr : read_pem(pem);
  const auto type = key ? type_of(key.get()) : std::nullopt;
  ::ERR_clear_error();
  if (!type) {
    return make_error(ErrorCode::Invalid, "is no public key that can be used", "key");
  }
  KeySet set;
  set.keys_.push_back(
      std::make_shared<OpensslKey>(std::move(id), *type, std::string(), std::move(key))
  );
  return set;
}

std::vector<const PublicKey*> KeySet::find(std::string_view id, JwtAlgorithm algorithm) const {
  std::vector<const PublicKey*> found;
  for (const auto& key : keys_) {
    if ((id.empty() || key->id() == id) && key->can(algorithm)) {
      found.push_back(key.get());
    }
  }
  return found;
}

}  // namespace reeve::identity
