#include "workflow/render.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/functions.h"

namespace reeve::workflow {
namespace {

using model::NamedValue;
using model::Phase;
using namespace std::chrono_literals;

Text at_line(std::string text, int line = 1, int column = 1) {
  return Text{std::move(text), {line, column}};
}

/// A workflow with one task "build", a context to render it in, and shorthands.
class Fixture {
 public:
  explicit Fixture(Format format = Format::Native) {
    workflow.name = "nightly";
    workflow.version = "1.4";
    workflow.format = format;
    workflow.tasks.resize(1);
    task().name = TaskName("build");
    task().position = {5, 7};
    context.mission = MissionName("nightly-x7");
    context.ns = Namespace("team");
    context.uid = Uid("0123-uid");
    context.owner = Principal("user:alice");
    context.epoch = 3;
    context.attempt = 2;
    context.run = RunName("nightly-x7.3.build.2");
    context.fence = Fence(41);
    context.mission_started_at = *parse_timestamp("2026-11-21T09:30:00.000Z");
    context.now = *parse_timestamp("2026-11-21T09:31:30.999Z");
    context.params = &params;
    context.outputs = &outputs;
  }

  Task& task() { return workflow.tasks[0]; }

  void variable(const std::string& name, Json value, Position position = {}) {
    workflow.variables.push_back({name, std::move(value), position});
  }

  Result<model::RunSpec> render() const { return render_task(workflow, 0, context); }

  /// The one script of the task after rendering `text`, or "error: …".
  std::string script(const std::string& text) {
    task().script = {at_line(text)};
    const auto spec = render();
    return spec.ok() ? spec->steps.front().script : "error: " + spec.error().describe();
  }

  /// The value a script finds in its environment; "<unset>" if there is none.
  std::string environment(std::string_view name) {
    if (task().script.empty()) {
      task().script = {at_line("true")};
    }
    const auto spec = render();
    if (!spec.ok()) {
      return "error: " + spec.error().describe();
    }
    std::string found = "<unset>";
    for (const auto& [known, value] : spec->environment) {
      found = known == name ? value : found;
    }
    return found;
  }

  Workflow workflow;
  RenderContext context;
  std::vector<NamedValue> params;
  std::vector<NamedValue> outputs;
};

TEST(RenderTask, PutsTheScriptsIntoPhasesInOrder) {
  Fixture f;
  f.variable("Dir", "src");
  f.task().before_script = {at_line("prepare {{.Dir}}")};
  f.task().script = {at_line("#!/bin/bash\nmake -C {{.Dir}}\n"), at_line("make test")};
  f.task().after_script = {at_line("rm -rf tmp")};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  ASSERT_EQ(spec->steps.size(), 4U);
  EXPECT_EQ(spec->steps[0].phase, Phase::Before);
  EXPECT_EQ(spec->steps[0].script, "prepare src");
  EXPECT_EQ(spec->steps[1].phase, Phase::Main);
  EXPECT_EQ(spec->steps[1].script, "#!/bin/bash\nmake -C src\n");
  EXPECT_EQ(spec->steps[2].script, "make test");
  EXPECT_EQ(spec->steps[3].phase, Phase::After);
}

TEST(RenderTask, RefusesATaskWithoutAScript) {
  Fixture f;
  f.task().before_script = {at_line("true")};
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().message, "task build has no script");
  EXPECT_EQ(spec.error().position, (Position{5, 7}));
  f.task().method = Method::Noop;
  EXPECT_TRUE(f.render().ok());
}

TEST(RenderTask, RendersWorkingDirectoryTimeoutAndArtifacts) {
  Fixture f;
  f.variable("T", "1h30m");
  f.task().script = {at_line("true")};
  f.task().working_dir = at_line("work/{{.JobType}}\n");
  f.task().timeout = at_line("{{.T}}");
  f.task().artifacts.paths = {at_line("out/{{.TaskType}}/**"), at_line("{{if false}}x{{end}}")};
  f.task().artifacts.when = model::ArtifactWhen::OnFailure;
  f.task().artifacts.expires_after = Duration(1000);
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->working_dir, "work/nightly");
  EXPECT_EQ(spec->timeout, Duration(5'400'000));
  EXPECT_EQ(spec->artifact_paths, std::vector<std::string>{"out/build/**"});
  EXPECT_EQ(spec->artifact_when, model::ArtifactWhen::OnFailure);
  EXPECT_EQ(spec->artifact_expiry, Duration(1000));
  EXPECT_TRUE(spec->inputs.empty());
}

