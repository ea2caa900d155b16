#include <string>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

using Words = std::vector<std::string>;
using Renames = std::vector<std::pair<std::string, std::string>>;

std::string job(std::string_view task_lines, std::string_view job_lines = "") {
  return concat("job_type: j\n", job_lines, "tasks:\n- task_type: a\n", task_lines);
}

/// The first task of a document that loads, from its source again.
Task first(std::string_view task_lines) {
  const Workflow once = loaded(job(task_lines));
  const Workflow again = loaded(once.source);
  EXPECT_EQ(again.digest, once.digest);
  return again.tasks.empty() ? Task{} : again.tasks[0];
}

TEST(FormicaryGate, WithoutAPolicyIsDecidedByAnybody) {
  const Task task = first("  method: MANUAL\n  description: Deploy?\n");
  EXPECT_EQ(task.method, Method::Gate);
  const Gate& gate = task.gate.value();
  EXPECT_EQ(gate.prompt.text, "Deploy?");
  EXPECT_EQ(gate.approvals, 1U);
  EXPECT_TRUE(gate.owner_may_approve);
  EXPECT_TRUE(gate.users.empty() && gate.groups.empty());
  EXPECT_FALSE(gate.deadline.has_value());
}

TEST(FormicaryGate, ReadsItsPolicy) {
  const Gate gate =
      first(
          "  method: MANUAL\n  approval_policy:\n    min_approvals: 2\n    allowed_users: ann, "
          "bob\n"
          "    allowed_roles: [ops]\n    require_unanimous: true\n    sla_deadline: 4h\n"
          "    timeout_action: AUTO_REJECT\n"
      )
          .gate.value();
  EXPECT_EQ(gate.approvals, 2U);
  EXPECT_EQ(gate.users, (Words{"ann", "bob"}));
  EXPECT_EQ(gate.groups, Words{"ops"});
  EXPECT_TRUE(gate.unanimous);
  EXPECT_EQ(gate.deadline, Duration(14'400'000));
  EXPECT_TRUE(gate.escalations.empty());
}

TEST(FormicaryGate, EscalatesWithoutEverDecidingByItself) {
  const std::string lines =
      "  method: MANUAL\n  approval_policy:\n    sla_deadline: 4h\n"
      "    escalation_recipients: \"a@example.com,b@example.com\"\n    escalation_message: late\n";
  for (const char* action :
       {"", "    timeout_action: ESCALATE\n", "    timeout_action: escalate\n"}) {
    const Gate gate = first(lines + action).gate.value();
    EXPECT_FALSE(gate.deadline.has_value());
    ASSERT_EQ(gate.escalations.size(), 1U);
    EXPECT_EQ(gate.escalations[0].after, Duration(14'400'000));
    EXPECT_EQ(gate.escalations[0].to, (Words{"a@example.com", "b@example.com"}));
    EXPECT_EQ(gate.escalations[0].message, "late");
  }
  const std::string approve = lines + "    timeout_action: AUTO_APPROVE\n";
  EXPECT_EQ(first(approve).gate->escalations.size(), 1U);
  EXPECT_EQ(
      warnings(job(approve)),
      "line 9:21: tasks[0].approval_policy.timeout_action: nothing is ever approved by default; "
      "AUTO_APPROVE is read as ESCALATE (use AUTO_REJECT, or approve it yourself)"
  );
}

TEST(FormicaryGate, LeavesOutRecipientsThatAreNotKnownYet) {
  const std::string lines =
      "  method: MANUAL\n  approval_policy:\n    sla_deadline: 4h\n    escalation_recipients: "
      "\"{{.To}}\"\n";
  EXPECT_TRUE(first(lines).gate->escalations.at(0).to.empty());
  EXPECT_EQ(
      warnings(job(lines)),
      "line 7:28: tasks[0].approval_policy.escalation_recipients: \"{{.To}}\" is not known at "
      "submission and left out (give its values in job_variables or as parameters)"
  );
  EXPECT_EQ(
      loaded(job(lines, "job_variables: {To: a}\n")).tasks[0].gate->escalations.at(0).to, Words{"a"}
  );
  EXPECT_NE(
      only_error(job("  method: MANUAL\n  approval_policy: {allowed_users: \"{{.Who}}\"}\n"))
          .find("must be known at submission"),
      std::string::npos
  );
}

