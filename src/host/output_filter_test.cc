#include "host/output_filter.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "platform/posix/files.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

class FilteredOutput : public testing::Test {
 protected:
  FilteredOutput() {
    std::string pattern = (fs::temp_directory_path() / "reeve-filter-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    log_.emplace(dir_, 1U << 20U);
    filter_.emplace(*log_);
  }

  ~FilteredOutput() override { fs::remove_all(dir_); }

  std::string out() {
    log_->finish(Timestamp());
    return *platform::read_file(dir_ / "stdout.log", 1U << 20U);
  }

  fs::path dir_;
  std::optional<LogWriter> log_;
  std::optional<OutputFilter> filter_;
};

TEST_F(FilteredOutput, TwoWritersOfOneStreamDoNotBreakAValueApart) {
  ASSERT_TRUE(filter_->hide({"hunter22"}).ok());
  const PipeId old = filter_->open(Stream::Out);
  const PipeId step = filter_->open(Stream::Out);
  filter_->append(step, "the word is hunt", Timestamp());
  filter_->append(old, "left behind\n", Timestamp());
  filter_->append(step, "er22\n", Timestamp());
  filter_->close(old, Timestamp());
  filter_->settle(Timestamp());
  const std::string text = out();
  EXPECT_EQ(text.find("er22"), std::string::npos) << text;
  EXPECT_NE(text.find("[****]"), std::string::npos) << text;
}

TEST_F(FilteredOutput, TwoWritersOfOneStreamDoNotBreakAMaskLineApart) {
  const PipeId old = filter_->open(Stream::Out);
  const PipeId step = filter_->open(Stream::Out);
  filter_->append(step, "::add-mask::hun", Timestamp());
  filter_->append(old, "left behind\n", Timestamp());
  filter_->append(step, "ter22\nhunter22\n", Timestamp());
  filter_->append(old, "hunter22\n", Timestamp());
  filter_->settle(Timestamp());
  const std::string text = out();
  EXPECT_EQ(text.find("hun"), std::string::npos) << text;
  EXPECT_NE(text.find("left behind\n"), std::string::npos) << text;
}

TEST_F(FilteredOutput, APipeThatClosesGivesOutWhatIsHeldBack) {
  ASSERT_TRUE(filter_->hide({"hunter22"}).ok());
  const PipeId pipe = filter_->open(Stream::Out);
  filter_->append(pipe, "a hunt", Timestamp());
  filter_->close(pipe, Timestamp());
  EXPECT_EQ(out(), "a hunt");
}

}  // namespace
}  // namespace reeve::host
