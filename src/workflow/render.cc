#include "workflow/render.h"

#include <algorithm>

#include "base/strings.h"
#include "workflow/items.h"
#include "workflow/render_tools.h"
#include "workflow/values.h"

namespace reeve::workflow {

namespace {

// What Linux lets a process start with: one entry at most 128 KiB including its end, and all of
// them within a quarter of the smallest usual stack, less some room for the host's own.
constexpr std::size_t kEnvironmentEntryBytesMax = (std::size_t{128} << 10U) - 1;
constexpr std::size_t kEnvironmentBytesMax = std::size_t{1536} << 10U;

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  bool legal = !name.empty() && is_letter(name.front());
  for (const char c : name) {
    legal = legal && (is_letter(c) || (c >= '0' && c <= '9'));
  }
  return legal;
}

bool is_digest(std::string_view text) {
  constexpr std::size_t kHexDigits = 64;
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

templates::Missing missing_in(const Workflow& workflow) {
  return workflow.format == Format::Native ? templates::Missing::Error
                                           : templates::Missing::NoValue;
}

Error at(Error error, const Text& text, std::string field) {
  error.subject = std::move(field);
  error.position = text.position;
  return error;
}

/// Makes the RunSpec of one task, or of its compensation, piece by piece.
class SpecMaker {
 public:
  SpecMaker(
      const Workflow& workflow, const Task& task, const RenderContext& context, const Values& values
  )
      : workflow_(workflow), task_(task), context_(context), values_(values) {}

  Result<model::RunSpec> task() {
    if (is_container(task_.method) && !context_.local) {
      REEVE_CHECK(add_container());
    }
    const bool cached = !task_.cache.empty() && is_hosted(task_.method);
    if (!spec_.container || cached) {
      REEVE_CHECK(add_steps(model::Phase::Before, task_.before_script, field("before_script")));
    }
    if (cached) {
      REEVE_TRY(Json input, cache_input(workflow_, task_, context_, values_));
      add_tool(model::Phase::Before, kCacheRestoreTool, input);
      REEVE_CHECK(add_work());
      add_tool(model::Phase::Main, kCacheSaveTool, std::move(input));
    } else {
      REEVE_CHECK(add_work());
    }
    REEVE_CHECK(add_steps(model::Phase::After, task_.after_script, field("after_script")));
    REEVE_CHECK(add_surroundings(task_.name.str()));
    REEVE_TRY(spec_.timeout, timeout());
    REEVE_CHECK(add_artifacts());
    REEVE_CHECK(add_sandbox());
    return std::move(spec_);
  }

  Result<model::RunSpec> compensation() {
    if (!task_.compensate || task_.compensate->script.empty()) {
      return no_script(
          concat("task ", task_.name.view(), " has no compensation script"), "compensate"
      );
    }
    const Compensation& undo = *task_.compensate;
    REEVE_CHECK(add_steps(model::Phase::Main, undo.script, field("compensate.script")));
    REEVE_CHECK(add_surroundings(concat(task_.name.view(), "~compensate")));
    spec_.timeout = undo.timeout > Duration(0) ? undo.timeout : kUndoTimeoutDefault;
    REEVE_CHECK(add_sandbox());
    return std::move(spec_);
  }

 private:
  std::string field(std::string_view name) const {
    return concat("tasks.", task_.name.view(), ".", name);
  }

  void add_tool(model::Phase phase, std::string_view tool, ToolInput input) {
    for (model::CredentialPlace& place : input.places) {
      place.index = static_cast<std::uint32_t>(spec_.steps.size());
      spec_.credentials.push_back(std::move(place));
      spec_.ns = context_.ns;
    }
    add_tool(phase, tool, std::move(input.json));
  }

  void add_tool(model::Phase phase, std::string_view tool, Json input) {
    spec_.steps.push_back(model::Step{phase, {}, std::string(tool), std::move(input)});
  }

  /// The main steps: what the task's method means.
  Result<void> add_work() {
    switch (task_.method) {
      case Method::Shell:
      case Method::Docker:
      case Method::Kubernetes:
        if (task_.script.empty()) {
          return no_script(concat("task ", task_.name.view(), " has no script"), "script");
        }
        return add_scripts();
      case Method::Http: {
        REEVE_TRY(ToolInput input, http_input(task_, values_, workflow_.format));
        add_tool(model::Phase::Main, kHttpTool, std::move(input));
        return {};
      }
      case Method::WebSocket: {
        REEVE_TRY(ToolInput input, web_socket_input(task_, values_));
        add_tool(model::Phase::Main, kWebSocketTool, std::move(input));
        return {};
      }
      case Method::ExpireArtifacts:
        add_tool(model::Phase::Main, kExpireTool, Json::object());
        return {};
      case Method::Message: {
        REEVE_TRY(Json input, message_input(task_, values_));
        add_tool(model::Phase::Main, kMessageTool, std::move(input));
        return {};
      }
      case Method::Agent: {
        REEVE_TRY(Json input, agent_input(workflow_, task_, context_, values_));
        add_tool(model::Phase::Main, kAgentTool, std::move(input));
        return {};
      }
      case Method::Noop:
      case Method::Gate:
      case Method::Mission:
      case Method::Await:
        // Carried out inside the engine.
        return {};
    }
    return {};
  }

  /// What prepares the work in a container is part of it, so that both happen in the same one;
  /// only a cache has to come between.
  Result<void> add_scripts() {
    if (!spec_.container || !task_.cache.empty()) {
      return add_steps(model::Phase::Main, task_.script, field("script"));
    }
    std::vector<Text> scripts = task_.before_script;
    scripts.insert(scripts.end(), task_.script.begin(), task_.script.end());
    return add_steps(model::Phase::Main, scripts, field("script"));
  }

  /// The scripts of a phase as one: they share a container. Each is a shell of its own, and the
  /// first that fails ends it.
  static std::string joined(const std::vector<model::Step>& steps) {
    std::string script;
    for (const model::Step& step : steps) {
      script += "sh -c '";
      for (const char c : step.script) {
        script += c == '\'' ? std::string("'\\''") : std::string(1, c);
      }
      script += "' || exit $?\n";
    }
    return script;
  }

  /// Where the processes are kept: as the task says, or the workflow; for an agent at least as it
  /// says itself. What is in a container, or no program of the workflow's, is not kept again.
  Result<void> add_sandbox() {
    const bool program = task_.method == Method::Shell || task_.method == Method::Agent ||
                         is_container(task_.method);
    if (!program || spec_.container) {
      return {};
    }
    spec_.sandbox = task_.sandbox.value_or(workflow_.sandbox);
    for (const model::Step& step : spec_.steps) {
      const Json* const agent = step.tool == kAgentTool ? step.input.find("agent") : nullptr;
      const Json* const about = agent == nullptr ? nullptr : agent->find("spec");
      const Json* const wanted = about == nullptr ? nullptr : about->find("sandbox");
      if (wanted == nullptr) {
        continue;
      }
      auto own = model::sandbox_from_json(*wanted);
      if (!own.ok()) {
        return at(std::move(own).error(), task_.agent->name, field("agent.sandbox"));
      }
      if (own->level > spec_.sandbox.level) {
        spec_.sandbox = std::move(own).value();
      }
    }
    return {};
  }

  Result<void> add_container() {
    REEVE_TRY(const std::string image, values_.render(task_.image, field("image")));
    if (trim(image).empty()) {
      Error error = make_error(
          ErrorCode::Invalid, concat("task ", task_.name.view(), " names no image"), field("image")
      );
      error.position = task_.position;
      error.hint = "--local runs it in the local shell";
      return error;
    }
    spec_.container = model::Container{.image = std::string(trim(image))};
    return {};
  }

  using Part = model::CredentialPlace::Part;

  /// Keeps the places of credentials in a text that becomes a part of the spec.
  void note(Part part, std::size_t index, const templates::HoledText& text) {
    for (const templates::Hole& hole : text.holes) {
      spec_.credentials.push_back(
          {.part = part,
           .index = static_cast<std::uint32_t>(index),
           .offset = hole.offset,
           .credential = hole.name}
      );
      spec_.ns = context_.ns;
    }
  }

  Error no_script(std::string message, std::string_view name) const {
    Error error = make_error(ErrorCode::Invalid, std::move(message), field(name));
    error.position = task_.position;
    return error;
  }

  Result<void> add_steps(
      model::Phase phase, const std::vector<Text>& scripts, const std::string& name
  ) {
    const std::size_t first = spec_.steps.size();
    for (std::size_t i = 0; i < scripts.size(); ++i) {
      const std::string item = concat(name, "[", i, "]");
      REEVE_TRY(templates::HoledText script, values_.render_holed(scripts[i], item));
      REEVE_CHECK(refuse_nul(script.text, scripts[i], item));
      if (spec_.container && !script.holes.empty()) {
        Error error = make_error(
            ErrorCode::Unsupported, "the text of a script in a container cannot hold a credential"
        );
        error.hint = "name it in credentials of the task and use the variable";
        return at(std::move(error), scripts[i], item);
      }
      note(Part::Script, spec_.steps.size(), script);
      spec_.steps.push_back(model::Step{phase, std::move(script.text)});
    }
    if (spec_.container && spec_.steps.size() > first + 1) {
      const std::vector<model::Step> own(
          spec_.steps.begin() + static_cast<std::ptrdiff_t>(first), spec_.steps.end()
      );
      spec_.steps.resize(first);
      spec_.steps.push_back(model::Step{phase, joined(own)});
    }
    return {};
  }

  /// Environment and working directory.
  Result<void> add_surroundings(const std::string& task_name) {
    for (const auto& [name, value] : values_.for_environment()) {
      if (is_variable_name(name)) {
        REEVE_CHECK(set(name, environment_text(value), Text{}, name));
      }
    }
    REEVE_TRY(auto hidden, values_.hidden_environment());
    for (auto& [name, value] : hidden) {
      if (is_variable_name(name)) {
        REEVE_CHECK(set(name, std::move(value), Text{}, name));
      }
    }
    for (const auto& [name, text] : task_.environment) {
      const std::string where = field(concat("environment.", name));
      if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        return at(make_error(ErrorCode::Invalid, "is no name for a variable"), text, where);
      }
      REEVE_TRY(templates::HoledText value, values_.render_holed(text, where));
      REEVE_CHECK(set(name, std::move(value), text, where));
    }
    const std::vector<model::NamedValue> own = {
        {"REEVE_MISSION", context_.mission.str()},
        {"REEVE_TASK", task_name},
        {"REEVE_RUN", context_.run.str()},
        {"REEVE_ATTEMPT", std::to_string(context_.attempt)},
        {"REEVE_NONCE", values_.nonce()},
        {"REEVE_WORKFLOW", workflow_.name},
        {"REEVE_NAMESPACE", context_.ns.str()},
        {"REEVE_PERMISSIONS", join(task_.permissions, ",")}};
    for (const auto& [name, value] : own) {
      REEVE_CHECK(set(name, value, Text{}, name));
    }
    if (context_.feedback) {
      REEVE_CHECK(set("REEVE_FEEDBACK", *context_.feedback, Text{}, "REEVE_FEEDBACK"));
    }
    REEVE_TRY(const std::string dir, values_.render(task_.working_dir, field("working_dir")));
    spec_.working_dir = std::string(trim(dir));
    if (task_.method == Method::Docker || task_.method == Method::Kubernetes) {
      // In the local shell and in a container alike, the run's own directory stands for the root.
      spec_.working_dir.erase(0, spec_.working_dir.find_first_not_of('/'));
    }
    return refuse_nul(spec_.working_dir, task_.working_dir, field("working_dir"));
  }

  Result<void> set(
      const std::string& name, std::string value, const Text& text, const std::string& where
  ) {
    return set(name, templates::HoledText{std::move(value), {}}, text, where);
  }

  Result<void> set(
      const std::string& name,
      templates::HoledText holed,
      const Text& text,
      const std::string& where
  ) {
    std::string& value = holed.text;
    const std::size_t bytes = name.size() + value.size() + std::string_view("=").size();
    environment_bytes_ += bytes + 1;
    if (bytes > kEnvironmentEntryBytesMax || environment_bytes_ > kEnvironmentBytesMax) {
      Error error = make_error(
          ErrorCode::LimitExceeded,
          bytes > kEnvironmentEntryBytesMax
              ? concat("is longer than ", kEnvironmentEntryBytesMax, " bytes")
              : concat("the environment is longer than ", kEnvironmentBytesMax, " bytes")
      );
      error.hint = "pass large values in files: artifacts";
      return at(std::move(error), text, where);
    }
    REEVE_CHECK(refuse_nul(value, text, where));
    note(Part::Environment, spec_.environment.size(), holed);
    spec_.environment.emplace_back(name, std::move(value));
    return {};
  }

  static Result<void> refuse_nul(
      std::string_view value, const Text& text, const std::string& where
  ) {
    if (value.find('\0') != std::string_view::npos) {
      return at(make_error(ErrorCode::Invalid, "contains a zero byte"), text, where);
    }
    return {};
  }

  Result<Duration> timeout() const {
    REEVE_TRY(const std::string rendered, values_.render(task_.timeout, field("timeout")));
    const std::string_view text = trim(rendered);
    if (text.empty()) {
      return workflow_.timeout;
    }
    auto parsed = parse_duration(text);
    if (!parsed.ok()) {
      return at(std::move(parsed).error(), task_.timeout, field("timeout"));
    }
    return parsed;
  }

  Result<void> add_artifacts() {
    for (std::size_t i = 0; i < task_.artifacts.paths.size(); ++i) {
      const std::string item = field(concat("artifacts.paths[", i, "]"));
      REEVE_TRY(const std::string path, values_.render(task_.artifacts.paths[i], item));
      REEVE_CHECK(refuse_nul(path, task_.artifacts.paths[i], item));
      if (!trim(path).empty()) {
        spec_.artifact_paths.emplace_back(trim(path));
      }
    }
    for (std::size_t i = 0; i < task_.artifact_ids.size(); ++i) {
      const std::string item = field(concat("artifact_ids[", i, "]"));
      REEVE_TRY(const std::string id, values_.render(task_.artifact_ids[i], item));
      if (trim(id).empty()) {
        continue;
      }
      std::string digest(trim(id));
      if (!is_digest(digest)) {
        Error error = make_error(
            ErrorCode::Invalid, concat("\"", digest, "\" is not the digest of an uploaded file")
        );
        error.hint = "reeve artifacts put FILE prints it";
        return at(std::move(error), task_.artifact_ids[i], item);
      }
      spec_.uploads.push_back(std::move(digest));
    }
    spec_.artifact_when = task_.artifacts.when;
    spec_.artifact_expiry = task_.artifacts.expires_after;
    return {};
  }

  const Workflow& workflow_;
  const Task& task_;
  const RenderContext& context_;
  const Values& values_;
  model::RunSpec spec_;
  std::size_t environment_bytes_ = 0;
};

Error param_error(std::string_view name, std::string_view problem) {
  return make_error(
      ErrorCode::Invalid, concat("param \"", name, "\" ", problem), concat("params.", name)
  );
}

Result<void> refuse_unknown_params(
    const Workflow& workflow, const std::vector<model::NamedValue>& params
) {
  std::vector<std::string> names;
  for (const Param& param : workflow.params) {
    names.push_back(param.name);
  }
  for (const auto& [name, value] : params) {
    bool declared = false;
    for (const std::string& known : names) {
      declared = declared || known == name;
    }
    if (!declared) {
      constexpr std::size_t kListedMax = 10;
      Error error = param_error(name, concat("is not declared by workflow ", workflow.name));
      const std::string best = nearest(name, names);
      if (!best.empty()) {
        error.hint = concat("did you mean \"", best, "\"?");
      } else if (!names.empty() && names.size() <= kListedMax) {
        error.hint = concat("declared: ", join(names, ", "));
      }
      return error;
    }
  }
  return {};
}

}  // namespace

