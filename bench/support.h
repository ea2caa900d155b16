#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

#include "kernel/loop.h"
#include "platform/posix/system.h"
#include "store/sqlite/sqlite_store.h"
#include "workflow/load/load.h"

/// What the kernel benchmarks share: a kernel on a real disk, percentiles, the raw limits of that
/// disk measured in the same run.
namespace reeve::bench {

using SteadyClock = std::chrono::steady_clock;

inline double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

/// Ends the benchmark with a message; benchmarks have no other way to handle errors.
template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().describe().c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

inline void must(Result<void> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().describe().c_str());
    std::exit(1);
  }
}

/// The p-quantile (0…1) of `samples`, which get sorted.
inline double quantile(std::vector<double>& samples, double p) {
  if (samples.empty()) {
    return 0;
  }
  std::sort(samples.begin(), samples.end());
  return samples[std::min(
      samples.size() - 1, static_cast<std::size_t>(p * static_cast<double>(samples.size()))
  )];
}

/// Resident memory of this process, bytes.
inline std::size_t resident_bytes() {
  std::size_t pages = 0;
  std::size_t resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file != nullptr) {
    if (std::fscanf(file, "%zu %zu", &pages, &resident) != 2) {
      resident = 0;
    }
    std::fclose(file);
  }
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A new directory for one run of a benchmark; removed at the end.
class ScratchDir {
 public:
  explicit ScratchDir(const std::string& parent) {
    std::string pattern = parent + "/reeve-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      std::perror(pattern.c_str());
      std::exit(1);
    }
    path_ = pattern;
  }

  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// Median of one fdatasync after a 4 KiB append, seconds: what the disk charges for durability.
inline double fdatasync_median(const ScratchDir& dir) {
  const int fd = ::open(dir.file("sync").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  const std::string block(4096, 'x');
  std::vector<double> samples;
  for (int i = 0; i < 300; ++i) {
    const auto start = SteadyClock::now();
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) {
      std::perror("fdatasync");
      std::exit(1);
    }
    samples.push_back(seconds_since(start));
  }
  ::close(fd);
  return quantile(samples, 0.5);
}

/// A kernel on a SQLite file, with effects that go nowhere.
class Kernel {
 public:
  explicit Kernel(const std::string& path, std::uint32_t run_slots = 16)
      : store_(must(store::SqliteStore::open(path))) {
    kernel::LoopOptions options;
    options.core.instance = "bench";
    options.core.loader = [](std::string_view source
                          ) -> Result<std::shared_ptr<const workflow::Workflow>> {
      workflow::Loaded loaded = workflow::load(source);
      if (!loaded.ok()) {
        return loaded.first_error();
      }
      return loaded.workflow;
    };
    options.core.limits.run_slots = run_slots;
    options.queue_max = 65'536;
    auto clock = std::make_shared<platform::SystemClock>();
    options.now = [clock] {
      return clock->now();
    };
    loop_ = must(kernel::Loop::start(*store_, std::move(options), {}));
  }

  kernel::Loop& loop() { return *loop_; }

  store::Store& store() { return *store_; }

 private:
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<kernel::Loop> loop_;
};

inline std::shared_ptr<const workflow::Workflow> load_workflow(const std::string& text) {
  workflow::Loaded loaded = workflow::load(text);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.first_error().describe().c_str());
    std::exit(1);
  }
  return loaded.workflow;
}

/// Submits `count` missions, at most `concurrent` at a time, and waits for all answers. Returns the
/// latency of each, seconds.
inline std::vector<double> submit_all(
    kernel::Loop& loop,
    const std::shared_ptr<const workflow::Workflow>& workflow,
    std::size_t count,
    std::size_t concurrent
) {
  std::mutex mutex;
  std::condition_variable wake;
  std::size_t open = 0;
  std::size_t done = 0;
  std::vector<double> latencies(count);
  for (std::size_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return open < concurrent; });
      ++open;
    }
    kernel::Input input;
    input.principal = Principal("user:bench");
    engine::SubmitMission submit;
    submit.workflow = workflow;
    input.command = std::move(submit);
    const auto start = SteadyClock::now();
    input.done = [&, i, start](const Result<engine::Reply>& reply) {
      if (!reply) {
        std::fprintf(stderr, "%s\n", reply.error().describe().c_str());
        std::exit(1);
      }
      latencies[i] = seconds_since(start);
      const std::scoped_lock lock(mutex);
      --open;
      ++done;
      wake.notify_one();
    };
    must(loop.post(std::move(input)));
  }
  std::unique_lock lock(mutex);
  wake.wait(lock, [&] { return done == count; });
  return latencies;
}

}  // namespace reeve::bench