TEST(FormicaryTask, LeavesOutTagsThatAreNotKnownYet) {
  EXPECT_EQ(
      first("  method: SHELL\n  script: [x]\n  tags:\n  - a\n  - {{ .Language }}\n").tags,
      Words{"a"}
  );
}

TEST(FormicaryGate, RoutesByItsOutcome) {
  for (const char* target : {"COMPLETED", "FAILED", "b"}) {
    const Workflow w = loaded(job(concat(
        "  method: MANUAL\n  on_exit_code:\n    APPROVED: b\n    REJECTED: ",
        target,
        "\n- {task_type: b, method: SHELL, script: [x]}\n"
    )));
    ASSERT_EQ(w.tasks[0].routes.size(), 2U);
    EXPECT_EQ(w.tasks[0].routes[0].on, "APPROVED");
    EXPECT_EQ(w.tasks[0].routes[1].on, "REJECTED");
  }
}

TEST(FormicaryFork, ReadsTheChild) {
  const Task task = first(
      "  method: FORK_JOB\n  fork_job_type: child\n  fork_job_version: 1.0-dev\n  sub_workflow:\n"
      "    input_params:\n    - {name: n, value: \"{{.N}}\"}\n    - name: k\n      value: 1000\n"
      "    output_variables: [{name: rows, value: etl_rows}]\n    wait_for_completion: true\n"
  );
  EXPECT_EQ(task.method, Method::Mission);
  const Child& child = task.child.value();
  EXPECT_EQ(child.workflow.text, "child");
  EXPECT_EQ(child.version, "1.0-dev");
  ASSERT_EQ(child.params.size(), 2U);
  EXPECT_EQ(child.params[0].second.text, "{{.N}}");
  EXPECT_EQ(child.params[1].second.text, "1000");
  EXPECT_EQ(child.outputs, (Renames{{"rows", "etl_rows"}}));
  EXPECT_TRUE(child.wait);
  const Task plain = first("  method: FORK_JOB\n  fork_job_type: child\n  job_version: \"3\"\n");
  EXPECT_FALSE(plain.child->wait);
  EXPECT_EQ(plain.child->version, "3");
}

TEST(FormicaryFork, GivesTheVariablesOfTheTaskIfNoParamsAreNamed) {
  const std::string lines =
      "  method: FORK_JOB\n  fork_job_type: child\n  variables: {URL: \"{{.U}}\", N: 3}\n";
  const Task task = first(lines);
  ASSERT_EQ(task.child->params.size(), 2U);
  EXPECT_EQ(task.child->params[0].second.text, "{{.U}}");
  EXPECT_EQ(task.child->params[1].second.text, "3");
  EXPECT_TRUE(first(lines + "  sub_workflow: {input_params: []}\n").child->params.empty());
}

TEST(FormicaryAwait, WaitsForForkedTasks) {
  const Workflow w =
      loaded(job("  method: FORK_JOB\n  fork_job_type: child\n  on_completed: b\n- task_type: b\n"
                 "  method: AWAIT_FORKED_JOB\n  await_forked_tasks: [a]\n  sub_workflow:\n"
                 "    output_variables: {rows: mine}\n"));
  EXPECT_EQ(w.tasks[1].method, Method::Await);
  EXPECT_EQ(w.tasks[1].await->tasks, std::vector<TaskIndex>{0});
  EXPECT_EQ(w.tasks[1].await->outputs, (Renames{{"rows", "mine"}}));
}