TEST(RenderTask, MayTakeAsLongAsTheWholeWhenItHasNoTimeout) {
  Fixture f;
  f.task().script = {at_line("true")};
  EXPECT_EQ(f.render()->timeout, Duration(2h));
  f.workflow.timeout = 24h;
  EXPECT_EQ(f.render()->timeout, Duration(24h));
  f.task().timeout = at_line(" ");
  EXPECT_EQ(f.render()->timeout, Duration(24h)) << "a template that prints nothing";
}

TEST(RenderTask, NamesTheFieldAndPlaceOfATimeoutThatIsNone) {
  Fixture f;
  f.variable("T", "soon");
  f.task().script = {at_line("true")};
  f.task().timeout = at_line("{{.T}}", 12, 16);
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().subject, "tasks.build.timeout");
  EXPECT_EQ(spec.error().message, "\"soon\" is not a duration");
  EXPECT_EQ(spec.error().position, (Position{12, 16}));
}

TEST(RenderTask, ReportsTemplateErrorsAtTheirPlaceInTheSource) {
  Fixture f;
  f.task().script = {at_line("true"), Text{"line one\n  {{.Branhc}}", {20, 9}}};
  f.variable("Branch", "main");
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().subject, "tasks.build.script[1]");
  EXPECT_EQ(spec.error().position.line, 21);
  EXPECT_NE(spec.error().describe().find("Branhc"), std::string::npos) << spec.error().describe();
  EXPECT_NE(spec.error().hint.find("Branch"), std::string::npos) << spec.error().describe();
}

TEST(RenderTask, AMissingFieldOfANativeWorkflowIsAnErrorAndOfAFormicaryOneHasNoValue) {
  Fixture native;
  EXPECT_TRUE(native.script("echo {{.Nope}}").starts_with("error: "));
  EXPECT_EQ(native.script("echo {{default \"d\" .Nope}}"), "echo d");
  Fixture formicary(Format::Formicary);
  EXPECT_EQ(formicary.script("echo {{.Nope}}"), "echo <no value>");
}

TEST(RenderTask, RefusesUndefinedFunctionsAndOpenActions) {
  Fixture f;
  EXPECT_NE(f.script("{{nope 1}}").find("function"), std::string::npos);
  EXPECT_NE(f.script("{{ .A ").find("unclosed action"), std::string::npos);
}

TEST(RenderTask, LaterSourcesOfAValueWinOverEarlierOnes) {
  Fixture f;
  f.variable("V", "workflow");
  EXPECT_EQ(f.script("{{.V}}"), "workflow");
  f.params = {{"V", "param"}};
  EXPECT_EQ(f.script("{{.V}}"), "param");
  EXPECT_EQ(f.environment("V"), "param");
  f.outputs = {{"V", "first"}, {"V", "last"}};
  EXPECT_EQ(f.script("{{.V}}"), "last");
  EXPECT_EQ(f.environment("V"), "last");
}

TEST(RenderTask, BuiltInsWinOverVariablesAndLoseToParams) {
  Fixture f;
  f.variable("JobType", "mine");
  EXPECT_EQ(f.script("{{.JobType}}"), "nightly");
  f.params = {{"JobType", "given"}};
  EXPECT_EQ(f.script("{{.JobType}}"), "given");
}

TEST(RenderTask, TaskVariablesWinInTheTasksTextsButNotOverParamsInItsEnvironment) {
  Fixture f;
  f.variable("V", "workflow");
  f.task().variables = {{"V", "task", {}}};
  EXPECT_EQ(f.script("{{.V}}"), "task");
  EXPECT_EQ(f.environment("V"), "task");
  f.params = {{"V", "param"}};
  EXPECT_EQ(f.script("{{.V}}"), "task");
  EXPECT_EQ(f.environment("V"), "param");
  f.task().environment = {{"V", at_line("own-{{.V}}")}};
  EXPECT_EQ(f.environment("V"), "own-task");
}

