#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/handlers.h"
#include "api/services.h"
#include "api/submission.h"
#include "api/waiting.h"
#include "api/write.h"
#include "base/strings.h"
#include "engine/object_metadata.h"
#include "model/scoped_name.h"
#include "resource/schema/validator.h"

/// What is done with objects by POST to a part of them.
namespace reeve::api {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kAccepted = 202;
/// The gateway that carries out calls of tools.
constexpr std::string_view kToolGateway = "mcp";

using MakeCommand = Result<engine::Command> (*)(const Call& call, const Json& body);

struct Action {
  Storage storage;
  std::string_view name;
  MakeCommand make;
};

/// The mission of the route; of an approval, the mission that waits for it.
MissionName mission_of(const Call& call) {
  const Namespace ns(call.route.ns);
  if (call.type->storage != Storage::Approval) {
    return model::qualify(ns, call.route.name);
  }
  const view::ProjectedPtr approval = current(call, call.route.name);
  const Json* spec = approval == nullptr ? nullptr : approval->object.find("spec");
  return model::qualify(ns, spec == nullptr ? std::string() : spec->get_string("mission"));
}

std::string task_of(const Call& call, const Json& body) {
  if (call.type->storage != Storage::Approval) {
    return body.get_string("task");
  }
  const view::ProjectedPtr approval = current(call, call.route.name);
  const Json* spec = approval == nullptr ? nullptr : approval->object.find("spec");
  return spec == nullptr ? std::string() : spec->get_string("task");
}

Result<engine::Command> decide(const Call& call, const Json& body) {
  engine::DecideGate command;
  command.mission = mission_of(call);
  command.task = TaskName(task_of(call, body));
  REEVE_TRY(command.decision, model::parse_decision(call.route.subresource));
  command.message = body.get_string("message");
  return engine::Command(std::move(command));
}

Result<engine::Command> abort(const Call& call, const Json& body) {
  return engine::Command(engine::AbortMission{
      .mission = mission_of(call), .message = body.get_string("message")});
}

Result<engine::Command> release(const Call& call, const Json& /*body*/) {
  return engine::Command(engine::ResumeMission{.mission = mission_of(call)});
}

Result<engine::Command> retry(const Call& call, const Json& body) {
  engine::RetryMission command;
  command.parent = mission_of(call);
  command.name = model::qualify(Namespace(call.route.ns), body.get_string("name"));
  command.reopen = body.get_bool("reopen");
  command.message = body.get_string("message");
  command.from = TaskName(body.get_string("from"));
  return engine::Command(std::move(command));
}

Result<engine::Command> submit(const Call& call, const Json& body) {
  Json spec = body;
  Json workflow = Json::object();
  workflow.set("name", call.route.name).set("version", body.get_string("version"));
  spec.set("workflow", std::move(workflow));
  REEVE_TRY(
      engine::SubmitMission submission,
      submission_of(Namespace(call.route.ns), body.get_string("name"), spec)
  );
  return engine::Command(std::move(submission));
}

Result<engine::Command> switch_workflow(const Call& call, const Json& /*body*/) {
  return engine::Command(engine::ObjectCommand{
      .object =
          {.kind = journal::Kind::Workflow,
           .ns = Namespace(call.route.ns),
           .name = call.route.name},
      .verb = call.route.subresource,
      .body = Json::object()});
}

/// What was consumed counts from now on anew; what is promised or in use stays.
Result<engine::Command> reset(const Call& call, const Json& /*body*/) {
  return engine::Command(engine::ObjectCommand{
      .object = engine::usage_key_of(
          {.kind = call.type->kind,
           .ns = Namespace(call.type->namespaced() ? call.route.ns : std::string()),
           .name = call.route.name}
      ),
      .verb = "reset",
      .body = Json::object()});
}

/// People decide about calls of tools; the book knows the verbs itself.
Result<engine::Command> decide_call(const Call& call, const Json& body) {
  return engine::Command(engine::ObjectCommand{
      .object =
          {.kind = journal::Kind::ToolCall,
           .ns = Namespace(call.route.ns),
           .name = call.route.name},
      .verb = call.route.subresource,
      .body = body});
}

/// Tools that are held count as they are now.
bool accept_tools(const Json& names, Json& status) {
  bool changed = false;
  Json* tools = status.find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return false;
  }
  for (Json& tool : tools->as_array()) {
    const Json name = tool.get_string("name");
    const bool meant =
        !names.is_array() ||
        std::find(names.as_array().begin(), names.as_array().end(), name) != names.as_array().end();
    if (meant && tool.get_string("state") == "Held") {
      tool.set("state", "Pinned").set("digest", tool.get_string("seen"));
      changed = true;
    }
  }
  return changed;
}

