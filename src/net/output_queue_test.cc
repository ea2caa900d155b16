#include "net/output_queue.h"

#include <array>
#include <memory>
#include <string>

namespace reeve::net {
namespace {

/// Everything that waits, taken `step` bytes at a time.
std::string drain(OutputQueue& queue, std::size_t step) {
  std::string out;
  while (!queue.empty()) {
    std::array<std::string_view, 2> pieces;
    const std::size_t count = queue.pieces(pieces);
    std::string seen;
    for (std::size_t at = 0; at < count; ++at) {
      seen.append(pieces[at]);
    }
    const std::size_t taken = std::min(step, seen.size());
    out.append(seen, 0, taken);
    queue.consume(taken);
  }
  return out;
}

TEST(OutputQueue, KeepsTheOrderHoweverItIsTaken) {
  for (const std::size_t step : {1U, 2U, 5U, 100U}) {
    OutputQueue queue;
    queue.append("ab");
    queue.append("cd");
    queue.add(std::make_shared<const std::string>("shared"));
    queue.add(std::make_shared<const std::string>(""));
    queue.append("");
    queue.append("e");
    queue.add(std::string("own"));
    EXPECT_EQ(queue.bytes(), 14U);
    EXPECT_EQ(drain(queue, step), "abcdsharedeown");
    EXPECT_EQ(queue.bytes(), 0U);
  }
}

TEST(OutputQueue, JoinsSmallTextButNotSharedText) {
  OutputQueue queue;
  queue.append("a");
  queue.append("b");
  queue.add(std::make_shared<const std::string>("c"));
  queue.append("d");
  std::array<std::string_view, 8> pieces;
  ASSERT_EQ(queue.pieces(pieces), 3U);
  EXPECT_EQ(pieces[0], "ab");
}

TEST(OutputQueue, CanBeAddedToWhileItIsTaken) {
  OutputQueue queue;
  std::string expected;
  std::string taken;
  for (int round = 0; round < 1000; ++round) {
    const auto text = std::make_shared<const std::string>(std::to_string(round));
    queue.add(text);
    expected += *text;
    std::array<std::string_view, 1> piece;
    queue.pieces(piece);
    taken += piece[0].front();
    queue.consume(1);
  }
  taken += drain(queue, 7);
  EXPECT_EQ(taken, expected);
}

TEST(OutputQueue, DoesNotCopySharedText) {
  OutputQueue queue;
  const auto text = std::make_shared<const std::string>("shared");
  queue.add(text);
  EXPECT_EQ(text.use_count(), 2);
  queue.consume(6);
  EXPECT_EQ(text.use_count(), 1);
}

}  // namespace
}  // namespace reeve::net
