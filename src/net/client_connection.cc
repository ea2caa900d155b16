#include "net/client_connection.h"

#include <utility>

#include "base/assert.h"
#include "base/strings.h"
#include "net/client_hub.h"
#include "net/client_request.h"

namespace reeve::net {

ClientConnection::ClientConnection(
    std::shared_ptr<ClientHub> hub,
    std::shared_ptr<ClientPool> pool,
    AcceptedSocket socket,
    std::unique_ptr<TlsSession> tls
)
    : Transport(hub, Side::Asking, std::move(socket), std::move(tls)),
      hub_(std::move(hub)),
      pool_(std::move(pool)),
      parser_(hub_->response_limits()) {}

ClientConnection::~ClientConnection() = default;

std::shared_ptr<ClientConnection> ClientConnection::self() {
  return std::static_pointer_cast<ClientConnection>(shared_from_this());
}

void ClientConnection::begin(std::shared_ptr<LiveCall> call, bool connected) {
  const std::shared_ptr<ClientConnection> kept = self();
  call->set_connection(kept);
  call_ = std::move(call);
  if (!connected) {
    start_when_connected();
    return;
  }
  start();
  if (!closed()) {
    on_turn();
  }
}

void ClientConnection::on_ready() {
  // Its place in the pool was the call's until now.
  call_->set_place(false);
  carry(std::exchange(call_, nullptr));
}

void ClientConnection::carry(std::shared_ptr<LiveCall> call) {
  REEVE_ASSERT(!call_);
  call_ = std::move(call);
  call_->set_connection(self());
  const ClientRequest& request = call_->request();
  parser_.begin(request.method == "HEAD");
  has_read_ = false;
  ++requests_;
  hub_->count_request(reused());
  output().add(request_head(request, call_->body() ? call_->body()->size() : 0));
  output().add(call_->body());
  call_->on_sent();
  flush();
  read_on();
}

bool ClientConnection::wants_data() const {
  // Idle it reads to learn that the other side has closed.
  return !call_ || !call_->paused();
}

void ClientConnection::on_data(std::string_view data) {
  if (!call_) {
    give_up("the other side sent something that was not asked for");
    return;
  }
  has_read_ = true;
  const std::shared_ptr<LiveCall> call = call_;
  while (call_ == call && !closed()) {
    const ResponseParser::Step step = parser_.feed(data);
    data.remove_prefix(step.taken);
    switch (step.event) {
      case ResponseParser::Event::More:
        return;
      case ResponseParser::Event::Head:
        call->on_head(parser_.status(), parser_.take_headers());
        break;
      case ResponseParser::Event::Data:
        call->on_data(step.data);
        break;
      case ResponseParser::Event::End:
        complete(data.empty());
        return;
      case ResponseParser::Event::Failed:
        problem_ = make_error(ErrorCode::Invalid, parser_.failure());
        abort();
        return;
    }
  }
}

/// The answer is complete. `clean`: nothing came after it.
void ClientConnection::complete(bool clean) {
  const std::shared_ptr<LiveCall> call = std::move(call_);
  call->set_connection(nullptr);
  if (clean && parser_.keep_alive() && unsent() == 0 && can_send()) {
    hub_->on_idle(self());
  } else {
    abort();
  }
  call->on_end();
}

void ClientConnection::on_end() {
  if (call_ && stands() && end_is_genuine() && parser_.finish()) {
    complete(false);
    return;
  }
  if (!in_handshake()) {
    note(lost());
  }
  abort();
}

std::string ClientConnection::lost() const {
  return has_read_ ? "the connection was closed before the answer was complete"
                   : "the connection was closed before an answer came";
}

void ClientConnection::on_turn() {
  flush();
  read_on();
}

void ClientConnection::on_refused(int code) {
  note(errno_text(code));
}

void ClientConnection::give_up(std::string_view why) {
  note(std::string(why));
  abort();
}

/// Why it will be closed; what was said first stays.
void ClientConnection::note(std::string why) {
  if (problem_.message.empty()) {
    problem_ = make_error(
        ErrorCode::Unavailable,
        in_handshake() ? concat("connecting to ", peer(), " failed: ", why) : std::move(why)
    );
  }
}

void ClientConnection::leave(LiveCall& call) {
  if (call_.get() == &call) {
    call_.reset();
    abort();
  }
}

void ClientConnection::retire() {
  end_after_output(Ending::Close);
  flush();
  abort();
}

void ClientConnection::on_closed() {
  if (!tls_failure().empty()) {
    note(std::string(tls_failure()));
  }
  note(in_handshake() ? "it was closed" : lost());
  const std::shared_ptr<LiveCall> call = std::move(call_);
  if (call) {
    call->set_connection(nullptr);
  }
  hub_->on_closed(self(), call);
}

}  // namespace reeve::net
