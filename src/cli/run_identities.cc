#include "cli/run_identities.h"

#include "model/scoped_name.h"

namespace reeve::cli {

namespace {

/// The API opens milliseconds after the host.
constexpr Duration kOpeningTimeMax{10'000};
/// What makes a token worthless is the end of its run; this is for a run whose end nobody hears of.
constexpr Duration kEndless = std::chrono::hours(24 * 30);
/// Beyond the run's own time: what is done after it, and for its end to be known.
constexpr Duration kMargin = std::chrono::hours(1);

}  // namespace

void RunIdentities::opened(std::string api, std::string authority_file) {
  {
    const std::scoped_lock lock(mutex_);
    api_ = std::move(api);
    authority_file_ = std::move(authority_file);
  }
  changed_.notify_all();
}

void RunIdentities::closed() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

Result<std::optional<host::RunAccess>> RunIdentities::access(
    const Namespace& ns,
    const MissionName& mission,
    const RunName& run,
    Fence fence,
    std::string_view agent,
    Duration timeout
) {
  host::RunAccess access;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kOpeningTimeMax, [this] { return closed_ || !api_.empty(); });
    if (closed_ || api_.empty()) {
      return std::optional<host::RunAccess>();
    }
    access.api = api_;
    access.authority_file = authority_file_;
  }
  identity::RunClaims claims;
  claims.ns = ns;
  claims.mission = model::plain(mission);
  claims.run = run;
  claims.fence = fence;
  claims.agent = agent;
  claims.expires = clock_.now() + (timeout.count() > 0 ? timeout + kMargin : kEndless);
  REEVE_TRY(access.token, tokens_.issue(claims));
  return std::optional<host::RunAccess>(std::move(access));
}

}  // namespace reeve::cli
