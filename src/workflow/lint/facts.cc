#include "workflow/lint/facts.h"

#include <algorithm>

#include "base/strings.h"
#include "workflow/load/templates.h"

namespace reeve::lint {

using workflow::Variable;

Position place_of(const Text& text, std::size_t offset) {
  Position place{1, 1};
  for (const char c : std::string_view(text.text).substr(0, offset)) {
    place.line += c == '\n' ? 1 : 0;
    place.column = c == '\n' ? 1 : place.column + 1;
  }
  return workflow::in_file(text.position, place);
}

std::size_t offset_of(std::string_view text, Position place) {
  std::size_t offset = 0;
  for (int line = 1; line < place.line; ++line) {
    const std::size_t end = text.find('\n', offset);
    if (end == std::string_view::npos) {
      return text.size();
    }
    offset = end + 1;
  }
  for (int column = 1; column < place.column && offset < text.size(); ++column) {
    offset += std::max<std::size_t>(utf8_length(text.substr(offset)), 1);
  }
  return offset;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), is_word);
}

std::vector<const Text*> scripts_of(const Task& task) {
  std::vector<const Text*> texts;
  for (const std::vector<Text>* part : {&task.before_script, &task.script, &task.after_script}) {
    for (const Text& text : *part) {
      texts.push_back(&text);
    }
  }
  if (task.compensate) {
    for (const Text& text : task.compensate->script) {
      texts.push_back(&text);
    }
  }
  return texts;
}

Facts::Facts(const Workflow& workflow) : workflow_(workflow), source_(workflow), order_(workflow) {
  use(workflow.skip_if, nullptr, Role::Condition, field(nullptr, "skipIf", "skip_if"));
  use_variables(workflow.variables, nullptr, field(nullptr, "variables", "job_variables"));
  for (const Task& task : workflow.tasks) {
    collect(task);
  }
}

std::string Facts::field(
    const Task* task, std::string_view native_name, std::string_view formicary_name
) const {
  const std::string_view name = native() ? native_name : formicary_name;
  if (task == nullptr) {
    return std::string(name);
  }
  return concat("tasks.", task->name.view(), name.empty() ? "" : ".", name);
}

bool Facts::runs_before(TaskIndex first, const Task* then) const {
  if (then == nullptr) {
    return false;
  }
  // A task that always runs starts when everything else has ended.
  return then->always_run || order_.before(first, index_of(*then));
}

void Facts::use(const Text& text, const Task* task, Role role, std::string field) {
  if (!text.empty()) {
    uses_.push_back({.text = text, .task = task, .role = role, .field = std::move(field)});
  }
}

void Facts::use_list(
    const std::vector<Text>& texts, const Task& task, Role role, std::string field
) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    use(texts[i], &task, role, texts.size() == 1 ? field : concat(field, "[", i, "]"));
  }
}

void Facts::use_pairs(
    const std::vector<std::pair<std::string, Text>>& pairs, const Task& task, std::string field
) {
  for (const auto& [name, text] : pairs) {
    use(text, &task, Role::Value, concat(field, ".", name));
  }
}

void Facts::use_variables(
    const std::vector<Variable>& variables, const Task* task, const std::string& field
) {
  for (const Variable& variable : variables) {
    if (variable.value.is_string()) {
      use({variable.value.as_string(), variable.position},
          task,
          Role::Value,
          concat(field, ".", variable.name));
    }
  }
}

void Facts::collect(const Task& task) {
  use_list(task.before_script, task, Role::Script, field(&task, "beforeScript", "before_script"));
  use_list(task.script, task, Role::Script, field(&task, "script", "script"));
  use_list(task.after_script, task, Role::Script, field(&task, "afterScript", "after_script"));
  if (task.compensate) {
    use_list(
        task.compensate->script,
        task,
        Role::Script,
        field(&task, "compensate.script", "compensate.script")
    );
  }
  use(task.working_dir, &task, Role::Value, field(&task, "workingDir", "working_dir"));
  use(task.image, &task, Role::Value, field(&task, "container.image", "container.image"));
  use(task.timeout, &task, Role::Value, field(&task, "timeout", "timeout"));
  use(task.skip_if, &task, Role::Condition, field(&task, "skipIf", "except"));
  use_pairs(task.environment, task, field(&task, "environment", "environment"));
  use_list(
      task.artifacts.paths, task, Role::Value, field(&task, "artifacts.paths", "artifacts.paths")
  );
  use_list(task.cache.paths, task, Role::Value, field(&task, "cache.paths", "cache.paths"));
  use(task.cache.key, &task, Role::Value, field(&task, "cache.key", "cache.key"));
  use_list(task.artifact_ids, task, Role::Value, field(&task, "artifactIds", "artifact_ids"));
  use_variables(task.variables, &task, field(&task, "variables", "variables"));
  collect_methods(task);
}

void Facts::collect_methods(const Task& task) {
  if (task.gate) {
    use(task.gate->prompt, &task, Role::Value, field(&task, "gate.prompt", "description"));
    use_pairs(task.gate->context, task, field(&task, "gate.context", "approval_policy.context"));
  }
  if (task.child) {
    use(task.child->workflow, &task, Role::Value, field(&task, "mission.workflow", "fork_job_type")
    );
    use_pairs(
        task.child->params, task, field(&task, "mission.params", "sub_workflow.input_params")
    );
    use(task.child->user_key, &task, Role::Value, field(&task, "mission.userKey", ""));
    use(task.child->user_key, &task, Role::Value, field(&task, "mission.userKey", "user_key"));
  }
  if (task.fan_out) {
    use(task.fan_out->over, &task, Role::Value, field(&task, "fanOut.over", "fan_out.source"));
  }
  if (task.http) {
    const std::string_view block =
        task.method == workflow::Method::WebSocket ? "webSocket." : "http.";
    const auto name = [&](std::string_view key) {
      return field(&task, concat(block, key), key);
    };
    use(task.http->url, &task, Role::Url, name("url"));
    use_pairs(task.http->headers, task, name("headers"));
    use_pairs(task.http->query, task, name("query"));
    use(task.http->body, &task, Role::Value, name("body"));
  }
  if (task.message) {
    use(task.message->channel,
        &task,
        Role::Value,
        field(&task, "message.channel", "messaging_request_queue"));
    use(task.message->reply_channel,
        &task,
        Role::Value,
        field(&task, "message.replyChannel", "messaging_reply_queue"));
    use(task.message->body, &task, Role::Value, field(&task, "message.body", "body"));
  }
  if (task.agent) {
    const workflow::AgentTask& agent = *task.agent;
    use(agent.name, &task, Role::Value, field(&task, "agent.name", "agent"));
    use(agent.prompt, &task, Role::Value, field(&task, "agent.prompt", "agent_prompt"));
    use(agent.session, &task, Role::Value, field(&task, "agent.session", "agent_session"));
  }
}

}  // namespace reeve::lint
