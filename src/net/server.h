#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/exchange.h"
#include "net/tls.h"

namespace reeve::net {

class Loop;

/// Where to listen: an address and port, or a unix socket.
struct ListenerOptions {
  /// An IPv4 or IPv6 address, no name.
  std::string address = "127.0.0.1";
  /// 0: a free one, see `Server::ports`.
  std::uint16_t port = 0;
  /// Not empty: a unix socket, whose file is made, in place of one that nobody listens on, and
  /// removed at the end; address and port are ignored. Longer than a socket's address may be:
  /// others reach it through its directory.
  std::string unix_path = {};
  bool tls = false;
  /// Of the unix socket's file.
  std::uint32_t unix_mode = 0600;
  /// What `Request::listener_tag` says; means nothing here.
  std::string tag = {};
  /// Its own limit, beside the server's; one more is closed at once. 0: none.
  std::size_t connections_max = 0;
};

/// Names a listener that was added to a running server.
using ListenerId = std::uint64_t;

/// Every limit of the server. The defaults suit an API server.
struct ServerLimits {
  /// One more is closed at once.
  std::size_t connections_max = 10'000;
  /// Per address of the other side; unix sockets are not counted.
  std::size_t connections_per_peer_max = 10'000;
  /// That `add_listener` adds.
  std::size_t added_listeners_max = 4'096;

  /// Answered with 414.
  std::size_t request_line_bytes_max = std::size_t{16} << 10;
  /// Of all field lines, names and values; answered with 431.
  std::size_t header_bytes_max = std::size_t{64} << 10;
  std::size_t headers_max = 100;
  /// Answered with 413.
  std::size_t body_bytes_max = std::size_t{3} << 20;
  /// Of all bodies together that are not complete yet; a further one is answered with 503.
  std::size_t unfinished_bodies_bytes_max = std::size_t{256} << 20;
  /// Bytes that are read ahead while a request is being handled.
  std::size_t pipeline_bytes_max = std::size_t{64} << 10;
  /// What a stream keeps for a slow reader.
  std::size_t stream_buffer_bytes_max = std::size_t{1} << 20;

