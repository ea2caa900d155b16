#include "base/result.h"

#include <memory>
#include <set>

#include <gtest/gtest.h>

namespace reeve {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) {
    return make_error(ErrorCode::Invalid, "is odd", "number");
  }
  return number / 2;
}

Result<int> quarter(int number) {
  REEVE_TRY(const int once, half(number));
  REEVE_TRY(const int twice, half(once));
  return twice;
}

Result<void> check_even(int number) {
  REEVE_CHECK(half(number));
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = half(8);
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(*good, 4);
  const Result<int> bad = half(3);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, ErrorCode::Invalid);
  EXPECT_EQ(bad.error().subject, "number");
}

TEST(Result, TryBindsValuesAndPassesErrorsOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(7).error().message, "is odd");
  EXPECT_EQ(quarter(6).error().message, "is odd");
}

TEST(Result, CheckPassesErrorsOnAndDropsValues) {
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_FALSE(check_even(1).ok());
}

TEST(Result, MovesValuesThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 7);
  EXPECT_EQ(result.value(), nullptr);  // NOLINT: moved from on purpose
}

TEST(Result, OfAnErrorTypeInsideAValueIsStillAValue) {
  const Result<std::optional<Error>> result(std::optional<Error>{});
  EXPECT_TRUE(result.ok());
}

TEST(ResultDeathTest, AskingForTheWrongSideStopsTheProgram) {
  const Result<int> bad = half(3);
  EXPECT_DEATH(static_cast<void>(bad.value()), "ok\\(\\)");
  const Result<int> good = half(2);
  EXPECT_DEATH(static_cast<void>(good.error()), "ok\\(\\)");
  const Result<void> fine;
  EXPECT_DEATH(static_cast<void>(fine.error()), "ok\\(\\)");
}

TEST(Error, DescribesItselfWithThePartsThatAreThere) {
  Error error = make_error(ErrorCode::Invalid, "unknown field");
  EXPECT_EQ(error.describe(), "unknown field");
  error.subject = "spec.tsks";
  EXPECT_EQ(error.describe(), "spec.tsks: unknown field");
  error.hint = "did you mean \"tasks\"?";
  EXPECT_EQ(error.describe(), "spec.tsks: unknown field (did you mean \"tasks\"?)");
  error.position = {7, 3};
  EXPECT_EQ(error.describe(), "line 7:3: spec.tsks: unknown field (did you mean \"tasks\"?)");
  error.file = "flow.yaml";
  EXPECT_EQ(error.describe(), "flow.yaml:7:3: spec.tsks: unknown field (did you mean \"tasks\"?)");
  error.position = {7, 0};
  EXPECT_EQ(error.describe(), "flow.yaml:7: spec.tsks: unknown field (did you mean \"tasks\"?)");
  error.position = {};
  EXPECT_EQ(error.describe(), "flow.yaml: spec.tsks: unknown field (did you mean \"tasks\"?)");
}

constexpr ErrorCode kCodes[] = {
    ErrorCode::Invalid,
    ErrorCode::NotFound,
    ErrorCode::AlreadyExists,
    ErrorCode::Conflict,
    ErrorCode::IllegalTransition,
    ErrorCode::StaleFence,
    ErrorCode::LimitExceeded,
    ErrorCode::Unsupported,
    ErrorCode::PermissionDenied,
    ErrorCode::Unavailable,
    ErrorCode::DeadlineExceeded,
    ErrorCode::Cancelled,
    ErrorCode::Ambiguous,
    ErrorCode::Corrupt,
    ErrorCode::Io};

TEST(Error, EveryCodeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const ErrorCode code : kCodes) {
    EXPECT_NE(to_string(code), "unknown");
    EXPECT_TRUE(names.insert(to_string(code)).second) << to_string(code);
  }
}

TEST(Error, OnlyTemporaryOnesAreRetryable) {
  for (const ErrorCode code : kCodes) {
    const bool temporary = code == ErrorCode::Unavailable || code == ErrorCode::Conflict ||
                           code == ErrorCode::DeadlineExceeded;
    EXPECT_EQ(make_error(code, "x").retryable(), temporary) << to_string(code);
  }
}

}  // namespace
}  // namespace reeve
