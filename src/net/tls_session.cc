#include "net/tls_session.h"

#include <array>
#include <cstddef>
#include <unistd.h>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/strings.h"
#include "net/client_certificate.h"

namespace reeve::net {

namespace {

constexpr int kSecurityLevel = 2;
constexpr long kSessionSeconds = 3600;
constexpr std::size_t kReadBytes = std::size_t{16} << 10;
constexpr char kProtocol[] = "\x08http/1.1";
constexpr char kSessionContext[] = "reeve";

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPointer = std::unique_ptr<BIO, Freeing<BIO_free>>;
using X509Pointer = std::unique_ptr<X509, Freeing<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freeing<SSL_CTX_free>>;
using SessionPointer = std::unique_ptr<SSL, Freeing<SSL_free>>;

/// `what` and OpenSSL's reason; empties its queue of errors.
Error tls_error(std::string what, std::string subject) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  if (reason != nullptr) {
    what += concat(": ", to_lower(reason));
  }
  return make_error(ErrorCode::Invalid, std::move(what), std::move(subject));
}

BioPointer reader(std::string_view text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Encrypted keys are refused instead of asking the terminal for a password.
int no_password(char*, int, int, void*) {
  return -1;
}

Result<std::vector<X509Pointer>> read_certificates(std::string_view pem, const char* subject) {
  std::vector<X509Pointer> certificates;
  const BioPointer bio = reader(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // The end of the text is reported as "no start line"; anything else is a broken certificate.
  const unsigned long last = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (!at_end) {
    return tls_error("a certificate cannot be read", subject);
  }
  ERR_clear_error();
  if (certificates.empty()) {
    return make_error(ErrorCode::Invalid, "there is no PEM certificate", subject);
  }
  return certificates;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length, const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* out = nullptr;
  const int outcome = SSL_select_next_proto(
      &out,
      chosen_length,
      reinterpret_cast<const unsigned char*>(kProtocol),
      sizeof(kProtocol) - 1,
      offered,
      offered_length
  );
  *chosen = out;
  return outcome == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// Bundles of authorities where distributions keep them, for an OpenSSL that looks elsewhere.
constexpr std::array<const char*, 4> kBundles{
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem"};

/// A machine without any authorities has none: then every certificate is refused.
void use_system_authorities(SSL_CTX* context) {
  SSL_CTX_set_default_verify_paths(context);
  if (::access(X509_get_default_cert_dir(), R_OK) != 0) {
    for (const char* bundle : kBundles) {
      if (::access(bundle, R_OK) == 0) {
        SSL_CTX_load_verify_file(context, bundle);
        break;
      }
    }
  }
  ERR_clear_error();
}

/// Whether it can lead from a client's certificate to an authority, which one signed by itself
/// cannot.
bool is_intermediate(X509* certificate) {
  return (X509_get_extension_flags(certificate) & EXFLAG_SS) == 0;
}

/// A resumed session has the client's certificate, but none of those that lead to its authority.
void forbid_resumption_with_intermediates(X509_STORE_CTX* store) {
  const STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(store);
  bool any = false;
  for (int at = 1; at < sk_X509_num(presented); ++at) {
    any = any || is_intermediate(sk_X509_value(presented, at));
  }
  void* session = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  if (any && session != nullptr) {
    SSL_set_num_tickets(static_cast<SSL*>(session), 0);
  }
}

/// Checks the certificate of a client and lets it in either way: the outcome stays with the
/// session.
int verify_later(X509_STORE_CTX* store, void*) {
  forbid_resumption_with_intermediates(store);
  // A bad signature also leaves an error that would be taken for one of the session.
  ERR_set_mark();
  X509_verify_cert(store);
  ERR_pop_to_mark();
  return 1;
}

/// Those that are worth something; empty for null.
std::string intermediates_of(const STACK_OF(X509) * certificates) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  for (int at = 0; at < sk_X509_num(certificates); ++at) {
    X509* certificate = sk_X509_value(certificates, at);
    if (is_intermediate(certificate)) {
      PEM_write_bio_X509(bio.get(), certificate);
    }
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

Result<void> use_identity(SSL_CTX* context, const TlsMaterial& material) {
  REEVE_TRY(
      const std::vector<X509Pointer> chain,
      read_certificates(material.certificate_chain_pem, "certificate")
  );
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1) {
    return tls_error("the certificate cannot be used", "certificate");
  }
  for (std::size_t at = 1; at < chain.size(); ++at) {
    if (SSL_CTX_add1_chain_cert(context, chain[at].get()) != 1) {
      return tls_error("a certificate of the chain cannot be used", "certificate");
    }
  }
  const BioPointer bio = reader(material.private_key_pem.view());
  const KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) {
    Error error = tls_error("the private key cannot be read", "private key");
    error.hint = "it has to be in PEM form, without a password";
    return error;
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return tls_error("the private key does not belong to the certificate", "private key");
  }
  return {};
}

Result<void> use_authorities(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) {
    return {};
  }
  REEVE_TRY(const std::vector<X509Pointer> authorities, read_certificates(pem, "client authority"));
  for (const X509Pointer& authority : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return tls_error("an authority cannot be used", "client authority");
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_later, nullptr);
  return {};
}

/// What servers and clients have in common. Invalid: there is no TLS.
Result<ContextPointer> make_context(const SSL_METHOD* method) {
  ERR_clear_error();
  ContextPointer made(SSL_CTX_new(method));
  SSL_CTX* context = made.get();
  if (context == nullptr) {
    return tls_error("TLS is not available", "tls");
  }
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
  );
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return made;
}

/// Makes the session check that the other side is `host`, and ask for it by name.
bool expect_host(SSL* session, const std::string& host) {
  X509_VERIFY_PARAM* rules = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) {
    return true;
  }
  ERR_clear_error();
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // An empty name would be no check at all.
  return !host.empty() && SSL_set1_host(session, host.c_str()) == 1 &&
         SSL_set_tlsext_host_name(session, host.c_str()) == 1;
}

/// What OpenSSL says about a session that has failed; empties its queue of errors.
std::string failure_of(SSL* session) {
  const long verified = SSL_get_verify_result(session);
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  if (verified != X509_V_OK) {
    return concat(
        "the certificate is not accepted: ", to_lower(X509_verify_cert_error_string(verified))
    );
  }
  return concat("TLS: ", reason == nullptr ? "the connection broke" : to_lower(reason));
}

}  // namespace

