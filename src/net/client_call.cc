#include "net/client_call.h"

#include <algorithm>
#include <utility>

#include "base/secret.h"
#include "base/strings.h"
#include "net/client_connection.h"
#include "net/client_hub.h"
#include "net/client_request.h"

namespace reeve::net {

namespace {

/// A stale connection shows within a round trip. What is closed later may have been at work.
constexpr Duration kStaleWithin{2'000};

Instant after(Duration time) {
  return time == Duration(0) ? Instant::max() : std::chrono::steady_clock::now() + time;
}

void move_on(Instant& instant, Instant::duration by) {
  if (instant != Instant::max()) {
    instant += by;
  }
}

}  // namespace

LiveCall::LiveCall(
    std::shared_ptr<ClientHub> hub, ClientRequest request, std::shared_ptr<ResponseSink> sink
)
    : hub_(std::move(hub)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      total_end_(after(request_.deadlines.total)) {
  // Shared from now on: it is sent, and perhaps sent again, without a copy.
  body_ = request_.body.view().empty() ? nullptr : request_.body.release();
}

LiveCall::~LiveCall() {
  forget_request();
}

/// What was asked is not sent again: its body only takes room, and there may be a key in its
/// fields.
void LiveCall::forget_request() {
  body_.reset();
  for (Header& header : request_.headers) {
    wipe(header.value);
  }
  request_.headers.clear();
}

void LiveCall::enter(Stage stage, Duration time) {
  stage_ = stage;
  stage_end_ = after(time);
  attempt_end_ = Instant::max();
  if (paused_) {
    paused_at_ = std::chrono::steady_clock::now();
  }
  update_deadline();
}

void LiveCall::update_deadline() {
  hub_->set_deadline(
      *this, paused_ || done() ? Instant::max() : std::min({stage_end_, attempt_end_, total_end_})
  );
}

void LiveCall::begin_connecting() {
  addresses_.clear();
  next_address_ = 0;
  problem_ = make_error(ErrorCode::Unavailable, "there is no address to connect to");
  enter(Stage::Connecting, request_.deadlines.connect);
}

void LiveCall::set_addresses(std::vector<std::string> addresses) {
  addresses_ = std::move(addresses);
}

const std::string* LiveCall::next_address() {
  if (next_address_ == addresses_.size()) {
    return nullptr;
  }
  attempt_end_ = Instant::max();
  const std::size_t left = addresses_.size() - next_address_;
  if (left > 1 && stage_end_ != Instant::max()) {
    const Instant now = std::chrono::steady_clock::now();
    attempt_end_ = now + (stage_end_ - now) / static_cast<int>(left);
  }
  update_deadline();
  return &addresses_[next_address_++];
}

void LiveCall::note(Error error) {
  // That an address is not allowed says less than why an allowed one does not answer.
  if (error.code != ErrorCode::PermissionDenied || next_address_ <= 1) {
    problem_ = std::move(error);
  }
}

bool LiveCall::may_retry(const ClientConnection& connection) const {
  return stage_ == Stage::Sent && !retried_ && request_.retry_stale && connection.reused() &&
         !connection.has_read() && std::chrono::steady_clock::now() < sent_at_ + kStaleWithin;
}

void LiveCall::on_sent() {
  retried_ = sent_;
  sent_ = true;
  sent_at_ = std::chrono::steady_clock::now();
  enter(Stage::Sent, request_.deadlines.first_byte);
}

void LiveCall::on_head(int status, Headers headers) {
  enter(Stage::Answering, request_.deadlines.idle);
  forget_request();
  const std::shared_ptr<ResponseSink> sink = sink_;
  sink->on_head(status, std::move(headers));
}

void LiveCall::on_data(std::string_view data) {
  enter(Stage::Answering, request_.deadlines.idle);
  const std::shared_ptr<ResponseSink> sink = sink_;
  sink->on_data(data);
}

void LiveCall::on_end() {
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  leave();
  sink->on_end();
}

void LiveCall::fail(Error error) {
  if (done()) {
    return;
  }
  ClientStage stage = ClientStage::Connect;
  if (stage_ == Stage::Answering) {
    stage = ClientStage::Answer;
  } else if (sent_) {
    stage = ClientStage::Sent;
  }
  if (error.subject.empty()) {
    error.subject = describe(request_.endpoint);
  }
  hub_->count_failure();
  leave();
  // A cancel until then still takes the sink away.
  hub_->loop()->post([self = shared_from_this(), stage, error = std::move(error)] {
    if (const std::shared_ptr<ResponseSink> sink = std::move(self->sink_)) {
      sink->on_error(stage, error);
    }
  });
}

void LiveCall::drop() {
  // Destroyed at the end: it may own whatever leads back here.
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  leave();
}

/// Nothing more happens with it.
void LiveCall::leave() {
  if (done()) {
    return;
  }
  const std::shared_ptr<LiveCall> self = shared_from_this();
  stage_ = Stage::Done;
  update_deadline();
  if (const std::shared_ptr<ClientConnection> connection = connection_.lock()) {
    connection_.reset();
    connection->leave(*this);
  }
  hub_->forget(self);
}

void LiveCall::cancel() {
  drop();
}

void LiveCall::pause() {
  if (!done() && !paused_) {
    paused_ = true;
    paused_at_ = std::chrono::steady_clock::now();
    update_deadline();
  }
}

void LiveCall::resume() {
  if (done() || !paused_) {
    return;
  }
  paused_ = false;
  const Instant::duration lost = std::chrono::steady_clock::now() - paused_at_;
  move_on(stage_end_, lost);
  move_on(attempt_end_, lost);
  move_on(total_end_, lost);
  update_deadline();
  if (const std::shared_ptr<ClientConnection> connection = connection_.lock()) {
    connection->resume();
  }
}

void LiveCall::on_deadline() {
  const std::shared_ptr<LiveCall> self = shared_from_this();
  const Instant now = std::chrono::steady_clock::now();
  if (now < total_end_ && now < stage_end_) {
    // The next address gets its share.
    attempt_end_ = Instant::max();
    update_deadline();
    if (const std::shared_ptr<ClientConnection> connection = connection_.lock()) {
      connection->give_up("it did not answer in time");
    }
    return;
  }
  const ClientDeadlines& times = request_.deadlines;
  std::string what;
  if (now >= total_end_) {
    what = concat("the answer was not complete within ", format_duration(times.total));
  } else if (stage_ == Stage::Connecting) {
    what = concat("there was no connection within ", format_duration(times.connect));
  } else if (stage_ == Stage::Sent) {
    what = concat("there was no answer within ", format_duration(times.first_byte));
  } else {
    what = concat("the answer did not go on within ", format_duration(times.idle));
  }
  fail(make_error(ErrorCode::DeadlineExceeded, std::move(what)));
}

void CallHandle::run(void (LiveCall::*step)()) {
  const std::shared_ptr<Loop>& loop = call_->hub()->loop();
  if (loop->on_thread()) {
    (call_.get()->*step)();
  } else {
    loop->post([call = call_, step] { (call.get()->*step)(); });
  }
}

}  // namespace reeve::net
