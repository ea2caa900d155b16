#include "api/route.h"

#include <array>
#include <vector>

namespace reeve::api {

namespace {

using Parts = std::vector<std::string_view>;

/// More parts than any path has.
constexpr std::size_t kPartsMax = 12;

constexpr std::string_view kOurGroup = "reeve.dev";
constexpr std::string_view kOurVersion = "v1";
constexpr std::string_view kBulk = "missions:bulk";

/// Without a last empty part: `/a/b/` is `/a/b`. More parts than a path can have: none.
Parts split(std::string_view path) {
  Parts parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = path.find('/');
    const std::string_view part = path.substr(0, end);
    if (end == std::string_view::npos && part.empty()) {
      break;
    }
    if (part.empty() || parts.size() == kPartsMax) {
      return {};
    }
    parts.push_back(part);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return parts;
}

bool is_health(std::string_view name) {
  constexpr std::array kNames = {
      std::string_view("livez"),
      std::string_view("readyz"),
      std::string_view("startupz"),
      std::string_view("healthz"),
      std::string_view("health")};
  for (const std::string_view known : kNames) {
    if (name == known) {
      return true;
    }
  }
  return false;
}

bool is_gateway(const Parts& parts) {
  return parts[0] == "llm" || parts[0] == "mcp" || parts[0] == "a2a" ||
         (parts.size() == 2 && parts[0] == ".well-known" && parts[1] == "agent-card.json");
}

/// What follows `/api/v1` or `/apis/G/V`.
void read_resource(Parts rest, Route& route) {
  if (rest.empty()) {
    route.kind = Route::Kind::GroupVersion;
    return;
  }
  if (rest.front() == "namespaces" && rest.size() >= 3 && rest[2] != "status" &&
      rest[2] != "finalize") {
    route.in_namespace = true;
    route.ns = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  route.resource = rest[0];
  if (rest.size() == 1) {
    const bool stream = route.in_namespace && route.group == kOurGroup && rest[0] == "events";
    route.kind = stream ? Route::Kind::NamespaceEvents : Route::Kind::Collection;
    if (route.in_namespace && route.group == kOurGroup && rest[0] == kBulk) {
      route.kind = Route::Kind::Bulk;
      route.resource = "missions";
    }
    return;
  }
  route.name = rest[1];
  route.kind = Route::Kind::Object;
  if (rest.size() >= 3) {
    route.subresource = rest[2];
    route.kind = rest.size() == 3 ? Route::Kind::Subresource : Route::Kind::Unknown;
  }
}

void read_apis(const Parts& parts, Route& route) {
  if (parts.size() == 1) {
    route.kind = Route::Kind::Groups;
    return;
  }
  route.group = parts[1];
  if (parts.size() == 2) {
    route.kind = Route::Kind::Group;
    return;
  }
  route.version = parts[2];
  read_resource(Parts(parts.begin() + 3, parts.end()), route);
}

void read_core(const Parts& parts, Route& route) {
  if (parts.size() == 1) {
    route.kind = Route::Kind::CoreVersions;
    return;
  }
  if (parts[1] == "triggers" && parts.size() == 4) {
    // `/api/triggers/WORKFLOW/TRIGGER`, as Formicary has it.
    route.kind = Route::Kind::Hook;
    route.group = "formicary";
    route.ns = "default";
    route.resource = parts[2];
    route.name = parts[3];
    return;
  }
  if (parts[1] != kOurVersion) {
    // `/api/jobs/…`, `/api/orgs/…`
    route.kind = Route::Kind::Compatible;
    route.name = "formicary";
    return;
  }
  route.version = parts[1];
  read_resource(Parts(parts.begin() + 2, parts.end()), route);
}

void read_openapi(const Parts& parts, Route& route) {
  if (parts.size() == 2 && parts[1] == "v2") {
    route.kind = Route::Kind::OpenApiV2;
  } else if (parts.size() == 2 && parts[1] == "v3") {
    route.kind = Route::Kind::OpenApiV3;
  } else if (parts.size() == 4 && parts[1] == "v3" && parts[2] == "api") {
    route.kind = Route::Kind::OpenApiV3Group;
    route.version = parts[3];
  } else if (parts.size() == 5 && parts[1] == "v3" && parts[2] == "apis") {
    route.kind = Route::Kind::OpenApiV3Group;
    route.group = parts[3];
    route.version = parts[4];
  }
}

}  // namespace

Route parse_route(std::string_view path) {
  Route route;
  if (path.empty() || path.front() != '/') {
    return route;
  }
  if (path == "/") {
    route.kind = Route::Kind::Root;
    return route;
  }
  const Parts parts = split(path);
  if (parts.empty()) {
    return route;
  }
  const std::string_view first = parts[0];
  if (first == "apis") {
    read_apis(parts, route);
  } else if (first == "api") {
    read_core(parts, route);
  } else if (first == "openapi") {
    read_openapi(parts, route);
  } else if (parts.size() == 1 && is_health(first)) {
    route.kind = Route::Kind::Health;
    route.name = first;
  } else if (parts.size() == 1 && first == "metrics") {
    route.kind = Route::Kind::Metrics;
  } else if (parts.size() == 1 && first == "version") {
    route.kind = Route::Kind::Version;
  } else if (first == "hooks" && parts.size() == 4) {
    route.kind = Route::Kind::Hook;
    route.in_namespace = true;
    route.ns = parts[1];
    route.resource = parts[2];
    route.name = parts[3];
  } else if (path == "/v1/metrics" || path == "/v1/logs" || path == "/v1/traces") {
    route.kind = Route::Kind::Otlp;
  } else if (is_gateway(parts)) {
    route.kind = Route::Kind::Gateway;
    route.name = first;
  } else if (first == "ws") {
    route.kind = Route::Kind::Compatible;
    route.name = "formicary";
  } else if (first == "missions" || first == "gates") {
    route.kind = Route::Kind::Compatible;
    route.name = "houston";
  }
  return route;
}

}  // namespace reeve::api
