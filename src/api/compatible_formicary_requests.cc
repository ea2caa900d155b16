#include <utility>

#include "api/compat/formicary_graph.h"
#include "api/compatible_formicary.h"
#include "api/services.h"
#include "base/strings.h"
#include "workflow/graph.h"

/// Formicary's job requests: Missions; and what people decide about them.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

std::string path_of(const CallPtr& call, const std::string& name) {
  return concat(collection(call, "missions"), "/", name);
}

/// Of a task of a job request.
std::string approval_path(const CallPtr& call, const Words& words) {
  return concat(collection(call, "approvals"), "/", words[0], ".", words[1]);
}

/// The tasks of a mission with their states, in the workflow as it was submitted; empty: it was
/// answered.
std::optional<std::string> drawn(
    const CallPtr& call, const std::string& name, workflow::GraphFormat format
) {
  const view::ProjectedPtr mission = found(call, call->services->types.of(Storage::Mission), name);
  if (mission == nullptr) {
    return {};
  }
  const Json* status = mission->object.find("status");
  const Json* of = status == nullptr ? nullptr : status->find("workflow");
  const auto workflow = workflow_of(
      call,
      of == nullptr ? std::string() : of->get_string("name"),
      of == nullptr ? std::string() : of->get_string("digest")
  );
  if (!workflow) {
    answer(call, workflow.error());
    return {};
  }
  workflow::TaskStates states;
  const Json* tasks = status == nullptr ? nullptr : status->find("tasks");
  for (const Json& task :
       tasks != nullptr && tasks->is_array() ? tasks->as_array() : Json::Array()) {
    states[task.get_string("name")] = task.get_string("state");
  }
  return workflow::draw(**workflow, format, states);
}

}  // namespace

void list_requests(const CallPtr& call, const Words& /*words*/) {
  const ApiType& missions = call->services->types.of(Storage::Mission);
  answer_page(call, missions, [call](const Json& object) -> Result<Json::Array> {
    Json request = job_request(object);
    REEVE_TRY(const bool fits, wanted(request, call->request().query));
    return fits ? Json::Array{std::move(request)} : Json::Array();
  });
}

void submit_request(const CallPtr& call, const Words& /*words*/) {
  const Result<Json> body = body_of(call);
  Result<Json> mission = body ? mission_of(*body) : Result<Json>(body.error());
  const std::string at = collection(call, "missions");
  if (!mission) {
    if (may(call, call->services->types.of(Storage::Mission), "create", namespace_of(call))) {
      answer_invalid(call, mission.error());
    }
    return;
  }
  forward(
      call,
      {.method = "POST", .path = at, .body = std::move(*mission)},
      [](int /*status*/, const Json& made) {
        return Translated{.status = kCreated, .body = job_request(made)};
      }
  );
}

void get_request(const CallPtr& call, const Words& words) {
  forward(
      call,
      {.method = "GET", .path = path_of(call, words[0])},
      [](int status, const Json& mission) {
        return Translated{.status = status, .body = job_request(mission)};
      }
  );
}

void cancel_request(const CallPtr& call, const Words& words) {
  forward(call, {.method = "POST", .path = concat(path_of(call, words[0]), "/abort")}, nothing);
}

/// What has ended is continued by a new request; what is held goes on.
void restart_request(const CallPtr& call, const Words& words) {
  const std::string at = path_of(call, words[0]);
  // Which of the two it will be tells where it stands: only to who may see it.
  const view::ProjectedPtr mission =
      found(call, call->services->types.of(Storage::Mission), words[0]);
  if (mission == nullptr) {
    return;
  }
  if (job_state(mission->object) == "PAUSED") {
    forward(call, {.method = "POST", .path = concat(at, "/release")}, nothing);
    return;
  }
  forward(
      call,
      {.method = "POST", .path = concat(at, "/retry"), .body = Json::object()},
      [](int /*status*/, const Json& made) {
        return Translated{.status = kOk, .body = job_request(made)};
      }
  );
}

/// One that is held goes on now.
void trigger_request(const CallPtr& call, const Words& words) {
  forward(call, {.method = "POST", .path = concat(path_of(call, words[0]), "/release")}, nothing);
}

void get_request_mermaid(const CallPtr& call, const Words& words) {
  if (const auto text = drawn(call, words[0], workflow::GraphFormat::Mermaid)) {
    answer(call, kOk, kPlainText, *text);
  }
}

void get_request_dot(const CallPtr& call, const Words& words) {
  const auto text = drawn(call, words[0], workflow::GraphFormat::Json);
  if (!text) {
    return;
  }
  const Result<Json> drawing = parse_json(*text);
  drawing ? answer(call, kOk, kPlainText, dot_of(*drawing)) : answer(call, drawing.error());
}

void get_approval(const CallPtr& call, const Words& words) {
  const std::string at = approval_path(call, words);
  forward(call, {.method = "GET", .path = at}, [](int status, const Json& approval) {
    return Translated{.status = status, .body = approval_status(approval)};
  });
}

void vote(const CallPtr& call, const Words& words) {
  const std::string at = approval_path(call, words);
  const Result<Json> body = body_of(call);
  const Result<Vote> given = body ? vote_of(*body) : Result<Vote>(body.error());
  if (!given) {
    answer_invalid(call, given.error());
    return;
  }
  Json decision = Json::object();
  if (!given->message.empty()) {
    decision.set("message", given->message);
  }
  forward(
      call,
      {.method = "POST", .path = concat(at, "/", given->decision), .body = std::move(decision)},
      // The answer is the mission; where the approval stands is what was asked for.
      [call, at](int /*status*/, const Json& /*mission*/) {
        const ApiType& approvals = call->services->types.of(Storage::Approval);
        const view::ProjectedPtr found = call->services->view.get(
            *approvals.view, namespace_of(call), at.substr(at.rfind('/') + 1)
        );
        return Translated{
            .status = kOk,
            .body = approval_status(found == nullptr ? Json::object() : found->object)};
      }
  );
}

void list_pending(const CallPtr& call, const Words& /*words*/) {
  const ApiType& approvals = call->services->types.of(Storage::Approval);
  answer_page(call, approvals, [](const Json& object) {
    const Json* status = object.find("status");
    const bool open = status != nullptr && status->get_string("state") == "pending";
    return open ? Json::Array{pending_approval(object)} : Json::Array();
  });
}

}  // namespace reeve::api::formicary
