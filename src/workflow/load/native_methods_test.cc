#include <string>

#include <gtest/gtest.h>

#include "workflow/load/decode.h"
#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

using Words = std::vector<std::string>;

/// A document with a first task "a" and one more with these lines (indented by six).
std::string second(std::string_view lines) {
  return native(concat("  tasks:\n    - {name: a, script: x}\n    - name: b\n", lines));
}

/// The second task of a document that loads, from its source again.
Task task_b(std::string_view lines) {
  const Workflow first = loaded(second(lines));
  const Workflow again = loaded(first.source);
  EXPECT_EQ(again.digest, first.digest);
  return again.tasks.size() > 1 ? again.tasks[1] : Task{};
}

std::string refused(std::string_view lines) {
  return only_error(second(lines));
}

TEST(NativeGate, ReadsEveryField) {
  const Task task = task_b(
      "      needs: [a]\n      gate:\n        prompt: Deploy {{ .v }}?\n        approvals: 2\n"
      "        unanimous: true\n        users: [ann, bob]\n        groups: [ops]\n"
      "        ownerMayApprove: true\n        context: {diff: \"{{ .diff }}\", risk: low}\n"
      "        require: [diff]\n        deadline: 4h\n        remindAfter: 1h\n"
      "        escalate: [{after: 3h, to: [boss]}, {after: 2h, to: [lead, ops], message: hurry}]\n"
      "        revises: a\n        revisionsMax: 3\n"
  );
  EXPECT_EQ(task.method, Method::Gate);
  ASSERT_TRUE(task.gate.has_value());
  const Gate& gate = *task.gate;
  EXPECT_EQ(gate.prompt.text, "Deploy {{ .v }}?");
  EXPECT_EQ(gate.approvals, 2U);
  EXPECT_TRUE(gate.unanimous);
  EXPECT_EQ(gate.users, (Words{"ann", "bob"}));
  EXPECT_EQ(gate.groups, Words{"ops"});
  EXPECT_TRUE(gate.owner_may_approve);
  ASSERT_EQ(gate.context.size(), 2U);
  EXPECT_EQ(gate.context[0].first, "diff");
  EXPECT_EQ(gate.context[0].second.text, "{{ .diff }}");
  EXPECT_EQ(gate.required, Words{"diff"});
  EXPECT_EQ(gate.deadline, Duration(14'400'000));
  EXPECT_EQ(gate.remind_after, Duration(3'600'000));
  ASSERT_EQ(gate.escalations.size(), 2U);
  EXPECT_EQ(gate.escalations[0].after, Duration(7'200'000)) << "in order of time";
  EXPECT_EQ(gate.escalations[0].to, (Words{"lead", "ops"}));
  EXPECT_EQ(gate.escalations[0].message, "hurry");
  EXPECT_EQ(gate.revises, TaskIndex{0});
  EXPECT_EQ(gate.revisions_max, 3U);
}

TEST(NativeGate, AsksForOneApprovalOfAnybodyButTheOwner) {
  const Gate gate = task_b("      gate: {prompt: ok}\n").gate.value();
  EXPECT_EQ(gate.approvals, 1U);
  EXPECT_TRUE(gate.users.empty());
  EXPECT_FALSE(gate.owner_may_approve);
  EXPECT_FALSE(gate.deadline.has_value());
  EXPECT_FALSE(gate.revises.has_value());
  EXPECT_EQ(gate.revisions_max, 10U);
}

TEST(NativeGate, RevisesTheOnlyTaskThatLeadsToIt) {
  EXPECT_EQ(task_b("      needs: [a]\n      gate: {prompt: ok}\n").gate->revises, TaskIndex{0});
  const Workflow routed = loaded(native(
      "  tasks:\n    - {name: a, script: x, onCompleted: g}\n    - {name: g, gate: {prompt: p}, "
      "onExitCode: {REJECTED: z}}\n    - {name: z, script: x}\n"
  ));
  EXPECT_EQ(routed.tasks[1].gate->revises, TaskIndex{0});
  EXPECT_EQ(routed.tasks[1].routes.at(0).on, "REJECTED");
  const Workflow two =
      loaded(native("  tasks:\n    - {name: a, script: x}\n    - {name: b, script: x}\n"
                    "    - {name: g, needs: [a, b], gate: {prompt: p}}\n"));
  EXPECT_FALSE(two.tasks[2].gate->revises.has_value());
}