Result<void> check_credential(
    const Configuration& configuration, std::string_view credential, std::string_view workflow
) {
  const Configuration::Credentials* known = configuration.credentials;
  const auto found =
      known == nullptr ? Configuration::Credentials::const_iterator() : known->find(credential);
  if (known == nullptr || found == known->end()) {
    Error error =
        make_error(ErrorCode::NotFound, concat("there is no credential \"", credential, "\""));
    error.hint = concat("make it: reeve credential set ", credential);
    return error;
  }
  if (configuration.withheld) {
    Error error = make_error(
        ErrorCode::PermissionDenied,
        concat(
            "this text of workflow ",
            workflow,
            " may not use the credential \"",
            credential,
            "\": a run or the inbox has submitted it, and it is not deployed"
        )
    );
    error.hint = "have a person deploy it with reeve apply";
    return error;
  }
  const std::vector<std::string>& allowed = found->second;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), workflow) == allowed.end()) {
    Error error = make_error(
        ErrorCode::PermissionDenied,
        concat("workflow ", workflow, " may not use the credential \"", credential, "\"")
    );
    error.hint = concat("allow it: reeve credential allow ", credential, " ", workflow);
    return error;
  }
  return {};
}

bool mentions_variable(std::string_view script, std::string_view name) {
  for (std::size_t at = script.find('$'); at != std::string_view::npos;
       at = script.find('$', at + 1)) {
    std::string_view rest = script.substr(at + 1);
    rest.remove_prefix(rest.starts_with('{') ? 1 : 0);
    if (!rest.starts_with(name)) {
      continue;
    }
    rest.remove_prefix(name.size());
    if (rest.empty() || !is_variable_name(concat("_", rest.front()))) {
      return true;
    }
  }
  return false;
}

