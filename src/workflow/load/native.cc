#include "workflow/load/native.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/fields.h"
#include "workflow/load/native_parts.h"

namespace reeve::workflow {

namespace {

using document::Member;
using document::Node;

constexpr std::string_view kApiVersion = "reeve.dev/v1";
constexpr std::string_view kKind = "Workflow";
constexpr std::string_view kExtensionKind = "WorkflowExtension";

// Recognised so that the message says what is the matter, not "unknown field".
constexpr std::array<std::string_view, 4> kLaterSpecFields = {
    "notify", "webhook", "quota", "agents"};
constexpr std::array<std::string_view, 4> kLaterTaskFields = {
    "tool", "prompt", "envFrom", "webhook"};
constexpr std::array<std::string_view, 4> kLaterContainerFields = {
    "envFrom", "volumes", "services", "resources"};

template <std::size_t N>
void refuse_later(Fields& fields, Decoder& decoder, const std::array<std::string_view, N>& later) {
  for (const std::string_view name : later) {
    if (const Node* key = fields.key(name)) {
      decoder.problems().unsupported(name, key->position, fields.path(name));
    }
  }
}

/// Everything but the later fields.
template <std::size_t N>
void finish(Fields& fields, Decoder& decoder, const std::array<std::string_view, N>& later) {
  refuse_later(fields, decoder, later);
  fields.finish_except(later);
}

bool is_param_name(std::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax || (name[0] >= '0' && name[0] <= '9') ||
      name[0] == '-') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Param decode_param(const Member& member, Decoder& decoder, std::string_view path) {
  Param param;
  param.name = member.key.text;
  param.position = member.key.position;
  if (!is_param_name(param.name)) {
    decoder.problems().error(
        "name",
        member.key.position,
        std::string(path),
        concat("\"", param.name, "\" cannot name a parameter"),
        "use letters, digits, \"_\" and \"-\", beginning with a letter"
    );
  }
  if (!member.value.is_map()) {
    if (!member.value.is_null()) {
      param.fallback = document::to_json(member.value);
    }
    return param;
  }
  Fields fields(decoder, member.value, std::string(path));
  if (const Node* node = fields.get("default")) {
    param.fallback = document::to_json(*node);
  }
  if (const Node* node = fields.get("description")) {
    param.description = decoder.description(*node, fields.path("description"));
  }
  if (const Node* node = fields.get("required")) {
    param.required = decoder.flag(*node, fields.path("required"), false);
  }
  fields.finish();
  if (param.required && param.fallback) {
    decoder.problems().error(
        "param",
        member.key.position,
        std::string(path),
        concat("parameter \"", param.name, "\" is required and has a default"),
        "remove one of the two"
    );
  }
  return param;
}

RetryPolicy decode_retry(const Node& node, Decoder& decoder, std::string path, RetryPolicy retry) {
  Fields fields(decoder, node, std::move(path));
  if (const Node* max = fields.get("max")) {
    retry.retries = decoder.count(*max, fields.path("max"), kRetriesMax, retry.retries);
  }
  if (const Node* delay = fields.get("delay")) {
    retry.delay = decoder.duration(*delay, fields.path("delay"), retry.delay);
  }
  if (const Node* backoff = fields.get("backoff")) {
    retry.backoff = decoder.backoff(*backoff, fields.path("backoff"));
  }
  fields.finish();
  return retry;
}

Artifacts decode_artifacts(const Node& node, Decoder& decoder, std::string path) {
  Artifacts artifacts;
  Fields fields(decoder, node, std::move(path));
  if (const Node* paths = fields.need("paths")) {
    artifacts.paths = decoder.artifact_paths(*paths, fields.path("paths"));
  }
  if (const Node* when = fields.get("when")) {
    artifacts.when = decoder.artifact_when(*when, fields.path("when"));
  }
  if (const Node* expires = fields.get("expiresAfter")) {
    artifacts.expires_after = decoder.duration(*expires, fields.path("expiresAfter"), Duration(0));
  }
  fields.finish();
  return artifacts;
}

Compensation decode_compensation(const Node& node, Decoder& decoder, std::string path) {
  Compensation compensation;
  Fields fields(decoder, node, std::move(path));
  if (const Node* script = fields.need("script")) {
    compensation.script = decoder.texts(*script, fields.path("script"));
  }
  if (const Node* retry = fields.get("retry")) {
    compensation.retry = decode_retry(*retry, decoder, fields.path("retry"), compensation.retry);
  }
  if (const Node* timeout = fields.get("timeout")) {
    compensation.timeout = decoder.duration(*timeout, fields.path("timeout"), Duration(0));
  }
  fields.finish();
  return compensation;
}

void decode_scripts(Fields& fields, Decoder& decoder, Task& task) {
  if (const Node* node = fields.get("beforeScript")) {
    task.before_script = decoder.texts(*node, fields.path("beforeScript"));
  }
  if (const Node* script = fields.get("script")) {
    task.script = decoder.texts(*script, fields.path("script"));
  }
  if (const Node* node = fields.get("afterScript")) {
    task.after_script = decoder.texts(*node, fields.path("afterScript"));
  }
  if (const Node* node = fields.get("environment")) {
    task.environment = decoder.environment(*node, fields.path("environment"));
  }
  if (const Node* node = fields.get("variables")) {
    task.variables = decoder.variables(*node, fields.path("variables"));
  }
  if (const Node* node = fields.get("workingDir")) {
    task.working_dir = decoder.working_dir(*node, fields.path("workingDir"));
  }
}

void decode_container(Fields& fields, Decoder& decoder, Task& task) {
  const Node* container = fields.get("container");
  if (container != nullptr) {
    Fields inner(decoder, *container, fields.path("container"));
    if (const Node* image = inner.need("image")) {
      task.image = decoder.text(*image, inner.path("image"));
    }
    finish(inner, decoder, kLaterContainerFields);
  } else if (is_container(task.method)) {
    decoder.problems().error(
        "missing-field",
        task.position,
        fields.path("container"),
        concat("the method ", to_string(task.method), " needs an image"),
        "add \"container: {image: debian}\""
    );
  }
}

void check_script(Fields& fields, Decoder& decoder, const Task& task) {
  const Node* script = fields.get("script");
  // A script of the wrong type has been reported.
  const bool absent = script == nullptr || (script->is_sequence() && script->items.empty());
  const bool process = task.method == Method::Shell || is_container(task.method);
  if (process && absent && !fields.has_misspelt("script")) {
    decoder.problems().error(
        "no-script",
        task.position,
        fields.path("script"),
        concat("task \"", task.name.view(), "\" has no script"),
        "add one, or \"method: NOOP\" for a task that does nothing"
    );
  } else if (task.method == Method::Noop && script != nullptr) {
    decoder.problems().error(
        "noop-script",
        script->position,
        fields.path("script"),
        concat("task \"", task.name.view(), "\" has the method NOOP and a script"),
        "remove one of the two"
    );
  }
}

/// What a run is given and what it takes.
void decode_means(Fields& fields, Decoder& decoder, Task& task) {
  if (const Node* node = fields.get("cache")) {
    task.cache = decode_cache(*node, decoder, fields.path("cache"));
  }
  if (const Node* node = fields.get("artifactIds")) {
    task.artifact_ids = decoder.texts(*node, fields.path("artifactIds"));
  }
  if (const Node* node = fields.get("credentials")) {
    task.credentials = decode_credentials(*node, decoder, fields.path("credentials"));
  }
  if (const Node* node = fields.get("tags")) {
    task.tags = decoder.words(*node, fields.path("tags"));
  }
  if (const Node* node = fields.get("semaphores")) {
    task.semaphores = decode_semaphores(*node, decoder, fields.path("semaphores"));
  }
  if (const Node* node = fields.get("sandbox")) {
    task.sandbox = decode_sandbox(*node, decoder, fields.path("sandbox"));
  }
  if (const Node* node = fields.get("permissions")) {
    task.permissions = decode_permissions(*node, decoder, fields.path("permissions"));
  }
  if (const Node* node = fields.get("sensor")) {
    task.sensor = decoder.flag(*node, fields.path("sensor"), false);
  }
  task.fan_out = decode_fan_out(fields, decoder);
}

bool has_route(const TaskDraft& draft, std::string_view on) {
  return std::any_of(draft.routes.begin(), draft.routes.end(), [on](const RawRoute& route) {
    return route.on == on;
  });
}

void decode_routes(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  if (const Node* node = fields.get("onExitCode")) {
    draft.routes = decoder.routes(
        *node, fields.path("onExitCode"), fields.key("http") != nullptr ? kStatusMax : kExitCodeMax
    );
  }
  for (const auto& [field, on] :
       {std::pair("onCompleted", "COMPLETED"), std::pair("onFailed", "FAILED")}) {
    const Node* node = fields.get(field);
    if (node == nullptr) {
      continue;
    }
    const bool twice = has_route(draft, on);
    if (twice) {
      decoder.problems().error(
          "duplicate-route",
          node->position,
          fields.path(field),
          concat("\"", field, "\" says the same as the key ", on, " of \"onExitCode\""),
          "remove one of the two"
      );
      continue;
    }
    if (node->is_sequence()) {
      decoder.wrong(
          *node,
          fields.path(field),
          "the name of one task",
          concat("lead to one of them; give the others \"needs: [", draft.task.name.view(), "]\"")
      );
      continue;
    }
    Ref target = decoder.ref(*node, fields.path(field));
    if (!target.name.empty()) {
      draft.routes.push_back({on, std::move(target)});
    }
  }
}

void decode_rules(Fields& fields, Decoder& decoder, TaskDraft& draft) {
  Task& task = draft.task;
  if (const Node* node = fields.get("needs")) {
    draft.needs = decoder.refs(*node, fields.path("needs"));
  }
  if (const Node* node = fields.get("dependencies")) {
    draft.dependencies = decoder.refs(*node, fields.path("dependencies"));
  }
  if (const Node* node = fields.get("retry")) {
    task.retry = decode_retry(*node, decoder, fields.path("retry"), {});
  }
  if (const Node* node = fields.get("timeout")) {
    task.timeout = decoder.duration_text(*node, fields.path("timeout"));
  }
  if (const Node* node = fields.get("alwaysRun")) {
    task.always_run = decoder.flag(*node, fields.path("alwaysRun"), false);
  }
  if (const Node* node = fields.get("allowFailure")) {
    task.allow_failure = decoder.flag(*node, fields.path("allowFailure"), false);
  }
  if (const Node* node = fields.get("skipIf")) {
    task.skip_if = decoder.text(*node, fields.path("skipIf"));
  }
  if (const Node* node = fields.get("artifacts")) {
    task.artifacts = decode_artifacts(*node, decoder, fields.path("artifacts"));
  }
  if (const Node* node = fields.get("compensate")) {
    task.compensate = decode_compensation(*node, decoder, fields.path("compensate"));
  }
}

TaskDraft decode_task(const Node& node, Decoder& decoder, std::string path) {
  TaskDraft draft;
  const std::size_t before = decoder.problems().error_count();
  draft.path = path;
  Task& task = draft.task;
  task.position = node.position;
  Fields fields(decoder, node, std::move(path));
  if (const Node* name = fields.need("name")) {
    task.name = TaskName(decoder.name(*name, fields.path("name")));
    task.position = name->position;
  }
  if (const Node* description = fields.get("description")) {
    task.description = decoder.description(*description, fields.path("description"));
  }
  const bool known_method = decode_method(fields, decoder, draft);
  decode_container(fields, decoder, task);
  decode_scripts(fields, decoder, task);
  decode_means(fields, decoder, task);
  if (known_method && node.is_map()) {
    check_script(fields, decoder, task);
    check_method_fields(fields, decoder, task);
  }
  decode_rules(fields, decoder, draft);
  decode_routes(fields, decoder, draft);
  finish(fields, decoder, kLaterTaskFields);
  draft.faulty = decoder.problems().error_count() > before;
  return draft;
}

std::vector<TaskDraft> decode_tasks(Fields& spec, Decoder& decoder) {
  std::vector<TaskDraft> drafts;
  const Node* tasks = spec.need("tasks");
  if (tasks == nullptr) {
    return drafts;
  }
  const std::string path = spec.path("tasks");
  if (!tasks->is_sequence()) {
    decoder.wrong(*tasks, path, "a list of tasks");
    return drafts;
  }
  if (tasks->items.empty()) {
    decoder.problems().error(
        "no-tasks",
        tasks->position,
        path,
        "there are no tasks",
        "add at least one: \"- {name: build, script: make}\""
    );
  }
  if (tasks->items.size() > kTasksMax) {
    decoder.problems().too_many_tasks(tasks->items.size(), tasks->position, path);
    return drafts;
  }
  for (std::size_t i = 0; i < tasks->items.size(); ++i) {
    drafts.push_back(decode_task(tasks->items[i], decoder, concat(path, "[", i, "]")));
  }
  return drafts;
}

void decode_metadata(const Node& node, Decoder& decoder, Workflow& workflow) {
  Fields fields(decoder, node, "metadata");
  if (const Node* name = fields.need("name")) {
    workflow.name = decoder.name(*name, "metadata.name");
  }
  // For people and other tools; checked, not interpreted.
  for (const std::string_view key : {"labels", "annotations"}) {
    const Node* map = fields.get(key);
    if (map == nullptr) {
      continue;
    }
    if (!map->is_map()) {
      decoder.wrong(*map, fields.path(key), "a map of names to texts");
      continue;
    }
    for (const Member& member : map->members) {
      if (!member.value.is_scalar()) {
        decoder.wrong(member.value, concat(fields.path(key), ".", member.key.text), "text");
      }
    }
  }
  fields.finish();
}

void decode_params(const Node& node, Decoder& decoder, std::string_view path, Workflow& workflow) {
  if (!node.is_map()) {
    decoder.wrong(node, path, "a map of names to parameters");
    return;
  }
  if (node.members.size() > kVariablesMax) {
    decoder.too_much(
        "too-large",
        node,
        path,
        concat("has more than ", kVariablesMax, " parameters"),
        "put several values into one list or map"
    );
    return;
  }
  for (const Member& member : node.members) {
    workflow.params.push_back(decode_param(member, decoder, concat(path, ".", member.key.text)));
  }
}

void check_shadowing(const Workflow& workflow, Decoder& decoder, std::string_view path) {
  for (const Variable& variable : workflow.variables) {
    for (const Param& param : workflow.params) {
      if (variable.name == param.name) {
        decoder.problems().error(
            "duplicate-name",
            variable.position,
            concat(path, ".", variable.name),
            concat(
                "\"",
                variable.name,
                "\" is a parameter too, declared in line ",
                decoder.problems().line(param.position)
            ),
            "rename one of them"
        );
      }
    }
  }
}

void decode_spec(const Node& node, Decoder& decoder, Draft& draft) {
  Fields fields(decoder, node, "spec");
  Workflow& workflow = draft.workflow;
  if (const Node* description = fields.get("description")) {
    workflow.description = decoder.description(*description, fields.path("description"));
  }
  if (const Node* version = fields.get("version")) {
    workflow.version = decoder.literal(*version, fields.path("version")).value_or("");
  }
  if (const Node* params = fields.get("params")) {
    decode_params(*params, decoder, fields.path("params"), workflow);
  }
  if (const Node* variables = fields.get("variables")) {
    workflow.variables = decoder.variables(*variables, fields.path("variables"));
    check_shadowing(workflow, decoder, fields.path("variables"));
  }
  if (const Node* timeout = fields.get("timeout")) {
    workflow.timeout = decoder.positive(*timeout, fields.path("timeout"), workflow.timeout);
  }
  if (const Node* retry = fields.get("retry")) {
    workflow.retry = decode_retry(*retry, decoder, fields.path("retry"), {});
  }
  if (const Node* pause = fields.get("pauseTime")) {
    workflow.pause_time = decoder.duration(*pause, fields.path("pauseTime"), workflow.pause_time);
  }
  if (const Node* skip = fields.get("skipIf")) {
    workflow.skip_if = decoder.text(*skip, fields.path("skipIf"));
  }
  decode_triggers(fields, decoder, workflow);
  if (const Node* max = fields.get("maxConcurrency")) {
    workflow.max_concurrency =
        decoder.count(*max, fields.path("maxConcurrency"), kConcurrencyMax, 0);
  }
  if (const Node* priority = fields.get("priority")) {
    workflow.priority = static_cast<std::int32_t>(
        decoder.integer(*priority, fields.path("priority"), -kPriorityMax, kPriorityMax, 0)
    );
  }
  if (const Node* semaphores = fields.get("semaphores")) {
    workflow.semaphores = decode_semaphores(*semaphores, decoder, fields.path("semaphores"));
  }
  if (const Node* sandbox = fields.get("sandbox")) {
    workflow.sandbox = decode_sandbox(*sandbox, decoder, fields.path("sandbox"));
  }
  draft.tasks = decode_tasks(fields, decoder);
  finish(fields, decoder, kLaterSpecFields);
}

void check_head(Fields& fields, Decoder& decoder, std::string_view expected) {
  if (const Node* version = fields.need("apiVersion")) {
    if (version->text != kApiVersion) {
      decoder.problems().error(
          "api-version",
          version->position,
          "apiVersion",
          concat("unknown version \"", version->text, "\""),
          concat("write \"apiVersion: ", kApiVersion, "\"")
      );
    }
  }
  if (const Node* kind = fields.need("kind", concat("kind: ", expected))) {
    if (kind->text != expected) {
      decoder.problems().error(
          "kind",
          kind->position,
          "kind",
          concat(
              "a document of kind \"",
              kind->text,
              expected == kKind ? "\" is not a workflow" : "\" does not extend a workflow"
          ),
          concat("write \"kind: ", expected, "\"")
      );
    }
  }
}

}  // namespace

Draft decode_native(const Node& root, Decoder& decoder) {
  Draft draft;
  draft.workflow.format = Format::Native;
  Fields fields(decoder, root, "");
  check_head(fields, decoder, kKind);
  if (const Node* metadata = fields.need("metadata")) {
    decode_metadata(*metadata, decoder, draft.workflow);
  }
  if (const Node* spec = fields.need("spec")) {
    decode_spec(*spec, decoder, draft);
  }
  fields.finish();
  return draft;
}

std::vector<TaskDraft> decode_extension(const Node& root, Decoder& decoder) {
  std::vector<TaskDraft> tasks;
  Fields fields(decoder, root, "");
  check_head(fields, decoder, kExtensionKind);
  if (const Node* spec = fields.need("spec")) {
    Fields inner(decoder, *spec, "spec");
    tasks = decode_tasks(inner, decoder);
    inner.finish();
  }
  fields.finish();
  return tasks;
}

Json native_data(const Node& root) {
  Json data = Json::object();
  const Node* spec = root.find("spec");
  if (spec == nullptr) {
    return data;
  }
  const Node* variables = spec->find("variables");
  // Beyond the limit the document is refused anyway.
  if (variables != nullptr && variables->members.size() <= kVariablesMax) {
    for (const Member& member : variables->members) {
      data.set(member.key.text, document::to_json(member.value));
    }
  }
  const Node* params = spec->find("params");
  if (params != nullptr && params->members.size() <= kVariablesMax) {
    for (const Member& member : params->members) {
      const Node* fallback = member.value.is_map() ? member.value.find("default") : &member.value;
      if (fallback != nullptr && !fallback->is_null()) {
        data.set(member.key.text, document::to_json(*fallback));
      }
    }
  }
  return data;
}

}  // namespace reeve::workflow
