#include "executor/agent/cli_plan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

constexpr std::string_view kToken = "rvr_secret";

struct Fixture {
  explicit Fixture(Dialect dialect) {
    work.agent = "coder";
    work.prompt = "fix it";
    work.system = "be brief";
    work.model = "coding";
    work.cli = CliSpec{.arguments = dialect, .result = dialect, .argv = {}, .args = {}};
    fence.api = "https://127.0.0.1:7070";
    fence.token = Secret(kToken);
    fence.ca_file = "/data/ca.pem";
  }

  CliPlan plan() const {
    return plan_cli(
               work,
               fence,
               {.files = "/run/files",
                .sessions = "/mission/sessions",
                .working_dir = "/run/work",
                .superuser = true,
                .approvals = approvals},
               {{"PATH", "/bin"},
                {"ANTHROPIC_API_KEY", "sk-real"},
                {"OPENAI_API_KEY", "sk-real"},
                {"AWS_SECRET_ACCESS_KEY", "real"},
                {"GITHUB_TOKEN", "real"},
                {"https_proxy", "http://elsewhere"},
                {"TRACEPARENT", "00-1-2-01"},
                {"REEVE_RUN", "m.1.a.1"}}
    ).value();
  }

  Work work;
  Fence fence;
  bool approvals = true;
};

bool has(const CliPlan& plan, std::string_view first, std::string_view second) {
  for (std::size_t i = 0; i + 1 < plan.argv.size(); ++i) {
    if (plan.argv[i] == first && plan.argv[i + 1] == second) {
      return true;
    }
  }
  return false;
}

std::string text_of(const CliPlan& plan, std::string_view name) {
  for (const PlannedFile& file : plan.files) {
    if (file.path.filename() == name) {
      return file.text;
    }
  }
  return {};
}

TEST(AgentCliPlan, NobodySeesTheTokenAmongTheArgumentsNorOtherKeys) {
  for (const Dialect dialect :
       {Dialect::Claude, Dialect::Codex, Dialect::OpenCode, Dialect::Text}) {
    Fixture f(dialect);
    if (dialect == Dialect::Text) {
      f.work.cli->argv = {"my-agent", "{prompt}", "{mcpConfigFile}"};
    }
    const CliPlan plan = f.plan();
    EXPECT_EQ(join(plan.argv, " ").find(kToken), std::string::npos);
    for (const auto& [name, value] : plan.environment) {
      EXPECT_EQ(value.find("real"), std::string::npos) << name;
      EXPECT_EQ(value.find("elsewhere"), std::string::npos) << name;
    }
    EXPECT_EQ(
        value_of(plan.environment, "ANTHROPIC_BASE_URL"), "https://127.0.0.1:7070/llm/anthropic"
    );
    EXPECT_EQ(value_of(plan.environment, "ANTHROPIC_AUTH_TOKEN"), kToken);
    EXPECT_EQ(
        value_of(plan.environment, "OPENAI_BASE_URL"), "https://127.0.0.1:7070/llm/openai/v1"
    );
    EXPECT_EQ(value_of(plan.environment, "ANTHROPIC_API_KEY"), "");
    EXPECT_EQ(value_of(plan.environment, "NODE_EXTRA_CA_CERTS"), "/data/ca.pem");
    EXPECT_EQ(value_of(plan.environment, "TRACEPARENT"), "00-1-2-01");
    EXPECT_EQ(value_of(plan.environment, "PATH"), "/bin");
    EXPECT_EQ(value_of(plan.environment, "PWD"), "/run/work");
  }
}

