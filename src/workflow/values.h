#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "workflow/functions.h"
#include "workflow/render.h"

/// The values that texts of a workflow are rendered with. Private to src/workflow.
namespace reeve::workflow {

/// Renders texts of one task (or of no task) in one context. Built by `make`, which renders the
/// variables; used once, on one thread.
class Values {
 public:
  /// `task` may be null. Invalid: a variable's template fails.
  static Result<Values> make(
      const Workflow& workflow,
      const Task* task,
      const RenderContext& context,
      templates::Missing missing
  );

  /// Renders one text. `field` is the subject of errors.
  Result<std::string> render(const Text& text, std::string_view field) const;

  /// Values by name as scripts get them in their environment.
  const std::map<std::string, Json, std::less<>>& for_environment() const { return environment_; }

  /// The same without built-in values: variables of the workflow and the task, params, outputs.
  std::map<std::string, Json, std::less<>> declared() const;

  /// The random-looking id of the attempt: a given param `Nonce`, else derived from its identity.
  std::string nonce() const;

 private:
  using Map = std::map<std::string, Json, std::less<>>;

  Values(const Workflow& workflow, const Task* task, const RenderContext& context)
      : workflow_(&workflow), task_(task), context_(&context) {}

  Result<void> fill();
  void add_builtins();
  void add_given();
  Json typed(const std::string& name, const std::string& text) const;
  Result<void> add_rendered_variables();
  Result<void> add_task_variables();
  Result<Json> variable_value(const Variable& variable, std::string_view owner) const;
  Result<std::string> run_template(const Text& text, std::string_view field) const;

  const Workflow* workflow_;
  const Task* task_;
  const RenderContext* context_;
  templates::Missing missing_ = templates::Missing::NoValue;
  templates::FunctionTable functions_;
  Json nonce_;
  /// What was given from outside or by other tasks: wins over variables of any kind.
  Map given_;
  Map environment_;
  /// What templates see, as an object; built from `environment_` and the task's variables.
  Json data_ = Json::object();
};

/// A value as it stands in an environment variable: text as it is, numbers in plain decimals,
/// true/false, lists and objects as JSON, null as nothing.
std::string environment_text(const Json& value);

}  // namespace reeve::workflow
