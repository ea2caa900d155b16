#include <csignal>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/inspection.h"
#include "host/launcher.h"
#include "host/process_tree.h"
#include "host_fixture.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {
namespace {

using model::RunEnd;

enum class Watching { ByPidfd, ByLock };

std::string name_of(const ::testing::TestParamInfo<Watching>& info) {
  return info.param == Watching::ByLock ? "ByLock" : "ByPidfd";
}

/// Hosts and shims that die at bad moments.
class HostRecovery : public HostTest, public ::testing::WithParamInterface<Watching> {
 protected:
  void SetUp() override {
    options().use_pidfds = GetParam() == Watching::ByPidfd;
    start_host();
  }

  /// Writes what a host writes before it spawns a shim.
  void write_spec(const model::LaunchRun& launch, std::string boot_id = platform::boot_id()) {
    const auto dir = dir_of(launch.run.view());
    const SpecRecord record{
        .mission = launch.mission,
        .task = launch.task,
        .run = launch.run,
        .fence = launch.fence,
        .boot_id = std::move(boot_id),
        .mark = make_mark(dir, launch.fence),
        .spec = launch.spec};
    ASSERT_TRUE(platform::make_directories(dir).ok());
    ASSERT_TRUE(platform::write_file_atomically(dir / kSpecFile, encode(record)).ok());
  }

