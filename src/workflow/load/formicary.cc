#include "workflow/load/formicary.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/fields.h"
#include "workflow/template/template.h"

namespace reeve::workflow {

namespace {

using document::Member;
using document::Node;

// Upstream takes a random delay of 5 to 14 s for jobs and 1 to 2 s for tasks.
constexpr Duration kJobDelayDefault{5'000};
constexpr Duration kTaskDelayDefault{1'000};
constexpr std::uint32_t kHardResetMax = 1'000;

/// A field that is read and has no effect, and why.
struct Ignored {
  std::string_view field;
  std::string_view why;
};

constexpr std::string_view kLater = "is not enforced yet";
constexpr std::string_view kNoContainer = "has no effect in the local shell";

constexpr std::array<Ignored, 10> kJobIgnored = {{
    {"max_concurrency", kLater},
    {"retention_days_for_failed", kLater},
    {"retention_days_for_completed", kLater},
    {"retention_days_for_cancelled", kLater},
    {"notify", "sends nothing yet"},
    {"tags", "does not choose a host yet"},
    {"methods", "does not choose a host yet"},
    {"variables", "is not read; variables are declared in \"job_variables\""},
    {"filter", "is not read"},
    {"configs", "is not read; configurations are set on the server"},
}};

constexpr std::array<Ignored, 26> kTaskIgnored = {{
    {"tags", "does not choose a host yet"},
    {"cache", "keeps nothing between runs yet"},
    {"services", kNoContainer},
    {"headers", "has no effect outside HTTP methods"},
    {"query", "has no effect outside HTTP methods"},
    {"privileged", kNoContainer},
    {"affinity", kNoContainer},
    {"node_selector", kNoContainer},
    {"node_tolerations", kNoContainer},
    {"pod_labels", kNoContainer},
    {"pod_annotations", kNoContainer},
    {"network_mode", kNoContainer},
    {"host_network", kNoContainer},
    {"helper", kNoContainer},
    {"helper_environment", kNoContainer},
    {"artifacts_dir", kNoContainer},
    {"cache_dir", kNoContainer},
    {"service_account", kNoContainer},
    {"artifact_key_prefix", "has no effect"},
    {"cost_factor", "has no effect yet"},
    {"debug", "has no effect"},
    {"allow_start_if_completed", "has no effect"},
    {"notify", "sends nothing yet"},
    {"task_variables", "is not read; variables of a task are declared in \"variables\""},
    {"imageDefinition", kNoContainer},
    {"volumes", kNoContainer},
}};

constexpr std::array<std::string_view, 3> kJobRefused = {"triggers", "webhook", "resources"};
constexpr std::array<std::string_view, 15> kTaskRefused = {
    "resources",
    "fan_out",
    "sub_workflow",
    "fork_job_type",
    "fork_job_version",
    "job_version",
    "await_forked_tasks",
    "approval_policy",
    "messaging_request_queue",
    "messaging_reply_queue",
    "webhook",
    "artifact_ids",
    "dependent_artifact_ids",
    "execute_command_without_shell",
    "triggers"};
constexpr std::array<std::string_view, 2> kContainerRefused = {"env_from", "env_value_from"};

/// Sorts what nobody asked for into refused, ignored and unknown.
void finish(
    Fields& fields,
    Decoder& decoder,
    std::span<const std::string_view> refused,
    std::span<const Ignored> ignored
) {
  std::vector<std::string_view> handled;
  for (const Member* member : fields.rest()) {
    const std::string& key = member->key.text;
    if (std::find(refused.begin(), refused.end(), key) != refused.end()) {
      decoder.problems().unsupported(key, member->key.position, fields.path(key));
      handled.push_back(key);
    }
    for (const auto& [field, why] : ignored) {
      if (field == key) {
        decoder.problems().warning(
            "ignored-field", member->key.position, fields.path(key), concat("\"", key, "\" ", why)
        );
        handled.push_back(key);
      }
    }
  }
  fields.finish_except(handled);
}

RetryPolicy decode_retry(Fields& fields, Decoder& decoder, Duration delay_default) {
  RetryPolicy policy;
  policy.delay = delay_default;
  if (const Node* retry = fields.get("retry")) {
    policy.retries = decoder.count(*retry, fields.path("retry"), kRetriesMax, 0);
  }
  if (const Node* delay = fields.get("delay_between_retries")) {
    policy.delay = decoder.duration(*delay, fields.path("delay_between_retries"), delay_default);
  }
  if (const Node* backoff = fields.get("retry_backoff_policy")) {
    policy.backoff = decoder.backoff(*backoff, fields.path("retry_backoff_policy"));
  }
  return policy;
}

/// `delay` was never read upstream although documents set it for their polls and pauses; it is
/// honoured if it can be known now.
std::optional<Duration> decode_delay(Fields& fields, Decoder& decoder) {
  const Node* delay = fields.get("delay");
  if (delay == nullptr) {
    return std::nullopt;
  }
  const std::string path = fields.path("delay");
  decoder.problems().warning(
      "delay",
      delay->position,
      path,
      "\"delay\" is the time between polls and the length of a pause"
  );
  return decoder.duration(*delay, path, Duration(0));
}

void decode_artifacts(const Node& node, Decoder& decoder, std::string path, Artifacts& artifacts) {
  constexpr std::array<std::string_view, 1> kMisspelt = {"expire_after"};
  Fields fields(decoder, node, std::move(path));
  if (const Node* paths = fields.get("paths")) {
    artifacts.paths = decoder.artifact_paths(*paths, fields.path("paths"));
  }
  if (const Node* when = fields.get("when")) {
    artifacts.when = decoder.artifact_when(*when, fields.path("when"));
  }
  if (const Node* expires = fields.get("expires_after")) {
    artifacts.expires_after = decoder.duration(*expires, fields.path("expires_after"), Duration(0));
  }
  if (const Node* key = fields.key("expire_after")) {
    decoder.problems().warning(
        "unknown-field",
        key->position,
        fields.path("expire_after"),
        "unknown field \"expire_after\" is ignored",
        "did you mean \"expires_after\"?"
    );
  }
  fields.finish_except(kMisspelt);
}

void decode_container(const Node& node, Decoder& decoder, std::string path, Task& task) {
  Fields fields(decoder, node, std::move(path));
  if (const Node* image = fields.get("image")) {
    task.image = decoder.text(*image, fields.path("image"));
  }
  std::vector<std::string_view> handled;
  for (const Member* member : fields.rest()) {
    const std::string& key = member->key.text;
    handled.push_back(key);
    if (std::find(kContainerRefused.begin(), kContainerRefused.end(), key) !=
        kContainerRefused.end()) {
      decoder.problems().unsupported(key, member->key.position, fields.path(key));
    } else {
      decoder.problems().warning(
          "ignored-field",
          member->key.position,
          fields.path(key),
          concat("\"", key, "\" ", kNoContainer)
      );
    }
  }
  fields.finish_except(handled);
}

void decode_scripts(Fields& fields, Decoder& decoder, Task& task) {
  if (const Node* node = fields.get("before_script")) {
    task.before_script = decoder.texts(*node, fields.path("before_script"));
  }
  if (const Node* node = fields.get("script")) {
    task.script = decoder.texts(*node, fields.path("script"));
  }
  if (const Node* node = fields.get("after_script")) {
    task.after_script = decoder.texts(*node, fields.path("after_script"));
  }
  if (const Node* node = fields.get("environment")) {
    task.environment = decoder.environment(*node, fields.path("environment"));
  }
  if (const Node* node = fields.get("variables")) {
    task.variables = decoder.variables(*node, fields.path("variables"));
  }
  if (const Node* node = fields.get("working_dir")) {
    task.working_dir = decoder.working_dir(*node, fields.path("working_dir"));
  }
  if (const Node* node = fields.get("artifacts")) {
    decode_artifacts(*node, decoder, fields.path("artifacts"), task.artifacts);
  }
  if (const Node* node = fields.get("container")) {
    decode_container(*node, decoder, fields.path("container"), task);
  }
}

void set_route(TaskDraft& draft, std::string_view on, Ref target, Decoder& decoder) {
  for (RawRoute& route : draft.routes) {
    if (route.on != on) {
      continue;
    }
    if (route.target.name != target.name) {
      decoder.problems().warning(
          "duplicate-route",
          target.position,
          target.path,
          concat("replaces the route of ", on, " to \"", route.target.name, "\"")
      );
    }
    route.target = std::move(target);
    return;
  }
  draft.routes.push_back({std::string(on), std::move(target)});
}

void decode_routes(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  if (const Node* node = fields.get("on_exit_code")) {
    for (RawRoute& route : decoder.routes(*node, fields.path("on_exit_code"))) {
      set_route(draft, route.on, std::move(route.target), decoder);
    }
  }
  for (const auto& [field, on] :
       {std::pair("on_completed", "COMPLETED"), std::pair("on_failed", "FAILED")}) {
    if (const Node* node = fields.get(field)) {
      Ref target = decoder.ref(*node, fields.path(field));
      if (!target.name.empty()) {
        set_route(draft, on, std::move(target), decoder);
      }
    }
  }
}

void decode_rules(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  Task& task = draft.task;
  if (const Node* node = fields.get("timeout")) {
    task.timeout = decoder.duration_text(*node, fields.path("timeout"));
  }
  task.retry = decode_retry(fields, decoder, kTaskDelayDefault);
  task.pace = decode_delay(fields, decoder);
  if (const Node* node = fields.get("always_run")) {
    task.always_run = decoder.flag(*node, fields.path("always_run"), false);
  }
  if (const Node* node = fields.get("allow_failure")) {
    task.allow_failure = decoder.flag(*node, fields.path("allow_failure"), false);
  }
  if (const Node* node = fields.get("except")) {
    task.skip_if = decoder.text(*node, fields.path("except"));
  }
  if (const Node* node = fields.get("dependencies")) {
    draft.dependencies = decoder.refs(*node, fields.path("dependencies"));
  }
}

void note_container_directory(const Task& task, Decoder& decoder, const Fields& fields) {
  const bool container = task.method == Method::Docker || task.method == Method::Kubernetes;
  if (container && task.working_dir.text.starts_with('/')) {
    decoder.problems().warning(
        "container-directory",
        task.working_dir.position,
        fields.path("working_dir"),
        concat("\"", task.working_dir.text, "\" is within the run's directory in the local shell")
    );
  }
}

TaskDraft decode_task(const Node& node, Decoder& decoder, std::string path) {
  TaskDraft draft;
  draft.path = path;
  Task& task = draft.task;
  task.position = node.position;
  // Upstream's default.
  task.method = Method::Kubernetes;
  Fields fields(decoder, node, std::move(path));
  if (const Node* name = fields.need("task_type")) {
    task.name = TaskName(decoder.name(*name, fields.path("task_type")));
    task.position = name->position;
  }
  bool known_method = true;
  if (const Node* method = fields.get("method")) {
    const auto value = decoder.method(*method, fields.path("method"));
    known_method = value.has_value();
    task.method = value.value_or(Method::Kubernetes);
  }
  if (const Node* description = fields.get("description")) {
    task.description = decoder.description(*description, fields.path("description"));
  }
  // Informational, or always done here.
  for (const std::string_view key : {"url", "name", "report_stdout"}) {
    fields.get(key);
  }
  decode_scripts(fields, decoder, task);
  note_container_directory(task, decoder, fields);
  decode_rules(fields, decoder, draft);
  decode_routes(fields, decoder, draft);
  finish(fields, decoder, kTaskRefused, kTaskIgnored);
  if (known_method && task.script.empty()) {
    decoder.problems().warning(
        "no-script",
        task.position,
        fields.path("script"),
        concat("task \"", task.name.view(), "\" has no script and will fail when it runs"),
        "add one"
    );
  }
  return draft;
}

void decode_tasks(Fields& fields, Decoder& decoder, Draft& draft) {
  const Node* tasks = fields.need("tasks");
  if (tasks == nullptr) {
    return;
  }
  if (!tasks->is_sequence()) {
    decoder.wrong(*tasks, "tasks", "a list of tasks");
    return;
  }
  if (tasks->items.empty()) {
    decoder.problems().error("no-tasks", tasks->position, "tasks", "a job has at least one task");
  }
  if (tasks->items.size() > kTasksMax) {
    decoder.problems().too_many_tasks(tasks->items.size(), tasks->position, "tasks");
    return;
  }
  for (std::size_t i = 0; i < tasks->items.size(); ++i) {
    draft.tasks.push_back(decode_task(tasks->items[i], decoder, concat("tasks[", i, "]")));
  }
}

void decode_timing(Fields& fields, Decoder& decoder, Workflow& workflow) {
  if (const Node* timeout = fields.get("timeout")) {
    const Duration value = decoder.duration(*timeout, "timeout", workflow.timeout);
    // 0 meant "the server's default".
    workflow.timeout = value.count() > 0 ? value : workflow.timeout;
  }
  if (const Node* pause = fields.get("pause_time")) {
    workflow.pause_time = decoder.duration(*pause, "pause_time", workflow.pause_time);
  }
  workflow.retry = decode_retry(fields, decoder, kJobDelayDefault);
  if (const Node* node = fields.get("hard_reset_after_retries")) {
    workflow.hard_reset_after_retries =
        decoder.count(*node, "hard_reset_after_retries", kHardResetMax, 0);
  }
  if (const Node* cron = fields.get("cron_trigger")) {
    Trigger trigger;
    trigger.name = "cron";
    const Text expression = decoder.text(*cron, "cron_trigger");
    trigger.source = CronTrigger{.expression = expression.text, .time_zone = {}};
    trigger.position = expression.position;
    workflow.triggers.push_back(std::move(trigger));
  }
  if (const Node* skip = fields.get("skip_if")) {
    workflow.skip_if = decoder.text(*skip, "skip_if");
  }
}

void decode_plugin(Fields& fields, Decoder& decoder, Workflow& workflow) {
  if (const Node* version = fields.get("sem_version")) {
    workflow.version = decoder.literal(*version, "sem_version").value_or("");
  }
  if (const Node* plugin = fields.get("public_plugin")) {
    if (decoder.flag(*plugin, "public_plugin", false)) {
      decoder.problems().unsupported(
          "public_plugin", fields.key("public_plugin")->position, "public_plugin"
      );
    }
  }
  if (const Node* required = fields.get("required_params")) {
    for (const Text& param : decoder.texts(*required, "required_params")) {
      workflow.required_params.push_back(param.text);
    }
  }
}

}  // namespace

Draft decode_formicary(const Node& root, Decoder& decoder) {
  Draft draft;
  Workflow& workflow = draft.workflow;
  workflow.format = Format::Formicary;
  Fields fields(decoder, root, "");
  if (const Node* name = fields.need("job_type")) {
    workflow.name = decoder.name(*name, "job_type");
  }
  if (const Node* description = fields.get("description")) {
    workflow.description = decoder.description(*description, "description");
  }
  // Informational, or carried out before the document was parsed.
  for (const std::string_view key : {"url", "platform", "dynamic_template_tasks"}) {
    fields.get(key);
  }
  if (const Node* variables = fields.get("job_variables")) {
    workflow.variables = decoder.variables(*variables, "job_variables");
  }
  decode_plugin(fields, decoder, workflow);
  decode_timing(fields, decoder, workflow);
  decode_tasks(fields, decoder, draft);
  finish(fields, decoder, kJobRefused, kJobIgnored);
  return draft;
}

}  // namespace reeve::workflow
