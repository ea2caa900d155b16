#include <algorithm>
#include <fstream>
#include <poll.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "blob/uploads.h"
#include "host/run_log.h"
#include "host_fixture.h"
#include "platform/posix/files.h"

namespace reeve::host {
namespace {

using model::RunEnd;

/// What goes into and comes out of a run's working directory, and its logs.
class HostFiles : public HostTest {
 protected:
  static std::vector<std::string> paths(const model::RunResult& result) {
    std::vector<std::string> list;
    for (const auto& artifact : result.artifacts) {
      list.push_back(artifact.path);
    }
    return list;
  }

  std::string fetched(const model::ArtifactRef& artifact) {
    const auto target = root_ / "fetched";
    std::filesystem::remove(target);
    const auto done = blobs_->fetch(artifact.digest, target, artifact.mode);
    EXPECT_TRUE(done.ok());
    const auto text = platform::read_file(target, 1 << 20);
    return text.ok() ? *text : std::string("<missing>");
  }

  /// Waits until the run's log has this text.
  void await_log(std::string_view run, std::string_view text) {
    const auto dir = dir_of(run);
    const platform::FileDescriptor changes(::inotify_init1(IN_CLOEXEC));
    ::inotify_add_watch(changes.get(), (dir / kIndexFile).c_str(), IN_MODIFY);
    for (;;) {
      auto log = RunLog::open(dir);
      ASSERT_TRUE(log.ok());
      const auto batch = log->read({}, 1 << 20);
      ASSERT_TRUE(batch.ok());
      if (all(batch->chunks) == text) {
        return;
      }
      pollfd waiting{.fd = changes.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(::poll(&waiting, 1, 30'000), 1) << all(batch->chunks);
      char event[4096];
      ASSERT_GT(::read(changes.get(), event, sizeof event), 0);
    }
  }

  static std::string all(const std::vector<LogChunk>& chunks) {
    std::string text;
    for (const LogChunk& chunk : chunks) {
      text += chunk.bytes;
    }
    return text;
  }
};

TEST_F(HostFiles, KeepsArtifactsByNameGlobAndDirectory) {
  model::RunSpec spec = script(
      "mkdir -p out/deep logs; echo a > a.txt; echo b > out/b.bin; echo c > out/deep/c.txt;\n"
      "echo d > logs/d.log; echo e > logs/e.txt; echo no > other; chmod 755 a.txt; exit 0"
  );
  spec.artifact_paths = {"./a.txt", "out/", "logs/*.log", "**/c.txt"};
  spec.artifact_expiry = std::chrono::hours(1);
  const auto result = carry_out("kept", spec);
  EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
  EXPECT_EQ(
      paths(result),
      std::vector<std::string>({"a.txt", "logs/d.log", "out/b.bin", "out/deep/c.txt"})
  );
  EXPECT_EQ(fetched(result.artifacts[0]), "a\n");
  EXPECT_EQ(result.artifacts[0].mode, 0755U);
  EXPECT_EQ(result.artifacts[0].size_bytes, 2U);
  EXPECT_EQ(result.artifacts[0].expires_at, result.ended_at + std::chrono::hours(1));
}

TEST_F(HostFiles, WarnsAboutArtifactsThatAreMissingOrOutside) {
  model::RunSpec spec = script("exit 0");
  spec.artifact_paths = {"missing.txt", "no/*.such", "../spec.json", "/etc/passwd"};
  const auto result = carry_out("missing", spec);
  EXPECT_TRUE(result.succeeded());
  EXPECT_TRUE(result.artifacts.empty());
  ASSERT_EQ(result.warnings.size(), 4U);
  EXPECT_EQ(result.warnings[0], "artifact path missing.txt matched nothing");
  EXPECT_NE(result.warnings[2].find("leaves the working directory"), std::string::npos);
  EXPECT_NE(result.warnings[3].find("leaves the working directory"), std::string::npos);
}

TEST_F(HostFiles, FollowsNoLinkOutOfTheWorkingDirectory) {
  model::RunSpec spec = script(
      "echo in > inside; ln -s inside good; ln -s /etc/passwd secret; ln -s /etc etc;\n"
      "ln -s nowhere broken; mkfifo pipe"
  );
  spec.artifact_paths = {"good", "secret", "etc/passwd", "etc/*", "broken", "pipe"};
  const auto result = carry_out("links", spec);
  ASSERT_EQ(paths(result), std::vector<std::string>({"good"}));
  EXPECT_EQ(fetched(result.artifacts[0]), "in\n");
  EXPECT_GE(result.warnings.size(), 4U);
}

TEST_F(HostFiles, RefusesAFileBehindALinkedDirectory) {
  model::RunSpec spec = script("ln -s /etc etc; exit 0");
  spec.artifact_paths = {"etc/passwd"};
  const auto result = carry_out("behind", spec);
  EXPECT_TRUE(result.artifacts.empty());
  ASSERT_EQ(result.warnings.size(), 1U);
  EXPECT_NE(result.warnings[0].find("leaves"), std::string::npos);
}

TEST_F(HostFiles, KeepsArtifactsOnlyWhenWanted) {
  const auto kept = [this](std::string run, model::ArtifactWhen when, std::string_view exit) {
    model::RunSpec spec = script(concat("echo x > x; exit ", exit));
    spec.artifact_paths = {"x"};
    spec.artifact_when = when;
    return carry_out(std::move(run), spec).artifacts.size();
  };
  EXPECT_EQ(kept("s0", model::ArtifactWhen::OnSuccess, "0"), 1U);
  EXPECT_EQ(kept("s1", model::ArtifactWhen::OnSuccess, "1"), 0U);
  EXPECT_EQ(kept("f0", model::ArtifactWhen::OnFailure, "0"), 0U);
  EXPECT_EQ(kept("f1", model::ArtifactWhen::OnFailure, "1"), 1U);
  EXPECT_EQ(kept("a1", model::ArtifactWhen::Always, "1"), 1U);
}

TEST_F(HostFiles, BoundsTheNumberOfArtifacts) {
  // A thousand durable files take their time on a disk.
  const std::filesystem::path memory = concat("/dev/shm/reeve-test-blobs-", ::getpid());
  blobs_ = std::make_unique<blob::BlobStore>(memory);
  start_host();
  model::RunSpec spec = script("for i in $(seq 1 1005); do : > f$i; done");
  spec.artifact_paths = {"f*"};
  const auto result = carry_out("many", spec);
  EXPECT_EQ(result.artifacts.size(), model::kArtifactsMax);
  EXPECT_FALSE(result.warnings.empty());
  EXPECT_TRUE(platform::remove_tree(memory).ok());
}

TEST_F(HostFiles, PlacesInputsBeforeTheFirstStep) {
  const auto stored = blobs_->put("content\n");
  ASSERT_TRUE(stored.ok());
  model::RunSpec spec = script("cat in/put.sh; test -x in/put.sh && exit 3");
  spec.inputs = {model::ArtifactRef{
      .path = "in/put.sh",
      .digest = stored->digest,
      .size_bytes = stored->size_bytes,
      .mode = 0755,
      .expires_at = std::nullopt}};
  EXPECT_EQ(carry_out("input", spec).exit_code, 3);
  EXPECT_EQ(content("input", "stdout.log"), "content\n");
}

TEST_F(HostFiles, RefusesInputsThatLeaveTheWorkingDirectoryOrAreGone) {
  const auto stored = blobs_->put("evil");
  ASSERT_TRUE(stored.ok());
  const auto attempt = [&](std::string run, std::string path, Digest digest, std::string base) {
    model::RunSpec spec = script("echo started");
    spec.working_dir = std::move(base);
    spec.inputs = {model::ArtifactRef{
        .path = std::move(path),
        .digest = std::move(digest),
        .size_bytes = 4,
        .mode = 0644,
        .expires_at = std::nullopt}};
    return carry_out(std::move(run), spec);
  };
  const auto project = root_ / "project";
  std::filesystem::create_directories(project);
  std::filesystem::create_directory_symlink(root_, project / "link");
  EXPECT_EQ(attempt("up", "../evil", stored->digest, "").end, RunEnd::LaunchFailed);
  EXPECT_EQ(attempt("abs", "/tmp/evil", stored->digest, "").end, RunEnd::LaunchFailed);
  const auto linked = attempt("link", "link/evil", stored->digest, project.string());
  EXPECT_EQ(linked.end, RunEnd::LaunchFailed);
  EXPECT_FALSE(std::filesystem::exists(root_ / "evil"));
  const auto gone = attempt("gone", "x", Digest(std::string(64, 'a')), "");
  EXPECT_EQ(gone.end, RunEnd::LaunchFailed);
  EXPECT_NE(gone.reason.find("input x"), std::string::npos) << gone.reason;
}

TEST_F(HostFiles, PlacesUploadedFilesUnderTheirNames) {
  ASSERT_TRUE(platform::replace_file(root_ / "tool.sh", "echo uploaded\n", 0755).ok());
  blob::Uploads uploads(root_ / "data", *blobs_);
  const auto put = uploads.put(root_ / "tool.sh", Timestamp{}, std::nullopt);
  ASSERT_TRUE(put.ok()) << put.error().describe();
  model::RunSpec spec = script("./tool.sh");
  spec.uploads = {put->digest.str()};
  EXPECT_EQ(carry_out("up", spec).exit_code, 0);
  EXPECT_EQ(content("up", "stdout.log"), "uploaded\n");
  spec.uploads = {std::string(64, 'a')};
  const auto gone = carry_out("gone", spec);
  EXPECT_EQ(gone.end, RunEnd::LaunchFailed);
  EXPECT_NE(gone.reason.find("reeve artifacts put"), std::string::npos) << gone.reason;
}

TEST_F(HostFiles, AnInputThatHasExpiredIsGone) {
  const auto stored = blobs_->put("old");
  ASSERT_TRUE(stored.ok());
  model::RunSpec spec = script("cat x");
  spec.inputs = {model::ArtifactRef{
      .path = "x",
      .digest = stored->digest,
      .size_bytes = 3,
      .mode = 0644,
      .expires_at = from_unix_millis(1'600'000'000'000)}};
  const auto result = carry_out("expired", spec);
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_NE(result.reason.find("input x: expired at 2020"), std::string::npos) << result.reason;
}

TEST_F(HostFiles, ArtifactsRememberThePathThatFoundThem) {
  model::RunSpec spec = script("touch b a2 a1");
  spec.artifact_paths = {"b", "a*", "b"};
  const auto result = carry_out("numbers", spec);
  ASSERT_EQ(result.artifacts.size(), 3U);
  EXPECT_EQ(result.artifacts[0].path_number, 2U);
  EXPECT_EQ(result.artifacts[1].path_number, 2U);
  EXPECT_EQ(result.artifacts[2].path_number, 1U);
}

TEST_F(HostFiles, ShowsTheLogInTheOrderOfTimeWhileItGrows) {
  Bell bell(root_ / "bell");
  Bell go(root_ / "go");
  const auto launch = request(
      "log",
      script(concat(
          "step() { echo x > ",
          bell.path(),
          "; read line < ",
          go.path(),
          "; }\n",
          "echo one; step; echo two >&2; step; echo three; exit 1"
      ))
  );
  EXPECT_FALSE(RunLog::open(dir_of("log")).ok());
  submit(launch);
  // A ring proves that a line was written; its place in time is when the shim has read it.
  bell.next();
  await_log("log", "one\n");
  go.ring();
  bell.next();
  await_log("log", "one\ntwo\n");
  auto log = RunLog::open(dir_of("log"));
  ASSERT_TRUE(log.ok());
  const auto early = log->read({}, 1 << 20);
  ASSERT_TRUE(early.ok());
  EXPECT_FALSE(early->ended);
  go.ring();
  await_finished(launch);
  std::vector<LogChunk> chunks = early->chunks;
  const auto rest = log->read(early->next, 1 << 20);
  ASSERT_TRUE(rest.ok());
  EXPECT_TRUE(rest->ended);
  chunks.insert(chunks.end(), rest->chunks.begin(), rest->chunks.end());
  EXPECT_EQ(all(chunks), "one\ntwo\nthree\n");
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[1].stream, Stream::Err);
  EXPECT_LE(chunks[0].at, chunks[2].at);
  const auto cursor = parse_log_cursor(to_string(early->next));
  ASSERT_TRUE(cursor.ok());
  EXPECT_EQ(*cursor, early->next);
}

/// A file system of a few megabytes.
class HostOnSmallDisk : public HostFiles {
 protected:
  void SetUp() override {
    disk_ = root_ / "data";
    stop_host();
    if (::mount("tmpfs", disk_.c_str(), "tmpfs", 0, "size=2m") != 0) {
      GTEST_SKIP() << "mounting a small file system needs root";
    }
    mounted_ = true;
    start_host();
  }

  void TearDown() override {
    stop_host();
    if (mounted_) {
      ::umount2(disk_.c_str(), MNT_DETACH);
    }
  }

  std::filesystem::path disk_;
  bool mounted_ = false;
};

TEST_F(HostOnSmallDisk, DropsLogsButKeepsTheResultWhenTheDiskFillsUp) {
  const auto result = carry_out(
      "full",
      script("echo '::set-output name=k::v'; head -c 8000000 /dev/zero; echo late >&2; exit 6")
  );
  EXPECT_EQ(result.end, RunEnd::Exited);
  EXPECT_EQ(result.exit_code, 6);
  ASSERT_FALSE(result.warnings.empty());
  EXPECT_NE(result.warnings[0].find("No space left"), std::string::npos) << result.warnings[0];
}

TEST_F(HostOnSmallDisk, ReportsARunThatCannotStartOnAFullDisk) {
  std::ofstream(disk_ / "filler") << std::string(4 << 20, 'x');
  const auto result = carry_out("never", script("echo hi"));
  EXPECT_EQ(result.end, RunEnd::LaunchFailed);
  EXPECT_NE(result.reason.find("no space left"), std::string::npos) << result.reason;
}

}  // namespace
}  // namespace reeve::host