TEST(NativeMission, ReadsEveryField) {
  const Task task = task_b(
      "      mission:\n        workflow: build\n        version: \"2\"\n"
      "        params: {branch: \"{{ .b }}\", n: 1}\n        wait: false\n"
      "        userKey: \"build-{{ .b }}\"\n"
      "        outputs: {mine: theirs}\n"
  );
  EXPECT_EQ(task.method, Method::Mission);
  const Child& child = task.child.value();
  EXPECT_EQ(child.workflow.text, "build");
  EXPECT_EQ(child.version, "2");
  ASSERT_EQ(child.params.size(), 2U);
  EXPECT_EQ(child.params[0].second.text, "{{ .b }}");
  EXPECT_EQ(child.params[1].second.text, "1");
  EXPECT_EQ(child.user_key.text, "build-{{ .b }}");
  EXPECT_FALSE(child.wait);
  using Renames = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(child.outputs, (Renames{{"theirs", "mine"}}));
  EXPECT_TRUE(task_b("      mission: {workflow: w}\n").child->wait);
}

TEST(NativeAwait, WaitsForChildrenOfEarlierTasks) {
  const Workflow w =
      loaded(native("  tasks:\n    - {name: m, mission: {workflow: w, wait: false}}\n"
                    "    - {name: b, needs: [m], await: {tasks: [m], outputs: {mine: theirs}}}\n"));
  EXPECT_EQ(w.tasks[1].method, Method::Await);
  EXPECT_EQ(w.tasks[1].await->tasks, std::vector<TaskIndex>{0});
  EXPECT_EQ(w.tasks[1].await->outputs.at(0).first, "theirs");
}

TEST(NativeHttp, ReadsEveryField) {
  const Task task = task_b(
      "      http:\n        method: PATCH\n        url: https://h/{{ .id }}\n"
      "        headers: {Accept: a}\n        query: {q: \"{{ .q }}\"}\n        body: text\n"
      "        redirects: {max: 2, crossHost: false}\n        verifyTls: false\n"
      "        caFile: ca.pem\n        allowPrivate: true\n        responseBytesMax: 1000\n"
      "        outputs: {id: /data/0/id, all: \"\"}\n"
  );
  EXPECT_EQ(task.method, Method::Http);
  const HttpRequest& http = task.http.value();
  EXPECT_EQ(http.verb, HttpVerb::Patch);
  EXPECT_EQ(http.url.text, "https://h/{{ .id }}");
  EXPECT_EQ(http.headers.at(0).second.text, "a");
  EXPECT_EQ(http.query.at(0).first, "q");
  EXPECT_EQ(http.form, HttpBody::Text);
  EXPECT_EQ(http.body.text, "text");
  EXPECT_EQ(http.redirects_max, 2U);
  EXPECT_FALSE(http.redirects_cross_host);
  EXPECT_FALSE(http.verify_tls);
  EXPECT_EQ(http.ca_file.text, "ca.pem");
  EXPECT_TRUE(http.allow_private);
  EXPECT_EQ(http.response_bytes_max, 1000U);
  EXPECT_EQ(http.outputs.at(1).second, "");
}

TEST(NativeHttp, KnowsHowTheBodyIsMade) {
  const auto http = [](std::string_view body) {
    return task_b(concat("      http: {url: http://h", body, "}\n")).http.value();
  };
  EXPECT_EQ(http("").form, HttpBody::None);
  EXPECT_EQ(http("").verb, HttpVerb::Get);
  EXPECT_EQ(http(", form: true").form, HttpBody::FormData);
  EXPECT_EQ(http(", json: true").form, HttpBody::Json);
  EXPECT_TRUE(http(", json: true").body.empty());
  EXPECT_EQ(http(", json: {a: [1, x]}").body.text, "{\"a\":[1,\"x\"]}");
  EXPECT_EQ(http(", json: '{\"a\": {{ toJson .x }}}'").body.text, "{\"a\": {{ toJson .x }}}");
}

TEST(NativeWebSocket, SendsTheValuesUnlessItIsGivenABody) {
  const Task task = task_b("      webSocket: {url: wss://h, outputs: {x: /y}}\n");
  EXPECT_EQ(task.method, Method::WebSocket);
  EXPECT_EQ(task.http->form, HttpBody::Json);
  EXPECT_TRUE(task.http->body.empty());
  EXPECT_EQ(task_b("      webSocket: {url: ws://h, body: hi}\n").http->form, HttpBody::Text);
}

