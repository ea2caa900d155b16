#include "workflow/lint/fixture.h"

namespace reeve::lint {
namespace {

const char* const kParams = "  params: {title: x, n: 1}\n";

TEST(Names, AreMissedWithTheNearestOne) {
  const Finding found = finding(
      check(one("      script: x\n      environment: {A: \"{{ .titel }}\"}\n", kParams)).findings,
      "undefined-variable"
  );
  EXPECT_EQ(found.severity, Severity::Warning);
  EXPECT_EQ(
      found.error.describe(),
      "workflow:10:28: tasks.a.environment.A: \"titel\" is no variable, parameter or output of "
      "this document (did you mean \"title\"?)"
  );
  EXPECT_EQ(found.edit, (Edit{{10, 28}, {10, 34}, ".title"}));
}

TEST(Names, OfCredentialsMayBePrintedAndNothingElse) {
  const auto rules = [](std::string_view lines) {
    return check(one(concat("      credentials: {HOOK: chat-hook}\n", lines))).findings;
  };
  EXPECT_EQ(
      describe(
          rules("      script: echo {{ .HOOK }}\n      environment: {A: 'Bearer {{ .HOOK }}'}\n")
      ),
      ""
  );
  EXPECT_EQ(
      finding(
          rules("      script: x\n      environment: {A: '{{ upper .HOOK }}'}\n"), "credential-use"
      )
          .error.describe(),
      "workflow:10:34: tasks.a.environment.A: a template may only print the credential \"HOOK\" "
      "(look "
      "at \"$HOOK\" in the script instead)"
  );
  EXPECT_TRUE(has(rules("      script: '{{ if .HOOK }}x{{ end }}'\n"), "credential-use"));
  EXPECT_TRUE(has(rules("      script: x\n      skipIf: '{{ .HOOK }}'\n"), "credential-use"));
  EXPECT_TRUE(has(rules("      script: x\n      workingDir: 'd/{{ .HOOK }}'\n"), "credential-use"));
}

TEST(Names, OfCredentialsBelongToTheTaskThatNamesThem) {
  EXPECT_EQ(
      linted(native(
          "  tasks:\n    - {name: a, credentials: {TOKEN: forge}, script: 'x {{ .TOKEN }}'}\n"
      )),
      ""
  );
  EXPECT_NE(
      linted(native("  tasks:\n    - {name: a, credentials: {TOKEN: forge}, script: 'x'}\n"
                    "    - {name: b, script: 'x {{ .TOKEN }}', needs: [a]}\n")),
      ""
  );
}

TEST(Names, OfOptionalValuesMayBeMissing) {
  EXPECT_EQ(
      linted(one("      script: x\n      environment: {A: \"{{ default 1 .sourc }}\"}\n"
                 "      skipIf: '{{ if .other }}true{{ end }}'\n")),
      ""
  );
}

TEST(Names, MayBeAnythingAfterAScriptThatComputesThem) {
  EXPECT_EQ(
      linted(native("  tasks:\n    - {name: b, script: 'echo \"::set-output name=$k::1\"'}\n"
                    "    - {name: a, script: 'echo', environment: {A: '{{ .any }}'}, needs: [b]}\n")
      ),
      ""
  );
}

TEST(Names, IncludeWhatEarlierTasksPublish) {
  EXPECT_EQ(
      linted(native(
          "  tasks:\n    - name: b\n      script: |\n        {\n          echo \"notes<<END\"\n"
          "          echo version=3\n        } >>\"$REEVE_OUTPUT\"\n"
          "    - name: a\n      needs: [b]\n      script: x\n"
          "      environment: {A: '{{ .notes }}{{ .version }}', B: '{{ index . \"b-status\" }}',\n"
          "                    C: '{{ .b_ArtifactURL_1 }}'}\n"
      )),
      ""
  );
}

TEST(Names, OfLaterTasksAreReportedWithTheTask) {
  EXPECT_NE(
      linted(native("  tasks:\n    - {name: a, script: x, environment: {A: '{{ .K }}'}}\n"
                    "    - {name: b, script: 'echo ::set-output name=K::1', needs: [a]}\n"))
          .find("output-order: line 6:49: tasks.a.environment.A: \"K\" is an output of task \"b\", "
                "which never runs before this one (add \"b\" to needs, or a route from there)"),
      std::string::npos
  );
}

TEST(Names, IncludeWhatAgentsPublishAndNobodyTrustsIt) {
  workflow::Workflow workflow;
  workflow.tasks.resize(2);
  workflow.tasks[0].name = TaskName("code");
  workflow.tasks[0].method = workflow::Method::Agent;
  workflow.tasks[0].agent = workflow::AgentTask{};
  workflow.tasks[0].agent->outputs = {{"verdict", "/verdict"}};
  workflow.tasks[1].name = TaskName("show");
  workflow.tasks[1].needs = {0};
  workflow.tasks[1].script = {
      {"echo {{ .verdict }} '{{ index . \"code-result\" }}' {{ .cost }} {{ .verdit }}", {9, 5}}};
  const std::vector<Finding> found = examine(workflow);
  EXPECT_NE(
      finding(found, "undefined-variable").error.message.find("\"verdit\""), std::string::npos
  );
  std::size_t spliced = 0;
  for (const Finding& each : found) {
    spliced += each.rule == "spliced-text" ? 1 : 0;
  }
  // Also what nobody publishes.
  EXPECT_EQ(spliced, 4U);
}

TEST(Names, IncludeTheItemOfAFanOutAndTheOutputsOfGatesAndChildren) {
  workflow::Workflow workflow;
  workflow.tasks.resize(3);
  const char* const names[] = {"ask", "call", "each"};
  for (std::size_t i = 0; i < 3; ++i) {
    workflow.tasks[i].name = TaskName(names[i]);
    workflow.tasks[i].timeout = {"1m", {}};
  }
  workflow.tasks[0].method = workflow::Method::Gate;
  workflow.tasks[0].gate = workflow::Gate{};
  workflow.tasks[1].method = workflow::Method::Mission;
  workflow.tasks[1].child = workflow::Child{};
  workflow.tasks[1].child->outputs = {{"rows", "row_count"}};
  workflow.tasks[2].needs = {0, 1};
  workflow.tasks[2].fan_out = workflow::FanOut{};
  workflow.tasks[2].fan_out->over = {"[1,2]", {}};
  workflow.tasks[2].script = {
      {"echo {{ .item }} '{{ index . \"ask-outcome\" }}' {{ .row_count }} {{ .rowcount }}",
       {9, 5}}};
  const std::vector<Finding> found = examine(workflow);
  const Finding undefined = finding(found, "undefined-variable");
  EXPECT_NE(undefined.error.message.find("\"rowcount\""), std::string::npos);
  std::size_t spliced = 0;
  for (const Finding& each : found) {
    spliced += each.rule == "spliced-text" ? 1 : 0;
    EXPECT_EQ(each.error.message.find("\"item\""), std::string::npos);
  }
  // The outcome is a word of the engine.
  EXPECT_EQ(spliced, 2U);
}

TEST(Names, OfTriggersAreWhatTheTriggerBrings) {
  workflow::Workflow workflow;
  workflow.tasks.resize(1);
  workflow.tasks[0].method = workflow::Method::Noop;
  workflow::Trigger trigger;
  trigger.name = "push";
  workflow::WebhookTrigger source;
  source.auth = workflow::WebhookAuth::GitHub;
  trigger.source = source;
  trigger.filter = {"{{ eq .Body.ref \"main\" }}", {3, 5}};
  workflow.triggers = {trigger};
  EXPECT_EQ(describe(examine(workflow)), "");
  workflow.triggers[0].filter = {"{{ eq .Boddy.ref \"main\" }}", {3, 5}};
  EXPECT_EQ(
      describe(examine(workflow)),
      "undefined-variable: line 3:11: triggers.push.filter: \"Boddy\" is nothing that this trigger "
      "brings (it brings Body, Headers, Query)"
  );
}

TEST(Types, AreTakenFromConstantsParamsAndOutputs) {
  const auto types = [](std::string_view condition, std::string_view spec = kParams) {
    const std::vector<Finding> found =
        check(one(concat("      script: x\n      skipIf: '", condition, "'\n"), spec)).findings;
    return has(found, "template-type") ? finding(found, "template-type").error.describe()
                                       : std::string();
  };
  EXPECT_EQ(
      types("{{ lt .Missing 4 }}"),
      "workflow:10:22: tasks.a.skipIf: \"Missing\" has no order, \"lt\" fails: it is nothing "
      "(declare "
      "\"Missing\", or give a default: (default 0 .Missing))"
  );
  EXPECT_EQ(
      types("{{ lt .title 4 }}"),
      "workflow:10:22: tasks.a.skipIf: \"title\" is text and does not compare with a whole number "
      "(make a number of it: (atoi .title))"
  );
  EXPECT_NE(types("{{ gt .A 4 }}", "  variables: {A: text}\n"), "");
  EXPECT_NE(types("{{ range .A }}x{{ end }}", "  variables: {A: [1]}\n"), "");
  EXPECT_EQ(types("{{ range (fromJson .A) }}x{{ end }}", "  variables: {A: [1]}\n"), "");
  EXPECT_EQ(types("{{ lt .n 4 }}"), "");
  EXPECT_EQ(types("{{ lt (atoi .title) 4 }}"), "");
  EXPECT_EQ(types("{{ gt .JobRetry 2 }}"), "");
  EXPECT_EQ(types("{{ eq .JobType \"w\" }}"), "");
}

}  // namespace
}  // namespace reeve::lint