TEST(FormicaryFanOut, RunsTheTaskForEachItem) {
  const Task task = first(
      "  method: SHELL\n  script: [\"echo {{.region}}\"]\n  fan_out:\n    source: regions\n"
      "    item_var: region\n    max_parallel: 2\n    fail_fast: true\n"
  );
  EXPECT_EQ(task.method, Method::Shell);
  const FanOut& fan_out = task.fan_out.value();
  EXPECT_EQ(fan_out.over.text, "regions");
  EXPECT_EQ(fan_out.item, "region");
  EXPECT_EQ(fan_out.parallel, 2U);
  EXPECT_EQ(fan_out.policy, FanOut::Policy::FailFast);
}

TEST(FormicaryFanOut, MakesAMissionOfEachItem) {
  const std::string lines =
      "  fan_out:\n    source: sets\n    item_var: set\n    fork_job_type: child\n"
      "    fork_job_version: \"1.0\"\n";
  for (const char* method : {"", "  method: FORK_JOB\n", "  method: FAN_OUT_JOB\n"}) {
    const Task task = first(method + lines);
    EXPECT_EQ(task.method, Method::Mission);
    EXPECT_EQ(task.child->workflow.text, "child");
    EXPECT_EQ(task.child->version, "1.0");
    EXPECT_TRUE(task.child->wait);
    ASSERT_EQ(task.child->params.size(), 1U);
    EXPECT_EQ(task.child->params[0].first, "set");
    EXPECT_EQ(task.child->params[0].second.text, "{{.set}}");
    EXPECT_EQ(task.fan_out->policy, FanOut::Policy::All);
  }
  const Task mapped = first(
      lines +
      "  sub_workflow: {input_params: [{name: t, value: \"{{.set}}\"}], wait_for_completion: "
      "false}\n"
  );
  ASSERT_EQ(mapped.child->params.size(), 1U);
  EXPECT_EQ(mapped.child->params[0].first, "t");
  EXPECT_FALSE(mapped.child->wait);
}

TEST(FormicaryRequest, KnowsEveryMethod) {
  struct Row {
    const char* method;
    HttpVerb verb;
    HttpBody body;
  };

  for (const Row& row :
       {Row{"HTTP_GET", HttpVerb::Get, HttpBody::None},
        Row{"HTTP_POST_FORM", HttpVerb::Post, HttpBody::FormData},
        Row{"HTTP_POST_JSON", HttpVerb::Post, HttpBody::Json},
        Row{"HTTP_PUT_FORM", HttpVerb::Put, HttpBody::FormData},
        Row{"HTTP_PUT_JSON", HttpVerb::Put, HttpBody::Json},
        Row{"HTTP_DELETE", HttpVerb::Delete, HttpBody::Json}}) {
    const Task task = first(concat("  method: ", row.method, "\n  url: https://h/x\n"));
    EXPECT_EQ(task.method, Method::Http);
    EXPECT_EQ(task.http->verb, row.verb) << row.method;
    EXPECT_EQ(task.http->form, row.body) << row.method;
    EXPECT_TRUE(task.http->body.empty()) << "all values";
    EXPECT_EQ(task.http->url.text, "https://h/x");
  }
}

TEST(FormicaryRequest, TakesTheAddressFromItsScript) {
  const Task task = first(
      "  method: HTTP_GET\n  script:\n  - https://h/{{.X}}\n  headers: {Accept: a}\n  query: {q: "
      "1}\n"
  );
  EXPECT_EQ(task.http->url.text, "https://h/{{.X}}");
  EXPECT_TRUE(task.script.empty());
  EXPECT_EQ(task.http->headers.at(0).second.text, "a");
  EXPECT_EQ(task.http->query.at(0).second.text, "1");
  EXPECT_NE(
      warnings(job("  method: HTTP_GET\n")).find("has no url and will fail when it runs"),
      std::string::npos
  );
}

TEST(FormicaryRequest, TakesOneOfTwoAddressesByAConditionOfTheRun) {
  const Task task = first(
      "  method: HTTP_GET\n  script:\n    {{ if lt .JobElapsedSecs 3 }}\n    - https://h/1\n"
      "    {{ else }}\n    - https://h/2\n    {{ end }}\n"
  );
  EXPECT_NE(task.http->url.text.find("https://h/1"), std::string::npos);
  EXPECT_NE(task.http->url.text.find("https://h/2"), std::string::npos);
  EXPECT_TRUE(task.http->url.text.starts_with("{{"));
}

