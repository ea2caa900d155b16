#include <utility>

#include "api/compatible_formicary.h"
#include "api/services.h"

/// Formicary's organisations, workers, and what these carry out: namespaces, hosts, runs.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* inner = object.find(name);
  return inner == nullptr ? kNone : *inner;
}

Json org_of(const Json& ns) {
  const Json& metadata = member(ns, "metadata");
  const std::string name = metadata.get_string("name");
  Json made = Json::object();
  made.set("id", name).set("org_unit", name).set("bundle_id", name);
  made.set("active", member(ns, "status").get_string("phase") != "Terminating");
  made.set("created_at", metadata.get_string("creationTimestamp"));
  return made;
}

Json ant_of(const Json& host, std::int64_t load) {
  const Json& status = member(host, "status");
  const std::string name = member(host, "metadata").get_string("name");
  Json made = Json::object();
  made.set("ant_id", name).set("id", name);
  Json tags = Json::array();
  const Json& labels = member(status, "labels");
  for (const auto& [label, value] : labels.is_object() ? labels.as_object() : Json::Object()) {
    tags.push(label);
  }
  made.set("tags", std::move(tags));
  const Json* methods = status.find("methods");
  made.set("methods", methods == nullptr ? Json::array() : *methods);
  made.set("max_capacity", member(status, "capacity").get_int("slots"));
  made.set("current_load", load);
  return made;
}

bool is_carried_out(const Json& run) {
  const std::string state = member(run, "status").get_string("state");
  return state == "ACTIVE" || state == "LAUNCHING";
}

Json executor_of(const Json& run) {
  const Json& spec = member(run, "spec");
  const Json& status = member(run, "status");
  const std::string name = member(run, "metadata").get_string("name");
  Json made = Json::object();
  made.set("id", name).set("name", name).set("ant_id", status.get_string("host"));
  made.set("job_request_id", spec.get_string("mission"));
  made.set("task_type", spec.get_string("task")).set("state", status.get_string("state"));
  made.set("started_at", status.get_string("startedAt"));
  return made;
}

}  // namespace

void list_orgs(const CallPtr& call, const Words& /*words*/) {
  const ApiType& namespaces = call->services->types.of(journal::Kind::Namespace);
  answer_page(call, namespaces, [](const Json& ns) { return Json::Array{org_of(ns)}; });
}

void get_org(const CallPtr& call, const Words& words) {
  forward(
      call,
      {.method = "GET", .path = "/api/v1/namespaces/" + words[0]},
      [](int status, const Json& ns) { return Translated{.status = status, .body = org_of(ns)}; }
  );
}

void list_ants(const CallPtr& call, const Words& /*words*/) {
  const ApiType& hosts = call->services->types.of(Storage::Host);
  const ApiType& runs = call->services->types.of(Storage::Run);
  if (!may(call, hosts, "list", {})) {
    return;
  }
  const auto all = objects_of(call, runs, {});
  if (!all) {
    answer(call, all.error());
    return;
  }
  std::int64_t load = 0;
  for (const Json& run : *all) {
    load += is_carried_out(run) ? 1 : 0;
  }
  Json list = Json::array();
  list.push(ant_of(call->services->environment.host(), load));
  answer(call, kOk, list);
}

void list_executors(const CallPtr& call, const Words& /*words*/) {
  const ApiType& runs = call->services->types.of(Storage::Run);
  answer_page(call, runs, [](const Json& run) {
    return is_carried_out(run) ? Json::Array{executor_of(run)} : Json::Array();
  });
}

}  // namespace reeve::api::formicary
