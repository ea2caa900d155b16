#include "workflow/lint/fixture.h"

namespace reeve::lint {
namespace {

TEST(Secrets, AreReportedWithoutBeingRepeated) {
  const std::string token = concat("gh", "p_", std::string(36, 'a'));
  const std::string found = linted(one(concat("      script: echo 'Authorization:", token, "'\n")));
  EXPECT_EQ(
      found,
      "hard-coded-secret: line 8:35: tasks.a.script: looks like a GitHub token in the document "
      "(store it as a credential and name it in credentials, which puts it into the environment)"
  );
  EXPECT_EQ(linted(one("      script: echo disk-usage task-abcdefghijklmnopqrst\n")), "");
}

TEST(Secrets, AreToldByTheNamesOfVariables) {
  EXPECT_NE(
      linted(one("      script: x\n      environment: {DB_PASSWORD: correct-horse}\n"))
          .find("tasks.a.environment.DB_PASSWORD: looks like a secret"),
      std::string::npos
  );
  EXPECT_NE(
      linted(one("      script: |\n        export API_TOKEN='correct-horse'\n        ./run\n"))
          .find("line 9:16: tasks.a.script: looks like a secret"),
      std::string::npos
  );
  EXPECT_NE(linted(one("      script: x\n", "  params: {api_key: correct-horse}\n")), "");
  EXPECT_EQ(linted(one("      script: API_TOKEN=\"$1\" ./run\n")), "");
  EXPECT_EQ(linted(one("      script: |\n        TOKEN=$(cat /run/token)\n")), "");
}

TEST(Secrets, AreToldByTheirRandomness) {
  // Put together here, so that nobody takes this file for a leak.
  const std::string random = concat("q7Wm2Zx9Lk4T", "v8Rb3Yn6Hc1J", "p5Gd0SfA");
  const auto with = [](std::string_view name, std::string_view value) {
    return linted(one(concat("      script: x\n      environment: {", name, ": ", value, "}\n")));
  };
  EXPECT_NE(with("DEPLOY", random).find("a random value"), std::string::npos);
  EXPECT_EQ(with("SOURCE_SHA256", random), "");
  EXPECT_EQ(with("COMMIT", "0123456789abcdef0123456789abcdef01234567"), "");
  EXPECT_EQ(with("NAME", "a-perfectly-normal-name-of-a-thing-2024"), "");
}

TEST(Secrets, AreFoundInAddresses) {
  workflow::Workflow workflow;
  workflow.tasks.resize(1);
  workflow::Task& task = workflow.tasks[0];
  task.method = workflow::Method::Http;
  task.http = workflow::HttpRequest{};
  task.http->url = {"https://me:hunter2@example.org/", {4, 8}};
  EXPECT_EQ(finding(examine(workflow), "hard-coded-secret").error.position.column, 16);
  task.http->url = {"https://me:{{ .password }}@example.org/", {4, 8}};
  EXPECT_FALSE(has(examine(workflow), "hard-coded-secret"));
}

}  // namespace
}  // namespace reeve::lint
