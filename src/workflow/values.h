#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

  /// Renders one text. `field` is the subject of errors. Invalid also if it prints a credential.
  Result<std::string> render(const Text& text, std::string_view field) const;

  /// The same where credentials may be printed: they leave holes, named as the credentials. Those
  /// of them that do not exist or that the workflow may not use are an error.
  Result<templates::HoledText> render_holed(const Text& text, std::string_view field) const;

  /// Values that are credentials or contain some, which scripts get in their environment: those
  /// that the task names, and those that its scripts mention. Errors as of `render_holed`.
  Result<std::vector<std::pair<std::string, templates::HoledText>>> hidden_environment() const;

  /// Values by name as scripts get them in their environment.
  const std::map<std::string, Json, std::less<>>& for_environment() const { return environment_; }

  /// The same without built-in values: variables of the workflow and the task, params, outputs.
  std::map<std::string, Json, std::less<>> declared() const;

  /// Whether an operator has asked for Formicary's own way in a document of that form. Only
  /// settings count; params and variables come from whoever submits.
  bool operator_allows(std::string_view setting) const;

  /// The random-looking id of the attempt: a given param `Nonce`, else derived from its identity.
  std::string nonce() const;

 private:
  using Map = std::map<std::string, Json, std::less<>>;

  Values(const Workflow& workflow, const Task* task, const RenderContext& context)
      : workflow_(&workflow), task_(task), context_(&context) {}

  Result<void> fill();
  void add_builtins();
  void add_given();
  bool is_mentioned(std::string_view name) const;
  void add_settings();
  void add_credentials();
  Result<void> add_task_credentials();
  Json typed(const std::string& name, const std::string& text) const;
  Result<void> add_rendered_variables();
  Result<void> add_task_variables();
  Result<templates::HoledText> variable_text(const Variable& variable, std::string_view owner)
      const;
  Result<templates::HoledText> run_template(const Text& text, std::string_view field) const;
  Result<void> check_holes(
      const templates::HoledText& text, Position position, std::string_view field
  ) const;

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
  /// Names in `environment_` that only the namespace's settings gave: templates of variables win.
  std::set<std::string, std::less<>> lowest_;
  /// Wins over `data_`.
  templates::HiddenFields hidden_;
  /// Those of `hidden_` that belong to the task.
  std::set<std::string, std::less<>> task_hidden_;
};

/// A value as it stands in an environment variable: text as it is, numbers in plain decimals,
/// true/false, lists and objects as JSON, null as nothing.
std::string environment_text(const Json& value);

}  // namespace reeve::workflow
