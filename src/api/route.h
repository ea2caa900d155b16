#pragma once

#include <string>
#include <string_view>

namespace reeve::api {

/// What a path of the server names. Which members mean something depends on `kind`.
struct Route {
  enum class Kind {
    Unknown,
    Root,             ///< `/`
    Health,           ///< `/livez`, `/readyz`, `/startupz`, `/healthz`, `/health`: `name`
    Metrics,          ///< `/metrics`
    Version,          ///< `/version`
    OpenApiV2,        ///< `/openapi/v2`
    OpenApiV3,        ///< `/openapi/v3`
    OpenApiV3Group,   ///< `/openapi/v3/apis/G/V`, `/openapi/v3/api/v1`: `group`, `version`
    CoreVersions,     ///< `/api`
    Groups,           ///< `/apis`
    Group,            ///< `/apis/G`
    GroupVersion,     ///< `/apis/G/V`, `/api/v1`
    Collection,       ///< all objects of a kind, maybe of one namespace
    Bulk,             ///< `…/namespaces/NS/missions:bulk`: many objects of a kind
    Object,           ///< one object
    Subresource,      ///< part of one object, or something to do with it
    NamespaceEvents,  ///< the stream of a namespace's events
    Hook,        ///< `/hooks/NAMESPACE/WORKFLOW/TRIGGER`: `ns`, `resource`, `name`; Formicary's
                 ///< `/api/triggers/WORKFLOW/TRIGGER` with `group` "formicary"
    Compatible,  ///< a path of another system: `name` says which system
    Otlp,        ///< `/v1/metrics`, `/v1/logs`, `/v1/traces`
    Gateway,  ///< `/llm/…`, `/mcp…`, `/a2a/…`, `/.well-known/agent-card.json`: `name` is the first
              ///< part
  };

  Kind kind = Kind::Unknown;
  std::string group;
  std::string version;
  /// Whether the path has a `namespaces/NAME/` before the resource.
  bool in_namespace = false;
  std::string ns;
  std::string resource;
  std::string name;
  std::string subresource;
};

/// Any decoded path; one that names nothing is Unknown.
Route parse_route(std::string_view path);

}  // namespace reeve::api
