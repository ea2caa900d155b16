#include "api/api.h"

#include <utility>

#include "api/access.h"
#include "api/call.h"
#include "api/compatible.h"
#include "api/handlers.h"
#include "api/services.h"
#include "base/strings.h"
#include "platform/posix/system.h"
#include "resource/query.h"
#include "security/access/verb.h"

namespace reeve::api {

namespace {

bool is_resource_route(Route::Kind kind) {
  return kind == Route::Kind::Collection || kind == Route::Kind::Bulk ||
         kind == Route::Kind::Object || kind == Route::Kind::Subresource ||
         kind == Route::Kind::NamespaceEvents;
}

bool wants_watch(const net::Request& request) {
  const std::string* watch = request.find_query("watch");
  return watch != nullptr && resource::parse_bool(*watch).value_or(false);
}

/// `watch=true` for one name, as old clients ask: the name becomes a field selector of its
/// collection by whoever lists.
std::string verb_of(const Call& call) {
  const net::Request& request = call.request();
  if (!is_resource_route(call.route.kind)) {
    return std::string(access::path_verb_of(request.method));
  }
  return std::string(access::verb_of(
      {.method = request.method,
       .named = !call.route.name.empty(),
       .watch = call.route.kind == Route::Kind::Collection && wants_watch(request)}
  ));
}

resource::Serving serving_of(const Call& call) {
  switch (call.route.kind) {
    case Route::Kind::CoreVersions:
    case Route::Kind::Groups:
      return resource::Serving::Discovery;
    case Route::Kind::OpenApiV2:
      return resource::Serving::OpenApiV2;
    case Route::Kind::Collection:
    case Route::Kind::Object:
      return resource::Serving::Objects;
    case Route::Kind::Subresource:
      return call.route.subresource == "status" ? resource::Serving::Objects
                                                : resource::Serving::JsonOnly;
    case Route::Kind::Bulk:
    case Route::Kind::Unknown:
    case Route::Kind::Root:
    case Route::Kind::Health:
    case Route::Kind::Metrics:
    case Route::Kind::Version:
    case Route::Kind::OpenApiV3:
    case Route::Kind::OpenApiV3Group:
    case Route::Kind::Group:
    case Route::Kind::GroupVersion:
    case Route::Kind::NamespaceEvents:
    case Route::Kind::Hook:
    case Route::Kind::Compatible:
    case Route::Kind::Otlp:
    case Route::Kind::Gateway:
      return resource::Serving::JsonOnly;
  }
  return resource::Serving::JsonOnly;
}

/// Answers that are text, whatever the client would like.
bool is_text(const Call& call) {
  return call.route.subresource == "log" || call.route.subresource == "events" ||
         call.route.kind == Route::Kind::Metrics || call.route.kind == Route::Kind::Health ||
         call.route.kind == Route::Kind::NamespaceEvents || call.route.kind == Route::Kind::Root;
}

void serve_object(const CallPtr& call) {
  if (call->type->storage == Storage::Host) {
    get_host(call);
  } else if (call->type->storage == Storage::Event) {
    get_event(call);
  } else if (call->verb == "get") {
    get_object(call);
  } else if (call->verb == "update") {
    replace_object(call);
  } else if (call->verb == "patch") {
    patch_object(call);
  } else {
    delete_object(call);
  }
}

void serve_collection(const CallPtr& call) {
  if (call->type->storage == Storage::Host) {
    get_host(call);
  } else if (call->type->storage == Storage::Event) {
    if (call->verb == "watch") {
      watch_events(call);
    } else {
      list_events(call);
    }
  } else if (call->type->storage == Storage::Review) {
    answer_review(call);
  } else if (call->verb == "list") {
    list_objects(call);
  } else if (call->verb == "watch") {
    watch_objects(call);
  } else if (call->verb == "create") {
    create_object(call);
  } else {
    delete_collection(call);
  }
}

void serve_subresource(const CallPtr& call) {
  const std::string& subresource = call->route.subresource;
  if (subresource == "log") {
    get_log(call);
  } else if (subresource == "events") {
    follow_mission_events(call);
  } else if (subresource == "status") {
    serve_object(call);
  } else if (is_action(*call)) {
    act(call);
  } else {
    answer(call, resource::path_not_found());
  }
}

bool offers(const Call& call) {
  const resource::schema::ResourceType& contract = *call.type->contract;
  if (call.route.subresource.empty()) {
    return contract.has_verb(call.verb);
  }
  const resource::schema::Subresource* part = contract.subresource(call.route.subresource);
  return part != nullptr && part->has_verb(call.verb);
}

/// The kind that a route names, or why it names none.
std::optional<resource::Status> find_type(Call& call) {
  const Route& route = call.route;
  call.type = call.services->types.find(route.group, route.version, route.resource);
  if (call.type == nullptr || (route.in_namespace && !call.type->namespaced())) {
    call.type = nullptr;
    return resource::path_not_found();
  }
  if (!route.subresource.empty() &&
      call.type->contract->subresource(route.subresource) == nullptr) {
    return resource::path_not_found();
  }
  const bool needs_namespace = call.type->namespaced() && !route.in_namespace;
  if (needs_namespace && route.kind != Route::Kind::Collection) {
    return resource::path_not_found();
  }
  const bool create_of_name = route.kind == Route::Kind::Object && call.verb == "create";
  const bool change_of_all =
      route.kind == Route::Kind::Collection && (call.verb == "update" || call.verb == "patch");
  const bool no_bulk = route.kind == Route::Kind::Bulk && call.verb != "create";
  if (call.verb.empty() || !offers(call) || create_of_name || change_of_all || no_bulk ||
      (needs_namespace && (call.verb == "create" || call.verb == "deletecollection"))) {
    return resource::method_not_allowed(
        call.type->name, call.verb.empty() ? call.request().method : call.verb
    );
  }
  return {};
}

void serve_resource(const CallPtr& call) {
  if (call->route.kind == Route::Kind::Collection) {
    serve_collection(call);
  } else if (call->route.kind == Route::Kind::Bulk) {
    create_missions(call);
  } else if (call->route.kind == Route::Kind::Object) {
    serve_object(call);
  } else {
    serve_subresource(call);
  }
}

bool negotiate(const CallPtr& call) {
  if (is_text(*call)) {
    return true;
  }
  resource::Outcome<resource::Representation> shape =
      resource::negotiate(call->request().headers.get("Accept"), serving_of(*call));
  if (!shape) {
    answer(call, shape.error());
    return false;
  }
  call->shape = std::move(*shape);
  return true;
}

void dispatch(const CallPtr& call) {
  if (call->route.kind == Route::Kind::Compatible && answer_compatible(call)) {
    return;
  }
  Access& access = call->services->access;
  std::optional<resource::Status> problem;
  const bool resource =
      call->route.kind == Route::Kind::Collection || call->route.kind == Route::Kind::Bulk ||
      call->route.kind == Route::Kind::Object || call->route.kind == Route::Kind::Subresource;
  if (resource) {
    problem = find_type(*call);
  } else if (call->route.kind == Route::Kind::NamespaceEvents) {
    call->type = &call->services->types.of(Storage::Mission);
    call->verb = "watch";
  }
  if (call->route.kind == Route::Kind::Otlp) {
    // By namespace, not by path.
    take_telemetry(call);
    return;
  }
  // Who may not ask is not told what there is.
  if (std::optional<resource::Status> refused = access.authorize(*call, attributes_of(*call))) {
    call->refused = true;
    answer(call, *refused);
    return;
  }
  if (problem) {
    answer(call, *problem);
    return;
  }
  if (const auto time = request_time(call->request().query); !time) {
    answer(call, time.error());
    return;
  }
  if (!negotiate(call)) {
    return;
  }
  if (resource) {
    serve_resource(call);
  } else if (call->route.kind != Route::Kind::Unknown && call->request().method != "GET" &&
             call->request().method != "HEAD") {
    call->headers.push_back({"Allow", "GET, HEAD"});
    answer(call, resource::method_not_allowed({}, call->request().method));
  } else if (call->route.kind == Route::Kind::NamespaceEvents) {
    follow_namespace_events(call);
  } else if (call->route.kind == Route::Kind::Health) {
    answer_health(call);
  } else {
    answer_about(call);
  }
}

/// Takes over what the caller says about itself, as far as it is well-formed.
void correlate(Call& call) {
  const net::Headers& headers = call.request().headers;
  platform::Random& random = call.services->random;
  call.correlation.id = telemetry::adopt_correlation_id(
      headers.get("X-Request-Id"), headers.get("X-Correlation-Id"), random
  );
  const std::string_view parent = headers.get("Traceparent");
  if (const Result<telemetry::TraceContext> caller = telemetry::parse_traceparent(parent)) {
    call.parent_span = caller->span_id;
    call.correlation.trace = telemetry::child_of(
        telemetry::adopt_trace(parent, headers.get("Tracestate"), random, false), random
    );
    return;
  }
  call.correlation.trace = telemetry::new_trace(random, false);
  call.correlation.trace.sampled = telemetry::in_sample(
      call.correlation.trace.trace_id, call.services->environment.sample_ratio
  );
}

}  // namespace

void serve(const CallPtr& call) {
  call->route = parse_route(call->request().path);
  call->verb = verb_of(*call);
  dispatch(call);
}

void Api::handle(std::shared_ptr<net::Exchange> exchange) {
  const auto call = std::make_shared<Call>();
  call->exchange = std::move(exchange);
  call->services = &services_;
  const net::Request& request = call->request();
  correlate(*call);
  call->route = parse_route(request.path);
  call->verb = verb_of(*call);
  if (call->route.kind == Route::Kind::Hook) {
    call->identity = access::anonymous();
    if (!request.listener_tag.empty()) {
      // Whoever speaks there says which run it is.
      answer(call, resource::unauthorized());
    } else if (auto refusal = services_.access.admit_unidentified(request, platform::monotonic_now())) {
      answer(call, *refusal);
    } else {
      receive_hook(call);
    }
    return;
  }
  if (call->route.kind == Route::Kind::Gateway) {
    serve_gateway(call);
    return;
  }
  Admission admission = services_.access.admit(request, services_.now(), platform::monotonic_now());
  call->identity = std::move(admission.identity);
  call->impersonator = std::move(admission.impersonator);
  call->correlation.principal = call->principal();
  if (admission.refusal) {
    answer(call, *admission.refusal);
    return;
  }
  dispatch(call);
}

net::Response refusal_response(int status, std::string_view message) {
  resource::Status problem;
  problem.code = status;
  constexpr int kServerError = 500;
  constexpr int kTooLarge = 413;
  problem.reason = status >= kServerError ? "InternalError"
                   : status == kTooLarge  ? "RequestEntityTooLarge"
                                          : "BadRequest";
  problem.message = message;
  net::Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  response.body = resource::to_json(problem).dump();
  return response;
}

}  // namespace reeve::api
