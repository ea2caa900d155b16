#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/client_call.h"
#include "net/deadline_queue.h"
#include "net/response_parser.h"
#include "net/transport.h"

namespace reeve::net {

/// A connection that was dialed: it carries one request after the other.
///
///     Dialing → Carrying ⇄ Idle → closed
///
/// Network thread.
class ClientConnection final : public Transport, public DeadlineQueue::Item {
 public:
  ClientConnection(
      std::shared_ptr<ClientHub> hub,
      std::shared_ptr<ClientPool> pool,
      AcceptedSocket socket,
      std::unique_ptr<TlsSession> tls
  );
  ~ClientConnection() override;

  /// Carries `call` as soon as it stands.
  void begin(std::shared_ptr<LiveCall> call, bool connected);

  /// Sends the request. Idle only.
  void carry(std::shared_ptr<LiveCall> call);

  /// `call` wants nothing more of it; it closes if the call was on it.
  void leave(LiveCall& call);

  /// The reader wants more.
  void resume() { read_on(); }

  /// Closes for this reason.
  void give_up(std::string_view why);

  /// Ends it properly. Idle only.
  void retire();

  /// It stands; before that its place in the pool is the call's.
  bool stands() const { return !in_handshake(); }

  /// It carries a request that is not its first.
  bool reused() const { return requests_ > 1; }

  /// A byte of the answer came.
  bool has_read() const { return has_read_; }

  const std::shared_ptr<ClientPool>& pool() const { return pool_; }

  /// Why it was closed; for the call it carried.
  const Error& problem() const { return problem_; }

  void on_deadline() override { retire(); }

 private:
  bool wants_data() const override;
  void on_ready() override;
  void on_data(std::string_view data) override;
  void on_end() override;
  void on_turn() override;
  void on_refused(int code) override;
  void on_closed() override;

  void complete(bool clean);
  void note(std::string why);
  std::string lost() const;
  std::shared_ptr<ClientConnection> self();

  const std::shared_ptr<ClientHub> hub_;
  const std::shared_ptr<ClientPool> pool_;
  ResponseParser parser_;
  std::shared_ptr<LiveCall> call_;
  Error problem_;
  std::uint64_t requests_ = 0;
  bool has_read_ = false;
};

}  // namespace reeve::net
