#include "workflow/lint/lint.h"

#include <array>
#include <set>

#include "workflow/lint/fixture.h"
#include "workflow/validate.h"

namespace reeve::lint {
namespace {

using workflow::Action;
using workflow::Method;
using workflow::Task;
using workflow::Workflow;

Task named(const char* name, Method method = Method::Shell) {
  Task task;
  task.name = TaskName(name);
  task.method = method;
  task.position = {7, 3};
  task.timeout = {"1m", {}};
  return task;
}

Workflow of(std::vector<Task> tasks) {
  Workflow workflow;
  workflow.name = "w";
  workflow.tasks = std::move(tasks);
  workflow::find_entries(workflow);
  return workflow;
}

/// Findings about a gate with a deadline, after a change.
std::vector<Finding> gate(void (*change)(workflow::Gate& gate)) {
  Task task = named("a", Method::Gate);
  task.gate = workflow::Gate{};
  task.gate->deadline = Duration(86'400'000);
  change(*task.gate);
  return examine(of({std::move(task)}));
}

/// Findings about a request, after a change.
std::vector<Finding> request(void (*change)(workflow::HttpRequest& http)) {
  Task task = named("a", Method::Http);
  task.retry.retries = 1;
  task.http = workflow::HttpRequest{};
  task.http->url = {"https://example.org/", {7, 10}};
  change(*task.http);
  return examine(of({std::move(task)}));
}

Workflow fan_out(const char* over, std::uint32_t parallel) {
  Task task = named("a");
  task.script = {{"true", {}}};
  task.fan_out = workflow::FanOut{};
  task.fan_out->over = {over, {}};
  task.fan_out->parallel = parallel;
  return of({std::move(task)});
}

Workflow webhook(workflow::WebhookAuth auth) {
  workflow::WebhookTrigger source;
  source.auth = auth;
  workflow::Trigger trigger;
  trigger.name = "push";
  trigger.source = source;
  Workflow workflow = of({named("a", Method::Noop)});
  workflow.triggers = {trigger};
  return workflow;
}

Workflow nested(const char* pool) {
  Task task = named("a", Method::Noop);
  task.semaphores = {{.pool = pool, .units = 1, .position = {7, 5}}};
  Workflow workflow = of({std::move(task)});
  workflow.semaphores = {{.pool = "gpu", .units = 2, .position = {}}};
  return workflow;
}

Workflow routed(const char* code) {
  Task task = named("a");
  task.routes = {{code, Action::Complete, {}}};
  return of({std::move(task)});
}

/// A rule, a document (or workflow) in which it fires, and one that is close and in which it does
/// not.
struct Sample {
  const char* rule;
  std::vector<Finding> bad;
  std::vector<Finding> good;
};

std::vector<Finding> findings_of(std::string_view text) {
  return check(text).findings;
}

std::vector<Sample> document_samples() {
  const std::string param = "  params: {title: x, n: 1}\n";
  return {
      {"undefined-variable",
       findings_of(one("      script: echo '{{ .titel }}'\n", param)),
       findings_of(one("      script: echo '{{ .JobID }}'\n", param))},
      {"output-order",
       findings_of(native("  tasks:\n    - {name: a, script: 'echo \"{{ .K }}\"'}\n"
                          "    - {name: b, script: 'echo ::set-output name=K::1', needs: [a]}\n")),
       findings_of(native("  tasks:\n    - {name: a, script: 'echo \"{{ .K }}\"', needs: [b]}\n"
                          "    - {name: b, script: 'echo ::set-output name=K::1'}\n"))},
      {"template-type",
       findings_of(one("      script: x\n      skipIf: '{{ lt .title 4 }}'\n", param)),
       findings_of(one("      script: x\n      skipIf: '{{ lt .n 4 }}'\n", param))},
      {"credential-use",
       findings_of(one("      credentials: {T: t}\n      script: 'x {{ upper .T }}'\n")),
       findings_of(one("      credentials: {T: t}\n      script: 'x {{ .T }}'\n"))},
      {"spliced-text",
       findings_of(one("      script: echo {{ .title }}\n", param)),
       findings_of(one("      script: echo {{ shellquote .title }}\n", param))},
      {"folded-script",
       findings_of(one("      script:\n        cd src\n        make\n")),
       findings_of(one("      script: |\n        cd src\n        make\n"))},
      {"hard-coded-secret",
       findings_of(one("      script: x\n      environment: {DB_PASSWORD: correct-horse}\n")),
       findings_of(one("      script: x\n      environment: {DB_PASSWORD: '{{ .title }}'}\n", param)
       )},
      {"leaf-trap",
       findings_of(job("- {task_type: a, method: SHELL, script: [x], on_failed: b}\n"
                       "- {task_type: b, method: SHELL, script: [x]}\n")),
       findings_of(job("- {task_type: a, method: SHELL, script: [x], on_completed: b}\n"
                       "- {task_type: b, method: SHELL, script: [x]}\n"))},
      {"endless-loop",
       findings_of(native("  tasks:\n    - {name: s, script: x, onCompleted: a}\n"
                          "    - {name: a, script: x, onCompleted: b}\n"
                          "    - {name: b, script: x, onCompleted: a}\n")),
       findings_of(native("  tasks:\n    - {name: s, script: x, onCompleted: a}\n"
                          "    - {name: a, script: x, onCompleted: b}\n"
                          "    - {name: b, script: x, onCompleted: a, onExitCode: {'3': "
                          "COMPLETED}}\n"))},
      {"restart-without-retry",
       findings_of(one("      script: x\n      onExitCode: {'3': RESTART_TASK}\n")),
       findings_of(
           one("      script: x\n      retry: {max: 1}\n      onExitCode: {'3': RESTART_TASK}\n")
       )},
      {"empty-dependency",
       findings_of(native("  tasks:\n    - {name: a, script: x}\n"
                          "    - {name: b, script: x, needs: [a], dependencies: [a]}\n")),
       findings_of(native("  tasks:\n    - {name: a, script: x, artifacts: {paths: [f]}}\n"
                          "    - {name: b, script: x, needs: [a], dependencies: [a]}\n"))},
      {"artifacts-never",
       findings_of(native("  tasks:\n    - {name: a, script: x, artifacts: {paths: [f], when: "
                          "onFailure}}\n"
                          "    - {name: b, script: x, needs: [a], dependencies: [a]}\n")),
       findings_of(native("  tasks:\n    - {name: a, script: x, artifacts: {paths: [f], when: "
                          "onSuccess}}\n"
                          "    - {name: b, script: x, needs: [a], dependencies: [a]}\n"))},
      {"no-timeout",
       findings_of(native("  tasks:\n    - {name: a, script: x}\n")),
       findings_of(native("  tasks:\n    - {name: a, method: NOOP}\n"))},
      {"timeout-order",
       findings_of(native("  timeout: 1m\n  tasks:\n    - {name: a, script: x, timeout: 2m}\n")),
       findings_of(native("  timeout: 3m\n  tasks:\n    - {name: a, script: x, timeout: 2m}\n"))},
      {"no-retry",
       findings_of(one("      script: curl -fsS https://example.org/\n")),
       findings_of(one("      script: |\n        # curl would do\n        ./curl x\n"))},
      {"lint-comment",
       findings_of(one("      script: x # reeve-lint: disable=spliced-tex\n")),
       findings_of(one("      script: x # about reeve-lint: disable=spliced-tex\n"))},
      {"unused-suppression",
       findings_of(one("      script: x # reeve-lint: disable=spliced-text\n")),
       findings_of(one("      script: '{{ .title }}' # reeve-lint: disable=spliced-text\n", param)
       )},
  };
}

std::vector<Sample> gate_samples() {
  using workflow::Gate;
  const auto unchanged = [](Gate&) {
  };
  return {
      {"gate-context",
       gate([](Gate& gate) {
         gate.required = {"diff"};
         gate.context = {{"diff", {" ", {}}}};
       }),
       gate([](Gate& gate) {
         gate.required = {"diff"};
         gate.context = {{"diff", {"{{ .JobID }}", {}}}};
       })},
      {"no-gate-deadline", gate([](Gate& gate) { gate.deadline.reset(); }), gate(unchanged)},
      {"self-approval", gate([](Gate& gate) { gate.owner_may_approve = true; }), gate(unchanged)},
  };
}

std::vector<Sample> request_samples() {
  using workflow::HttpRequest;
  const auto unchanged = [](HttpRequest&) {
  };
  return {
      {"plain-http",
       request([](HttpRequest& http) { http.url.text = "http://example.org/"; }),
       request([](HttpRequest& http) { http.url.text = "http://127.0.0.1:80/"; })},
      {"tls-not-verified",
       request([](HttpRequest& http) { http.verify_tls = false; }),
       request(unchanged)},
      {"private-address",
       request([](HttpRequest& http) { http.allow_private = true; }),
       request(unchanged)},
      {"outside-url",
       request([](HttpRequest& http) { http.url.text = "https://{{ .host }}/x"; }),
       request([](HttpRequest& http) { http.url.text = "https://example.org/{{ .x }}"; })},
  };
}

std::vector<Sample> other_samples() {
  const std::string task = "- {task_type: a, method: SHELL, script: [x]}\n";
  return {
      {"impossible-code", examine(routed("256")), examine(routed("255"))},
      {"open-webhook",
       examine(webhook(workflow::WebhookAuth::None)),
       examine(webhook(workflow::WebhookAuth::GitHub))},
      {"fan-out-unbounded", examine(fan_out("list", 0)), examine(fan_out("1..8", 0))},
      {"semaphore-nested", examine(nested("gpu")), examine(nested("cpu"))},
      {"cron-six-fields",
       findings_of(job(task, "cron_trigger: \"0 0 1 1 * 2030\"\n")),
       findings_of(job(task, "cron_trigger: \"0 * * * * * *\"\n"))},
      {"cron-fields",
       findings_of(job(task, "cron_trigger: \"0 * * * * * * more\"\n")),
       findings_of(job(task, "cron_trigger: \"@daily\"\n"))},
  };
}

TEST(Scripts, OfSeveralLinesSayHowTheyAreMeant) {
  const auto folded = [](std::string_view script) {
    return has(check(one(concat("      script:", script, "\n"))).findings, "folded-script");
  };
  for (const std::string_view joined :
       {" cd src\n        make", "\n        cd src\n        make", " [cd src\n        make]"}) {
    EXPECT_TRUE(folded(joined)) << joined;
  }
  for (const std::string_view meant :
       {" make",
        " |\n        cd src\n        make",
        " >\n        make\n        all",
        " >-\n        make\n        all",
        " cd src &&\n        make",
        " cd src\n        && make",
        " cat a |\n        sort",
        " [cd src, make]",
        " make  # builds\n      retry: {max: 1}"}) {
    EXPECT_FALSE(folded(meant)) << meant;
  }
}

TEST(Settings, AreNamedByComments) {
  const std::string task =
      "      environment: {R: '{{ .Region }}', C: '{{ .Cluster }}'}\n      script: x\n";
  EXPECT_EQ(
      linted(one(task)),
      "undefined-variable: line 8:28: tasks.a.environment.R: \"Region\" is no variable, parameter "
      "or "
      "output of this document (declare it in spec.params or spec.variables; of a setting say \"# "
      "reeve-lint: setting=Region\")\n"
      "undefined-variable: line 8:48: tasks.a.environment.C: \"Cluster\" is no variable, parameter "
      "or "
      "output of this document (declare it in spec.params or spec.variables; of a setting say \"# "
      "reeve-lint: setting=Cluster\")"
  );
  const std::string comment = "# reeve-lint: setting=Region,Cluster of the data center\n";
  EXPECT_EQ(linted(concat(comment, one(task))), "");
  EXPECT_EQ(
      linted(concat("# reeve-lint: setting=Region,\n", one("      script: x\n"))),
      "lint-comment: line 1:1: a setting has a name (write \"# reeve-lint: setting=NAME\")"
  );
}

TEST(Retries, AreNotAskedForWhereGitStaysOnThisMachine) {
  const auto noted = [](std::string_view command) {
    return has(check(one(concat("      script: ", command, "\n"))).findings, "no-retry");
  };
  for (const std::string_view local :
       {"git clone --quiet prepare/repo.bundle work",
        "git clone work.bundle",
        "git fetch \"$REEVE_CHANGES/repo.bundle\" main",
        "git pull ../upstream main",
        "git clone file:///srv/repo && make"}) {
    EXPECT_FALSE(noted(local)) << local;
  }
  for (const std::string_view remote :
       {"git clone https://example.org/x.git",
        "git clone git@example.org:a/b.git work",
        "git clone \"$url\" ./work",
        "git fetch",
        "git push origin main",
        "git clone ./a b; git clone https://example.org/x.git"}) {
    EXPECT_TRUE(noted(remote)) << remote;
  }
}

TEST(Rules, FireWhereTheyShouldAndAreSilentWhereTheyShouldBe) {
  std::vector<Sample> samples = document_samples();
  for (std::vector<Sample>& more : std::array{gate_samples(), request_samples(), other_samples()}) {
    samples.insert(samples.end(), more.begin(), more.end());
  }
  std::set<std::string_view> covered;
  for (const Sample& sample : samples) {
    covered.insert(sample.rule);
    EXPECT_TRUE(has(sample.bad, sample.rule)) << sample.rule << " in:\n"
                                              << describe(sample.bad, true);
    EXPECT_FALSE(has(sample.good, sample.rule)) << sample.rule << " in:\n"
                                                << describe(sample.good, true);
  }
  bool lint_only = false;
  for (const Rule& rule : all_rules()) {
    lint_only = lint_only || rule.id == "undefined-variable";
    EXPECT_EQ(covered.contains(rule.id), lint_only) << rule.id << " has no sample";
  }
}

TEST(Rules, HaveHelpAFixAndAnAddress) {
  std::set<std::string_view> ids;
  for (const Rule& rule : all_rules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id << " is there twice";
    EXPECT_FALSE(rule.help.empty()) << rule.id;
    EXPECT_FALSE(rule.fix.empty()) << rule.id;
    EXPECT_TRUE(help_uri(rule.id).ends_with(concat("#", rule.id)));
  }
  EXPECT_EQ(find_rule("no-such-rule"), nullptr);
}

// Formicary restarts a job whatever its retries are.
TEST(Lint, LetsAFormicaryJobRestartWithoutRetries) {
  for (const Finding& finding :
       findings_of("job_type: j\ntasks:\n- task_type: a\n  method: SHELL\n  script: [x]\n"
                   "  on_exit_code: {\"2\": RESTART_JOB}\n")) {
    EXPECT_NE(finding.rule, "restart-without-retry");
  }
}

TEST(Lint, HasNothingToSayAboutACleanDocument) {
  EXPECT_EQ(
      linted(
          one("      script: |\n        echo \"$who\" {{ .size }} {{ .JobID }} {{ shellquote .who "
              "}}\n        echo \"::set-output name=K::1\"\n      environment: {A: \"{{ .who "
              "}}\"}\n",
              "  params: {who: me}\n  variables: {size: 3}\n"),
          true
      ),
      ""
  );
}

TEST(Lint, ReportsWhatLoadingReports) {
  EXPECT_EQ(finding(findings_of("kind: Workflow\n"), "missing-field").severity, Severity::Error);
}

TEST(Lint, LetsTheUserSayHowARuleCounts) {
  const std::string text = native("  tasks:\n    - {name: a, script: x}\n");
  EXPECT_EQ(check(text).count(Severity::Info), 1U);
  Options options;
  options.levels["no-timeout"] = Severity::Error;
  EXPECT_EQ(check(text, options).count(Severity::Error), 1U);
  options.levels["no-timeout"] = std::nullopt;
  EXPECT_TRUE(check(text, options).findings.empty());
}

TEST(Lint, SaysHowLongATaskWithoutATimeoutMayLast) {
  const Report report = check(native("  timeout: 24h\n  tasks:\n    - {name: a, script: x}\n"));
  EXPECT_NE(describe(report.findings, true).find("it may run for 24h"), std::string::npos);
}

TEST(Lint, KeepsErrorsOfLoadingWhateverTheUserSays) {
  Options options;
  options.levels["missing-field"] = std::nullopt;
  EXPECT_TRUE(has(check("kind: Workflow\n", options).findings, "missing-field"));
}

TEST(Lint, StopsAtItsLimitAndSaysHowMuchIsMissing) {
  std::string tasks = "  tasks:\n";
  for (std::size_t i = 0; i < kFindingsMax + 5; ++i) {
    tasks += concat("    - {name: t", i, ", script: x}\n");
  }
  const Report report = check(native(tasks));
  EXPECT_EQ(report.findings.size(), kFindingsMax);
  EXPECT_NE(describe(report.findings, true).find("5 more findings not shown"), std::string::npos);
}

TEST(Lint, KnowsThePlacesOfEveryKindOfTask) {
  const std::string text = native(
      "  params: {host: x, files: {default: [a]}}\n"
      "  schedule: '0 9 1 1 * 2030'\n"
      "  semaphores: [{pool: gpu, units: 1}]\n"
      "  triggers:\n    - {name: push, webhook: {auth: none}, params: {host: '{{ .Bdy.host }}'}}\n"
      "  tasks:\n"
      "    - name: ask\n      gate:\n        prompt: 'To {{ .hots }}?'\n        users: [ann]\n"
      "        ownerMayApprove: true\n        context: {diff: ''}\n        require: [diff]\n"
      "    - name: call\n      needs: [ask]\n      http:\n        url: 'http://{{ .host }}/x'\n"
      "        verifyTls: false\n        allowPrivate: true\n"
      "    - name: each\n      needs: [call]\n      timeout: 1m\n      fanOut: {over: files, as: "
      "f}\n"
      "      semaphores: [{pool: gpu}]\n      script: echo {{ .f }}\n"
  );
  std::string places;
  for (const Finding& each : check(text).findings) {
    places += concat(
        each.error.position.line,
        ":",
        each.error.position.column,
        " ",
        each.rule,
        " ",
        each.error.subject,
        "\n"
    );
  }
  EXPECT_EQ(
      places,
      "6:13 cron-six-fields triggers.schedule.cron\n"
      "9:7 open-webhook triggers.push.auth\n"
      "9:62 undefined-variable triggers.push.params.host\n"
      "12:7 no-gate-deadline tasks.ask.gate.deadline\n"
      "13:24 undefined-variable tasks.ask.gate.prompt\n"
      "15:9 self-approval tasks.ask.gate.ownerMayApprove\n"
      "17:9 gate-context tasks.ask.gate.require\n"
      "18:13 no-retry tasks.call.retry\n"
      "18:13 no-timeout tasks.call.timeout\n"
      "21:15 plain-http tasks.call.http.url\n"
      "21:25 outside-url tasks.call.http.url\n"
      "22:9 tls-not-verified tasks.call.http.verifyTls\n"
      "23:9 private-address tasks.call.http.allowPrivate\n"
      "27:7 fan-out-unbounded tasks.each.fanOut.parallel\n"
      "28:20 semaphore-nested tasks.each.semaphores\n"
      "29:23 spliced-text tasks.each.script\n"
  );
}

TEST(Lint, PrefersWhatIsGraveAtItsLimit) {
  std::string tasks = "  tasks:\n";
  for (std::size_t i = 0; i < kFindingsMax + 5; ++i) {
    tasks += concat("    - {name: t", i, ", script: x}\n");
  }
  tasks += "    - {name: ask, gate: {prompt: p, context: {d: ''}, require: [d]}}\n";
  EXPECT_TRUE(has(check(native(tasks)).findings, "gate-context"));
}

TEST(Lint, IsDoneWithThousandsOfTasksSoon) {
  std::string tasks = "  tasks:\n";
  for (std::size_t i = 0; i < 2'000; ++i) {
    tasks += concat("    - {name: t", i, ", script: 'echo {{ .K", i, " }} {{ .x }}'");
    tasks += i == 0 ? "}\n" : concat(", needs: [t", i - 1, "]}\n");
  }
  EXPECT_EQ(check(native(tasks)).findings.size(), kFindingsMax);
}

TEST(Suppressions, CountForTheirLineAndTheNext) {
  const std::string spec = "  params: {title: x}\n";
  const auto suppressed = [&](std::string_view task) {
    return check(one(task, spec)).suppressed;
  };
  EXPECT_EQ(suppressed("      script: echo {{ .title }} # reeve-lint: disable=spliced-text\n"), 1U);
  EXPECT_EQ(
      suppressed("      # reeve-lint: disable=no-retry,spliced-text it is only a number\n"
                 "      script: echo {{ .title }}\n"),
      1U
  );
  EXPECT_EQ(
      suppressed("      script: |\n        # reeve-lint: disable=spliced-text\n"
                 "        echo {{ .title }}\n"),
      1U
  );
  EXPECT_EQ(
      suppressed("      # reeve-lint: disable=spliced-text\n      workingDir: x\n"
                 "      script: echo {{ .title }}\n"),
      0U
  );
}

TEST(Suppressions, NameRulesThatExist) {
  EXPECT_EQ(
      linted(one("      script: x # reeve-lint: disable=no-timeot\n")),
      "lint-comment: line 8:17: there is no rule \"no-timeot\" (did you mean \"no-timeout\"?)"
  );
  EXPECT_EQ(
      linted(one("      script: x # reeve-lint: off\n")),
      "lint-comment: line 8:17: the comment says nothing that is understood (write \"# reeve-lint: "
      "disable=RULE\" with a rule that exists, or \"# reeve-lint: setting=NAME\")"
  );
}

}  // namespace
}  // namespace reeve::lint
