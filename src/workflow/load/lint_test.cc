#include <string>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

std::string linted(std::string_view text) {
  std::string out;
  for (const Problem& problem : lint(text)) {
    Error error = problem.error;
    error.file.clear();
    out += concat(out.empty() ? "" : "\n", problem.rule, ": ", error.describe());
  }
  return out;
}

/// A native workflow of one task with a timeout.
std::string one(std::string_view task, std::string_view spec = "") {
  return native(concat(spec, "  tasks:\n    - name: a\n      timeout: 1m\n", task));
}

TEST(Lint, HasNothingToSayAboutACleanDocument) {
  EXPECT_EQ(
      linted(one(
          "      script: |\n        echo \"$who\" {{ .size }} {{ .JobID }} {{ shellquote .who }}\n"
          "        echo \"::set-output name=K::1\"\n      environment: {A: \"{{ .who }}{{ .K "
          "}}\"}\n",
          "  params: {who: me}\n  variables: {size: 3}\n"
      )),
      ""
  );
}

TEST(Lint, WarnsOfTextFromOutsideInScripts) {
  EXPECT_EQ(
      linted(one(
          "      script: |\n        set -e\n        echo {{ .title }}\n", "  params: {title: x}\n"
      )),
      "spliced-text: line 11:17: tasks.a: the text of \"title\" becomes part of the script: it can "
      "run commands (use \"$title\" from the environment, or {{ shellquote .title }})"
  );
}

TEST(Lint, WarnsOfOutputsInScripts) {
  const auto problems = lint(one(
      "      script:\n        - echo \"::set-output name=K::$(curl x)\"\n        - echo {{ .K }}\n"
  ));
  EXPECT_EQ(finding(problems, "spliced-text").error.position.line, 10);
}

TEST(Lint, LetsConditionsUseTextFromOutside) {
  EXPECT_EQ(
      linted(one("      script: echo {{ if .title }}a{{ end }}\n", "  params: {title: x}\n")), ""
  );
}

TEST(Lint, WarnsOfUndefinedVariables) {
  EXPECT_EQ(
      linted(one(
          "      script: x\n      environment: {A: \"{{ .sourc }}\"}\n", "  params: {source: x}\n"
      )),
      "undefined-variable: line 10:28: tasks.a: \"sourc\" is no variable, parameter or output of "
      "this document (did you mean \"source\"?)"
  );
  EXPECT_EQ(linted(one("      script: x\n      skipIf: '{{ default \"\" .maybe }}'\n")), "");
}

TEST(Lint, BelievesInComputedOutputNames) {
  EXPECT_EQ(
      linted(one(
          "      script: echo \"::set-output name=$k::1\"\n      environment: {A: \"{{ .z }}\"}\n"
      )),
      ""
  );
  EXPECT_EQ(
      linted(one(
          "      script: echo \"z=1\" >> \"$REEVE_OUTPUT\"\n      environment: {A: \"{{ .z }}\"}\n"
      )),
      ""
  );
}

TEST(Lint, WarnsOfMissingTimeouts) {
  EXPECT_EQ(
      linted(native("  tasks:\n    - {name: a, script: x}\n    - {name: b, method: NOOP}\n"
                    "    - {name: c, script: x, alwaysRun: true}\n")),
      "no-timeout: line 6:14: tasks.a: has no timeout: it may run for 1h (add one, such as "
      "\"timeout: 10m\")\n"
      "no-timeout: line 8:14: tasks.c: runs always and has no timeout: it can hold the end up for "
      "1h (add one, such as \"timeout: 10m\")"
  );
}

TEST(Lint, WarnsOfSecretsWithoutRepeatingThem) {
  const std::string token = concat("gh", "p_", std::string(36, 'a'));
  const std::string found =
      linted(one(concat("      script: curl -H 'Authorization:", token, "' x\n")));
  EXPECT_EQ(
      found,
      "hard-coded-secret: line 8:38: tasks.a: looks like a GitHub token in the document (pass it "
      "as a parameter or through the environment of the host)"
  );
  EXPECT_NE(
      linted(one("      script: x\n      environment: {DB_PASSWORD: correct-horse}\n"))
          .find("looks like a secret"),
      std::string::npos
  );
  EXPECT_EQ(
      linted(one(
          "      script: x\n      environment: {DB_PASSWORD: \"{{ .p }}\"}\n", "  params: {p: x}\n"
      )),
      ""
  );
  EXPECT_EQ(linted(one("      script: echo disk-usage task-abcdefghijklmnopqrst\n")), "");
}

TEST(Lint, WarnsOfCronFields) {
  const std::string rest = "tasks:\n- {task_type: a, method: SHELL, timeout: 1m, script: [x]}\n";
  EXPECT_EQ(
      linted("job_type: j\ncron_trigger: \"0 0 * * * *\"\n" + rest),
      "cron-six-fields: cron_trigger: \"0 0 * * * *\" has six fields: the sixth is the year, there "
      "are no seconds (write five fields, or seven with seconds first)"
  );
  EXPECT_NE(
      linted("job_type: j\ncron_trigger: \"* *\"\n" + rest).find("cron-fields"), std::string::npos
  );
  EXPECT_EQ(linted("job_type: j\ncron_trigger: \"0 * * * * * *\"\n" + rest), "");
  EXPECT_EQ(linted("job_type: j\ncron_trigger: \"@daily\"\n" + rest), "");
}

TEST(Lint, ReportsWhatLoadingReports) {
  EXPECT_EQ(finding(lint("kind: Workflow\n"), "missing-field").severity, Severity::Error);
}

}  // namespace
}  // namespace reeve::workflow