TEST(NativeMessage, ReadsEveryField) {
  const Task task = task_b("      message: {channel: c, replyChannel: r, body: {a: 1}}\n");
  EXPECT_EQ(task.method, Method::Message);
  EXPECT_EQ(task.message->channel.text, "c");
  EXPECT_EQ(task.message->reply_channel.text, "r");
  EXPECT_EQ(task.message->body.text, "{\"a\":1}");
}

TEST(NativeAgent, ReadsEveryFieldAndWorksInADirectory) {
  const Task task = task_b(
      "      needs: [a]\n      beforeScript: git clone x\n      dependencies: [a]\n"
      "      agent: {name: coder, prompt: \"Fix {{ .v }}\", session: previous, validates: a,\n"
      "              outputs: {verdict: /verdict}}\n      artifacts: {paths: [x]}\n"
  );
  EXPECT_EQ(task.method, Method::Agent);
  EXPECT_TRUE(is_hosted(task.method));
  EXPECT_EQ(task.agent->name.text, "coder");
  EXPECT_EQ(task.agent->prompt.text, "Fix {{ .v }}");
  EXPECT_EQ(task.agent->session.text, "previous");
  EXPECT_EQ(task.agent->validates, TaskIndex{0});
  EXPECT_EQ(task.agent->outputs.front().second, "/verdict");
  EXPECT_EQ(task.before_script.size(), 1U);
}

/// Two tasks for agents, the second with more fields of its agent.
std::string judged(std::string_view author, std::string_view judge, std::string_view needs) {
  return native(concat(
      "  tasks:\n    - {name: make, agent: {name: ",
      author,
      ", prompt: p}}\n    - {name: judge, ",
      needs,
      "agent: {prompt: q, validates: make, name: ",
      judge,
      "}}\n"
  ));
}

TEST(NativeAgent, NobodyJudgesTheirOwnWork) {
  constexpr std::string_view kNeeds = "needs: [make], ";
  EXPECT_EQ(loaded(judged("coder", "reviewer", kNeeds)).tasks[1].agent->validates, TaskIndex{0});
  const auto error = [](const std::string& text) {
    return only_error(text);
  };
  EXPECT_NE(
      error(judged("coder", "coder", kNeeds))
          .find("agent \"coder\" would judge what it has made in \"make\""),
      std::string::npos
  );
  EXPECT_NE(error(judged("coder", "reviewer", "")).find("never runs before it"), std::string::npos);
  EXPECT_NE(
      error(judged("coder", "reviewer, session: '{{ index . \"make-session-id\" }}'", kNeeds))
          .find("in the session in which the work was done"),
      std::string::npos
  );
}

TEST(NativeBlocks, ReadsWhatARunIsGivenAndTakes) {
  const Task task = task_b(
      "      script: x\n      cache: {paths: [m/**], key: \"k-{{ .v }}\", expiresAfter: 2d}\n"
      "      artifactIds: [\"{{ .id }}\"]\n      credentials: {TOKEN: github}\n      tags: [gpu, "
      "linux]\n"
      "      semaphores: [{pool: db, units: 2}, {pool: net}]\n      permissions: [mission.extend]\n"
      "      sensor: true\n"
  );
  EXPECT_EQ(task.cache.paths.at(0).text, "m/**");
  EXPECT_EQ(task.cache.key.text, "k-{{ .v }}");
  EXPECT_EQ(task.cache.expires_after, Duration(172'800'000));
  EXPECT_EQ(task.artifact_ids.at(0).text, "{{ .id }}");
  ASSERT_EQ(task.credentials.size(), 1U);
  EXPECT_EQ(task.credentials[0].first, "TOKEN");
  EXPECT_EQ(task.credentials[0].second, "github");
  EXPECT_EQ(task.tags, (Words{"gpu", "linux"}));
  ASSERT_EQ(task.semaphores.size(), 2U);
  EXPECT_EQ(task.semaphores[0].units, 2U);
  EXPECT_EQ(task.semaphores[1].pool, "net");
  EXPECT_EQ(task.semaphores[1].units, 1U);
  EXPECT_EQ(task.permissions, Words{"mission.extend"});
  EXPECT_TRUE(task.sensor);
  const Task listed = task_b("      script: x\n      credentials: [A, B]\n");
  EXPECT_EQ(listed.credentials.at(1), (std::pair<std::string, std::string>{"B", "B"}));
  const Task files = task_b("      script: x\n      cache: {paths: a, keyPaths: [go.sum]}\n");
  EXPECT_EQ(files.cache.key_paths.at(0).text, "go.sum");
  EXPECT_EQ(files.cache.expires_after, Duration(std::chrono::hours(30 * 24)));
  EXPECT_EQ(task_b("      expireArtifacts: true\n").method, Method::ExpireArtifacts);
}

