#include "cli/run_sockets.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "security/identity/run_token.h"

namespace reeve::cli {
namespace {

namespace fs = std::filesystem;

/// Sockets of runs, of which nobody really listens on one.
class RunSocketsTest : public testing::Test {
 protected:
  RunSocketsTest() { fs::create_directories(base_); }

  ~RunSocketsTest() override { fs::remove_all(base_); }

  RunSockets::Listeners listeners() {
    RunSockets::Listeners made;
    made.add = [this](const net::ListenerOptions& options) -> Result<net::ListenerId> {
      if (refuses_) {
        return make_error(ErrorCode::LimitExceeded, "there are too many");
      }
      std::ofstream(options.unix_path) << "a socket";
      open_.emplace(++last_, options);
      return last_;
    };
    made.remove = [this](net::ListenerId id) {
      fs::remove(open_.at(id).unix_path);
      open_.erase(id);
    };
    return made;
  }

  const fs::path base_ = fs::temp_directory_path() / concat("reeve-run-sockets-", ::getpid());
  const RunName run_{"m.1.a.1"};
  std::map<net::ListenerId, net::ListenerOptions> open_;
  net::ListenerId last_ = 0;
  bool refuses_ = false;
};

TEST_F(RunSocketsTest, GivesEachRunOneThatIsItsOwn) {
  RunSockets sockets(base_ / "sockets", listeners());
  const auto one = sockets.open(run_, Fence(1));
  const auto other = sockets.open(RunName("m.1.b.1"), Fence(1));
  const auto later = sockets.open(run_, Fence(2));
  ASSERT_TRUE(one.ok() && other.ok() && later.ok());
  EXPECT_NE(*one, *other);
  EXPECT_NE(*one, *later);
  EXPECT_NE(one->parent_path(), other->parent_path());
  EXPECT_EQ(fs::status(one->parent_path()).permissions(), fs::perms(0700));
  EXPECT_EQ(open_.at(1).tag, identity::socket_tag(run_, Fence(1)));
  EXPECT_EQ(open_.at(1).unix_mode, 0600U);
  EXPECT_EQ(open_.at(1).connections_max, kRunConnectionsMax);
}

TEST_F(RunSocketsTest, LeavesNothingBehind) {
  RunSockets sockets(base_ / "sockets", listeners());
  const auto path = sockets.open(run_, Fence(1));
  ASSERT_TRUE(path.ok());
  EXPECT_EQ(*sockets.open(run_, Fence(1)), *path);
  EXPECT_EQ(open_.size(), 1U);
  sockets.close(run_, Fence(1));
  EXPECT_TRUE(open_.empty());
  EXPECT_FALSE(fs::exists(path->parent_path()));
  sockets.close(run_, Fence(1));
  EXPECT_TRUE(sockets.open(run_, Fence(1)).ok());
}

TEST_F(RunSocketsTest, AreWhereTheyWereAfterARestart) {
  fs::path before;
  {
    RunSockets sockets(base_ / "sockets", listeners());
    before = *sockets.open(run_, Fence(1));
    *sockets.open(RunName("m.1.b.1"), Fence(1));
  }
  RunSockets sockets(base_ / "sockets", listeners());
  EXPECT_EQ(*sockets.open(run_, Fence(1)), before);
  // The other run has ended meanwhile.
  sockets.close(RunName("m.1.b.1"), Fence(1));
  EXPECT_EQ(std::distance(fs::directory_iterator(base_ / "sockets"), {}), 1);
}

TEST_F(RunSocketsTest, AreNotPutWhereOthersMayWrite) {
  fs::create_directories(base_ / "sockets");
  fs::permissions(base_ / "sockets", fs::perms(0777));
  RunSockets sockets(base_ / "sockets", listeners());
  EXPECT_EQ(sockets.open(run_, Fence(1)).error().code, ErrorCode::PermissionDenied);
  fs::create_directories(base_ / "elsewhere");
  fs::create_directory_symlink(base_ / "elsewhere", base_ / "link");
  RunSockets linked(base_ / "link", listeners());
  EXPECT_FALSE(linked.open(run_, Fence(1)).ok());
  EXPECT_TRUE(open_.empty());
}

TEST_F(RunSocketsTest, SayWhyThereIsNone) {
  refuses_ = true;
  RunSockets sockets(base_ / "sockets", listeners());
  EXPECT_EQ(sockets.open(run_, Fence(1)).error().code, ErrorCode::LimitExceeded);
  refuses_ = false;
  EXPECT_TRUE(sockets.open(run_, Fence(1)).ok());
}

TEST_F(RunSocketsTest, HavePathsThatEveryClientCanUse) {
  EXPECT_EQ(run_socket_directory("/var/lib/reeve", "/tmp"), "/var/lib/reeve/sockets");
  const fs::path deep = fs::path("/var/lib") / std::string(90, 'x');
  const fs::path elsewhere = run_socket_directory(deep, "/tmp");
  EXPECT_EQ(elsewhere.parent_path(), "/tmp");
  EXPECT_EQ(run_socket_directory(deep, "/tmp"), elsewhere);
  EXPECT_NE(run_socket_directory(fs::path("/var/lib") / std::string(90, 'y'), "/tmp"), elsewhere);
  // Behind the directory: the name of the run's own, the file, and the end of the text.
  constexpr std::size_t kAddressBytes = 108;
  constexpr std::size_t kBehindBytes = 1 + 16 + sizeof("/api.sock");
  for (std::size_t length = 60; length < 100; ++length) {
    const fs::path directory = run_socket_directory(concat("/", std::string(length, 'z')), "/tmp");
    EXPECT_LE(directory.native().size() + kBehindBytes, kAddressBytes);
  }
}

}  // namespace
}  // namespace reeve::cli
