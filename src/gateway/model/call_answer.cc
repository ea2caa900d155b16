#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/model/call.h"
#include "gateway/model/format/settlement.h"
#include "gateway/model/headers.h"

/// The way of an answer back to the client, and what happens if there is none.
namespace reeve::gateway::model {

namespace {

constexpr int kOk = 200;
constexpr int kMultiple = 300;
constexpr int kBadRequest = 400;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kTooManyRequests = 429;
constexpr int kServerFailed = 500;

/// `retry-after-ms`, or `retry-after` in seconds.
std::optional<Duration> retry_after(const net::Headers& headers) {
  constexpr std::size_t kDigitsMax = 7;
  constexpr std::int64_t kTen = 10;
  const auto number = [&](std::string_view name) -> std::optional<std::int64_t> {
    const std::string_view text = headers.get(name);
    std::int64_t value = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') {
        return std::nullopt;
      }
      value = value * kTen + (c - '0');
    }
    return text.empty() || text.size() > kDigitsMax ? std::optional<std::int64_t>() : value;
  };
  if (const std::optional<std::int64_t> millis = number("retry-after-ms")) {
    return Duration(*millis);
  }
  if (const std::optional<std::int64_t> seconds = number("retry-after")) {
    return Duration(std::chrono::seconds(*seconds));
  }
  return std::nullopt;
}

std::string_view kind_of(const Attempt& attempt) {
  switch (attempt.failure) {
    case AttemptFailure::NoConnection:
      return "connect";
    case AttemptFailure::Timeout:
      return "timeout";
    case AttemptFailure::Broken:
      return "broken";
    case AttemptFailure::BadAnswer:
      return "bad_answer";
    case AttemptFailure::Status:
      break;
  }
  if (attempt.status == kUnauthorized || attempt.status == kForbidden) {
    return "key";
  }
  if (attempt.status == kTooManyRequests) {
    return "rate_limited";
  }
  return attempt.status >= kServerFailed ? "status_5xx" : "status_4xx";
}

Attempt bad_answer() {
  Attempt attempt;
  attempt.stage = AttemptStage::Answered;
  attempt.failure = AttemptFailure::BadAnswer;
  return attempt;
}

GatewayError error_of(const Attempt& attempt, const std::string& provider) {
  constexpr std::int64_t kMillis = 1'000;
  if (attempt.failure == AttemptFailure::Timeout) {
    return {
        .kind = GatewayErrorKind::UpstreamTimeout,
        .message = concat("provider ", provider, " did not answer in time")};
  }
  if (attempt.failure == AttemptFailure::Status && attempt.status == kTooManyRequests) {
    const std::int64_t pause = attempt.retry_after.value_or(Duration(kMillis)).count();
    return {
        .kind = GatewayErrorKind::RateLimited,
        .message = concat("provider ", provider, " takes no more requests at the moment"),
        .retry_after_seconds = static_cast<std::uint32_t>((pause + kMillis - 1) / kMillis)};
  }
  std::string why = "cannot be reached";
  if (attempt.failure == AttemptFailure::Status) {
    why = attempt.status == kUnauthorized || attempt.status == kForbidden
              ? std::string("does not take the key of the gateway")
              : concat("answered with status ", std::uint64_t{attempt.status});
  } else if (attempt.failure != AttemptFailure::NoConnection) {
    why = "did not answer properly";
  }
  return {
      .kind = GatewayErrorKind::UpstreamFailed, .message = concat("provider ", provider, " ", why)};
}

}  // namespace

// --- what comes ---------------------------------------------------------------------------------

void Call::on_head(int status, const net::Headers& headers) {
  first_byte_ = context_.ports.elapsed() - sent_at_;
  context_.metrics.first_byte(candidate().provider->name, first_byte_);
  if (status < kOk || status >= kMultiple) {
    error_status_ = status;
    error_headers_ = headers;
    return;
  }
  if (phase_ == Phase::Sent) {
    phase_ = Phase::Answering;
  }
  const RequestScan& scan = order_.scan;
  DeliveryOptions options;
  options.operation = order_.target.operation;
  options.dialect = order_.target.dialect;
  options.call = reservation_;
  options.reserved = worst_;
  options.withhold_usage =
      options.operation == Operation::ChatCompletions && scan.stream && !scan.include_usage;
  options.patterns = candidate().route->response_patterns;
  options.capture = candidate().route->capture;
  if (!keeps_bodies()) {
    options.capture.response = CaptureKind::None;
  }
  if (order_.cache_key) {
    options.keep_bytes_max = AnswerCacheLimits{}.answer_bytes_max;
  }
  if (order_.reply_key) {
    options.keep_bytes_max = kReplyBytesMax;
  }
  delivery_.emplace(order_.exchange, std::move(options));
  delivery_->begin(status, headers);
  if (gone_ && (!carried_ || !delivery_->go_on_alone())) {
    delivery_->leave();
  }
}

