#include "net/connection.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/strings.h"
#include "net/live_exchange.h"
#include "net/response.h"

namespace reeve::net {

namespace {

/// Bodies up to this size are sent together with their head; longer ones beside it, uncopied.
constexpr std::size_t kJoinedBodyBytesMax = std::size_t{4} << 10;
/// Output that waits before further requests of the connection are handled.
constexpr std::size_t kOutputBytesMax = std::size_t{1} << 20;
/// What a client may still send after its last response before it is cut off.
constexpr std::size_t kLingerBytesMax = std::size_t{16} << 20;

ParserLimits parser_limits(const ServerLimits& limits, std::size_t body_bytes_max) {
  return ParserLimits{
      .request_line_bytes_max = limits.request_line_bytes_max,
      .header_bytes_max = limits.header_bytes_max,
      .headers_max = limits.headers_max,
      .body_bytes_max = body_bytes_max};
}

}  // namespace

Connection::Connection(
    std::shared_ptr<Hub> hub,
    AcceptedSocket accepted,
    std::shared_ptr<const TlsContext> tls,
    std::shared_ptr<Origin> origin
)
    : Transport(
          hub,
          Side::Answering,
          std::move(accepted),
          tls ? std::make_unique<TlsSession>(std::move(tls)) : nullptr
      ),
      hub_(std::move(hub)),
      origin_(std::move(origin)),
      peer_process_(accepted.peer_process),
      parser_(parser_limits(hub_->limits(), hub_->connection_limits().body_bytes_max)) {}

Connection::~Connection() = default;

bool Connection::output_is_full() const {
  return unsent() > kOutputBytesMax;
}

bool Connection::wants_data() const {
  switch (mode_) {
    case Mode::Handshake:
    case Mode::Ending:
      return true;
    case Mode::Reading:
      return !output_is_full();
    case Mode::Handling:
    case Mode::Streaming:
      return input_.size() < std::max<std::size_t>(hub().limits().pipeline_bytes_max, 1);
    case Mode::Closed:
      break;
  }
  return false;
}

void Connection::on_ready() {
  mode_ = Mode::Reading;
  enter_phase(Phase::Idle);
}

void Connection::on_plain_text() {
  mode_ = Mode::Reading;
  refuse(400, "this port speaks HTTPS");
}

void Connection::on_data(std::string_view data) {
  if (mode_ == Mode::Ending) {
    lingered_bytes_ += data.size();
    if (lingered_bytes_ > kLingerBytesMax) {
      abort();
    }
    return;
  }
  if (const std::shared_ptr<WebSocketState> socket = socket_) {
    socket->receive(data);
    return;
  }
  busy_ = true;
  if (mode_ == Mode::Reading && input_.empty()) {
    data.remove_prefix(parse(data));
  }
  if (mode_ != Mode::Ending && mode_ != Mode::Closed) {
    input_.append(data);
  }
  busy_ = false;
}

/// Reads requests and has them handled, as long as each is answered at once. Returns how much of
/// `data` was used.
std::size_t Connection::parse(std::string_view data) {
  std::size_t taken = 0;
  while (mode_ == Mode::Reading && taken < data.size() && !output_is_full()) {
    taken += parser_.feed(data.substr(taken));
    if (parser_.failed()) {
      refuse(parser_.failure().status, parser_.failure().message);
    } else if (parser_.complete()) {
      dispatch();
    }
  }
  if (!hub().keep_body(parser_.body_bytes_kept(), body_bytes_kept_) && mode_ == Mode::Reading) {
    refuse(503, "too many requests are being read: ask again");
  }
  if (mode_ == Mode::Reading) {
    if (parser_.head_complete() && parser_.expects_continue() && !continued_) {
      continued_ = true;
      output().append("HTTP/1.1 100 Continue\r\n\r\n");
    }
    update_phase();
  }
  return taken;
}

void Connection::parse_kept_input() {
  if (input_.empty()) {
    return;
  }
  const std::string data = std::move(input_);
  input_.clear();
  const std::size_t taken = parse(data);
  if (mode_ != Mode::Ending && mode_ != Mode::Closed) {
    input_.assign(data, taken);
  }
}

void Connection::update_phase() {
  const Phase phase = parser_.idle()            ? Phase::Idle
                      : parser_.head_complete() ? Phase::Body
                                                : Phase::Head;
  if (phase != phase_) {
    enter_phase(phase);
  }
}

void Connection::enter_phase(Phase phase) {
  const ServerLimits& limits = hub().limits();
  const Instant now = std::chrono::steady_clock::now();
  // A new connection has one deadline for its first byte and the rest of the head.
  const bool same_deadline = first_request_ && phase_ == Phase::Idle && phase == Phase::Head &&
                             deadline_ != Instant::max();
  phase_ = phase;
  switch (phase) {
    case Phase::Idle:
      deadline_ = now + (first_request_ ? limits.head_timeout : limits.idle_timeout);
      break;
    case Phase::Head:
      deadline_ = same_deadline ? deadline_ : now + limits.head_timeout;
      break;
    case Phase::Body:
      deadline_ = now + limits.body_timeout;
      body_bytes_before_ = parser_.body_bytes_seen();
      break;
  }
}

void Connection::dispatch() {
  ParsedRequest parsed = parser_.take();
  mode_ = Mode::Handling;
  deadline_ = Instant::max();
  first_request_ = false;
  continued_ = false;
  keep_alive_ = parsed.keep_alive;
  old_client_ = parsed.version_minor == 0;
  head_only_ = parsed.method == "HEAD";
  ++exchange_id_;
  signal_ = std::make_shared<EndSignal>(hub().loop());
  Request request{
      .method = std::move(parsed.method),
      .target = std::move(parsed.raw_target),
      .path = std::move(parsed.target.path),
      .query = std::move(parsed.target.query),
      .host = std::move(parsed.host),
      .version_minor = parsed.version_minor,
      .headers = std::move(parsed.headers),
      .body = std::move(parsed.body),
      .peer = peer(),
      .peer_process = peer_process_,
      .listener_tag = origin_->tag,
      .tls = tls(),
      .client_certificate = client_certificate(),
      .received_at = std::chrono::steady_clock::now()};
  hub().counters().requests.fetch_add(1, std::memory_order_relaxed);
  hub().handle(std::make_shared<LiveExchange>(
      std::move(request),
      hub_,
      std::static_pointer_cast<Connection>(shared_from_this()),
      exchange_id_,
      signal_
  ));
}

void Connection::refuse(int status, std::string_view message) {
  hub().counters().refused.fetch_add(1);
  head_only_ = parser_.method() == "HEAD";
  old_client_ = false;
  keep_alive_ = false;
  write_response(hub().refuse(status, message));
  // The client may still be sending what was refused: it needs a moment to read the answer.
  finish(true);
}

void Connection::write_response(Response response) {
  const std::string problem =
      problem_of_head(response.status, response.headers, response.body.view().size());
  if (!problem.empty()) {
    hub().counters().responses_invalid.fetch_add(1);
    response = Response{
        .status = 500,
        .headers = {Header{.name = "Content-Type", .value = "text/plain; charset=utf-8"}},
        .body = "the answer to this request could not be sent\n"};
  }
  keep_alive_ = keep_alive_ && !response.close_connection && !hub().draining();
  const std::string_view body = response.body.view();
  std::string text;
  text.reserve(256 + (body.size() <= kJoinedBodyBytesMax ? body.size() : 0));
  append_head(
      text,
      HeadText{
          .status = response.status,
          .headers = response.headers,
          .framing = is_bodiless(response.status) ? BodyFraming::None : BodyFraming::Length,
          .content_length = body.size(),
          .close_connection = !keep_alive_,
          .date = hub().date()}
  );
  if (!head_only_ && body.size() <= kJoinedBodyBytesMax) {
    text.append(body);
  }
  output().append(text);
  if (!head_only_ && body.size() > kJoinedBodyBytesMax) {
    output().add(response.body.release());
  }
}

/// Whether exchange `id` is the one that is being handled; if so, nobody waits for its end any
/// more.
bool Connection::begin_exchange_end(std::uint64_t id) {
  if (mode_ != Mode::Handling || id != exchange_id_) {
    return false;
  }
  signal_->drop();
  signal_.reset();
  return true;
}

void Connection::answer(std::uint64_t id, Response response) {
  if (begin_exchange_end(id)) {
    write_response(std::move(response));
    finish_response();
  }
}

void Connection::answer_for_nobody(std::uint64_t id) {
  if (mode_ == Mode::Handling && id == exchange_id_) {
    answer(id, hub().refuse(500, "the request was not answered"));
  }
}

void Connection::stream(std::uint64_t id, ResponseHead head, std::shared_ptr<StreamState> stream) {
  if (!begin_exchange_end(id)) {
    stream->end();
    return;
  }
  keep_alive_ = keep_alive_ && !head.close_connection && !hub().draining() && !old_client_;
  const bool bodiless = head_only_ || is_bodiless(head.status);
  chunked_ = !bodiless && !old_client_;
  BodyFraming framing = old_client_ ? BodyFraming::Close : BodyFraming::Chunked;
  framing = is_bodiless(head.status) ? BodyFraming::None : framing;
  std::string text;
  append_head(
      text,
      HeadText{
          .status = head.status,
          .headers = head.headers,
          .framing = framing,
          .close_connection = !keep_alive_,
          .date = hub().date()}
  );
  output().append(text);
  if (bodiless) {
    stream->end();
    finish_response();
    return;
  }
  mode_ = Mode::Streaming;
  stream_ = std::move(stream);
  if (client_ended_) {
    // Nobody would ever tell that the reader of an endless stream is gone.
    reset();
    return;
  }
  pump();
}

void Connection::upgrade(
    std::uint64_t id, std::string_view head, std::shared_ptr<WebSocketState> socket
) {
  if (!begin_exchange_end(id)) {
    socket->output()->end();
    return;
  }
  keep_alive_ = false;
  chunked_ = false;
  mode_ = Mode::Streaming;
  stream_ = socket->output();
  socket_ = std::move(socket);
  output().append(head);
  if (client_ended_) {
    reset();
    return;
  }
  pump();
}

void Connection::pump() {
  if (mode_ != Mode::Streaming) {
    return;
  }
  StreamState::Work work = stream_->take_work();
  if (work.broken) {
    reset();
    return;
  }
  for (std::shared_ptr<const std::string>& piece : work.pieces) {
    if (chunked_) {
      output().append(chunk_line(piece->size()));
    }
    if (piece->size() <= kJoinedBodyBytesMax / 4) {
      output().append(*piece);
    } else {
      output().add(std::move(piece));
    }
    if (chunked_) {
      output().append("\r\n");
    }
  }
  if (!work.closed) {
    go_on();
    return;
  }
  if (chunked_) {
    output().append("0\r\n\r\n");
  }
  const std::shared_ptr<StreamState> ended = std::move(stream_);
  socket_.reset();
  finish_response();
  ended->end();
}

void Connection::finish_response() {
  if (!keep_alive_ || hub().draining()) {
    // A client that knows that this is the end sends nothing more; others may be doing so.
    finish(true);
  } else {
    mode_ = Mode::Reading;
    enter_phase(Phase::Idle);
  }
  go_on();
}

void Connection::finish(bool linger) {
  mode_ = Mode::Ending;
  deadline_ = Instant::max();
  std::string().swap(input_);
  end_after_output(linger && !client_ended_ ? Ending::StopSending : Ending::Close);
}

/// Goes on with input that was kept and output that waits, unless the caller does.
void Connection::go_on() {
  if (busy_ || closed()) {
    return;
  }
  do {
    busy_ = true;
    if (mode_ == Mode::Reading) {
      parse_kept_input();
    }
    if (socket_ && !input_.empty()) {
      // Frames that came right behind the handshake.
      const std::string data = std::exchange(input_, {});
      socket_->receive(data);
    }
    if (mode_ == Mode::Reading && client_ended_ && input_.empty()) {
      finish(false);
    }
    busy_ = false;
    flush();
    // Requests stay in the input while too much output waits, which the flush may have changed.
  } while (mode_ == Mode::Reading && !input_.empty() && !output_is_full());
  read_on();
}

void Connection::on_turn() {
  go_on();
}

void Connection::on_end() {
  client_ended_ = true;
  switch (mode_) {
    case Mode::Handshake:
    case Mode::Reading:
      go_on();
      break;
    case Mode::Handling: {
      const std::shared_ptr<EndSignal> signal = signal_;
      signal->fire();
      break;
    }
    case Mode::Streaming:
      reset();
      break;
    case Mode::Ending:
      end_after_output(Ending::Close);
      break;
    case Mode::Closed:
      break;
  }
}

void Connection::on_stopped_sending() {
  deadline_ = std::chrono::steady_clock::now() + hub().limits().linger_timeout;
}

void Connection::on_unsent(std::size_t bytes) {
  if (stream_) {
    stream_->set_unsent(bytes);
  }
}

void Connection::on_closed() {
  mode_ = Mode::Closed;
  std::string().swap(input_);
  hub().keep_body(0, body_bytes_kept_);
  hub().remove(*this);
  if (const std::shared_ptr<EndSignal> signal = std::move(signal_)) {
    signal->fire();
  }
  socket_.reset();
  if (const std::shared_ptr<StreamState> stream = std::move(stream_)) {
    stream->end();
  }
}

void Connection::check_body_progress(Instant now) {
  if (parser_.body_bytes_seen() - body_bytes_before_ >= hub().limits().body_progress_bytes_min) {
    body_bytes_before_ = parser_.body_bytes_seen();
    deadline_ = now + hub().limits().body_timeout;
    return;
  }
  hub().counters().timeouts.fetch_add(1);
  refuse(408, "the body of the request came too slowly");
}

void Connection::check_deadlines(Instant now) {
  check_transport_deadlines(now);
  if (socket_) {
    socket_->check(now);
  }
  if (closed() || now < deadline_) {
    return;
  }
  if (mode_ == Mode::Ending) {
    abort();
    return;
  }
  if (phase_ == Phase::Idle) {
    finish(false);
  } else if (phase_ == Phase::Body) {
    check_body_progress(now);
  } else {
    hub().counters().timeouts.fetch_add(1);
    refuse(408, "the head of the request came too slowly");
  }
  flush();
}

void Connection::drain() {
  if (in_handshake() || (mode_ == Mode::Reading && phase_ == Phase::Idle && input_.empty())) {
    finish(false);
    flush();
  }
}

void Connection::end() {
  if (mode_ == Mode::Streaming) {
    keep_alive_ = false;
    if (socket_) {
      socket_->close(kCloseGoingAway, "the server ends");
    }
    stream_->close();
    pump();
  } else if (mode_ != Mode::Ending) {
    abort();
  }
}

}  // namespace reeve::net
