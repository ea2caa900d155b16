#include "host/run_log.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "host/run_dir.h"
#include "platform/posix/files.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

class RunLogTest : public ::testing::Test {
 protected:
  RunLogTest() {
    std::string path = (fs::temp_directory_path() / "reeve-log-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
  }

  ~RunLogTest() override { EXPECT_TRUE(platform::remove_tree(dir_).ok()); }

  void append(const char* name, std::string_view text) const {
    std::ofstream(dir_ / name, std::ios::app) << text;
  }

  LogBatch read(const LogCursor& cursor, std::size_t bytes_max = 1000) const {
    auto log = RunLog::open(dir_);
    EXPECT_TRUE(log.ok());
    auto batch = log->read(cursor, bytes_max);
    EXPECT_TRUE(batch.ok());
    return batch.ok() ? std::move(batch).value() : LogBatch{};
  }

  static std::string text(const LogBatch& batch) {
    std::string all;
    for (const LogChunk& chunk : batch.chunks) {
      all += chunk.stream == Stream::Out ? "o:" : "e:";
      all += chunk.bytes;
    }
    return all;
  }

  fs::path dir_;
};

Timestamp at(int millis) {
  return from_unix_millis(millis);
}

TEST_F(RunLogTest, InterleavesBothStreamsByTime) {
  LogWriter writer(dir_, 1000);
  writer.append(Stream::Out, "a\n", at(1));
  writer.append(Stream::Err, "b\n", at(2));
  writer.append(Stream::Out, "c\n", at(3));
  const LogBatch batch = read({});
  EXPECT_EQ(text(batch), "o:a\ne:b\no:c\n");
  EXPECT_EQ(batch.chunks[1].at, at(2));
  EXPECT_FALSE(batch.ended);
  EXPECT_TRUE(read(batch.next).chunks.empty());
}

TEST_F(RunLogTest, ResumesWithinAPiece) {
  LogWriter writer(dir_, 1000);
  writer.append(Stream::Out, "abcdef", at(1));
  writer.append(Stream::Err, "xyz", at(2));
  std::string all;
  LogCursor cursor;
  for (int i = 0; i < 9; ++i) {
    const LogBatch batch = read(cursor, 1);
    ASSERT_EQ(batch.chunks.size(), 1U) << i;
    all += batch.chunks[0].bytes;
    cursor = batch.next;
  }
  EXPECT_EQ(all, "abcdefxyz");
}

TEST_F(RunLogTest, LeavesATornLastLineForLater) {
  LogWriter writer(dir_, 1000);
  writer.append(Stream::Out, "one", at(1));
  append(kStdoutFile, "two");
  append(kIndexFile, "2 o ");
  const LogBatch torn = read({});
  EXPECT_EQ(text(torn), "o:one");
  append(kIndexFile, "3\n");
  EXPECT_EQ(text(read(torn.next)), "o:two");
}

TEST_F(RunLogTest, HandsOutWhatTheIndexLacksOnceTheRunIsOver) {
  LogWriter writer(dir_, 1000);
  writer.append(Stream::Out, "one", at(1));
  append(kStdoutFile, "two");
  append(kStderrFile, "err");
  append(kIndexFile, "2 o");
  append(kExitFile, "{}");
  const LogBatch batch = read({});
  EXPECT_EQ(text(batch), "o:oneo:twoe:err");
  EXPECT_TRUE(batch.ended);
  const LogBatch again = read(batch.next);
  EXPECT_TRUE(again.chunks.empty());
  EXPECT_TRUE(again.ended);
}

TEST_F(RunLogTest, NamesADamagedLine) {
  const LogWriter writer(dir_, 1000);
  append(kIndexFile, "what is this\n");
  auto log = RunLog::open(dir_);
  ASSERT_TRUE(log.ok());
  const auto batch = log->read({}, 10);
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code, ErrorCode::Corrupt);
}

TEST_F(RunLogTest, IsNotFoundBeforeTheRunStarts) {
  const auto log = RunLog::open(dir_);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().code, ErrorCode::NotFound);
}

TEST_F(RunLogTest, KeepsTheCapOfEachStreamAndTellsWhatWasDropped) {
  LogWriter writer(dir_, 5);
  writer.append(Stream::Out, "1234", at(1));
  writer.append(Stream::Out, "5678", at(2));
  writer.append(Stream::Out, "9", at(3));
  writer.append(Stream::Err, "ok\n", at(4));
  writer.finish(at(5));
  ASSERT_EQ(writer.warnings().size(), 1U);
  EXPECT_EQ(writer.warnings()[0], "4 bytes of standard output were not kept: the limit is 5 bytes");
  EXPECT_EQ(
      text(read({})),
      "o:1234o:5e:ok\no:\n[reeve: 4 bytes of standard output were not kept: the limit is 5 bytes]\n"
  );
}

TEST_F(RunLogTest, CountsWhatCannotBeWritten) {
  fs::create_directory(dir_ / kStdoutFile);
  LogWriter writer(dir_, 100);
  writer.append(Stream::Out, "lost", at(1));
  writer.append(Stream::Err, "kept", at(1));
  writer.finish(at(2));
  ASSERT_EQ(writer.warnings().size(), 1U);
  EXPECT_EQ(
      writer.warnings()[0],
      "4 bytes of standard output were not kept: the log could not be written (Is a directory)"
  );
}

TEST(LogCursor, RefusesOtherTexts) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.x.4", "-1.2.3.4", "1.2.3.4 "}) {
    EXPECT_FALSE(parse_log_cursor(text).ok()) << text;
  }
  EXPECT_EQ(to_string(LogCursor{.index = 1, .done = 2, .out = 3, .err = 4}), "1.2.3.4");
}

}  // namespace
}  // namespace reeve::host
