#include "cli/run_identities.h"

#include <filesystem>

#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::cli {

namespace {

/// The API opens milliseconds after the host.
constexpr Duration kOpeningTimeMax{10'000};
/// What makes a token worthless is the end of its run; this is for a run whose end nobody hears of.
/// The run's own time says nothing about that: it stands still with its mission.
constexpr Duration kEndless = std::chrono::hours(24 * 366);

}  // namespace

void RunIdentities::opened(
    std::string api, std::string authority_file, std::unique_ptr<RunSockets> sockets
) {
  {
    const std::scoped_lock lock(mutex_);
    api_ = std::move(api);
    authority_file_ = std::move(authority_file);
    sockets_ = std::move(sockets);
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

/// Once it was open, what is known of it stays as it is.
bool RunIdentities::wait_until_open() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kOpeningTimeMax, [this] { return closed_ || !api_.empty(); });
  return !closed_ && !api_.empty();
}

Result<std::optional<host::RunAccess>> RunIdentities::access(const host::NewRun& run) {
  if (!wait_until_open()) {
    return std::optional<host::RunAccess>();
  }
  host::RunAccess access;
  access.api = api_;
  access.authority_file = authority_file_;
  identity::RunClaims claims;
  claims.ns = run.ns;
  claims.mission = model::plain(run.mission);
  claims.run = run.run;
  claims.fence = run.fence;
  claims.agent = run.agent;
  claims.expires = clock_.now() + kEndless;
  claims.socket_only = run.socket == host::SocketUse::Only;
  REEVE_TRY(access.token, tokens_.issue(claims));
  if (run.socket != host::SocketUse::None) {
    REEVE_TRY(access.socket, sockets_->open(run.run, run.fence));
  }
  return std::optional<host::RunAccess>(std::move(access));
}

void RunIdentities::adopted(const RunName& run, Fence fence) {
  if (!wait_until_open()) {
    return;
  }
  if (const auto socket = sockets_->open(run, fence); !socket) {
    tell_(concat("run ", run.view(), " has lost its socket: ", socket.error().describe()));
  }
}

void RunIdentities::ended(const RunName& run, Fence fence) {
  RunSockets* sockets = nullptr;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kOpeningTimeMax, [this] { return closed_ || !api_.empty(); });
    // Also while the server ends: nothing stays behind.
    sockets = sockets_.get();
  }
  if (sockets != nullptr) {
    sockets->close(run, fence);
  }
}

}  // namespace reeve::cli
