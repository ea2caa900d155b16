#include "workflow/load/formicary.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/fields.h"
#include "workflow/load/formicary_parts.h"
#include "workflow/load/numbers.h"
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

constexpr std::string_view kNoContainer = "has no effect in the local shell";
constexpr std::string_view kOtherMethod = "has no effect with this method";

constexpr std::array<Ignored, 10> kJobIgnored = {{
    {"retention_days_for_failed", "is not enforced yet"},
    {"retention_days_for_completed", "is not enforced yet"},
    {"retention_days_for_cancelled", "is not enforced yet"},
    {"notify", "sends nothing yet"},
    {"webhook", "calls nothing yet"},
    {"tags", "is not read; the tags of the tasks count"},
    {"methods", "is not read; the methods of the tasks count"},
    {"variables", "is not read; variables are declared in \"job_variables\""},
    {"filter", "is not read"},
    {"configs", "is not read; configurations are set on the server"},
}};

constexpr std::array<Ignored, 37> kTaskIgnored = {{
    {"services", kNoContainer},
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
    {"imageDefinition", kNoContainer},
    {"volumes", kNoContainer},
    {"env_from", kNoContainer},
    {"env_value_from", kNoContainer},
    {"artifact_key_prefix", "has no effect"},
    {"cost_factor", "has no effect yet"},
    {"debug", "has no effect"},
    {"allow_start_if_completed", "has no effect"},
    {"notify", "sends nothing yet"},
    {"webhook", "calls nothing yet"},
    {"task_variables", "is not read; variables of a task are declared in \"variables\""},
    {"headers", kOtherMethod},
    {"query", kOtherMethod},
    {"approval_policy", kOtherMethod},
    {"fork_job_type", kOtherMethod},
    {"fork_job_version", kOtherMethod},
    {"job_version", kOtherMethod},
    {"await_forked_tasks", kOtherMethod},
    {"sub_workflow", kOtherMethod},
    {"messaging_request_queue", kOtherMethod},
    {"messaging_reply_queue", kOtherMethod},
    {"messaging_queue", kOtherMethod},
    {"triggers", "has no effect in a task; triggers belong to the job"},
}};

