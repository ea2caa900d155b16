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

/// `https://api.example.com/v1`: where it is and the path that stands before others ("/v1"; "" for
/// none). Invalid: no http or https address, or one with user, query or fragment.
struct EndpointUrl {
  Endpoint endpoint;
  std::string path;
};

Result<EndpointUrl> parse_endpoint(std::string_view url);

/// The times of one request. 0: no limit of its own.
struct ClientDeadlines {
  /// For the name, the connection and TLS.
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

/// A request on its way. Network thread. Dropping the last reference cancels it.
class ClientCall {
 public:
  virtual ~ClientCall() = default;

  /// Ends it; its connection is not used again.
  virtual void cancel() = 0;

  /// Reads nothing more until `resume`: for readers that do not keep up. Deadlines stand still.
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
  /// connection, so that a name cannot come to mean another one.
  std::function<bool(const Endpoint& endpoint, std::string_view address)> allowed = {};
};

/// Sends requests (HTTP/1.1, RFC 9112), plain, over TLS (certificates are always checked) and over
/// unix sockets; keeps connections for later requests. Uses the network thread of a server.
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

  /// Ends everything, without a word to anybody. Waits for the network thread if called elsewhere.
  void close();

 private:
  class Core;

  explicit Client(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
};

}  // namespace reeve::net
