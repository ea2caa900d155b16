#include "workflow/load/shape.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

Json data(std::string_view json) {
  auto parsed = parse_json(json);
  EXPECT_TRUE(parsed.ok());
  return *parsed;
}

std::string shaped(std::string_view text, std::string_view json) {
  auto result = shape(text, data(json));
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().describe());
  return result.ok() ? result->text : "";
}

TEST(Shape, CarriesOutLoopsAndKeepsOtherTemplates) {
  EXPECT_EQ(
      shaped(
          "a:\n{{- range $i, $r := .L }}\n- t: x-{{ $r.name }}\n  e: {{ .name }} {{ $.Root }}\n"
          "{{- end }}\n",
          R"({"L": [{"name": "P"}, {"name": "Q"}]})"
      ),
      // The field of the element is decided now; the field of the data is kept.
      "a:\n- t: x-P\n  e: P {{ $.Root }}\n- t: x-Q\n  e: Q {{ $.Root }}\n"
  );
}

TEST(Shape, PlacesErrorsInTheDocument) {
  auto plain = shape(
      "a: {{ .Kept\n }}\n{{ range .L }}\nb: {{ .Later }}\n{{ end }}\n", data(R"({"L": [5]})")
  );
  ASSERT_FALSE(plain.ok());
  EXPECT_EQ(plain.error().position.line, 4);
  EXPECT_GT(plain.error().position.column, 4);
  auto mixed =
      shape("{{ range .L }}\nc: {{ $.K }} {{ .Later }}\n{{ end }}\n", data(R"({"L": [5]})"));
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().position, (Position{2, 0}));
}

TEST(Shape, KeepsTemplatesThatOnlyTheRunCanAnswer) {
  EXPECT_EQ(
      shaped(
          "{{ if .On }}\na: {{ .Secret }}\nb: \"{{ if .Q }}x{{ else }}y{{ end }}\"\n{{ end }}\n",
          R"({"On": true})"
      ),
      "\na: {{ .Secret }}\nb: \"{{ if .Q }}x{{ else }}y{{ end }}\"\n\n"
  );
}

TEST(Shape, KeepsLoopsInsideBlocks) {
  const std::string block = "s: |\n  {{ range .Items }}\n  echo {{ . }}\n  {{ end }}\n";
  EXPECT_EQ(shaped("{{ if true }}\n" + block + "{{ end }}\n", "{}"), "\n" + block + "\n");
  EXPECT_FALSE(has_structure(block));
  EXPECT_TRUE(has_structure("{{ if true }}\n" + block));
}

TEST(Shape, ChoosesBranches) {
  const std::string text = "{{ if eq .E \"x\" }}\na: 1\n{{ else }}\na: 2\n{{ end }}\n";
  EXPECT_EQ(shaped(text, R"({"E": "x"})"), "\na: 1\n\n");
  EXPECT_EQ(shaped(text, "{}"), "\na: 2\n\n");
}

TEST(Shape, KnowsTheOriginalLines) {
  auto result = shape(
      "a: 1\n{{ range .L }}\nb: {{ . }}\n\nc: 2\n{{ end }}\nd: 3\n", data(R"({"L": [1, 2]})")
  );
  ASSERT_TRUE(result.ok());
  const auto lines = split(result->text, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const int want = line == "a: 1"          ? 1
                     : line.starts_with("b") ? 3
                     : line == "c: 2"        ? 5
                     : line == "d: 3"        ? 7
                                             : 0;
    if (want != 0) {
      EXPECT_EQ(result->lines[i], want) << line;
    }
  }
}

TEST(Shape, RefusesWhatIsNotKnownYet) {
  auto hole = shape("{{ if true }}\n{{ end }}\n{{ $x := .Gone }}\na: {{ $x }}\n", Json::object());
  ASSERT_FALSE(hole.ok());
  EXPECT_EQ(
      hole.error().message, "a template that shapes the document needs a value that is not known"
  );
  EXPECT_EQ(hole.error().position.line, 4);
  auto broken = shape("{{ range .L }}\na: 1\n", Json::object());
  ASSERT_FALSE(broken.ok());
  auto run = shape("{{ if gt (Random 1 9) 3 }}\na: 1\n{{ end }}\n", Json::object());
  ASSERT_FALSE(run.ok());
  EXPECT_NE(run.error().message.find("works only while a mission runs"), std::string::npos);
}

