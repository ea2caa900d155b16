#include <algorithm>
#include <csignal>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "host/process_tree.h"
#include "host_fixture.h"
#include "platform/posix/system.h"

namespace reeve::host {
namespace {

using model::RunEnd;

/// How the process tree is held together.
enum class Holding { AsTheMachineAllows, WithoutCgroup };

std::string name_of(const ::testing::TestParamInfo<Holding>& info) {
  return info.param == Holding::WithoutCgroup ? "WithoutCgroup" : "AsTheMachineAllows";
}

/// Every way a run can end, with a cgroup (where the machine has them) and without.
class HostEnding : public HostTest, public ::testing::WithParamInterface<Holding> {
 protected:
  void SetUp() override {
    if (GetParam() == Holding::WithoutCgroup) {
      hide_cgroups();
    }
  }

  /// A tree with every trick to get away: a grandchild, another session, a daemon that gave up its
  /// environment and its output, each of which ignores TERM and tells its pid.
  static std::string escape_artists(const Bell& bell) {
    return concat(
        "trap '' TERM\nbell=",
        bell.path(),
        "\n",
        "(trap '' TERM; sh -c 'echo $$ > '$bell'; exec sleep 1000') &\n",
        "setsid sh -c 'trap \"\" TERM; echo $$ > '$bell'; exec sleep 1000' &\n",
        "setsid env -i sh -c 'trap \"\" TERM HUP; exec >/dev/null 2>&1 </dev/null;"
        " (echo $(exec sh -c \"echo \\$PPID\") > '$bell'; while :; do sleep 1000; done) & exit' &\n"
    );
  }
};

INSTANTIATE_TEST_SUITE_P(
    Holding,
    HostEnding,
    ::testing::Values(Holding::AsTheMachineAllows, Holding::WithoutCgroup),
    name_of
);

TEST_P(HostEnding, HasACgroupOnlyWhereThereIsOne) {
  Bell bell(root_ / "bell");
  const auto launch = request("held", script(concat("echo $$ > ", bell.path(), "; sleep 1000")));
  submit(launch);
  await_started(launch);
  const int pid = bell.next_pid();
  const auto shim = read_shim(dir_of("held"));
  ASSERT_TRUE(shim.ok());
  if (GetParam() == Holding::WithoutCgroup) {
    EXPECT_EQ(shim->cgroup, "");
  } else if (!shim->cgroup.empty()) {
    std::ifstream procs(shim->cgroup + "/cgroup.procs");
    const std::string members((std::istreambuf_iterator<char>(procs)), {});
    EXPECT_NE(members.find(concat(pid, "\n")), std::string::npos) << members;
  }
  submit(cancellation(launch));
  await_finished(launch);
  EXPECT_FALSE(!shim->cgroup.empty() && std::filesystem::exists(shim->cgroup));
}

TEST_P(HostEnding, ReportsTheSignalThatKilledTheRun) {
  const auto result = carry_out("segv", script("kill -SEGV $$"));
  EXPECT_EQ(result.end, RunEnd::Signalled);
  EXPECT_EQ(result.exit_code, 128 + SIGSEGV);
  EXPECT_EQ(result.reason, "step 1 killed by SIGSEGV");
  const auto killed = carry_out("kill", script("kill -KILL $$"));
  EXPECT_EQ(killed.end, RunEnd::Signalled);
  EXPECT_EQ(killed.exit_code, 137);
}

TEST_P(HostEnding, LeavesNothingRunningAfterSuccess) {
  Bell bell(root_ / "bell");
  Bell go(root_ / "go");
  const auto launch = request(
      "daemons", script(concat(escape_artists(bell), "read line < ", go.path(), "; exit 0"))
  );
  submit(launch);
  std::vector<int> pids = {bell.next_pid(), bell.next_pid(), bell.next_pid()};
  go.ring();
  const auto result = await_finished(launch);
  EXPECT_TRUE(result.succeeded()) << result.reason;
  for (const int pid : pids) {
    EXPECT_FALSE(is_alive(pid));
  }
  EXPECT_TRUE(ends(shim_pid("daemons")));
}

TEST_P(HostEnding, DoesNotWaitForADaemonThatKeepsTheOutputOpen) {
  Bell bell(root_ / "bell");
  Bell go(root_ / "go");
  model::RunSpec spec = script(concat(
      "sh -c 'echo $$ > ",
      bell.path(),
      "; while :; do echo tick; sleep 1000; done' &\n",
      "read line < ",
      go.path(),
      "; echo done"
  ));
  spec.steps.push_back(main("echo second"));
  const auto launch = request("open", spec);
  submit(launch);
  const int daemon = bell.next_pid();
  go.ring();
  EXPECT_TRUE(await_finished(launch).succeeded());
  EXPECT_FALSE(is_alive(daemon));
  EXPECT_NE(content("open", "stdout.log").find("second\n"), std::string::npos);
}

TEST_P(HostEnding, KillsTheWholeTreeAtTheDeadline) {
  Bell bell(root_ / "bell");
  model::RunSpec spec = script(concat(escape_artists(bell), "while :; do sleep 1000; done"));
  spec.steps.push_back(after("echo cleaned up"));
  spec.timeout = Duration(700);
  spec.grace = Duration(200);
  const auto launch = request("late", spec);
  submit(launch);
  std::vector<int> pids = {bell.next_pid(), bell.next_pid(), bell.next_pid()};
  const auto result = await_finished(launch);
  EXPECT_EQ(result.end, RunEnd::TimedOut);
  EXPECT_EQ(result.exit_code, 124);
  EXPECT_EQ(result.reason, "timed out after 700ms");
  for (const int pid : pids) {
    EXPECT_FALSE(is_alive(pid));
  }
  EXPECT_EQ(content("late", "stdout.log"), "cleaned up\n");
}

TEST_P(HostEnding, LetsTheRunCleanUpWithinItsGrace) {
  model::RunSpec spec =
      script("trap 'sleep 0.2; echo saved; exit 0' TERM; while :; do sleep 0.05; done");
  spec.timeout = Duration(300);
  spec.grace = Duration(20'000);
  const auto result = carry_out("graceful", spec);
  EXPECT_EQ(result.end, RunEnd::TimedOut);
  EXPECT_EQ(content("graceful", "stdout.log"), "saved\n");
}

TEST_P(HostEnding, GivesGraceToTheChildrenOfAShellThatDiesAtOnce) {
  model::RunSpec spec = script(
      "sh -c 'trap \"sleep 0.2; echo child saved; exit 0\" TERM; while :; do sleep 0.05; done'; "
      "true"
  );
  spec.timeout = Duration(400);
  spec.grace = Duration(20'000);
  carry_out("child", spec);
  EXPECT_EQ(content("child", "stdout.log"), "child saved\n");
}

TEST_P(HostEnding, StopsAfterStepsThatTakeTooLong) {
  model::RunSpec spec;
  spec.steps = {main("exit 3"), after("sleep 1000"), after("echo not any more")};
  spec.timeout = Duration(400);
  spec.grace = Duration(100);
  const auto result = carry_out("after", spec);
  EXPECT_EQ(result.end, RunEnd::Exited);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.warnings.size(), 2U);
  EXPECT_EQ(content("after", "stdout.log"), "");
}

TEST_P(HostEnding, CancelsWithTheReason) {
  Bell bell(root_ / "bell");
  model::RunSpec spec = script(concat(escape_artists(bell), "while :; do sleep 1000; done"));
  spec.steps.push_back(after("echo after"));
  spec.grace = Duration(100);
  const auto launch = request("cancelled", spec);
  submit(launch);
  std::vector<int> pids = {bell.next_pid(), bell.next_pid(), bell.next_pid()};
  submit(cancellation(launch, "the mission was aborted"));
  const auto result = await_finished(launch);
  EXPECT_EQ(result.end, RunEnd::Cancelled);
  EXPECT_EQ(result.exit_code, 143);
  EXPECT_EQ(result.reason, "cancelled: the mission was aborted");
  EXPECT_EQ(content("cancelled", "stdout.log"), "after\n");
  for (const int pid : pids) {
    EXPECT_FALSE(is_alive(pid));
  }
}

TEST_P(HostEnding, CancelsARunThatIsJustBeingLaunched) {
  const auto launch = request("early", script("sleep 1000"));
  submit(launch);
  submit(cancellation(launch));
  const auto result = await_finished(launch);
  EXPECT_EQ(result.end, RunEnd::Cancelled);
}

TEST_P(HostEnding, AnswersTheCancellationOfARunThatEnded) {
  const auto launch = request("over", script("exit 5"));
  carry_out(launch);
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).exit_code, 5);
}

TEST_P(HostEnding, AnswersTheCancellationOfAnUnknownRun) {
  const auto launch = request("unknown", {});
  submit(cancellation(launch));
  EXPECT_NE(await_lost(launch).find("does not know"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(dir_of("unknown")));
}

TEST_P(HostEnding, OutrunsAScriptThatForksForEver) {
  model::RunSpec spec = script(
      "ulimit -u 2000 2>/dev/null\nf() { while :; do (sleep 0.01; f) & sleep 0.02; done; }\n"
      "trap '' TERM\n(trap '' TERM; while :; do setsid sh -c 'sleep 0.05 & sleep 0.05' & sleep "
      "0.01; done) &\n"
      "(trap '' TERM; while :; do sleep 0.02 & sleep 0.01; done) &\nwait\n"
  );
  spec.timeout = Duration(500);
  spec.grace = Duration(50);
  const auto result = carry_out("forks", spec);
  EXPECT_EQ(result.end, RunEnd::TimedOut);
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_TRUE(processes_marked(make_mark(dir_of("forks"), Fence(1))).empty());
}

TEST_P(HostEnding, TellsOutOfMemoryFromOtherKills) {
  const std::string group = concat("/sys/fs/cgroup/memory/reeve-test-", ::getpid());
  if (::mkdir(group.c_str(), 0755) != 0) {
    GTEST_SKIP() << "needs a writable version 1 memory hierarchy to provoke it";
  }
  std::ofstream(group + "/memory.limit_in_bytes") << (16 << 20);
  const auto direct =
      carry_out("oom", script(concat("echo $$ > ", group, "/cgroup.procs; exec tail /dev/zero")));
  const auto child = carry_out(
      "oom-child", script(concat("sh -c 'echo $$ > ", group, "/cgroup.procs; exec tail /dev/zero'"))
  );
  ::rmdir(group.c_str());
  EXPECT_EQ(direct.end, RunEnd::OutOfMemory) << direct.reason;
  EXPECT_EQ(direct.exit_code, 137);
  EXPECT_EQ(child.end, RunEnd::OutOfMemory) << child.reason;
}

}  // namespace
}  // namespace reeve::host
