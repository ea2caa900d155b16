#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/result.h"
#include "base/time.h"
#include "blob/blob_store.h"
#include "host/host.h"
#include "host/launcher.h"
#include "host/worker_pool.h"
#include "model/effect.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// The one thread that knows which runs are in this host's hands. Work on directories goes to the
/// pool and comes back as an Outcome; all that the thread does there itself is to note the reason
/// of a cancellation and to look at locks, neither of which is synced.
class Host::Loop {
 public:
  Loop(HostOptions options, blob::BlobStore& blobs, Sink sink, platform::FileDescriptor data_lock)
      : launcher_(options, blobs),
        sink_(std::move(sink)),
        data_lock_(std::move(data_lock)),
        pool_(std::max<std::size_t>(options.workers, 1)) {}

  Result<void> start();
  bool submit(model::Effect effect);
  void stop();

 private:
  /// What a readable descriptor means, packed into the epoll data beside the number of the run.
  enum class Source : std::uint64_t { Wake = 0, Ready = 1, Ended = 2 };

  enum class Stage { Working, Waiting, Watching };

  /// A run in this host's hands.
  struct Active {
    std::uint64_t number = 0;
    MissionName mission;
    RunName run;
    Fence fence;
    Stage stage = Stage::Working;
    /// Asked for; repeated while the directory is in other hands.
    std::optional<model::LaunchRun> launch;
    std::optional<model::CancelRun> cancel;
    /// A newer fence that waits for this one to end.
    std::optional<model::LaunchRun> successor;
    Watch watch;
    bool started = false;
    /// Whether it is to stand still, if that was asked for, and why.
    std::optional<bool> still;
    std::string still_reason;
    bool term_sent = false;
    Duration kill_at = Duration::max();
    Duration give_up_at = Duration::max();
    Duration wake_at = Duration::max();
  };

  void run();
  void take_effects();
  void take_outcomes();
  void take_wakes();
  void handle(model::LaunchRun request);
  void handle(model::CancelRun request);
  void handle(model::FreezeRun request);
  void handle(model::ThawRun request);
  Active& add(const MissionName& mission, const RunName& run, Fence fence);
  void work(Active& active);
  void conclude(Active& active);
  void dispatch(std::uint64_t number, std::function<Outcome()> work);
  void apply(Active& active, Outcome outcome);
  void watch(Active& active, Watch watch);
  void ask_again(Active& active, const AskAgain& why);
  void finish(Active& active, model::Report report);
  void on_event(std::uint64_t data);
  void on_ready(Active& active);
  void on_wake(Active& active);
  void on_shim_end(Active& active);
  void send_cancel(Active& active);
  Active* find(const RunName& run, const MissionName& mission, Fence fence);
  void set_still(Active& active, bool still, std::string reason);
  void send_still(const Active& active);
  void signal_shim(const Active& active, int signal);
  void report_started(Active& active);
  void wake_at(Active& active, Duration at);
  bool listen(int fd, std::uint64_t number, Source source);
  int poll_timeout() const;
  Active* find(std::uint64_t number);
  void wake();

  Launcher launcher_;
  Sink sink_;
  platform::FileDescriptor data_lock_;
  platform::FileDescriptor epoll_;
  platform::FileDescriptor event_;

  std::mutex mutex_;
  std::deque<model::Effect> effects_;
  std::deque<std::pair<std::uint64_t, Outcome>> outcomes_;
  bool stopping_ = false;

  // Known to the loop's thread only.
  std::map<std::string, Active> actives_;
  std::map<std::uint64_t, Active*> by_number_;
  std::set<std::pair<Duration, std::uint64_t>> wakes_;
  std::uint64_t last_number_ = 0;

  WorkerPool pool_;
  std::thread thread_;
};

}  // namespace reeve::host
