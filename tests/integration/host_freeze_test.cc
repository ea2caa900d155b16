#include <algorithm>
#include <csignal>
#include <poll.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "host/inspection.h"
#include "host/process_tree.h"
#include "host_fixture.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

using model::RunEnd;

/// How a tree is made to stand still.
enum class Holding { AsTheMachineAllows, WithoutCgroup };

std::string name_of(const ::testing::TestParamInfo<Holding>& info) {
  return info.param == Holding::WithoutCgroup ? "WithoutCgroup" : "AsTheMachineAllows";
}

class HostFreeze : public HostTest, public ::testing::WithParamInterface<Holding> {
 protected:
  void SetUp() override {
    if (GetParam() == Holding::WithoutCgroup) {
      hide_cgroups();
    }
  }

  static model::FreezeRun still(const model::LaunchRun& launch) {
    return {
        .mission = launch.mission,
        .run = launch.run,
        .fence = launch.fence,
        .reason = "the budget is used up"};
  }

  static model::ThawRun on(const model::LaunchRun& launch) {
    return {.mission = launch.mission, .run = launch.run, .fence = launch.fence};
  }

  /// A run that answers every line with a line, by a child in a session of its own.
  static model::RunSpec echoing(const Bell& ask, const Bell& answer) {
    return script(concat(
        "exec 3< ",
        ask.path(),
        "\necho up > ",
        answer.path(),
        "\nsetsid sh -c 'while read line <&3; do echo here > ",
        answer.path(),
        "; done'"
    ));
  }

  /// Waits until every process of the run stands still, or does not.
  void await_still(std::string_view run, bool still = true) const {
    const auto spec = read_spec(dir_of(run));
    const auto shim = read_shim(dir_of(run));
    ASSERT_TRUE(spec.ok() && shim.ok());
    const Duration give_up = platform::monotonic_now() + kPatience;
    while (stands_still(spec->mark, *shim) != still) {
      ASSERT_LT(platform::monotonic_now(), give_up);
      ::poll(nullptr, 0, 1);
    }
  }

