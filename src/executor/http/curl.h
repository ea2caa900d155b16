#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// libcurl, loaded when it is needed (docs/adr/0014): the rest of this folder does not see it.
namespace reeve::executor::http {

/// The parts of an address that decide where a request goes.
struct Origin {
  std::string scheme;
  std::string host;
  std::string port;

  friend bool operator==(const Origin&, const Origin&) = default;
};

struct Address {
  Origin origin;
  /// For people: without user, password and query.
  std::string display;
};

/// Where connections may go and whom they may trust.
struct Policy {
  bool verify_tls = true;
  /// PEM texts of the only authorities that count; empty: the system's.
  std::string authorities;
  bool allow_private = false;
  /// PEM texts of a certificate and its key, shown to who asks for one; empty: none.
  std::string client_certificate = {};
  std::string client_key = {};
  /// A socket of the file system that every connection is made to instead; empty: none.
  std::string unix_socket = {};
};

/// One request and its response, without redirects.
struct Hop {
  std::string verb;
  std::string url;
  std::vector<model::NamedValue> headers;
  /// Whether there is a body, which may be empty.
  bool has_body = false;
  std::string body;
  /// From the first step to the last byte; 0: no limit.
  Duration timeout{0};
};

struct HopResponse {
  int status = 0;
  std::string content_type;
  /// Absolute; empty unless the response redirects.
  std::string redirect_url;
  /// What Retry-After asks for; 0: nothing.
  std::uint32_t retry_after_seconds = 0;
  /// Of each header `Warning` (RFC 7234, 5.5): its value.
  std::vector<std::string> warnings;
};

/// One mail and the server that takes it (RFC 5321).
struct Mail {
  /// A name or an address.
  std::string host;
  std::uint16_t port = 587;
  /// From the first byte on; otherwise, unless `plain`, before anything is said (STARTTLS).
  bool tls = false;
  bool plain = false;
  /// Empty: the server is not told who sends. Never sent with `plain`.
  std::string username;
  std::string password;
  /// `a@b`
  std::string from;
  std::vector<std::string> to;
  /// Headers and body, lines ending in CR LF.
  std::string message;
  Duration timeout{0};
};

/// The server has not taken a mail.
struct MailRefusal {
  /// The reply of the server; 0: there was none.
  int code = 0;
  Error error;
};

/// A connection that bytes go through as they are.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  virtual Result<void> send(std::string_view bytes) = 0;
  /// At least one byte, at most `bytes_max`; empty: the other side has closed. Waits without a
  /// limit of its own.
  virtual Result<std::string> receive(std::size_t bytes_max) = 0;
};

/// Bytes of all headers of one response.
inline constexpr std::size_t kHeaderBytesMax = std::size_t{256} << 10U;
inline constexpr std::int64_t kConnectSecondsMax = 30;

/// Asks over HTTP. Only http and https, no proxy, no cookies, no credentials from files; every
/// address that a connection is made to is checked against the policy, whatever names and redirects
/// led there. One thread.
class Curl {
 public:
  /// Receives pieces of a body; false ends the transfer, which then fails with `Cancelled`.
  using Sink = std::function<bool(std::string_view)>;
  /// Called once before the body.
  using OnHead = std::function<void(const HopResponse&)>;

  /// Unsupported: there is no usable libcurl on this machine; the hint says what to install.
  static Result<std::unique_ptr<Curl>> load();

  virtual ~Curl() = default;

  /// "libcurl/7.88.1 OpenSSL/3.0.19 …"
  virtual std::string version() const = 0;

  /// Invalid: no http or https address.
  virtual Result<Address> parse(const std::string& url) const = 0;

  /// PermissionDenied: the policy refuses the address. Unavailable: no complete response came.
  virtual Result<HopResponse> exchange(
      const Hop& hop, const Policy& policy, const OnHead& on_head, const Sink& sink
  ) = 0;

  /// Hands a mail over. What it returns says why it was not taken; nothing: it was. Nothing of
  /// the password is in it.
  virtual std::optional<MailRefusal> send_mail(const Mail& mail, const Policy& policy) = 0;

  /// Connects to the origin of `url`, with TLS for https. Uses up this object. Errors as above.
  virtual Result<std::unique_ptr<ByteStream>> connect(
      const std::string& url, const Policy& policy
  ) = 0;
};

}  // namespace reeve::executor::http
