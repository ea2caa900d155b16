#include "executor/agent/work.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::executor::agent {
namespace {

Result<Work> work_of(std::string_view spec) {
  const Result<Json> input = parse_json(concat(
      R"({"agent":{"name":"coder","uid":"u1","generation":3,"spec":)",
      spec,
      R"(},"prompt":"do it","session":"","outputs":{"verdict":"/verdict"}})"
  ));
  return read_work(input.value());
}

std::string problem_of(std::string_view spec) {
  const Result<Work> work = work_of(spec);
  return work.ok() ? "" : work.error().describe();
}

TEST(AgentWork, HasWhatTheAgentAndTheTaskSay) {
  const Work work = work_of(R"({"description":"d","cli":{"command":"codex","args":["-x"],)"
                            R"("permissionMode":"plan"},"model":"m","prompt":"be brief",)"
                            R"("tools":["repo__*"],"limits":{"iterations":7,"cost":"$1.50",)"
                            R"("duration":"2m"},"environment":{"A":"b"}})")
                        .value();
  EXPECT_EQ(work.agent, "coder");
  EXPECT_EQ(work.generation, 3);
  EXPECT_EQ(work.cli->arguments, Dialect::Codex);
  EXPECT_EQ(work.cli->result, Dialect::Codex);
  EXPECT_EQ(work.cli->permission, Permission::Plan);
  EXPECT_EQ(work.limits.cost.text(), "1.50");
  EXPECT_EQ(work.limits.duration, Duration(120'000));
  EXPECT_EQ(work.outputs.front().second, "/verdict");
  EXPECT_FALSE(work.loop);
}

TEST(AgentWork, ALoopHasItsOwnDefaults) {
  const Work work = work_of(R"({"loop":{},"model":"m"})").value();
  EXPECT_EQ(work.loop->format, Format::Anthropic);
  EXPECT_EQ(work.loop->history_max, 50U);
  EXPECT_EQ(work.limits.iterations, 0U);
}

TEST(AgentWork, RefusesWhatItCannotKeep) {
  EXPECT_NE(problem_of(R"({"model":"m"})").find("either"), std::string::npos);
  EXPECT_NE(
      problem_of(R"({"loop":{},"cli":{"command":"claude"}})").find("either"), std::string::npos
  );
  EXPECT_NE(problem_of(R"({"cli":{"command":"custom"}})").find("cli.argv"), std::string::npos);
  EXPECT_NE(problem_of(R"({"cli":{"command":"emacs"}})").find("emacs"), std::string::npos);
  EXPECT_NE(problem_of(R"({"loop":{}})").find("model"), std::string::npos);
  EXPECT_NE(
      problem_of(R"({"loop":{},"model":"m","limits":{"iterations":51}})").find("at most 50"),
      std::string::npos
  );
  EXPECT_NE(
      problem_of(R"({"loop":{},"model":"m","limits":{"cost":"1"}})").find("no prices"),
      std::string::npos
  );
  EXPECT_NE(
      problem_of(R"({"loop":{},"model":"m","apiKey":"x"})").find("apiKey"), std::string::npos
  );
}

TEST(AgentWork, ToolsAreNamedByGlobs) {
  EXPECT_TRUE(may_call({"a__*", "b__read"}, "a__write"));
  EXPECT_TRUE(may_call({"a__*", "b__read"}, "b__read"));
  EXPECT_FALSE(may_call({"a__*", "b__read"}, "b__write"));
  EXPECT_FALSE(may_call({}, "a__write"));
}

}  // namespace
}  // namespace reeve::executor::agent
