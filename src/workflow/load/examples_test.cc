#include "workflow/load/examples.h"

#include "workflow/load/decode.h"
#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

std::string task(std::string_view fields) {
  return native(concat("  tasks: [{name: a, script: x, ", fields, "}]\n"));
}

/// What the only error of a task with these fields tells to do.
std::string hint_for(std::string_view fields) {
  const Loaded result = load(task(fields));
  EXPECT_FALSE(result.ok()) << fields;
  return result.ok() ? std::string() : result.first_error().hint;
}

TEST(Examples, ShowHowAFieldIsWritten) {
  EXPECT_EQ(example_of("spec.tasks[2].retry", Format::Native), "retry: {max: 3}");
  EXPECT_EQ(example_of("spec.tasks[2].retry.max", Format::Native), "max: 3");
  EXPECT_EQ(example_of("spec.tasks[2].retry.backoff.max", Format::Native), "max: 1m");
  EXPECT_EQ(example_of("spec.tasks[0].await.tasks[1]", Format::Native), "tasks: [start]");
  EXPECT_EQ(example_of("tasks", Format::Formicary), "tasks: [{task_type: build, script: [make]}]");
}

TEST(Examples, LeaveAloneWhatTheAuthorHasNamed) {
  EXPECT_EQ(example_of("spec.tasks[0].environment.timeout", Format::Native), "");
  EXPECT_EQ(example_of("spec.params.retry", Format::Native), "");
  EXPECT_EQ(example_of("spec.tasks[0].environment", Format::Native), "environment: {LANG: C}");
}

TEST(Examples, AreOfTheFormOfTheDocument) {
  EXPECT_EQ(example_of("tasks[0].retry", Format::Formicary), "") << "a number there";
  EXPECT_EQ(example_of("tasks[0].task_type", Format::Native), "");
}

TEST(Examples, AreYamlWhereverTheyArePasted) {
  for (const std::string_view example : all_examples()) {
    const std::string_view key = example.substr(0, example.find(':'));
    for (const std::string& text : {concat(example, "\n"), concat("{", example, "}\n")}) {
      const auto root = document::parse_yaml(text);
      ASSERT_TRUE(root.ok()) << text << root.error().describe();
      EXPECT_NE(root->find(key), nullptr) << text;
    }
  }
}

TEST(Examples, AreTakenByTheLoader) {
  for (const std::string_view fields :
       {"retry: {max: 3}",
        "retry: {backoff: {min: 1s, max: 1m}}",
        "artifacts: {paths: [report.txt]}",
        "cache: {paths: [node_modules], key: v1}",
        "compensate: {script: ./undo.sh}",
        "credentials: {GITHUB_TOKEN: github}",
        "fanOut: {over: [a, b]}",
        "semaphores: [{pool: models, units: 1}]",
        "skipIf: '{{ not .who }}'",
        "permissions: [mission.extend]"}) {
    const std::string_view key = fields.substr(0, fields.find(':'));
    EXPECT_TRUE(load(task(fields)).ok()) << describe(load(task(fields)).problems);
    if (key != "retry") {
      EXPECT_EQ(example_of(concat("spec.tasks[0].", key), Format::Native), fields);
    }
  }
}

TEST(WaysOut, NameTheValueThatWasMeant) {
  EXPECT_EQ(hint_for("alwaysRun: yes"), "write true");
  EXPECT_EQ(hint_for("alwaysRun: off"), "write false");
  EXPECT_EQ(hint_for("alwaysRun: 'true'"), "write true without quotes");
  EXPECT_EQ(hint_for("alwaysRun: perhaps"), "write true or false");
  EXPECT_EQ(hint_for("retry: {max: '3'}"), "leave the quotes out");
  EXPECT_EQ(hint_for("retry: {max: many}"), "for example \"max: 3\"");
  EXPECT_EQ(hint_for("needs: a"), "write \"needs: [a]\"");
  EXPECT_EQ(hint_for("needs: 'a, b'"), "write \"needs: [a, b]\"");
  EXPECT_EQ(hint_for("needs: 'a b'"), "for example \"needs: [build]\"");
  EXPECT_EQ(hint_for("onCompleted: [b, c]"), "lead to one of them; give the others \"needs: [a]\"");
  EXPECT_EQ(
      hint_for("environment: {A: {b: c}}"), "put quotes around it: the colon makes a map of it"
  );
  EXPECT_EQ(hint_for("environment: {A: [b]}").find("write one value"), 0U);
  EXPECT_EQ(hint_for("artifacts: {paths: [a], when: ALWAYS}"), "did you mean \"always\"?");
  EXPECT_EQ(hint_for("artifacts: {paths: [a], when: later}"), "for example \"when: onFailure\"");
  EXPECT_EQ(hint_for("timeout: 30"), "add the unit: 30s, 30m or 30h");
}

TEST(WaysOut, KnowTheNamesOfOthers) {
  EXPECT_EQ(hint_for("depends_on: [b]"), "did you mean \"needs\"?");
  EXPECT_EQ(hint_for("env: {A: b}"), "did you mean \"environment\"?");
  EXPECT_EQ(hint_for("retry: {attempts: 3}"), "did you mean \"max\"?");
  EXPECT_EQ(hint_for("if: x"), "did you mean \"skipIf\"?");
  EXPECT_EQ(
      hint_for("outputs: {a: b}"),
      "a script publishes values itself: echo \"::set-output name=NAME::VALUE\""
  );
  EXPECT_EQ(hint_for("retry: {colour: 3}"), "known here: max, delay, backoff");
  EXPECT_EQ(
      only_error(native("  env: {A: b}\n  tasks: [{name: a, script: x}]\n")),
      "line 5:3: spec.env: unknown field \"env\" (did you mean \"variables\"?)"
  );
  EXPECT_EQ(
      only_error(native("  tasks:\n    - name: a\n      script: |\n      echo hi\n")),
      "line 8:7: spec.tasks[0].echo hi: unknown field \"echo hi\" (if this belongs to the text "
      "above "
      "it, indent it deeper than the line with the key)"
  );
  EXPECT_EQ(
      only_error(native("  steps: [{name: a, script: x}]\n")),
      "line 5:3: spec.steps: unknown field \"steps\" (did you mean \"tasks\"?)"
  );
}

TEST(WaysOut, TellOneMistakeOnce) {
  EXPECT_EQ(
      only_error(native("  tasks: [{nmae: a, script: x}]\n")),
      "line 5:12: spec.tasks[0].nmae: unknown field \"nmae\" (did you mean \"name\"?)"
  );
  EXPECT_EQ(
      only_error(native("  tasks: [{name: a, run: x}]\n")),
      "line 5:21: spec.tasks[0].run: unknown field \"run\" (did you mean \"script\"?)"
  );
  EXPECT_EQ(
      only_error(native("  tasks:\n    - {name: , script: x}\n")),
      "line 6:14: spec.tasks[0].name: \"name\" has no value (give it one or remove the line)"
  );
  EXPECT_EQ(
      only_error("job_type: j\ntasks: [{task_typ: a, method: SHELL, script: [x]}]\n"),
      "line 2:9: tasks[0]: \"task_type\" is missing (is \"task_typ\" meant to be \"task_type\"?)"
  );
}

TEST(WaysOut, SuggestANameThatFits) {
  EXPECT_EQ(name_hint("my flow"), "for example \"my-flow\"");
  EXPECT_EQ(name_hint("../Ünï"), "for example \"n\"");
  EXPECT_EQ(name_hint("__"), "for example \"build-2\"");
}

}  // namespace
}  // namespace reeve::workflow
