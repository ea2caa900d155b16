#include "api/request_metrics.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "api/access.h"
#include "api/call.h"
#include "api/services.h"
#include "base/strings.h"
#include "net/server.h"

namespace reeve::api {

namespace {

/// One word for each route, so that the number of series stays small.
std::string_view route_word(const Call& call) {
  if (call.type != nullptr) {
    return call.type->name.plural;
  }
  switch (call.route.kind) {
    case Route::Kind::Health:
      return "health";
    case Route::Kind::Metrics:
      return "metrics";
    case Route::Kind::Version:
      return "version";
    case Route::Kind::OpenApiV2:
    case Route::Kind::OpenApiV3:
    case Route::Kind::OpenApiV3Group:
      return "openapi";
    case Route::Kind::Root:
    case Route::Kind::CoreVersions:
    case Route::Kind::Groups:
    case Route::Kind::Group:
    case Route::Kind::GroupVersion:
      return "discovery";
    case Route::Kind::NamespaceEvents:
      return "events";
    case Route::Kind::Hook:
      return "hooks";
    case Route::Kind::Compatible:
      return "compatible";
    case Route::Kind::Gateway:
      return "gateway";
    case Route::Kind::Otlp:
      return "otlp";
    case Route::Kind::Unknown:
    case Route::Kind::Collection:
    case Route::Kind::Bulk:
    case Route::Kind::Object:
    case Route::Kind::Subresource:
      return "other";
  }
  return "other";
}

bool is_write(const Call& call) {
  const std::string& method = call.request().method;
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

/// What is asked all the time says nothing.
bool is_traced(const Call& call) {
  return call.services->environment.spans != nullptr && call.correlation.trace.sampled &&
         call.route.kind != Route::Kind::Health && call.route.kind != Route::Kind::Metrics;
}

/// By the names of OpenTelemetry's conventions for HTTP servers.
void add_span(const Call& call, int code, std::string_view verb, double seconds) {
  constexpr double kNanosPerSecond = 1e9;
  constexpr int kServerError = 500;
  telemetry::SpanRecord span;
  span.context = call.correlation.trace;
  span.parent = call.parent_span;
  span.kind = telemetry::SpanKind::Server;
  span.name = concat(verb, " ", route_word(call));
  const Duration now = call.services->now().time_since_epoch();
  span.end_unix_nanos =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  span.start_unix_nanos =
      span.end_unix_nanos - static_cast<std::uint64_t>(seconds * kNanosPerSecond);
  span.attributes = {
      {"http.request.method", call.request().method},
      {"http.route", std::string(route_word(call))},
      {"url.path", call.request().path},
      {"http.response.status_code", std::int64_t{code}},
      {"enduser.id", call.identity.user},
      {"reeve.correlation_id", call.correlation.id.str()}};
  if (code >= kServerError) {
    span.status = telemetry::SpanStatus::Error;
    span.status_message = concat("answered with status ", code);
  }
  call.services->environment.spans->add(std::move(span));
}

constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;

std::string resource_word(const Call& call) {
  if (call.type == nullptr) {
    return std::string(route_word(call));
  }
  std::string word = call.type->name.qualified_plural();
  if (!call.route.subresource.empty()) {
    word += concat("/", call.route.subresource);
  }
  return word;
}

/// Administrators of a namespace are told of those who have something to do with it. Of others, who
/// may be another tenant's, those of the installation are told.
Denial denial_of(const Call& call) {
  const Services& services = *call.services;
  Denial denial;
  denial.user = call.principal().str();
  denial.verb = call.verb.empty() ? std::string("other") : call.verb;
  denial.resource = resource_word(call);
  const std::string& ns = call.route.ns;
  const ApiType& namespaces = services.types.of(journal::Kind::Namespace);
  if (!ns.empty() && call.type != nullptr &&
      services.access.policy().sees_namespace(call.identity, ns) &&
      services.view.get(*namespaces.view, {}, ns) != nullptr) {
    denial.ns = ns;
  } else {
    denial.asked_namespace = ns;
  }
  return denial;
}

void note_denial(const Call& call) {
  Services& services = *call.services;
  const auto note = [&services, denial = denial_of(call)] {
    services.denials.note(denial, services.now());
  };
  if (services.server->on_network_thread()) {
    note();
  } else {
    services.server->post(note);
  }
}

}  // namespace

RequestMetrics::RequestMetrics(telemetry::MetricRegistry& registry)
    : requests(registry.counter(
          {.name = "reeve_http_requests_total",
           .help = "Requests that were answered",
           .labels = {"route", "verb", "code"}}
      )),
      seconds(registry.histogram(
          {.name = "reeve_http_request_duration_seconds",
           .help = "Time from a complete request to its answer",
           .labels = {"route", "verb"}},
          telemetry::request_seconds_buckets()
      )) {}

void observe_answer(const Call& call, int code, std::size_t bytes) {
  Services& services = *call.services;
  const double seconds = call.request().age_seconds();
  const std::string status = std::to_string(code);
  const std::string_view verb =
      call.verb.empty() ? std::string_view("other") : std::string_view(call.verb);
  services.request_metrics.requests.with({route_word(call), verb, status}).add();
  services.request_metrics.seconds.with({route_word(call), verb}).observe(seconds);
  if (is_traced(call)) {
    add_span(call, code, verb, seconds);
  }
  const bool denied = call.refused || code == kUnauthorized || code == kForbidden;
  if (denied) {
    note_denial(call);
  }
  const telemetry::Logger& log = is_write(call) || denied ? services.audit : services.log;
  const telemetry::Level level =
      is_write(call) || denied ? telemetry::Level::Info : telemetry::Level::Debug;
  if (log.enabled(level)) {
    log.with(call.correlation)
        .write(
            level,
            denied ? "denied" : "answered",
            {{"method", call.request().method},
             {"path", call.request().path},
             {"user", call.identity.user},
             {"impersonator", call.impersonator},
             {"peer", call.request().peer},
             {"code", code},
             {"bytes", static_cast<std::uint64_t>(bytes)},
             {"seconds", seconds}}
        );
  }
}

}  // namespace reeve::api