TEST(RenderTask, VariablesMayContainTemplates) {
  Fixture f;
  f.variable("Base", "release");
  f.variable("Branch", "{{.Base}}-{{.Nr}}");
  f.variable("Url", "https://example.org/{{.Branch}}");
  f.params = {{"Nr", "7"}};
  EXPECT_EQ(f.script("{{.Url}}"), "https://example.org/release-7");
  EXPECT_EQ(f.environment("Url"), "https://example.org/release-7");
  f.task().variables = {{"T", "[{{.Branch}}]", {}}};
  EXPECT_EQ(f.script("{{.T}}"), "[release-7]");
}

TEST(RenderTask, AVariableThatCannotBeRenderedIsNamed) {
  Fixture f;
  f.variable("Bad", "{{.Nope}}", {3, 8});
  f.task().script = {at_line("true")};
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().subject, "variables.Bad");
  EXPECT_EQ(spec.error().position.line, 3);
  f.params = {{"Bad", "given"}};
  EXPECT_EQ(f.environment("Bad"), "given");
}

TEST(RenderTask, ParamsAndOutputsAreNeverTemplates) {
  Fixture f;
  f.params = {{"P", "{{.JobID}}"}};
  f.outputs = {{"O", "{{nope}}"}};
  EXPECT_EQ(f.script("{{.P}} {{.O}}"), "{{.JobID}} {{nope}}");
}

