// Durable transitions per second and commit latency with 1, 8, 64 and 512 concurrent writers, fsync
// on, next to what the same disk charges for one fdatasync.
//
//     reeve_bench_kernel [DIRECTORY]

#include "support.h"

using namespace reeve;

namespace {

/// One task that runs on no host: 7 journal events, 4 of them state transitions of the mission.
constexpr const char* kWorkflow = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: one}
spec:
  tasks:
    - {name: only, method: NOOP}
)";

void measure(const std::string& parent, std::size_t writers) {
  const bench::ScratchDir dir(parent);
  const double sync = bench::fdatasync_median(dir);
  bench::Kernel kernel(dir.file("reeve.db"));
  const auto workflow = bench::load_workflow(kWorkflow);
  const std::size_t count = writers == 1 ? 2000 : writers * 600;
  bench::submit_all(kernel.loop(), workflow, writers * 20, writers);  // warm up
  const Revision before = bench::must(kernel.store().head()).revision;
  const auto start = bench::SteadyClock::now();
  std::vector<double> latencies = bench::submit_all(kernel.loop(), workflow, count, writers);
  const double took = bench::seconds_since(start);
  const Revision after = bench::must(kernel.store().head()).revision;
  const double events = static_cast<double>(after.value() - before.value());
  std::printf(
      "%7zu  %12.0f  %12.0f  %9.3f  %9.3f  %9.3f\n",
      writers,
      static_cast<double>(count) / took,
      events / took,
      bench::quantile(latencies, 0.5) * 1e3,
      bench::quantile(latencies, 0.99) * 1e3,
      sync * 1e3
  );
}

}  // namespace

int main(int argc, char** argv) {
  const std::string parent = argc > 1 ? argv[1] : ".";
  std::printf(
      "writers   commands/s      events/s     p50 ms     p99 ms   fdatasync ms (median, idle "
      "disk)\n"
  );
  for (const std::size_t writers : {1U, 8U, 64U, 512U}) {
    measure(parent, writers);
  }
  return 0;
}
