#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "replay_line.h"
#include "sim/simulation.h"

namespace {

/// The whole journal, one event per line.
void print_journal(reeve::sim::Simulation& sim) {
  reeve::store::EventQuery query;
  while (true) {
    const auto events = sim.disk().events(query);
    if (!events || events->empty()) {
      return;
    }
    for (const reeve::journal::Event& event : *events) {
      std::printf(
          "%" PRIu64 " %s %s %s %s\n",
          event.revision.value(),
          reeve::format_timestamp(event.at).c_str(),
          event.object.name.c_str(),
          event.type.c_str(),
          event.data.c_str()
      );
    }
    query.after = events->back().revision;
  }
}

}  // namespace

/// Plays many seeds and prints what they came to. Ends with 1 if one of them failed.
int main(int argc, char** argv) {
  std::uint64_t seeds = 10'000;
  std::uint64_t from = 1;
  bool journal = false;
  for (int i = 1; i < argc; i += 2) {
    if (std::strcmp(argv[i], "--journal") == 0) {
      journal = true;
      --i;
      continue;
    }
    const std::uint64_t number = i + 1 < argc ? std::strtoull(argv[i + 1], nullptr, 10) : 0;
    if (std::strcmp(argv[i], "--seeds") == 0) {
      seeds = number;
    } else if (std::strcmp(argv[i], "--from") == 0) {
      from = number;
    } else {
      std::fprintf(stderr, "usage: reeve_simulate [--seeds N] [--from SEED] [--journal]\n");
      return 2;
    }
  }
  std::uint64_t missions = 0;
  std::uint64_t held = 0;
  std::uint64_t transitions = 0;
  std::uint64_t executions = 0;
  std::uint64_t crashes = 0;
  std::uint64_t reloads = 0;
  std::uint64_t steps = 0;
  std::uint64_t removed = 0;
  std::uint64_t parkings = 0;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    reeve::sim::set_current_seed(seed);
    const reeve::sim::Outcome outcome =
        reeve::sim::simulate(seed, journal ? print_journal : nullptr);
    missions += outcome.missions;
    held += outcome.held;
    transitions += outcome.transitions;
    executions += outcome.executions;
    crashes += outcome.crashes;
    reloads += outcome.reloads;
    steps += outcome.steps;
    removed += outcome.removed;
    parkings += outcome.parkings;
    if (outcome.violation) {
      ++failed;
      std::fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, outcome.violation->c_str());
      reeve::sim::print_replay_line(seed);
    }
  }
  std::printf(
      "%" PRIu64 " seeds, %" PRIu64 " failed: %" PRIu64 " missions (%" PRIu64
      " held at the end), %" PRIu64 " transitions, %" PRIu64 " executions, %" PRIu64
      " crashes, %" PRIu64 " failed commits, %" PRIu64 " objects removed, %" PRIu64
      " runs parked, %" PRIu64 " steps\n",
      seeds,
      failed,
      missions,
      held,
      transitions,
      executions,
      crashes,
      reloads,
      removed,
      parkings,
      steps
  );
  return failed == 0 ? 0 : 1;
}
