#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/exchange.h"
#include "net/loop.h"
#include "net/origin.h"
#include "net/server.h"
#include "net/sockets.h"
#include "net/tls_session.h"
#include "net/transport_host.h"

namespace reeve::net {

class Connection;

/// The connections of a server, and what they share.
///
/// Threading: the network thread, except where it says otherwise.
class Hub : public TransportHost, public std::enable_shared_from_this<Hub> {
 public:
  Hub(std::shared_ptr<Loop> loop,
      const ServerLimits& limits,
      Handler handler,
      std::function<Response(int, std::string_view)> refusal);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Any thread. Those that `connection_limits` has are the ones of the start.
  const ServerLimits& limits() const { return limits_; }

  const ConnectionLimits& connection_limits() const { return connection_limits_; }

  void use_limits(const ConnectionLimits& limits) { connection_limits_ = limits; }

  std::size_t connection_count() const { return connection_count_; }

  /// Lets `connection` look at its stream soon. Any thread.
  void mark(std::shared_ptr<Connection> connection);

  /// Runs `function` now on the network thread, else there and soon. False: that has stopped. Any
  /// thread.
  bool run(std::function<void()> function);

  /// Waits until `drain` has happened and no connection is left. False: `timeout` has passed. Not
  /// on the network thread.
  bool wait_until_empty(Duration timeout);

  /// nullptr: no TLS. New connections use it.
  void use_tls(std::shared_ptr<const TlsContext> context) { tls_ = std::move(context); }

  /// Starts to look after deadlines.
  void begin();

  void accept(AcceptedSocket accepted, bool tls, std::shared_ptr<Origin> origin);
  void remove(Connection& connection);

  void handle(std::shared_ptr<Exchange> exchange) { handler_(std::move(exchange)); }

  Response refuse(int status, std::string_view message) const;

  /// Idle connections end now, others after their response.
  void drain();

  bool draining() const { return draining_; }

  /// Ends streams properly, breaks what is unanswered.
  void end_all();

  /// Breaks everything; nothing is accepted afterwards.
  void close_all();

  /// Breaks what came from `listener`.
  void close_from(ListenerId listener);

  /// Counts what one connection keeps of an unfinished body, in place of what it kept before.
  /// False: all connections together keep too much, and this one keeps more than before.
  bool keep_body(std::size_t bytes, std::size_t& counted);

  /// The value of the Date header.
  std::string_view date();

 private:
  using Step = void (Connection::*)();

  void tick();
  void on_each(Step step);
  void flush_marked();
  bool admit(const std::string& peer_address, const Origin& origin) const;

  const ServerLimits limits_;
  ConnectionLimits connection_limits_;
  const Duration tick_interval_;
  Handler handler_;
  std::function<Response(int, std::string_view)> refusal_;
  std::shared_ptr<const TlsContext> tls_;
  std::atomic<bool> draining_ = false;
  bool closed_ = false;

  std::vector<std::shared_ptr<Connection>> connections_;
  std::atomic<std::size_t> connection_count_ = 0;
  std::unordered_map<std::string, std::size_t> peers_;
  std::size_t unfinished_bodies_bytes_ = 0;

  /// Held to change what `wait_until_empty` looks at.
  std::mutex empty_mutex_;
  std::condition_variable empty_;

  std::mutex marked_mutex_;
  std::vector<std::shared_ptr<Connection>> marked_;

  std::string date_;
  std::chrono::seconds date_second_{-1};
};

}  // namespace reeve::net
