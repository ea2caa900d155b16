#include "platform/sandbox/plan.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace reeve::sandbox {
namespace {

using Kind = Mount::Kind;

constexpr const char* kRun = "/data/missions/m/runs/r";

/// A run of an ordinary machine.
struct Machine {
  Request request;
  Facts facts;

  Machine() {
    request.sandbox.level = model::SandboxLevel::Isolated;
    request.data_dir = "/data";
    request.run_dir = kRun;
    request.writable = {"work", "output"};
    request.readable = {"token"};
    request.working_dir = std::string(kRun) + "/work";
    directory("/usr");
    facts["/bin"] = {
        .kind = Fact::Kind::Link,
        .text = "usr/bin",
        .resolved = "/usr/bin",
        .behind = Fact::Kind::Directory};
    facts["/etc/resolv.conf"] = {
        .kind = Fact::Kind::Link,
        .text = "../run/stub",
        .resolved = "/run/stub",
        .behind = Fact::Kind::File};
    facts["/dev/null"] = {
        .kind = Fact::Kind::Device,
        .text = {},
        .resolved = "/dev/null",
        .behind = Fact::Kind::Device};
    directory(std::string(kRun) + "/work");
    file(std::string(kRun) + "/output");
    file(std::string(kRun) + "/token");
  }

  void directory(const std::string& path) {
    facts[path] = {
        .kind = Fact::Kind::Directory,
        .text = {},
        .resolved = path,
        .behind = Fact::Kind::Directory};
  }

  void file(const std::string& path) {
    facts[path] = {
        .kind = Fact::Kind::File, .text = {}, .resolved = path, .behind = Fact::Kind::File};
  }

  Plan plan() const {
    auto made = make_plan(request, facts);
    EXPECT_TRUE(made.ok()) << made.error().describe();
    return made.ok() ? *made : Plan{};
  }

  std::string refusal() const {
    const auto made = make_plan(request, facts);
    return made.ok() ? std::string("none") : made.error().describe();
  }
};

const Mount* at(const Plan& plan, std::string_view target) {
  for (const Mount& mount : plan.mounts) {
    if (mount.target == target) {
      return &mount;
    }
  }
  return nullptr;
}

TEST(Plan, ShowsTheSystemAndNothingOfTheDataDirectoryButTheRun) {
  const Plan plan = Machine().plan();
  ASSERT_NE(at(plan, "/usr"), nullptr);
  EXPECT_EQ(at(plan, "/usr")->kind, Kind::Visible);
  for (const Mount& mount : plan.mounts) {
    if (!mount.source.empty() &&
        (is_within(mount.source, "/data") || is_within("/data", mount.source))) {
      EXPECT_TRUE(is_within(mount.source, kRun)) << mount.source;
      EXPECT_NE(mount.source, kRun);
    }
  }
  EXPECT_EQ(at(plan, "/data/missions/m/runs/r/work")->kind, Kind::Writable);
  EXPECT_EQ(at(plan, "/data/missions/m/runs/r/token")->kind, Kind::Visible);
  EXPECT_TRUE(at(plan, "/data/missions/m/runs/r/token")->file);
}

TEST(Plan, WritesNowhereButIntoTheRunAndMemory) {
  for (const Mount& mount : Machine().plan().mounts) {
    if (mount.kind == Kind::Writable) {
      EXPECT_TRUE(is_within(mount.target, kRun)) << mount.target;
    }
  }
}

TEST(Plan, ShowsWhatALinkLeadsToUnlessItIsTheSystems) {
  const Plan plan = Machine().plan();
  ASSERT_NE(at(plan, "/bin"), nullptr);
  EXPECT_EQ(at(plan, "/bin")->kind, Kind::Link);
  EXPECT_EQ(at(plan, "/bin")->source, "usr/bin");
  ASSERT_NE(at(plan, "/etc/resolv.conf"), nullptr);
  EXPECT_EQ(at(plan, "/etc/resolv.conf")->source, "/run/stub");
  EXPECT_TRUE(at(plan, "/etc/resolv.conf")->file);
}

TEST(Plan, LeavesOutWhatIsNotThere) {
  const Plan plan = Machine().plan();
  EXPECT_EQ(at(plan, "/opt"), nullptr);
  EXPECT_EQ(at(plan, "/etc/passwd"), nullptr);
  EXPECT_EQ(at(plan, "/dev/tty"), nullptr);
}

TEST(Plan, NeverShowsSecretsOfTheSystem) {
  Machine machine;
  for (const char* path :
       {"/etc/shadow", "/etc/ssl/private", "/etc/ssh", "/home", "/var", "/run", "/sys"}) {
    machine.directory(path);
  }
  const Plan plan = machine.plan();
  for (const Mount& mount : plan.mounts) {
    for (const char* path : {"/etc/shadow", "/etc/ssl/private", "/etc/ssh", "/home", "/sys"}) {
      EXPECT_FALSE(!mount.source.empty() && is_within(path, mount.source)) << mount.source;
    }
  }
}

TEST(Plan, MakesWhatLiesInAnotherAfterIt) {
  Machine machine;
  machine.request.run_dir = "/tmp/data/run";
  machine.request.data_dir = "/tmp/data";
  machine.request.working_dir = "/tmp/data/run/work";
  machine.directory("/tmp/data/run/work");
  const Plan plan = machine.plan();
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    for (std::size_t j = i + 1; j < plan.mounts.size(); ++j) {
      EXPECT_FALSE(is_within(plan.mounts[i].target, plan.mounts[j].target))
          << plan.mounts[j].target << " would cover " << plan.mounts[i].target;
    }
  }
  EXPECT_NE(at(plan, "/tmp/data/run/work"), nullptr);
}

