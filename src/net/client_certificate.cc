#include "net/client_certificate.h"

#include <array>
#include <string>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/strings.h"

namespace reeve::net {

namespace {

std::string text_of(const X509_NAME_ENTRY* entry) {
  unsigned char* bytes = nullptr;
  const int length = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(entry));
  if (length < 0) {
    return {};
  }
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
  OPENSSL_free(bytes);
  return text;
}

/// A name that programs in C would read differently than it is.
bool is_deceptive(const std::string& text) {
  return text.find('\0') != std::string::npos || !is_utf8(text);
}

}  // namespace

ClientCertificate describe_certificate(x509_st* certificate, long verification) {
  ClientCertificate described;
  bool deceptive = false;
  X509_NAME* name = X509_get_subject_name(certificate);
  for (int at = 0; at < X509_NAME_entry_count(name); ++at) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, at);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (kind != NID_commonName && kind != NID_organizationName) {
      continue;
    }
    std::string text = text_of(entry);
    deceptive = deceptive || is_deceptive(text);
    if (kind == NID_commonName) {
      described.common_name = std::move(text);
    } else {
      described.organizations.push_back(std::move(text));
    }
  }
  unsigned char* encoded = nullptr;
  if (const int size = i2d_X509(certificate, &encoded); size > 0) {
    described.der.assign(reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(size));
    OPENSSL_free(encoded);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &length) == 1) {
    described.fingerprint =
        to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), length));
  }
  if (verification != X509_V_OK) {
    described.problem = X509_verify_cert_error_string(verification);
  } else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    described.problem = X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED);
  } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) >= 0) {
    described.problem = X509_verify_cert_error_string(X509_V_ERR_CERT_NOT_YET_VALID);
  } else if (deceptive) {
    described.problem = "its name is not proper text";
  }
  described.verified = described.problem.empty();
  return described;
}

}  // namespace reeve::net