void Call::on_data(std::string_view data) {
  const std::shared_ptr<Call> self = shared_from_this();
  if (error_status_ != 0) {
    error_cut_ = error_cut_ || error_body_.size() + data.size() > kErrorBytesMax;
    if (!error_cut_) {
      error_body_ += data;
    }
    return;
  }
  const bool had_begun = delivery_->began();
  const DeliveryStep step = delivery_->feed(data);
  if (!had_begun && delivery_->stream() != nullptr) {
    // Nothing is tried again from here on: what it asked is not needed any more.
    order_.exchange.reset();
    order_.splices = {};
    delivery_->stream()->on_close([weak = weak_from_this()] {
      if (const std::shared_ptr<Call> call = weak.lock()) {
        call->client_gone();
      }
    });
  }
  if (phase_ != Phase::Done) {
    on_step(step);
  }
  count_carried();
}

void Call::on_step(DeliveryStep step) {
  switch (step) {
    case DeliveryStep::Passed:
      return;
    case DeliveryStep::Full: {
      if (paused_ || upstream_ == nullptr) {
        return;
      }
      paused_ = true;
      upstream_->pause();
      delivery_->stream()->on_drained(kUntakenBytesLow, [weak = weak_from_this(), at = attempt_] {
        const std::shared_ptr<Call> self = weak.lock();
        if (self != nullptr && self->attempt_ == at && self->upstream_ != nullptr) {
          self->paused_ = false;
          self->upstream_->resume();
        }
      });
      return;
    }
    case DeliveryStep::ClientGone:
      if (phase_ == Phase::Draining && delivery_->bytes() > kDrainBytesMax) {
        cut("its client has gone");
      } else if (carried_) {
        drain();
      } else {
        client_gone();
      }
      return;
    case DeliveryStep::Blocked:
      tell_attached(blocked_error());
      cut("a guardrail has stopped it");
      return;
    case DeliveryStep::FailedEarly:
      failed(
          bad_answer(), "bad_answer", concat("the answer is an error: ", delivery_->facts().error)
      );
      return;
    case DeliveryStep::TooLarge:
      failed(bad_answer(), "bad_answer", "the answer is larger than is taken");
      return;
  }
}

void Call::on_end() {
  const std::shared_ptr<Call> self = shared_from_this();
  if (error_status_ != 0) {
    refused_by_provider();
  } else if (delivery_) {
    answered();
  }
}

void Call::on_error(net::ClientStage stage, const Error& error) {
  const std::shared_ptr<Call> self = shared_from_this();
  if (phase_ == Phase::Draining || (delivery_ && delivery_->began())) {
    cut(error.message);
    return;
  }
  if (error_status_ != 0) {
    error_cut_ = true;
    refused_by_provider();
    return;
  }
  Attempt attempt;
  attempt.stage = AttemptStage::Sent;
  if (stage == net::ClientStage::Connect) {
    attempt.stage = AttemptStage::Connecting;
  } else if (delivery_) {
    attempt.stage = AttemptStage::Answered;
  }
  attempt.failure = AttemptFailure::Broken;
  if (error.code == ErrorCode::DeadlineExceeded) {
    attempt.failure = AttemptFailure::Timeout;
  } else if (stage == net::ClientStage::Connect) {
    attempt.failure = AttemptFailure::NoConnection;
  } else if (error.code == ErrorCode::Invalid || error.code == ErrorCode::LimitExceeded) {
    attempt.failure = AttemptFailure::BadAnswer;
  }
  failed(attempt, kind_of(attempt), error.message);
}

// --- what becomes of it -------------------------------------------------------------------------

void Call::answered() {
  over_ = true;
  const DeliveryStep step = delivery_->finish(true);
  if (step == DeliveryStep::FailedEarly) {
    over_ = false;
    on_step(step);
    return;
  }
  const AnswerFacts& facts = delivery_->facts();
  const bool good = facts.complete && !facts.failed;
  const std::uint32_t status = static_cast<std::uint32_t>(delivery_->status());
  const Settlement settlement = model::settle(
      facts,
      worst_,
      {.status = status,
       .clean = true,
       .may_hide_output = candidate().model->reasoning || order_.scan.thinking}
  );
  if (step == DeliveryStep::Blocked) {
    tell_attached(blocked_error());
  } else {
    keep_answer();
  }
  if (!delivery_->found().empty()) {
    context_.log.warn(
        "guardrails have found something in an answer",
        {{"call", reservation_}, {"found", delivery_->found()}}
    );
  }
  context_.metrics.duration(candidate().provider->name, context_.ports.elapsed() - sent_at_);
  const std::string_view outcome = gone_ && !carried_ ? "cut" : settlement.outcome;
  settle(settlement, status);
  leave_provider(good ? Breaker::Outcome::Success : Breaker::Outcome::Failure);
  finish(step == DeliveryStep::Blocked ? "blocked" : outcome);
}