struct TlsContext::Parts {
  ContextPointer context;
};

TlsContext::TlsContext(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const TlsMaterial& material) {
  auto parts = std::make_unique<Parts>();
  REEVE_TRY(parts->context, make_context(TLS_server_method()));
  SSL_CTX* context = parts->context.get();
  // Tickets carry the sessions; nothing is kept here.
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  SSL_CTX_set_session_id_context(
      context, reinterpret_cast<const unsigned char*>(kSessionContext), sizeof(kSessionContext) - 1
  );
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  REEVE_CHECK(use_identity(context, material));
  REEVE_CHECK(use_authorities(context, material.client_ca_pem));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(parts)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::create_for_client(
    const std::string& authorities_pem
) {
  auto parts = std::make_unique<Parts>();
  REEVE_TRY(parts->context, make_context(TLS_client_method()));
  SSL_CTX* context = parts->context.get();
  use_system_authorities(context);
  if (!authorities_pem.empty()) {
    REEVE_TRY(
        const std::vector<X509Pointer> authorities, read_certificates(authorities_pem, "authority")
    );
    for (const X509Pointer& authority : authorities) {
      if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1) {
        return tls_error("an authority cannot be used", "authority");
      }
    }
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_set_alpn_protos(
          context, reinterpret_cast<const unsigned char*>(kProtocol), sizeof(kProtocol) - 1
      ) != 0) {
    return tls_error("TLS is not available", "tls");
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(parts)));
}

Result<void> check(const TlsMaterial& material) {
  REEVE_CHECK(TlsContext::create(material));
  return {};
}

/// What OpenSSL reads from and writes to, as its "BIO".
struct TlsSession::Wire {
  std::shared_ptr<const TlsContext> context;
  SessionPointer session;
  std::string_view input;
  std::string output;
  std::string failure;
  bool failed = false;

  static int write(BIO* bio, const char* data, int length);
  static int read(BIO* bio, char* data, int length);
  static long control(BIO* bio, int command, long number, void* pointer);
  static BIO_METHOD* method();
};