/// Sorts what nobody asked for into ignored and unknown.
void finish(Fields& fields, Decoder& decoder, std::span<const Ignored> ignored) {
  std::vector<std::string_view> handled;
  for (const Member* member : fields.rest()) {
    const std::string& key = member->key.text;
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
    decoder.problems().warning(
        "ignored-field",
        member->key.position,
        fields.path(key),
        concat("\"", key, "\" ", kNoContainer)
    );
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
    for (RawRoute& route : decoder.routes(*node, fields.path("on_exit_code"), kStatusMax)) {
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

void check_without_shell(Fields& fields, Decoder& decoder, const Task& task) {
  const Node* node = fields.get("execute_command_without_shell");
  const std::string path = fields.path("execute_command_without_shell");
  if (node == nullptr || !decoder.flag(*node, path, false)) {
    return;
  }
  for (const Text& item : task.script) {
    const bool plain = std::all_of(item.text.begin(), item.text.end(), [](char c) {
      return is_ascii_alnum(c) || std::string_view(" _-./:=@%+,").find(c) != std::string_view::npos;
    });
    if (!plain) {
      decoder.problems().unsupported(
          "execute_command_without_shell, with words a shell would change", item.position, path
      );
      return;
    }
  }
  decoder.problems().warning(
      "ignored-field",
      fields.key("execute_command_without_shell")->position,
      path,
      "the commands are run by a shell, which changes none of their words"
  );
}

/// What a run is given and what it takes.
void decode_means(Fields& fields, Decoder& decoder, Task& task) {
  if (const Node* node = fields.get("cache")) {
    task.cache =
        decode_formicary_cache(*node, decoder, fields.path("cache"), fields.key("cache")->position);
  }
  for (const std::string_view key : {"artifact_ids", "dependent_artifact_ids"}) {
    if (const Node* node = fields.get(key)) {
      for (Text& id : decoder.texts(*node, fields.path(key))) {
        task.artifact_ids.push_back(std::move(id));
      }
    }
  }
  if (const Node* node = fields.get("tags")) {
    for (const std::string& tag :
         decoder.words(*node, fields.path("tags"), Decoder::Unknown::LeaveOut)) {
      task.tags.push_back(to_lower(tag));
    }
  }
  task.semaphores = decode_resources(fields, decoder);
  check_without_shell(fields, decoder, task);
}

/// Takes away what the task cannot have and says so: only a program has scripts and a directory,
/// only what is on a host takes tags and resources, and a gate has its own deadline. The item of a
/// request is its address, and its response is a file.
void drop_useless(const Fields& fields, Decoder& decoder, Task& task) {
  const bool request = task.method == Method::Http || task.method == Method::WebSocket;
  const bool worker = task.method == Method::Agent;
  const auto drop = [&](std::string_view key, auto& value) {
    if (const Node* node = fields.key(key)) {
      decoder.problems().warning(
          "ignored-field", node->position, fields.path(key), concat("\"", key, "\" ", kOtherMethod)
      );
    }
    value = {};
  };
  if (!request) {
    drop("script", task.script);
  }
  if (!request && !worker) {
    drop("artifacts", task.artifacts);
  }
  task.script.clear();
  if (!worker) {
    drop("before_script", task.before_script);
    drop("after_script", task.after_script);
    drop("environment", task.environment);
    drop("working_dir", task.working_dir);
    drop("cache", task.cache);
  }
  drop("container", task.image);
  if (!is_hosted(task.method)) {
    drop("tags", task.tags);
    drop("resources", task.semaphores);
  }
  if (task.method == Method::Gate) {
    drop("timeout", task.timeout);
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
  Fields fields(decoder, node, std::move(path));
  if (const Node* name = fields.need("task_type")) {
    task.name = TaskName(decoder.name(*name, fields.path("task_type")));
    task.position = name->position;
  }
  if (const Node* description = fields.get("description")) {
    task.description = decoder.description(*description, fields.path("description"));
  }
  // Informational, or always done here.
  for (const std::string_view key : {"url", "name", "report_stdout"}) {
    fields.get(key);
  }
  decode_scripts(fields, decoder, task);
  const bool known_method = decode_formicary_method(fields, decoder, draft);
  note_container_directory(task, decoder, fields);
  decode_means(fields, decoder, task);
  decode_rules(fields, decoder, draft);
  decode_routes(fields, decoder, draft);
  finish(fields, decoder, kTaskIgnored);
  const bool process = task.method == Method::Shell || is_container(task.method);
  if (!process) {
    drop_useless(fields, decoder, task);
  } else if (known_method && task.script.empty()) {
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
    decoder.problems().error(
        "no-tasks",
        tasks->position,
        "tasks",
        "there are no tasks",
        "add at least one: \"- {task_type: build, script: [make]}\""
    );
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
      decoder.problems().warning(
          "ignored-field",
          fields.key("public_plugin")->position,
          "public_plugin",
          "\"public_plugin\" does not publish the job to other tenants"
      );
    }
  }
  if (const Node* required = fields.get("required_params")) {
    for (const Text& param : decoder.texts(*required, "required_params")) {
      workflow.required_params.push_back(param.text);
    }
  }
}

/// Whether a variable of the job is true.
bool is_set(const Workflow& workflow, std::string_view name) {
  return std::any_of(
      workflow.variables.begin(),
      workflow.variables.end(),
      [name](const Variable& variable) {
        return variable.name == name &&
               (variable.value == Json(true) || variable.value == Json("true"));
      }
  );
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
  decode_formicary_triggers(fields, decoder, workflow);
  if (const Node* max = fields.get("max_concurrency")) {
    workflow.max_concurrency = decoder.count(*max, "max_concurrency", kConcurrencyMax, 0);
  }
  workflow.semaphores = decode_resources(fields, decoder);
  workflow.forget_skipped = is_set(workflow, "DeleteFilteredCronJobs");
  decode_tasks(fields, decoder, draft);
  finish(fields, decoder, kJobIgnored);
  return draft;
}

}  // namespace reeve::workflow