TEST(AgentCliPlan, ClaudeIsToldWhereItsFenceIs) {
  Fixture f(Dialect::Claude);
  f.work.limits.iterations = 9;
  f.work.limits.cost = Money::parse("2.50").value();
  f.work.session = "s-1";
  f.work.cli->args = {"--effort", "low"};
  f.fence.socket = "/run/gateway.sock";
  const CliPlan plan = f.plan();
  EXPECT_EQ(plan.argv.front(), "claude");
  EXPECT_TRUE(has(plan, "--output-format", "stream-json"));
  EXPECT_TRUE(has(plan, "--setting-sources", ""));
  EXPECT_TRUE(has(plan, "--mcp-config", "/run/files/mcp.json"));
  EXPECT_TRUE(has(plan, "--permission-prompt-tool", "mcp__reeve__approve"));
  EXPECT_TRUE(has(plan, "--permission-mode", "default"));
  EXPECT_TRUE(has(plan, "--max-turns", "9"));
  EXPECT_TRUE(has(plan, "--max-budget-usd", "2.50"));
  EXPECT_TRUE(has(plan, "--resume", "s-1"));
  EXPECT_TRUE(has(plan, "--effort", "low"));
  EXPECT_TRUE(has(plan, "--append-system-prompt", "be brief"));
  EXPECT_EQ(plan.input, "fix it");
  EXPECT_EQ(value_of(plan.environment, "CLAUDE_CODE_MAX_RETRIES"), "1");
  EXPECT_EQ(value_of(plan.environment, "ANTHROPIC_UNIX_SOCKET"), "/run/gateway.sock");
  EXPECT_EQ(value_of(plan.environment, "CLAUDE_CONFIG_DIR"), "/mission/sessions/claude");
  EXPECT_EQ(value_of(plan.environment, "IS_SANDBOX"), "");
  const Json config = *parse_json(text_of(plan, "mcp.json"));
  const Json& server = *config.find("mcpServers")->find("reeve");
  EXPECT_EQ(server.get_string("url"), "https://127.0.0.1:7070/mcp");
  EXPECT_EQ(server.find("headers")->get_string("Authorization"), "Bearer ${REEVE_AGENT_TOKEN}");
  EXPECT_EQ(value_of(plan.environment, "REEVE_AGENT_TOKEN"), kToken);
}

TEST(AgentCliPlan, ConsentIsAskedForOnlyWhereSomebodyAnswers) {
  Fixture f(Dialect::Claude);
  f.approvals = false;
  EXPECT_FALSE(has(f.plan(), "--permission-prompt-tool", "mcp__reeve__approve"));
}

TEST(AgentCliPlan, TheSuperuserMayOnlyBypassWhereItSaysSo) {
  Fixture f(Dialect::Claude);
  f.work.cli->permission = Permission::Bypass;
  const CliPlan plan = f.plan();
  EXPECT_TRUE(has(plan, "--permission-mode", "bypassPermissions"));
  EXPECT_EQ(value_of(plan.environment, "IS_SANDBOX"), "1");
}

TEST(AgentCliPlan, CodexGetsAProviderThatIsAskedOnce) {
  Fixture f(Dialect::Codex);
  f.work.session = "t-1";
  f.work.schema = *parse_json(R"({"type":"object"})");
  const CliPlan plan = f.plan();
  EXPECT_TRUE(has(
      plan,
      "-c",
      R"(model_providers.reeve={name="reeve",base_url="https://127.0.0.1:7070/llm/openai/v1",)"
      R"(env_key="REEVE_AGENT_TOKEN",wire_api="responses",request_max_retries=0,stream_max_retries=0,stream_idle_timeout_ms=604800000})"
  ));
  EXPECT_TRUE(has(plan, "-c", R"(web_search="disabled")"));
  EXPECT_TRUE(has(plan, "--output-schema", "/run/files/schema.json"));
  EXPECT_TRUE(has(plan, "-o", "/run/files/last-message.txt"));
  EXPECT_TRUE(has(plan, "--sandbox", "workspace-write"));
  EXPECT_TRUE(has(plan, "resume", "t-1"));
  EXPECT_EQ(plan.argv.back(), "-");
  EXPECT_EQ(plan.input, "be brief\n\nfix it");
  EXPECT_EQ(value_of(plan.environment, "REEVE_AGENT_TOKEN"), kToken);
  EXPECT_EQ(plan.last_message, "/run/files/last-message.txt");
}

