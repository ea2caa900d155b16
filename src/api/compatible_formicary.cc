#include <array>
#include <utility>

#include "api/compat/formicary.h"
#include "api/compatible.h"
#include "api/hooks.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "workflow/document/yaml.h"
#include "workflow/graph.h"
#include "workflow/load/load.h"

/// Formicary's REST API (docs/guides/formicary.md). Errors are ours; they have `message`, as its
/// errors do.
namespace reeve::api {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kUnavailable = 503;

using Parts = std::vector<std::string>;

std::string collection(const std::string& ns, std::string_view plural) {
  return concat("/apis/reeve.dev/v1/namespaces/", ns, "/", plural);
}

void answer_invalid(const CallPtr& call, const Error& error) {
  answer(call, resource::bad_request(error.describe()));
}

Translated nothing(int /*status*/, const Json& /*body*/) {
  return {.status = kOk, .body = {}};
}

/// JSON or YAML, whatever its Content-Type says.
Result<Json> body_of(const CallPtr& call) {
  const std::string& text = call->request().body;
  if (text.empty()) {
    return Json::object();
  }
  if (Result<Json> parsed = parse_json(text)) {
    return parsed;
  }
  REEVE_TRY(const document::Node node, document::parse_yaml(text));
  return document::to_json(node);
}

// --- job definitions ----------------------------------------------------------------------------

Result<std::shared_ptr<const workflow::Workflow>> deployed(
    const CallPtr& call, const std::string& ns, const view::Projected& shown
) {
  Services& services = *call->services;
  if (services.hooks == nullptr) {
    services.hooks = std::make_shared<HookWorkflows>(services.reader);
  }
  return services.hooks->find(Namespace(ns), shown.name, shown.object);
}

void list_definitions(const CallPtr& call) {
  const std::string ns = namespace_of(call);
  const ApiType& workflows = call->services->types.of(Storage::Workflow);
  if (!may(call, workflows, "list", ns)) {
    return;
  }
  const Result<formicary::Paging> paging = formicary::paging_of(call->request().query);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  const resource::Outcome<std::vector<Json>> objects = objects_of(call, workflows, ns);
  if (!objects) {
    answer(call, objects.error());
    return;
  }
  const std::string_view type = query_value(call, "job_type");
  Json::Array records;
  for (const Json& object : *objects) {
    // The text of each is to be had one by one.
    Json made = formicary::job_definition(object, {});
    if (type.empty() || made.get_string("job_type") == type) {
      records.push_back(std::move(made));
    }
  }
  answer(call, kOk, formicary::page_of(records, *paging));
}

void get_definition(const CallPtr& call, const std::string& name, std::string_view form) {
  const std::string ns = namespace_of(call);
  const ApiType& workflows = call->services->types.of(Storage::Workflow);
  if (!may(call, workflows, "get", ns, name)) {
    return;
  }
  const view::ProjectedPtr found = call->services->view.get(*workflows.view, ns, name);
  if (found == nullptr) {
    answer(call, resource::not_found(workflows.name, name));
    return;
  }
  const auto workflow = deployed(call, ns, *found);
  if (!workflow) {
    answer(call, workflow.error());
    return;
  }
  if (form == "yaml") {
    answer(call, kOk, "application/yaml", (*workflow)->source);
  } else if (form == "mermaid") {
    answer(
        call,
        kOk,
        "text/plain; charset=utf-8",
        workflow::draw(**workflow, workflow::GraphFormat::Mermaid)
    );
  } else {
    answer(call, kOk, formicary::job_definition(found->object, (*workflow)->source));
  }
}

/// Deploys a text: the next version if there is one of that name.
void save_definition(const CallPtr& call) {
  const std::string ns = namespace_of(call);
  const std::string source = call->request().body;
  const workflow::Loaded loaded = workflow::load(source, {});
  const ApiType& workflows = call->services->types.of(Storage::Workflow);
  const std::string name = loaded.ok() ? loaded.workflow->name : std::string();
  const bool known = loaded.ok() && call->services->view.get(*workflows.view, ns, name) != nullptr;
  // Who may not deploy is told nothing about a text either.
  if (!may(call, workflows, known ? "update" : "create", ns, known ? name : std::string())) {
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
      answer(call, known ? kOk : kCreated, formicary::job_definition(made->object, text));
    }
  });
}

