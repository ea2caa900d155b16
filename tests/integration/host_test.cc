#include "host/host.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "host/inspection.h"
#include "host_fixture.h"
#include "platform/posix/files.h"

namespace reeve::host {
namespace {

using model::RunEnd;

class HostRun : public HostTest {};

TEST_F(HostRun, ReportsStartAndSuccess) {
  const auto launch = request("ok", script("echo hello; echo problem >&2"));
  submit(launch);
  await_started(launch);
  const auto result = await_finished(launch);
  EXPECT_EQ(result.end, RunEnd::Exited);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(result.succeeded());
  EXPECT_TRUE(result.reason.empty());
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_GE(result.ended_at, result.started_at);
  EXPECT_GT(to_unix_millis(result.started_at), 0);
  EXPECT_EQ(content("ok", "stdout.log"), "hello\n");
  EXPECT_EQ(content("ok", "stderr.log"), "problem\n");
}

TEST_F(HostRun, ReportsTheExitCodeOfTheFailingStep) {
  model::RunSpec spec;
  spec.steps = {main("true"), main("exit 7"), main("echo never")};
  const auto result = carry_out("fails", spec);
  EXPECT_EQ(result.end, RunEnd::Exited);
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.reason, "step 2 exited with code 7");
  EXPECT_EQ(content("fails", "stdout.log"), "");
}

TEST_F(HostRun, SaysWhatTheShellMeansByItsCodes) {
  model::RunSpec spec;
  spec.steps = {main("./not-there")};
  EXPECT_EQ(
      carry_out("not-there", spec).reason,
      "step 1 exited with code 127: no such program, or no such file in the directory of the run, "
      "which starts empty"
  );
  spec.steps = {main("echo x > text; ./text")};
  EXPECT_EQ(
      carry_out("text", spec).reason,
      "step 1 exited with code 126: it is there and cannot be executed"
  );
}

TEST_F(HostRun, RunsPhasesInOrderAndAfterStepsAlways) {
  model::RunSpec spec;
  spec.steps = {after("echo after; exit 3"), main("echo main; exit 2"), before("echo before")};
  const auto result = carry_out("phases", spec);
  EXPECT_EQ(content("phases", "stdout.log"), "before\nmain\nafter\n");
  EXPECT_EQ(result.exit_code, 2);
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_EQ(result.warnings[0], "after step 1: exited with code 3");
}

TEST_F(HostRun, SkipsMainWhenBeforeFails) {
  model::RunSpec spec;
  spec.steps = {before("exit 4"), main("echo main"), after("echo after")};
  const auto result = carry_out("before", spec);
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_EQ(result.reason, "before step 1 exited with code 4");
  EXPECT_EQ(content("before", "stdout.log"), "after\n");
}

TEST_F(HostRun, SucceedsWithoutSteps) {
  EXPECT_TRUE(carry_out("empty", {}).succeeded());
}

TEST_F(HostRun, TakesSetOutputsOnlyFromStepsThatSucceeded) {
  model::RunSpec spec;
  spec.steps = {
      main("echo '::set-output name=a::1'; printf '::set-output name=b::no newline'"),
      main("echo '::set-output name=a::2'; echo '::set-output name=c::3'; exit 1"),
      after("echo '::set-output name=d::4'")};
  const auto result = carry_out("outputs", spec);
  EXPECT_EQ(output(result, "a"), "1");
  EXPECT_EQ(output(result, "b"), "no newline");
  EXPECT_EQ(output(result, "c"), std::nullopt);
  EXPECT_EQ(output(result, "d"), "4");
}

TEST_F(HostRun, ReadsValuesWithNewlinesFromTheOutputFile) {
  const auto result = carry_out(
      "file",
      script("printf 'k=v\\ntext<<END\\none\\n\\ntwo\\nEND\\nstray\\n' >> \"$REEVE_OUTPUT\"")
  );
  EXPECT_EQ(output(result, "k"), "v");
  EXPECT_EQ(output(result, "text"), "one\n\ntwo");
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("line 7"), std::string::npos);
}

