#include "workflow/lint/fixture.h"

namespace reeve::lint {
namespace {

const char* const kTitle = "  params: {title: x}\n";

std::vector<Finding> of(std::string_view script, std::string_view spec = kTitle) {
  return check(one(script, spec)).findings;
}

TEST(Splices, AreReportedWhereTheTextStands) {
  EXPECT_EQ(
      linted(one("      script: |\n        set -e\n        echo {{ .title }}\n", kTitle)),
      "spliced-text: line 11:17: tasks.a.script: the text of \"title\" becomes part of the script: "
      "it can run commands (use \"$title\" from the environment, or {{ shellquote .title }})"
  );
}

TEST(Splices, OfferTheQuotingThatFits) {
  const Finding plain = finding(of("      script: echo {{ .title }}\n"), "spliced-text");
  EXPECT_EQ(plain.edit, (Edit{{9, 23}, {9, 29}, "shellquote .title"}));
  const Finding quoted = finding(of("      script: echo \"{{ .title }}\"\n"), "spliced-text");
  EXPECT_EQ(
      quoted.error.hint, "write $title from the environment, which is safe inside these quotes"
  );
  EXPECT_FALSE(quoted.edit.has_value());
  const Finding single = finding(of("      script: echo '{{ .title }}'\n"), "spliced-text");
  EXPECT_EQ(single.error.hint, "use \"$title\" from the environment; single quotes do not protect");
  const Finding python = finding(
      of("      script: |\n        #!/usr/bin/env python3\n        print(\"{{ .title }}\")\n"),
      "spliced-text"
  );
  EXPECT_EQ(python.error.hint, "read \"title\" from the environment");
}

TEST(Splices, AreFollowedThroughVariables) {
  const char* const spec = "  params: {title: x}\n  variables: {head: 'T {{ .title }}', size: 3}\n";
  EXPECT_TRUE(has(of("      script: echo {{ .head }}\n", spec), "spliced-text"));
  EXPECT_FALSE(has(of("      script: echo {{ .size }}\n", spec), "spliced-text"));
}

TEST(Splices, IncludeOutputsAndNamesThatOnlyIndexReaches) {
  EXPECT_EQ(
      finding(
          check(native(
                    "  tasks:\n    - {name: b, script: 'echo \"::set-output name=K::$(curl x)\"'}\n"
                    "    - {name: a, script: 'echo {{ .K }}', needs: [b]}\n"
                ))
              .findings,
          "spliced-text"
      )
          .error.position.line,
      7
  );
  EXPECT_EQ(
      finding(of("      script: echo {{ index . \"a-feedback\" }}\n"), "spliced-text").error.hint,
      "use {{ shellquote (index . \"a-feedback\") }}"
  );
}

TEST(Splices, AreFineInConditions) {
  EXPECT_FALSE(has(of("      script: echo {{ if .title }}a{{ end }}\n"), "spliced-text"));
}

}  // namespace
}  // namespace reeve::lint
