#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/client.h"
#include "net/deadline_queue.h"
#include "net/transport_host.h"

namespace reeve::net {

class ClientConnection;
struct ClientPool;

/// One request from `Client::send` to the last call of its sink. The hub looks for a connection for
/// it; a connection carries it.
///
///     Connecting → Sent → Answering → Done
///
/// Network thread.
class LiveCall final : public DeadlineQueue::Item, public std::enable_shared_from_this<LiveCall> {
 public:
  enum class Stage : std::uint8_t { Connecting, Sent, Answering, Done };

  LiveCall(
      std::shared_ptr<ClientHub> hub, ClientRequest request, std::shared_ptr<ResponseSink> sink
  );
  ~LiveCall() override;
  LiveCall(const LiveCall&) = delete;
  LiveCall& operator=(const LiveCall&) = delete;

  const ClientRequest& request() const { return request_; }

  /// nullptr: none.
  const std::shared_ptr<const std::string>& body() const { return body_; }

  bool done() const { return stage_ == Stage::Done; }

  bool paused() const { return paused_; }

  const std::shared_ptr<ClientHub>& hub() const { return hub_; }

  // For who asks, see `ClientCall`.
  void cancel();
  void pause();
  void resume();

  // For the hub: the way to a connection.

  void set_pool(std::shared_ptr<ClientPool> pool) { pool_ = std::move(pool); }

  const std::shared_ptr<ClientPool>& pool() const { return pool_; }

  /// Whether one of the pool's places is taken for it, without a connection that stands.
  bool has_place() const { return has_place_; }

  void set_place(bool place) { has_place_ = place; }

  /// The time to connect begins.
  void begin_connecting();

  void set_addresses(std::vector<std::string> addresses);

  /// The next address to try, and its share of the time; nullptr: there is none.
  const std::string* next_address();

  /// Why an attempt failed.
  void note(Error error);

  const Error& last_problem() const { return problem_; }

  void set_connection(const std::shared_ptr<ClientConnection>& connection) {
    connection_ = connection;
  }

  /// Whether it may be sent again on another connection, as this one was stale.
  bool may_retry(const ClientConnection& connection) const;

  // For the connection: what becomes of it.

  void on_sent();
  void on_head(int status, Headers headers);
  void on_data(std::string_view data);
  void on_end();

  /// Tells the sink later.
  void fail(Error error);

  /// Ends it without a word.
  void drop();

  void on_deadline() override;

 private:
  void enter(Stage stage, Duration time);
  void update_deadline();
  void forget_request();
  void leave();

  const std::shared_ptr<ClientHub> hub_;
  ClientRequest request_;
  std::shared_ptr<const std::string> body_;
  std::shared_ptr<ResponseSink> sink_;
  std::shared_ptr<ClientPool> pool_;
  std::weak_ptr<ClientConnection> connection_;
  std::vector<std::string> addresses_;
  std::size_t next_address_ = 0;
  Error problem_;
  Instant stage_end_ = Instant::max();
  Instant attempt_end_ = Instant::max();
  Instant total_end_ = Instant::max();
  Instant sent_at_{};
  Instant paused_at_{};
  Stage stage_ = Stage::Connecting;
  bool has_place_ = false;
  bool paused_ = false;
  bool retried_ = false;
  /// On some connection.
  bool sent_ = false;
};

/// What who asks holds of a call. Any thread.
class CallHandle final : public ClientCall {
 public:
  explicit CallHandle(std::shared_ptr<LiveCall> call) : call_(std::move(call)) {}

  ~CallHandle() override { cancel(); }

  void cancel() override { run(&LiveCall::cancel); }

  void pause() override { run(&LiveCall::pause); }

  void resume() override { run(&LiveCall::resume); }

 private:
  void run(void (LiveCall::*step)());

  const std::shared_ptr<LiveCall> call_;
};

}  // namespace reeve::net
