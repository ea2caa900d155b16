#include "base/strings.h"
#include "workflow/render_tools.h"

/// What an agent is given: a prompt, and itself as it is at this time.
namespace reeve::workflow {

namespace {

/// Longest prompt of a task.
constexpr std::size_t kPromptBytesMax = std::size_t{512} << 10U;

std::string field_of(const Task& task, std::string_view name) {
  return concat("tasks.", task.name.view(), ".agent.", name);
}

Error at(Error error, const Text& text, std::string field) {
  error.subject = std::move(field);
  error.position = text.position;
  return error;
}

Result<std::string> rendered_word(
    const Text& text, const Values& values, const std::string& field
) {
  REEVE_TRY(const std::string rendered, values.render(text, field));
  return std::string(trim(rendered));
}

/// The agent as it is now; what is asked for is a part of what is done, whatever becomes of it.
Result<Json> agent_named(const std::string& name, const Task& task, const RenderContext& context) {
  const AgentSource* agents = context.configuration.agents;
  const std::string* text = agents == nullptr ? nullptr : agents->agent(context.ns, name);
  if (text == nullptr) {
    Error error = make_error(ErrorCode::NotFound, concat("there is no agent \"", name, "\""));
    error.hint = concat("reeve apply an object of kind Agent in namespace ", context.ns.view());
    return at(std::move(error), task.agent->name, field_of(task, "name"));
  }
  REEVE_TRY(const Json object, parse_json(*text));
  const Json* const spec = object.find("spec");
  const Json* const metadata = object.find("metadata");
  Json agent = Json::object();
  agent.set("name", name);
  agent.set("uid", metadata == nullptr ? std::string() : metadata->get_string("uid"));
  agent.set("generation", metadata == nullptr ? 0 : metadata->get_int("generation"));
  agent.set("spec", spec == nullptr ? Json::object() : *spec);
  return agent;
}

std::string output_of(const RenderContext& context, std::string_view name) {
  std::string found;
  if (context.outputs != nullptr) {
    for (const auto& [key, value] : *context.outputs) {
      found = key == name ? value : found;
    }
  }
  return found;
}

/// Whoever judges is another agent in another session than the author.
Result<void> check_judge(
    const Workflow& workflow,
    const Task& task,
    const std::string& agent,
    const std::string& session,
    const RenderContext& context,
    const Values& values
) {
  const Task& author = workflow.tasks[*task.agent->validates];
  if (!author.agent) {
    return {};
  }
  REEVE_TRY(
      const std::string made_by, rendered_word(author.agent->name, values, field_of(author, "name"))
  );
  const std::string made_in = output_of(context, concat(author.name.view(), "-session-id"));
  const bool same = made_by == agent;
  if (!same && (session.empty() || session != made_in)) {
    return {};
  }
  Error error = make_error(
      ErrorCode::PermissionDenied,
      same
          ? concat(
                "agent \"", agent, "\" would judge what it has made in \"", author.name.view(), "\""
            )
          : concat("would judge in the session in which \"", author.name.view(), "\" was done")
  );
  error.hint = "let another agent judge it, in a session of its own";
  return at(std::move(error), task.agent->name, field_of(task, "validates"));
}

}  // namespace

Result<Json> agent_input(
    const Workflow& workflow, const Task& task, const RenderContext& context, const Values& values
) {
  const AgentTask& work = *task.agent;
  REEVE_TRY(const std::string name, rendered_word(work.name, values, field_of(task, "name")));
  if (name.empty()) {
    return at(make_error(ErrorCode::Invalid, "names no agent"), work.name, field_of(task, "name"));
  }
  REEVE_TRY(
      const std::string session, rendered_word(work.session, values, field_of(task, "session"))
  );
  if (work.validates) {
    REEVE_CHECK(check_judge(workflow, task, name, session, context, values));
  }
  REEVE_TRY(std::string prompt, values.render(work.prompt, field_of(task, "prompt")));
  if (context.feedback) {
    prompt += concat("\n\nWhat was said about the work before this:\n\n", *context.feedback);
  }
  if (trim(prompt).empty() || prompt.size() > kPromptBytesMax) {
    const bool empty = prompt.size() <= kPromptBytesMax;
    Error error = make_error(
        empty ? ErrorCode::Invalid : ErrorCode::LimitExceeded,
        empty ? std::string("is empty") : concat("is longer than ", kPromptBytesMax, " bytes")
    );
    return at(std::move(error), work.prompt, field_of(task, "prompt"));
  }
  Json input = Json::object();
  REEVE_TRY(Json agent, agent_named(name, task, context));
  input.set("agent", std::move(agent));
  input.set("prompt", std::move(prompt)).set("session", session);
  Json outputs = Json::object();
  for (const auto& [output, pointer] : work.outputs) {
    outputs.set(output, pointer);
  }
  input.set("outputs", std::move(outputs));
  // Missions may have the name of one that is gone.
  input.set("mission", context.uid.str());
  return input;
}

}  // namespace reeve::workflow