Result<model::RunSpec> render_task(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  REEVE_ASSERT(task < workflow.tasks.size());
  const Task& rendered = workflow.tasks[task];
  REEVE_TRY(const Values values, Values::make(workflow, &rendered, context, missing_in(workflow)));
  return SpecMaker(workflow, rendered, context, values).task();
}

Result<model::RunSpec> render_compensation(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  REEVE_ASSERT(task < workflow.tasks.size());
  const Task& rendered = workflow.tasks[task];
  REEVE_TRY(const Values values, Values::make(workflow, &rendered, context, missing_in(workflow)));
  return SpecMaker(workflow, rendered, context, values).compensation();
}

namespace {

/// An array, whether it comes as one or as text.
Result<std::vector<Json>> read_items(const Json& value) {
  if (value.is_string()) {
    REEVE_TRY(const Json items, parse_items(value.as_string()));
    return items.as_array();
  }
  REEVE_CHECK(check_items(value));
  return value.as_array();
}

}  // namespace

Result<std::vector<Json>> render_items(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  const Task& def = workflow.tasks.at(task);
  REEVE_ASSERT(def.fan_out.has_value());
  const Text& over = def.fan_out->over;
  const std::string field = concat("tasks.", def.name.view(), ".fanOut.over");
  REEVE_TRY(const Values values, Values::make(workflow, &def, context, missing_in(workflow)));
  REEVE_TRY(const std::string rendered, values.render(over, field));
  const std::string_view text = trim(rendered);
  const auto placed = [&](Error error) {
    return at(std::move(error), over, field);
  };
  Json source{std::string(text)};
  const auto named = values.for_environment().find(text);
  if (named != values.for_environment().end()) {
    source = named->second;
  } else if (!text.starts_with('[') && !parse_range(text)) {
    Error error = make_error(
        ErrorCode::Invalid, concat("\"", text, "\" is neither a JSON array, a range nor a value")
    );
    return placed(std::move(error));
  }
  auto items = read_items(source);
  return items ? std::move(items) : Result<std::vector<Json>>(placed(std::move(items).error()));
}