TEST(RenderTask, NumbersStayExactAndListsAreJson) {
  Fixture f;
  f.variable("Big", std::int64_t{12'345'678});
  f.variable("Half", 0.5);
  f.variable("Thousand", 1e7);
  f.variable("Yes", true);
  f.variable("Items", *parse_json(R"([{"id":1234567,"t":"it's"},null])"));
  EXPECT_EQ(f.script("{{.Big}} {{.Half}} {{.Yes}}"), "12345678 0.5 true");
  EXPECT_EQ(f.script("{{.Items}}"), R"([{"id":1234567,"t":"it's"},null])");
  EXPECT_EQ(f.script("{{range fromJson .Items}}{{if .}}{{.id}}{{end}}{{end}}"), "1234567");
  EXPECT_EQ(f.environment("Big"), "12345678");
  EXPECT_EQ(f.environment("Half"), "0.5");
  EXPECT_EQ(f.environment("Thousand"), "10000000");
  EXPECT_EQ(f.environment("Yes"), "true");
  EXPECT_EQ(f.environment("Items"), R"([{"id":1234567,"t":"it's"},null])");
}

TEST(RenderTask, AParamThatReplacesANumberIsANumber) {
  Fixture f;
  f.variable("Max", 3);
  f.params = {{"Max", "5"}};
  EXPECT_EQ(f.script("{{if lt 4 .Max}}more{{end}}"), "more");
  f.params = {{"Max", "many"}};
  EXPECT_EQ(f.script("{{.Max}}"), "many");
  f.workflow.params = {Param{"Flag", Json(false), false, "", {}}};
  EXPECT_EQ(f.script("{{if .Flag}}on{{else}}off{{end}}"), "off");
  f.params = {{"Flag", "true"}};
  EXPECT_EQ(f.script("{{if .Flag}}on{{else}}off{{end}}"), "on");
}

TEST(RenderTask, KnowsTheBuiltInValues) {
  Fixture f;
  EXPECT_EQ(
      f.script("{{.JobID}} {{.JobType}} {{.JobRetry}} {{.JobElapsedSecs}}"), "0123-uid nightly 2 90"
  );
  EXPECT_EQ(
      f.script("{{.TaskType}} {{.TaskRetry}} {{.SemVersion}} {{.UserID}} {{.OrganizationID}}"),
      "build 1 1.4 user:alice team"
  );
  EXPECT_EQ(
      f.script("{{.DateYear}} {{.DateMonth}} {{.DateDay}} {{.YearDay}} {{.FullDate}}"),
      "2026 11 21 325 2026-11-21"
  );
  EXPECT_EQ(f.script("{{.EpochSecs}}"), "1795253490");
  EXPECT_EQ(f.script("{{formatTime .EpochSecs}}"), "2026-11-21 09:31:30");
}

TEST(RenderTask, TheNonceBelongsToTheAttemptUnlessItIsGiven) {
  Fixture f;
  const std::string nonce = f.script("{{.Nonce}}");
  EXPECT_EQ(nonce.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_EQ(f.script("{{if gt .Nonce 0}}a number{{end}}"), "a number");
  EXPECT_EQ(f.script("{{.Nonce}}"), nonce);
  EXPECT_EQ(f.environment("Nonce"), nonce);
  EXPECT_EQ(f.environment("REEVE_NONCE"), nonce);
  f.context.fence = Fence(42);
  EXPECT_NE(f.script("{{.Nonce}}"), nonce);
  f.params = {{"Nonce", "fixed"}};
  EXPECT_EQ(f.script("{{.Nonce}}"), "fixed");
  EXPECT_EQ(f.environment("REEVE_NONCE"), "fixed");
}

TEST(RenderTask, RandomRepeatsForTheSameAttemptAndStaysInItsRange) {
  Fixture f;
  const std::string text =
      "{{Random 10 20}} {{Random 10 20}} {{Random 10 20}} {{Random 0 1000000}}";
  const std::string first = f.script(text);
  EXPECT_EQ(f.script(text), first);
  f.context.fence = Fence(42);
  EXPECT_NE(f.script(text), first);
  std::vector<int> seen(3);
  for (std::uint64_t fence = 0; fence < 300; ++fence) {
    f.context.fence = Fence(fence);
    const int number = std::stoi(f.script("{{Random 5 8}}"));
    ASSERT_GE(number, 5);
    ASSERT_LT(number, 8);
    ++seen[static_cast<std::size_t>(number - 5)];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 50);
  }
}

TEST(RenderTask, RandomRefusesAnEmptyRange) {
  Fixture f;
  EXPECT_NE(
      f.script("{{Random 3 3}}").find("the second must be above the first"), std::string::npos
  );
  EXPECT_TRUE(f.script("{{Random 4 3}}").starts_with("error: "));
  EXPECT_TRUE(f.script("{{Random \"a\" 3}}").starts_with("error: "));
}

TEST(RenderTask, FunctionsThatAskAboutMissionsSayThatThereAreNone) {
  for (const char* call :
       {"CountByJobTypeAndState \"a\" \"PENDING\"",
        "SubmitJob \"a\" \"d\"",
        "SubmitJobsFromJSON \"a\" \"[]\""}) {
    Fixture f;
    EXPECT_NE(
        f.script(concat("{{", call, "}}")).find("has no missions to ask here"), std::string::npos
    ) << call;
  }
}

TEST(RenderTask, FormatTimeTakesTextsAndNothing) {
  Fixture f;
  EXPECT_EQ(f.script("{{FormatTime now}}"), "2026-11-21 09:31:30");
  EXPECT_EQ(f.script("{{formatTime 0}}{{formatTime \"\"}}{{formatTime nil}}"), "———");
  EXPECT_TRUE(f.script("{{formatTime \"today\"}}").starts_with("error: "));
  EXPECT_TRUE(f.script("{{formatTime -1}}").starts_with("error: "));
}

TEST(RenderTask, LessThanIsUnescapedInFormicaryTextsOnly) {
  Fixture formicary(Format::Formicary);
  EXPECT_EQ(formicary.script("[ $a &lt; 3 ] && cat &lt;&lt;EOF"), "[ $a < 3 ] && cat <<EOF");
  Fixture native;
  EXPECT_EQ(native.script("echo '&lt;'"), "echo '&lt;'");
}

TEST(RenderTask, TheEnvironmentHoldsValuesThenTheTasksOwnThenOurs) {
  Fixture f;
  f.variable("A", "1");
  f.params = {{"REEVE_TASK", "forged"}, {"build-status", "x"}, {"9x", "y"}};
  f.task().environment = {{"A", at_line("2")}, {"with-dash", at_line("kept")}};
  EXPECT_EQ(f.environment("A"), "2");
  EXPECT_EQ(f.environment("with-dash"), "kept");
  EXPECT_EQ(f.environment("build-status"), "<unset>");
  EXPECT_EQ(f.environment("9x"), "<unset>");
  EXPECT_EQ(f.environment("REEVE_TASK"), "build");
  EXPECT_EQ(f.environment("REEVE_MISSION"), "nightly-x7");
  EXPECT_EQ(f.environment("REEVE_RUN"), "nightly-x7.3.build.2");
  EXPECT_EQ(f.environment("REEVE_ATTEMPT"), "2");
  EXPECT_EQ(f.environment("REEVE_WORKFLOW"), "nightly");
  EXPECT_EQ(f.environment("REEVE_NAMESPACE"), "team");
  EXPECT_EQ(f.environment("TaskRetry"), "1");
}

TEST(RenderTask, UntrustedTextReachesTheEnvironmentUnchanged) {
  Fixture f;
  const std::string evil = "it's $(rm -rf /) \"`x`\"\n{{.JobID}} <no value>";
  f.params = {{"Title", evil}};
  f.task().environment = {{"TITLE", at_line("{{.Title}}")}};
  EXPECT_EQ(f.environment("TITLE"), evil);
  EXPECT_EQ(f.environment("Title"), evil);
}

TEST(RenderTask, RefusesNamesAndValuesThatNoEnvironmentCanHold) {
  Fixture f;
  f.task().environment = {{"A=B", at_line("1", 8, 5)}};
  EXPECT_EQ(
      f.environment("A"), "error: line 8:5: tasks.build.environment.A=B: is no name for a variable"
  );
  f.task().environment.clear();
  f.params = {{"Z", std::string("a\0b", 3)}};
  EXPECT_NE(f.environment("Z").find("contains a zero byte"), std::string::npos);
  f.params = {{"Z", std::string(std::size_t{200} << 10U, 'z')}};
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(spec.error().subject, "Z");
}

TEST(RenderTask, RefusesAnEnvironmentThatIsTooLargeAltogether) {
  Fixture f;
  for (int i = 0; i < 20; ++i) {
    f.params.emplace_back("P" + std::to_string(i), std::string(std::size_t{100} << 10U, 'p'));
  }
  f.task().script = {at_line("true")};
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::LimitExceeded);
}

TEST(RenderCompensation, RendersItsScriptInTheTasksSurroundings) {
  Fixture f;
  f.variable("Host", "db1");
  f.task().script = {at_line("create")};
  f.task().environment = {{"H", at_line("{{.Host}}")}};
  f.task().working_dir = at_line("sub");
  f.task().artifacts.paths = {at_line("out/*")};
  f.task().compensate = Compensation{};
  f.task().compensate->script = {at_line("drop {{.Host}}")};
  f.task().compensate->timeout = Duration(60'000);
  const auto spec = render_compensation(f.workflow, 0, f.context);
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  ASSERT_EQ(spec->steps.size(), 1U);
  EXPECT_EQ(spec->steps[0].script, "drop db1");
  EXPECT_EQ(spec->timeout, Duration(60'000));
  f.task().compensate->timeout = Duration(0);
  EXPECT_EQ(render_compensation(f.workflow, 0, f.context)->timeout, kUndoTimeoutDefault);
  EXPECT_EQ(spec->working_dir, "sub");
  EXPECT_TRUE(spec->artifact_paths.empty());
  bool named = false;
  for (const auto& [name, value] : spec->environment) {
    named = named || (name == "REEVE_TASK" && value == "build~compensate");
  }
  EXPECT_TRUE(named);
}

TEST(RenderCompensation, RefusesATaskWithoutOne) {
  Fixture f;
  f.task().script = {at_line("create")};
  EXPECT_EQ(
      render_compensation(f.workflow, 0, f.context).error().message,
      "task build has no compensation script"
  );
}

TEST(RenderCondition, IsTrueIffTheTextContainsTrue) {
  Fixture f;
  f.params = {{"Mode", "dry"}};
  const auto holds = [&](const std::string& text) {
    const auto result = render_condition(f.workflow, &f.task(), at_line(text), f.context);
    return result.ok() ? (*result ? "yes" : "no") : "error";
  };
  EXPECT_STREQ(holds(""), "no");
  EXPECT_STREQ(holds("true"), "yes");
  EXPECT_STREQ(holds("{{eq .Mode \"dry\"}}"), "yes");
  EXPECT_STREQ(holds("{{eq .Mode \"wet\"}}"), "no");
  EXPECT_STREQ(holds("{{if .NotPublished}}true{{end}}"), "no");
  EXPECT_STREQ(holds("{{.NotPublished}}"), "no");
  EXPECT_STREQ(holds("{{lt .Mode 3}}"), "error");
}

TEST(RenderCondition, WorksWithoutATask) {
  Fixture f;
  const auto result =
      render_condition(f.workflow, nullptr, at_line("{{ge .JobRetry 2}}"), f.context);
  ASSERT_TRUE(result.ok()) << result.error().describe();
  EXPECT_TRUE(*result);
  const auto bad = render_condition(f.workflow, nullptr, at_line("{{nope}}", 4, 10), f.context);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().subject, "skip_if");
  EXPECT_EQ(bad.error().position.line, 4);
}

TEST(RenderTask, TheWorkingDirectoryOfAContainerIsWithinTheRun) {
  Fixture f;
  f.context.local = true;
  const auto rendered = [&](Method method, const std::string& dir) {
    f.task().method = method;
    f.task().script = {at_line("true")};
    f.task().working_dir = at_line(dir);
    const auto spec = render_task(f.workflow, 0, f.context);
    return spec.ok() ? spec->working_dir : spec.error().describe();
  };
  EXPECT_EQ(rendered(Method::Kubernetes, "/srv/app"), "srv/app");
  EXPECT_EQ(rendered(Method::Docker, "/"), "");
  EXPECT_EQ(rendered(Method::Docker, "app"), "app");
  EXPECT_EQ(rendered(Method::Shell, "/srv/app"), "/srv/app");
}

TEST(RenderTask, KeepsItsProcessesAsTheTaskSaysOrTheWorkflow) {
  Fixture f;
  f.task().script = {at_line("true")};
  const auto level = [&f] {
    const auto spec = render_task(f.workflow, 0, f.context);
    return spec.ok() ? model::to_string(spec->sandbox.level) : std::string_view("error");
  };
  EXPECT_EQ(level(), "none");
  f.workflow.sandbox.level = model::SandboxLevel::Workspace;
  EXPECT_EQ(level(), "workspace");
  f.task().sandbox.emplace().level = model::SandboxLevel::Isolated;
  EXPECT_EQ(level(), "isolated");
  f.task().sandbox->level = model::SandboxLevel::None;
  EXPECT_EQ(level(), "none");
}

TEST(RenderCondition, OfAWholeFormicaryJobIsFalseIfItFails) {
  Fixture f;
  f.workflow.format = Format::Formicary;
  const Text count = at_line("{{if ge (CountByJobTypeAndState \"a\" \"PENDING\") 1}}true{{end}}");
  const auto job = render_condition(f.workflow, nullptr, count, f.context);
  ASSERT_TRUE(job.ok());
  EXPECT_FALSE(*job);
  EXPECT_FALSE(render_condition(f.workflow, &f.task(), count, f.context).ok());
  f.workflow.format = Format::Native;
  EXPECT_FALSE(render_condition(f.workflow, nullptr, count, f.context).ok());
}

TEST(CheckParams, RefusesUndeclaredParamsOfANativeWorkflow) {
  Fixture f;
  f.workflow.params = {
      Param{"source", std::nullopt, false, "", {}}, Param{"depth", Json(1), false, "", {}}};
  EXPECT_TRUE(check_params(f.workflow, {{"source", "x"}, {"depth", "2"}}).ok());
  const auto unknown = check_params(f.workflow, {{"sourec", "x"}});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().subject, "params.sourec");
  EXPECT_EQ(unknown.error().hint, "did you mean \"source\"?");
  const auto far = check_params(f.workflow, {{"colour", "x"}});
  ASSERT_FALSE(far.ok());
  EXPECT_EQ(far.error().hint, "declared: source, depth");
}

TEST(CheckParams, AcceptsAnyParamOfAFormicaryWorkflow) {
  Fixture f(Format::Formicary);
  EXPECT_TRUE(check_params(f.workflow, {{"whatever", "x"}}).ok());
}

TEST(CheckParams, TakesSettingsAndCredentialsForWhatAFormicaryWorkflowRequires) {
  Fixture f(Format::Formicary);
  f.workflow.required_params = {"Region", "Token"};
  const Configuration::Texts region = {{"Region", "eu"}};
  const Configuration::Credentials token = {{"Token", {}}};
  EXPECT_FALSE(check_params(f.workflow, {}, {.own = &region}).ok());
  EXPECT_TRUE(check_params(f.workflow, {}, {.shared = &region, .credentials = &token}).ok());
  EXPECT_TRUE(check_params(f.workflow, {{"Token", "x"}}, {.own = &region}).ok());
}

TEST(CheckParams, NamesMissingRequiredParams) {
  Fixture f;
  f.workflow.params = {Param{"source", std::nullopt, true, "where to read from", {}}};
  const auto missing = check_params(f.workflow, {});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message, "param \"source\" is required");
  EXPECT_EQ(missing.error().hint, "give it with -p source=…: where to read from");
  EXPECT_TRUE(check_params(f.workflow, {{"source", ""}}).ok());
  f.workflow.params[0].fallback = Json("jq");
  EXPECT_TRUE(check_params(f.workflow, {}).ok());
}

TEST(CheckParams, AFormicaryRequiredParamMayBeAVariable) {
  Fixture f(Format::Formicary);
  f.workflow.required_params = {"Repo", "Issue"};
  f.variable("Repo", "reeve");
  EXPECT_EQ(check_params(f.workflow, {}).error().subject, "params.Issue");
  EXPECT_TRUE(check_params(f.workflow, {{"Issue", "7"}}).ok());
}

TEST(Functions, EveryTableDrawsTheSameSequenceFromTheSameSeed) {
  const std::vector<Json> range = {Json(0), Json(std::int64_t{1} << 40U)};
  auto first = make_functions(7, Timestamp{});
  auto second = make_functions(7, Timestamp{});
  auto other = make_functions(8, Timestamp{});
  const Json a = *first["Random"](range);
  const Json b = *first["Random"](range);
  EXPECT_NE(a, b);
  EXPECT_EQ(*second["Random"](range), a);
  EXPECT_EQ(*second["Random"](range), b);
  EXPECT_NE(*other["Random"](range), a);
}

TEST(Functions, NothingHasToBeQuotedForYaml) {
  auto functions = make_functions(1, Timestamp{});
  EXPECT_EQ(*functions["yamlq"](std::vector<Json>{Json("a \"b\"")}), Json("a \"b\""));
  EXPECT_EQ(*functions["yamlq"](std::vector<Json>{Json()}), Json(""));
  EXPECT_FALSE(functions["yamlq"](std::vector<Json>{}).ok());
}

TEST(Functions, RandomCoversTheWholeRangeOfNumbers) {
  auto functions = make_functions(1, Timestamp{});
  const std::vector<Json> range = {
      Json(std::numeric_limits<std::int64_t>::min()),
      Json(std::numeric_limits<std::int64_t>::max())};
  bool negative = false;
  bool positive = false;
  for (int i = 0; i < 100; ++i) {
    const auto number = functions["Random"](range);
    ASSERT_TRUE(number.ok());
    negative = negative || number->as_int() < 0;
    positive = positive || number->as_int() > 0;
  }
  EXPECT_TRUE(negative && positive);
}

}  // namespace
}  // namespace reeve::workflow
