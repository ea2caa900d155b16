#include "security/identity/https_fetcher.h"

#include <csignal>
#include <thread>
#include <unistd.h>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/strings.h"
#include "security/identity/certificates.h"
#include "security/identity/support_test.h"

namespace reeve::identity {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

/// Answers one request over TLS on loopback and goes away.
class OneAnswer {
 public:
  OneAnswer(const CertifiedKey& identity, std::string response) : response_(std::move(response)) {
    // libcurl or the server may write to a connection that the other side has closed.
    std::signal(SIGPIPE, SIG_IGN);
    context_ = ::SSL_CTX_new(::TLS_server_method());
    BIO* const text = ::BIO_new(::BIO_s_mem());
    ::BIO_write(text, identity.certificate.data(), static_cast<int>(identity.certificate.size()));
    ::BIO_write(text, identity.key.view().data(), static_cast<int>(identity.key.size()));
    X509* const certificate = ::PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    EVP_PKEY* const key = ::PEM_read_bio_PrivateKey(text, nullptr, nullptr, nullptr);
    EXPECT_EQ(::SSL_CTX_use_certificate(context_, certificate), 1);
    EXPECT_EQ(::SSL_CTX_use_PrivateKey(context_, key), 1);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    ::BIO_free_all(text);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 1), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    url_ = concat("https://127.0.0.1:", ntohs(address.sin_port), "/keys");
    thread_ = std::thread([this] { serve(); });
  }

  ~OneAnswer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::SSL_CTX_free(context_);
  }

  const std::string& url() const { return url_; }

 private:
  void serve() {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) {
      return;
    }
    SSL* const tls = ::SSL_new(context_);
    ::SSL_set_fd(tls, connection);
    if (::SSL_accept(tls) == 1) {
      std::array<char, 4096> request{};
      if (::SSL_read(tls, request.data(), static_cast<int>(request.size())) > 0 &&
          !response_.empty()) {
        ::SSL_write(tls, response_.data(), static_cast<int>(response_.size()));
        ::SSL_shutdown(tls);
      } else {
        // Says nothing until the client has had enough.
        ::SSL_read(tls, request.data(), static_cast<int>(request.size()));
      }
    }
    ::SSL_free(tls);
    ::close(connection);
    ::ERR_clear_error();
  }

  std::string response_;
  std::string url_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  std::thread thread_;
};

class HttpsFetcherTest : public testing::Test {
 protected:
  HttpsFetcherTest()
      : now_(Timestamp(std::chrono::duration_cast<Duration>(
            std::chrono::system_clock::now().time_since_epoch()
        ))),
        authority_(
            std::move(CertificateAuthority::open_or_create(dir_.path(), random_, now_)).value()
        ) {}

  CertifiedKey server(const std::string& name = "127.0.0.1") {
    return std::move(authority_.issue_server({name}, random_, now_)).value();
  }

  Result<Fetched> fetch(const std::string& url, HttpsFetcherOptions options = {}) {
    if (options.authorities.empty()) {
      options.authorities = authority_.certificate();
    }
    const auto fetcher = make_https_fetcher(std::move(options));
    EXPECT_TRUE(fetcher.ok()) << fetcher.error().describe();
    return (*fetcher)(url);
  }

  static std::string response(std::string_view head, std::string_view body) {
    return concat("HTTP/1.1 ", head, "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }

  TempDirectory dir_;
  CountingRandom random_;
  Timestamp now_;
  CertificateAuthority authority_;
};

TEST_F(HttpsFetcherTest, FetchesADocumentAndItsAge) {
  const OneAnswer answer(
      server(), response("200 OK\r\ncache-control: public, Max-Age=3600", R"({"keys":[]})")
  );
  const auto fetched = fetch(answer.url());
  ASSERT_TRUE(fetched.ok()) << fetched.error().describe();
  EXPECT_EQ(fetched->body, R"({"keys":[]})");
  EXPECT_EQ(fetched->max_age, 1h);
}

TEST_F(HttpsFetcherTest, KnowsNoAgeThatIsNotSaid) {
  const OneAnswer answer(server(), response("200 OK\r\nCache-Control: max-age=soon", "x"));
  const auto fetched = fetch(answer.url());
  ASSERT_TRUE(fetched.ok());
  EXPECT_FALSE(fetched->max_age);
}

TEST_F(HttpsFetcherTest, RefusesServersThatCannotProveTheirName) {
  const OneAnswer other_name(server("localhost"), response("200 OK", "x"));
  EXPECT_EQ(fetch(other_name.url()).error().code, ErrorCode::Unavailable);
  TempDirectory elsewhere;
  const auto stranger = CertificateAuthority::open_or_create(elsewhere.path(), random_, now_);
  const OneAnswer other_authority(server(), response("200 OK", "x"));
  HttpsFetcherOptions options;
  options.authorities = stranger->certificate();
  EXPECT_EQ(fetch(other_authority.url(), std::move(options)).error().code, ErrorCode::Unavailable);
}

TEST_F(HttpsFetcherTest, TakesOnlyAnswersThatAreOne) {
  const OneAnswer redirect(
      server(), response("302 Found\r\nLocation: https://evil.example.com/", "")
  );
  const auto moved = fetch(redirect.url());
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().message, "answered with status 302");
  const OneAnswer cut(server(), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(fetch(cut.url()).error().code, ErrorCode::Unavailable);
}

TEST_F(HttpsFetcherTest, HasLimits) {
  const OneAnswer answer(server(), response("200 OK", std::string(1000, 'x')));
  HttpsFetcherOptions options;
  options.bytes_max = 999;
  EXPECT_EQ(fetch(answer.url(), options).error().code, ErrorCode::LimitExceeded);
  const OneAnswer silent(server(), "");
  options.timeout = 100ms;
  EXPECT_EQ(fetch(silent.url(), options).error().code, ErrorCode::Unavailable);
}

TEST_F(HttpsFetcherTest, AsksOverHttpsOnly) {
  for (const std::string url : {"http://127.0.0.1/", "file:///etc/passwd", "", "HTTPS://x"}) {
    EXPECT_EQ(fetch(url).error().code, ErrorCode::Invalid) << url;
  }
  EXPECT_EQ(fetch("https://").error().code, ErrorCode::Unavailable);
}

}  // namespace
}  // namespace reeve::identity
