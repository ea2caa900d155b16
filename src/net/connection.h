#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/end_signal.h"
#include "net/http_parser.h"
#include "net/hub.h"
#include "net/origin.h"
#include "net/stream_state.h"
#include "net/transport.h"
#include "net/web_socket_state.h"

namespace reeve::net {

/// One client's connection: requests in, responses out, one after the other.
///
///     Handshake → Reading ⇄ Handling → Streaming → Reading …
///                    └──────────┴──────────┴→ Ending → closed
///
/// Reading collects a request; Handling waits for its answer; Streaming sends a body piece by
/// piece; Ending sends what is left and gives the client a moment to read it. While one request is
/// handled, a bounded part of the next ones is read ahead.
///
/// Network thread.
class Connection final : public Transport {
 public:
  Connection(
      std::shared_ptr<Hub> hub,
      AcceptedSocket accepted,
      std::shared_ptr<const TlsContext> tls,
      std::shared_ptr<Origin> origin
  );
  ~Connection() override;

  void begin() { start(); }

  /// Answers exchange `id`; one that is over is ignored, here and below.
  void answer(std::uint64_t id, Response response);

  /// Answers exchange `id` because nobody did.
  void answer_for_nobody(std::uint64_t id);

  /// Begins a body that is taken from `stream`.
  void stream(std::uint64_t id, ResponseHead head, std::shared_ptr<StreamState> stream);

  /// Switches to the web socket `socket`; `head` is the whole response.
  void upgrade(std::uint64_t id, std::string_view head, std::shared_ptr<WebSocketState> socket);

  /// Does what the stream wants.
  void pump();

  void check_deadlines(Instant now);

  /// Ends when idle; see `Server::drain`.
  void drain();

  /// Ends a stream properly, breaks an unanswered exchange.
  void end();

  Origin& origin() const { return *origin_; }

  /// Its place in the hub.
  std::size_t slot() const { return slot_; }

  void set_slot(std::size_t slot) { slot_ = slot; }

 private:
  enum class Mode { Handshake, Reading, Handling, Streaming, Ending, Closed };
  /// Of `Mode::Reading`: which deadline holds.
  enum class Phase { Idle, Head, Body };

  bool wants_data() const override;
  void on_ready() override;
  void on_data(std::string_view data) override;
  void on_end() override;
  void on_turn() override;
  void on_stopped_sending() override;
  void on_plain_text() override;
  void on_unsent(std::size_t bytes) override;
  void on_closed() override;

  std::size_t parse(std::string_view data);
  void parse_kept_input();
  void update_phase();
  void enter_phase(Phase phase);
  void dispatch();
  void refuse(int status, std::string_view message);
  void write_response(Response response);
  bool begin_exchange_end(std::uint64_t id);
  void finish_response();
  void finish(bool linger);
  void go_on();
  void check_body_progress(Instant now);
  bool output_is_full() const;

  Hub& hub() const { return *hub_; }

  const std::shared_ptr<Hub> hub_;
  const std::shared_ptr<Origin> origin_;
  const std::optional<PeerProcess> peer_process_;
  Mode mode_ = Mode::Handshake;
  Phase phase_ = Phase::Idle;
  Instant deadline_ = Instant::max();
  Parser parser_;
  /// Read ahead while a request is handled.
  std::string input_;
  std::shared_ptr<EndSignal> signal_;
  std::shared_ptr<StreamState> stream_;
  /// Whose output is `stream_`; nullptr: the stream is a response's.
  std::shared_ptr<WebSocketState> socket_;
  std::uint64_t exchange_id_ = 0;
  std::uint64_t body_bytes_before_ = 0;
  /// What the hub counts of the body that is being read.
  std::size_t body_bytes_kept_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::size_t slot_ = 0;
  bool continued_ = false;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool old_client_ = false;
  bool chunked_ = false;
  bool first_request_ = true;
  bool client_ended_ = false;
  /// Inside of a function that goes on by itself with input and output.
  bool busy_ = false;
};

}  // namespace reeve::net
