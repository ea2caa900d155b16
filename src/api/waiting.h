#pragma once

#include <atomic>
#include <memory>

#include "base/time.h"
#include "net/server.h"
#include "resource/query.h"
#include "resource/status.h"

namespace reeve::api {

struct Call;

/// A request waits at most so long for others, the kernel mostly; `?timeout=` can shorten it.
inline constexpr Duration kRequestTimeMax{60'000};

/// A request that waits until somebody else is done. Whoever would begin something for it looks
/// first whether anybody still wants that.
struct Waiting {
  /// It was answered with 504 because its time had passed, or its client has gone. Any thread.
  std::atomic<bool> over = false;
  /// Network thread.
  net::TimerHandle timer;
};

/// How long the request may take. BadRequest: `timeout` is no duration.
resource::Outcome<Duration> request_time(const resource::QueryPairs& query);

/// From now on the request has a deadline, and the end of its client is noticed. Once is enough.
/// Network thread.
void begin_waiting(const std::shared_ptr<Call>& call);

/// Whether nobody wants the answer any more. Any thread.
bool is_over(const Call& call);

/// For the kernel: becomes true when nobody wants the answer any more; null: somebody always does.
std::shared_ptr<const std::atomic<bool>> withdrawn_of(const Call& call);

}  // namespace reeve::api
