#include "owner/verbs.h"

#include <utility>
#include <vector>

#include "base/strings.h"
#include "engine/resource_book.h"
#include "model/scoped_name.h"
#include "protocol/commands.h"
#include "workflow/load/load.h"

namespace reeve::owner {

namespace {

Result<std::shared_ptr<const workflow::Workflow>> load(const protocol::Submit& submit) {
  workflow::LoadOptions options;
  for (const auto& [name, value] : submit.params) {
    options.params.set(name, value);
  }
  workflow::Loaded loaded = workflow::load(submit.source, options);
  if (!loaded.ok()) {
    return loaded.first_error();
  }
  return loaded.workflow;
}

Result<engine::Command> submit(const Json& args, const Namespace& ns) {
  REEVE_TRY(const protocol::Submit submit, protocol::submit_from_json(args));
  engine::SubmitMission command;
  command.ns = ns;
  if (submit.workflow.empty()) {
    REEVE_TRY(command.workflow, load(submit));
  }
  command.deployed = submit.workflow;
  command.version = submit.version;
  command.name = MissionName(submit.name);
  command.params = submit.params;
  command.local = submit.local;
  command.priority = submit.priority;
  command.user_key = submit.user_key;
  command.not_before = submit.not_before;
  for (const std::string& before : submit.after) {
    command.after.push_back(model::qualify(ns, before));
  }
  return engine::Command(std::move(command));
}

Result<engine::Command> retry(const Json& args, const Namespace& ns) {
  REEVE_TRY(const protocol::Retry retry, protocol::retry_from_json(args));
  return engine::Command(engine::RetryMission{
      .parent = model::qualify(ns, retry.mission),
      .name = MissionName(retry.name),
      .reopen = retry.reopen,
      .message = retry.message,
      .from = TaskName(retry.from)});
}

Result<engine::Command> abort(const Json& args, const Namespace& ns) {
  REEVE_TRY(const protocol::Abort abort, protocol::abort_from_json(args));
  return engine::Command(engine::AbortMission{
      .mission = model::qualify(ns, abort.mission), .message = abort.message});
}

Result<engine::Command> release(const Json& args, const Namespace& ns) {
  REEVE_TRY(const protocol::Release release, protocol::release_from_json(args));
  return engine::Command(engine::ResumeMission{.mission = model::qualify(ns, release.mission)});
}

Result<engine::Command> decide(const Json& args, const Namespace& ns) {
  REEVE_TRY(const protocol::Decide decide, protocol::decide_from_json(args));
  engine::DecideGate command;
  command.mission = model::qualify(ns, decide.mission);
  command.task = TaskName(decide.task);
  REEVE_TRY(command.decision, model::parse_decision(decide.decision));
  command.message = decide.message;
  return engine::Command(std::move(command));
}

Result<engine::Command> object(const Json& args, const Namespace& ns) {
  REEVE_TRY(protocol::Object object, protocol::object_from_json(args));
  REEVE_TRY(const journal::Kind kind, journal::parse_kind(object.kind));
  const engine::ResourceKind* plain = engine::resource_kind(kind);
  const bool scoped = plain == nullptr || plain->namespaced;
  return engine::Command(engine::ObjectCommand{
      .object = {.kind = kind, .ns = scoped ? ns : Namespace(), .name = std::move(object.name)},
      .verb = std::move(object.verb),
      .body = std::move(object.body)});
}

}  // namespace

Json to_json(const engine::Reply& reply) {
  Json json = Json::object();
  if (reply.mission.empty()) {
    json.set("subject", reply.subject).set("revision", reply.revision.value());
    json.set("detail", reply.detail);
    return json;
  }
  const model::ScopedName mission = model::split(reply.mission.view());
  json.set("mission", mission.name).set("uid", reply.uid.str());
  if (mission.ns.view() != model::kDefaultNamespace) {
    json.set("namespace", mission.ns.str());
  }
  json.set("state", to_string(reply.state)).set("revision", reply.revision.value());
  if (reply.existing) {
    json.set("existing", true);
  }
  if (!reply.detail.is_null()) {
    json.set("detail", reply.detail);
  }
  return json;
}

Result<Namespace> namespace_of(const protocol::Request& request, const Caller& caller) {
  if (!is_run(caller.principal)) {
    return request.ns.empty() ? Namespace(std::string(model::kDefaultNamespace)) : request.ns;
  }
  const std::string_view run = caller.principal.view();
  Namespace own = model::namespace_of(run.substr(run.find(':') + 1));
  if (request.ns.empty() || request.ns == own) {
    return own;
  }
  Error error = make_error(
      ErrorCode::PermissionDenied,
      concat("a run of namespace ", own.view(), " may do nothing in ", request.ns.view()),
      "namespace"
  );
  error.hint = "leave the namespace out";
  return error;
}

void add_engine_verbs(Verbs& verbs) {
  verbs.add(std::string(protocol::kSubmit), submit);
  verbs.add(std::string(protocol::kRetry), retry);
  verbs.add(std::string(protocol::kAbort), abort);
  verbs.add(std::string(protocol::kRelease), release);
  verbs.add(std::string(protocol::kDecide), decide);
  verbs.add(std::string(protocol::kObject), object);
}

void Verbs::add(std::string verb, ToCommand to_command) {
  commands_.emplace(std::move(verb), std::move(to_command));
}

void Verbs::add_other(std::string verb, RequestHandler handler) {
  others_.emplace(std::move(verb), std::move(handler));
}

void Verbs::handle(
    kernel::Loop& loop, protocol::Request request, const Caller& caller, Respond respond
) const {
  if (const auto other = others_.find(request.verb); other != others_.end()) {
    other->second(std::move(request), caller, std::move(respond));
    return;
  }
  const auto found = commands_.find(request.verb);
  if (found == commands_.end()) {
    std::vector<std::string> known;
    for (const auto& [verb, to_command] : commands_) {
      known.push_back(verb);
    }
    Error error = make_error(
        ErrorCode::Invalid,
        concat("the owner does not know the verb \"", request.verb, "\""),
        "verb"
    );
    const std::string near = nearest(request.verb, known);
    error.hint = near.empty() ? "it may be of an older version of reeve"
                              : concat("did you mean \"", near, "\"?");
    respond(std::move(error));
    return;
  }
  const Result<Namespace> ns = namespace_of(request, caller);
  Result<engine::Command> command =
      ns ? found->second(request.args, *ns) : Result<engine::Command>(ns.error());
  if (!command) {
    respond(std::move(command).error());
    return;
  }
  kernel::Input input;
  // Nobody gets the answer to what somebody else asked, nor keeps them from asking.
  if (!request.id.empty()) {
    input.id = InputId(concat(caller.principal.view(), "/", request.id.view()));
  }
  input.principal = caller.principal;
  input.groups = caller.groups;
  input.correlation = CorrelationId(request.id.str());
  input.command = std::move(*command);
  input.done = [respond](Result<engine::Reply> outcome) {
    respond(outcome ? protocol::Response(to_json(*outcome)) : protocol::Response(outcome.error()));
  };
  if (Result<void> posted = loop.post(std::move(input)); !posted) {
    respond(std::move(posted).error());
  }
}

}  // namespace reeve::owner