  static constexpr Duration kPatience{30'000};

 private:
  static bool stands_still(const std::string& mark, const ShimRecord& shim) {
    constexpr std::uint64_t kBytesMax = 65'536;
    if (!shim.cgroup.empty()) {
      const auto events = platform::read_file(fs::path(shim.cgroup) / "cgroup.events", kBytesMax);
      return events.ok() && events->find("frozen 1") != std::string::npos;
    }
    bool still = true;
    for (const int pid : processes_marked(mark)) {
      const auto stat = platform::read_file(concat("/proc/", pid, "/stat"), kBytesMax);
      still = still && stat.ok() && stat->find(") T ") != std::string::npos;
    }
    return still;
  }
};

INSTANTIATE_TEST_SUITE_P(
    Holding,
    HostFreeze,
    ::testing::Values(Holding::AsTheMachineAllows, Holding::WithoutCgroup),
    name_of
);

TEST_P(HostFreeze, StandsStillAndGoesOnWhereItWas) {
  Bell ask(root_ / "ask");
  Bell answer(root_ / "answer");
  const auto launch = request("still", echoing(ask, answer));
  submit(launch);
  await_started(launch);
  EXPECT_EQ(answer.next(), "up");
  submit(still(launch));
  await_still("still");
  ask.ring();
  EXPECT_FALSE(answer.rings());
  submit(still(launch));
  const std::vector<std::string> told = explain_run_dir(dir_of("still"));
  EXPECT_NE(std::find(told.begin(), told.end(), "stands still: the budget is used up"), told.end());
  submit(on(launch));
  EXPECT_EQ(answer.next(), "here");
  submit(on(launch));
  ask.ring();
  EXPECT_EQ(answer.next(), "here");
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
}

TEST_P(HostFreeze, StandsStillWhenAnotherHostComes) {
  Bell ask(root_ / "ask");
  Bell answer(root_ / "answer");
  auto launch = request("kept", echoing(ask, answer));
  submit(launch);
  await_started(launch);
  EXPECT_EQ(answer.next(), "up");
  submit(still(launch));
  await_still("kept");
  start_host();
  launch.started = true;
  submit(launch);
  submit(still(launch));
  await_started(launch);
  await_still("kept");
  ask.ring();
  EXPECT_FALSE(answer.rings());
  submit(on(launch));
  EXPECT_EQ(answer.next(), "here");
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
}

TEST_P(HostFreeze, EndsWhenItIsCancelledMeanwhile) {
  Bell bell(root_ / "bell");
  const auto launch = request(
      "ended",
      script(concat(
          "trap 'echo bye; exit 3' TERM; echo up > ", bell.path(), "; while :; do sleep 0.05; done"
      ))
  );
  submit(launch);
  await_started(launch);
  bell.next();
  submit(still(launch));
  await_still("ended");
  submit(cancellation(launch));
  EXPECT_EQ(await_finished(launch).end, RunEnd::Cancelled);
  EXPECT_EQ(content("ended", kStdoutFile), "bye\n");
}

TEST_P(HostFreeze, HasItsTimeWhenItGoesOn) {
  Bell ask(root_ / "ask");
  Bell answer(root_ / "answer");
  auto spec = script(concat(
      "echo up > ", answer.path(), "; read line < ", ask.path(), "; echo here > ", answer.path()
  ));
  spec.timeout = Duration(3'000);
  const auto launch = request("patient", spec);
  submit(launch);
  await_started(launch);
  answer.next();
  submit(still(launch));
  await_still("patient");
  const Duration beyond = platform::monotonic_now() + spec.timeout;
  while (platform::monotonic_now() < beyond) {
    ::poll(nullptr, 0, 20);
  }
  submit(on(launch));
  ask.ring();
  EXPECT_EQ(answer.next(), "here");
  const model::RunResult result = await_finished(launch);
  EXPECT_TRUE(result.succeeded()) << result.reason;
}

TEST_P(HostFreeze, IsLostWithItsShim) {
  Bell bell(root_ / "bell");
  const auto launch =
      request("lost", script(concat("sleep 1000 & echo up > ", bell.path(), "; sleep 1000")));
  submit(launch);
  await_started(launch);
  bell.next();
  submit(still(launch));
  await_still("lost");
  const auto spec = read_spec(dir_of("lost"));
  ::kill(shim_pid("lost"), SIGKILL);
  await_lost(launch);
  ASSERT_TRUE(spec.ok());
  EXPECT_TRUE(processes_marked(spec->mark).empty());
}

TEST_P(HostFreeze, BeginsNothingWhileItStandsStill) {
  Bell bell(root_ / "bell");
  Bell ask(root_ / "ask");
  auto spec = script(concat("echo first > ", bell.path(), "; read line < ", ask.path()));
  spec.steps.push_back(main(concat("echo second > ", bell.path())));
  const auto launch = request("steps", spec);
  submit(launch);
  await_started(launch);
  EXPECT_EQ(bell.next(), "first");
  submit(still(launch));
  await_still("steps");
  ask.ring();
  EXPECT_FALSE(bell.rings());
  submit(on(launch));
  EXPECT_EQ(bell.next(), "second");
  EXPECT_TRUE(await_finished(launch).succeeded());
}

TEST_F(HostTest, NobodyIsWhoStandsStillWithoutARun) {
  model::LaunchRun nobody = request("nobody", script("true"));
  submit(model::FreezeRun{
      .mission = nobody.mission, .run = nobody.run, .fence = nobody.fence, .reason = "?"});
  submit(model::ThawRun{.mission = nobody.mission, .run = nobody.run, .fence = nobody.fence});
  EXPECT_TRUE(carry_out(nobody).succeeded());
}

}  // namespace
}  // namespace reeve::host
