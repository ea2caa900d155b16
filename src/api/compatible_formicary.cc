#include "api/compatible_formicary.h"

#include <array>
#include <utility>

#include "api/access.h"
#include "api/hooks.h"
#include "api/services.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/status.h"
#include "security/access/identity.h"
#include "workflow/document/yaml.h"

/// Formicary's REST API (docs/guides/formicary.md): its paths, and what they share. Errors are
/// ours; they have `message`, as its errors do.
namespace reeve::api {

namespace formicary {

namespace {

constexpr int kOk = 200;
constexpr int kNotImplemented = 501;

/// What `/readyz` says, in one word, to everybody who may ask for such paths.
void answer_health_of(const CallPtr& call, const Words& /*words*/) {
  if (const auto refused = call->services->access.authorize(*call, attributes_of(*call))) {
    answer(call, *refused);
    return;
  }
  net::Server* server = call->services->server;
  call->services->health.report_async(
      telemetry::Probe::Ready,
      [server, call](const telemetry::HealthReport& report) {
        server->post([call, status = report.http_status()] {
          answer(call, status, Json::object().set("status", status == kOk ? "UP" : "DOWN"));
        });
      }
  );
}

void answer_metrics_of(const CallPtr& call, const Words& /*words*/) {
  forward(call, {.method = "GET", .path = "/metrics"}, nullptr);
}

/// One of Formicary's paths.
struct Path {
  std::string_view method;  ///< empty: any
  /// `*` is one part that may be anything; `**`, at the end, whatever follows.
  std::string_view pattern;
  /// Null: there is no such thing here.
  void (*serve)(const CallPtr& call, const Words& words) = nullptr;
  /// What to use in its place.
  std::string_view instead = {};
};

constexpr std::string_view kRendered = "render /dot, or use reeve graph --format svg";
constexpr std::string_view kUsers =
    "users come from tokens, certificates and identity providers (docs/guides/access.md): reeve "
    "token create, list, revoke";
constexpr std::string_view kNamespaces =
    "organisations are namespaces: reeve namespace, or Namespaces at /api/v1/namespaces";
constexpr std::string_view kPools =
    "pools say how much of a resource there is: reeve pool set, list";
constexpr std::string_view kHidden = "values of credentials are never shown";
constexpr std::string_view kSettings = "reeve config set, list; secrets: /api/orgs/ORG/configs";
constexpr std::string_view kWorkers = "runs are carried out by the hosts of the server: reeve up";

// The first one that fits counts.
constexpr auto kPaths = std::to_array<Path>({
    // clang-format off
    {"GET", "api/jobs/definitions", list_definitions},
    {"POST", "api/jobs/definitions", save_definition},
    {"GET", "api/jobs/definitions/stats", get_definition_stats},
    {"GET", "api/jobs/definitions/type/*/versions", list_definition_versions},
    {"GET", "api/jobs/definitions/*", get_definition},
    {"DELETE", "api/jobs/definitions/*", delete_definition},
    {"GET", "api/jobs/definitions/*/yaml", get_definition_text},
    {"GET", "api/jobs/definitions/*/mermaid", get_definition_mermaid},
    {"GET", "api/jobs/definitions/*/dot", get_definition_dot},
    {"GET", "api/jobs/definitions/*/dot.png", nullptr, kRendered},
    {"POST", "api/jobs/definitions/*/enable", enable_definition},
    {"POST", "api/jobs/definitions/*/disable", disable_definition},
    {"PUT", "api/jobs/definitions/*/concurrency", nullptr, "max_concurrency is part of the document: deploy it again"},
    {"GET", "api/jobs/definitions/*/configs", list_job_configs},
    {"POST", "api/jobs/definitions/*/configs", save_job_config},
    {"GET", "api/jobs/definitions/*/configs/*", get_job_config},
    {"PUT", "api/jobs/definitions/*/configs/*", replace_job_config},
    {"DELETE", "api/jobs/definitions/*/configs/*", delete_job_config},
    {"GET", "api/jobs/plugins", list_plugins},
    {"GET", "api/jobs/requests", list_requests},
    {"POST", "api/jobs/requests", submit_request},
    {"GET", "api/jobs/requests/stats", get_request_stats},
    {"GET", "api/jobs/requests/dead_ids", list_dead_ids},
    {"GET", "api/jobs/requests/*", get_request},
    {"POST", "api/jobs/requests/*/cancel", cancel_request},
    {"POST", "api/jobs/requests/*/pause", nullptr, "a mission is paused by its own gates and PAUSE_JOB; disable the job to start no more, or cancel this request"},
    {"POST", "api/jobs/requests/*/restart", restart_request},
    {"POST", "api/jobs/requests/*/trigger", trigger_request},
    {"GET", "api/jobs/requests/*/wait_time", get_wait_time},
    {"GET", "api/jobs/requests/*/mermaid", get_request_mermaid},
    {"GET", "api/jobs/requests/*/dot", get_request_dot},
    {"GET", "api/jobs/requests/*/dot.png", nullptr, kRendered},
    {"POST", "api/jobs/requests/*/tasks/*/vote", vote},
    {"GET", "api/jobs/requests/*/tasks/*/approval", get_approval},
    {"GET", "api/approvals/pending", list_pending},
    {"GET", "api/artifacts", list_artifacts},
    {"GET", "api/artifacts/*", get_artifact},
    {"GET", "api/artifacts/*/download", download_artifact},
    {"GET", "api/artifacts/*/download/raw", download_artifact},
    {"POST", "api/artifacts", send_artifact},
    {"DELETE", "api/artifacts/*", delete_artifact},
    {"", "api/jobs/resources/**", nullptr, kPools},
    {"GET", "api/orgs", list_orgs},
    {"GET", "api/orgs/usage_report", nullptr, "there are no accounts of usage: /metrics, reeve top"},
    {"GET", "api/orgs/*", get_org},
    {"GET", "api/orgs/*/configs", list_org_configs},
    {"POST", "api/orgs/*/configs", save_org_config},
    {"", "api/orgs/*/configs/*/reveal", nullptr, kHidden},
    {"GET", "api/orgs/*/configs/*", get_org_config},
    {"PUT", "api/orgs/*/configs/*", replace_org_config},
    {"DELETE", "api/orgs/*/configs/*", delete_org_config},
    {"", "api/orgs/**", nullptr, kNamespaces},
    {"", "api/users/**", nullptr, kUsers},
    {"", "api/configs/**", nullptr, kSettings},
    {"", "api/errors/**", nullptr, "on_exit_code of the task says what a code means"},
    {"", "api/subscriptions/**", nullptr, "a BudgetQuota bounds what a namespace may spend"},
    {"GET", "api/ants", list_ants},
    {"GET", "api/executors", list_executors},
    {"DELETE", "api/executors/*", nullptr, "cancel the job request: POST /api/jobs/requests/ID/cancel"},
    {"GET", "api/audits", nullptr, "the journal: reeve events, reeve export; /apis/reeve.dev/v1/namespaces/NS/events"},
    {"POST", "api/logs", nullptr, "what a script writes is its log: /apis/reeve.dev/v1/namespaces/NS/missions/ID/log"},
    {"GET", "api/health", answer_health_of},
    {"GET", "api/metrics", answer_metrics_of},
    {"POST", "api/admin/jobs/retention/purge", nullptr, "delete missions: DELETE /apis/reeve.dev/v1/namespaces/NS/missions with a selector"},
    {"GET", "ws/subscriptions", subscribe},
    {"", "ws/ants", nullptr, kWorkers},
    {"", "ws/queue", nullptr, "channels carry messages: reeve channel send, receive"},
    // clang-format on
});

/// Whether a path is of that pattern; `words` gets what is in the places of `*`.
bool fits(const std::vector<std::string>& path, std::string_view pattern, Words& words) {
  words.clear();
  std::size_t at = 0;
  for (const std::string_view part : split(pattern, '/')) {
    if (part == "**") {
      return true;
    }
    if (at == path.size() || (part != "*" && part != path[at])) {
      return false;
    }
    if (part == "*") {
      words.push_back(path[at]);
    }
    ++at;
  }
  return at == path.size();
}

/// What is not here, and the way there is.
void refuse(const CallPtr& call, std::string_view instead) {
  if (call->identity.in_group(access::kUnauthenticated)) {
    answer(call, resource::unauthorized());
    return;
  }
  resource::Status status;
  status.code = kNotImplemented;
  status.reason = "NotImplemented";
  status.message = concat("Formicary's path is not served here; instead: ", instead);
  answer(call, status);
}

}  // namespace

std::string collection(const CallPtr& call, std::string_view plural) {
  return concat("/apis/reeve.dev/v1/namespaces/", namespace_of(call), "/", plural);
}

void answer_invalid(const CallPtr& call, const Error& error) {
  answer(call, resource::bad_request(error.describe()));
}

Translated nothing(int /*status*/, const Json& /*body*/) {
  return {.status = kOk, .body = {}};
}

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

std::optional<std::vector<Json>> listed(const CallPtr& call, const ApiType& type) {
  const std::string ns = type.namespaced() ? namespace_of(call) : std::string();
  if (!may(call, type, "list", ns)) {
    return {};
  }
  resource::Outcome<std::vector<Json>> objects = objects_of(call, type, ns);
  if (!objects) {
    answer(call, objects.error());
    return {};
  }
  return std::move(*objects);
}

view::ProjectedPtr found(const CallPtr& call, const ApiType& type, const std::string& name) {
  const std::string ns = namespace_of(call);
  if (!may(call, type, "get", ns, name)) {
    return nullptr;
  }
  view::ProjectedPtr object = call->services->view.get(*type.view, ns, name);
  if (object == nullptr) {
    answer(call, resource::not_found(type.name, name));
  }
  return object;
}

void answer_page(const CallPtr& call, const ApiType& type, const Records& records) {
  const auto objects = listed(call, type);
  if (!objects) {
    return;
  }
  const Result<Paging> paging = paging_of(call->request().query);
  if (!paging) {
    answer_invalid(call, paging.error());
    return;
  }
  Json::Array all;
  for (const Json& object : *objects) {
    Result<Json::Array> some = records(object);
    if (!some) {
      answer_invalid(call, some.error());
      return;
    }
    for (Json& record : *some) {
      all.push_back(std::move(record));
    }
  }
  answer(call, kOk, page_of(all, *paging));
}

Result<std::shared_ptr<const workflow::Workflow>> workflow_of(
    const CallPtr& call, std::string_view name, std::string_view digest
) {
  Services& services = *call->services;
  if (services.hooks == nullptr) {
    services.hooks = std::make_shared<HookWorkflows>(services.reader);
  }
  Json status = Json::object();
  status.set("digest", digest);
  Json shown = Json::object();
  shown.set("status", std::move(status));
  return services.hooks->find(Namespace(namespace_of(call)), name, shown);
}

}  // namespace formicary

bool answer_formicary(const CallPtr& call) {
  const std::vector<std::string> parts = parts_of(call->request().path);
  formicary::Words words;
  for (const formicary::Path& path : formicary::kPaths) {
    const bool asked = path.method.empty() || path.method == call->request().method;
    if (!asked || !formicary::fits(parts, path.pattern, words)) {
      continue;
    }
    path.serve == nullptr ? formicary::refuse(call, path.instead) : path.serve(call, words);
    return true;
  }
  return false;
}

}  // namespace reeve::api
