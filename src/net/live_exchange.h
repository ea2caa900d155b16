#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "net/end_signal.h"
#include "net/exchange.h"
#include "net/hub.h"

namespace reeve::net {

/// An exchange of a connection. Any thread.
class LiveExchange final : public Exchange {
 public:
  LiveExchange(
      Request request,
      std::shared_ptr<Hub> hub,
      std::shared_ptr<Connection> connection,
      std::uint64_t id,
      std::shared_ptr<EndSignal> signal
  );
  ~LiveExchange() override;

  bool respond(Response response) override;
  std::shared_ptr<Stream> start(ResponseHead head) override;
  Result<std::shared_ptr<WebSocket>> upgrade_web_socket(WebSocketOptions options) override;
  void on_disconnect(std::function<void()> callback) override;

 private:
  const std::shared_ptr<Hub> hub_;
  const std::shared_ptr<Connection> connection_;
  const std::uint64_t id_;
  const std::shared_ptr<EndSignal> signal_;
  std::atomic<bool> answered_ = false;
};

}  // namespace reeve::net