TEST(Shape, ReadsJobVariablesOfTextsThatDoNotParse) {
  EXPECT_EQ(
      read_job_variables("job_type: x\njob_variables:\n  A: 1\n  B: \"{{ .C }}\"\n  L: [a, "
                         "b]\ntasks:\n{{ range .L }}\n"
                         "- A: 2\n{{ end }}\n")
          .dump(),
      R"({"A":1,"L":["a","b"]})"
  );
  EXPECT_EQ(
      read_job_variables("job_variables:\n- name: A\n  value: x\ntasks: []\n").dump(),
      R"({"A":"x"})"
  );
  EXPECT_EQ(read_job_variables("job_variables: {A: x}\n").dump(), R"({"A":"x"})");
  EXPECT_EQ(read_job_variables("tasks: []\n").dump(), "{}");
}

TEST(Shape, LetsParamsTakeTheTypeOfWhatTheyReplace) {
  EXPECT_EQ(
      overlay(
          data(R"({"n": 1, "s": "a", "b": false})"),
          data(R"({"n": "3", "s": "4", "b": "true", "x": "5"})")
      )
          .dump(),
      R"({"n":3,"s":"4","b":true,"x":"5"})"
  );
  EXPECT_EQ(overlay(data(R"({"n": 1})"), data(R"({"n": "many"})")).dump(), R"({"n":"many"})");
}

constexpr std::string_view kRegions = R"(job_type: deploy-regions
dynamic_template_tasks: true
job_variables:
  Regions: [eu, us]
tasks:
{{- range $i, $region := .Regions }}
- task_type: deploy-{{ $region }}
  method: SHELL
  timeout: 5m
  environment:
    REGION: "{{ $region }}"
    TOKEN: "{{ $.GithubToken }}"
  script:
    - |
      echo deploying

      ./deploy "$REGION"
  {{- if eq $region "eu" }}
  on_completed: deploy-us
  {{- end }}
{{- end }}
)";

TEST(Shape, LoadsADocumentMadeByALoop) {
  const Workflow w = loaded(kRegions);
  ASSERT_EQ(w.tasks.size(), 2U);
  EXPECT_EQ(w.tasks[0].name, TaskName("deploy-eu"));
  EXPECT_EQ(w.tasks[1].environment.at(0).second.text, "us");
  EXPECT_EQ(w.tasks[1].environment.at(1).second.text, "{{ $.GithubToken }}");
  EXPECT_EQ(w.tasks[0].script.at(0).text, "echo deploying\n\n./deploy \"$REGION\"\n");
  EXPECT_EQ(w.tasks[0].routes.at(0).target, Target(TaskIndex{1}));
  // What was made of it is its source, and stays what it is.
  EXPECT_EQ(w.source.find("range"), std::string::npos);
  const Workflow again = loaded(w.source);
  EXPECT_EQ(again.digest, w.digest);
  EXPECT_EQ(again.tasks.size(), 2U);
}

TEST(Shape, ShapesByParams) {
  LoadOptions options;
  options.params.set("Regions", Json(Json::Array{Json("eu"), Json("us"), Json("ap")}));
  const Loaded result = load(kRegions, options);
  // "ap" is reached by nothing.
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(finding(result.problems, "unreachable").error.position.line, 7);
}

TEST(Shape, GivesProblemsTheLinesOfTheFile) {
  const std::string text =
      "job_type: x\njob_variables: {L: [a, b]}\ntasks:\n{{ range .L }}\n- task_type: t-{{ . }}\n"
      "  method: SHELL\n  script: [x]\n  tiemout: 5m\n  on_completed: gone\n{{ end }}\n";
  const Loaded result = load(text);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(finding(result.problems, "unknown-field").error.position, (Position{8, 3}));
  EXPECT_EQ(finding(result.problems, "unknown-task").error.position.line, 9);
}

}  // namespace
}  // namespace reeve::workflow
