#include "security/identity/certificate_trust.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/strings.h"
#include "security/identity/x509.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kAuthoritiesMax = 100;
constexpr std::size_t kIntermediatesMax = 10;
constexpr std::size_t kCertificateBytesMax = std::size_t{64} << 10U;
constexpr std::int64_t kMillisPerSecond = 1000;
constexpr int kDepthMax = 5;

struct FreeStore {
  void operator()(X509_STORE* store) const { ::X509_STORE_free(store); }
};

struct FreeContext {
  void operator()(X509_STORE_CTX* context) const { ::X509_STORE_CTX_free(context); }
};

/// The list, not what is in it.
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

using StorePtr = std::unique_ptr<X509_STORE, FreeStore>;
using ContextPtr = std::unique_ptr<X509_STORE_CTX, FreeContext>;
using StackPtr = std::unique_ptr<STACK_OF(X509), FreeStack>;

/// Null without authorities.
Result<StorePtr> make_store(const std::string& pem, std::string_view subject) {
  if (trim(pem).empty()) {
    return StorePtr();
  }
  const auto certificates = x509::read_certificates(pem, kAuthoritiesMax);
  if (!certificates.ok()) {
    Error error = certificates.error();
    error.subject = subject;
    return error;
  }
  StorePtr store(::X509_STORE_new());
  REEVE_ASSERT(store != nullptr);
  for (const auto& one : *certificates) {
    REEVE_ASSERT(::X509_STORE_add_cert(store.get(), one.get()) == 1);
  }
  return store;
}

bool stands_behind(X509_STORE* store, X509* leaf, STACK_OF(X509) * others, Timestamp now) {
  if (store == nullptr) {
    return false;
  }
  const ContextPtr context(::X509_STORE_CTX_new());
  if (!context || ::X509_STORE_CTX_init(context.get(), store, leaf, others) != 1) {
    return false;
  }
  X509_VERIFY_PARAM* const how = ::X509_STORE_CTX_get0_param(context.get());
  ::X509_VERIFY_PARAM_set_time(
      how, static_cast<std::time_t>(to_unix_millis(now) / kMillisPerSecond)
  );
  ::X509_VERIFY_PARAM_set_depth(how, kDepthMax);
  const bool verified = ::X509_VERIFY_PARAM_set_purpose(how, X509_PURPOSE_SSL_CLIENT) == 1 &&
                        ::X509_verify_cert(context.get()) == 1;
  ::ERR_clear_error();
  return verified;
}

x509::CertificatePtr read_leaf(std::string_view text) {
  if (text.size() > kCertificateBytesMax) {
    return nullptr;
  }
  return text.starts_with("-----BEGIN") ? x509::read_certificate(text) : x509::read_der(text);
}

}  // namespace

struct CertificateTrust::State {
  StorePtr users;
  StorePtr proxies;
};

CertificateTrust::CertificateTrust(std::unique_ptr<State> state) : state_(std::move(state)) {}

CertificateTrust::~CertificateTrust() = default;
CertificateTrust::CertificateTrust(CertificateTrust&&) noexcept = default;
CertificateTrust& CertificateTrust::operator=(CertificateTrust&&) noexcept = default;

Result<CertificateTrust> CertificateTrust::make(const TrustOptions& options) {
  auto state = std::make_unique<State>();
  REEVE_TRY(state->users, make_store(options.user_authorities, "user_authorities"));
  REEVE_TRY(state->proxies, make_store(options.proxy_authorities, "proxy_authorities"));
  return CertificateTrust(std::move(state));
}

Result<ClientCertificate> CertificateTrust::examine(
    std::string_view leaf, std::string_view intermediates, Timestamp now
) const {
  const x509::CertificatePtr certificate = read_leaf(leaf);
  if (!certificate) {
    return make_error(ErrorCode::Invalid, "is no certificate", "certificate");
  }
  std::vector<x509::CertificatePtr> others;
  if (!trim(intermediates).empty()) {
    REEVE_TRY(others, x509::read_certificates(intermediates, kIntermediatesMax));
  }
  const StackPtr stack(sk_X509_new_null());
  for (const auto& one : others) {
    REEVE_ASSERT(sk_X509_push(stack.get(), one.get()) > 0);
  }
  ClientCertificate client;
  client.user = stands_behind(state_->users.get(), certificate.get(), stack.get(), now);
  client.proxy = stands_behind(state_->proxies.get(), certificate.get(), stack.get(), now);
  if (!client.user && !client.proxy) {
    return make_error(
        ErrorCode::PermissionDenied,
        "no authority that is trusted here stands behind the certificate",
        "certificate"
    );
  }
  client.common_name = x509::common_name(certificate.get());
  client.organizations = x509::organizations(certificate.get());
  return client;
}

}  // namespace reeve::identity