void Call::refused_by_provider() {
  Attempt attempt;
  attempt.stage = AttemptStage::Sent;
  attempt.failure = AttemptFailure::Status;
  attempt.status = static_cast<std::uint32_t>(error_status_);
  attempt.retry_after = retry_after(error_headers_);
  attempt.final = error_headers_.get("x-should-retry") == "false" ||
                  error_body_.find("\"insufficient_quota\"") != std::string::npos;
  failed(
      attempt,
      kind_of(attempt),
      error_status_ < kBadRequest
          ? "the provider sends us elsewhere, and we do not follow"
          : concat("the provider answered with status ", std::uint64_t{attempt.status})
  );
}

void Call::failed(const Attempt& attempt, std::string_view kind, const std::string& message) {
  const std::shared_ptr<Call> self = shared_from_this();
  const Provider& provider = *candidate().provider;
  const std::size_t left = order_.choice.candidates.size() - index_ - 1;
  const RetryDecision decision = decide_retry(
      candidate().route->retries,
      attempt,
      {.retries = retries_,
       .candidates_left = static_cast<std::uint32_t>(left),
       .time_left = time_left()},
      context_.chance()
  );
  context_.failed(*candidate().route, provider, kind);
  context_.log.warn(
      "a provider of models has not answered",
      {{"call", reservation_.empty() ? order_.stem : reservation_},
       {"provider", Context::provider_key(*candidate().route, provider)},
       {"kind", kind},
       {"reason", message}}
  );
  if (upstream_ != nullptr) {
    upstream_->cancel();
  }
  settle_attempt(decision.charge, attempt.status);
  leave_provider(decision.breaker);
  // What still comes of it belongs to nobody.
  ++attempt_;
  if (is_alone()) {
    finish("cut");
    return;
  }
  switch (decision.action) {
    case RetryAction::PassOn:
      if (pass_on()) {
        return;
      }
      give_up(attempt);
      return;
    case RetryAction::GiveUp:
      give_up(attempt);
      return;
    case RetryAction::Next:
      ++index_;
      [[fallthrough]];
    case RetryAction::Again:
      ++retries_;
      phase_ = Phase::Waiting;
      after(decision.pause, &Call::try_candidate);
      return;
  }
}

void Call::give_up(const Attempt& attempt) {
  // A provider whose own account is empty says so in words that make clients stop.
  if (attempt.final && attempt.status == kTooManyRequests && pass_on()) {
    return;
  }
  refuse(error_of(attempt, candidate().provider->name), "failed");
}

/// The provider's own words, unless there is something in them that is ours.
bool Call::pass_on() {
  if (error_status_ < kBadRequest || error_status_ == kUnauthorized ||
      error_status_ == kForbidden || error_cut_ || order_.exchange == nullptr) {
    return false;
  }
  const Provider& provider = *candidate().provider;
  if (!provider.credential.empty()) {
    const Result<const Secret*> key =
        context_.keys.find(Namespace(candidate().route->ns), provider.credential);
    if (!key || error_body_.find((*key)->view()) != std::string::npos) {
      return false;
    }
  }
  net::Response response;
  response.status = error_status_;
  response.headers = headers_to_client(error_headers_);
  response.body = std::make_shared<const std::string>(std::move(error_body_));
  for (const std::shared_ptr<net::Exchange>& each : std::exchange(attached_, {})) {
    each->respond(response);
  }
  order_.exchange->respond(std::move(response));
  finish("refused");
  return true;
}

/// Ends a call whose answer has begun, or whose end nobody waits for.
void Call::cut(const std::string& message) {
  const std::shared_ptr<Call> self = shared_from_this();
  over_ = true;
  const bool ours = (gone_ && !carried_) || phase_ == Phase::Draining;
  if (upstream_ != nullptr) {
    upstream_->cancel();
  }
  ++attempt_;
  const bool may_hide = candidate().model->reasoning || order_.scan.thinking;
  if (delivery_ && delivery_->has_head()) {
    delivery_->finish(false);
    delivery_->break_off(
        {.kind = GatewayErrorKind::UpstreamFailed,
         .message = "the answer of the provider broke off"}
    );
    const std::uint32_t status = static_cast<std::uint32_t>(delivery_->status());
    settle(
        model::settle(
            delivery_->facts(),
            worst_,
            {.status = status, .clean = false, .may_hide_output = may_hide}
        ),
        status
    );
  } else {
    settle_attempt(AttemptCharge::Unknown, 0);
  }
  context_.log.info(
      "an answer of a model was cut",
      {{"call", order_.stem}, {"provider", candidate().provider->name}, {"reason", message}}
  );
  leave_provider(ours ? Breaker::Outcome::Neither : Breaker::Outcome::Failure);
  if (order_.exchange != nullptr && !gone_) {
    respond_with_error(
        order_.exchange,
        order_.target.operation,
        order_.target.dialect,
        {.kind = GatewayErrorKind::UpstreamFailed, .message = "the call was ended"}
    );
  }
  finish("cut");
}

}  // namespace reeve::gateway::model
