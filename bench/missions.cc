// 10,000 missions of three tasks inside the engine: throughput, latency of one at a time, a wide
// and a deep mission, memory of waiting missions, recovery after the process is gone.
//
//     reeve_bench_missions [DIRECTORY] [MISSIONS] [WAITING]

#include "support.h"

using namespace reeve;

namespace {

constexpr const char* kThreeSteps = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: three}
spec:
  tasks:
    - {name: first, method: NOOP}
    - {name: second, method: NOOP, needs: [first]}
    - {name: third, method: NOOP, needs: [second]}
)";

constexpr const char* kWaiting = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: waiting}
spec:
  tasks:
    - {name: first, script: "true", timeout: 1m}
    - {name: second, script: "true", timeout: 1m, needs: [first]}
    - {name: third, script: "true", timeout: 1m, needs: [second]}
)";

std::string many_tasks(std::size_t count, bool chained) {
  std::string text =
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: many}\nspec:\n  tasks:\n";
  for (std::size_t i = 0; i < count; ++i) {
    text += "    - {name: t" + std::to_string(i) + ", method: NOOP";
    text += chained && i > 0 ? ", needs: [t" + std::to_string(i - 1) + "]}\n" : "}\n";
  }
  return text;
}

void throughput(const std::string& parent, std::size_t missions) {
  const auto workflow = bench::load_workflow(kThreeSteps);
  for (const std::size_t submitters : {1U, 8U, 64U, 256U, 1024U}) {
    const bench::ScratchDir dir(parent);
    const double sync = bench::fdatasync_median(dir);
    bench::Kernel kernel(dir.file("reeve.db"));
    const std::size_t count = submitters == 1 ? std::min<std::size_t>(missions, 3000) : missions;
    const auto start = bench::SteadyClock::now();
    std::vector<double> latencies = bench::submit_all(kernel.loop(), workflow, count, submitters);
    const double took = bench::seconds_since(start);
    std::printf(
        "%5zu submitters: %8.0f missions/s  %8.0f steps/s   p50 %.3f ms  p99 %.3f ms   (fdatasync "
        "%.3f ms)\n",
        submitters,
        static_cast<double>(count) / took,
        3.0 * static_cast<double>(count) / took,
        bench::quantile(latencies, 0.5) * 1e3,
        bench::quantile(latencies, 0.99) * 1e3,
        sync * 1e3
    );
  }
}

constexpr const char* kFanOut = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: fan}
spec:
  tasks:
    - {name: each, method: NOOP, fanOut: {over: 1..1000}}
)";

/// From the command to its durable end, median of five.
void one_large(const std::string& parent, const char* name, const std::string& document) {
  const bench::ScratchDir dir(parent);
  bench::Kernel kernel(dir.file("reeve.db"));
  const auto workflow = bench::load_workflow(document);
  std::vector<double> samples;
  for (int i = 0; i < 5; ++i) {
    const auto start = bench::SteadyClock::now();
    bench::submit_all(kernel.loop(), workflow, 1, 1);
    samples.push_back(bench::seconds_since(start));
  }
  std::printf("%s: %.1f ms (median of 5)\n", name, bench::quantile(samples, 0.5) * 1e3);
}

void waiting(const std::string& parent, std::size_t missions) {
  const bench::ScratchDir dir(parent);
  const auto workflow = bench::load_workflow(kWaiting);
  {
    bench::Kernel kernel(dir.file("reeve.db"), 0);
    const std::size_t before = bench::resident_bytes();
    const auto start = bench::SteadyClock::now();
    bench::submit_all(kernel.loop(), workflow, missions, 256);
    std::printf(
        "%zu missions wait for a slot: submitted at %.0f/s, ",
        missions,
        static_cast<double>(missions) / bench::seconds_since(start)
    );
    const std::size_t after = bench::resident_bytes();
    std::printf(
        "%.0f bytes of memory each\n",
        static_cast<double>(after - before) / static_cast<double>(missions)
    );
  }
  const auto start = bench::SteadyClock::now();
  bench::Kernel kernel(dir.file("reeve.db"), 0);
  std::printf("recovered to accepting work in %.2f s\n", bench::seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : ".";
  const std::size_t missions = argc > 2 ? std::stoul(argv[2]) : 10'000;
  const std::size_t waiting_missions = argc > 3 ? std::stoul(argv[3]) : 100'000;
  throughput(parent, missions);
  one_large(parent, "one mission of 1,000 tasks side by side", many_tasks(1000, false));
  one_large(parent, "one mission of 1,000 tasks in a chain", many_tasks(1000, true));
  one_large(parent, "a fan-out to 1,000 missions", kFanOut);
  waiting(parent, waiting_missions);
  return 0;
}
