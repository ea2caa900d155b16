#include "net/listener.h"

#include <utility>

namespace reeve::net {

namespace {

/// So many are taken before others get their turn.
constexpr int kAcceptsPerTurn = 64;
/// How long nothing is taken when the system has no descriptors left.
constexpr Duration kExhaustedPause{100};

}  // namespace

Listener::Listener(
    std::shared_ptr<Hub> hub, ListeningSocket socket, bool tls, std::shared_ptr<Origin> origin
)
    : hub_(std::move(hub)),
      tls_(tls),
      file_(std::move(socket.file)),
      origin_(std::move(origin)),
      readiness_(hub_->loop(), std::move(socket.fd)) {}

void Listener::begin() {
  if (!closed_) {
    readiness_.wait_readable(shared_from_this());
  }
}

void Listener::close() {
  if (closed_) {
    return;
  }
  closed_ = true;
  readiness_.close();
  if (file_) {
    file_->remove();
  }
}

void Listener::on_readable() {
  for (int accepts = 0; accepts < kAcceptsPerTurn && !closed_; ++accepts) {
    AcceptedSocket accepted;
    const AcceptOutcome outcome = accept_from(readiness_.fd(), accepted);
    if (outcome == AcceptOutcome::Accepted) {
      hub_->accept(std::move(accepted), tls_, origin_);
      continue;
    }
    if (outcome == AcceptOutcome::Empty) {
      break;
    }
    hub_->counters().accept_errors.fetch_add(1);
    if (outcome == AcceptOutcome::Exhausted) {
      hub_->loop()->surely_after(kExhaustedPause, [self = shared_from_this()] { self->begin(); });
      return;
    }
  }
  begin();
}

}  // namespace reeve::net