TEST(FormicarySensor, AsksAgainUntilItSucceeds) {
  const Task shell = first("  method: SENSOR\n  script: [./ready]\n  delay_between_retries: 5s\n");
  EXPECT_EQ(shell.method, Method::Shell);
  EXPECT_TRUE(shell.sensor);
  EXPECT_EQ(shell.retry.delay, Duration(5000));
  const Task http = first("  method: SENSOR\n  url: http://h\n");
  EXPECT_EQ(http.method, Method::Http);
  EXPECT_TRUE(http.sensor);
  EXPECT_EQ(first("  method: SENSOR\n  script: [\"https://h\"]\n").method, Method::Http);
}

TEST(FormicaryWebSocket, SendsTheValues) {
  const Task task = first("  method: WEBSOCKET\n  url: wss://h\n");
  EXPECT_EQ(task.method, Method::WebSocket);
  EXPECT_EQ(task.http->form, HttpBody::Json);
}

TEST(FormicaryMessage, ReadsItsQueues) {
  const Task task =
      first("  method: MESSAGING\n  messaging_request_queue: q\n  messaging_reply_queue: r\n");
  EXPECT_EQ(task.method, Method::Message);
  EXPECT_EQ(task.message->channel.text, "q");
  EXPECT_EQ(task.message->reply_channel.text, "r");
  EXPECT_TRUE(task.message->body.empty());
  EXPECT_EQ(first("  method: MESSAGING\n  messaging_queue: old\n").message->channel.text, "old");
}

TEST(FormicaryAgent, NamesAnAgentAndAPromptAndKeepsItsDirectory) {
  const Task task = first(
      "  method: AGENT\n  agent: coder\n  agent_prompt: \"fix {{.Issue}}\"\n"
      "  agent_session: previous\n  before_script: [git clone x]\n  artifacts: {paths: [f]}\n"
  );
  EXPECT_EQ(task.method, Method::Agent);
  EXPECT_EQ(task.agent->name.text, "coder");
  EXPECT_EQ(task.agent->prompt.text, "fix {{.Issue}}");
  EXPECT_EQ(task.agent->session.text, "previous");
  EXPECT_EQ(task.before_script.size(), 1U);
  EXPECT_EQ(task.artifacts.paths.size(), 1U);
}

TEST(FormicaryMethods, ExpiresArtifacts) {
  EXPECT_EQ(first("  method: EXPIRE_ARTIFACTS\n").method, Method::ExpireArtifacts);
}

TEST(FormicaryMethods, SayWhatHasNoUse) {
  EXPECT_EQ(
      warnings(job("  method: MANUAL\n  script: [x]\n  environment: {A: b}\n  timeout: 1h\n"
                   "  tags: [t]\n  resources: {resource_type: r}\n")),
      "line 5:3: tasks[0].script: \"script\" has no effect with this method\n"
      "line 6:3: tasks[0].environment: \"environment\" has no effect with this method\n"
      "line 7:3: tasks[0].timeout: \"timeout\" has no effect with this method\n"
      "line 8:3: tasks[0].tags: \"tags\" has no effect with this method\n"
      "line 9:3: tasks[0].resources: \"resources\" has no effect with this method"
  );
  EXPECT_TRUE(first("  method: MANUAL\n  timeout: 1h\n").timeout.empty());
  EXPECT_TRUE(first("  method: MANUAL\n  script: [x]\n").script.empty());
  const std::string kept = "  artifacts: {paths: [f]}\n";
  EXPECT_TRUE(first("  method: MANUAL\n" + kept).artifacts.paths.empty());
  EXPECT_EQ(first("  method: HTTP_GET\n  url: http://h\n" + kept).artifacts.paths.size(), 1U);
}

