#include "security/identity/x509.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <arpa/inet.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/strings.h"
#include "security/identity/secret_file.h"

namespace reeve::identity::x509 {

namespace {

constexpr std::size_t kSerialBytes = 16;
constexpr std::size_t kDnsNameBytesMax = 253;
constexpr long kVersion3 = 2;
constexpr std::int64_t kMillisPerSecond = 1000;

struct FreeBio {
  void operator()(BIO* bio) const { ::BIO_free_all(bio); }
};

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { ::GENERAL_NAMES_free(names); }
};

using BioPtr = std::unique_ptr<BIO, FreeBio>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeNames>;

Error failed(std::string_view what) {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_peek_last_error(), text.data(), text.size());
  ::ERR_clear_error();
  return make_error(
      ErrorCode::Io, concat(what, ": ", std::string_view(text.data())), "certificate"
  );
}

Error invalid(std::string message, std::string subject) {
  ::ERR_clear_error();
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

BioPtr reader(std::string_view bytes) {
  return BioPtr(::BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string_view content_of(BIO* bio) {
  char* data = nullptr;
  const long size = ::BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

bool add_entry(X509_NAME* name, const char* field, std::string_view value) {
  return ::X509_NAME_add_entry_by_txt(
             name,
             field,
             MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(value.data()),
             static_cast<int>(value.size()),
             -1,
             0
         ) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = ::X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  if (extension == nullptr) {
    return false;
  }
  const bool added = ::X509_add_ext(certificate, extension, -1) == 1;
  ::X509_EXTENSION_free(extension);
  return added;
}

/// `DNS:localhost,IP:127.0.0.1`; empty: one of the names is none.
std::string alternative_names(const std::vector<std::string>& names) {
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    const std::string canonical = canonical_name(name);
    if (canonical.empty()) {
      return {};
    }
    std::array<unsigned char, sizeof(in6_addr)> address{};
    const bool is_address = ::inet_pton(AF_INET, canonical.c_str(), address.data()) == 1 ||
                            ::inet_pton(AF_INET6, canonical.c_str(), address.data()) == 1;
    parts.push_back(concat(is_address ? "IP:" : "DNS:", canonical));
  }
  return join(parts, ",");
}

bool add_extensions(X509* certificate, X509* issuer, const Content& content) {
  const bool is_authority = content.purpose == Purpose::Authority;
  bool added = add_extension(
                   certificate,
                   issuer,
                   NID_basic_constraints,
                   is_authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE"
               ) &&
               add_extension(
                   certificate,
                   issuer,
                   NID_key_usage,
                   is_authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"
               ) &&
               add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (!is_authority) {
    added = added &&
            add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always") &&
            add_extension(
                certificate,
                issuer,
                NID_ext_key_usage,
                content.purpose == Purpose::Server ? "serverAuth" : "clientAuth"
            );
  }
  if (content.purpose == Purpose::Server) {
    const std::string names = alternative_names(content.names);
    added =
        added && !names.empty() && add_extension(certificate, issuer, NID_subject_alt_name, names);
  }
  return added;
}

bool set_serial(X509* certificate, platform::Random& random) {
  Secret bytes = random_bytes(random, kSerialBytes);
  // Positive, and never of another length (RFC 5280, 4.1.2.2).
  constexpr unsigned kBelowSign = 0x7fU;
  constexpr unsigned kNotZero = 0x40U;
  const auto first = static_cast<unsigned char>(bytes.data()[0]);
  bytes.data()[0] = static_cast<char>((first & kBelowSign) | kNotZero);
  BIGNUM* const number = ::BN_bin2bn(
      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr
  );
  const bool set = number != nullptr &&
                   ::BN_to_ASN1_INTEGER(number, ::X509_get_serialNumber(certificate)) != nullptr;
  ::BN_free(number);
  return set;
}

bool set_times(X509* certificate, const Content& content) {
  const auto seconds = [](Timestamp at) {
    return static_cast<std::time_t>(to_unix_millis(at) / kMillisPerSecond);
  };
  return ::ASN1_TIME_set(::X509_getm_notBefore(certificate), seconds(content.not_before)) !=
             nullptr &&
         ::ASN1_TIME_set(::X509_getm_notAfter(certificate), seconds(content.not_after)) != nullptr;
}

std::vector<std::string> entries(X509* certificate, int id) {
  std::vector<std::string> values;
  const X509_NAME* const name = ::X509_get_subject_name(certificate);
  for (int at = ::X509_NAME_get_index_by_NID(name, id, -1); at >= 0;
       at = ::X509_NAME_get_index_by_NID(name, id, at)) {
    const ASN1_STRING* const data = ::X509_NAME_ENTRY_get_data(::X509_NAME_get_entry(name, at));
    unsigned char* text = nullptr;
    const int size = ::ASN1_STRING_to_UTF8(&text, data);
    if (size >= 0) {
      values.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
      ::OPENSSL_free(text);
    } else {
      values.emplace_back();
    }
  }
  ::ERR_clear_error();
  return values;
}

bool is_dns_name(std::string_view name) {
  if (name.empty() || name.size() > kDnsNameBytesMax || name.front() == '.') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

std::string address_text(const ASN1_OCTET_STRING* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = ::ASN1_STRING_length(address) == sizeof(in_addr) ? AF_INET : AF_INET6;
  const bool fits = family == AF_INET || ::ASN1_STRING_length(address) == sizeof(in6_addr);
  if (fits) {
    ::inet_ntop(family, ::ASN1_STRING_get0_data(address), text.data(), text.size());
  }
  return text.data();
}

}  // namespace

void FreeKey::operator()(evp_pkey_st* key) const {
  ::EVP_PKEY_free(key);
}

void FreeCertificate::operator()(x509_st* certificate) const {
  ::X509_free(certificate);
}

Result<KeyPtr> make_key() {
  KeyPtr key(::EVP_EC_gen("P-256"));
  if (!key) {
    return failed("a key cannot be made");
  }
  return key;
}

Result<CertificatePtr> make_certificate(
    const Content& content, evp_pkey_st* key, const Signer& signer, platform::Random& random
) {
  CertificatePtr certificate(::X509_new());
  X509_NAME* const name = certificate ? ::X509_get_subject_name(certificate.get()) : nullptr;
  if (name == nullptr || ::X509_set_version(certificate.get(), kVersion3) != 1 ||
      !set_serial(certificate.get(), random) || !set_times(certificate.get(), content) ||
      ::X509_set_pubkey(certificate.get(), key) != 1) {
    return failed("a certificate cannot be made");
  }
  for (const std::string& organization : content.organizations) {
    if (!add_entry(name, "O", organization)) {
      return invalid("has at most 64 characters in a certificate", "groups");
    }
  }
  if (!add_entry(name, "CN", content.common_name)) {
    return invalid("has at most 64 characters in a certificate", "user");
  }
  X509* const issuer = signer.certificate == nullptr ? certificate.get() : signer.certificate;
  if (::X509_set_issuer_name(certificate.get(), ::X509_get_subject_name(issuer)) != 1) {
    return failed("a certificate cannot be made");
  }
  if (!add_extensions(certificate.get(), issuer, content)) {
    return invalid("must be names of DNS or IP addresses", "names");
  }
  if (::X509_sign(certificate.get(), signer.key, ::EVP_sha256()) == 0) {
    return failed("a certificate cannot be signed");
  }
  return certificate;
}

std::string to_pem(x509_st* certificate) {
  const BioPtr bio(::BIO_new(::BIO_s_mem()));
  REEVE_ASSERT(bio && ::PEM_write_bio_X509(bio.get(), certificate) == 1);
  return std::string(content_of(bio.get()));
}

Secret to_pem(evp_pkey_st* key) {
  const BioPtr bio(::BIO_new(::BIO_s_secmem()));
  REEVE_ASSERT(
      bio &&
      ::PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1
  );
  return Secret(content_of(bio.get()));
}

CertificatePtr read_certificate(std::string_view pem) {
  CertificatePtr certificate(::PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
  ::ERR_clear_error();
  return certificate;
}

KeyPtr read_private_key(std::string_view pem) {
  // Without the callback OpenSSL would ask for a passphrase on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) {
    return -1;
  };
  KeyPtr key(::PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, no_passphrase, nullptr));
  ::ERR_clear_error();
  return key;
}

Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem, std::size_t count_max) {
  std::vector<CertificatePtr> certificates;
  const BioPtr bio = reader(pem);
  for (;;) {
    CertificatePtr one(::PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) {
      break;
    }
    if (certificates.size() >= count_max) {
      ::ERR_clear_error();
      return make_error(
          ErrorCode::LimitExceeded, concat("has more than ", count_max, " certificates"), "pem"
      );
    }
    certificates.push_back(std::move(one));
  }
  const bool ended = ERR_GET_REASON(::ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ::ERR_clear_error();
  if (!ended || certificates.empty()) {
    return invalid("must be certificates as PEM", "pem");
  }
  return certificates;
}

CertificatePtr read_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  CertificatePtr certificate(::d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ::ERR_clear_error();
  return at == end ? std::move(certificate) : nullptr;
}

Timestamp not_after(x509_st* certificate) {
  std::tm parts{};
  if (::ASN1_TIME_to_tm(::X509_get0_notAfter(certificate), &parts) != 1) {
    return {};
  }
  return from_unix_millis(static_cast<std::int64_t>(::timegm(&parts)) * kMillisPerSecond);
}

std::string common_name(x509_st* certificate) {
  const auto names = entries(certificate, NID_commonName);
  return names.size() == 1 ? names.front() : std::string();
}

std::vector<std::string> organizations(x509_st* certificate) {
  return entries(certificate, NID_organizationName);
}

std::vector<std::string> server_names(x509_st* certificate) {
  std::vector<std::string> names;
  const NamesPtr found(static_cast<GENERAL_NAMES*>(
      ::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)
  ));
  for (int i = 0; found && i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* const one = sk_GENERAL_NAME_value(found.get(), i);
    if (one->type == GEN_DNS) {
      const auto* const data = ::ASN1_STRING_get0_data(one->d.dNSName);
      names.emplace_back(
          reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(::ASN1_STRING_length(one->d.dNSName))
      );
    } else if (one->type == GEN_IPADD) {
      names.push_back(address_text(one->d.iPAddress));
    }
  }
  return names;
}

std::string canonical_name(std::string_view name) {
  const std::string text = to_lower(name);
  std::array<unsigned char, sizeof(in6_addr)> address{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (::inet_pton(family, text.c_str(), address.data()) == 1) {
      ::inet_ntop(family, address.data(), canonical.data(), canonical.size());
      return canonical.data();
    }
  }
  return is_dns_name(text) ? text : std::string();
}

bool belongs_together(x509_st* certificate, evp_pkey_st* key, x509_st* authority) {
  EVP_PKEY* const signer = ::X509_get0_pubkey(authority);
  const bool together =
      certificate != nullptr && key != nullptr && signer != nullptr &&
      ::X509_check_private_key(certificate, key) == 1 && ::X509_verify(certificate, signer) == 1 &&
      ::X509_NAME_cmp(::X509_get_issuer_name(certificate), ::X509_get_subject_name(authority)) == 0;
  ::ERR_clear_error();
  return together;
}

}  // namespace reeve::identity::x509