  void write_shim(const model::LaunchRun& launch, int pid, std::uint64_t start_time) {
    const ShimRecord record{
        .pid = pid,
        .start_time = start_time,
        .boot_id = platform::boot_id(),
        .fence = launch.fence,
        .cgroup = ""};
    ASSERT_TRUE(platform::replace_file(dir_of(launch.run.view()) / kShimFile, encode(record)).ok());
  }
};

INSTANTIATE_TEST_SUITE_P(
    Watching, HostRecovery, ::testing::Values(Watching::ByPidfd, Watching::ByLock), name_of
);

TEST_P(HostRecovery, AdoptsARunFromAnEarlierHostWithAllOfItsOutput) {
  Bell bell(root_ / "bell");
  Bell go(root_ / "go");
  const auto launch = request(
      "adopted",
      script(concat(
          "echo first; echo started > ",
          bell.path(),
          "; read line < ",
          go.path(),
          "; echo second; echo '::set-output name=k::v'; exit 3"
      ))
  );
  submit(launch);
  await_started(launch);
  bell.next();
  stop_host();
  start_host();
  submit(launch);
  await_started(launch);
  go.ring();
  const auto result = await_finished(launch);
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(content("adopted", "stdout.log"), "first\nsecond\n::set-output name=k::v\n");
}

TEST_P(HostRecovery, CollectsARunThatEndedWhileNoHostWasThere) {
  Bell bell(root_ / "bell");
  Bell go(root_ / "go");
  model::RunSpec spec = script(concat(
      "echo made > made.txt; echo '::set-output name=k::v'; echo x > ",
      bell.path(),
      "; read line < ",
      go.path()
  ));
  spec.artifact_paths = {"made.txt"};
  const auto launch = request("alone", spec);
  submit(launch);
  bell.next();
  const int shim = shim_pid("alone");
  stop_host();
  go.ring();
  ASSERT_TRUE(ends(shim));
  start_host();
  const auto result = carry_out(launch);
  EXPECT_TRUE(result.succeeded());
  EXPECT_EQ(output(result, "k"), "v");
  ASSERT_EQ(result.artifacts.size(), 1U);
  const auto again = carry_out(launch);
  EXPECT_EQ(again.artifacts.size(), 1U);
}

TEST_P(HostRecovery, CancelsARunOfAnEarlierHost) {
  Bell bell(root_ / "bell");
  const auto launch =
      request("inherited", script(concat("echo x > ", bell.path(), "; sleep 1000")));
  submit(launch);
  bell.next();
  start_host();
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
}

TEST_P(HostRecovery, EndsTheTreeOfAShimThatWasKilledAndReportsTheLoss) {
  Bell bell(root_ / "bell");
  const auto launch = request(
      "lost",
      script(concat(
          "setsid sh -c 'echo $$ > ",
          bell.path(),
          "; exec sleep 1000' &\necho $$ > ",
          bell.path(),
          "; wait; sleep 1000"
      ))
  );
  submit(launch);
  await_started(launch);
  const int first = bell.next_pid();
  const int second = bell.next_pid();
  ASSERT_EQ(::kill(shim_pid("lost"), SIGKILL), 0);
  EXPECT_NE(await_lost(launch).find("without a record"), std::string::npos);
  EXPECT_TRUE(ends(first));
  EXPECT_TRUE(ends(second));
  submit(launch);
  await_lost(launch);
  EXPECT_NE(join(explain_run_dir(dir_of("lost")), "\n").find("lost"), std::string::npos);
}

TEST_P(HostRecovery, FindsTheLossOfAShimThatDiedWhileNoHostWasThere) {
  Bell bell(root_ / "bell");
  const auto launch = request(
      "lost", script(concat("setsid sh -c 'echo $$ > ", bell.path(), "; exec sleep 1000' & wait"))
  );
  submit(launch);
  const int orphan = bell.next_pid();
  const int shim = shim_pid("lost");
  stop_host();
  ASSERT_EQ(::kill(shim, SIGKILL), 0);
  ASSERT_TRUE(ends(shim));
  EXPECT_TRUE(is_alive(orphan));
  start_host();
  submit(launch);
  await_lost(launch);
  EXPECT_TRUE(ends(orphan));
}

TEST_P(HostRecovery, DoesNotGiveUpARunWhoseLockCannotBeLookedAt) {
  const auto launch = request("locked", script("true"));
  const Launcher launcher(options(), *blobs_);
  std::filesystem::create_directories(dir_of("locked"));
  // Stands for every reason why it cannot be opened, such as too many open files.
  std::filesystem::create_symlink("elsewhere", dir_of("locked") / kLockFile);
  EXPECT_TRUE(std::holds_alternative<AskAgain>(launcher.find(cancellation(launch))));
  auto known = launch;
  known.started = true;
  EXPECT_TRUE(std::holds_alternative<AskAgain>(launcher.launch(known)));
  ASSERT_TRUE(platform::replace_file(dir_of("locked") / kSpecFile, "{}").ok());
  EXPECT_TRUE(std::holds_alternative<AskAgain>(launcher.launch(launch)));
  std::filesystem::remove(dir_of("locked") / kSpecFile);
  EXPECT_TRUE(std::holds_alternative<model::Report>(launcher.launch(launch))) << "never undertaken";
}

TEST_P(HostRecovery, DoesNotStartAgainWhatIsKnownToHaveStarted) {
  auto launch = request("gone", script(concat("echo again > ", (root_ / "again").string())));
  launch.started = true;
  submit(launch);
  EXPECT_NE(await_lost(launch).find("nothing of it is left"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(root_ / "again"));
}

TEST_P(HostRecovery, ReplacesALiveRunOfAnOlderFence) {
  Bell bell(root_ / "bell");
  const auto older =
      request("fenced", script(concat("echo $$ > ", bell.path(), "; sleep 1000")), 1);
  submit(older);
  await_started(older);
  const int pid = bell.next_pid();
  const auto newer = request("fenced", script("echo newer; exit 4"), 2);
  EXPECT_EQ(carry_out(newer).exit_code, 4);
  await_lost(older);
  EXPECT_TRUE(ends(pid));
  EXPECT_EQ(content("fenced", "stdout.log"), "newer\n");
  EXPECT_TRUE(std::filesystem::exists(dir_of("fenced.stale-1") / "spec.json"));
}

TEST_P(HostRecovery, ReplacesARunOfAnOlderFenceThatAnEarlierHostStarted) {
  Bell bell(root_ / "bell");
  submit(request("fenced", script(concat("echo $$ > ", bell.path(), "; sleep 1000")), 1));
  const int pid = bell.next_pid();
  start_host();
  const auto newer = request("fenced", script("exit 4"), 7);
  EXPECT_EQ(carry_out(newer).exit_code, 4);
  EXPECT_TRUE(ends(pid));
}

TEST_P(HostRecovery, RefusesAnOlderFence) {
  EXPECT_TRUE(carry_out(request("fenced", script("true"), 5)).succeeded());
  const auto older = request("fenced", script("true"), 4);
  submit(older);
  EXPECT_NE(await_lost(older).find("superseded by fence 5"), std::string::npos);
  submit(cancellation(older));
  EXPECT_NE(await_lost(older).find("superseded by fence 5"), std::string::npos);
}

TEST_P(HostRecovery, IsNotMisledByARecycledProcessNumber) {
  const pid_t bystander = ::fork();
  if (bystander == 0) {
    ::pause();
    ::_exit(0);
  }
  const auto launch = request("recycled", script("true"));
  write_spec(launch);
  write_shim(launch, bystander, platform::process_start_time(bystander) + 1);
  submit(launch);
  await_lost(launch);
  const auto exact = request("recycled-exactly", script("true"));
  write_spec(exact);
  write_shim(exact, bystander, platform::process_start_time(bystander));
  submit(exact);
  await_lost(exact);
  submit(cancellation(exact));
  await_lost(exact);
  EXPECT_EQ(::waitpid(bystander, nullptr, WNOHANG), 0) << "an unrelated process was killed";
  ::kill(bystander, SIGKILL);
  ::waitpid(bystander, nullptr, 0);
}

TEST_P(HostRecovery, StartsAnewWhatWasNeverStarted) {
  const auto launch = request("anew", script("test ! -e leftover; exit $((3 + $?))"));
  write_spec(launch);
  ASSERT_TRUE(platform::make_directories(dir_of("anew") / "work").ok());
  std::ofstream(dir_of("anew") / "work" / "leftover") << "x";
  EXPECT_EQ(carry_out(launch).exit_code, 3);
}

TEST_P(HostRecovery, StartsAnewOverASpecThatWasTorn) {
  ASSERT_TRUE(platform::make_directories(dir_of("torn")).ok());
  std::ofstream(dir_of("torn") / kSpecFile) << "{\"mission\":";
  EXPECT_EQ(carry_out("torn", script("exit 3")).exit_code, 3);
}

TEST_P(HostRecovery, DoesNotRepeatWhatMayHaveStartedBeforeARestartOfTheMachine) {
  const auto launch = request("rebooted", script("true"));
  write_spec(launch, "another boot");
  submit(launch);
  EXPECT_NE(await_lost(launch).find("restarted"), std::string::npos);
}

TEST_P(HostRecovery, ReportsALossWhenTheRecordIsDamaged) {
  const auto launch = request("damaged", script("true"));
  carry_out(launch);
  std::ofstream(dir_of("damaged") / kExitFile) << "{";
  std::filesystem::remove(dir_of("damaged") / kResultFile);
  start_host();
  submit(launch);
  EXPECT_NE(await_lost(launch).find("cannot be read"), std::string::npos);
}

TEST_P(HostRecovery, CollectsAgainWhenTheResultIsDamaged) {
  const auto launch = request("recollected", script("echo '::set-output name=k::v'"));
  carry_out(launch);
  std::ofstream(dir_of("recollected") / kResultFile) << "{";
  start_host();
  EXPECT_EQ(output(carry_out(launch), "k"), "v");
}

TEST_P(HostRecovery, ReportsAProgramThatIsNoShim) {
  options().program = "/bin/false";
  start_host();
  const auto silent = request("false", script("true"));
  submit(silent);
  EXPECT_NE(await_lost(silent).find("before it was ready"), std::string::npos);
  options().program = "/no/such/program";
  start_host();
  const auto missing = carry_out("missing", script("true"));
  EXPECT_EQ(missing.end, RunEnd::LaunchFailed);
  EXPECT_NE(missing.reason.find("no such file"), std::string::npos) << missing.reason;
}

/// A supervisor that is killed before it has begun takes its run with it as any other does: the
/// task has not failed.
TEST_P(HostRecovery, ReportsTheLossOfAShimThatWasKilledBeforeItWasReady) {
  stop_host();
  const std::filesystem::path program = root_ / "killed";
  std::ofstream(program) << "#!/bin/sh\nkill -9 $$\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  options().program = program;
  start_host();
  const auto launch = request("killed-early", script("echo never"));
  submit(launch);
  EXPECT_NE(await_lost(launch).find("before it was ready"), std::string::npos);
}

TEST_P(HostRecovery, ReportsWhatAShimSaysThatCannotBegin) {
  stop_host();
  const std::filesystem::path program = root_ / "failing";
  std::ofstream(program) << "#!/bin/sh\necho 'no room' >&2\nexit 1\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  options().program = program;
  start_host();
  const auto result = carry_out("failing-early", script("echo never"));
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_EQ(result.reason, "no room");
}

TEST_P(HostRecovery, RepeatsTheStartForARepeatedRequest) {
  Bell bell(root_ / "bell");
  const auto launch = request("twice", script(concat("echo x > ", bell.path(), "; sleep 1000")));
  submit(launch);
  await_started(launch);
  bell.next();
  submit(launch);
  await_started(launch);
  submit(cancellation(launch));
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
}

}  // namespace
}  // namespace reeve::host
