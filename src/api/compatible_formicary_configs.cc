#include <utility>

#include "api/compatible_formicary.h"
#include "api/services.h"
#include "base/strings.h"
#include "resource/status.h"

/// Formicary's configs: secret ones are Credentials, of one job or of all.
namespace reeve::api::formicary {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;

/// The value is never told.
Json config_of(const std::string& name) {
  Json config = Json::object();
  config.set("id", name).set("name", name).set("secret", true).set("value", "*****");
  return config;
}

/// Whether a credential is one of the job's, or, without a job, one of all.
bool is_of(const Json& credential, const std::string& job) {
  const Json* spec = credential.find("spec");
  const Json* jobs = spec == nullptr ? nullptr : spec->find("workflows");
  const bool of_some = jobs != nullptr && jobs->is_array() && !jobs->as_array().empty();
  if (!of_some) {
    return job.empty();
  }
  for (const Json& each : jobs->as_array()) {
    if (each.is_string() && each.as_string() == job && !job.empty()) {
      return true;
    }
  }
  return false;
}

/// Secret values become credentials: of one job, or of all.
void save_config(const CallPtr& call, const std::string& job, const std::string& named) {
  const Result<Json> body = body_of(call);
  const std::string name = !named.empty() ? named : body ? body->get_string("name") : std::string();
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
  // Who may make none is not told which there are.
  if (!may(call, credentials, "create", ns)) {
    return;
  }
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
  const std::string at = collection(call, "credentials");
  forward(
      call,
      {.method = known ? "PATCH" : "POST",
       .path = known ? concat(at, "/", name) : at,
       .body = std::move(object),
       .content_type = known ? kMergePatch : "application/json"},
      [name, known](int /*status*/, const Json& /*made*/) {
        return Translated{.status = known ? kOk : kCreated, .body = config_of(name)};
      }
  );
}

void list_configs(const CallPtr& call, const std::string& job) {
  const ApiType& credentials = call->services->types.of(Storage::Credential);
  answer_page(call, credentials, [job](const Json& object) {
    return is_of(object, job) ? Json::Array{config_of(object.find("metadata")->get_string("name"))}
                              : Json::Array();
  });
}

void get_config(const CallPtr& call, const std::string& job, const std::string& name) {
  const ApiType& credentials = call->services->types.of(Storage::Credential);
  const view::ProjectedPtr object = found(call, credentials, name);
  if (object == nullptr) {
    return;
  }
  if (!is_of(object->object, job)) {
    answer(call, resource::not_found(credentials.name, name));
    return;
  }
  answer(call, kOk, config_of(name));
}

void delete_config(const CallPtr& call, const std::string& name) {
  forward(
      call,
      {.method = "DELETE", .path = concat(collection(call, "credentials"), "/", name)},
      nothing
  );
}

}  // namespace

void list_org_configs(const CallPtr& call, const Words& /*words*/) {
  list_configs(call, {});
}

void save_org_config(const CallPtr& call, const Words& /*words*/) {
  save_config(call, {}, {});
}

void get_org_config(const CallPtr& call, const Words& words) {
  get_config(call, {}, words[1]);
}

void replace_org_config(const CallPtr& call, const Words& words) {
  save_config(call, {}, words[1]);
}

void delete_org_config(const CallPtr& call, const Words& words) {
  delete_config(call, words[1]);
}

void list_job_configs(const CallPtr& call, const Words& words) {
  list_configs(call, words[0]);
}

void save_job_config(const CallPtr& call, const Words& words) {
  save_config(call, words[0], {});
}

void get_job_config(const CallPtr& call, const Words& words) {
  get_config(call, words[0], words[1]);
}

void replace_job_config(const CallPtr& call, const Words& words) {
  save_config(call, words[0], words[1]);
}

void delete_job_config(const CallPtr& call, const Words& words) {
  delete_config(call, words[1]);
}

}  // namespace reeve::api::formicary
