#include "cli/sweeper.h"

#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/result.h"

namespace reeve::cli {
namespace {

TEST(Sweeper, SweepsAtTheStartAndTellsWhatItRemoved) {
  std::promise<std::string> told;
  Sweeper sweeper(
      {[] {
        return Result<std::string>("3 files");
      }},
      [&told](std::string_view text) { told.set_value(std::string(text)); }
  );
  EXPECT_EQ(told.get_future().get(), "expired: 3 files were removed");
}

TEST(Sweeper, SaysWhatHasExpired) {
  artifact::Expired expired;
  EXPECT_EQ(describe(expired), "");
  expired.uploads = 1;
  expired.caches = 2;
  expired.blobs.blobs = 3;
  expired.blobs.bytes = 40;
  EXPECT_EQ(describe(expired), "1 uploads, 2 caches; 3 files with 40 bytes");
}

TEST(Sweeper, TellsWhatWentWrongAndTriesAgain) {
  std::vector<std::string> told;
  int sweeps = 0;
  std::promise<void> quiet;
  Sweeper sweeper(
      {[&] {
        ++sweeps;
        if (sweeps == 1) {
          return Result<std::string>(make_error(ErrorCode::Io, "the disk is gone"));
        }
        if (sweeps == 3) {
          quiet.set_value();
        }
        return Result<std::string>(std::string());
      }},
      [&](std::string_view text) { told.emplace_back(text); },
      Duration(1)
  );
  quiet.get_future().wait();
  sweeper.stop();
  ASSERT_EQ(told.size(), 1U) << "a sweep that finds nothing says nothing";
  EXPECT_TRUE(told[0].starts_with("what has expired could not be removed: ")) << told[0];
}

TEST(Sweeper, OneSweepThatFailsDoesNotKeepTheOthersFromTheirTurn) {
  std::vector<std::string> told;
  Sweeper sweeper(
      {[] { return Result<std::string>(make_error(ErrorCode::Io, "a folder is gone")); },
       [] {
         return Result<std::string>("3 files");
       }},
      [&](std::string_view text) { told.emplace_back(text); }
  );
  sweeper.stop();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_NE(told[0].find("a folder is gone"), std::string::npos) << told[0];
  EXPECT_EQ(told[1], "expired: 3 files were removed");
}

TEST(Sweeper, StopsBetweenTwoSweeps) {
  std::promise<void> swept;
  Sweeper sweeper(
      {[&swept] {
        swept.set_value();
        return Result<std::string>(std::string());
      }},
      [](std::string_view) {}
  );
  swept.get_future().wait();
  sweeper.stop();
  sweeper.stop();
}

}  // namespace
}  // namespace reeve::cli
