// What supervision costs: runs of `true` under the shim, next to bare spawns of the same script by
// the same shell.
//
//     reeve_bench_process_tasks REEVE_PROGRAM [DIRECTORY] [RUNS]

#include <spawn.h>

#include <sys/wait.h>

#include "blob/blob_store.h"
#include "executor/shell/script.h"
#include "host/host.h"
#include "support.h"

using namespace reeve;

namespace {

model::LaunchRun make_run(std::size_t number) {
  model::LaunchRun launch;
  launch.mission = MissionName("bench");
  launch.task = TaskName("t");
  launch.run = RunName("bench.1.t." + std::to_string(number));
  launch.fence = Fence(number + 1);
  launch.spec.steps.push_back({.phase = model::Phase::Main, .script = "true"});
  return launch;
}

/// Seconds for one bare spawn of the shell that a task without a shebang gets.
std::vector<double> bare(std::size_t runs) {
  const std::string shell = executor::shell::default_shell();
  std::vector<double> samples;
  for (std::size_t i = 0; i < runs; ++i) {
    std::string flag = "-c";
    std::string script = "true";
    std::string program = shell;
    char* argv[] = {program.data(), flag.data(), script.data(), nullptr};
    const auto start = bench::SteadyClock::now();
    pid_t pid = 0;
    if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv, environ) != 0) {
      std::exit(1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    samples.push_back(bench::seconds_since(start));
  }
  return samples;
}

struct Supervised {
  std::vector<double> latencies;
  double seconds = 0;
};

/// `runs` runs with at most `concurrent` at a time.
Supervised supervised(
    const std::string& program, const std::string& parent, std::size_t runs, std::size_t concurrent
) {
  const bench::ScratchDir dir(parent);
  blob::BlobStore blobs(dir.file("blobs"));
  std::mutex mutex;
  std::condition_variable wake;
  std::size_t open = 0;
  std::size_t done = 0;
  std::vector<bench::SteadyClock::time_point> starts(runs);
  Supervised result;
  host::HostOptions options;
  options.data_dir = dir.file("data");
  std::filesystem::create_directories(options.data_dir);
  options.program = program;
  std::unique_ptr<host::Host> host =
      bench::must(host::Host::create(options, blobs, [&](const model::Report& report) {
        const auto* finished = std::get_if<model::RunFinished>(&report);
        if (std::holds_alternative<model::RunStarted>(report)) {
          return;
        }
        if (finished == nullptr || !finished->result.succeeded()) {
          std::fprintf(
              stderr,
              "a run failed: %s\n",
              finished == nullptr ? "lost" : finished->result.reason.c_str()
          );
          std::exit(1);
        }
        const std::scoped_lock lock(mutex);
        result.latencies.push_back(bench::seconds_since(starts[finished->fence.value() - 1]));
        --open;
        ++done;
        wake.notify_one();
      }));
  const auto start = bench::SteadyClock::now();
  for (std::size_t i = 0; i < runs; ++i) {
    {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return open < concurrent; });
      ++open;
      starts[i] = bench::SteadyClock::now();
    }
    host->submit(make_run(i));
  }
  {
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return done == runs; });
  }
  result.seconds = bench::seconds_since(start);
  host->stop();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: reeve_bench_process_tasks REEVE_PROGRAM [DIRECTORY] [RUNS]\n");
    return 2;
  }
  const std::string parent = argc > 2 ? argv[2] : ".";
  const std::size_t runs = argc > 3 ? std::stoul(argv[3]) : 1000;
  std::vector<double> plain = bare(std::min<std::size_t>(runs, 500));
  std::printf("bare spawn of the shell: p50 %.2f ms\n", bench::quantile(plain, 0.5) * 1e3);
  for (const std::size_t concurrent : {1U, 2U, 4U, 16U}) {
    Supervised result = supervised(argv[1], parent, runs, concurrent);
    std::printf(
        "under the shim, %2zu at a time: %6.0f tasks/s  p50 %.2f ms  p99 %.2f ms\n",
        concurrent,
        static_cast<double>(runs) / result.seconds,
        bench::quantile(result.latencies, 0.5) * 1e3,
        bench::quantile(result.latencies, 0.99) * 1e3
    );
  }
  return 0;
}
