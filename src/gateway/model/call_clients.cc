#include <utility>

#include "gateway/model/call.h"

/// The clients of a call: those that go, and those that wait for a reply that others have asked
/// for.
namespace reeve::gateway::model {

GatewayError reply_not_kept() {
  return {
      .kind = GatewayErrorKind::Busy,
      .message = "the reply is under way, and cannot be kept for another request",
      .retry_after_seconds = 1};
}

void Call::client_gone() {
  const std::shared_ptr<Call> self = shared_from_this();
  if (over_ || phase_ == Phase::Done) {
    return;
  }
  gone_ = true;
  left_alone();
}

/// Its client has gone, or one of those that wait for its end.
void Call::left_alone() {
  switch (phase_) {
    case Phase::Reserving:
      // The meter's answer is waited for.
    case Phase::Draining:
    case Phase::Done:
      return;
    case Phase::Queued:
    case Phase::Waiting:
      if (is_alone()) {
        settle_attempt(AttemptCharge::Nothing, 0);
        finish("cut");
      }
      return;
    case Phase::Sent:
    case Phase::Answering:
      if (gone_ && !carried_ && !carry()) {
        drain();
      }
      return;
  }
}

void Call::attach(std::shared_ptr<net::Exchange> exchange) {
  net::Exchange& asking = *exchange;
  attached_.push_back(std::move(exchange));
  asking.on_disconnect([weak = weak_from_this(), &asking] {
    if (const std::shared_ptr<Call> call = weak.lock()) {
      call->detach(&asking);
    }
  });
}

void Call::detach(const net::Exchange* exchange) {
  const std::shared_ptr<Call> self = shared_from_this();
  std::erase_if(attached_, [exchange](const auto& each) { return each.get() == exchange; });
  left_alone();
}

/// Goes on without a client, if it can be asked for again and there is room.
bool Call::carry() {
  if (!order_.reply_key || context_.carried.calls >= kCarriedMax ||
      (delivery_ && !delivery_->go_on_alone())) {
    return false;
  }
  carried_ = true;
  ++context_.carried.calls;
  if (paused_ && upstream_ != nullptr) {
    paused_ = false;
    upstream_->resume();
  }
  count_carried();
  watch_mission();
  return true;
}

/// Nobody asks again for a mission that has ended.
void Call::watch_mission() {
  if (order_.caller.mission.empty() || !carried_) {
    return;
  }
  cancel_watch_ = context_.ports.after(kCarriedLook, [weak = weak_from_this()] {
    const std::shared_ptr<Call> call = weak.lock();
    if (call == nullptr || !call->carried_) {
      return;
    }
    call->cancel_watch_ = nullptr;
    const CallOrder& order = call->order_;
    if (is_mission_over(
            call->context_.ports, order.caller.ns, order.caller.mission, order.mission_uid
        )) {
      call->drain();
    } else {
      call->watch_mission();
    }
  });
}

void Call::count_carried() {
  if (!carried_ || phase_ == Phase::Done || !delivery_) {
    return;
  }
  const std::size_t held = delivery_->held_bytes();
  context_.carried.bytes += held - carried_bytes_;
  carried_bytes_ = held;
  if (context_.carried.bytes > kCarriedBytesMax) {
    drain();
  }
}

void Call::end_carrying() {
  if (cancel_watch_) {
    std::exchange(cancel_watch_, nullptr)();
  }
  if (carried_) {
    carried_ = false;
    --context_.carried.calls;
    context_.carried.bytes -= std::exchange(carried_bytes_, 0);
  }
}

void Call::tell_attached(const GatewayError& error) {
  for (const std::shared_ptr<net::Exchange>& each : std::exchange(attached_, {})) {
    respond_with_error(each, order_.target.operation, order_.target.dialect, error, reservation_);
  }
}

/// What the provider still says is read for a while, to know what is to be paid.
void Call::drain() {
  if (phase_ != Phase::Sent && phase_ != Phase::Answering) {
    // It is between two attempts: nothing is to be paid.
    settle_attempt(AttemptCharge::Nothing, 0);
    tell_attached(reply_not_kept());
    finish("cut");
    return;
  }
  phase_ = Phase::Draining;
  end_carrying();
  tell_attached(reply_not_kept());
  if (delivery_) {
    delivery_->leave();
  }
  order_.exchange.reset();
  if (paused_ && upstream_ != nullptr) {
    paused_ = false;
    upstream_->resume();
  }
  if (!metered()) {
    cut("its client has gone");
    return;
  }
  cancel_wait_ = context_.ports.after(kDrainTime, [weak = weak_from_this()] {
    if (const std::shared_ptr<Call> call = weak.lock()) {
      call->cancel_wait_ = nullptr;
      call->cut("its client has gone");
    }
  });
}

/// For those who wait for it, and for those who ask again.
void Call::keep_answer() {
  std::optional<WholeAnswer> kept = delivery_->kept();
  if (!kept) {
    return;
  }
  for (const std::shared_ptr<net::Exchange>& each : std::exchange(attached_, {})) {
    each->respond(answer_again(*kept, reservation_));
  }
  if (order_.reply_key) {
    context_.replies.put(
        *order_.reply_key,
        {.question = order_.question,
         .call = reservation_,
         .mission = order_.caller.mission,
         .mission_uid = order_.mission_uid,
         .answer = *kept}
    );
  }
  if (order_.cache_key) {
    context_.cache.put(
        *order_.cache_key, std::move(*kept), context_.ports.now(), candidate().route->cache_ttl
    );
  }
}

}  // namespace reeve::gateway::model
