#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/strings.h"
#include "net/server.h"
#include "net/test_client.h"

namespace reeve::net {
namespace {

using testing::Event;
using testing::eventually;
using testing::TestClient;

constexpr long kDaySeconds = 86'400;

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using X509Pointer = std::unique_ptr<X509, Freeing<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using BioPointer = std::unique_ptr<BIO, Freeing<BIO_free>>;
using ContextPointer = std::unique_ptr<SSL_CTX, Freeing<SSL_CTX_free>>;
using SslPointer = std::unique_ptr<SSL, Freeing<SSL_free>>;
using SessionPointer = std::unique_ptr<SSL_SESSION, Freeing<SSL_SESSION_free>>;

/// A certificate and its key, made for a test and thrown away.
struct Identity {
  X509Pointer certificate;
  KeyPointer key;

  std::string certificate_pem() const {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), certificate.get());
    return text(bio.get());
  }

  std::string key_pem(const char* password = nullptr) const {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(
        bio.get(),
        key.get(),
        password == nullptr ? nullptr : EVP_aes_256_cbc(),
        password,
        password == nullptr ? 0 : static_cast<int>(std::string_view(password).size()),
        nullptr,
        nullptr
    );
    return text(bio.get());
  }

  static std::string text(BIO* bio) {
    char* data = nullptr;
    const long length = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(length));
  }
};

struct Subject {
  std::string common_name;
  std::vector<std::string> organizations = {};
  bool authority = false;
  long ends_in_seconds = kDaySeconds;
};

void add_extension(X509* certificate, int kind, const char* value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// Signed by `issuer`, or by itself.
Identity make_identity(const Subject& subject, const Identity* issuer) {
  static long serial = 0;
  Identity made{X509Pointer(X509_new()), KeyPointer(EVP_EC_gen("P-256"))};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), subject.ends_in_seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto add = [name](const char* field, const std::string& value) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
    X509_NAME_add_entry_by_txt(
        name, field, MBSTRING_UTF8, bytes, static_cast<int>(value.size()), -1, 0
    );
  };
  for (const std::string& organization : subject.organizations) {
    add("O", organization);
  }
  add("CN", subject.common_name);
  const Identity& signer = issuer == nullptr ? made : *issuer;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get()));
  add_extension(
      certificate, NID_basic_constraints, subject.authority ? "critical,CA:TRUE" : "CA:FALSE"
  );
  X509_sign(certificate, signer.key.get(), EVP_sha256());
  return made;
}

/// What the tests share: making keys takes time.
struct Identities {
  Identity authority = make_identity({.common_name = "authority", .authority = true}, nullptr);
  Identity other = make_identity({.common_name = "authority", .authority = true}, nullptr);
  Identity server = make_identity({.common_name = "server"}, &authority);
  Identity client =
      make_identity({.common_name = "ada", .organizations = {"a", "b\xc3\xa9"}}, &authority);

  TlsMaterial material(const Identity& identity) const {
    return TlsMaterial{
        .certificate_chain_pem = concat(identity.certificate_pem(), authority.certificate_pem()),
        .private_key_pem = Secret(std::string_view(identity.key_pem())),
        .client_ca_pem = authority.certificate_pem()};
  }
};

const Identities& identities() {
  static const Identities made;
  return made;
}

struct TlsClientOptions {
  const Identity* identity = nullptr;
  /// Presented along with it.
  const Identity* intermediate = nullptr;
  int version_max = TLS1_3_VERSION;
  std::string_view protocols = "\x08http/1.1";
  SSL_SESSION* session = nullptr;
};

class TlsPipe final : public testing::Pipe {
 public:
  TlsPipe(std::uint16_t port, const TlsClientOptions& options)
      : fd_(testing::connect_tcp(port)), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_max_proto_version(context_.get(), options.version_max);
    SSL_CTX_set_security_level(context_.get(), 0);
    X509_STORE_add_cert(
        SSL_CTX_get_cert_store(context_.get()), identities().authority.certificate.get()
    );
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (options.identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), options.identity->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), options.identity->key.get());
    }
    if (options.intermediate != nullptr) {
      SSL_CTX_add1_chain_cert(context_.get(), options.intermediate->certificate.get());
    }
    // OpenSSL writes to the socket itself.
    ::signal(SIGPIPE, SIG_IGN);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(
        ssl_.get(),
        reinterpret_cast<const unsigned char*>(options.protocols.data()),
        static_cast<unsigned>(options.protocols.size())
    );
    if (options.session != nullptr) {
      SSL_set_session(ssl_.get(), options.session);
    }
    SSL_set_fd(ssl_.get(), fd_.get());
    connected_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }

  bool send(std::string_view bytes) override {
    ERR_clear_error();
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
  }

  std::string receive() override {
    ERR_clear_error();
    std::array<char, 16384> buffer;
    const int got = SSL_read(ssl_.get(), buffer.data(), buffer.size());
    ended_ = got <= 0 && SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }

  bool connected() const { return connected_; }

  /// The server said that it sends no more.
  bool ended() const { return ended_; }

  SSL* ssl() const { return ssl_.get(); }

  int fd() const { return fd_.get(); }

 private:
  platform::FileDescriptor fd_;
  ContextPointer context_;
  SslPointer ssl_;
  bool connected_ = false;
  bool ended_ = false;
};