TEST_F(HostRun, IsNotBlockedByAnOutputFileThatBecameAFifo) {
  const auto result = carry_out("fifo", script("rm $REEVE_OUTPUT; mkfifo $REEVE_OUTPUT"));
  EXPECT_TRUE(result.succeeded());
  ASSERT_EQ(result.warnings.size(), 1U);
}

TEST_F(HostRun, OverlaysTheEnvironment) {
  ::setenv("REEVE_TEST_INHERITED", "from the host", 1);
  ::setenv("REEVE_TEST_REPLACED", "old", 1);
  model::RunSpec spec = script(
      "echo \"$REEVE_TEST_INHERITED|$REEVE_TEST_REPLACED|$NEW|$REEVE_RUN|$REEVE_FENCE\"; "
      "test \"$PWD\" = \"$REEVE_WORKSPACE\" && test -f \"$REEVE_OUTPUT\""
  );
  spec.environment = {
      {"REEVE_TEST_REPLACED", "first"},
      {"REEVE_TEST_REPLACED", "new"},
      {"NEW", "a=b 'c'\nd"},
      {"BAD=NAME", "x"},
      {"REEVE_RUN", "forged"}};
  const auto result = carry_out("env", spec);
  EXPECT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(content("env", "stdout.log"), "from the host|new|a=b 'c'\nd|env|1\n");
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("BAD=NAME"), std::string::npos);
}