int TlsSession::Wire::write(BIO* bio, const char* data, int length) {
  BIO_clear_retry_flags(bio);
  static_cast<Wire*>(BIO_get_data(bio))->output.append(data, static_cast<std::size_t>(length));
  return length;
}

int TlsSession::Wire::read(BIO* bio, char* data, int length) {
  BIO_clear_retry_flags(bio);
  std::string_view& input = static_cast<Wire*>(BIO_get_data(bio))->input;
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = input.copy(data, static_cast<std::size_t>(length));
  input.remove_prefix(taken);
  return static_cast<int>(taken);
}

long TlsSession::Wire::control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD* TlsSession::Wire::method() {
  // Lives as long as the process, like OpenSSL's own.
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "two buffers");
    BIO_meth_set_write(made, write);
    BIO_meth_set_read(made, read);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : wire_(std::make_unique<Wire>()) {
  begin(std::move(context));
  if (!wire_->failed) {
    SSL_set_accept_state(wire_->session.get());
  }
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host)
    : wire_(std::make_unique<Wire>()) {
  begin(std::move(context));
  if (wire_->failed) {
    return;
  }
  SSL_set_connect_state(wire_->session.get());
  if (!expect_host(wire_->session.get(), host)) {
    ERR_clear_error();
    wire_->failed = true;
    wire_->failure = "TLS: the name of the host cannot be checked";
  }
}

void TlsSession::begin(std::shared_ptr<const TlsContext> context) {
  wire_->context = std::move(context);
  wire_->session.reset(SSL_new(wire_->context->parts_->context.get()));
  BIO* bio = BIO_new(Wire::method());
  if (!wire_->session || bio == nullptr) {
    BIO_free(bio);
    wire_->failed = true;
    wire_->failure = "TLS: there is no memory left";
    return;
  }
  BIO_set_data(bio, wire_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(wire_->session.get(), bio, bio);
}

TlsSession::~TlsSession() = default;

TlsSession::Status TlsSession::receive(std::string_view records, std::string& plain) {
  if (wire_->failed) {
    return Status::Failed;
  }
  ERR_clear_error();
  wire_->input = records;
  std::array<char, kReadBytes> buffer;
  while (true) {
    std::size_t got = 0;
    const int outcome = SSL_read_ex(wire_->session.get(), buffer.data(), buffer.size(), &got);
    if (outcome == 1) {
      plain.append(buffer.data(), got);
      continue;
    }
    switch (SSL_get_error(wire_->session.get(), outcome)) {
      case SSL_ERROR_WANT_READ:
        return Status::Open;
      case SSL_ERROR_ZERO_RETURN:
        return Status::Ended;
      default:
        wire_->failure = failure_of(wire_->session.get());
        wire_->failed = true;
        return Status::Failed;
    }
  }
}

bool TlsSession::send(std::string_view plain) {
  if (wire_->failed || !ready()) {
    return false;
  }
  ERR_clear_error();
  std::size_t sent = 0;
  const int outcome = SSL_write_ex(wire_->session.get(), plain.data(), plain.size(), &sent);
  wire_->failed = outcome != 1 || sent != plain.size();
  return !wire_->failed;
}

void TlsSession::close() {
  if (!wire_->failed && ready()) {
    ERR_clear_error();
    SSL_shutdown(wire_->session.get());
    ERR_clear_error();
  }
}

std::string& TlsSession::output() {
  return wire_->output;
}

bool TlsSession::ready() const {
  return wire_->session && SSL_is_init_finished(wire_->session.get()) == 1;
}

const std::string& TlsSession::failure() const {
  return wire_->failure;
}

std::shared_ptr<const ClientCertificate> TlsSession::client_certificate() const {
  const X509Pointer certificate(SSL_get1_peer_certificate(wire_->session.get()));
  if (!certificate) {
    return nullptr;
  }
  ClientCertificate described =
      describe_certificate(certificate.get(), SSL_get_verify_result(wire_->session.get()));
  described.intermediates = intermediates_of(SSL_get_peer_cert_chain(wire_->session.get()));
  return std::make_shared<const ClientCertificate>(std::move(described));
}

}  // namespace reeve::net
