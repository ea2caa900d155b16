#include "workflow/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::workflow {

namespace {

/// Lists and objects are handed to templates as JSON text, so that `{{.Issues}}` gives JSON back.
Json template_value(const Json& value) {
  return value.is_array() || value.is_object() ? Json(value.dump()) : value;
}

Json to_object(const std::map<std::string, Json, std::less<>>& values) {
  Json::Object members;
  members.reserve(values.size());
  for (const auto& [name, value] : values) {
    members.emplace_back(name, template_value(value));
  }
  return Json(std::move(members));
}

bool is_template(const Json& value) {
  return value.is_string() && templates::has_actions(value.as_string());
}

/// Formicary's `&lt;` stands for `<` in every text, whether or not it came from a template.
templates::HoledText unescape_less(templates::HoledText holed) {
  constexpr std::string_view kEntity = "&lt;";
  std::string& text = holed.text;
  for (std::size_t at = text.find(kEntity); at != std::string::npos;
       at = text.find(kEntity, at + 1)) {
    const std::size_t end = at + kEntity.size();
    bool apart = false;
    for (const templates::Hole& hole : holed.holes) {
      apart = apart || (hole.offset > at && hole.offset < end);
    }
    if (apart) {
      continue;
    }
    text.replace(at, kEntity.size(), "<");
    for (templates::Hole& hole : holed.holes) {
      hole.offset -= hole.offset >= end ? kEntity.size() - 1 : 0;
    }
  }
  return holed;
}

Position known(Position position) {
  return position.line > 0 ? position : Position{1, 1};
}

/// A whole number that belongs to one attempt, so that templates can print and compare it: 48 bits
/// of what names the attempt.
Json make_nonce(const RenderContext& context) {
  constexpr unsigned kUnusedBits = 16;
  const std::string identity =
      concat(context.uid.view(), "\n", context.run.view(), "\n", context.fence.value());
  return Json(stable_hash(identity) >> kUnusedBits);
}

}  // namespace

Result<Values> Values::make(
    const Workflow& workflow,
    const Task* task,
    const RenderContext& context,
    templates::Missing missing
) {
  Values values(workflow, task, context);
  values.missing_ = missing;
  REEVE_CHECK(values.fill());
  return values;
}

std::string Values::nonce() const {
  return environment_text(nonce_);
}

Values::Map Values::declared() const {
  Map declared = given_;
  const auto add = [&](const std::vector<Variable>& variables) {
    for (const Variable& variable : variables) {
      const auto value = environment_.find(variable.name);
      if (value != environment_.end()) {
        declared.insert_or_assign(variable.name, value->second);
      }
    }
  };
  add(workflow_->variables);
  if (task_ != nullptr) {
    add(task_->variables);
  }
  return declared;
}

Result<void> Values::fill() {
  for (const Variable& variable : workflow_->variables) {
    if (!is_template(variable.value)) {
      environment_[variable.name] = variable.value;
    }
  }
  if (const Configuration::Texts* own = context_->configuration.own) {
    for (const auto& [name, text] : *own) {
      environment_[name] = typed(name, text);
    }
  }
  add_given();
  const auto given_nonce = given_.find("Nonce");
  nonce_ = given_nonce != given_.end() ? given_nonce->second : make_nonce(*context_);
  const std::string nonce = environment_text(nonce_);
  const std::string seed = concat(context_->run.view(), "\n", context_->fence.value(), "\n", nonce);
  functions_ = make_functions(stable_hash(seed), context_->now, context_->missions);
  add_builtins();
  for (const auto& [name, value] : given_) {
    environment_[name] = value;
  }
  add_credentials();
  add_settings();
  data_ = to_object(environment_);
  REEVE_CHECK(add_rendered_variables());
  REEVE_CHECK(add_task_variables());
  return add_task_credentials();
}

/// What the namespace has set loses against everything.
void Values::add_settings() {
  if (const Configuration::Texts* shared = context_->configuration.shared) {
    for (const auto& [name, text] : *shared) {
      if (!hidden_.contains(name) && environment_.try_emplace(name, typed(name, text)).second) {
        lowest_.insert(name);
      }
    }
  }
}

/// In Formicary's documents a credential is a value like others, of the lowest precedence.
void Values::add_credentials() {
  if (workflow_->format != Format::Formicary || context_->configuration.credentials == nullptr) {
    return;
  }
  for (const auto& [name, allowed] : *context_->configuration.credentials) {
    if (!environment_.contains(name)) {
      hidden_[name].holes.push_back({.offset = 0, .name = name});
    }
  }
}