// --- configs ------------------------------------------------------------------------------------

/// Secret values become credentials: of one job, or of all.
void save_config(const CallPtr& call, const std::string& job) {
  const Result<Json> body = body_of(call);
  const std::string name = body ? body->get_string("name") : std::string();
  const std::string value = body ? body->get_string("value") : std::string();
  if (name.empty() || value.empty()) {
    answer(call, resource::bad_request("a config needs name and value"));
    return;
  }
  if (!body->get_bool("secret")) {
    answer(
        call,
        resource::bad_request(
            "only configs with \"secret\": true are kept here; reeve config set keeps plain values"
        )
    );
    return;
  }
  const std::string ns = namespace_of(call);
  const ApiType& credentials = call->services->types.of(Storage::Credential);
  const bool known = call->services->view.get(*credentials.view, ns, name) != nullptr;
  Json spec = Json::object();
  spec.set("value", value);
  if (!job.empty()) {
    Json jobs = Json::array();
    jobs.push(job);
    spec.set("workflows", std::move(jobs));
  }
  Json metadata = Json::object();
  metadata.set("name", name);
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "Credential");
  object.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  const std::string at = collection(ns, "credentials");
  forward(
      call,
      {.method = known ? "PATCH" : "POST",
       .path = known ? concat(at, "/", name) : at,
       .body = std::move(object),
       .content_type = known ? kMergePatch : "application/json"},
      [name, known](int /*status*/, const Json& /*made*/) {
        Json config = Json::object();
        config.set("id", name).set("name", name).set("secret", true).set("value", "*****");
        return Translated{.status = known ? kOk : kCreated, .body = std::move(config)};
      }
  );
}

void list_configs(const CallPtr& call, const std::string& job) {
  const std::string ns = namespace_of(call);
  const ApiType& credentials = call->services->types.of(Storage::Credential);
  if (!may(call, credentials, "list", ns)) {
    return;
  }
  const Result<formicary::Paging> paging = formicary::paging_of(call->request().query);
  const resource::Outcome<std::vector<Json>> objects = objects_of(call, credentials, ns);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  if (!objects) {
    answer(call, objects.error());
    return;
  }
  Json::Array records;
  for (const Json& object : *objects) {
    const Json* spec = object.find("spec");
    const Json* jobs = spec == nullptr ? nullptr : spec->find("workflows");
    bool of_job = false;
    const bool of_some = jobs != nullptr && jobs->is_array() && !jobs->as_array().empty();
    for (const Json& each : of_some ? jobs->as_array() : Json::Array()) {
      of_job = of_job || (each.is_string() && each.as_string() == job);
    }
    if (job.empty() ? of_some : !of_job) {
      continue;
    }
    const std::string name = object.find("metadata")->get_string("name");
    Json config = Json::object();
    config.set("id", name).set("name", name).set("secret", true).set("value", "*****");
    records.push_back(std::move(config));
  }
  answer(call, kOk, formicary::page_of(records, *paging));
}

bool answer_configs(const CallPtr& call, const std::string& job, const Parts& rest) {
  const std::string& method = call->request().method;
  if (rest.empty() && method == "GET") {
    list_configs(call, job);
  } else if (rest.empty() && method == "POST") {
    save_config(call, job);
  } else if (rest.size() == 1 && method == "DELETE") {
    const std::string at = collection(namespace_of(call), "credentials");
    forward(call, {.method = "DELETE", .path = concat(at, "/", rest[0])}, nothing);
  } else {
    return false;
  }
  return true;
}

