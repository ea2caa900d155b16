#include <utility>
#include <vector>

#include "api/compat/formicary_events.h"
#include "api/compatible_formicary.h"
#include "api/services.h"
#include "api/streams.h"
#include "api/view/event_tail.h"
#include "base/strings.h"

/// Formicary's web socket for events. A client sends what it wants to hear of, and hears of that
/// from then on.
namespace reeve::api::formicary {

namespace {

constexpr Duration kTickPeriod{15'000};
constexpr std::size_t kEventsAtOnce = 200;
constexpr std::size_t kLaggedBytesMax = std::size_t{512} << 10U;
constexpr std::size_t kSubscriptionsMax = 100;
constexpr std::size_t kMessageBytesMax = std::size_t{64} << 10U;
// RFC 6455, 7.4.1.
constexpr std::uint16_t kGoingAway = 1001;
constexpr std::uint16_t kTryAgainLater = 1013;

/// Follows the missions of a namespace for one client.
class SubscriptionTask final : public StreamTask {
 public:
  SubscriptionTask(CallPtr call, std::string ns, std::shared_ptr<net::WebSocket> socket)
      : call_(std::move(call)),
        ns_(std::move(ns)),
        after_(call_->services->view.revision()),
        socket_(std::move(socket)) {}

  void take(std::string_view message) {
    const Result<Subscription> asked = subscription_of(message);
    if (!asked) {
      refuse(asked.error().describe());
    } else if (subscriptions_.size() == kSubscriptionsMax) {
      refuse(concat("at most ", kSubscriptionsMax, " subscriptions on one connection"));
    } else {
      subscriptions_.push_back(*asked);
    }
  }

  bool concerned(const view::Notice& /*notice*/) const override { return true; }

  bool pump() override {
    const auto matches = [this](const journal::Event& event) {
      return event.object.kind == journal::Kind::Mission && event.object.ns.view() == ns_;
    };
    while (open_) {
      if (socket_->buffered_bytes() > kLaggedBytesMax) {
        return leave("lagged");
      }
      const Result<view::TailPage> page =
          call_->services->view.events().after(after_, matches, kEventsAtOnce);
      if (!page) {
        return leave("events were missed");
      }
      for (const auto& event : page->events) {
        tell(*event);
      }
      after_ = page->through;
      if (!page->more) {
        return true;
      }
    }
    return false;
  }

  void end() override { socket_->close(kGoingAway, "the server stops"); }

  bool tick() override { return open_; }

  void closed() { open_ = false; }

 private:
  void refuse(const std::string& why) {
    Json json = Json::object();
    json.set("message", why);
    open_ = socket_->send({.data = json.dump()}) && open_;
  }

  /// The client comes back, lists, and subscribes again.
  bool leave(std::string_view why) {
    socket_->close(kTryAgainLater, why);
    return false;
  }

  void tell(const journal::Event& event) {
    if (subscriptions_.empty()) {
      return;
    }
    const Result<Json> data = parse_json(event.data);
    const ApiType& missions = call_->services->types.of(Storage::Mission);
    const view::ProjectedPtr now =
        call_->services->view.get(*missions.view, ns_, event.object.name);
    const Json none = Json::object();
    const MissionEvent told{
        .type = event.type,
        .id = std::to_string(event.revision.value()),
        .at = format_timestamp(event.at),
        .name = event.object.name,
        .data = data ? *data : none};
    for (const Subscription& each : subscriptions_) {
      if (!each.job_request_id.empty() && each.job_request_id != event.object.name) {
        continue;
      }
      if (const auto json = lifecycle_event(each.event_type, told, now ? now->object : none)) {
        open_ = socket_->send({.data = json->dump()}) && open_;
      }
    }
  }

  CallPtr call_;
  std::string ns_;
  Revision after_;
  std::shared_ptr<net::WebSocket> socket_;
  std::vector<Subscription> subscriptions_;
  bool open_ = true;
};

}  // namespace

void subscribe(const CallPtr& call, const Words& /*words*/) {
  const std::string ns = namespace_of(call);
  if (!may(call, call->services->types.of(Storage::Mission), "watch", ns)) {
    return;
  }
  net::WebSocketOptions options;
  options.message_bytes_max = kMessageBytesMax;
  const auto socket = call->exchange->upgrade_web_socket(std::move(options));
  if (!socket) {
    answer_invalid(call, socket.error());
    return;
  }
  const auto task = std::make_shared<SubscriptionTask>(call, ns, *socket);
  Streams& streams = *call->services->streams;
  (*socket)->on_message([task](const net::WebSocketMessage& message) { task->take(message.data); });
  (*socket)->on_close([&streams, task](std::uint16_t /*code*/, const std::string& /*reason*/) {
    task->closed();
    streams.remove(task);
  });
  streams.add(task, kTickPeriod);
}

}  // namespace reeve::api::formicary