Result<RenderedChild> render_child(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  const Task& def = workflow.tasks.at(task);
  REEVE_ASSERT(def.child.has_value());
  const std::string field = concat("tasks.", def.name.view(), ".mission.");
  REEVE_TRY(const Values values, Values::make(workflow, &def, context, missing_in(workflow)));
  RenderedChild child;
  REEVE_TRY(const std::string name, values.render(def.child->workflow, concat(field, "workflow")));
  child.workflow = std::string(trim(name));
  for (const auto& [param, text] : def.child->params) {
    REEVE_TRY(std::string value, values.render(text, concat(field, "params.", param)));
    child.params.emplace_back(param, std::move(value));
  }
  REEVE_TRY(const std::string key, values.render(def.child->user_key, concat(field, "userKey")));
  child.user_key = std::string(trim(key));
  return child;
}

Result<std::optional<Duration>> render_limit(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  const Task& def = workflow.tasks.at(task);
  if (def.timeout.empty()) {
    return std::optional<Duration>();
  }
  const std::string field = concat("tasks.", def.name.view(), ".timeout");
  REEVE_TRY(const Values values, Values::make(workflow, &def, context, missing_in(workflow)));
  REEVE_TRY(const std::string rendered, values.render(def.timeout, field));
  const Result<Duration> limit = parse_duration(trim(rendered));
  if (!limit) {
    return at(limit.error(), def.timeout, field);
  }
  return std::optional(*limit);
}

