#include "workflow/lint/names.h"

#include <algorithm>

#include "base/strings.h"
#include "workflow/load/templates.h"
#include "workflow/values.h"

namespace reeve::lint {

namespace {

using templates::ValueKind;
using workflow::Method;
using workflow::Param;
using workflow::Variable;

/// Variables made of variables are followed this far.
constexpr int kDepthMax = 8;

/// What the method of a task publishes beside `<task>-status`, after its name.
/// What people write is text from outside.
constexpr std::string_view kGateWords[] = {"-outcome", "-revision", "-approvers"};
constexpr std::string_view kGateText = "-feedback";

/// Known in Formicary's contexts without being declared.
constexpr std::string_view kFormicaryNames[] = {
    "JobDefinitionID", "WorkflowVersion", "WorkflowInternalVersion", "ForkedJob"};
constexpr std::string_view kAgentOutputs[] = {"result", "session-id", "cost", "turns", "tokens"};
constexpr std::string_view kFanOutNames[] = {"FanOutItemCount", "FanOutSource", "FanOutMode"};

/// As templates see it: lists and maps are handed to them as JSON text.
ValueKind kind_of(const Json& value) {
  switch (value.type()) {
    case Json::Type::Null:
      return ValueKind::Unknown;
    case Json::Type::Bool:
      return ValueKind::Bool;
    case Json::Type::Int:
      return ValueKind::Int;
    case Json::Type::Double:
      return ValueKind::Float;
    case Json::Type::String:
    case Json::Type::Array:
    case Json::Type::Object:
      return ValueKind::Text;
  }
  return ValueKind::Unknown;
}

struct Published {
  std::vector<std::string> names;
  /// Some name is computed: anything may be published.
  bool open = false;
};

void find_set_outputs(std::string_view script, Published& published) {
  constexpr std::string_view kCommand = "::set-output name=";
  for (std::size_t at = script.find(kCommand); at != std::string_view::npos;
       at = script.find(kCommand, at + 1)) {
    const std::size_t begin = at + kCommand.size();
    std::size_t end = begin;
    while (end < script.size() && (is_word(script[end]) || script[end] == '-')) {
      ++end;
    }
    if (script.substr(end).starts_with("::") && end > begin) {
      published.names.emplace_back(script.substr(begin, end - begin));
    } else {
      published.open = true;
    }
  }
}

/// Any `NAME=` or `NAME<<` of a script that writes to the output file.
void find_output_file(std::string_view script, Published& published) {
  if (script.find("REEVE_OUTPUT") == std::string_view::npos) {
    return;
  }
  bool found = false;
  for (std::size_t at = 0; at < script.size(); ++at) {
    const bool sign = script[at] == '=' || script.substr(at).starts_with("<<");
    std::size_t begin = at;
    while (sign && begin > 0 && is_word(script[begin - 1])) {
      --begin;
    }
    if (sign && begin < at) {
      published.names.emplace_back(script.substr(begin, at - begin));
      found = true;
    }
  }
  published.open = published.open || !found;
}

std::map<std::string, ValueKind, std::less<>> builtin_kinds() {
  std::map<std::string, ValueKind, std::less<>> kinds;
  const Workflow none;
  const auto values =
      workflow::Values::make(none, nullptr, workflow::RenderContext{}, templates::Missing::NoValue);
  if (values.ok()) {
    for (const auto& [name, value] : values->for_environment()) {
      kinds.emplace(name, kind_of(value));
    }
  }
  // May be given as a param.
  kinds["Nonce"] = ValueKind::Unknown;
  return kinds;
}

}  // namespace

Names::Names(const Facts& facts, const std::vector<std::string>& settings)
    : facts_(facts), builtins_(builtin_kinds()), settings_(settings.begin(), settings.end()) {
  const Workflow& workflow = facts.workflow();
  for (const Variable& variable : workflow.variables) {
    variables_.emplace(variable.name, &variable);
  }
  for (const Param& param : workflow.params) {
    params_.emplace(param.name, &param);
  }
  required_.insert(workflow.required_params.begin(), workflow.required_params.end());
  for (const Task& task : workflow.tasks) {
    add_outputs(task);
  }
}

void Names::add_outputs(const Task& task) {
  const TaskIndex index = facts_.index_of(task);
  tasks_.emplace(task.name.view(), &task);
  if (task.fan_out) {
    items_.emplace(task.fan_out->item, &task);
  }
  Published published;
  for (const Text* script : scripts_of(task)) {
    find_set_outputs(script->text, published);
    find_output_file(script->text, published);
  }
  if (published.open) {
    open_.push_back(index);
  }
  for (std::string& name : published.names) {
    add_output(std::move(name), index);
  }
  add_own_output(concat(task.name.view(), "-status"), index);
  add_method_outputs(task, index);
}

void Names::add_method_outputs(const Task& task, TaskIndex index) {
  const auto add_renamed = [&](const std::vector<std::pair<std::string, std::string>>& outputs) {
    if (outputs.empty()) {
      open_.push_back(index);
    }
    for (const auto& [theirs, ours] : outputs) {
      add_output(ours, index);
    }
  };
  if (task.gate) {
    for (const std::string_view end : kGateWords) {
      add_own_output(concat(task.name.view(), end), index);
    }
    add_output(concat(task.name.view(), kGateText), index);
  }
  if (task.child) {
    add_renamed(task.child->outputs);
  }
  if (task.await) {
    add_renamed(task.await->outputs);
  }
  if (task.http) {
    for (const auto& [name, pointer] : task.http->outputs) {
      add_output(name, index);
    }
  }
  if (task.agent) {
    // What an agent says is as little to be trusted as what is asked from others.
    for (const std::string_view name : kAgentOutputs) {
      add_output(std::string(name), index);
      add_output(concat(task.name.view(), "-", name), index);
    }
    for (const auto& [name, pointer] : task.agent->outputs) {
      add_output(name, index);
    }
  }
  if (task.message && !task.message->reply_channel.empty()) {
    open_.push_back(index);
  }
  if (task.fan_out) {
    for (const std::string_view name : kFanOutNames) {
      add_own_output(std::string(name), index);
    }
  }
}

/// The task that a name such as "build_ArtifactURL_1" or "fork.ForkedJobID" is about.
const Task* Names::owner_of(std::string_view name) const {
  for (std::size_t i = 1; i < name.size(); ++i) {
    if (name[i] != '-' && name[i] != '_' && name[i] != '.') {
      continue;
    }
    if (const auto task = tasks_.find(name.substr(0, i)); task != tasks_.end()) {
      return task->second;
    }
    if (const auto item = items_.find(name.substr(0, i)); item != items_.end()) {
      return item->second;
    }
  }
  return nullptr;
}

Name Names::resolve(std::string_view name, const Task* task) const {
  return resolve(name, task, 0);
}

Name Names::resolve(std::string_view name, const Task* task, int depth) const {
  if (task != nullptr) {
    for (const auto& [variable, credential] : task->credentials) {
      if (variable == name) {
        return {
            .origin = Origin::Credential,
            .kind = ValueKind::Text,
            .outside = false,
            .publishers = {}};
      }
    }
    if (task->fan_out && name == task->fan_out->item) {
      return of_item(*task, depth);
    }
    for (const Variable& variable : task->variables) {
      if (variable.name == name) {
        return of_variable(variable, task, depth);
      }
    }
  }
  Name found = of_document(name, depth);
  const auto output = outputs_.find(name);
  const Task* owner = output == outputs_.end() ? owner_of(name) : nullptr;
  if (output == outputs_.end() && owner == nullptr) {
    return found;
  }
  // An output of that name wins once its task has run.
  const bool known = found.origin != Origin::Unknown;
  const bool text = output != outputs_.end();
  Name result{
      .origin = known ? found.origin : Origin::Output,
      .kind =
          text && (!known || found.kind == ValueKind::Text) ? ValueKind::Text : ValueKind::Unknown,
      .outside = !own_outputs_.contains(name) || found.outside,
      .publishers = {}};
  if (!known) {
    result.publishers = text ? output->second : std::vector<TaskIndex>{facts_.index_of(*owner)};
  }
  return result;
}

Name Names::of_document(std::string_view name, int depth) const {
  if (const auto param = params_.find(name); param != params_.end()) {
    const auto& fallback = param->second->fallback;
    return {
        .origin = Origin::Param,
        .kind = fallback ? kind_of(*fallback) : ValueKind::Text,
        .outside = true,
        .publishers = {}};
  }
  if (const auto builtin = builtins_.find(name); builtin != builtins_.end()) {
    return {.origin = Origin::Builtin, .kind = builtin->second, .outside = false, .publishers = {}};
  }
  if (const auto variable = variables_.find(name); variable != variables_.end()) {
    return of_variable(*variable->second, nullptr, depth);
  }
  if (required_.contains(name)) {
    return {.origin = Origin::Param, .kind = ValueKind::Text, .outside = true, .publishers = {}};
  }
  if (settings_.contains(name)) {
    return {.origin = Origin::Setting, .kind = ValueKind::Text, .outside = false, .publishers = {}};
  }
  const bool context = std::find(std::begin(kFormicaryNames), std::end(kFormicaryNames), name) !=
                           std::end(kFormicaryNames) ||
                       name.starts_with("ParentJobType_");
  if (!facts_.native() && context) {
    return {
        .origin = Origin::Builtin, .kind = ValueKind::Unknown, .outside = false, .publishers = {}};
  }
  return {};
}

Name Names::of_variable(const Variable& variable, const Task* task, int depth) const {
  const bool rendered =
      variable.value.is_string() && templates::has_actions(variable.value.as_string());
  return {
      .origin = rendered ? Origin::Variable : Origin::Constant,
      .kind = rendered ? ValueKind::Text : kind_of(variable.value),
      .outside = rendered && mentions_outside(variable.value.as_string(), task, depth + 1),
      .publishers = {}};
}

Name Names::of_item(const Task& task, int depth) const {
  const std::string& over = task.fan_out->over.text;
  Name name{.origin = Origin::Item, .kind = ValueKind::Unknown, .outside = false, .publishers = {}};
  if (templates::has_actions(over)) {
    name.outside = mentions_outside(over, &task, depth + 1);
  } else if (!over.empty() && over.front() != '[' && over.find("..") == std::string::npos) {
    const Name list =
        over == task.fan_out->item || depth >= kDepthMax ? Name{} : resolve(over, &task, depth + 1);
    name.outside = list.outside || list.origin == Origin::Unknown;
  }
  return name;
}

bool Names::mentions_outside(const std::string& text, const Task* task, int depth) const {
  const auto parsed = workflow::parse_template(text);
  if (!parsed.ok() || depth > kDepthMax) {
    return false;
  }
  for (const templates::FieldReference& field : parsed->referenced_fields()) {
    const Name name = resolve(field.name, task, depth);
    if (field.spliced && (name.outside || name.origin == Origin::Unknown)) {
      return true;
    }
  }
  return false;
}

bool Names::anything_before(const Task* task) const {
  return std::any_of(open_.begin(), open_.end(), [&](TaskIndex publisher) {
    return facts_.runs_before(publisher, task);
  });
}

bool Names::outputs_before(const Task* task) const {
  const std::vector<Task>& tasks = facts_.workflow().tasks;
  return std::any_of(tasks.begin(), tasks.end(), [&](const Task& other) {
    return other.method != Method::Noop && facts_.runs_before(facts_.index_of(other), task);
  });
}

std::vector<std::string> Names::candidates(const Task* task) const {
  std::vector<std::string> names;
  for (const auto& [name, kind] : builtins_) {
    names.push_back(name);
  }
  for (const auto& [name, variable] : variables_) {
    names.push_back(name);
  }
  for (const auto& [name, param] : params_) {
    names.push_back(name);
  }
  names.insert(names.end(), required_.begin(), required_.end());
  for (const auto& [name, tasks] : outputs_) {
    names.push_back(name);
  }
  if (task != nullptr) {
    for (const Variable& variable : task->variables) {
      names.push_back(variable.name);
    }
    for (const auto& [variable, credential] : task->credentials) {
      names.push_back(variable);
    }
    if (task->fan_out) {
      names.push_back(task->fan_out->item);
    }
  }
  return names;
}

}  // namespace reeve::lint