/// What the task itself names wins over everything.
Result<void> Values::add_task_credentials() {
  if (task_ == nullptr) {
    return {};
  }
  for (const auto& [name, credential] : task_->credentials) {
    const templates::HoledText value{.text = {}, .holes = {{.offset = 0, .name = credential}}};
    REEVE_CHECK(check_holes(
        value, task_->position, concat("tasks.", task_->name.view(), ".credentials.", name)
    ));
    hidden_.insert_or_assign(name, value);
    task_hidden_.insert(name);
    environment_.erase(name);
  }
  return {};
}

/// Whether a script of the task has `$name` in its text.
bool Values::is_mentioned(std::string_view name) const {
  const auto in = [name](const std::vector<Text>& scripts) {
    return std::any_of(scripts.begin(), scripts.end(), [name](const Text& script) {
      return mentions_variable(script.text, name);
    });
  };
  return in(task_->before_script) || in(task_->script) || in(task_->after_script) ||
         (task_->compensate && in(task_->compensate->script));
}

bool Values::operator_allows(std::string_view setting) const {
  if (workflow_->format != Format::Formicary) {
    return false;
  }
  for (const auto* settings : {context_->configuration.own, context_->configuration.shared}) {
    if (settings != nullptr) {
      const auto found = settings->find(setting);
      if (found != settings->end()) {
        return found->second == "true";
      }
    }
  }
  return false;
}

Result<std::vector<std::pair<std::string, templates::HoledText>>> Values::hidden_environment(
) const {
  std::vector<std::pair<std::string, templates::HoledText>> values;
  const bool all = operator_allows(kAllCredentialsSetting);
  for (const auto& [name, value] : hidden_) {
    if (task_ == nullptr || environment_.contains(name)) {
      continue;
    }
    const std::string field = concat("tasks.", task_->name.view(), ".environment.", name);
    if (task_hidden_.contains(name) || is_mentioned(name)) {
      REEVE_CHECK(check_holes(value, task_->position, field));
      values.emplace_back(name, value);
    } else if (all && check_holes(value, task_->position, field).ok()) {
      values.emplace_back(name, value);
    }
  }
  return values;
}

/// Declared defaults, params, outputs: later ones win.
void Values::add_given() {
  for (const Param& param : workflow_->params) {
    if (param.fallback) {
      given_[param.name] = *param.fallback;
    }
  }
  if (context_->params != nullptr) {
    for (const auto& [name, text] : *context_->params) {
      given_[name] = typed(name, text);
    }
  }
  if (context_->outputs != nullptr) {
    for (const auto& [name, text] : *context_->outputs) {
      given_[name] = text;
    }
  }
}

/// Params arrive as text. One that stands in for a declared number or truth value becomes one, so
/// that comparisons in templates go on working.
Json Values::typed(const std::string& name, const std::string& text) const {
  const Json* model = nullptr;
  const auto variable = environment_.find(name);
  if (variable != environment_.end()) {
    model = &variable->second;
  }
  for (const Param& param : workflow_->params) {
    if (param.name == name && param.fallback) {
      model = &*param.fallback;
    }
  }
  if (model != nullptr && (model->is_number() || model->is_bool())) {
    auto parsed = parse_json(trim(text));
    if (parsed.ok() &&
        (parsed->type() == model->type() || (parsed->is_number() && model->is_number()))) {
      return std::move(parsed).value();
    }
  }
  return Json(text);
}

void Values::add_builtins() {
  const RenderContext& c = *context_;
  const auto today = std::chrono::floor<std::chrono::days>(c.now);
  const std::chrono::year_month_day date(today);
  const std::chrono::sys_days new_year(date.year() / std::chrono::January / 1);
  const auto seconds = [](auto span) {
    return static_cast<std::int64_t>(std::chrono::floor<std::chrono::seconds>(span).count());
  };
  Map& values = environment_;
  values["JobID"] = c.uid.empty() ? c.mission.str() : c.uid.str();
  values["JobType"] = workflow_->name;
  values["JobRetry"] = static_cast<std::int64_t>(c.epoch) - 1 + c.pauses;
  values["JobElapsedSecs"] = seconds(c.now - c.mission_started_at);
  values["SemVersion"] = workflow_->version;
  values["TaskType"] = task_ == nullptr ? std::string() : task_->name.str();
  values["TaskRetry"] = static_cast<std::int64_t>(c.attempt) - 1;
  values["UserID"] = c.owner.str();
  values["OrganizationID"] = c.ns.str();
  values["Nonce"] = nonce_;
  values["DateYear"] = static_cast<int>(date.year());
  values["DateMonth"] = static_cast<std::int64_t>(static_cast<unsigned>(date.month()));
  values["DateDay"] = static_cast<std::int64_t>(static_cast<unsigned>(date.day()));
  values["YearDay"] = static_cast<std::int64_t>((today - new_year).count()) + 1;
  values["FullDate"] = format_timestamp(c.now).substr(0, std::string_view("2006-01-02").size());
  values["EpochSecs"] = seconds(c.now.time_since_epoch());
}