Result<engine::Command> accept(const Call& call, const Json& body) {
  const view::ProjectedPtr server = current(call, call.route.name);
  if (server == nullptr) {
    return make_error(ErrorCode::NotFound, "there is no such tool server", call.route.name);
  }
  Json object = server->object;
  const Json* known = object.find("status");
  Json status = known == nullptr ? Json::object() : *known;
  const Json* names = body.find("tools");
  if (!accept_tools(names == nullptr ? Json() : *names, status)) {
    return make_error(ErrorCode::IllegalTransition, "no such tool of it is held", call.route.name);
  }
  std::int64_t held = 0;
  for (const Json& tool : status.find("tools")->as_array()) {
    held += tool.get_string("state") == "Held" ? 1 : 0;
  }
  status.set("heldCount", held);
  object.set("status", std::move(status));
  Json update = Json::object();
  update.set("object", std::move(object)).set("subresource", "status");
  update.set("revision", server->revision.value());
  return engine::Command(engine::ObjectCommand{
      .object =
          {.kind = journal::Kind::ToolServer,
           .ns = Namespace(call.route.ns),
           .name = call.route.name},
      .verb = "update",
      .body = std::move(update)});
}

/// The channel knows the verbs itself.
Result<engine::Command> use_channel(const Call& call, const Json& body) {
  return engine::Command(engine::ObjectCommand{
      .object =
          {.kind = journal::Kind::Channel, .ns = Namespace(call.route.ns), .name = call.route.name},
      .verb = call.route.subresource,
      .body = body});
}

/// A verb of the engine's that is called as the part of the object is.
Result<engine::Command> act_on_plain(const Call& call, const Json& body) {
  return engine::Command(engine::ObjectCommand{
      .object = {.kind = call.type->kind, .ns = Namespace(call.route.ns), .name = call.route.name},
      .verb = call.route.subresource,
      .body = body});
}

constexpr std::array kActions = {
    Action{Storage::Mission, "approve", decide},
    Action{Storage::Mission, "reject", decide},
    Action{Storage::Mission, "revise", decide},
    Action{Storage::Approval, "approve", decide},
    Action{Storage::Approval, "reject", decide},
    Action{Storage::Approval, "revise", decide},
    Action{Storage::Mission, "abort", abort},
    Action{Storage::Mission, "release", release},
    Action{Storage::Mission, "retry", retry},
    Action{Storage::Workflow, "submit", submit},
    Action{Storage::Workflow, "enable", switch_workflow},
    Action{Storage::Workflow, "disable", switch_workflow},
    Action{Storage::Channel, "send", use_channel},
    Action{Storage::Channel, "receive", use_channel},
    Action{Storage::Channel, "ack", use_channel},
    Action{Storage::Channel, "nack", use_channel},
    Action{Storage::ToolCall, "approve", decide_call},
    Action{Storage::ToolCall, "reject", decide_call},
    Action{Storage::ToolCall, "rollback", decide_call},
    Action{Storage::Plain, "accept", accept},
    Action{Storage::Plain, "reset", reset},
    Action{Storage::Plain, "renew", act_on_plain},
    Action{Storage::Plain, "acknowledge", act_on_plain},
    Action{Storage::Plain, "close", act_on_plain}};

const Action* find_action(const Call& call) {
  for (const Action& action : kActions) {
    if (action.storage == call.type->storage && action.name == call.route.subresource) {
      return &action;
    }
  }
  return nullptr;
}

/// Makes a mission, so that the answer says where it is.
bool makes_mission(const Call& call) {
  return call.route.subresource == "submit" || call.route.subresource == "retry";
}

std::string mission_path(const Call& call, std::string_view name) {
  return concat("/apis/reeve.dev/v1/namespaces/", call.route.ns, "/missions/", name);
}