bool answer_definitions(const CallPtr& call, const Parts& rest) {
  const std::string& method = call->request().method;
  if (rest.empty() && (method == "GET" || method == "POST")) {
    method == "GET" ? list_definitions(call) : save_definition(call);
    return true;
  }
  if (rest.size() >= 2 && rest[1] == "configs") {
    return answer_configs(call, rest[0], Parts(rest.begin() + 2, rest.end()));
  }
  const std::string form = rest.size() == 2 ? rest[1] : std::string();
  if (method == "GET" && (rest.size() == 1 || form == "yaml" || form == "mermaid")) {
    get_definition(call, rest[0], form);
    return true;
  }
  const std::string at = rest.empty()
                             ? std::string()
                             : concat(collection(namespace_of(call), "workflows"), "/", rest[0]);
  if (method == "DELETE" && rest.size() == 1) {
    forward(call, {.method = "DELETE", .path = at}, nothing);
    return true;
  }
  if (method == "POST" && (form == "enable" || form == "disable")) {
    forward(call, {.method = "POST", .path = concat(at, "/", form)}, nothing);
    return true;
  }
  return false;
}

// --- job requests -------------------------------------------------------------------------------

void list_requests(const CallPtr& call) {
  const std::string ns = namespace_of(call);
  const ApiType& missions = call->services->types.of(Storage::Mission);
  if (!may(call, missions, "list", ns)) {
    return;
  }
  const formicary::Query& query = call->request().query;
  const Result<formicary::Paging> paging = formicary::paging_of(query);
  const resource::Outcome<std::vector<Json>> objects = objects_of(call, missions, ns);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  if (!objects) {
    answer(call, objects.error());
    return;
  }
  Json::Array records;
  for (const Json& object : *objects) {
    Json request = formicary::job_request(object);
    const Result<bool> wanted = formicary::wanted(request, query);
    if (!wanted) {
      answer_invalid(call, wanted.error());
      return;
    }
    if (*wanted) {
      records.push_back(std::move(request));
    }
  }
  answer(call, kOk, formicary::page_of(records, *paging));
}

void submit_request(const CallPtr& call) {
  const Result<Json> body = body_of(call);
  Result<Json> mission = body ? formicary::mission_of(*body) : Result<Json>(body.error());
  const std::string at = collection(namespace_of(call), "missions");
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
        return Translated{.status = kCreated, .body = formicary::job_request(made)};
      }
  );
}

void suspend(const CallPtr& call, const std::string& at, bool on) {
  Json spec = Json::object();
  spec.set("suspend", on);
  Json patch = Json::object();
  patch.set("spec", std::move(spec));
  forward(
      call,
      {.method = "PATCH", .path = at, .body = std::move(patch), .content_type = kMergePatch},
      nothing
  );
}

/// What has ended is continued by a new request; what is paused goes on.
void restart(const CallPtr& call, const std::string& at, const std::string& name) {
  const ApiType& missions = call->services->types.of(Storage::Mission);
  const view::ProjectedPtr found =
      call->services->view.get(*missions.view, namespace_of(call), name);
  const std::string state = found == nullptr ? std::string() : formicary::job_state(found->object);
  const Json* spec = found == nullptr ? nullptr : found->object.find("spec");
  if (state == "PAUSED" && spec != nullptr && spec->get_bool("suspend")) {
    suspend(call, at, false);
    return;
  }
  if (state == "PAUSED") {
    forward(call, {.method = "POST", .path = concat(at, "/release")}, nothing);
    return;
  }
  forward(
      call,
      {.method = "POST", .path = concat(at, "/retry"), .body = Json::object()},
      [](int /*status*/, const Json& made) {
        return Translated{.status = kOk, .body = formicary::job_request(made)};
      }
  );
}

void get_approval(const CallPtr& call, const std::string& at) {
  forward(call, {.method = "GET", .path = at}, [](int status, const Json& approval) {
    return Translated{.status = status, .body = formicary::approval_status(approval)};
  });
}

void vote(const CallPtr& call, const std::string& at) {
  const Result<Json> body = body_of(call);
  const Result<formicary::Vote> given =
      body ? formicary::vote_of(*body) : Result<formicary::Vote>(body.error());
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
            .body = formicary::approval_status(found == nullptr ? Json::object() : found->object)};
      }
  );
}

