#include "gateway/model/delivery.h"

#include <utility>
#include <vector>

#include "base/strings.h"
#include "gateway/model/headers.h"

namespace reeve::gateway::model {

namespace {

constexpr std::string_view kReplayed = "Reeve-Replayed";
constexpr std::size_t kFoundBytesMax = 512;

/// With what is to be redacted replaced.
std::string redacted(const GuardrailSet& set, const BodyFindings& found, std::string_view body) {
  std::string made;
  std::size_t at = 0;
  for (const Finding& finding : found.findings) {
    if (finding.action != GuardrailAction::Redact || finding.at.begin < at) {
      continue;
    }
    made += body.substr(at, finding.at.begin - at);
    made += redaction_of(set, finding.rule);
    at = finding.at.end;
  }
  made += body.substr(at);
  return made;
}

}  // namespace

Delivery::Delivery(std::shared_ptr<net::Exchange> exchange, DeliveryOptions options)
    : exchange_(std::move(exchange)), options_(std::move(options)) {
  kept_whole_ = options_.keep_bytes_max > 0;
}

void Delivery::begin(int status, const net::Headers& headers) {
  status_ = status;
  content_type_ = headers.get("Content-Type");
  form_ = answer_form(content_type_);
  head_.status = status;
  head_.headers = headers_to_client(headers);
  if (!options_.call.empty()) {
    head_.headers.push_back({std::string(kCallIdHeader), options_.call});
  }
  WatchOptions watch;
  watch.form = form_;
  watch.withhold_usage = options_.withhold_usage;
  watch.reserved = options_.reserved;
  if (options_.patterns != nullptr && form_ == AnswerForm::Events) {
    search_.emplace(options_.patterns);
    watch.on_text = [this](std::string_view text) {
      search(text);
    };
  }
  watch_.emplace(options_.operation, std::move(watch));
  if (options_.capture.response != CaptureKind::None) {
    capture_.emplace(options_.capture.response, options_.capture.bytes_max, options_.patterns);
  }
}

/// What of a stream is to be redacted is blocked: it cannot be replaced once half of it is gone.
void Delivery::search(std::string_view text) {
  for (const std::size_t rule : search_->feed(text)) {
    const bool blocks = options_.patterns->action(rule) != GuardrailAction::Report;
    if (found_.size() < kFoundBytesMax) {
      found_ += concat(found_.empty() ? "" : ", ", options_.patterns->name(rule));
    }
    blocked_ = blocked_ || blocks;
  }
}

DeliveryStep Delivery::feed(std::string_view piece) {
  bytes_ += piece.size();
  const bool was_between = watch_->between_events();
  const std::string_view out = watch_->feed(piece);
  if (left_) {
    return DeliveryStep::ClientGone;
  }
  if (capture_) {
    capture_->feed(out);
  }
  if (form_ == AnswerForm::Json) {
    if (alone_ && body_.size() + out.size() > options_.keep_bytes_max) {
      return DeliveryStep::ClientGone;
    }
    if (body_.size() + out.size() > kAnswerBytesMax) {
      return DeliveryStep::TooLarge;
    }
    body_ += out;
    return DeliveryStep::Passed;
  }
  return pass(out, was_between);
}

/// Something in it may not pass: the client is told, where that can be said.
DeliveryStep Delivery::block(bool was_between) {
  if (!began()) {
    respond_with_error(
        exchange_, options_.operation, options_.dialect, blocked_error(), options_.call
    );
    responded_ = true;
  } else if (was_between && stream_ != nullptr) {
    stream_->write(error_event(options_.operation, blocked_error(), passed_events_));
    stream_->close();
  } else {
    stream_.reset();
    responded_ = true;
  }
  left_ = true;
  return DeliveryStep::Blocked;
}

/// Says whether all of it is kept so far.
bool Delivery::keep(std::string_view out) {
  kept_whole_ = kept_whole_ && body_.size() + out.size() <= options_.keep_bytes_max;
  if (kept_whole_) {
    body_ += out;
  } else {
    body_ = std::string();
  }
  return kept_whole_;
}

DeliveryStep Delivery::pass(std::string_view out, bool was_between) {
  if (blocked_) {
    return block(was_between);
  }
  if (!began() && watch_->facts().failed) {
    return DeliveryStep::FailedEarly;
  }
  if (out.empty()) {
    return DeliveryStep::Passed;
  }
  const bool kept = keep(out);
  if (alone_) {
    passed_events_ = watch_->facts().events;
    return kept ? DeliveryStep::Passed : DeliveryStep::ClientGone;
  }
  if (stream_ == nullptr) {
    stream_ = exchange_->start(head_);
    // What it asked is not needed any more.
    exchange_.reset();
    if (stream_ == nullptr) {
      return DeliveryStep::ClientGone;
    }
  }
  passed_events_ = watch_->facts().events;
  if (!stream_->write(std::string(out))) {
    return DeliveryStep::ClientGone;
  }
  return stream_->buffered_bytes() > kUntakenBytesMax ? DeliveryStep::Full : DeliveryStep::Passed;
}

DeliveryStep Delivery::finish(bool clean) {
  const bool was_between = watch_->between_events();
  const std::string_view out = watch_->finish(clean);
  if (left_) {
    return DeliveryStep::ClientGone;
  }
  if (form_ == AnswerForm::Json) {
    body_ += out;
    return clean ? respond() : DeliveryStep::Passed;
  }
  const DeliveryStep step = pass(out, was_between);
  if (step == DeliveryStep::Blocked || step == DeliveryStep::FailedEarly) {
    return step;
  }
  if (clean && kept_whole_) {
    whole_ = std::make_shared<const std::string>(std::move(body_));
  }
  if (step == DeliveryStep::ClientGone) {
    return step;
  }
  if (clean && !alone_) {
    if (stream_ == nullptr) {
      // A stream without a byte is one all the same.
      stream_ = exchange_->start(head_);
    }
    if (stream_ != nullptr) {
      stream_->close();
    }
  }
  return DeliveryStep::Passed;
}

DeliveryStep Delivery::respond() {
  responded_ = true;
  if (options_.patterns != nullptr) {
    const BodyFindings found = search_body(*options_.patterns, body_);
    for (const Finding& finding : found.findings) {
      if (found_.size() < kFoundBytesMax) {
        found_ += concat(found_.empty() ? "" : ", ", options_.patterns->name(finding.rule));
      }
    }
    if (found.action == GuardrailAction::Block) {
      kept_whole_ = false;
      respond_with_error(
          exchange_, options_.operation, options_.dialect, blocked_error(), options_.call
      );
      return DeliveryStep::Blocked;
    }
    if (found.action == GuardrailAction::Redact) {
      body_ = redacted(*options_.patterns, found, body_);
    }
  }
  kept_whole_ = kept_whole_ && body_.size() <= options_.keep_bytes_max;
  const auto whole = std::make_shared<const std::string>(std::move(body_));
  if (kept_whole_) {
    whole_ = whole;
  }
  if (exchange_ != nullptr) {
    net::Response response;
    response.status = head_.status;
    response.headers = std::move(head_.headers);
    response.body = net::Body(whole);
    exchange_->respond(std::move(response));
    exchange_.reset();
  }
  return DeliveryStep::Passed;
}

void Delivery::break_off(const GatewayError& error) {
  if (stream_ == nullptr || left_) {
    return;
  }
  if (watch_->between_events()) {
    stream_->write(error_event(options_.operation, error, watch_->facts().events));
    stream_->close();
  } else {
    // Dropped without an end, so that the client can tell.
    stream_.reset();
    responded_ = true;
  }
}

void Delivery::leave() {
  left_ = true;
  kept_whole_ = false;
  body_ = std::string();
}

bool Delivery::go_on_alone() {
  if (left_ || !kept_whole_) {
    return false;
  }
  alone_ = true;
  exchange_.reset();
  stream_.reset();
  return true;
}

std::optional<WholeAnswer> Delivery::kept() const {
  const AnswerFacts& seen = facts();
  constexpr int kOk = 200;
  if (whole_ == nullptr || status_ != kOk || !seen.complete || seen.failed) {
    return std::nullopt;
  }
  return WholeAnswer{.content_type = content_type_, .body = whole_};
}

GatewayError blocked_error() {
  return {
      .kind = GatewayErrorKind::Guardrail,
      .message = "the answer has something in it that may not pass"};
}

net::Response answer_again(const WholeAnswer& answer, const std::string& call) {
  net::Response response;
  response.headers.push_back({"Content-Type", answer.content_type});
  response.headers.push_back({std::string(kCallIdHeader), call});
  response.headers.push_back({std::string(kReplayed), "true"});
  response.body = answer.body;
  return response;
}

void respond_with_error(
    const std::shared_ptr<net::Exchange>& exchange,
    Operation operation,
    Dialect dialect,
    const GatewayError& error,
    const std::string& call
) {
  if (exchange == nullptr) {
    return;
  }
  ErrorAnswer answer = error_answer(operation, dialect, error);
  net::Response response;
  response.status = answer.status;
  for (auto& [name, value] : answer.headers) {
    response.headers.push_back({std::move(name), std::move(value)});
  }
  if (!call.empty()) {
    response.headers.push_back({std::string(kCallIdHeader), call});
  }
  response.body = std::move(answer.body);
  exchange->respond(std::move(response));
}

}  // namespace reeve::gateway::model
