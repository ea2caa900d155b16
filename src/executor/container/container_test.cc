#include <filesystem>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "executor/container/command.h"
#include "executor/container/engine.h"
#include "platform/posix/files.h"

namespace reeve::executor::container {
namespace {

namespace fs = std::filesystem;

ContainerRun some_run() {
  return {
      .engine = "/usr/bin/podman",
      .name = "reeve-abc-0",
      .image = "debian:12",
      .working_dir = "/data/work",
      .script = "/data/steps/0.sh",
      .output = "/data/output",
      .variables = {"A", "TOKEN"},
      .user = {}};
}

TEST(ContainerCommand, RunsTheScriptInItsWorkingDirectory) {
  const auto argv = run_command(some_run());
  ASSERT_TRUE(argv.ok());
  EXPECT_EQ(
      join(*argv, " "),
      "/usr/bin/podman run --rm --init --name reeve-abc-0 "
      "--mount type=bind,source=/data/work,target=/data/work "
      "--mount type=bind,source=/data/output,target=/data/output "
      "--mount type=bind,source=/data/steps/0.sh,target=/data/steps/0.sh,readonly "
      "--workdir /data/work --security-opt no-new-privileges --env A --env TOKEN "
      "--entrypoint /bin/sh debian:12 /data/steps/0.sh"
  );
}

TEST(ContainerCommand, RunsAsSomebodyIfToldSo) {
  ContainerRun run = some_run();
  run.user = "1000:100";
  EXPECT_NE(join(*run_command(run), " ").find(" --user 1000:100 "), std::string::npos);
}

TEST(ContainerCommand, RefusesAnImageThatIsAnOptionOrMoreThanAWord) {
  for (const char* image : {"", "--privileged", "a b", "a\nb", "a\tb"}) {
    ContainerRun run = some_run();
    run.image = image;
    EXPECT_EQ(run_command(run).error().subject, "image") << image;
  }
}

TEST(ContainerCommand, RefusesAPathThatWouldBeAnotherMount) {
  ContainerRun run = some_run();
  run.working_dir = "/data/work,target=/etc";
  EXPECT_FALSE(run_command(run).ok());
}

TEST(ContainerCommand, RemovesByName) {
  EXPECT_EQ(
      join(remove_command("docker", {container_name("abc", 0), container_name("abc", 12)}), " "),
      "docker rm --force reeve-abc-0 reeve-abc-12"
  );
}

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "reeve-engine-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }

  void TearDown() override { fs::remove_all(dir_); }

  void install(const char* name, std::string_view body) {
    ASSERT_TRUE(platform::replace_file(dir_ / name, concat("#!/bin/sh\n", body, "\n"), 0755).ok());
  }

  fs::path dir_;
};

TEST_F(EngineTest, IsTheFirstThatWorks) {
  install("podman", "exit 125");
  install("docker", "[ \"$1\" = info ]");
  const auto engine = find_engine(dir_.string());
  ASSERT_TRUE(engine.ok()) << engine.error().describe();
  EXPECT_EQ(engine->kind, "docker");
  install("podman", "exit 0");
  EXPECT_EQ(find_engine(concat("relative::", dir_.string()))->kind, "podman");
}

TEST_F(EngineTest, WithoutOneTheMessageSaysWhatWasFound) {
  install("docker", "exit 1");
  const auto engine = find_engine(dir_.string());
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(
      engine.error().message,
      concat(
          "no container engine works here: podman is not installed, ",
          dir_.string(),
          "/docker info ends with 1"
      )
  );
  EXPECT_NE(engine.error().hint.find("--local"), std::string::npos);
}

TEST_F(EngineTest, ACommandThatDoesNotEndIsKilled) {
  install("docker", "exec sleep 600");
  EXPECT_EQ(
      run_quietly({(dir_ / "docker").string()}, Duration(50)).error().code,
      ErrorCode::DeadlineExceeded
  );
  install("docker", "kill -9 $$");
  EXPECT_EQ(*run_quietly({(dir_ / "docker").string()}, Duration(60'000)), 137);
  EXPECT_FALSE(run_quietly({(dir_ / "none").string()}, Duration(50)).ok());
}

}  // namespace
}  // namespace reeve::executor::container