TEST(NativeFanOut, ReadsEveryField) {
  const Task task = task_b(
      "      script: x\n      fanOut: {over: [eu, us], as: region, parallel: 2, policy: "
      "firstWins}\n"
  );
  const FanOut& fan_out = task.fan_out.value();
  EXPECT_EQ(fan_out.over.text, "[\"eu\",\"us\"]");
  EXPECT_EQ(fan_out.item, "region");
  EXPECT_EQ(fan_out.parallel, 2U);
  EXPECT_EQ(fan_out.policy, FanOut::Policy::FirstWins);
  const Task same = task_b("      script: x\n      foreach: {over: 1..10, failuresAllowed: 3}\n");
  EXPECT_EQ(same.fan_out->over.text, "1..10");
  EXPECT_EQ(same.fan_out->item, "item");
  EXPECT_EQ(same.fan_out->failures_allowed, 3U);
  EXPECT_EQ(same.fan_out->policy, FanOut::Policy::All);
  EXPECT_EQ(
      task_b("      mission: {workflow: w}\n      fanOut: {over: names, policy: failFast}\n")
          .fan_out->policy,
      FanOut::Policy::FailFast
  );
  EXPECT_EQ(
      task_b("      script: x\n      fanOut: {over: \"{{ .l }}\"}\n").fan_out->over.text, "{{ .l }}"
  );
}