TEST(FormicaryTask, ReadsWhatARunIsGivenAndTakes) {
  const Task task = first(
      "  method: SHELL\n  script: [x]\n  tags: [GPU, linux]\n  cache:\n    key_paths: [go.sum]\n"
      "    paths: [vendor]\n    expires_after: 24h\n  artifact_ids: [i1]\n  "
      "dependent_artifact_ids: [i2]\n"
      "  resources: {resource_type: db, description: d, value: 2}\n"
  );
  EXPECT_EQ(task.tags, (Words{"gpu", "linux"}));
  EXPECT_EQ(task.cache.key_paths.at(0).text, "go.sum");
  EXPECT_EQ(task.cache.paths.at(0).text, "vendor");
  EXPECT_EQ(task.cache.expires_after, Duration(std::chrono::hours(24)));
  ASSERT_EQ(task.artifact_ids.size(), 2U);
  EXPECT_EQ(task.artifact_ids[1].text, "i2");
  ASSERT_EQ(task.semaphores.size(), 1U);
  EXPECT_EQ(task.semaphores[0].pool, "db");
  EXPECT_EQ(task.semaphores[0].units, 2U);
  const Task other = first(
      "  method: SHELL\n  script: [x]\n  tags: a, b\n  cache: {keys: [go.sum], key: \"{{.K}}\", "
      "paths: [v]}\n"
  );
  EXPECT_EQ(other.tags, (Words{"a", "b"}));
  EXPECT_EQ(other.cache.key.text, "{{.K}}");
  EXPECT_TRUE(other.cache.key_paths.empty()) << "the key counts";
}

