#include <utility>

#include "api/compat/formicary_graph.h"
#include "api/compatible_formicary.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "workflow/graph.h"
#include "workflow/load/load.h"

/// Formicary's job definitions: Workflows.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

const ApiType& workflows(const CallPtr& call) {
  return call->services->types.of(Storage::Workflow);
}

std::string path_of(const CallPtr& call, const std::string& name) {
  return concat(collection(call, "workflows"), "/", name);
}

using Shown = std::function<void(const Json& object, const workflow::Workflow& workflow)>;

/// Shows a definition with its text, to whoever may see it.
void show(const CallPtr& call, const std::string& name, const Shown& shown) {
  const view::ProjectedPtr object = found(call, workflows(call), name);
  if (object == nullptr) {
    return;
  }
  const Json* status = object->object.find("status");
  const auto workflow =
      workflow_of(call, name, status == nullptr ? std::string() : status->get_string("digest"));
  if (!workflow) {
    answer(call, workflow.error());
    return;
  }
  shown(object->object, **workflow);
}

void switch_definition(const CallPtr& call, const std::string& name, std::string_view verb) {
  forward(call, {.method = "POST", .path = concat(path_of(call, name), "/", verb)}, nothing);
}

}  // namespace

void list_definitions(const CallPtr& call, const Words& /*words*/) {
  const std::string type(query_value(call, "job_type"));
  answer_page(call, workflows(call), [type](const Json& object) {
    // The text of each is to be had one by one.
    Json made = job_definition(object, {});
    const bool fits = type.empty() || made.get_string("job_type") == type;
    return fits ? Json::Array{std::move(made)} : Json::Array();
  });
}

void get_definition(const CallPtr& call, const Words& words) {
  show(call, words[0], [call](const Json& object, const workflow::Workflow& workflow) {
    answer(call, kOk, job_definition(object, workflow.source));
  });
}

void get_definition_text(const CallPtr& call, const Words& words) {
  show(call, words[0], [call](const Json& /*object*/, const workflow::Workflow& workflow) {
    answer(call, kOk, "application/yaml", workflow.source);
  });
}

void get_definition_mermaid(const CallPtr& call, const Words& words) {
  show(call, words[0], [call](const Json& /*object*/, const workflow::Workflow& workflow) {
    answer(call, kOk, kPlainText, workflow::draw(workflow, workflow::GraphFormat::Mermaid));
  });
}

void get_definition_dot(const CallPtr& call, const Words& words) {
  show(call, words[0], [call](const Json& /*object*/, const workflow::Workflow& workflow) {
    const Result<Json> drawing = parse_json(workflow::draw(workflow, workflow::GraphFormat::Json));
    drawing ? answer(call, kOk, kPlainText, dot_of(*drawing)) : answer(call, drawing.error());
  });
}

void list_definition_versions(const CallPtr& call, const Words& words) {
  const view::ProjectedPtr object = found(call, workflows(call), words[0]);
  if (object == nullptr) {
    return;
  }
  const Json* status = object->object.find("status");
  const Json* versions = status == nullptr ? nullptr : status->find("versions");
  Json list = Json::array();
  std::int64_t number = 0;
  for (const Json& version :
       versions != nullptr && versions->is_array() ? versions->as_array() : Json::Array()) {
    Json made = Json::object();
    made.set("job_type", words[0]).set("version", ++number);
    made.set("sem_version", version.get_string("version"));
    made.set("id", version.get_string("digest"));
    list.push(std::move(made));
  }
  answer(call, kOk, list);
}

/// Deploys a text: the next version if there is one of that name.
void save_definition(const CallPtr& call, const Words& /*words*/) {
  const std::string ns = namespace_of(call);
  const ApiType& workflows = call->services->types.of(Storage::Workflow);
  // A text is only read for those who may deploy one.
  if (!may(call, workflows, "create", ns)) {
    return;
  }
  const std::string source = call->request().body;
  const workflow::Loaded loaded = workflow::load(source, {});
  const std::string name = loaded.ok() ? loaded.workflow->name : std::string();
  const bool known = loaded.ok() && call->services->view.get(*workflows.view, ns, name) != nullptr;
  if (known && !may(call, workflows, "update", ns, name)) {
    return;
  }
  if (!loaded.ok()) {
    answer_invalid(call, loaded.first_error());
    return;
  }
  Json body = Json::object();
  body.set("source", source);
  engine::ObjectCommand command{
      .object = {.kind = journal::Kind::Workflow, .ns = Namespace(ns), .name = name},
      .verb = "apply",
      .body = std::move(body)};
  send(call, std::move(command), [call, ns, name, known](const Result<engine::Reply>& reply) {
    const ApiType& type = call->services->types.of(Storage::Workflow);
    const view::ProjectedPtr made = call->services->view.get(*type.view, ns, name);
    if (!reply) {
      answer(call, reply.error());
    } else if (made == nullptr) {
      answer(call, resource::not_found(type.name, name));
    } else {
      const std::string& text = call->request().body;
      answer(call, known ? kOk : kCreated, job_definition(made->object, text));
    }
  });
}

void delete_definition(const CallPtr& call, const Words& words) {
  forward(call, {.method = "DELETE", .path = path_of(call, words[0])}, nothing);
}

void enable_definition(const CallPtr& call, const Words& words) {
  switch_definition(call, words[0], "enable");
}

void disable_definition(const CallPtr& call, const Words& words) {
  switch_definition(call, words[0], "disable");
}

void list_plugins(const CallPtr& call, const Words& /*words*/) {
  // Nothing is public beyond its namespace.
  answer_page(call, workflows(call), [](const Json& /*object*/) { return Json::Array(); });
}

}  // namespace reeve::api::formicary