TEST(NativeSpec, ReadsItsTriggersAndCapacity) {
  const Workflow w = loaded(native(
      "  params: {p: 1}\n  schedule: \"*/5 * * * *\"\n  triggers:\n"
      "    - {name: night, cron: {schedule: \"@daily\", timeZone: Asia/Tokyo, missed: runOnce}}\n"
      "    - name: push\n      webhook: {auth: hmacSha256, secret: s, header: X-Sig, path: /p}\n"
      "      filter: '{{ eq .Body.ref \"main\" }}'\n      dedupKey: '{{ .Body.after }}'\n"
      "      params: {p: \"{{ .Body.n }}\"}\n      rateLimit: {max: 3, window: 1m}\n"
      "    - {name: files, objects: {bucket: b, prefix: raw/, suffix: .csv, poll: false, "
      "pollInterval: 5s}}\n"
      "    - {name: orders, channel: {channel: c, group: g, shared: true}}\n"
      "    - {name: drop, inbox: {glob: \"*.json\"}}\n"
      "  maxConcurrency: 1\n  priority: -5\n  semaphores: [{pool: db}]\n"
      "  tasks: [{name: a, script: x}]\n"
  ));
  ASSERT_EQ(w.triggers.size(), 6U);
  EXPECT_EQ(w.triggers[0].name, "schedule");
  EXPECT_EQ(std::get<CronTrigger>(w.triggers[0].source).expression, "*/5 * * * *");
  const auto& night = std::get<CronTrigger>(w.triggers[1].source);
  EXPECT_EQ(night.time_zone, "Asia/Tokyo");
  EXPECT_EQ(night.missed, MissedTicks::RunOnce);
  const Trigger& push = w.triggers[2];
  const auto& webhook = std::get<WebhookTrigger>(push.source);
  EXPECT_EQ(webhook.auth, WebhookAuth::HmacSha256);
  EXPECT_EQ(webhook.secret, "s");
  EXPECT_EQ(webhook.header, "X-Sig");
  EXPECT_EQ(webhook.path, "/p");
  EXPECT_EQ(push.filter.text, "{{ eq .Body.ref \"main\" }}");
  EXPECT_EQ(push.dedup_key.text, "{{ .Body.after }}");
  EXPECT_EQ(push.params.at(0).second.text, "{{ .Body.n }}");
  EXPECT_EQ(push.rate_limit->max, 3U);
  EXPECT_EQ(push.rate_limit->window, Duration(60'000));
  EXPECT_GT(push.position.line, 0);
  const auto& objects = std::get<ObjectTrigger>(w.triggers[3].source);
  EXPECT_EQ(objects.bucket + objects.prefix + objects.suffix, "braw/.csv");
  EXPECT_FALSE(objects.poll);
  EXPECT_EQ(objects.poll_interval, Duration(5000));
  const auto& channel = std::get<ChannelTrigger>(w.triggers[4].source);
  EXPECT_EQ(channel.channel + channel.group, "cg");
  EXPECT_TRUE(channel.shared);
  EXPECT_EQ(std::get<InboxTrigger>(w.triggers[5].source).glob, "*.json");
  EXPECT_EQ(w.max_concurrency, 1U);
  EXPECT_EQ(w.priority, -5);
  EXPECT_EQ(w.semaphores.at(0).pool, "db");
  EXPECT_EQ(loaded(w.source).digest, w.digest);
}

struct Bad {
  std::string_view lines;
  std::string_view error;
};

constexpr Bad kBad[] = {
    {"      gate: {}\n", "line 8:13: spec.tasks[1].gate: \"prompt\" is missing"},
    {"      gate: {prompt: p, autoApprove: 1h}\n",
     "line 8:25: spec.tasks[1].gate.autoApprove: nothing is ever approved by default: silence is "
     "no "
     "decision (remove it; \"deadline\" of a gate rejects, \"escalate\" tells somebody)"},
    {"      script: x\n      auto_approve: true\n", "nothing is ever approved by default"},
    {"      gate: {prompt: p, approvals: 0}\n",
     "spec.tasks[1].gate.approvals: must be a whole number from 1 to 100, not \"0\""},
    {"      gate: {prompt: p, approvals: 2, users: [ann]}\n",
     "line 8:22: tasks.b: the gate needs 2 approvals, but only 1 person may give one (name more "
     "people or groups, or ask for fewer approvals)"},
    {"      gate: {prompt: p, require: [diff]}\n",
     "tasks.b: the gate requires \"diff\", which is not in its context (add it to \"context\")"},
    {"      gate: {prompt: p, deadline: 1h, remindAfter: 1h}\n",
     "the approvers would be reminded after the deadline"},
    {"      gate: {prompt: p, deadline: 1h, escalate: [{after: 2h, to: [a]}]}\n",
     "the gate would escalate after its deadline"},
    {"      gate: {prompt: p, deadline: 0s}\n",
     "spec.tasks[1].gate.deadline: must be longer than nothing"},
    {"      gate: {prompt: p, revises: z}\n", "spec.tasks[1].gate.revises: there is no task \"z\""},
    {"      gate: {prompt: p, revises: b}\n", "tasks.b: a gate cannot revise itself"},
    {"      gate: {prompt: p, revises: a}\n",
     "tasks.b: the gate revises \"a\", which never runs before it (name a task that leads to the "
     "gate)"},
    {"      gate: {prompt: p}\n      script: x\n",
     "line 9:7: spec.tasks[1].script: \"script\" has no use in a task of \"gate\" (remove it, or "
     "give "
     "it to another task)"},
    {"      gate: {prompt: p}\n      timeout: 1h\n",
     "\"timeout\" has no use in a task of \"gate\" (use \"deadline\" of the gate)"},
    {"      gate: {prompt: p}\n      fanOut: {over: [1]}\n",
     "\"fanOut\" has no use in a task of \"gate\""},
    {"      gate: {prompt: p}\n      http: {url: http://h}\n",
     "line 9:7: spec.tasks[1].http: \"gate\" has said already how the task is carried out (remove "
     "one "
     "of the two, or make two tasks of it)"},
    {"      method: SHELL\n      message: {channel: c}\n",
     "\"method\" has said already how the task is carried out"},
    {"      mission: {params: {}}\n", "spec.tasks[1].mission: \"workflow\" is missing"},
    {"      mission: {workflow: a/b}\n",
     "spec.tasks[1].mission.workflow: the name \"a/b\" may hold only"},
    {"      await: {tasks: [a]}\n",
     "tasks.b: task \"b\" waits for children of \"a\", which makes none (name tasks that start "
     "missions)"},
    {"      await: {tasks: []}\n",
     "spec.tasks[1].await.tasks: must be a list of at least one task"},
    {"      await: {tasks: [z]}\n", "spec.tasks[1].await.tasks[0]: there is no task \"z\""},
    {"      http: {method: GET}\n", "spec.tasks[1].http: \"url\" is missing"},
    {"      http: {url: ftp://h}\n",
     "line 8:19: tasks.b: \"ftp://h\" is no address (begin with http:// or https://)"},
    {"      http: {url: http://h, method: get}\n",
     "spec.tasks[1].http.method: must be GET, HEAD, POST, PUT, PATCH or DELETE, not \"get\""},
    {"      http: {url: http://h, body: x, json: true}\n",
     "spec.tasks[1].http: a request has one body (keep one of \"body\", \"json\" and \"form\")"},
    {"      http: {url: http://h, form: false}\n", "spec.tasks[1].http.form: must be true"},
    {"      http: {url: http://h, json: {a: \"{{ .x }}\"}}\n",
     "spec.tasks[1].http.json: a map of this field may not hold templates"},
    {"      http: {url: http://h, headers: {\"a b\": c}}\n",
     "line 8:46: tasks.b: \"a b\" cannot name a header (use letters, digits and \"-\")"},
    {"      gate: {prompt: p, escalate: [{after: 1h, to: []}]}\n",
     "escalate[0].to: must be a list of at least one name"},
    {"      http: {url: http://h, outputs: {a: b}}\n",
     "output \"a\": \"b\" is no JSON pointer (write \"/data/0/id\", or \"\" for the whole)"},
    {"      http: {url: http://h, outputs: {a: /b~2}}\n", "is no JSON pointer"},
    {"      webSocket: {url: http://h}\n", "(begin with ws:// or wss://)"},
    {"      message: {body: x}\n", "spec.tasks[1].message: \"channel\" is missing"},
    {"      expireArtifacts: false\n",
     "spec.tasks[1].expireArtifacts: must be true, not \"false\""},
    {"      script: x\n      fanOut: {over: 5..1}\n",
     "line 9:22: tasks.b: the range 5..1 goes down and has no items (write 1..5)"},
    {"      script: x\n      fanOut: {over: 1..20000}\n",
     "has 20000 items, at most 10000 are allowed"},
    {"      script: x\n      fanOut: {over: a b}\n",
     "is neither a JSON array nor a range such as 1..10 (write a list, a range such as 1..10, or "
     "the "
     "name of a value)"},
    {"      script: x\n      fanOut: {over: [1], as: a-b}\n", "\"a-b\" cannot name an item"},
    {"      script: x\n      fanOut: {over: [1], policy: some}\n",
     "fanOut.policy: must be all, failFast or firstWins, not \"some\""},
    {"      script: x\n      fanOut: {over: [1], policy: failFast, failuresAllowed: 1}\n",
     "fanOut.failuresAllowed: goes with the policy \"all\" only"},
    {"      script: x\n      fanOut: {over: [1]}\n      foreach: {over: [1]}\n",
     "spec.tasks[1].foreach: \"foreach\" means the same as \"fanOut\" (remove one of the two)"},
    {"      script: x\n      cache: {paths: [a]}\n",
     "tasks.b: the cache has no key (add \"key\", or \"keyPaths\" for files that make it)"},
    {"      script: x\n      cache: {paths: [a], key: k, keyPaths: [f]}\n",
     "the cache has two keys"},
    {"      script: x\n      cache: {key: k}\n", "spec.tasks[1].cache: \"paths\" is missing"},
    {"      script: x\n      cache: {paths: [../a], key: k}\n", "is outside the task's directory"},
    {"      script: x\n      credentials: [a-b]\n",
     "\"a-b\" cannot name an environment variable (write a map: {VARIABLE: name})"},
    {"      script: x\n      credentials: {A: b/c}\n", "the name \"b/c\" may hold only"},
    {"      script: x\n      semaphores: [{pool: p, units: 0}]\n",
     "semaphores[0].units: must be a whole number from 1 to 1000000, not \"0\""},
    {"      script: x\n      semaphores: [{pool: p}, {pool: p}]\n",
     "line 9:31: tasks.b: takes the pool \"p\" twice"},
    {"      script: x\n      permissions: [mission.abort]\n",
     "spec.tasks[1].permissions[0]: must be mission.extend, not \"mission.abort\""},
    {"      message: {channel: c}\n      sensor: true\n",
     "\"sensor\" has no use in a task of \"message\""},
    {"      agent: {name: c, prompt: p}\n      credentials: [A]\n",
     "\"credentials\" has no use in a task of \"agent\""},
    {"      agent: {name: c, prompt: p}\n      script: x\n",
     "\"script\" has no use in a task of \"agent\""},
    {"      agent: {name: c}\n", "spec.tasks[1].agent: \"prompt\" is missing"},
    {"      agent: {name: c, prompt: p, validates: b}\n", "task \"b\" cannot validate itself"},
    {"      message: {channel: c}\n      credentials: [A]\n",
     "\"credentials\" has no use in a task of \"message\""},
};

class NativeBlocksRefuse : public ::testing::TestWithParam<Bad> {};

TEST_P(NativeBlocksRefuse, WithPlaceFieldAndFix) {
  const std::string got = refused(GetParam().lines);
  EXPECT_NE(got.find(GetParam().error), std::string::npos) << "got:\n"
                                                           << got << "\nwanted:\n"
                                                           << GetParam().error;
}

INSTANTIATE_TEST_SUITE_P(Table, NativeBlocksRefuse, ::testing::ValuesIn(kBad));

TEST(NativeAwait, RefusesChildrenThatAreNotThereYet) {
  EXPECT_EQ(
      only_error(native("  tasks:\n    - {name: m, mission: {workflow: w}}\n"
                        "    - {name: b, needs: [m], await: {tasks: [m]}}\n")),
      "line 7:14: tasks.b: task \"b\" waits for children of \"m\", which waits for them itself "
      "(add "
      "\"wait: false\" to the mission of \"m\", or remove the await)"
  );
  EXPECT_EQ(
      only_error(native("  tasks:\n    - {name: m, mission: {workflow: w, wait: false}}\n"
                        "    - {name: b, await: {tasks: [m]}}\n")),
      "line 7:14: tasks.b: task \"b\" waits for children of \"m\", which never runs before it "
      "(correct "
      "the order)"
  );
}

constexpr Bad kBadTriggers[] = {
    {"{name: t, cron: {schedule: \"0 30 3 * * 1\"}}",
     "hour field: \"30\" is out of range (write 0 to 23; the last of six fields is the year"},
    {"{name: t}",
     "spec.triggers[0]: the trigger has no source (add one of cron, webhook, objects, "
     "channel and inbox)"},
    {"{cron: {schedule: \"@daily\"}}", "spec.triggers[0]: \"name\" is missing"},
    {"{name: t, inbox: {}, channel: {channel: c}}",
     "spec.triggers[0].inbox: a trigger has one source, this one has \"channel\" already (make two "
     "triggers of it)"},
    {"{name: t, cron: {schedule: \"* * *\"}}", "triggers.t: \"* * *\" is no schedule: "},
    {"{name: t, cron: {schedule: \"61 * * * *\"}}",
     "\"61 * * * *\" is no schedule: minute field: \"61\" is out of range (write 0 to 59)"},
    {"{name: t, cron: {schedule: \"@daily\", timeZone: \"a b\"}}", "\"a b\" is no time zone"},
    {"{name: t, cron: {schedule: \"@daily\", missed: all}}",
     "must be skip or runOnce, not \"all\""},
    {"{name: t, webhook: {auth: hmacSha256, header: h}}", "triggers.t: the trigger has no secret"},
    {"{name: t, webhook: {auth: apiKey, secret: s}}", "triggers.t: the trigger has no header"},
    {"{name: t, webhook: {auth: github, secret: s, header: h}}", "\"header\" has no use with this"},
    {"{name: t, webhook: {auth: none, secret: s}}", "a secret proves nothing without \"auth\""},
    {"{name: t, objects: {prefix: p}}", "spec.triggers[0].objects: \"bucket\" is missing"},
    {"{name: t, objects: {bucket: b, pollInterval: 0s}}", "must be longer than nothing"},
    {"{name: t, channel: {}}", "spec.triggers[0].channel: \"channel\" is missing"},
    {"{name: t, inbox: {glob: a/b}}", "\"glob\" is of the name of a file"},
    {"{name: t, inbox: {}, rateLimit: {max: 0, window: 1m}}", "must be a whole number from 1 to"},
    {"{name: t, inbox: {}, rateLimit: {max: 1}}", "rateLimit: \"window\" is missing"},
    {"{name: t, inbox: {}, params: {q: x}}",
     "triggers.t: the trigger gives \"q\", which is no param of the workflow"},
    {"{name: t, inbox: {}, filter: \"{{ .X\"}", "spec.triggers[0].filter: unclosed action"},
    {"{name: t, inbox: {}}, {name: t, inbox: {}}", "there are two triggers named \"t\""},
};

class NativeTriggersRefuse : public ::testing::TestWithParam<Bad> {};

TEST_P(NativeTriggersRefuse, WithPlaceFieldAndFix) {
  const std::string got = only_error(
      native(concat("  triggers: [", GetParam().lines, "]\n  tasks: [{name: a, script: x}]\n"))
  );
  EXPECT_NE(got.find(GetParam().error), std::string::npos) << got;
}

INSTANTIATE_TEST_SUITE_P(Table, NativeTriggersRefuse, ::testing::ValuesIn(kBadTriggers));

TEST(NativeSpec, RefusesWhatNoTriggerCanGive) {
  EXPECT_EQ(
      only_error(native("  params: {p: {required: true}}\n  schedule: \"@daily\"\n  tasks: [{name: "
                        "a, script: x}]\n")),
      "line 6:13: triggers.schedule: the trigger does not give the required param \"p\" (add it to "
      "\"params\" of the trigger)"
  );
}

TEST(NativeSandbox, ReadsTheLevelAndEveryLimit) {
  EXPECT_FALSE(task_b("      script: x\n").sandbox.has_value());
  EXPECT_EQ(
      task_b("      script: x\n      sandbox: workspace\n").sandbox->level,
      model::SandboxLevel::Workspace
  );
  const Task task = task_b(
      "      script: x\n      sandbox: {level: isolated, processesMax: 9, memoryBytesMax: "
      "1000000,\n"
      "        fileBytesMax: 2000000, tempBytesMax: 3000000, diskBytesMax: 4000000,\n"
      "        readable: [/srv/models]}\n"
  );
  model::Sandbox expected;
  expected.level = model::SandboxLevel::Isolated;
  expected.processes_max = 9;
  expected.memory_bytes_max = 1'000'000;
  expected.file_bytes_max = 2'000'000;
  expected.temp_bytes_max = 3'000'000;
  expected.disk_bytes_max = 4'000'000;
  expected.readable = {"/srv/models"};
  EXPECT_EQ(task.sandbox, expected);
  const Workflow whole = loaded(native("  sandbox: isolated\n  tasks: [{name: a, script: x}]\n"));
  EXPECT_EQ(whole.sandbox.level, model::SandboxLevel::Isolated);
}

TEST(NativeSandbox, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(refused("      script: x\n      sandbox: cage\n").find("cage"), std::string::npos);
  EXPECT_NE(
      refused("      script: x\n      sandbox: {processesMax: 9}\n").find("level"),
      std::string::npos
  );
  EXPECT_NE(
      refused("      script: x\n      sandbox: {level: none, readable: [models]}\n")
          .find("absolute paths"),
      std::string::npos
  );
  EXPECT_NE(
      refused("      http: {url: http://h}\n      sandbox: isolated\n").find("has no use"),
      std::string::npos
  );
}

TEST(NativeSpec, LimitsListsAndMapsOfWords) {
  std::string tags = "      script: x\n      tags: [";
  std::string query = "      http:\n        url: http://h\n        query: {";
  for (std::size_t i = 0; i <= kWordsMax; ++i) {
    tags += concat(i == 0 ? "" : ", ", "t", i);
    query += concat(i == 0 ? "" : ", ", "q", i, ": x");
  }
  const std::string fields[] = {tags + "]\n", query + "}\n"};
  for (const std::string& lines : fields) {
    const Loaded result = load(second(lines));
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.first_error().code, ErrorCode::LimitExceeded);
    EXPECT_EQ(result.first_error().message, "has more than 1000 entries");
  }
}

TEST(NativeSpec, LimitsTriggersAndSemaphores) {
  std::string triggers = "  triggers:\n";
  std::string semaphores = "  semaphores:\n";
  for (int i = 0; i < 21; ++i) {
    triggers += concat("    - {name: t", i, ", inbox: {}}\n");
    semaphores += concat("    - {pool: p", i, "}\n");
  }
  const std::string tasks = "  tasks: [{name: a, script: x}]\n";
  const Loaded many = load(native(triggers + tasks));
  EXPECT_EQ(many.first_error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(many.first_error().message, "has more than 20 triggers");
  EXPECT_NE(
      only_error(native(semaphores + tasks)).find("takes more than 20 semaphores"),
      std::string::npos
  );
}

}  // namespace
}  // namespace reeve::workflow
