#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/exchange.h"
#include "net/request.h"
#include "net/server.h"

namespace reeve::net {

class ClientHub;

/// Where a request goes.
struct Endpoint {
  bool tls = true;
  /// A name or an address. With `unix_path` only for the Host field and the certificate.
  std::string host = {};
  std::uint16_t port = 443;
  /// Not empty: this socket, whatever the host says.
  std::string unix_path = {};

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// An address of the web, taken apart: `https://api.example.com/v1` is an endpoint and the path
/// that stands before others ("/v1"; "" for none). Invalid: no http or https address, or one with
/// user, query or fragment.
struct EndpointUrl {
  Endpoint endpoint;
  std::string path;
};

Result<EndpointUrl> parse_endpoint(std::string_view url);

/// The times of one request. 0: no limit of its own.
struct ClientDeadlines {
  /// For a free connection, or for the name, the connection and TLS of a new one. Addresses are
  /// tried one after the other, each has its share of what is left.
  Duration connect = Duration(10'000);
  /// From then on to the head of the answer.
  Duration first_byte = Duration(120'000);
  /// Between two pieces of the body.
  Duration idle = Duration(120'000);
  /// For all of it.
  Duration total = Duration(0);
};

struct ClientRequest {
  Endpoint endpoint = {};
  std::string method = "GET";
  /// Path and query as they are sent.
  std::string target = "/";
  /// Without Host, Content-Length, Transfer-Encoding and Connection, which the client writes.
  std::vector<Header> headers = {};
  /// Sent with the head in one write where possible; never copied if it is shared.
  Body body = {};
  ClientDeadlines deadlines = {};
  /// A connection that was kept may be closed by the other side just when this request is sent. If
  /// so, and not one byte of an answer came, it is sent once more on a new connection. Servers that
  /// end such a connection after they have done what was asked are rare, but not impossible: false
  /// for what must never be done twice.
  bool retry_stale = true;
};

/// How far a request came before it failed: whether it may be repeated is for the caller to say.
enum class ClientStage : std::uint8_t {
  Connect,  ///< nothing was sent: no name, refused, TLS, not allowed
  Sent,     ///< something was sent, no byte of an answer came
  Answer,   ///< the head of the answer came, the body is incomplete
};

/// Who gets an answer. Network thread; nothing is called after `on_end`, `on_error` or
/// `ClientCall::cancel`.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;

  /// Once. Informational answers (1xx) are passed over.
  virtual void on_head(int status, Headers headers) = 0;
  /// As it comes, without the framing; valid during the call.
  virtual void on_data(std::string_view data) = 0;
  virtual void on_end() = 0;
  /// Unavailable, DeadlineExceeded, LimitExceeded, PermissionDenied (the address is not allowed),
  /// Invalid (the answer is no HTTP). The message is for people and has no secrets in it.
  virtual void on_error(ClientStage stage, Error error) = 0;
};

/// A request on its way. Dropping the last reference cancels it. On the network thread all of this
/// happens at once; on another one it happens soon.
class ClientCall {
 public:
  virtual ~ClientCall() = default;

  /// Ends it; its connection is not used again.
  virtual void cancel() = 0;

  /// Reads nothing more until `resume`: for readers that do not keep up. What was read before, at
  /// most 64 KiB, still comes. Deadlines stand still.
  virtual void pause() = 0;
  virtual void resume() = 0;
};

struct ClientOptions {
  /// PEM, besides the authorities of the system.
  std::string authorities_pem = {};
  /// Connections to one endpoint, and those of them that wait for a next request.
  std::size_t connections_max = 1'024;
  std::size_t idle_max = 64;
  Duration idle_time = Duration(30'000);
  /// Requests that wait for a connection of an endpoint; one more fails with Unavailable.
  std::size_t waiting_max = 4'096;
  std::size_t head_bytes_max = std::size_t{64} << 10U;
  /// Whether an address (numeric) may be connected to; empty: all. Asked for each address of each
  /// connection, so that a name cannot come to mean another one; not for unix sockets. Network
  /// thread.
  std::function<bool(const Endpoint& endpoint, std::string_view address)> allowed = {};
  /// The addresses of a host, in the order in which to try them; empty: what the system says. May
  /// block: it is called on threads for it.
  std::function<Result<std::vector<std::string>>(const std::string& host)> lookup = {};
};

/// Counts since the start, except where it says "now".
struct ClientStats {
  std::uint64_t connections = 0;     ///< now
  std::uint64_t requests = 0;        ///< that were sent
  std::uint64_t reused = 0;          ///< of them, on a connection that was kept
  std::uint64_t retried = 0;         ///< sent again, see `ClientRequest::retry_stale`
  std::uint64_t failed = 0;          ///< ended with an error
  std::uint64_t dials_failed = 0;    ///< attempts to connect, TLS included
  std::uint64_t bytes_received = 0;  ///< as on the wire
  std::uint64_t bytes_sent = 0;      ///< as on the wire
};

/// Sends requests (HTTP/1.1, RFC 9112), plain, over TLS (certificates are always checked) and over
/// unix sockets; keeps connections for later requests. Redirects are answers like others; bodies
/// come as they were encoded. Uses the network thread of a server.
///
/// Threading: the network thread; `close` and the destructor also elsewhere.
class Client {
 public:
  /// Invalid: an authority is broken. `server` outlives it.
  static Result<std::unique_ptr<Client>> create(Server& server, ClientOptions options);

  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Never null. The sink is called later, never within this call; it lives until its last call.
  std::shared_ptr<ClientCall> send(ClientRequest request, std::shared_ptr<ResponseSink> sink);

  /// Any thread.
  ClientStats stats() const;

  /// Ends everything, without a word to anybody. Waits for the network thread if called elsewhere.
  /// What is sent afterwards fails.
  void close();

 private:
  explicit Client(std::shared_ptr<ClientHub> hub);

  const std::shared_ptr<ClientHub> hub_;
};

}  // namespace reeve::net
