#include "security/identity/served_certificate.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/strings.h"

namespace reeve::identity {

namespace {

constexpr int kNapMillis = 20;
constexpr std::size_t kNameBytesMax = 512;

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

  void operator()(BIO* bio) const { BIO_free_all(bio); }

  void operator()(X509* certificate) const { X509_free(certificate); }
};

template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Address {
  std::string host;  ///< without brackets
  std::string host_and_port;
};

Address address_of(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  std::string_view rest = url.starts_with(kScheme) ? url.substr(kScheme.size()) : url;
  rest = rest.substr(0, rest.find('/'));
  Address address;
  const bool bracketed = rest.starts_with('[');
  const std::size_t end = bracketed ? rest.find(']') : rest.find(':');
  address.host = bracketed ? rest.substr(1, end == std::string_view::npos ? end : end - 1)
                           : rest.substr(0, end);
  const std::string_view after = end == std::string_view::npos ? "" : rest.substr(end);
  const bool has_port = after.find(':') != std::string_view::npos;
  address.host_and_port = has_port ? std::string(rest) : concat(rest, ":443");
  return address;
}

Error unreachable(std::string_view what) {
  std::array<char, 256> text{};
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) {
    return make_error(ErrorCode::Unavailable, std::string(what));
  }
  ERR_error_string_n(code, text.data(), text.size());
  return make_error(ErrorCode::Unavailable, concat(what, ": ", text.data()));
}

/// Whom to believe.
Result<void> trust(SSL_CTX* context, const std::string& authorities) {
  if (authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  const Owned<BIO> text(BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (const Owned<X509> one{PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)}) {
    X509_STORE_add_cert(store, one.get());
    ++count;
  }
  ERR_clear_error();
  return count > 0 ? Result<void>()
                   : make_error(ErrorCode::Invalid, "holds no certificate", "the authorities");
}

/// Which name the certificate has to be for.
void expect_name(SSL* ssl, const std::string& host) {
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) {
    return;
  }
  ERR_clear_error();
  SSL_set1_host(ssl, host.c_str());
  SSL_set_tlsext_host_name(ssl, host.c_str());
}

std::string name_text(const X509_NAME* name) {
  std::array<char, kNameBytesMax> text{};
  const Owned<BIO> out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  const int length = BIO_read(out.get(), text.data(), static_cast<int>(text.size()));
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

Timestamp end_of(const X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
    return {};
  }
  return Timestamp(std::chrono::seconds(::timegm(&parts)));
}

Result<ServedCertificate> read_session(SSL* ssl) {
  const Owned<X509> leaf(SSL_get1_peer_certificate(ssl));
  if (leaf == nullptr) {
    return make_error(ErrorCode::Unavailable, "the server has shown no certificate");
  }
  ServedCertificate seen;
  seen.protocol = SSL_get_version(ssl);
  seen.subject = name_text(X509_get_subject_name(leaf.get()));
  seen.issuer = name_text(X509_get_issuer_name(leaf.get()));
  seen.not_after = end_of(leaf.get());
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    seen.not_after = std::min(seen.not_after, end_of(sk_X509_value(chain, i)));
  }
  if (const long verdict = SSL_get_verify_result(ssl); verdict != X509_V_OK) {
    seen.problem = X509_verify_cert_error_string(verdict);
  }
  return seen;
}

}  // namespace

Result<ServedCertificate> look_at_certificate(
    std::string_view url, const std::string& authorities
) {
  const Address address = address_of(url);
  const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) {
    return unreachable("TLS cannot be used");
  }
  // What is not believed is looked at all the same, and said.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  REEVE_CHECK(trust(context.get(), authorities));
  const Owned<BIO> connection(BIO_new_ssl_connect(context.get()));
  SSL* ssl = nullptr;
  if (connection == nullptr || BIO_get_ssl(connection.get(), &ssl) <= 0 || ssl == nullptr) {
    return unreachable("TLS cannot be used");
  }
  expect_name(ssl, address.host);
  BIO_set_conn_hostname(connection.get(), address.host_and_port.c_str());
  BIO_set_nbio(connection.get(), 1);
  constexpr auto kSeconds =
      static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(kHandshakeTimeout).count());
  if (BIO_do_connect_retry(connection.get(), kSeconds, kNapMillis) != 1) {
    return unreachable("no TLS connection");
  }
  return read_session(ssl);
}

}  // namespace reeve::identity
