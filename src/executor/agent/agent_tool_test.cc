#include "executor/agent/agent_tool.h"

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kToken = "rvr_secret";

class Output final : public ToolOutput {
 public:
  void write(std::string_view bytes) override { written += bytes; }

  void note(std::string_view line) override { written += line; }

  Result<void> publish(std::string_view /*name*/, std::string_view /*value*/) override {
    return {};
  }

  void warn(std::string text) override { written += text; }

  std::string written;
};

/// A run with a server that nobody needs to reach.
class AgentToolTest : public testing::Test {
 protected:
  AgentToolTest() : dir_(fs::path(testing::TempDir()) / concat("agent-tool-", ::getpid())) {
    fs::remove_all(dir_);
    fs::create_directories(run_dir());
    std::ofstream(dir_ / "token") << kToken;
  }

  ~AgentToolTest() override { fs::remove_all(dir_); }

  fs::path run_dir() const { return dir_ / "missions/m/runs/m.1.code.1"; }

  Result<ToolEnd> run(const std::string& argv) {
    AgentTool tool(
        [](const Fence&) -> Result<std::unique_ptr<Server>> {
          return make_error(ErrorCode::Unavailable, "nobody is there");
        },
        [](Duration) {}
    );
    const std::string input = concat(
        R"({"prompt":"do it","mission":"u-1","agent":{"name":"coder","spec":{"cli":)",
        R"({"command":"custom","argv":)",
        argv,
        "}}}}"
    );
    return tool.run(
        {.input = *parse_json(input),
         .run_dir = run_dir(),
         .working_dir = dir_,
         .data_dir = dir_,
         .environment =
             {{"PATH", "/usr/bin:/bin"},
              {"REEVE_RUN", "m.1.code.1"},
              {"REEVE_TASK", "code"},
              {"REEVE_API", "http://127.0.0.1:1"},
              {"REEVE_TOKEN_FILE", (dir_ / "token").native()}}},
        output_
    );
  }

  /// Files of the run that the token is in.
  std::vector<std::string> found() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(dir_ / "missions")) {
      if (!entry.is_regular_file()) {
        continue;
      }
      std::ifstream file(entry.path());
      const std::string text((std::istreambuf_iterator<char>(file)), {});
      if (text.find(kToken) != std::string::npos) {
        names.push_back(entry.path().filename());
      }
    }
    return names;
  }

  fs::path dir_;
  Output output_;
};

TEST_F(AgentToolTest, LeavesNoTokenBehindHoweverItEnds) {
  EXPECT_FALSE(run(R"(["no-such-agent","{mcpConfigFile}"])").ok());
  EXPECT_TRUE(found().empty());
  const Result<ToolEnd> failed =
      run(R"(["sh","-c","grep -q secret $0; exit 3","{mcpConfigFile}"])");
  ASSERT_TRUE(failed.ok()) << failed.error().describe();
  EXPECT_EQ(failed->exit_code, 1);
  EXPECT_TRUE(found().empty());
}

}  // namespace
}  // namespace reeve::executor::agent