std::string plain_text(const Json& value) {
  return environment_text(value);
}

Result<bool> render_condition(
    const Workflow& workflow, const Task* task, const Text& condition, const RenderContext& context
) {
  if (condition.empty()) {
    return false;
  }
  // A condition may well ask whether something has been published at all.
  REEVE_TRY(
      const Values values, Values::make(workflow, task, context, templates::Missing::NoValue)
  );
  const std::string field =
      task == nullptr ? std::string("skip_if") : concat("tasks.", task->name.view(), ".skip_if");
  const Result<std::string> text = values.render(condition, field);
  if (!text.ok() && task == nullptr && workflow.format == Format::Formicary) {
    // There, a job whose condition cannot be told is not skipped; lint names what it cannot tell.
    return false;
  }
  REEVE_CHECK(text);
  return text->find("true") != std::string::npos;
}

namespace {

bool is_configured(const Configuration& configuration, const std::string& name) {
  const auto has = [&](const auto* values) {
    return values != nullptr && values->contains(name);
  };
  return has(configuration.own) || has(configuration.shared) || has(configuration.credentials);
}

}  // namespace

Result<void> check_params(
    const Workflow& workflow,
    const std::vector<model::NamedValue>& params,
    const Configuration& configuration
) {
  if (workflow.part) {
    return {};  // the whole was asked for them
  }
  if (workflow.format == Format::Native) {
    REEVE_CHECK(refuse_unknown_params(workflow, params));
  }
  const auto given = [&](std::string_view name) {
    bool found = false;
    for (const auto& [known, value] : params) {
      found = found || known == name;
    }
    return found;
  };
  for (const Param& param : workflow.params) {
    if (param.required && !param.fallback && !given(param.name)) {
      Error error = param_error(param.name, "is required");
      error.hint = concat(
          "give it with -p ",
          param.name,
          "=…",
          param.description.empty() ? "" : concat(": ", param.description)
      );
      return error;
    }
  }
  for (const std::string& name : workflow.required_params) {
    bool has_variable = false;
    for (const Variable& variable : workflow.variables) {
      has_variable = has_variable || variable.name == name;
    }
    if (!has_variable && !given(name) && !is_configured(configuration, name)) {
      Error error = param_error(name, "is required");
      error.hint = concat("give it with -p ", name, "=…, or reeve config set ", name, " …");
      return error;
    }
  }
  return {};
}

}  // namespace reeve::workflow