  Duration handshake_timeout = Duration(10'000);
  /// From the connection, or from the first byte of a later request, to the end of its head.
  Duration head_timeout = Duration(10'000);
  /// A body has to grow by `body_progress_bytes_min` in each such period.
  Duration body_timeout = Duration(30'000);
  std::size_t body_progress_bytes_min = std::size_t{64} << 10;
  /// Between requests.
  Duration idle_timeout = Duration(120'000);
  /// For the other side to take something of what waits to be sent.
  Duration write_timeout = Duration(30'000);
  /// After the last response of a connection, for the other side to close.
  Duration linger_timeout = Duration(2'000);

  /// Functions given to `post` that have not run yet.
  std::size_t posted_max = 1'000'000;
  /// Timers that have not run yet.
  std::size_t timers_max = 1'000'000;
};

/// Those limits that can change while the server runs; what is connected keeps what it began with.
struct ConnectionLimits {
  std::size_t connections_max = ServerLimits{}.connections_max;
  std::size_t connections_per_peer_max = ServerLimits{}.connections_per_peer_max;
  std::size_t body_bytes_max = ServerLimits{}.body_bytes_max;
};

struct ServerOptions {
  std::vector<ListenerOptions> listeners = {};
  /// Needed if a listener has `tls`.
  std::optional<TlsMaterial> tls = {};
  ServerLimits limits = {};
  Handler handler = {};
  /// Makes the answer to requests that never reach the handler (status 400 to 505, and a sentence
  /// for people) and to unanswered ones; nullptr: plain text. Network thread.
  std::function<Response(int status, std::string_view message)> refusal = {};
};

/// Counts since the start, except where it says "now".
struct ServerStats {
  std::uint64_t connections = 0;       ///< now
  std::uint64_t added_listeners = 0;   ///< now
  std::uint64_t streams = 0;           ///< now; web sockets included
  std::uint64_t accepted = 0;          ///< connections
  std::uint64_t connections_over = 0;  ///< closed because of one of the limits
  std::uint64_t accept_errors = 0;
  std::uint64_t handshakes = 0;  ///< of TLS, completed
  std::uint64_t handshakes_failed = 0;
  std::uint64_t requests = 0;           ///< that reached the handler
  std::uint64_t refused = 0;            ///< that did not: malformed, too large, too slow
  std::uint64_t unanswered = 0;         ///< exchanges dropped by the handler
  std::uint64_t responses_invalid = 0;  ///< replaced by 500, see `ResponseHead`
  std::uint64_t timeouts = 0;        ///< connections closed for being slow; idle ones not counted
  std::uint64_t slow_readers = 0;    ///< streams ended because their buffer was full
  std::uint64_t bytes_received = 0;  ///< as on the wire
  std::uint64_t bytes_sent = 0;      ///< as on the wire
};

/// Names something that will run later, so that it can be called off. Copies name the same.
class TimerHandle {
 public:
  TimerHandle() = default;

  /// Calls it off. Any thread. On the network thread it is certain afterwards that the function
  /// does not run; on another one it may just be running. Its captures are dropped soon.
  void cancel();

  struct State;

  explicit TimerHandle(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

/// An HTTP/1.1 server (RFC 9110, 9112), plain and over TLS, with one network thread of its own.
///
/// Threading: any thread but the network thread may destroy it, which breaks what is not finished;
/// everything else may be called from any thread. Exchanges and streams may outlive the server.
class Server {
 public:
  /// Binds all listeners and starts the network thread. Invalid: an address, a certificate, a key,
  /// no handler. AlreadyExists: an address is in use. PermissionDenied, Io: the system refused.
  static Result<std::unique_ptr<Server>> start(ServerOptions options);

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// The ports, in the order of the listeners; 0 for unix sockets.
  std::vector<std::uint16_t> ports() const;

  /// Listens on a further unix socket; who connects after it has returned is served. Invalid: it is
  /// none, or wants TLS. AlreadyExists: somebody listens there. LimitExceeded:
  /// `added_listeners_max`. Unavailable: the server has stopped accepting. PermissionDenied, Io:
  /// the system refused.
  Result<ListenerId> add_listener(ListenerOptions options);

  /// Removes the socket's file before it returns, and closes the listener and the connections that
  /// came from it soon. One that is gone: nothing happens.
  void remove_listener(ListenerId id);

  /// Closes the listeners. What is connected goes on.
  void stop_accepting();

  /// Stops accepting, closes idle connections, ends others after their response, and waits for all
  /// to end. After `grace` it ends streams properly and breaks what is unanswered then. Returns
  /// whether everything ended by itself. Not on the network thread.
  bool drain(Duration grace);

  /// Ends what is left and the network thread. Whatever is posted from then on does not run. Again:
  /// nothing happens. Not from the network thread.
  void stop();

  /// New connections use `material`; sessions of old ones cannot be resumed. Invalid: it is broken,
  /// nothing was changed.
  Result<void> reload_certificates(TlsMaterial material);

  /// For connections that are made after it has returned. Unavailable: the network thread did not
  /// answer, or has ended.
  Result<void> change_limits(const ConnectionLimits& limits);

  ServerStats stats() const;

  /// Runs `function` on the network thread, after what was posted before. False: the server has
  /// stopped, or `posted_max` was reached; it will not run.
  bool post(std::function<void()> function);

  /// The same, and waits until it has run. Unavailable: it has not within `timeout`; it may later.
  /// Not on the network thread.
  Result<void> run(std::function<void()> function, Duration timeout);

  /// Runs `function` on the network thread after `delay`. If the server stops before, or
  /// `timers_max` was reached, it does not run and is dropped.
  TimerHandle post_after(Duration delay, std::function<void()> function);

  /// Whether this is the network thread.
  bool on_network_thread() const;

 private:
  friend class Client;
  friend class PipeReader;
  friend class PipeWriter;
  class Core;

  std::shared_ptr<Loop> loop() const;

  explicit Server(std::shared_ptr<Core> core);

  std::shared_ptr<Core> core_;
  bool stopped_ = false;
};

}  // namespace reeve::net
