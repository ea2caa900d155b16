#include "cli/process_table.h"

#include <charconv>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kStatBytesMax = 4096;

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace

bool parse_process_stat(std::string_view line, ProcessStat& stat) {
  // PID (NAME) STATE PARENT …, see proc(5). The name may have blanks and parentheses.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > line.size()) {
    return false;
  }
  const std::vector<std::string_view> fields = split(trim(line.substr(name_end + 1)), ' ');
  // Field 3 of the manual is the first one here.
  constexpr std::size_t kParent = 1;
  constexpr std::size_t kFirstTime = 11;
  constexpr std::size_t kTimes = 4;
  constexpr std::size_t kStart = 19;
  constexpr std::size_t kResident = 21;
  if (fields.size() <= kResident || !read_number(fields[kParent], stat.parent) ||
      !read_number(fields[kStart], stat.start_time) ||
      !read_number(fields[kResident], stat.resident_pages)) {
    return false;
  }
  stat.cpu_ticks = 0;
  for (std::size_t i = 0; i < kTimes; ++i) {
    std::uint64_t ticks = 0;
    if (!read_number(fields[kFirstTime + i], ticks)) {
      return false;
    }
    stat.cpu_ticks += ticks;
  }
  return true;
}

ProcessTable ProcessTable::read() {
  std::map<int, ProcessStat> processes;
  std::error_code failed;
  for (fs::directory_iterator entry("/proc", failed), end;
       !failed && entry != end && processes.size() < kProcessesMax;
       entry.increment(failed)) {
    int pid = 0;
    if (!read_number(entry->path().filename().string(), pid)) {
      continue;
    }
    // One that has ended meanwhile has no line any more.
    const Result<std::string> line = platform::read_file(entry->path() / "stat", kStatBytesMax);
    ProcessStat stat;
    if (line && parse_process_stat(*line, stat)) {
      processes.emplace(pid, stat);
    }
  }
  return ProcessTable(std::move(processes));
}

ProcessTable::ProcessTable(std::map<int, ProcessStat> processes)
    : processes_(std::move(processes)) {
  for (const auto& [pid, stat] : processes_) {
    children_[stat.parent].push_back(pid);
  }
}

TreeUsage ProcessTable::usage_below(int root, std::uint64_t start_time) const {
  TreeUsage usage;
  const auto found = processes_.find(root);
  if (found == processes_.end() || found->second.start_time != start_time) {
    return usage;
  }
  static const auto ticks_per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::uint64_t ticks = 0;
  std::set<int> seen = {root};
  std::vector<int> left = {root};
  while (!left.empty()) {
    const int pid = left.back();
    left.pop_back();
    const ProcessStat& stat = processes_.at(pid);
    ++usage.processes;
    ticks += stat.cpu_ticks;
    usage.memory_bytes += stat.resident_pages * page_bytes;
    if (const auto children = children_.find(pid); children != children_.end()) {
      for (const int child : children->second) {
        // What was read one after the other may go round.
        if (seen.insert(child).second) {
          left.push_back(child);
        }
      }
    }
  }
  constexpr std::uint64_t kMillis = 1000;
  usage.cpu = Duration(static_cast<Duration::rep>(ticks * kMillis / ticks_per_second));
  return usage;
}

}  // namespace reeve::cli
