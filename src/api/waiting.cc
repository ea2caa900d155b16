#include "api/waiting.h"

#include <algorithm>
#include <utility>

#include "api/call.h"
#include "api/services.h"
#include "base/strings.h"

namespace reeve::api {

namespace {

/// Reading needs no advice: nothing has happened.
std::string_view advice_for(const Call& call) {
  return call.request().method == "GET"
             ? std::string_view()
             : "; it may still happen: look before sending it again, or use an Idempotency-Key";
}

}  // namespace

resource::Outcome<Duration> request_time(const resource::QueryPairs& query) {
  for (const auto& [name, value] : query) {
    if (name != "timeout" || value.empty()) {
      continue;
    }
    const Result<Duration> asked = parse_duration(value);
    if (!asked) {
      return resource::bad_request(
          concat("invalid timeout specified in the request URL - ", asked.error().describe())
      );
    }
    // As Kubernetes has it: none is the longest.
    return asked->count() == 0 ? kRequestTimeMax : std::min(*asked, kRequestTimeMax);
  }
  return kRequestTimeMax;
}

void begin_waiting(const std::shared_ptr<Call>& call) {
  if (call->waiting != nullptr) {
    return;
  }
  call->waiting = std::make_shared<Waiting>();
  const resource::Outcome<Duration> time = request_time(call->request().query);
  const std::shared_ptr<Waiting> waiting = call->waiting;
  waiting->timer = call->services->server->post_after(time ? *time : kRequestTimeMax, [call] {
    call->waiting->over = true;
    answer(
        call,
        resource::timeout(
            concat("request did not complete within the requested time", advice_for(*call)), {}
        )
    );
  });
  call->exchange->on_disconnect([waiting] {
    waiting->over = true;
    waiting->timer.cancel();
  });
}

bool is_over(const Call& call) {
  return call.waiting != nullptr && call.waiting->over.load();
}

std::shared_ptr<const std::atomic<bool>> withdrawn_of(const Call& call) {
  if (call.waiting == nullptr) {
    return nullptr;
  }
  return {call.waiting, &call.waiting->over};
}

}  // namespace reeve::api