/// A client and its pipe, which it owns.
struct TlsClient {
  explicit TlsClient(std::uint16_t port, const TlsClientOptions& options = {})
      : pipe(new TlsPipe(port, options)), client(std::unique_ptr<testing::Pipe>(pipe)) {}

  TlsPipe* pipe;
  TestClient client;
};

/// Answers who asked, "/long" with a long text, and "/stream" with a stream that stays open.
struct TlsServer {
  explicit TlsServer(ServerLimits limits = {}) {
    ServerOptions options;
    options.listeners.push_back(ListenerOptions{.tls = true});
    options.tls = identities().material(identities().server);
    options.limits = limits;
    options.handler = [this](const std::shared_ptr<Exchange>& exchange) {
      handle(exchange);
    };
    server = std::move(Server::start(std::move(options))).value();
    port = server->ports()[0];
  }

  ~TlsServer() { server.reset(); }

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const Request& request = exchange->request();
    if (request.path == "/stream") {
      stream = exchange->start(ResponseHead{});
      started.happen();
      return;
    }
    if (request.path == "/long") {
      exchange->respond(Response{.body = text});
      return;
    }
    const std::shared_ptr<const ClientCertificate>& shown = request.client_certificate;
    std::string who = request.tls ? "nobody" : "plain";
    if (shown) {
      who = concat(shown->common_name, "/", join(shown->organizations, ","));
      who += shown->verified ? concat(" verified ", shown->fingerprint.size()) : " unverified";
      EXPECT_EQ(shown->verified, shown->problem.empty());
      EXPECT_EQ(sha256(shown->der).view(), shown->fingerprint);
      if (!shown->intermediates.empty()) {
        who += concat(" with ", shown->intermediates.size() > 100 ? "others" : "little");
      }
    }
    exchange->respond(Response{.body = concat(who, " ", request.body.size())});
  }

  const std::shared_ptr<const std::string> text =
      std::make_shared<const std::string>(std::string(3'000'000, 'l'));
  std::shared_ptr<Stream> stream;
  Event started;
  std::unique_ptr<Server> server;
  std::uint16_t port = 0;
};

TEST(ServerTls, AnswersOverBothVersions) {
  const TlsServer tls;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient one(tls.port, {.version_max = version});
    ASSERT_TRUE(one.pipe->connected());
    EXPECT_EQ(SSL_version(one.pipe->ssl()), version);
    EXPECT_EQ(one.client.get("/"), "200 nobody 0");
    EXPECT_EQ(one.client.get("/"), "200 nobody 0");
    const unsigned char* protocol = nullptr;
    unsigned length = 0;
    SSL_get0_alpn_selected(one.pipe->ssl(), &protocol, &length);
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(protocol), length), "http/1.1");
  }
  EXPECT_EQ(tls.server->stats().handshakes, 2U);
  EXPECT_EQ(tls.server->stats().handshakes_failed, 0U);
}

TEST(ServerTls, RefusesOldVersionsAndOtherProtocols) {
  const TlsServer tls;
  EXPECT_FALSE(TlsClient(tls.port, {.version_max = TLS1_1_VERSION}).pipe->connected());
  EXPECT_FALSE(
      TlsClient(tls.port, {.version_max = TLS1_2_VERSION, .protocols = "\x02h2"}).pipe->connected()
  );
  EXPECT_TRUE(eventually(*tls.server, [&] { return tls.server->stats().handshakes_failed == 2; }));
  EXPECT_EQ(tls.server->stats().handshakes, 0U);
}

TEST(ServerTls, TellsWhoTheClientIs) {
  const TlsServer tls;
  TlsClient one(tls.port, {.identity = &identities().client});
  EXPECT_EQ(one.client.get("/"), "200 ada/a,b\xc3\xa9 verified 64 0");
}

