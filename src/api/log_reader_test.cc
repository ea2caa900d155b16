#include "api/log_reader.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "host/log_writer.h"
#include "host/run_dir.h"
#include "platform/posix/files.h"

namespace reeve::api {
namespace {

namespace fs = std::filesystem;

using host::LogWriter;
using host::Stream;

constexpr std::size_t kMuch = std::size_t{1} << 20U;

Timestamp at(int millis) {
  return from_unix_millis(millis);
}

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() {
    std::string path = (fs::temp_directory_path() / "reeve-api-log-XXXXXX").string();
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
  }

  ~LogReaderTest() override { EXPECT_TRUE(platform::remove_tree(dir_).ok()); }

  std::string run(const std::string& name) const {
    const fs::path dir = dir_ / name;
    fs::create_directories(dir);
    return dir.string();
  }

  static void end(const std::string& dir) {
    ASSERT_TRUE(platform::replace_file(fs::path(dir) / host::kExitFile, "{}").ok());
  }

  /// All that can be read now, and how many pieces that were.
  static std::string all(LogReader& reader, std::size_t bytes_max = kMuch) {
    std::string text;
    LogReader::Piece piece;
    while (!piece.caught_up) {
      piece = reader.read(bytes_max);
      text += piece.text;
    }
    return text;
  }

  fs::path dir_;
};

TEST_F(LogReaderTest, ReadsRunsOneAfterTheOther) {
  LogWriter a(run("a"), kMuch);
  LogWriter b(run("b"), kMuch);
  LogReader reader({});
  reader.add("a", run("a"), "[a] ");
  reader.add("b", run("b"), "[b] ");
  a.append(Stream::Out, "1\n2\n", at(1));
  b.append(Stream::Out, "3\n", at(1));
  a.append(Stream::Err, "4\n", at(2));
  EXPECT_EQ(all(reader), "[a] 1\n[a] 2\n[a] 4\n[b] 3\n");
  b.append(Stream::Out, "5\n", at(3));
  EXPECT_EQ(all(reader), "[b] 5\n");
  EXPECT_EQ(all(reader), "");
}

TEST_F(LogReaderTest, LinesOfSeveralRunsAreNotMixed) {
  LogWriter a(run("a"), kMuch);
  LogWriter b(run("b"), kMuch);
  LogReader reader({});
  reader.add("a", run("a"), "[a] ");
  reader.add("b", run("b"), "[b] ");
  a.append(Stream::Out, "beg", at(1));
  b.append(Stream::Out, "line\n", at(1));
  EXPECT_EQ(all(reader), "[b] line\n");
  a.append(Stream::Out, "un\n", at(2));
  EXPECT_EQ(all(reader), "[a] begun\n");
}

TEST_F(LogReaderTest, ALineThatNeverEndsIsEndedWithItsRun) {
  LogWriter a(run("a"), kMuch);
  LogReader reader({});
  reader.add("a", run("a"), "[a] ");
  a.append(Stream::Out, "half", at(1));
  EXPECT_EQ(all(reader), "");
  end(run("a"));
  const LogReader::Piece last = reader.read(kMuch);
  EXPECT_EQ(last.text, "[a] half\n");
  EXPECT_TRUE(last.ended);
}

TEST_F(LogReaderTest, OfOneRunWhatIsThereIsToldAtOnce) {
  LogWriter a(run("a"), kMuch);
  LogReader reader({});
  reader.add("a", run("a"), "");
  a.append(Stream::Out, "50%", at(1));
  EXPECT_EQ(all(reader), "50%");
}

TEST_F(LogReaderTest, NoPieceIsMuchLongerThanAskedFor) {
  LogWriter a(run("a"), std::size_t{4} << 20U);
  std::string written;
  for (int i = 0; i < 3000; ++i) {
    written += concat("line ", i, std::string(1000, '.'), "\n");
  }
  a.append(Stream::Out, written, at(1));
  LogReader reader({});
  reader.add("a", run("a"), "");
  std::string text;
  LogReader::Piece piece;
  while (!piece.caught_up) {
    piece = reader.read(1000);
    EXPECT_LE(piece.text.size(), std::size_t{64} << 10U);
    text += piece.text;
  }
  EXPECT_EQ(text, written);
}

TEST_F(LogReaderTest, ATailIsHandedOutInPiecesToo) {
  LogWriter a(run("a"), std::size_t{4} << 20U);
  std::string expected;
  for (int i = 0; i < 3000; ++i) {
    const std::string line = concat("line ", i, std::string(1000, '.'), "\n");
    a.append(Stream::Out, line, at(1));
    expected += i >= 2000 ? line : std::string();
  }
  LogReader reader({.tail_lines = 1000});
  reader.add("a", run("a"), "");
  std::string text;
  LogReader::Piece piece;
  while (!piece.caught_up) {
    piece = reader.read(10'000);
    EXPECT_LE(piece.text.size(), 12'000U);
    text += piece.text;
  }
  EXPECT_EQ(text, expected);
  a.append(Stream::Out, "after\n", at(2));
  EXPECT_EQ(all(reader), "after\n");
}

TEST_F(LogReaderTest, TheTailOfNothingIsNothing) {
  LogWriter a(run("a"), kMuch);
  a.append(Stream::Out, "1\n2\n", at(1));
  LogReader reader({.tail_lines = 0});
  reader.add("a", run("a"), "");
  EXPECT_EQ(all(reader), "");
  a.append(Stream::Out, "3\n", at(2));
  EXPECT_EQ(all(reader), "3\n");
}

TEST_F(LogReaderTest, SaysWhenNothingMoreCanCome) {
  LogReader reader({});
  reader.add("gone", run("gone"), "");
  const LogReader::Piece piece = reader.read(kMuch);
  EXPECT_TRUE(piece.caught_up);
  EXPECT_FALSE(piece.ended) << "it may not have begun";
  EXPECT_TRUE(piece.ended_but_missing);
}

TEST_F(LogReaderTest, TellsWhatWasWrittenSince) {
  LogWriter a(run("a"), kMuch);
  a.append(Stream::Out, "old\n", at(1000));
  a.append(Stream::Out, "new\n", at(2000));
  LogReader reader({.timestamps = true, .since = at(1500)});
  reader.add("a", run("a"), "");
  EXPECT_EQ(all(reader), "1970-01-01T00:00:02.000Z new\n");
}

}  // namespace
}  // namespace reeve::api
