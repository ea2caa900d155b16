#include "base/money.h"

#include <gtest/gtest.h>

namespace reeve {
namespace {

TEST(Money, ReadsAmounts) {
  EXPECT_EQ(Money::parse("12")->nanos(), 12 * Money::kNanos);
  EXPECT_EQ(Money::parse("$10.00")->nanos(), 10 * Money::kNanos);
  EXPECT_EQ(Money::parse("0.000000001")->nanos(), 1);
  EXPECT_EQ(Money::parse("999999999.999999999")->nanos(), 999'999'999'999'999'999);
}

TEST(Money, RefusesWhatIsNone) {
  for (const char* text :
       {"",
        "$",
        ".5",
        "5.",
        "-1",
        "1e3",
        "1,5",
        "1.0000000001",
        "1234567890",
        "1 ",
        "0x1",
        "1.2.3"}) {
    EXPECT_FALSE(Money::parse(text).ok()) << text;
  }
}

TEST(Money, WritesTheShortestText) {
  EXPECT_EQ(Money().text(), "0.00");
  EXPECT_EQ(Money::parse("10")->text(), "10.00");
  EXPECT_EQ(Money::parse("0.000075")->text(), "0.000075");
  EXPECT_EQ(Money::from_nanos(1).text(), "0.000000001");
}

TEST(Money, CountsExactlyAndRoundsUp) {
  const Money price = *Money::parse("0.25");
  EXPECT_EQ(price.times(1, 1'000'000).nanos(), 250);
  EXPECT_EQ(price.times(3, 1'000'000).nanos(), 750);
  EXPECT_EQ(Money::from_nanos(1).times(1, 2).nanos(), 1);
  EXPECT_EQ(Money::from_nanos(4).times(1, 2).nanos(), 2);
}

TEST(Money, StaysWithinItsBounds) {
  EXPECT_EQ(Money::max() + Money::from_nanos(1), Money::max());
  EXPECT_EQ(Money::max().times(UINT64_MAX, 1), Money::max());
  EXPECT_EQ(Money::from_nanos(1) - Money::from_nanos(2), Money());
  EXPECT_EQ(Money::from_nanos(-5), Money());
}

}  // namespace
}  // namespace reeve
