#include "net/live_exchange.h"

#include <utility>

#include "base/strings.h"
#include "net/connection.h"
#include "net/response.h"
#include "net/web_socket_state.h"

namespace reeve::net {

LiveExchange::LiveExchange(
    Request request,
    std::shared_ptr<Hub> hub,
    std::shared_ptr<Connection> connection,
    std::uint64_t id,
    std::shared_ptr<EndSignal> signal
)
    : Exchange(std::move(request)),
      hub_(std::move(hub)),
      connection_(std::move(connection)),
      id_(id),
      signal_(std::move(signal)) {}

LiveExchange::~LiveExchange() {
  if (!answered_) {
    hub_->counters().unanswered.fetch_add(1);
    hub_->run([connection = connection_, id = id_] { connection->answer_for_nobody(id); });
  }
}

bool LiveExchange::respond(Response response) {
  if (answered_.exchange(true)) {
    return false;
  }
  if (hub_->loop()->on_thread()) {
    connection_->answer(id_, std::move(response));
    return true;
  }
  // std::function wants copies.
  auto kept = std::make_shared<Response>(std::move(response));
  hub_->loop()->post([connection = connection_, id = id_, kept] {
    connection->answer(id, std::move(*kept));
  });
  return true;
}

std::shared_ptr<Stream> LiveExchange::start(ResponseHead head) {
  if (!problem_of_head(head.status, head.headers, 0).empty()) {
    // `respond` finds the same problem.
    respond(Response{.status = head.status, .headers = std::move(head.headers), .body = {}});
    return nullptr;
  }
  if (answered_.exchange(true)) {
    return nullptr;
  }
  auto state = std::make_shared<StreamState>(hub_, connection_);
  auto kept = std::make_shared<ResponseHead>(std::move(head));
  const bool running = hub_->run([connection = connection_, id = id_, state, kept] {
    connection->stream(id, std::move(*kept), state);
  });
  if (!running) {
    state->end();
  }
  return std::make_shared<LiveStream>(std::move(state));
}

Result<std::shared_ptr<WebSocket>> LiveExchange::upgrade_web_socket(WebSocketOptions options) {
  REEVE_TRY(WebSocketHandshake handshake, read_handshake(request_, options.protocols));
  if (answered_.exchange(true)) {
    return make_error(ErrorCode::Conflict, "the request was answered before", "web socket");
  }
  std::string head = concat(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
      "Sec-WebSocket-Accept: ",
      handshake.accept,
      "\r\n"
  );
  if (!handshake.protocol.empty()) {
    head += concat("Sec-WebSocket-Protocol: ", handshake.protocol, "\r\n");
  }
  head += "\r\n";
  auto state = std::make_shared<WebSocketState>(
      std::make_shared<StreamState>(hub_, connection_), options, hub_->limits().linger_timeout
  );
  state->begin();
  const bool running = hub_->run([connection = connection_, id = id_, state, head] {
    connection->upgrade(id, head, state);
  });
  if (!running) {
    state->output()->end();
  }
  return std::shared_ptr<WebSocket>(
      std::make_shared<LiveWebSocket>(std::move(state), std::move(handshake.protocol))
  );
}

void LiveExchange::on_disconnect(std::function<void()> callback) {
  signal_->set(std::move(callback));
}

}  // namespace reeve::net
