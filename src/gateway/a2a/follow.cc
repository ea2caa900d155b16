#include <utility>

#include "base/strings.h"
#include "gateway/a2a/a2a_gateway.h"
#include "gateway/a2a/call.h"

/// Those who wait for a task, and those who are told of it. A task that is followed is looked at
/// again and again: that costs a lookup in memory.
namespace reeve::gateway::a2a {

namespace {

std::string state_of(const api::view::Projected& mission) {
  const Json* status = mission.object.find("status");
  return status == nullptr ? std::string() : status->get_string("state");
}

/// One that waits, for as long as it is there.
class Follower : public std::enable_shared_from_this<Follower> {
 public:
  Follower(CallPtr call, std::string task)
      : call_(std::move(call)),
        task_(std::move(task)),
        place_(call_->shared->places.take(call_->request.principal.str())) {}

  virtual ~Follower() = default;

  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  void look() {
    if (call_->shared->closed) {
      return;
    }
    const api::view::ProjectedPtr mission = find_task(*call_, task_);
    if (mission == nullptr) {
      gone();
      return;
    }
    if (take(*mission)) {
      return;
    }
    waited_ += kLookPeriod;
    (void)call_->shared->services.server.post_after(kLookPeriod, [self = shared_from_this()] {
      self->look();
    });
  }

 protected:
  /// Whether there is nothing more to wait for.
  virtual bool take(const api::view::Projected& mission) = 0;
  /// The task was deleted.
  virtual void gone() = 0;

  /// Otherwise one look has to do.
  bool may_stay() const { return place_ != nullptr; }

  CallPtr call_;
  std::string task_;
  std::shared_ptr<void> place_;
  Duration waited_{0};
};

class Waiter final : public Follower {
 public:
  Waiter(CallPtr call, std::string task, Duration limit, bool wrapped)
      : Follower(std::move(call), std::move(task)), limit_(limit), wrapped_(wrapped) {
    call_->request.exchange->on_disconnect([gone = gone_] { *gone = true; });
  }

 private:
  bool take(const api::view::Projected& mission) override {
    if (*gone_) {
      return true;
    }
    if (!is_over(state_of(mission)) && waited_ < limit_ && may_stay()) {
      return false;
    }
    Json task = task_of(mission.object);
    call_->caller.answer(wrapped_ ? Json::object().set("task", std::move(task)) : std::move(task));
    return true;
  }

  void gone() override { call_->caller.fail(task_not_found(task_)); }

  Duration limit_;
  bool wrapped_;
  /// The client went away.
  std::shared_ptr<bool> gone_ = std::make_shared<bool>(false);
};

class Teller final : public Follower {
 public:
  Teller(CallPtr call, std::string task, std::shared_ptr<net::Stream> stream)
      : Follower(std::move(call), std::move(task)), stream_(std::move(stream)) {}

 private:
  bool take(const api::view::Projected& mission) override {
    if (mission.revision != seen_) {
      seen_ = mission.revision;
      for (const Json& event : progress_.next(mission.object)) {
        quiet_ = Duration(0);
        if (!stream_->write(call_->caller.event(event))) {
          return true;
        }
      }
    }
    if (is_over(state_of(mission)) || !may_stay()) {
      stream_->close();
      return true;
    }
    quiet_ += kLookPeriod;
    if (quiet_ >= kKeepAlive) {
      quiet_ = Duration(0);
      (void)stream_->write(std::string(": still here\n\n"));
    }
    return !stream_->open();
  }

  void gone() override { stream_->close(); }

  std::shared_ptr<net::Stream> stream_;
  Progress progress_;
  Revision seen_;
  Duration quiet_{0};
};

}  // namespace

bool may_follow(const Call& call) {
  if (call.shared->places.has_room(call.request.principal.str())) {
    return true;
  }
  call.caller.fail(fault_of(make_error(
      ErrorCode::LimitExceeded,
      "too many requests wait for tasks or are told of them; returnImmediately needs no place"
  )));
  return false;
}

void answer_when_over(const CallPtr& call, const std::string& task, Duration limit, bool wrapped) {
  std::make_shared<Waiter>(call, task, limit, wrapped)->look();
}

void stream_task(const CallPtr& call, const std::string& task) {
  if (std::shared_ptr<net::Stream> stream = call->caller.stream()) {
    std::make_shared<Teller>(call, task, std::move(stream))->look();
  }
}

}  // namespace reeve::gateway::a2a
