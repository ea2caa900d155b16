#include "api/paced_stream.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "net/fake_exchange.h"

namespace reeve::api {
namespace {

constexpr std::size_t kMuch = std::size_t{1} << 20U;

struct Reader {
  std::shared_ptr<net::FakeAnswer> answer = std::make_shared<net::FakeAnswer>();
  PacedStream stream{std::make_shared<net::FakeStream>(answer)};
};

TEST(PacedStream, WritesOnlyWhatTheReaderHasRoomFor) {
  Reader reader;
  EXPECT_TRUE(reader.stream.write("a"));
  reader.answer->buffered_bytes = kMuch;
  EXPECT_FALSE(reader.stream.write("b"));
  EXPECT_TRUE(reader.stream.open());
  reader.answer->buffered_bytes = 1;
  EXPECT_TRUE(reader.stream.write("b"));
  EXPECT_EQ(reader.answer->body, "ab");
}

TEST(PacedStream, WritesTheLongestPieceWhenNothingElseWaits) {
  Reader reader;
  reader.answer->buffered_bytes = 1;
  EXPECT_FALSE(reader.stream.write(std::string(kMuch, 'x')));
  reader.answer->buffered_bytes = 0;
  EXPECT_TRUE(reader.stream.write(std::string(kMuch, 'x')));
}

TEST(PacedStream, TellsAReaderThatTakesNothingWhereToGoOn) {
  Reader reader;
  EXPECT_TRUE(reader.stream.write("a"));
  reader.answer->buffered_bytes = kMuch;
  EXPECT_FALSE(reader.stream.write("b"));
  // Something was written since the last look: it may only be slow.
  EXPECT_TRUE(reader.stream.keep_alive(Revision(7)));
  EXPECT_FALSE(reader.stream.write("b"));
  EXPECT_FALSE(reader.stream.keep_alive(Revision(7)));
  EXPECT_FALSE(reader.stream.open());
  EXPECT_TRUE(reader.answer->body.ends_with("event: lagged\ndata: {\"from\":7}\n\n"));
}

TEST(PacedStream, LeavesASlowReaderAndASilentOneAlone) {
  Reader reader;
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(reader.stream.keep_alive(Revision(7)));
    reader.answer->buffered_bytes = 0;
    EXPECT_TRUE(reader.stream.write("a"));
    reader.answer->buffered_bytes = kMuch;
    EXPECT_FALSE(reader.stream.write("b"));
  }
  EXPECT_TRUE(reader.stream.open());
}

}  // namespace
}  // namespace reeve::api
