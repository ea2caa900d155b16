#include "telemetry/gzip.h"

#include <gtest/gtest.h>

namespace reeve::telemetry {
namespace {

using namespace std::string_view_literals;

/// "hello hello hello"
constexpr std::string_view kPacked =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x80\x88\xf9"
    "\xe5\x11\x00\x00\x00"sv;
constexpr std::size_t kTextBytes = 17;

TEST(Gzip, UnpacksOneMember) {
  const Result<std::string> text = gunzip(kPacked, kTextBytes);
  ASSERT_TRUE(text.ok()) << text.error().describe();
  EXPECT_EQ(*text, "hello hello hello");
}

TEST(Gzip, StopsAtTheLimit) {
  const Result<std::string> text = gunzip(kPacked, kTextBytes - 1);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, ErrorCode::LimitExceeded);
}

TEST(Gzip, RefusesEveryDamage) {
  for (std::size_t size = 0; size < kPacked.size(); ++size) {
    const Result<std::string> text = gunzip(kPacked.substr(0, size), kTextBytes);
    ASSERT_FALSE(text.ok()) << size;
    EXPECT_EQ(text.error().code, ErrorCode::Invalid) << size;
  }
  std::string more(kPacked);
  more += "x";
  EXPECT_FALSE(gunzip(more, kTextBytes).ok());
  std::string wrong(kPacked);
  wrong[21] = static_cast<char>(wrong[21] ^ 1);
  EXPECT_FALSE(gunzip(wrong, kTextBytes).ok());
}

}  // namespace
}  // namespace reeve::telemetry
