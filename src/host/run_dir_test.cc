#include "host/run_dir.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "host/exit_file.h"
#include "platform/posix/files.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

class RunDirTest : public ::testing::Test {
 protected:
  RunDirTest() {
    std::string path = (fs::temp_directory_path() / "reeve-dir-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
  }

  ~RunDirTest() override { EXPECT_TRUE(platform::remove_tree(dir_).ok()); }

  void write(const char* name, std::string_view text) const {
    EXPECT_TRUE(platform::replace_file(dir_ / name, text).ok());
  }

  fs::path dir_;
};

TEST_F(RunDirTest, TellsProcessesWhereTheyComeFromUnlessTheWorkflowDoes) {
  const model::Origin origin{
      .correlation = CorrelationId("req-1"), .trace = {.parent = "00-a", .state = "v=1"}};
  using Environment = std::vector<model::NamedValue>;
  EXPECT_EQ(
      with_origin({}, origin).environment,
      (Environment{
          {"REEVE_CORRELATION_ID", "req-1"}, {"TRACEPARENT", "00-a"}, {"TRACESTATE", "v=1"}})
  );
  model::RunSpec own;
  own.environment = {{"TRACEPARENT", "mine"}};
  // At the end: places of credentials count entries from the beginning.
  EXPECT_EQ(
      with_origin(own, {.correlation = CorrelationId("req-1"), .trace = {}}).environment,
      (Environment{{"TRACEPARENT", "mine"}, {"REEVE_CORRELATION_ID", "req-1"}})
  );
  EXPECT_TRUE(with_origin({}, {}).environment.empty());
}

TEST_F(RunDirTest, ReadsTheRecordsItWrites) {
  SpecRecord spec;
  spec.mission = MissionName("m");
  spec.run = RunName("r");
  spec.fence = Fence(7);
  spec.boot_id = "boot";
  spec.mark = "mark";
  spec.spec.steps.push_back({.phase = model::Phase::After, .script = "echo \"x\"\n"});
  write(kSpecFile, encode(spec));
  const auto spec_back = read_spec(dir_);
  ASSERT_TRUE(spec_back.ok());
  EXPECT_EQ(spec_back->fence, Fence(7));
  EXPECT_EQ(spec_back->mark, "mark");
  EXPECT_EQ(spec_back->spec.steps.at(0).script, "echo \"x\"\n");

  write(kShimFile, encode(ShimRecord{42, 4711, "boot", Fence(7), "/group"}));
  const auto shim = read_shim(dir_);
  ASSERT_TRUE(shim.ok());
  EXPECT_EQ(shim->pid, 42);
  EXPECT_EQ(shim->start_time, 4711U);
  EXPECT_EQ(shim->cgroup, "/group");

  ExitRecord exit;
  exit.run = RunName("r");
  exit.fence = Fence(7);
  exit.result.end = model::RunEnd::Signalled;
  exit.result.exit_code = 139;
  exit.steps.push_back({model::Phase::Before, model::RunEnd::Signalled, 139, 5, 9});
  write(kExitFile, encode(exit));
  const auto exit_back = read_exit(dir_);
  ASSERT_TRUE(exit_back.ok());
  EXPECT_EQ(exit_back->result.exit_code, 139);
  ASSERT_EQ(exit_back->steps.size(), 1U);
  EXPECT_EQ(exit_back->steps[0].phase, model::Phase::Before);
  EXPECT_EQ(exit_back->steps[0].stdout_end, 9U);
}

TEST_F(RunDirTest, TellsMissingFromDamagedRecords) {
  EXPECT_EQ(read_spec(dir_).error().code, ErrorCode::NotFound);
  for (const char* text : {"", "{", "[]", "{}", "{\"pid\":-1}", "{\"spec\":{\"x\":1}}"}) {
    write(kSpecFile, text);
    write(kShimFile, text);
    write(kExitFile, text);
    write(kResultFile, text);
    EXPECT_EQ(read_spec(dir_).error().code, ErrorCode::Corrupt) << text;
    EXPECT_EQ(read_shim(dir_).error().code, ErrorCode::Corrupt) << text;
    EXPECT_EQ(read_exit(dir_).error().code, ErrorCode::Corrupt) << text;
    EXPECT_EQ(read_result(dir_).error().code, ErrorCode::Corrupt) << text;
  }
}

TEST_F(RunDirTest, CommitsAnExitRecordThatOutgrewItsSpace) {
  auto file = ExitFile::prepare(dir_, 1);
  ASSERT_TRUE(file.ok());
  ExitRecord record;
  record.run = RunName("r");
  for (int i = 0; i < 31; ++i) {
    add_warning(record.result, std::string(512, '\x01'));
  }
  ASSERT_TRUE(file->commit(record).ok());
  const auto back = read_exit(dir_);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->result.warnings.size(), 1U);
  EXPECT_FALSE(fs::exists(dir_ / kExitTempFile));
}