TEST(Plan, ShowsWhatIsAskedFor) {
  Machine machine;
  machine.directory("/srv/models");
  machine.request.sandbox.readable = {"/srv/models"};
  const Plan plan = machine.plan();
  ASSERT_NE(at(plan, "/srv/models"), nullptr);
  EXPECT_EQ(at(plan, "/srv/models")->kind, Kind::Visible);
}

TEST(Plan, RefusesToShowTheDataDirectoryWhateverItIsCalled) {
  Machine machine;
  machine.directory("/data");
  machine.directory("/data/missions/other");
  machine.facts["/srv/link"] = {
      .kind = Fact::Kind::Link,
      .text = "/data",
      .resolved = "/data",
      .behind = Fact::Kind::Directory};
  machine.directory("/");
  for (const char* path : {"/data", "/data/missions/other", "/srv/link"}) {
    machine.request.sandbox.readable = {path};
    EXPECT_NE(machine.refusal().find("would show the data directory"), std::string::npos) << path;
  }
  machine.request.sandbox.readable = {};
  for (const char* path : {"/data", "/data/missions/other", "/srv/link"}) {
    machine.request.working_dir = path;
    EXPECT_NE(machine.refusal().find("would show the data directory"), std::string::npos) << path;
  }
}

TEST(Plan, RefusesPartsOfTheSystemAndWhatIsNotThere) {
  Machine machine;
  machine.directory("/proc/1");
  machine.directory("/etc");
  machine.directory("/tmp");
  for (const char* path : {"/proc/1", "/etc", "/tmp"}) {
    machine.request.sandbox.readable = {path};
    EXPECT_NE(machine.refusal().find("a part of the system"), std::string::npos) << path;
  }
  machine.request.sandbox.readable = {"/nowhere"};
  EXPECT_NE(machine.refusal().find("/nowhere does not exist"), std::string::npos);
}

TEST(Plan, WorksInADirectoryOfTheMachineThatTheTaskNames) {
  Machine machine;
  machine.directory("/srv/repository");
  machine.request.working_dir = "/srv/repository";
  const Plan plan = machine.plan();
  ASSERT_NE(at(plan, "/srv/repository"), nullptr);
  EXPECT_EQ(at(plan, "/srv/repository")->kind, Kind::Writable);
}

TEST(Plan, LeadsToTheGatewayFromIsolationOnly) {
  Machine machine;
  EXPECT_EQ(machine.plan().port, 0);
  machine.request.gateway = "/tmp/sockets/1/api";
  EXPECT_EQ(machine.plan().port, 0) << "there is no such directory";
  machine.directory("/tmp/sockets/1");
  Plan plan = machine.plan();
  EXPECT_EQ(plan.port, kGatewayPort);
  EXPECT_EQ(plan.gateway, "/tmp/sockets/1/api");
  ASSERT_NE(at(plan, "/tmp/sockets/1"), nullptr);
  EXPECT_EQ(at(plan, "/tmp/sockets/1")->kind, Kind::Visible);
  machine.request.sandbox.level = model::SandboxLevel::Workspace;
  plan = machine.plan();
  EXPECT_EQ(plan.port, 0);
  EXPECT_NE(at(plan, "/tmp/sockets/1"), nullptr);
}

TEST(Plan, IsTheSameAfterItWasTold) {
  Machine machine;
  machine.request.gateway = "/tmp/sockets/1/api";
  machine.directory("/tmp/sockets/1");
  const Plan plan = machine.plan();
  const auto told = decode_plan(encode(plan));
  ASSERT_TRUE(told.ok()) << told.error().describe();
  EXPECT_EQ(*told, plan);
}

TEST(Plan, RefusesOneThatLeavesTheTree) {
  Plan plan = Machine().plan();
  plan.mounts.push_back({.kind = Kind::Directory, .target = "/tmp/../../old"});
  EXPECT_FALSE(decode_plan(encode(plan)).ok());
  EXPECT_FALSE(decode_plan("{}").ok());
  EXPECT_FALSE(decode_plan("nonsense").ok());
}

TEST(Told, IsReadInWhateverPiecesItComes) {
  EXPECT_EQ(read_told("").keeper, 0);
  EXPECT_EQ(read_told("keeper 12").keeper, 0);
  const Told told = read_told(keeper_line(12) + ready_line());
  EXPECT_EQ(told.keeper, 12);
  EXPECT_TRUE(told.ready);
  EXPECT_EQ(read_told(refusal_line("no\nroom")).refusal, "no room");
  EXPECT_FALSE(read_told(refusal_line("no")).ready);
}

}  // namespace
}  // namespace reeve::sandbox