TEST_F(HostRun, StartsInItsOwnEmptyDirectoryByDefault) {
  const auto result = carry_out("cwd", script("pwd; ls -A; exit 1"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(content("cwd", "stdout.log"), concat((dir_of("cwd") / "work").string(), "\n"));
}

TEST_F(HostRun, HonoursTheWorkingDirectory) {
  model::RunSpec relative = script("pwd; exit 1");
  relative.working_dir = "a/b";
  carry_out("relative", relative);
  EXPECT_EQ(
      content("relative", "stdout.log"), concat((dir_of("relative") / "work/a/b").string(), "\n")
  );

  model::RunSpec absolute = script("pwd");
  absolute.working_dir = root_.string();
  carry_out("absolute", absolute);
  EXPECT_EQ(content("absolute", "stdout.log"), concat(root_.string(), "\n"));
}

TEST_F(HostRun, FailsToLaunchInAMissingOrForeignDirectory) {
  model::RunSpec missing = script("true");
  missing.working_dir = "/no/such/directory";
  const auto result = carry_out("missing", missing);
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_EQ(result.reason, "no such file or directory: /no/such/directory");

  model::RunSpec outside = script("true");
  outside.working_dir = "../..";
  const auto refused = carry_out("outside", outside);
  EXPECT_EQ(refused.end, RunEnd::LaunchFailed);
  EXPECT_NE(refused.reason.find("leaves"), std::string::npos) << refused.reason;
}

TEST_F(HostRun, NamesTheMissingInterpreter) {
  const auto result = carry_out("shebang", script("#!/no/such/zsh\necho hi"));
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_EQ(result.exit_code, 127);
  EXPECT_EQ(result.reason, "no such file or directory: /no/such/zsh");
  const auto refused = carry_out("denied", script("#!/etc/passwd\necho hi"));
  EXPECT_EQ(refused.end, RunEnd::LaunchFailed);
  EXPECT_EQ(refused.exit_code, 126);
}

TEST_F(HostRun, RunsBashByDefaultAndWhateverTheShebangNames) {
  if (::access("/bin/bash", X_OK) == 0) {
    const auto bash = carry_out("bash", script("a=(1 2 3); echo ${#a[@]}; [[ x == x ]]"));
    EXPECT_TRUE(bash.succeeded());
    EXPECT_EQ(content("bash", "stdout.log"), "3\n");
  }
  const auto python =
      carry_out("python", script("#!/usr/bin/env python3\nimport sys\nprint(6*7); sys.exit(5)\n"));
  EXPECT_EQ(python.exit_code, 5);
  EXPECT_EQ(content("python", "stdout.log"), "42\n");
}

TEST_F(HostRun, HasNoStandardInput) {
  EXPECT_TRUE(carry_out("stdin", script("cat")).succeeded());
}

TEST_F(HostRun, SurvivesClosedStreamsAndBinaryOutput) {
  const auto closed = carry_out("closed", script("exec >&- 2>&-; sleep 0; exit 9"));
  EXPECT_EQ(closed.exit_code, 9);
  const auto binary = carry_out("binary", script("printf '\\000\\377\\376\\n\\001'"));
  EXPECT_TRUE(binary.succeeded());
  EXPECT_EQ(content("binary", "stdout.log"), std::string("\0\377\376\n\001", 5));
}

TEST_F(HostRun, KeepsNoMoreOutputThanAllowedAndSaysSo) {
  constexpr std::uint64_t kKept = 100'000;
  model::RunSpec spec = script("head -c 300000000 /dev/zero; echo '::set-output name=late::1'");
  spec.output_bytes_max = kKept;
  spec.steps.push_back(main("echo to stderr >&2"));
  const auto result = carry_out("much", spec);
  EXPECT_TRUE(result.succeeded());
  const std::string log = content("much", "stdout.log");
  EXPECT_LT(log.size(), kKept + 200);
  EXPECT_NE(log.find("bytes of standard output were not kept"), std::string::npos);
  EXPECT_NE(log.find("[reeve: 299900026 bytes"), std::string::npos) << log.substr(kKept);
  EXPECT_EQ(content("much", "stderr.log"), "to stderr\n");
  ASSERT_EQ(result.warnings.size(), 1U);
}

TEST_F(HostRun, AnswersARepeatedRequestWithTheSameResult) {
  Bell bell(root_ / "bell");
  const auto launch = request(
      "again",
      script(concat("echo ran > ", bell.path(), "; echo '::set-output name=n::'$$; exit 3"))
  );
  const auto first = carry_out(launch);
  const auto second = carry_out(launch);
  start_host();
  const auto third = carry_out(launch);
  EXPECT_EQ(first.exit_code, 3);
  EXPECT_EQ(output(first, "n"), output(second, "n"));
  EXPECT_EQ(output(first, "n"), output(third, "n"));
  EXPECT_EQ(first.started_at, third.started_at);
}

TEST_F(HostRun, RemovesTheWorkingDirectoryOnlyAfterSuccess) {
  carry_out("good", script("touch x"));
  EXPECT_FALSE(std::filesystem::exists(dir_of("good") / "work"));
  carry_out("bad", script("touch x; false"));
  EXPECT_TRUE(std::filesystem::exists(dir_of("bad") / "work" / "x"));
}

TEST_F(HostRun, RefusesNamesThatAreNoFileNames) {
  for (const char* name : {"..", "a/b", ""}) {
    const auto result = carry_out(name, script("true"));
    EXPECT_EQ(result.end, RunEnd::LaunchFailed) << name;
  }
}

TEST_F(HostRun, CarriesOutManyRunsAtOnce) {
  constexpr int kRuns = 40;
  std::vector<model::LaunchRun> launches;
  for (int i = 0; i < kRuns; ++i) {
    launches.push_back(request(concat("run", i), script(concat("echo ", i, "; exit ", i % 3))));
    submit(launches.back());
  }
  for (int i = 0; i < kRuns; ++i) {
    EXPECT_EQ(await_finished(launches[static_cast<std::size_t>(i)]).exit_code, i % 3);
    EXPECT_EQ(content(concat("run", i), "stdout.log"), concat(i, "\n"));
  }
}

TEST_F(HostRun, SharesItsDataDirectoryWithNoOtherHost) {
  const auto second = Host::create(options(), *blobs_, [](const model::Report&) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::Unavailable);
}

TEST_F(HostRun, ExplainsItsDirectory) {
  carry_out("told", script("exit 6"));
  const std::string text = join(explain_run_dir(dir_of("told")), "\n");
  EXPECT_NE(text.find("finished"), std::string::npos) << text;
  EXPECT_NE(text.find("exit code 6"), std::string::npos) << text;
  EXPECT_NE(explain_run_dir(root_).front().find("not a run"), std::string::npos);
}

}  // namespace
}  // namespace reeve::host