TEST(RunDirectory, RefusesNamesThatLeaveIt) {
  EXPECT_EQ(
      run_directory("/d", MissionName("m"), RunName("m.1.t.1")).value(),
      "/d/missions/m/runs/m.1.t.1"
  );
  for (const std::string& name :
       {std::string(),
        std::string("."),
        std::string(".."),
        std::string("a/b"),
        std::string("a\0b", 3),
        std::string(256, 'x')}) {
    EXPECT_FALSE(run_directory("/d", MissionName(name), RunName("r")).ok());
    EXPECT_FALSE(run_directory("/d", MissionName("m"), RunName(name)).ok());
  }
}

TEST(WorkingDirectory, StaysBelowTheRunUnlessAbsolute) {
  model::RunSpec spec;
  EXPECT_EQ(working_directory("/r", spec).value(), "/r/work");
  spec.working_dir = "./a/b/";
  EXPECT_EQ(working_directory("/r", spec).value(), "/r/work/a/b");
  spec.working_dir = "/abs";
  EXPECT_EQ(working_directory("/r", spec).value(), "/abs");
  for (const char* bad : {"..", "a/../..", "a//b", "a/./b"}) {
    spec.working_dir = bad;
    EXPECT_FALSE(working_directory("/r", spec).ok()) << bad;
  }
}

TEST(Mark, DiffersByDirectoryAndFence) {
  EXPECT_EQ(make_mark("/a", Fence(1)), make_mark("/a", Fence(1)));
  EXPECT_NE(make_mark("/a", Fence(1)), make_mark("/a", Fence(2)));
  EXPECT_NE(make_mark("/a", Fence(1)), make_mark("/b", Fence(1)));
}

TEST(CutText, CutsBetweenCharacters) {
  EXPECT_EQ(cut_text("short", 8), "short");
  EXPECT_EQ(cut_text("exactly8", 8), "exactly8");
  EXPECT_EQ(cut_text("1234567\xc3\xa9", 8), "1234567");
  EXPECT_EQ(cut_text("123456\xc3\xa9x", 8), "123456\xc3\xa9");
  EXPECT_EQ(cut_text("\xc3\xa9", 1), "");
}

TEST(Warnings, StayWithinTheLimitsOfAResult) {
  model::RunResult result;
  add_warning(result, std::string(600, 'x') + "\xc3\xa9");
  add_warning(result, std::string(508, 'x') + "\xc3\xa9\xc3\xa9\xc3\xa9");
  add_warning(result, "bad \xff byte");
  for (int i = 0; i < 100; ++i) {
    add_warning(result, concat("warning ", i));
  }
  EXPECT_EQ(result.warnings.size(), model::kWarningsMax);
  EXPECT_LE(result.warnings[0].size(), model::kWarningBytesMax);
  EXPECT_TRUE(is_utf8(result.warnings[1]));
  EXPECT_EQ(result.warnings[2], "bad ? byte");
  EXPECT_TRUE(model::run_result_from_json(to_json(result)).ok());
}

}  // namespace
}  // namespace reeve::host
