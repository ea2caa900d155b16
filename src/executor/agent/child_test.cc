#include "executor/agent/child.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "executor/agent/journal.h"
#include "executor/agent/run_files.h"

namespace reeve::executor::agent {
namespace {

namespace fs = std::filesystem;

struct Heard {
  Result<ChildEnd> run(
      std::string script, std::string input = {}, Duration duration = Duration(0)
  ) {
    return run_child(
        {.argv = {"sh", "-c", std::move(script)},
         .environment = {{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello"}},
         .input = std::move(input),
         .duration = duration},
        100,
        [this](std::string_view line) { lines.emplace_back(line); }
    );
  }

  std::vector<std::string> lines;
};

TEST(AgentChild, GetsItsInputAndGivesItsLinesAndItsCode) {
  Heard heard;
  const std::string large(300'000, 'x');
  const ChildEnd end = heard.run("wc -c; echo $GREETING; printf 'no end'; exit 7", large).value();
  EXPECT_EQ(end.code, 7);
  EXPECT_FALSE(end.timed_out);
  EXPECT_EQ(heard.lines, (std::vector<std::string>{"300000", "hello", "no end"}));
}

TEST(AgentChild, LongLinesArePassedOver) {
  Heard heard;
  ASSERT_TRUE(heard.run("printf '%0200d\\n' 1; echo short").ok());
  EXPECT_EQ(heard.lines, std::vector<std::string>{"short"});
}

TEST(AgentChild, WhatItLeavesBehindIsNotWaitedFor) {
  Heard heard;
  const ChildEnd end = heard.run("sleep 60 & echo $!").value();
  EXPECT_EQ(end.code, 0);
  ASSERT_EQ(heard.lines.size(), 1U);
  ::kill(std::stoi(heard.lines.front()), SIGKILL);
}

TEST(AgentChild, IsEndedAtItsTime) {
  Heard heard;
  const ChildEnd end = heard.run("exec >&-; exec sleep 600", {}, Duration(1)).value();
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.code, 128 + SIGTERM);
}

TEST(AgentChild, AProgramThatIsMissingIsNamed) {
  const auto end = run_child(
      {.argv = {"no-such-agent"}, .environment = {}, .input = {}}, 10, [](std::string_view) {}
  );
  ASSERT_FALSE(end.ok());
  EXPECT_NE(end.error().describe().find("no-such-agent"), std::string::npos);
  EXPECT_NE(end.error().hint.find("cli.argv"), std::string::npos);
}

class AgentFiles : public testing::Test {
 protected:
  AgentFiles() : dir_(fs::path(testing::TempDir()) / concat("agent-files-", ::getpid())) {
    fs::remove_all(dir_);
    fs::create_directories(dir_ / "missions/m/runs/m.1.code.2");
  }

  ~AgentFiles() override { fs::remove_all(dir_); }

  ToolRequest request(std::string run) const {
    return {
        .input = {},
        .run_dir = dir_ / "missions/m/runs" / run,
        .working_dir = dir_,
        .data_dir = dir_,
        .environment = {{"REEVE_RUN", run}, {"REEVE_TASK", "code"}, {"REEVE_FENCE", "9"}}};
  }

  fs::path dir_;
};

TEST_F(AgentFiles, AnotherAttemptFindsWhatTheFirstHasLeft) {
  const RunFiles first = make_run_files(request("m.1.code.1"), "u-1").value();
  const RunFiles second = make_run_files(request("m.1.code.2"), "u-1").value();
  EXPECT_EQ(first.journal, second.journal);
  EXPECT_NE(first.key, second.key);
  EXPECT_NE(first.places.files, second.places.files);
  EXPECT_NE(first.journal, make_run_files(request("m.1.test.1"), "u-1")->journal);
  EXPECT_NE(first.journal, make_run_files(request("m.1.code.1"), "u-2")->journal)
      << "another mission of that name";
  EXPECT_EQ(fs::status(first.places.sessions).permissions(), fs::perms::owner_all);
  ASSERT_TRUE(keep_session(first, "s-1").ok());
  Work work;
  work.session = kPreviousSession;
  EXPECT_EQ(session_of(work, second).value(), "s-1");
  for (const std::string& name :
       {std::string("../../etc/passwd"),
        std::string("--last"),
        std::string("-c"),
        std::string("_1"),
        std::string(129, 'x')}) {
    work.session = name;
    EXPECT_FALSE(session_of(work, second).ok()) << name;
    ASSERT_TRUE(keep_session(first, name).ok());
  }
  work.session = kPreviousSession;
  EXPECT_EQ(session_of(work, second).value(), "s-1") << "what is no name is not kept";
}

TEST_F(AgentFiles, AJournalBelongsToOneAndForgetsWhatWasNotFinished) {
  const fs::path path = dir_ / "j.jsonl";
  {
    JournalFile journal = JournalFile::open(path).value();
    EXPECT_TRUE(journal.read()->empty());
    ASSERT_TRUE(journal.append(begin_record("k", "d")).ok());
    EXPECT_EQ(JournalFile::open(path).error().code, ErrorCode::Unavailable);
  }
  std::ofstream(path, std::ios::app) << R"({"kind":"as)";
  JournalFile journal = JournalFile::open(path).value();
  EXPECT_EQ(journal.read()->size(), 1U);
  ASSERT_TRUE(journal.append({.kind = Record::Kind::Ask, .text = {}, .body = {}}).ok());
  EXPECT_EQ(journal.read()->size(), 2U);
  std::ofstream(path, std::ios::app) << "garbage\n";
  EXPECT_EQ(journal.read().error().code, ErrorCode::Corrupt);
  ASSERT_TRUE(journal.clear().ok());
  EXPECT_TRUE(journal.read()->empty());
}

TEST_F(AgentFiles, AJournalThatCannotBeReadIsKept) {
  const fs::path path = dir_ / "j.jsonl";
  std::ofstream(path) << "garbage\n";
  JournalFile journal = JournalFile::open(path).value();
  ASSERT_FALSE(journal.read().ok());
  ASSERT_TRUE(journal.set_aside().ok());
  EXPECT_TRUE(journal.read()->empty());
  ASSERT_TRUE(journal.append(begin_record("k", "d")).ok());
  EXPECT_EQ(JournalFile::open(path).error().code, ErrorCode::Unavailable) << "it has its lock";
  EXPECT_EQ(fs::file_size(concat(path.native(), kSetAsideSuffix)), 8U);
}

TEST_F(AgentFiles, AFullJournalHasRoomForItsEnd) {
  const fs::path path = dir_ / "j.jsonl";
  JournalFile journal = JournalFile::open(path, 1000).value();
  Record record = begin_record(std::string(600, 'x'), "d");
  ASSERT_TRUE(journal.append(record).ok());
  EXPECT_EQ(journal.append(record).error().code, ErrorCode::LimitExceeded);
  record.kind = Record::Kind::End;
  EXPECT_TRUE(journal.append(record).ok());
  EXPECT_EQ(journal.read()->size(), 2U) << "and can be read with it";
}

TEST_F(AgentFiles, ClaudesSessionsAreFoundInOtherDirectories) {
  const fs::path sessions = dir_ / "sessions";
  fs::create_directories(sessions / "claude/projects/-elsewhere");
  std::ofstream(sessions / "claude/projects/-elsewhere/s-1.jsonl") << "{}\n";
  ASSERT_TRUE(bring_claude_session(sessions, "/here/now", "s-1").ok());
  EXPECT_TRUE(fs::exists(sessions / "claude/projects/-here-now/s-1.jsonl"));
  EXPECT_EQ(bring_claude_session(sessions, "/here/now", "s-2").error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace reeve::executor::agent
