#include "cli/process_table.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "platform/posix/system.h"

namespace reeve::cli {

namespace {

TEST(ProcessTable, ReadsALineWhateverTheProgramIsCalled) {
  ProcessStat stat;
  ASSERT_TRUE(parse_process_stat(
      "42 (a) b (c) S 7 1 1 0 -1 0 0 0 0 0 3 4 5 6 20 0 1 0 900 4096 11 0 0\n", stat
  ));
  EXPECT_EQ(stat.parent, 7);
  EXPECT_EQ(stat.cpu_ticks, 18U);
  EXPECT_EQ(stat.start_time, 900U);
  EXPECT_EQ(stat.resident_pages, 11U);
}

TEST(ProcessTable, RefusesWhatIsNoLine) {
  ProcessStat stat;
  for (const char* line : {"", "42 (a", "42 (a)", "42 (a) S x", "42 (a) S 7 1 1 0 -1 0 0 0"}) {
    EXPECT_FALSE(parse_process_stat(line, stat)) << line;
  }
}

TEST(ProcessTable, CountsEverythingBelowAProcess) {
  const auto process = [](int parent, std::uint64_t start) {
    return ProcessStat{.parent = parent, .cpu_ticks = 10, .start_time = start, .resident_pages = 1};
  };
  const ProcessTable table(
      {{1, process(0, 1)},
       {5, process(1, 50)},
       {6, process(5, 60)},
       {7, process(6, 70)},
       {8, process(1, 80)}}
  );
  EXPECT_EQ(table.usage_below(5, 50).processes, 3U);
  EXPECT_EQ(table.usage_below(5, 50).memory_bytes, 3U * static_cast<unsigned>(::getpagesize()));
  // Another process has got the id.
  EXPECT_EQ(table.usage_below(5, 51).processes, 0U);
  EXPECT_EQ(table.usage_below(9, 1).processes, 0U);
}

TEST(ProcessTable, FindsThisProcess) {
  const TreeUsage usage =
      ProcessTable::read().usage_below(::getpid(), platform::process_start_time(::getpid()));
  EXPECT_GE(usage.processes, 1U);
  EXPECT_GT(usage.memory_bytes, 0U);
}

}  // namespace

}  // namespace reeve::cli
