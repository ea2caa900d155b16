#include <sys/stat.h>

#include "host_fixture.h"

namespace reeve::host {
namespace {

/// A run with one step that the test program's own tool carries out.
model::RunSpec tool(Json input) {
  model::RunSpec spec;
  model::Step step;
  step.tool = "obedient";
  step.input = std::move(input);
  spec.steps.push_back(std::move(step));
  return spec;
}

using Object = Json::Object;

TEST_F(HostTest, AToolReportsAnExitTextBeyondCodesOfProcesses) {
  const auto found = carry_out("a", tool(Json(Object{{"exitText", "200"}})));
  EXPECT_TRUE(found.succeeded());
  EXPECT_EQ(found.exit_text, "200");
  const auto missing = carry_out(
      "b", tool(Json(Object{{"exitCode", 1}, {"exitText", "404"}, {"reason", "no such page"}}))
  );
  EXPECT_FALSE(missing.succeeded());
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.exit_text, "404");
  EXPECT_EQ(missing.reason, "step 1 no such page");
}

TEST_F(HostTest, AToolPublishesValuesOfAnyShapeAndItsOutputIsLogged) {
  const std::string value = "one\nEND\ntwo\nEND0";
  const auto result = carry_out("a", tool(Json(Object{{"write", "body\n"}, {"publish", value}})));
  EXPECT_EQ(output(result, "Value"), value);
  EXPECT_EQ(output(result, "DataDir"), (root_ / "data").string());
  EXPECT_EQ(content("a", "stdout.log"), "body\n");
}

TEST_F(HostTest, OutputOfAToolPublishesNothingUnlessTheToolSaysSo) {
  const std::string line = "::set-output name=Sneaked::in\n";
  const auto plain = carry_out("a", tool(Json(Object{{"write", line}})));
  EXPECT_EQ(output(plain, "Sneaked"), std::nullopt);
  const auto script = carry_out("b", tool(Json(Object{{"write", line}, {"scriptOutput", true}})));
  EXPECT_EQ(output(script, "Sneaked"), "in");
}

TEST_F(HostTest, AFailingToolIsExplainedAndItsWarningsAreKept) {
  const auto result =
      carry_out("a", tool(Json(Object{{"error", "does not fit"}, {"warn", "mind the gap"}})));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.reason, "step 1 input: does not fit");
  EXPECT_EQ(result.warnings, std::vector<std::string>{"mind the gap"});
}

TEST_F(HostTest, ToolsTakeTheirTurnAmongScripts) {
  model::RunSpec spec = tool(Json(Object{{"exitText", "201"}, {"write", "2\n"}}));
  spec.steps.insert(spec.steps.begin(), before("echo 1"));
  spec.steps.push_back(main("echo 3"));
  spec.steps.push_back(after("echo 4"));
  const auto result = carry_out("a", spec);
  EXPECT_TRUE(result.succeeded());
  EXPECT_EQ(result.exit_text, "201");
  EXPECT_EQ(content("a", "stdout.log"), "1\n2\n3\n4\n");
}

TEST_F(HostTest, AToolThatTheProgramDoesNotHaveFailsTheRun) {
  model::RunSpec spec = tool(Json::object());
  spec.steps[0].tool = "unheard-of";
  const auto result = carry_out("a", spec);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(content("a", "stderr.log").find("no tool unheard-of"), std::string::npos);
}

TEST_F(HostTest, TheInputOfAToolIsPrivate) {
  carry_out("a", tool(Json(Object{{"write", "x"}})));

  struct stat info {};

  ASSERT_EQ(::stat((dir_of("a") / "steps" / "0.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace reeve::host