TEST(ServerTls, LetsInWhomItDoesNotKnow) {
  const TlsServer tls;
  const Identity stranger = make_identity({.common_name = "eve"}, &identities().other);
  EXPECT_EQ(TlsClient(tls.port, {.identity = &stranger}).client.get("/"), "200 eve/ unverified 0");
  const Identity own = make_identity({.common_name = "ada"}, nullptr);
  EXPECT_EQ(TlsClient(tls.port, {.identity = &own}).client.get("/"), "200 ada/ unverified 0");
  const Identity expired = make_identity(
      {.common_name = "old", .ends_in_seconds = -kDaySeconds}, &identities().authority
  );
  EXPECT_EQ(TlsClient(tls.port, {.identity = &expired}).client.get("/"), "200 old/ unverified 0");
  // An identity that was signed by a client's is not the authority's.
  const Identity below = make_identity({.common_name = "sub"}, &identities().client);
  EXPECT_EQ(TlsClient(tls.port, {.identity = &below}).client.get("/"), "200 sub/ unverified 0");
}

TEST(ServerTls, DoesNotVerifyANameWithANul) {
  const TlsServer tls;
  const Identity odd =
      make_identity({.common_name = std::string("ada\0eve", 7)}, &identities().authority);
  EXPECT_NE(
      TlsClient(tls.port, {.identity = &odd}).client.get("/").find(" unverified"), std::string::npos
  );
}

TEST(ServerTls, KnowsTheClientOfAResumedSession) {
  const TlsServer tls;
  TlsClient one(tls.port, {.identity = &identities().client});
  // The ticket comes with the first answer.
  EXPECT_EQ(one.client.get("/"), "200 ada/a,b\xc3\xa9 verified 64 0");
  const SessionPointer session(SSL_get1_session(one.pipe->ssl()));
  TlsClient two(tls.port, {.session = session.get()});
  EXPECT_EQ(two.client.get("/"), "200 ada/a,b\xc3\xa9 verified 64 0");
  EXPECT_EQ(SSL_session_reused(two.pipe->ssl()), 1);
}

TEST(ServerTls, HandsOnWhatLeadsToTheAuthorityAndResumesNoSuchSession) {
  const TlsServer tls;
  const Identity middle =
      make_identity({.common_name = "middle", .authority = true}, &identities().authority);
  const Identity below = make_identity({.common_name = "zoe"}, &middle);
  TlsClient one(tls.port, {.identity = &below, .intermediate = &middle});
  EXPECT_EQ(one.client.get("/"), "200 zoe/ verified 64 with others 0");
  // A resumed session would have lost them.
  const SessionPointer session(SSL_get1_session(one.pipe->ssl()));
  EXPECT_EQ(SSL_SESSION_is_resumable(session.get()), 0);
}

TEST(ServerTls, TakesAndSendsLongBodies) {
  const TlsServer tls;
  TlsClient one(tls.port);
  one.client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 2000000\r\n\r\n");
  one.client.send(std::string(2'000'000, 'b'));
  EXPECT_EQ(one.client.read_answer(), "200 nobody 2000000");
  EXPECT_EQ(one.client.get("/long"), concat("200 ", *tls.text));
  EXPECT_EQ(one.client.get("/"), "200 nobody 0");
}

TEST(ServerTls, Streams) {
  TlsServer tls;
  TlsClient one(tls.port);
  one.client.send("GET /stream HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(tls.started.wait());
  one.client.read_head();
  for (int at = 0; at < 100; ++at) {
    ASSERT_TRUE(tls.stream->write(concat("event ", at % 10)));
    ASSERT_EQ(one.client.read_exactly(12), concat("7\r\nevent ", at % 10, "\r\n"));
  }
  EXPECT_TRUE(eventually(*tls.server, [&] { return tls.stream->buffered_bytes() == 0; }));
  tls.stream->close();
  EXPECT_EQ(one.client.read_exactly(5), "0\r\n\r\n");
  EXPECT_EQ(one.client.get("/"), "200 nobody 0");
}

TEST(ServerTls, SaysProperlyThatItEnds) {
  const TlsServer tls;
  TlsClient one(tls.port);
  one.client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(one.client.read_rest().ends_with("nobody 0"));
  EXPECT_TRUE(one.pipe->ended());
}

TEST(ServerTls, SeesThatTheClientEnds) {
  const TlsServer tls;
  TlsClient one(tls.port);
  EXPECT_EQ(one.client.get("/"), "200 nobody 0");
  SSL_shutdown(one.pipe->ssl());
  EXPECT_TRUE(eventually(*tls.server, [&] { return tls.server->stats().connections == 0; }));
}

TEST(ServerTls, TellsPlainClientsWhatItSpeaks) {
  const TlsServer tls;
  TestClient client = TestClient::tcp(tls.port);
  client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "400 this port speaks HTTPS\n");
  EXPECT_EQ(client.read_rest(), "");
  EXPECT_EQ(tls.server->stats().handshakes_failed, 1U);
  EXPECT_EQ(tls.server->stats().requests, 0U);
}

