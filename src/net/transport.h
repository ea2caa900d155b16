#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/output_queue.h"
#include "net/sockets.h"
#include "net/tls_session.h"
#include "net/transport_host.h"

namespace reeve::net {

/// One socket: bytes in, bytes out, with or without TLS, without knowing what they say.
/// `Connection` says it for those that were accepted, `ClientConnection` for those that were
/// dialed.
///
/// Input is pushed to `on_data` as long as `wants_data`. Output waits in `output()` and leaves with
/// `flush`, at the latest when the socket takes it. Network thread.
class Transport : public Readiness::Sink, public std::enable_shared_from_this<Transport> {
 public:
  /// Which end of the connection this is: who asks begins with TLS.
  enum class Side { Answering, Asking };

  /// `tls`: nullptr: none.
  Transport(
      std::shared_ptr<TransportHost> host,
      Side side,
      AcceptedSocket socket,
      std::unique_ptr<TlsSession> tls
  );
  ~Transport() override;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Closes without a word. What was not sent is lost.
  void abort();

  const std::string& peer() const { return peer_; }

  const std::string& peer_address() const { return peer_address_; }

 protected:
  /// How the connection ends once its output is sent.
  enum class Ending { None, StopSending, Close };

  virtual bool wants_data() const = 0;
  /// TLS is ready, or not used.
  virtual void on_ready() = 0;
  virtual void on_data(std::string_view data) = 0;
  /// The other side sends no more.
  virtual void on_end() = 0;
  /// Input was handled, or output was sent after it had to wait: calls `flush` and `read_on`.
  virtual void on_turn() = 0;

  /// `Ending::StopSending` was reached.
  virtual void on_stopped_sending() {}

  /// The other side speaks plainly where TLS is spoken; so do we from now on. Answering only.
  virtual void on_plain_text() {}

  /// How much waits to be sent has changed.
  virtual void on_unsent(std::size_t /*bytes*/) {}

  /// The connection was not made, with this `errno`; it is closed next. Asking only.
  virtual void on_refused(int /*code*/) {}

  /// It is closed. Once.
  virtual void on_closed() = 0;

  /// Begins with TLS, or at once.
  void start();

  /// As `start`, as soon as the connection that is under way is made.
  void start_when_connected();

  OutputQueue& output() { return output_; }

  bool tls() const { return tls_ != nullptr; }

  const std::shared_ptr<const ClientCertificate>& client_certificate() const {
    return client_certificate_;
  }

  bool closed() const { return closed_; }

  /// Output, plain and encrypted.
  std::size_t unsent() const;

  /// Whether the other side still takes something. Asking only: others are closed.
  bool can_send() const { return !cannot_send_; }

  /// Sends what the system takes.
  void flush();

  /// Waits for input if it is wanted.
  void read_on();

  /// How `flush` goes on when everything is sent. A stop can become a close later.
  void end_after_output(Ending ending);

  /// As `abort`, but tells the other side that something is missing.
  void reset();

  void check_transport_deadlines(Instant now);

  /// Whether the connection or the handshake of TLS is still to be completed.
  bool in_handshake() const { return !ready_; }

  /// Whether the end of the other side's bytes is surely theirs, which without TLS it always is.
  bool end_is_genuine() const { return tls_ == nullptr || tls_ended_; }

  /// Why TLS has failed; "": it has not.
  std::string_view tls_failure() const { return tls_ ? tls_->failure() : std::string_view(); }

  void on_readable() final;
  void on_writable() final;

 private:
  void finish_connecting();
  void receive_encrypted(std::string_view records);
  void become_ready();
  bool is_plain_text(std::string_view first_bytes);
  void fail_handshake();
  void encrypt();
  bool send_some();
  void give_up_sending();
  void consumed(std::size_t bytes);

  const std::shared_ptr<TransportHost> host_;
  const Side side_;
  const std::string peer_;
  const std::string peer_address_;
  Readiness readiness_;
  std::unique_ptr<TlsSession> tls_;
  std::shared_ptr<const ClientCertificate> client_certificate_;
  OutputQueue output_;
  /// Of the encrypted output, bytes already sent.
  std::size_t encrypted_sent_ = 0;
  Instant handshake_deadline_ = Instant::max();
  Instant write_deadline_ = Instant::max();
  Ending ending_ = Ending::None;
  bool connecting_ = false;
  bool ready_ = false;
  /// The other side has ended TLS properly.
  bool tls_ended_ = false;
  bool sniffed_ = false;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  bool peer_ended_ = false;
  /// close_notify is in the output.
  bool notified_ = false;
  /// What waits to be sent is dropped.
  bool cannot_send_ = false;
  /// Everything is sent, and the other side knows it.
  bool stopped_ = false;
  bool closed_ = false;
};

}  // namespace reeve::net
