#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/handlers.h"
#include "api/listing.h"
#include "api/services.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/schema/discovery.h"

/// What clients ask about the server itself.
namespace reeve::api {

namespace {

namespace schema = resource::schema;

constexpr int kOk = 200;
constexpr std::string_view kJson = "application/json";

/// The version of Kubernetes whose conventions are served; clients compare it with their own.
Json version_info(std::string_view version) {
  Json info = Json::object();
  info.set("major", "1").set("minor", "33");
  info.set("gitVersion", concat("v1.33.0+reeve-", version)).set("gitCommit", "");
  info.set("gitTreeState", "clean").set("buildDate", "").set("goVersion", "");
  info.set("compiler", "clang").set("platform", "linux/amd64").set("reeve", version);
  return info;
}

bool answer_aggregated(const CallPtr& call, bool core) {
  if (call->shape.shape != resource::Shape::Discovery) {
    return false;
  }
  const auto version = call->shape.version == "v2" ? schema::DiscoveryVersion::V2
                                                   : schema::DiscoveryVersion::V2Beta1;
  answer(
      call,
      kOk,
      schema::aggregated_discovery_type(version),
      schema::aggregated_discovery(call->services->contracts, core, version).dump()
  );
  return true;
}

void answer_or_missing(const CallPtr& call, const std::optional<Json>& found) {
  if (found) {
    answer(call, kOk, *found);
  } else {
    answer(call, resource::path_not_found());
  }
}

void answer_openapi_v3(const CallPtr& call) {
  const std::string path = call->route.group.empty()
                               ? concat("api/", call->route.version)
                               : concat("apis/", call->route.group, "/", call->route.version);
  if (const std::string* document = call->services->open_api.get().v3(path)) {
    answer(call, kOk, kJson, std::string(*document));
  } else {
    answer(call, resource::path_not_found());
  }
}

void answer_openapi_v2(const CallPtr& call) {
  const schema::OpenApi& open_api = call->services->open_api.get();
  if (call->shape.shape == resource::Shape::OpenApiProtobuf) {
    answer(call, kOk, schema::kOpenApiProtobufType, std::string(open_api.v2_protobuf()));
  } else {
    answer(call, kOk, kJson, std::string(open_api.v2_json()));
  }
}

void answer_metrics(const CallPtr& call) {
  const bool openmetrics = telemetry::wants_openmetrics(call->request().headers.get("Accept"));
  if (openmetrics) {
    answer(call, kOk, telemetry::kOpenMetricsContentType, call->services->metrics.openmetrics());
  } else {
    answer(call, kOk, telemetry::kPrometheusContentType, call->services->metrics.prometheus());
  }
}

Json paths() {
  Json list = Json::array();
  for (const std::string_view path :
       {"/api",
        "/api/v1",
        "/apis",
        "/apis/reeve.dev",
        "/apis/reeve.dev/v1",
        "/health",
        "/livez",
        "/metrics",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/startupz",
        "/version"}) {
    list.push(path);
  }
  Json root = Json::object();
  root.set("paths", std::move(list));
  return root;
}

}  // namespace

void answer_about(const CallPtr& call) {
  const schema::Contracts& contracts = call->services->contracts;
  const Route& route = call->route;
  switch (route.kind) {
    case Route::Kind::Root:
      answer(call, kOk, paths());
      return;
    case Route::Kind::Metrics:
      answer_metrics(call);
      return;
    case Route::Kind::Version:
      answer(call, kOk, version_info(call->services->environment.version));
      return;
    case Route::Kind::OpenApiV2:
      answer_openapi_v2(call);
      return;
    case Route::Kind::OpenApiV3:
      answer(call, kOk, kJson, std::string(call->services->open_api.get().v3_index()));
      return;
    case Route::Kind::OpenApiV3Group:
      answer_openapi_v3(call);
      return;
    case Route::Kind::CoreVersions:
      if (!answer_aggregated(call, true)) {
        answer(call, kOk, schema::api_versions(call->request().host));
      }
      return;
    case Route::Kind::Groups:
      if (!answer_aggregated(call, false)) {
        answer(call, kOk, schema::api_group_list(contracts));
      }
      return;
    case Route::Kind::Group:
      answer_or_missing(call, schema::api_group(contracts, route.group));
      return;
    case Route::Kind::GroupVersion:
      answer_or_missing(call, schema::api_resource_list(contracts, route.group, route.version));
      return;
    case Route::Kind::Unknown:
    case Route::Kind::Health:
    case Route::Kind::Collection:
    case Route::Kind::Bulk:
    case Route::Kind::Object:
    case Route::Kind::Subresource:
    case Route::Kind::NamespaceEvents:
    case Route::Kind::Hook:
    case Route::Kind::Compatible:
    case Route::Kind::Otlp:
    case Route::Kind::Gateway:
      answer(call, resource::path_not_found());
      return;
  }
}

void answer_health(const CallPtr& call) {
  const std::string& name = call->route.name;
  const telemetry::Probe probe = name == "livez"      ? telemetry::Probe::Live
                                 : name == "readyz"   ? telemetry::Probe::Ready
                                 : name == "startupz" ? telemetry::Probe::Startup
                                                      : telemetry::Probe::Full;
  const bool known = !call->identity.in_group(access::kUnauthenticated);
  net::Server* server = call->services->server;
  call->services->health.report_async(
      probe,
      [server, call, known](const telemetry::HealthReport& report) {
        server->post([call, known, report] {
          answer(
              call,
              report.http_status(),
              report.json(known ? telemetry::Audience::Authorised : telemetry::Audience::Anonymous)
          );
        });
      }
  );
}

namespace {

/// The one host, if it is selected.
resource::Outcome<Json::Array> selected_hosts(const Call& call, const Json& host) {
  REEVE_TRY(
      const resource::ListOptions options, resource::parse_list_options(call.request().query)
  );
  if (const auto problem = check_version(call, options.resource_version)) {
    return *problem;
  }
  if (!options.continue_token.empty()) {
    return resource::bad_request("continue: there is one page of hosts");
  }
  REEVE_TRY(const Selection selection, select(call, options));
  view::Projected object;
  object.object = host;
  object.name = host.find("metadata")->get_string("name");
  Json::Array items;
  if (selection.selector.matches(object)) {
    items.push_back(host);
  }
  return items;
}

}  // namespace

void get_host(const CallPtr& call) {
  Json host = call->services->environment.host();
  const std::string version = std::to_string(call->services->view.revision().value());
  host.find("metadata")->set("resourceVersion", version);
  if (!call->route.name.empty()) {
    if (host.find("metadata")->get_string("name") == call->route.name) {
      answer_object(call, kOk, host);
    } else {
      answer(call, resource::not_found(call->resource(), call->route.name));
    }
    return;
  }
  resource::Outcome<Json::Array> items = selected_hosts(*call, host);
  if (!items) {
    answer(call, items.error());
    return;
  }
  const resource::ListPage page{
      .resource_version = version, .continue_token = {}, .remaining_item_count = {}};
  answer_objects(call, page, std::move(*items));
}

}  // namespace reeve::api