/// Workflow variables with templates, in their order; each sees what is known before it.
Result<void> Values::add_rendered_variables() {
  for (const Variable& variable : workflow_->variables) {
    // A built-in or given value of this name wins, and there is no use in rendering what loses.
    const bool loses = environment_.contains(variable.name) && !lowest_.contains(variable.name);
    if (!is_template(variable.value) || loses) {
      continue;
    }
    REEVE_TRY(templates::HoledText value, variable_text(variable, "variables"));
    lowest_.erase(variable.name);
    if (!value.holes.empty()) {
      hidden_.insert_or_assign(variable.name, std::move(value));
      environment_.erase(variable.name);
      continue;
    }
    hidden_.erase(variable.name);
    data_.set(variable.name, value.text);
    environment_[variable.name] = std::move(value.text);
  }
  return {};
}

Result<void> Values::add_task_variables() {
  if (task_ == nullptr) {
    return {};
  }
  const std::string owner = concat("tasks.", task_->name.view(), ".variables");
  for (const Variable& variable : task_->variables) {
    Json value = variable.value;
    if (is_template(variable.value)) {
      REEVE_TRY(templates::HoledText text, variable_text(variable, owner));
      if (!text.holes.empty()) {
        hidden_.insert_or_assign(variable.name, std::move(text));
        if (!given_.contains(variable.name)) {
          task_hidden_.insert(variable.name);
          environment_.erase(variable.name);
        }
        continue;
      }
      value = std::move(text.text);
    }
    hidden_.erase(variable.name);
    data_.set(variable.name, template_value(value));
    if (!given_.contains(variable.name)) {
      environment_[variable.name] = std::move(value);
    }
  }
  return {};
}

Result<templates::HoledText> Values::variable_text(const Variable& variable, std::string_view owner)
    const {
  return render_holed(
      Text{variable.value.as_string(), variable.position}, concat(owner, ".", variable.name)
  );
}

Result<std::string> Values::render(const Text& text, std::string_view field) const {
  REEVE_TRY(templates::HoledText out, render_holed(text, field));
  if (!out.holes.empty()) {
    Error error = make_error(
        ErrorCode::Invalid,
        concat("credential \"", out.holes.front().name, "\" cannot be printed here"),
        std::string(field)
    );
    error.position = text.position;
    error.hint = "credentials may stand in scripts, in the environment and in requests";
    return error;
  }
  return std::move(out.text);
}

Result<templates::HoledText> Values::render_holed(const Text& text, std::string_view field) const {
  templates::HoledText out{.text = text.text, .holes = {}};
  if (templates::has_actions(text.text)) {
    REEVE_TRY(out, run_template(text, field));
    REEVE_CHECK(check_holes(out, text.position, field));
  }
  return workflow_->format == Format::Formicary ? unescape_less(std::move(out)) : out;
}

Result<void> Values::check_holes(
    const templates::HoledText& text, Position position, std::string_view field
) const {
  for (const templates::Hole& hole : text.holes) {
    auto checked = check_credential(context_->configuration, hole.name, workflow_->name);
    if (!checked.ok()) {
      Error error = std::move(checked).error();
      error.subject = std::string(field);
      error.position = position;
      return error;
    }
  }
  return {};
}

Result<templates::HoledText> Values::run_template(const Text& text, std::string_view field) const {
  const auto explain = [&](Error error) {
    if (!error.subject.empty()) {
      error.message = concat("at ", error.subject, ": ", error.message);
    }
    error.subject = std::string(field);
    return error;
  };
  auto parsed = templates::Template::parse(text.text, functions_, known(text.position));
  if (!parsed.ok()) {
    return explain(std::move(parsed).error());
  }
  templates::RenderOptions options;
  options.missing = missing_;
  options.hidden = &hidden_;
  auto rendered = parsed->render_holed(data_, options);
  if (!rendered.ok()) {
    return explain(std::move(rendered).error());
  }
  return std::move(rendered).value();
}

std::string environment_text(const Json& value) {
  switch (value.type()) {
    case Json::Type::Null:
      return {};
    case Json::Type::String:
      return value.as_string();
    case Json::Type::Double: {
      // The longest double has 309 digits before the point, the smallest 1074 after it.
      std::array<char, 1100> text{};
      const auto end =
          std::to_chars(
              text.data(), text.data() + text.size(), value.as_double(), std::chars_format::fixed
          )
              .ptr;
      return std::string(text.data(), end);
    }
    case Json::Type::Bool:
    case Json::Type::Int:
    case Json::Type::Array:
    case Json::Type::Object:
      return value.dump();
  }
  return {};
}

}  // namespace reeve::workflow