TEST(AgentCliPlan, OpenCodeReadsItsTokenFromTheEnvironment) {
  Fixture f(Dialect::OpenCode);
  const CliPlan plan = f.plan();
  const std::string config = text_of(plan, "opencode.json");
  EXPECT_EQ(config.find(kToken), std::string::npos);
  EXPECT_NE(config.find("{env:REEVE_AGENT_TOKEN}"), std::string::npos);
  EXPECT_EQ(value_of(plan.environment, "OPENCODE_CONFIG"), "/run/files/opencode.json");
  EXPECT_EQ(value_of(plan.environment, "REEVE_AGENT_TOKEN"), kToken);
  f.work.model.clear();
  EXPECT_FALSE(plan_cli(f.work, f.fence, {}, {}).ok());
}

TEST(AgentCliPlan, WhatOpenCodeMayDoIsNotForTheWorkingDirectoryToSay) {
  const CliPlan plan = Fixture(Dialect::OpenCode).plan();
  EXPECT_EQ(value_of(plan.environment, "OPENCODE_DISABLE_PROJECT_CONFIG"), "1");
  const std::string text = value_of(plan.environment, "OPENCODE_CONFIG_CONTENT");
  const Json config = *parse_json(text);
  EXPECT_EQ(
      config.find("permission")->dump(), R"({"edit":"deny","bash":"deny","webfetch":"deny"})"
  );
  EXPECT_EQ(
      config.find("provider")->find("reeve")->find("options")->get_string("baseURL"),
      "https://127.0.0.1:7070/llm/openai/v1"
  );
  EXPECT_EQ(config.find("mcp")->find("reeve")->get_string("url"), "https://127.0.0.1:7070/mcp");
  EXPECT_EQ(config.find("instructions")->dump(), R"(["/run/work/AGENTS.md"])");
  // Not every version fills in variables there.
  EXPECT_EQ(text.find("{env:"), std::string::npos);
}

TEST(AgentCliPlan, PlacesOfACustomCommandAreFilledOnce) {
  Fixture f(Dialect::Text);
  f.work.prompt = "say {model} {other}";
  f.work.system.clear();
  f.work.cli->argv = {"my-agent", "--model={model}", "--ask", "{prompt}", "{promptFile}"};
  const CliPlan plan = f.plan();
  EXPECT_EQ(
      join(plan.argv, "|"),
      "my-agent|--model=coding|--ask|say {model} {other}|/run/files/prompt.txt"
  );
  EXPECT_EQ(plan.input, "");
  f.work.cli->argv = {"my-agent"};
  EXPECT_EQ(f.plan().input, "say {model} {other}");
}

TEST(AgentCliPlan, TheAgentsOwnVariablesAreNotKeptFromIt) {
  Fixture f(Dialect::Claude);
  f.work.environment = {{"CLAUDE_CODE_EFFORT", "low"}, {"LANG", "C"}};
  EXPECT_EQ(value_of(f.plan().environment, "CLAUDE_CODE_EFFORT"), "low");
}

TEST(AgentFence, IsThereOnlyWithAServer) {
  EXPECT_EQ(find_fence({{"PATH", "/bin"}}).error().code, ErrorCode::Unsupported);
  const Fence fence =
      find_fence(
          {{"REEVE_API", "https://h:1/"}, {"REEVE_TOKEN_FILE", "/t"}, {"REEVE_CA_FILE", "/c"}}
      ).value();
  EXPECT_EQ(fence.api, "https://h:1");
  EXPECT_EQ(
      find_fence({{"REEVE_GATEWAY_SOCKET", "/s"}, {"REEVE_TOKEN_FILE", "/t"}})->api,
      "http://reeve.local"
  );
}

TEST(AgentFence, KeepsKeysByTheirNames) {
  for (const char* name :
       {"ANTHROPIC_BASE_URL",
        "Openai_Org",
        "AWS_REGION",
        "NPM_TOKEN",
        "DB_PASSWORD",
        "http_proxy",
        "MY_API_KEY"}) {
    EXPECT_TRUE(is_withheld(name)) << name;
  }
  for (const char* name : {"PATH", "HOME", "REEVE_TOKEN_FILE", "LANG", "TOKENS", "NO_PROXY"}) {
    EXPECT_FALSE(is_withheld(name)) << name;
  }
}

TEST(AgentCliPlan, ClaudeNamesProjectsByTheirDirectory) {
  EXPECT_EQ(claude_project("/data/m.1/work_dir"), "-data-m-1-work-dir");
}

}  // namespace
}  // namespace reeve::executor::agent