TEST(ServerTls, ClosesOnBytesThatAreNeither) {
  const TlsServer tls;
  TestClient client = TestClient::tcp(tls.port);
  client.send(std::string(100, '\x01'));
  client.read_rest();
  EXPECT_TRUE(eventually(*tls.server, [&] { return tls.server->stats().connections == 0; }));
  EXPECT_EQ(tls.server->stats().handshakes_failed, 1U);
}

TEST(ServerTls, ClosesWhenRecordsAreTamperedWith) {
  const TlsServer tls;
  TlsClient one(tls.port);
  EXPECT_EQ(one.client.get("/"), "200 nobody 0");
  ::send(one.pipe->fd(), "\x17\x03\x03\x00\x20xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 37, MSG_NOSIGNAL);
  EXPECT_TRUE(eventually(*tls.server, [&] { return tls.server->stats().connections == 0; }));
}

TEST(ServerTls, DoesNotWaitForeverForAHandshake) {
  ServerLimits limits;
  limits.handshake_timeout = Duration(30);
  const TlsServer tls(limits);
  TestClient client = TestClient::tcp(tls.port);
  client.send("\x16\x03\x01");
  EXPECT_EQ(client.read_rest(), "");
  EXPECT_EQ(tls.server->stats().timeouts, 1U);
  EXPECT_EQ(tls.server->stats().handshakes_failed, 1U);
}

TEST(ServerTls, UsesNewCertificatesForNewConnections) {
  const TlsServer tls;
  TlsClient before(tls.port);
  EXPECT_EQ(before.client.get("/"), "200 nobody 0");
  const SessionPointer session(SSL_get1_session(before.pipe->ssl()));
  const Identity renewed = make_identity({.common_name = "renewed"}, &identities().authority);
  ASSERT_TRUE(tls.server->reload_certificates(identities().material(renewed)).ok());
  TlsClient after(tls.port, {.session = session.get()});
  EXPECT_EQ(after.client.get("/"), "200 nobody 0");
  EXPECT_EQ(SSL_session_reused(after.pipe->ssl()), 0);
  const X509Pointer shown(SSL_get1_peer_certificate(after.pipe->ssl()));
  EXPECT_EQ(X509_cmp(shown.get(), renewed.certificate.get()), 0);
  EXPECT_EQ(before.client.get("/"), "200 nobody 0");
}

TEST(ServerTls, RefusesMaterialThatIsBroken) {
  const TlsServer tls;
  const Identities& all = identities();
  const auto refused = [&](TlsMaterial material) {
    const Result<void> outcome = tls.server->reload_certificates(std::move(material));
    return outcome.ok() ? "accepted" : outcome.error().describe();
  };
  TlsMaterial material = all.material(all.server);
  material.certificate_chain_pem = "";
  EXPECT_EQ(refused(std::move(material)), "certificate: there is no PEM certificate");
  material = all.material(all.server);
  material.certificate_chain_pem.insert(100, "!!!!");
  EXPECT_NE(refused(std::move(material)).find("certificate cannot be read"), std::string::npos);
  material = all.material(all.server);
  material.private_key_pem = Secret(std::string_view(all.client.key_pem()));
  EXPECT_NE(refused(std::move(material)).find("does not belong"), std::string::npos);
  material = all.material(all.server);
  material.private_key_pem = Secret(std::string_view(all.server.key_pem("password")));
  EXPECT_NE(refused(std::move(material)).find("without a password"), std::string::npos);
  material = all.material(all.server);
  material.client_ca_pem = "nothing";
  EXPECT_NE(refused(std::move(material)).find("client authority"), std::string::npos);
  EXPECT_EQ(TlsClient(tls.port).client.get("/"), "200 nobody 0");
}

TEST(ServerTls, DrainsConnections) {
  const TlsServer tls;
  TlsClient one(tls.port);
  EXPECT_EQ(one.client.get("/"), "200 nobody 0");
  // Not even a handshake yet.
  TestClient two = TestClient::tcp(tls.port);
  EXPECT_TRUE(tls.server->drain(testing::kPatience));
  EXPECT_EQ(one.client.read_rest(), "");
  EXPECT_TRUE(one.pipe->ended());
}

}  // namespace
}  // namespace reeve::net
