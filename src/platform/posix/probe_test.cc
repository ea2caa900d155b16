#include "platform/posix/probe.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include "platform/posix/files.h"
#include "platform/posix/probe_data_dir.h"

namespace reeve::platform {
namespace {

namespace fs = std::filesystem;

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-probe-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }

  void TearDown() override { fs::remove_all(dir_); }

  Finding find(const std::vector<Finding>& findings, std::string_view name) const {
    const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& one) {
      return one.name == name;
    });
    EXPECT_NE(found, findings.end()) << name;
    return found != findings.end() ? *found : Finding{};
  }

  fs::path dir_;
};

TEST_F(ProbeTest, ReportsEveryTopicOnceWithDetailAndConsequence) {
  const auto findings = probe_machine(dir_);
  std::set<std::string> names;
  for (const Finding& one : findings) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name << " twice";
    EXPECT_FALSE(one.detail.empty()) << one.name;
    EXPECT_EQ(one.consequence.empty(), one.status == FindingStatus::Ok) << one.name;
  }
  for (const char* name :
       {"kernel",
        "pidfd",
        "cgroup",
        "cgroup-kill",
        "cgroup-memory",
        "user-namespaces",
        "bash",
        "sh",
        "containers",
        "inotify",
        "open-files",
        "clock",
        "data-dir",
        "data-file-system",
        "data-space",
        "data-fsync"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_EQ(find(findings, "data-dir").status, FindingStatus::Ok);
  EXPECT_TRUE(fs::is_empty(dir_)) << "nothing stays behind";
}

TEST_F(ProbeTest, AcceptsADirectoryThatCanBeCreatedWithoutCreatingIt) {
  const fs::path later = dir_ / "a" / "b";
  const auto findings = probe_data_dir(later);
  EXPECT_EQ(find(findings, "data-dir").status, FindingStatus::Ok);
  EXPECT_FALSE(fs::exists(dir_ / "a"));
}

TEST_F(ProbeTest, RefusesAFileInPlaceOfTheDirectory) {
  ASSERT_TRUE(replace_file(dir_ / "file", "x").ok());
  EXPECT_EQ(find(probe_data_dir(dir_ / "file"), "data-dir").status, FindingStatus::Missing);
  EXPECT_EQ(find(probe_data_dir(dir_ / "file" / "x"), "data-dir").status, FindingStatus::Missing);
}

TEST_F(ProbeTest, WarnsOfADirectoryThatEveryoneCanChange) {
  ASSERT_EQ(chmod(dir_.c_str(), 0777), 0);
  EXPECT_EQ(find(probe_data_dir(dir_), "data-dir").status, FindingStatus::Limited);
}

TEST_F(ProbeTest, FindsNoProgramsInAnEmptyPath) {
  const std::string before = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  setenv("PATH", dir_.c_str(), 1);                 // NOLINT(concurrency-mt-unsafe)
  const auto findings = probe_machine(dir_);
  setenv("PATH", before.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(find(findings, "bash").status, FindingStatus::Missing);
  EXPECT_EQ(find(findings, "sh").status, FindingStatus::Missing);
}

TEST(JudgeFileSystem, AcceptsLocalDisksAndWarnsOfTheRest) {
  EXPECT_EQ(judge_file_system(EXT4_SUPER_MAGIC).status, FindingStatus::Ok);
  for (const long type :
       {long{NFS_SUPER_MAGIC},
        long{TMPFS_MAGIC},
        long{OVERLAYFS_SUPER_MAGIC},
        0x65735546L,
        0xFF534D42L,
        12L}) {
    const Finding one = judge_file_system(type);
    EXPECT_EQ(one.status, FindingStatus::Limited) << type;
    EXPECT_FALSE(one.consequence.empty()) << type;
  }
  const auto sign_extended = static_cast<long>(static_cast<std::int32_t>(0xFE534D42U));
  EXPECT_EQ(judge_file_system(sign_extended).detail, "smb2");
}

TEST(FindingStatus, HasStableNames) {
  EXPECT_EQ(to_string(FindingStatus::Ok), "ok");
  EXPECT_EQ(to_string(FindingStatus::Limited), "limited");
  EXPECT_EQ(to_string(FindingStatus::Missing), "missing");
}

}  // namespace
}  // namespace reeve::platform
