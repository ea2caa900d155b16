#include "gateway/model/call.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "gateway/model/call_sink.h"
#include "gateway/model/upstream.h"

namespace reeve::gateway::model {

namespace {

/// A pause with some of it left to chance, so that those who wait do not come back together.
Duration with_chance(Duration pause, double chance) {
  constexpr double kLeast = 0.75;
  constexpr double kSpread = 0.5;
  const double scaled = static_cast<double>(pause.count()) * (kLeast + kSpread * chance);
  return Duration(std::max<std::int64_t>(1, static_cast<std::int64_t>(scaled)));
}

std::uint32_t seconds_up(Duration time) {
  constexpr std::int64_t kMillis = 1'000;
  return static_cast<std::uint32_t>((time.count() + kMillis - 1) / kMillis);
}

bool is_unknown_to_meter(const Error& error) {
  return error.code == ErrorCode::NotFound || error.code == ErrorCode::IllegalTransition;
}

/// What somebody is told whom the meter does not know, or not any more.
GatewayError meter_error(const Error& error) {
  if (is_unknown_to_meter(error)) {
    return {.kind = GatewayErrorKind::Forbidden, .message = error.message};
  }
  return {
      .kind = GatewayErrorKind::Busy,
      .message = concat("the call cannot be metered: ", to_string(error.code)),
      .retry_after_seconds = 1};
}

}  // namespace

Call::Call(Context& context, CallOrder order, OnDone done)
    : context_(context), order_(std::move(order)), done_(std::move(done)) {
  began_ = context_.ports.elapsed();
}

Duration Call::time_left() const {
  return std::max(Duration(0), total_ - (context_.ports.elapsed() - began_ - waited_));
}

void Call::after(Duration delay, void (Call::*then)()) {
  cancel_wait_ = context_.ports.after(delay, [weak = weak_from_this(), then] {
    if (const std::shared_ptr<Call> self = weak.lock()) {
      self->cancel_wait_ = nullptr;
      (self.get()->*then)();
    }
  });
}

void Call::start() {
  const std::shared_ptr<Call> self = shared_from_this();
  context_.metrics.in_flight(1);
  order_.exchange->on_disconnect([weak = weak_from_this()] {
    if (const std::shared_ptr<Call> call = weak.lock()) {
      call->client_gone();
    }
  });
  if (phase_ == Phase::Done) {
    return;
  }
  const CapturePolicy& capture = candidate().route->capture;
  if (metered() && capture.request != CaptureKind::None) {
    BodyCapture body(capture.request, capture.bytes_max, candidate().route->request_patterns);
    body.feed(order_.exchange->request().body);
    request_ = body.finish();
  }
  total_ = candidate().provider->timeouts.total;
  try_candidate();
}

void Call::try_candidate() {
  const std::shared_ptr<Call> self = shared_from_this();
  if (is_alone()) {
    finish("cut");
    return;
  }
  delivery_.reset();
  error_status_ = 0;
  error_body_.clear();
  error_cut_ = false;
  const RouteModel& model = *candidate().model;
  const Result<WorstCase> worst = worst_case(
      order_.target.operation,
      order_.scan,
      model.bounds,
      order_.scan.output_limit() ? std::optional<std::uint64_t>() : model.output_limit
  );
  if (!worst) {
    if (index_ + 1 < order_.choice.candidates.size()) {
      ++index_;
      try_candidate();
      return;
    }
    const std::string& hint = worst.error().hint;
    refuse(
        {.kind = GatewayErrorKind::Unbounded,
         .message = concat(worst.error().message, hint.empty() ? "" : "; ", hint)},
        "refused"
    );
    return;
  }
  worst_ = *worst;
  worst_cost_ = worst_cost(model.prices, worst_);
  if (metered()) {
    reserve();
  } else {
    queue();
  }
}

// --- the meter ----------------------------------------------------------------------------------

void Call::reserve() {
  phase_ = Phase::Reserving;
  MeterRequest request;
  request.ns = order_.caller.ns;
  request.mission = order_.caller.mission;
  request.run = order_.caller.run;
  request.agent = order_.caller.agent;
  request.principal = order_.caller.principal.str();
  request.route = candidate().route->name;
  request.provider = candidate().provider->name;
  request.model = candidate().upstream_name;
  request.input_tokens = worst_.input_tokens;
  request.output_tokens = worst_.output_tokens;
  request.cost = worst_cost_;
  request.currency = candidate().route->currency;
  // The reservation outlives a call that is stopped meanwhile: whoever finds nobody gives it back.
  context_.meter.reserve(
      std::move(request),
      order_.stem,
      order_.caller.correlation,
      [weak = weak_from_this(),
       &context = context_,
       ns = order_.caller.ns,
       correlation = order_.caller.correlation](const MeterReply& reply) {
        const std::shared_ptr<Call> self = weak.lock();
        if (self != nullptr && self->phase_ == Phase::Reserving) {
          self->on_meter(reply);
        } else if (reply.granted()) {
          context.meter.refund(ns, reply.call, "nobody waits any more", correlation);
        }
      }
  );
}

void Call::on_meter(const MeterReply& reply) {
  reservation_ = reply.call;
  if (reply.granted()) {
    if (is_alone()) {
      settle_attempt(AttemptCharge::Nothing, 0);
      finish("cut");
      return;
    }
    queue();
    return;
  }
  if (is_alone()) {
    finish("cut");
  } else if (reply.error) {
    context_.log.warn(
        "a call of a model cannot be metered", {{"call", order_.stem}, {"error", *reply.error}}
    );
    // Who waits for the call of somebody who is over asks in a name of their own.
    const bool not_theirs = gone_ && is_unknown_to_meter(*reply.error);
    refuse(not_theirs ? reply_not_kept() : meter_error(*reply.error), "refused");
  } else if (reply.action == "pause" || reply.action == "queue") {
    wait_for_quota(reply);
  } else if (reply.action == "downgrade") {
    downgrade(reply);
  } else {
    refuse({.kind = GatewayErrorKind::BudgetExhausted, .message = reply.message}, "limited");
  }
}

/// A mission that is held stands still: its call is answered when the limit is raised.
void Call::wait_for_quota(const MeterReply& reply) {
  const bool held = reply.action == "pause";
  const Duration most = held ? kHeldWaitMax : kQueueWaitMax;
  const Duration wanted = held ? held_poll_ : std::max(reply.retry_after, kHeldPoll);
  if (waited_ + wanted > most) {
    const GatewayErrorKind kind = held ? GatewayErrorKind::Held : GatewayErrorKind::RateLimited;
    refuse(
        {.kind = kind,
         .message = reply.message,
         .retry_after_seconds = held ? 0 : std::max(1U, seconds_up(reply.retry_after))},
        "limited"
    );
    return;
  }
  phase_ = Phase::Waiting;
  const Duration pause = with_chance(wanted, context_.chance());
  held_poll_ = std::min(held_poll_ * 2, kHeldPollMax);
  waited_ += pause;
  after(pause, &Call::try_candidate);
}

/// A cheaper model, once.
void Call::downgrade(const MeterReply& reply) {
  if (!order_.facts.downgrade) {
    order_.facts.downgrade = true;
    order_.facts.scan = &order_.scan;
    Choice choice = choose(order_.routes, order_.facts, context_.states(true), order_.seed);
    if (!choice.refusal) {
      order_.choice = std::move(choice);
      index_ = 0;
      try_candidate();
      return;
    }
  }
  refuse({.kind = GatewayErrorKind::BudgetExhausted, .message = reply.message}, "limited");
}

// --- to the provider ----------------------------------------------------------------------------

void Call::queue() {
  phase_ = Phase::Queued;
  const Candidate& asked = candidate();
  const std::uint64_t attempt = ++attempt_;
  Places::Cancel cancel = context_.places.take(
      Context::provider_key(*asked.route, *asked.provider),
      asked.provider->concurrency,
      std::min(kPlaceWaitMax, time_left()),
      [weak = weak_from_this(), attempt](Places::PlacePtr place) {
        const std::shared_ptr<Call> self = weak.lock();
        if (self == nullptr || self->phase_ != Phase::Queued || self->attempt_ != attempt) {
          return;
        }
        self->cancel_wait_ = nullptr;
        if (place == nullptr) {
          self->no_place();
          return;
        }
        self->place_ = std::move(place);
        self->send();
      }
  );
  if (phase_ == Phase::Queued && attempt_ == attempt) {
    cancel_wait_ = std::move(cancel);
  }
}

void Call::no_place() {
  settle_attempt(AttemptCharge::Nothing, 0);
  context_.metrics.upstream_error(candidate().provider->name, "busy");
  if (index_ + 1 < order_.choice.candidates.size()) {
    ++index_;
    try_candidate();
    return;
  }
  refuse(
      {.kind = GatewayErrorKind::Busy,
       .message = concat("no place was free at provider ", candidate().provider->name),
       .retry_after_seconds = 1},
      "failed"
  );
}

std::shared_ptr<const std::string> Call::body_to_send() const {
  const RequestScan& scan = order_.scan;
  const RouteModel& model = *candidate().model;
  RequestEdits edits;
  if (candidate().upstream_name != scan.model) {
    edits.model = candidate().upstream_name;
  }
  edits.ask_for_usage = true;
  if (!scan.output_limit()) {
    edits.output_limit = model.output_limit;
    edits.output_limit_member = model.output_limit_member;
  }
  edits.splices = order_.splices;
  const std::string& asked = order_.exchange->request().body;
  std::optional<std::string> edited = edit_request(order_.target.operation, asked, scan, edits);
  // What is sent as it came is not copied: it lives as long as its exchange does.
  return edited ? std::make_shared<const std::string>(std::move(*edited))
                : std::shared_ptr<const std::string>(order_.exchange, &asked);
}

void Call::send() {
  if (gone_ && !carried_ && !carry()) {
    settle_attempt(AttemptCharge::Nothing, 0);
    place_.reset();
    refuse(reply_not_kept(), "cut");
    return;
  }
  const Candidate& asked = candidate();
  const Provider& provider = *asked.provider;
  permit_ = context_.ask(*asked.route, provider);
  if (!permit_.granted) {
    failed({}, "breaker", "the provider does not work at the moment");
    return;
  }
  const Secret* key = nullptr;
  if (!provider.credential.empty()) {
    const Result<const Secret*> found =
        context_.keys.find(Namespace(asked.route->ns), provider.credential);
    if (!found) {
      leave_provider(Breaker::Outcome::Neither);
      failed({}, "key", concat("the key of the provider: ", found.error().message));
      return;
    }
    key = *found;
  }
  Result<net::ClientRequest> request = make_upstream_request(
      {.provider = provider,
       .operation = order_.target.operation,
       .from = order_.exchange->request(),
       .body = body_to_send(),
       .key = key,
       .time_left = std::max(Duration(1), time_left())}
  );
  if (!request) {
    leave_provider(Breaker::Outcome::Neither);
    failed({}, "address", request.error().describe());
    return;
  }
  phase_ = Phase::Sent;
  sent_at_ = context_.ports.elapsed();
  first_byte_ = Duration(0);
  paused_ = false;
  upstream_ = context_.ports.send(
      std::move(*request),
      std::make_shared<Sink>(weak_from_this(), attempt_),
      provider.allow_private
  );
}

// --- the end ------------------------------------------------------------------------------------

void Call::refuse(const GatewayError& error, std::string_view outcome) {
  respond_with_error(
      order_.exchange, order_.target.operation, order_.target.dialect, error, reservation_
  );
  tell_attached(error);
  finish(outcome);
}

void Call::settle(Settlement settlement, std::uint32_t status) {
  if (reservation_.empty()) {
    return;
  }
  const Prices& prices = candidate().model->prices;
  const bool unknown = settlement.outcome == "unknown";
  const Usage& usage = settlement.usage;
  const Money cost = settled_cost(prices, settlement, worst_);
  const Duration now = context_.ports.elapsed();
  Json end = Json::object();
  end.set("outcome", settlement.outcome);
  end.set("status", std::uint64_t{status});
  end.set("inputTokens", usage.input).set("outputTokens", usage.output);
  end.set("cacheReadTokens", usage.cache_read);
  end.set("cacheWriteTokens", usage.cache_write + usage.cache_write_long);
  end.set("cost", cost.text());
  end.set("durationMs", (now - sent_at_).count()).set("firstByteMs", first_byte_.count());
  if (delivery_ && delivery_->has_head()) {
    constexpr std::size_t kReasonBytesMax = 100;
    const AnswerFacts& facts = delivery_->facts();
    if (!facts.stop_reason.empty() && facts.stop_reason.size() <= kReasonBytesMax) {
      end.set("stopReason", facts.stop_reason);
    }
    constexpr std::uint32_t kToolCallsMax = 100'000;
    end.set("toolCalls", std::uint64_t{std::min(facts.tool_calls, kToolCallsMax)});
  }
  if (!request_.digest.empty()) {
    end.set("requestDigest", request_.digest);
  }
  keep_bodies();
  if (delivery_ && delivery_->has_head() && delivery_->facts().usage_faults != 0) {
    context_.log.warn(
        "what a provider says of its usage cannot be right",
        {{"call", reservation_},
         {"provider", candidate().provider->name},
         {"faults", describe_usage_faults(delivery_->facts().usage_faults)}}
    );
  }
  context_.metrics.used(
      {.provider = candidate().provider->name,
       .model = candidate().model->name,
       .input = unknown ? worst_.input_tokens : usage.input,
       .output = unknown ? worst_.output_tokens : usage.output,
       .cache_read = usage.cache_read,
       .cache_write = usage.cache_write + usage.cache_write_long,
       .cost = cost,
       .currency = candidate().route->currency}
  );
  context_.meter.settle(
      order_.caller.ns, std::exchange(reservation_, {}), std::move(end), order_.caller.correlation
  );
}

bool Call::keeps_bodies() const {
  const CapturePolicy& policy = candidate().route->capture;
  return context_.ports.keep &&
         (policy.request == CaptureKind::Body || policy.response == CaptureKind::Body);
}

/// What was said, where the route wants it kept: redacted, and nowhere else.
void Call::keep_bodies() {
  if (!keeps_bodies()) {
    return;
  }
  const auto shown = [](const Captured& captured) {
    Json made = Json::object();
    made.set("bytes", captured.size_bytes).set("sha256", captured.digest);
    if (!captured.text.empty()) {
      made.set("body", captured.text).set("cut", captured.cut);
    }
    return made;
  };
  Json line = Json::object();
  line.set("at", format_timestamp(context_.ports.now())).set("call", reservation_);
  line.set("run", order_.caller.run).set("route", candidate().route->name);
  line.set("provider", candidate().provider->name).set("model", candidate().upstream_name);
  line.set("operation", to_string(order_.target.operation)).set("request", shown(request_));
  if (delivery_) {
    line.set("response", shown(delivery_->captured()));
  }
  const Result<void> kept = context_.ports.keep(order_.caller.ns, line.dump());
  if (!kept) {
    context_.log.warn(
        "what a call has said is not kept", {{"call", reservation_}, {"error", kept.error()}}
    );
  }
}

void Call::settle_attempt(AttemptCharge charge, std::uint32_t status) {
  switch (charge) {
    case AttemptCharge::Nothing:
      if (!reservation_.empty()) {
        context_.meter.refund(
            order_.caller.ns,
            std::exchange(reservation_, {}),
            "nothing was sent",
            order_.caller.correlation
        );
      }
      return;
    case AttemptCharge::Refused:
      settle({.outcome = "refused", .usage = {}}, status);
      return;
    case AttemptCharge::Unknown:
      settle({.outcome = "unknown", .usage = {}}, status);
      return;
  }
}

/// The provider may have somebody else now.
void Call::leave_provider(Breaker::Outcome outcome) {
  upstream_.reset();
  place_.reset();
  const Breaker::Permit permit = std::exchange(permit_, {});
  if (permit.granted) {
    context_.report(*candidate().route, *candidate().provider, permit, outcome);
  }
}

void Call::finish(std::string_view outcome) {
  if (phase_ == Phase::Done) {
    return;
  }
  const std::shared_ptr<Call> self = shared_from_this();
  phase_ = Phase::Done;
  if (cancel_wait_) {
    std::exchange(cancel_wait_, nullptr)();
  }
  leave_provider(Breaker::Outcome::Neither);
  end_carrying();
  tell_attached({.kind = GatewayErrorKind::UpstreamFailed, .message = "the call was ended"});
  context_.metrics.in_flight(-1);
  context_.metrics.request(candidate().route->name, to_string(order_.target.operation), outcome);
  order_.exchange.reset();
  if (done_) {
    std::exchange(done_, nullptr)(*this);
  }
}

void Call::stop() {
  const std::shared_ptr<Call> self = shared_from_this();
  switch (phase_) {
    case Phase::Reserving:
    case Phase::Waiting:
    case Phase::Done:
      break;
    case Phase::Queued:
      settle_attempt(AttemptCharge::Nothing, 0);
      break;
    case Phase::Sent:
    case Phase::Answering:
    case Phase::Draining:
      cut("the server stops");
      return;
  }
  refuse(
      {.kind = GatewayErrorKind::Busy, .message = "the server stops", .retry_after_seconds = 1},
      "failed"
  );
}

}  // namespace reeve::gateway::model
