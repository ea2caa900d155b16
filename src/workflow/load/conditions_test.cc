#include "workflow/load/conditions.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

Json known(std::string_view json) {
  auto parsed = parse_json(json);
  EXPECT_TRUE(parsed.ok());
  return *parsed;
}

std::string deferred(std::string_view text, std::string_view json = "{}") {
  return defer_conditions(text, known(json)).text;
}

/// A job of one task around the lines of its script.
std::string job(std::string_view script) {
  return concat("job_type: sweep\ntasks:\n- task_type: wash\n  method: SHELL\n  script:\n", script);
}

std::vector<std::string> script_of(std::string_view text) {
  const Workflow workflow = loaded(text);
  std::vector<std::string> out;
  for (const Text& item : workflow.tasks.empty() ? std::vector<Text>{} : workflow.tasks[0].script) {
    out.push_back(item.text);
  }
  return out;
}

TEST(Conditions, BecomeItemsWhereOnlyTheRunCanDecide) {
  EXPECT_EQ(
      deferred("  script:\n    - a\n  {{- if eq .Color \"it's\" -}}\n    - b\n{{else}}\n    - c\n"
               "    {{ end }}\n    - d\n"),
      "  script:\n    - a\n    - '{{ if eq .Color \"it''s\" }}'\n    - b\n    - '{{ else }}'\n"
      "    - c\n    - '{{ end }}'\n    - d\n"
  );
  // Functions of the run count as unknown, and lists may stand as far left as their key.
  EXPECT_EQ(
      deferred("  paths:\n  {{ if gt (Random 0 2) 0 }}\n  - x\n  {{ end }}\n"),
      "  paths:\n  - '{{ if gt (Random 0 2) 0 }}'\n  - x\n  - '{{ end }}'\n"
  );
}

TEST(Conditions, StayWhatTheyAreWhereTheyCanOrMustBeDecidedNow) {
  for (const std::string_view text :
       {"script:\n{{ if .Known }}\n  - a\n{{ end }}\n",      // known
        "variables:\n{{ if .Later }}\n  a: b\n{{ end }}\n",  // no list
        "tags:\n{{ if .Later }}\n  - a\n{{ end }}\n",        // not of a script
        "script:\n{{ range .L }}\n{{ if .Later }}\n  - a\n{{ end }}\n{{ end }}\n",
        "script:\n{{ if .Later }}\n{{ range .L }}\n  - a\n{{ end }}\n{{ end }}\n",
        "script:\n{{ if $x }}\n  - a\n{{ end }}\n",
        "script:\n{{ if .Later }}\n  - a\nretry: 1\n{{ end }}\n",  // leaves the list
        "script:\n{{ if .Later }}{{ end }}\n  - a\n",
        "script:\n  - |\n    {{ if .Later }}\n    a\n    {{ end }}\n",
        "script:\n{{ if .Later }}\n  - a\n"}) {
    EXPECT_EQ(deferred(text, R"({"Known": 1, "L": [1]})"), text);
  }
}

TEST(Conditions, DecidedEarlyAreNamed) {
  const Deferred result =
      defer_conditions("a: 1\nvariables:\n  {{ if .Later }}\n  b: c\n  {{ end }}\n", known("{}"));
  ASSERT_EQ(result.early.size(), 1U);
  EXPECT_EQ(result.early[0].position, (Position{3, 3}));
  EXPECT_EQ(result.early[0].name, "Later");
  EXPECT_EQ(
      warnings(concat(job("    - x\n"), "  variables:\n  {{ if .Later }}\n    b: c\n  {{ end }}\n")
      ),
      "line 8:3: this condition is decided at submission, when \"Later\" is not known (give it in "
      "job_variables or as a parameter)"
  );
}

TEST(Conditions, LieOverTheItemsBetweenThem) {
  EXPECT_EQ(
      script_of(job("    - first\n    {{ if lt .JobRetry 2 }}\n    - again {{.JobRetry}}\n"
                    "    {{ else if .Loud }}\n    - |\n      #!/bin/sh\n      echo loud\n"
                    "    {{ else }}\n    - quiet\n    {{ end }}\n    - last\n")),
      (std::vector<std::string>{
          "first",
          "{{ if lt .JobRetry 2 }}again {{.JobRetry}}{{ end }}",
          "{{ if lt .JobRetry 2 }}{{ else if .Loud }}#!/bin/sh\necho loud\n{{ end }}",
          "{{ if lt .JobRetry 2 }}{{ else if .Loud }}{{ else }}quiet{{ end }}",
          "last"})
  );
}

TEST(Conditions, MayStandWithinEachOther) {
  EXPECT_EQ(
      script_of(job("    {{ if .A }}\n    {{ if .B }}\n    - x\n    {{ end }}\n    - y\n"
                    "    {{ end }}\n")),
      (std::vector<std::string>{
          "{{ if .A }}{{ if .B }}x{{ end }}{{ end }}", "{{ if .A }}y{{ end }}"})
  );
}

TEST(Conditions, LoadTheSameFromTheSourceOfTheWorkflow) {
  const Workflow once = loaded(job("    {{ if .A }}\n    - x\n    {{ end }}\n    - y\n"));
  const Workflow twice = loaded(once.source);
  EXPECT_EQ(once.digest, twice.digest);
  ASSERT_EQ(twice.tasks.size(), 1U);
  EXPECT_EQ(twice.tasks[0].script[0].text, "{{ if .A }}x{{ end }}");
}

TEST(Conditions, AreLimited) {
  std::string branches = "    {{ if .A }}\n    - x\n";
  for (int i = 0; i < 500; ++i) {
    branches += concat("    {{ else if .B", i, " }}\n    - x\n");
  }
  EXPECT_NE(only_error(job(branches + "    {{ end }}\n")), "");
  const std::string name(4000, 'n');
  std::string items = concat("    {{ if .", name, " }}\n");
  for (int i = 0; i < 1100; ++i) {
    items += "    - x\n";
  }
  EXPECT_NE(
      only_error(job(items + "    {{ end }}\n")).find("conditions add more than"), std::string::npos
  );
}

TEST(Conditions, FaultsHaveAPlace) {
  EXPECT_EQ(only_error(job("    {{ if .A | }}\n    - x\n    {{ end }}\n")).substr(0, 7), "line 6:");
  EXPECT_NE(
      only_error(job("    - '{{ if .A }}'\n    - x\n")).find("the condition is never closed"),
      std::string::npos
  );
  EXPECT_NE(only_error(job("    - x\n    - '{{ end }}'\n")).find("line 7:"), std::string::npos);
  EXPECT_NE(
      only_error(job("    {{ if nothing .A }}\n    - x\n    {{ end }}\n")).find("nothing"),
      std::string::npos
  );
}

}  // namespace
}  // namespace reeve::workflow