TEST(FormicaryJob, ReadsItsCapacityAndTriggers) {
  const Workflow w = loaded(
      job("  method: SHELL\n  script: [x]\n",
          "cron_trigger: \"0 * * * * * *\"\nmax_concurrency: 1\njob_variables: "
          "{DeleteFilteredCronJobs: true}\n"
          "resources: {resource_type: lab}\ntriggers:\n"
          "- type: webhook\n  name: push\n  path: /p\n  auth: {method: hmac_sha256, secret_config: "
          "S, header: X}\n"
          "  filter: '{{ eq .Body.ref \"main\" }}'\n  dedup_key: '{{ .Body.after }}'\n"
          "  params: {ref: \"{{ .Body.ref }}\"}\n  rate_limit: {max: 10, window: 1m}\n"
          "- {type: s3, name: files, mode: notification, bucket: b, prefix: raw/, suffix: .csv, "
          "poll_interval: 30s}\n"
          "- {type: queue, name: orders, topic: t, group: g, shared: true}\n")
  );
  EXPECT_EQ(w.max_concurrency, 1U);
  EXPECT_TRUE(w.forget_skipped);
  EXPECT_EQ(w.semaphores.at(0).pool, "lab");
  EXPECT_EQ(w.semaphores.at(0).units, 1U);
  ASSERT_EQ(w.triggers.size(), 4U);
  EXPECT_EQ(w.triggers[0].name, "cron");
  const auto& webhook = std::get<WebhookTrigger>(w.triggers[1].source);
  EXPECT_EQ(webhook.auth, WebhookAuth::HmacSha256);
  EXPECT_EQ(webhook.secret, "S");
  EXPECT_EQ(webhook.header, "X");
  EXPECT_EQ(w.triggers[1].filter.text, "{{ eq .Body.ref \"main\" }}");
  EXPECT_EQ(w.triggers[1].dedup_key.text, "{{ .Body.after }}");
  EXPECT_EQ(w.triggers[1].params.at(0).first, "ref");
  EXPECT_EQ(w.triggers[1].rate_limit->max, 10U);
  const auto& objects = std::get<ObjectTrigger>(w.triggers[2].source);
  EXPECT_FALSE(objects.poll);
  EXPECT_EQ(objects.bucket, "b");
  EXPECT_EQ(objects.poll_interval, Duration(30'000));
  const auto& channel = std::get<ChannelTrigger>(w.triggers[3].source);
  EXPECT_EQ(channel.channel, "t");
  EXPECT_TRUE(channel.shared);
  EXPECT_EQ(loaded(w.source).digest, w.digest);
}

TEST(FormicaryJob, DropsAScheduleThatIsATemplate) {
  const std::string text = job("  method: SHELL\n  script: [x]\n", "cron_trigger: \"{{.C}}\"\n");
  EXPECT_TRUE(loaded(text).triggers.empty());
}

struct Bad {
  std::string_view job;
  std::string_view task;
  std::string_view error;
};

constexpr std::string_view kShell = "  method: SHELL\n  script: [x]\n";

constexpr Bad kBad[] = {
    {"",
     "  method: FORK_JOB\n",
     "line 3:14: tasks[0]: \"fork_job_type\" is missing (name the job that is forked)"},
    {"", "  method: AWAIT_FORKED_JOB\n", "tasks[0]: \"await_forked_tasks\" is missing"},
    {"", "  method: AWAIT_FORKED_JOB\n  await_forked_tasks: [b]\n", "there is no task \"b\""},
    {"",
     "  method: MESSAGING\n",
     "tasks[0]: \"messaging_request_queue\" is missing (name the channel that gets the message)"},
    {"", "  method: FAN_OUT_JOB\n", "tasks[0]: \"fan_out\" is missing"},
    {"",
     "  method: SHELL\n  script: [x]\n  fan_out: {item_var: i}\n",
     "tasks[0].fan_out: \"source\" is missing"},
    {"",
     "  method: MANUAL\n  fan_out: {source: s}\n",
     "tasks.a: task \"a\" cannot be done once for each item (remove it)"},
    {"",
     "  method: MANUAL\n  approval_policy: {timeout_action: WAIT}\n",
     "must be AUTO_APPROVE, AUTO_REJECT or ESCALATE, not \"WAIT\""},
    {"",
     "  method: MANUAL\n  approval_policy: {min_approvals: 3, allowed_users: \"a,b\"}\n",
     "the gate needs 3 approvals, but only 2 people may give one"},
    {"", "  method: HTTP_GET\n  url: ftp://h\n", "\"ftp://h\" is no address"},
    {"",
     "  method: SHELL\n  script: [x]\n  resources: {value: 1}\n",
     "tasks[0].resources: \"resource_type\" is missing"},
    {"cron_trigger: \"* * *\"\n", kShell, "line 2:15: triggers.cron: \"* * *\" is no schedule: "},
    {"triggers: {}\n", kShell, "triggers: must be a list of triggers, not a map"},
    {"triggers: [{type: mail, name: t}]\n",
     kShell,
     "triggers[0].type: must be webhook, s3 or queue, not \"mail\""},
    {"triggers: [{type: queue}]\n", kShell, "triggers[0]: \"name\" is missing"},
    {"triggers: [{type: queue, name: t}]\n", kShell, "triggers[0]: \"topic\" is missing"},
    {"triggers: [{type: s3, name: t}]\n", kShell, "triggers[0]: \"bucket\" is missing"},
    {"triggers: [{type: webhook, name: t, auth: {method: hmac_sha256, secret_config: s}}]\n",
     kShell,
     "triggers.t: the trigger has no header"},
    {"triggers: [{type: webhook, name: t, auth: {method: bearer_token}}]\n",
     kShell,
     "triggers[0].auth: \"secret_config\" is missing"},
    {"cron_trigger: \"@daily\"\ntriggers: [{type: webhook, name: cron}]\n",
     kShell,
     "there are two triggers named \"cron\""},
};

class FormicaryPartsRefuse : public ::testing::TestWithParam<Bad> {};

TEST_P(FormicaryPartsRefuse, WithPlaceFieldAndFix) {
  const std::string got = only_error(job(GetParam().task, GetParam().job));
  EXPECT_NE(got.find(GetParam().error), std::string::npos) << got;
}

INSTANTIATE_TEST_SUITE_P(Table, FormicaryPartsRefuse, ::testing::ValuesIn(kBad));

}  // namespace
}  // namespace reeve::workflow
