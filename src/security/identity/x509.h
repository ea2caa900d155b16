#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "platform/ports.h"

struct evp_pkey_st;
struct x509_st;

/// X.509 version 3 (RFC 5280) with OpenSSL. For this folder only.
namespace reeve::identity::x509 {

struct FreeKey {
  void operator()(evp_pkey_st* key) const;
};

struct FreeCertificate {
  void operator()(x509_st* certificate) const;
};

using KeyPtr = std::unique_ptr<evp_pkey_st, FreeKey>;
using CertificatePtr = std::unique_ptr<x509_st, FreeCertificate>;

enum class Purpose { Authority, Server, Client };

/// What a new certificate says.
struct Content {
  Purpose purpose = Purpose::Client;
  std::string common_name;
  std::vector<std::string> organizations;
  /// DNS names and IP addresses.
  std::vector<std::string> names;
  Timestamp not_before;
  Timestamp not_after;
};

/// Who signs; without a certificate: the new one signs itself.
struct Signer {
  evp_pkey_st* key = nullptr;
  x509_st* certificate = nullptr;
};

/// A fresh key on P-256.
Result<KeyPtr> make_key();

/// Invalid: names that do not fit into a certificate.
Result<CertificatePtr> make_certificate(
    const Content& content, evp_pkey_st* key, const Signer& signer, platform::Random& random
);

std::string to_pem(x509_st* certificate);
/// PKCS #8, without a passphrase.
Secret to_pem(evp_pkey_st* key);

/// The first one in a text; null: there is none.
CertificatePtr read_certificate(std::string_view pem);
KeyPtr read_private_key(std::string_view pem);
/// All of them. Invalid: none, or something that is none. LimitExceeded: more than `count_max`.
Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem, std::size_t count_max);
/// From DER; null: it is none.
CertificatePtr read_der(std::string_view der);

Timestamp not_after(x509_st* certificate);

/// The only common name; empty: none, several, or none that is text.
std::string common_name(x509_st* certificate);
std::vector<std::string> organizations(x509_st* certificate);

/// The names of a server in the form of `canonical_name`, in their order.
std::vector<std::string> server_names(x509_st* certificate);

/// A DNS name in lower case, or an IP address as the system writes it; empty: it is neither.
std::string canonical_name(std::string_view name);

/// Whether `key` is the one of the certificate, and the certificate was signed by `authority`.
bool belongs_together(x509_st* certificate, evp_pkey_st* key, x509_st* authority);

}  // namespace reeve::identity::x509
