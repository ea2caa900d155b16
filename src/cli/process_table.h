#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "base/time.h"

/// What processes of this machine use. Private to cli.
namespace reeve::cli {

/// A line of /proc/PID/stat.
struct ProcessStat {
  int parent = 0;
  /// Of itself and of the children that it has waited for, in clock ticks.
  std::uint64_t cpu_ticks = 0;
  /// In clock ticks since boot; with the id it names the process.
  std::uint64_t start_time = 0;
  std::uint64_t resident_pages = 0;
};

/// False: it is none. Names of programs may hold anything.
bool parse_process_stat(std::string_view line, ProcessStat& stat);

/// What a process and everything below it uses.
struct TreeUsage {
  /// Since the beginning of each of them.
  Duration cpu{};
  /// Resident; what several of them share counts for each.
  std::uint64_t memory_bytes = 0;
  std::size_t processes = 0;
};

inline constexpr std::size_t kProcessesMax = 1'000'000;

/// All processes at one moment. Linux; immutable.
class ProcessTable {
 public:
  /// The processes of this machine as far as this one may see them.
  static ProcessTable read();

  explicit ProcessTable(std::map<int, ProcessStat> processes);

  /// No processes: there is none with that id and beginning.
  TreeUsage usage_below(int root, std::uint64_t start_time) const;

 private:
  std::map<int, ProcessStat> processes_;
  std::map<int, std::vector<int>> children_;
};

}  // namespace reeve::cli
