#include "net/transport.h"

#include <algorithm>
#include <array>
#include <utility>

namespace reeve::net {

namespace {

/// So many reads before others get their turn.
constexpr int kReadsPerTurn = 4;
/// Encrypted bytes that wait for the socket before more is encrypted.
constexpr std::size_t kEncryptedBytesMax = std::size_t{64} << 10;
/// What is encrypted at a time: one record.
constexpr std::size_t kRecordBytes = std::size_t{16} << 10;

}  // namespace

Transport::Transport(
    std::shared_ptr<TransportHost> host,
    Side side,
    AcceptedSocket socket,
    std::unique_ptr<TlsSession> tls
)
    : host_(std::move(host)),
      side_(side),
      peer_(std::move(socket.peer)),
      peer_address_(std::move(socket.peer_address)),
      readiness_(host_->loop(), std::move(socket.fd)),
      tls_(std::move(tls)),
      sniffed_(side == Side::Asking) {}

Transport::~Transport() = default;

void Transport::start() {
  if (readiness_.fd() < 0) {
    abort();
    return;
  }
  if (tls_) {
    handshake_deadline_ = std::chrono::steady_clock::now() + host_->timeouts().handshake;
    if (side_ == Side::Asking) {
      // Not into the buffer that all share: somebody may just be reading from it.
      std::string nothing;
      if (tls_->receive({}, nothing) == TlsSession::Status::Failed) {
        fail_handshake();
        return;
      }
      flush();
    }
  } else {
    become_ready();
  }
  read_on();
}

void Transport::start_when_connected() {
  if (readiness_.fd() < 0) {
    abort();
    return;
  }
  connecting_ = true;
  waits_to_write_ = true;
  readiness_.wait_writable(std::static_pointer_cast<Sink>(shared_from_this()));
}

void Transport::finish_connecting() {
  connecting_ = false;
  const int code = outcome_of_connect(readiness_.fd());
  if (code != 0) {
    on_refused(code);
    abort();
    return;
  }
  start();
  if (!closed_) {
    on_turn();
  }
}

void Transport::become_ready() {
  ready_ = true;
  handshake_deadline_ = Instant::max();
  if (tls_) {
    host_->counters().handshakes.fetch_add(1);
    client_certificate_ = tls_->client_certificate();
  }
  on_ready();
}

void Transport::read_on() {
  if (closed_ || connecting_ || waits_to_read_ || peer_ended_ || (ready_ && !wants_data())) {
    return;
  }
  waits_to_read_ = true;
  readiness_.wait_readable(std::static_pointer_cast<Sink>(shared_from_this()));
}

void Transport::on_readable() {
  waits_to_read_ = false;
  for (int reads = 0; reads < kReadsPerTurn && !closed_ && (!ready_ || wants_data()); ++reads) {
    const std::span<char> buffer = host_->scratch();
    const IoOutcome got = receive_from(readiness_.fd(), buffer);
    if (got.status == IoStatus::WouldBlock) {
      break;
    }
    if (got.status == IoStatus::Failed) {
      abort();
      return;
    }
    if (got.status == IoStatus::Ended) {
      peer_ended_ = true;
      if (ready_) {
        on_end();
      } else {
        fail_handshake();
      }
      break;
    }
    host_->counters().bytes_received.fetch_add(got.bytes, std::memory_order_relaxed);
    const std::string_view bytes(buffer.data(), got.bytes);
    if (tls_ && !is_plain_text(bytes)) {
      receive_encrypted(bytes);
    } else {
      on_data(bytes);
    }
    if (got.bytes < buffer.size()) {
      break;
    }
  }
  if (!closed_) {
    on_turn();
  }
}

bool Transport::is_plain_text(std::string_view first_bytes) {
  if (sniffed_) {
    return false;
  }
  sniffed_ = true;
  // A TLS record begins with its type, 22 for a handshake; a request with its method.
  if (first_bytes[0] < 'A' || first_bytes[0] > 'Z') {
    return false;
  }
  host_->counters().handshakes_failed.fetch_add(1);
  tls_.reset();
  ready_ = true;
  handshake_deadline_ = Instant::max();
  on_plain_text();
  return true;
}

void Transport::receive_encrypted(std::string_view records) {
  std::string& plain = host_->plain_scratch();
  plain.clear();
  const TlsSession::Status status = tls_->receive(records, plain);
  if (!ready_ && tls_->ready()) {
    become_ready();
  }
  if (!plain.empty() && !closed_) {
    on_data(plain);
  }
  if (closed_ || status == TlsSession::Status::Open) {
    return;
  }
  if (status == TlsSession::Status::Failed) {
    if (!ready_) {
      fail_handshake();
    } else {
      abort();
    }
    return;
  }
  peer_ended_ = true;
  tls_ended_ = true;
  on_end();
}

void Transport::fail_handshake() {
  host_->counters().handshakes_failed.fetch_add(1);
  // An alert may wait to be sent; it is sent if the socket takes it at once.
  flush();
  abort();
}

void Transport::on_writable() {
  waits_to_write_ = false;
  if (closed_) {
    return;
  }
  if (connecting_) {
    finish_connecting();
    return;
  }
  flush();
  if (!closed_) {
    on_turn();
  }
}

std::size_t Transport::unsent() const {
  if (cannot_send_) {
    return 0;
  }
  return output_.bytes() + (tls_ ? tls_->output().size() - encrypted_sent_ : 0);
}

void Transport::encrypt() {
  std::array<char, kRecordBytes> record;
  while (!output_.empty() && tls_->output().size() < kEncryptedBytesMax) {
    std::array<std::string_view, kPiecesMax> pieces;
    const std::size_t count = output_.pieces(pieces);
    std::size_t filled = 0;
    for (std::size_t at = 0; at < count && filled < record.size(); ++at) {
      filled += pieces[at].copy(record.data() + filled, record.size() - filled);
    }
    output_.consume(filled);
    if (!tls_->send(std::string_view(record.data(), filled))) {
      abort();
      return;
    }
  }
}

void Transport::consumed(std::size_t bytes) {
  host_->counters().bytes_sent.fetch_add(bytes, std::memory_order_relaxed);
  if (!tls_) {
    output_.consume(bytes);
    return;
  }
  encrypted_sent_ += bytes;
  std::string& encrypted = tls_->output();
  if (encrypted_sent_ == encrypted.size()) {
    // Swapped with an empty one, so that an idle connection keeps no buffer.
    std::string().swap(encrypted);
    encrypted_sent_ = 0;
  } else if (encrypted_sent_ >= kEncryptedBytesMax / 2) {
    encrypted.erase(0, encrypted_sent_);
    encrypted_sent_ = 0;
  }
}

/// Sends once. False: the socket takes no more now, or the connection is closed.
bool Transport::send_some() {
  std::array<std::string_view, kPiecesMax> pieces;
  std::size_t count = 1;
  if (tls_) {
    encrypt();
    if (closed_) {
      return false;
    }
    pieces[0] = std::string_view(tls_->output()).substr(encrypted_sent_);
  } else {
    count = output_.pieces(pieces);
  }
  const IoOutcome sent = send_to(readiness_.fd(), std::span(pieces).first(count));
  if (sent.status == IoStatus::Failed) {
    if (side_ == Side::Asking && ready_) {
      give_up_sending();
    } else {
      abort();
    }
    return false;
  }
  if (sent.status == IoStatus::WouldBlock) {
    if (write_deadline_ == Instant::max()) {
      write_deadline_ = std::chrono::steady_clock::now() + host_->timeouts().write;
    }
    if (!waits_to_write_) {
      waits_to_write_ = true;
      readiness_.wait_writable(std::static_pointer_cast<Sink>(shared_from_this()));
    }
    return false;
  }
  // The other side has taken something.
  write_deadline_ = Instant::max();
  consumed(sent.bytes);
  return true;
}

/// The other side takes nothing any more, but may have answered before.
void Transport::give_up_sending() {
  cannot_send_ = true;
  output_.consume(output_.bytes());
  if (tls_) {
    tls_->output().clear();
    encrypted_sent_ = 0;
  }
}

void Transport::flush() {
  while (!closed_) {
    while (unsent() > 0 && send_some()) {
    }
    if (closed_ || unsent() > 0 || ending_ == Ending::None || stopped_) {
      break;
    }
    if (tls_ && !notified_) {
      notified_ = true;
      tls_->close();
      continue;
    }
    stopped_ = true;
    if (ending_ == Ending::StopSending) {
      end_sending(readiness_.fd());
      on_stopped_sending();
    } else {
      abort();
    }
  }
  if (!closed_) {
    on_unsent(unsent());
  }
}

void Transport::end_after_output(Ending ending) {
  ending_ = ending;
  if (stopped_ && ending == Ending::Close) {
    abort();
  }
}

void Transport::check_transport_deadlines(Instant now) {
  if (now >= handshake_deadline_ || now >= write_deadline_) {
    host_->counters().timeouts.fetch_add(1);
    host_->counters().handshakes_failed.fetch_add(now >= handshake_deadline_ ? 1 : 0);
    reset();
  }
}

void Transport::reset() {
  if (!closed_) {
    reset_on_close(readiness_.fd());
    abort();
  }
}

void Transport::abort() {
  if (closed_) {
    return;
  }
  closed_ = true;
  readiness_.close();
  on_closed();
}

}  // namespace reeve::net