void answer_mission(const CallPtr& call, const engine::Reply& reply) {
  const std::string name(model::plain(reply.mission));
  const ApiType& missions = call->services->types.of(Storage::Mission);
  const view::ProjectedPtr mission = call->services->view.get(*missions.view, call->route.ns, name);
  int code = kOk;
  if (makes_mission(*call)) {
    code = reply.existing ? kOk : kAccepted;
    call->headers.push_back({"Location", mission_path(*call, name)});
  } else {
    code = kCreated;
  }
  call->type = &missions;
  if (mission == nullptr) {
    answer(call, resource::not_found(missions.name, name));
    return;
  }
  if (reply.detail.is_object()) {
    Json object = mission->object;
    object.set("decision", reply.detail);
    answer_object(call, code, object);
    return;
  }
  answer_object(call, code, mission->object);
}

void answer_action(const CallPtr& call, const Result<engine::Reply>& reply) {
  if (!reply) {
    answer(call, reply.error());
    return;
  }
  if (!reply->mission.empty()) {
    answer_mission(call, *reply);
    return;
  }
  if (call->type->storage == Storage::Channel) {
    answer(call, kOk, reply->detail.is_object() ? reply->detail : Json::object());
    return;
  }
  if (const view::ProjectedPtr object = current(*call, call->route.name)) {
    answer_object(call, kCreated, object->object);
    return;
  }
  answer(call, resource::not_found(call->resource(), call->route.name));
}

resource::Outcome<Json> read_action_body(const CallPtr& call) {
  Json body = Json::object();
  if (!call->request().body.empty()) {
    REEVE_TRY(
        const resource::BodyFormat format,
        resource::object_body_format(call->request().headers.get("Content-Type"))
    );
    REEVE_TRY(body, read_body(*call, format));
  }
  const resource::schema::Subresource* part =
      call->type->contract->subresource(call->route.subresource);
  if (part == nullptr || part->body == nullptr) {
    return body;
  }
  namespace schema = resource::schema;
  if (const auto unknown = schema::unknown_fields(*part->body, body); !unknown.empty()) {
    return resource::bad_request(schema::strict_decoding_error(unknown));
  }
  schema::apply_defaults(*part->body, body);
  if (auto causes = schema::validate(*part->body, body); !causes.empty()) {
    return resource::invalid(call->resource(), call->route.name, std::move(causes));
  }
  return body;
}

void carry_out(const CallPtr& call, const Json& body) {
  Result<engine::Command> command = find_action(*call)->make(*call, body);
  if (!command) {
    answer(call, command.error());
    return;
  }
  send(call, std::move(*command), [call](const Result<engine::Reply>& reply) {
    answer_action(call, reply);
  });
}

/// The arguments that a person writes for a call that waits; null: there are none.
const Json* edited_arguments(const Call& call, const Json& object, const Json& body) {
  const bool decides = call.type->storage == Storage::ToolCall &&
                       call.route.subresource == "approve" &&
                       object.get_object("status").get_string("state") == "PENDING";
  return decides ? body.find("arguments") : nullptr;
}

/// Whoever writes arguments is told at once that they do not fit, while the call still waits.
void carry_out_if_fit(const CallPtr& call, const Json& object, const Json& body) {
  const Json* arguments = edited_arguments(*call, object, body);
  const auto tools = call->services->gateways.find(kToolGateway);
  if (arguments == nullptr || tools == call->services->gateways.end()) {
    carry_out(call, body);
    return;
  }
  begin_waiting(call);
  tools->second->check_edit(object, *arguments, [call, body](const Result<void>& fits) {
    if (fits) {
      carry_out(call, body);
    } else {
      answer(call, fits.error());
    }
  });
}

}  // namespace

bool is_action(const Call& call) {
  return find_action(call) != nullptr;
}

void act(const CallPtr& call) {
  const view::ProjectedPtr object = current(*call, call->route.name);
  if (object == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  const resource::Outcome<resource::WriteOptions> options =
      resource::parse_write_options(call->request().query, resource::WriteVerb::Create);
  if (!options) {
    answer(call, options.error());
    return;
  }
  if (options->dry_run) {
    answer(call, resource::bad_request("dryRun: this is done, or not asked for"));
    return;
  }
  const resource::Outcome<Json> body = read_action_body(call);
  if (!body) {
    answer(call, body.error());
    return;
  }
  carry_out_if_fit(call, object->object, *body);
}

}  // namespace reeve::api
