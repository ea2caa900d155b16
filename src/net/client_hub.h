#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <unordered_set>
#include <vector>

#include "net/client.h"
#include "net/client_call.h"
#include "net/client_connection.h"
#include "net/deadline_queue.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/response_parser.h"
#include "net/tls_session.h"
#include "net/transport_host.h"

namespace reeve::net {

/// The connections to one endpoint, and who waits for one.
struct ClientPool {
  Endpoint endpoint;
  /// Places taken: by connections that stand and by calls that make one.
  std::size_t open = 0;
  /// The last one was used last.
  std::vector<std::shared_ptr<ClientConnection>> idle;
  std::deque<std::shared_ptr<LiveCall>> waiting;
  /// Inside of the loop that serves who waits.
  bool serving = false;
};

/// The calls, connections and deadlines of a client.
///
/// Threading: the network thread, except where it says otherwise.
class ClientHub final : public TransportHost,
                        public Loop::User,
                        public std::enable_shared_from_this<ClientHub> {
 public:
  ClientHub(
      std::shared_ptr<Loop> loop, ClientOptions options, std::shared_ptr<const TlsContext> tls
  );
  ~ClientHub() override;
  ClientHub(const ClientHub&) = delete;
  ClientHub& operator=(const ClientHub&) = delete;

  void send(const std::shared_ptr<LiveCall>& call);

  /// Ends everything without a word.
  void close();

  void on_stop() override { close(); }

  /// Any thread.
  ClientStats stats();

  ResponseLimits response_limits() const;

  void set_deadline(DeadlineQueue::Item& item, Instant at);

  /// The call is over.
  void forget(const std::shared_ptr<LiveCall>& call);

  /// The connection is free for another call.
  void on_idle(const std::shared_ptr<ClientConnection>& connection);

  /// `call` was on it; nullptr: none.
  void on_closed(
      const std::shared_ptr<ClientConnection>& connection, const std::shared_ptr<LiveCall>& call
  );

  void count_request(bool reused);

  void count_failure() { failed_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::shared_ptr<ClientPool> pool_of(const Endpoint& endpoint);
  void dial(const std::shared_ptr<LiveCall>& call);
  void dial_next(const std::shared_ptr<LiveCall>& call);
  void connect(const std::shared_ptr<LiveCall>& call, DialedSocket dialed);
  void release(const std::shared_ptr<ClientPool>& pool);
  void serve(const std::shared_ptr<ClientPool>& pool);
  std::shared_ptr<ClientConnection> take_idle(ClientPool& pool);
  void arm();

  const ClientOptions options_;
  const std::shared_ptr<const TlsContext> tls_;
  const std::shared_ptr<Resolver> resolver_;
  std::map<Endpoint, std::shared_ptr<ClientPool>> pools_;
  std::unordered_set<std::shared_ptr<LiveCall>> calls_;
  std::unordered_set<std::shared_ptr<ClientConnection>> connections_;
  DeadlineQueue deadlines_;
  Instant armed_ = Instant::max();
  TimerHandle timer_;
  bool closed_ = false;
  std::atomic<std::uint64_t> connection_count_ = 0;
  std::atomic<std::uint64_t> requests_ = 0;
  std::atomic<std::uint64_t> reused_ = 0;
  std::atomic<std::uint64_t> retried_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::atomic<std::uint64_t> dials_failed_ = 0;
};

}  // namespace reeve::net