bool answer_one_request(const CallPtr& call, const std::string& name, const std::string& verb) {
  const std::string& method = call->request().method;
  const std::string at = concat(collection(namespace_of(call), "missions"), "/", name);
  if (method == "GET" && verb.empty()) {
    forward(call, {.method = "GET", .path = at}, [](int status, const Json& mission) {
      return Translated{.status = status, .body = formicary::job_request(mission)};
    });
  } else if (method == "POST" && verb == "cancel") {
    forward(call, {.method = "POST", .path = concat(at, "/abort")}, nothing);
  } else if (method == "POST" && verb == "pause") {
    suspend(call, at, true);
  } else if (method == "POST" && verb == "restart") {
    restart(call, at, name);
  } else {
    return false;
  }
  return true;
}

bool answer_requests(const CallPtr& call, const Parts& rest) {
  const std::string& method = call->request().method;
  if (rest.empty() && (method == "GET" || method == "POST")) {
    method == "GET" ? list_requests(call) : submit_request(call);
    return true;
  }
  if (rest.size() == 1 || rest.size() == 2) {
    return answer_one_request(call, rest[0], rest.size() == 2 ? rest[1] : std::string());
  }
  if (rest.size() != 4 || rest[1] != "tasks") {
    return false;
  }
  const std::string at =
      concat(collection(namespace_of(call), "approvals"), "/", rest[0], ".", rest[2]);
  if (method == "POST" && rest[3] == "vote") {
    vote(call, at);
    return true;
  }
  if (method == "GET" && rest[3] == "approval") {
    get_approval(call, at);
    return true;
  }
  return false;
}

// --- the rest -----------------------------------------------------------------------------------

void list_pending(const CallPtr& call) {
  const std::string ns = namespace_of(call);
  const ApiType& approvals = call->services->types.of(Storage::Approval);
  if (!may(call, approvals, "list", ns)) {
    return;
  }
  const Result<formicary::Paging> paging = formicary::paging_of(call->request().query);
  const resource::Outcome<std::vector<Json>> objects = objects_of(call, approvals, ns);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  if (!objects) {
    answer(call, objects.error());
    return;
  }
  Json::Array records;
  for (const Json& object : *objects) {
    const Json* status = object.find("status");
    if (status != nullptr && status->get_string("state") == "pending") {
      records.push_back(formicary::pending_approval(object));
    }
  }
  answer(call, kOk, formicary::page_of(records, *paging));
}

void answer_health_of(const CallPtr& call) {
  const bool well = call->services->kernel.health().healthy;
  Json body = Json::object();
  body.set("status", well ? "UP" : "DOWN");
  answer(call, well ? kOk : kUnavailable, body);
}

}  // namespace

bool answer_formicary(const CallPtr& call) {
  const Parts parts = parts_of(call->request().path);
  const std::string& method = call->request().method;
  const auto is = [&](std::size_t at, std::string_view text) {
    return parts.size() > at && parts[at] == text;
  };
  if (is(1, "jobs") && is(2, "definitions")) {
    return answer_definitions(call, Parts(parts.begin() + 3, parts.end()));
  }
  if (is(1, "jobs") && is(2, "requests")) {
    return answer_requests(call, Parts(parts.begin() + 3, parts.end()));
  }
  if (is(1, "orgs") && is(3, "configs")) {
    // The organisation is whoever asks; theirs ignores it, too.
    return answer_configs(call, {}, Parts(parts.begin() + 4, parts.end()));
  }
  if (is(1, "approvals") && is(2, "pending") && parts.size() == 3 && method == "GET") {
    list_pending(call);
    return true;
  }
  if (is(1, "health") && parts.size() == 2 && method == "GET") {
    answer_health_of(call);
    return true;
  }
  if (is(1, "metrics") && parts.size() == 2 && method == "GET") {
    forward(call, {.method = "GET", .path = "/metrics"}, nullptr);
    return true;
  }
  return false;
}

}  // namespace reeve::api
