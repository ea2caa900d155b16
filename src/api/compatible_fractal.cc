#include <utility>

#include "api/access.h"
#include "api/compat/fractal.h"
#include "api/compatible.h"
#include "api/services.h"
#include "base/strings.h"
#include "workflow/document/yaml.h"

/// Fractal's group: objects are made, read, listed and deleted in its shape and kept in ours.
namespace reeve::api {

namespace {

constexpr int kOk = 200;
constexpr int kNotFound = 404;

/// What the group serves, for whoever may see what is served.
void answer_discovery(const CallPtr& call) {
  if (auto refused = call->services->access.authorize(*call, attributes_of(*call))) {
    answer(call, *refused);
    return;
  }
  const bool group = call->route.kind == Route::Kind::Group;
  answer(call, kOk, group ? fractal::group() : fractal::resources());
}

void answer_missing(const CallPtr& call) {
  const std::string_view instead = fractal::instead_of(call->route.resource);
  if (instead.empty()) {
    answer(call, resource::path_not_found());
    return;
  }
  resource::Status status;
  status.code = kNotFound;
  status.reason = "NotFound";
  status.message = concat(call->route.resource, ".fractal.ai are not served: ", instead);
  answer(call, status);
}

/// The collection or object of ours that a route stands for.
std::string our_path(const Route& route, const fractal::Kind& kind) {
  const std::string ns = route.in_namespace ? concat("namespaces/", route.ns, "/") : std::string();
  const std::string name = route.name.empty() ? std::string() : concat("/", route.name);
  return concat("/apis/reeve.dev/v1/", ns, kind.our_plural, name);
}

/// Only what was made as a Shard is shown as one.
std::vector<std::pair<std::string, std::string>> our_query(
    const CallPtr& call, const fractal::Kind& kind
) {
  auto query = call->request().query;
  if (kind.kind != "Shard") {
    return query;
  }
  const std::string wanted = concat(fractal::kKindLabel, "=Shard");
  for (auto& [name, value] : query) {
    if (name == "labelSelector") {
      value = value.empty() ? wanted : concat(value, ",", wanted);
      return query;
    }
  }
  query.emplace_back("labelSelector", wanted);
  return query;
}

void create(const CallPtr& call, const fractal::Kind& kind) {
  const std::string& text = call->request().body;
  Result<Json> body = parse_json(text);
  if (!body) {
    const Result<document::Node> node = document::parse_yaml(text);
    body = node ? Result<Json>(document::to_json(*node)) : Result<Json>(node.error());
  }
  Result<Json> ours = body ? fractal::to_ours(kind, *body) : std::move(body);
  if (!ours) {
    answer(
        call,
        resource::from_error(
            ours.error(),
            {.group = std::string(fractal::kGroup),
             .version = std::string(fractal::kVersion),
             .kind = std::string(kind.kind),
             .plural = std::string(kind.plural)},
            {}
        )
    );
    return;
  }
  forward(
      call,
      {.method = "POST",
       .path = our_path(call->route, kind),
       .body = std::move(*ours),
       .query = call->request().query},
      [&kind](int status, const Json& made) {
        return Translated{.status = status, .body = fractal::from_ours(kind, made)};
      }
  );
}

}  // namespace

void answer_fractal(const CallPtr& call) {
  const Route& route = call->route;
  const std::string& method = call->request().method;
  const bool group_version =
      route.kind == Route::Kind::GroupVersion && route.version == fractal::kVersion;
  if (route.kind == Route::Kind::Group || group_version) {
    answer_discovery(call);
    return;
  }
  const fractal::Kind* kind =
      route.version == fractal::kVersion ? fractal::find_kind(route.resource) : nullptr;
  const bool one = route.kind == Route::Kind::Object;
  if (kind == nullptr || (!one && route.kind != Route::Kind::Collection)) {
    answer_missing(call);
    return;
  }
  if (method == "POST" && !one) {
    create(call, *kind);
    return;
  }
  const bool removes = method == "DELETE" && one && !kind->read_only;
  if ((method != "GET" && !removes) || call->request().find_query("watch") != nullptr) {
    answer(
        call,
        resource::method_not_allowed(
            {.group = std::string(fractal::kGroup),
             .version = std::string(fractal::kVersion),
             .kind = std::string(kind->kind),
             .plural = std::string(kind->plural)},
            method == "GET" ? "watch" : method
        )
    );
    return;
  }
  forward(
      call,
      {.method = method,
       .path = our_path(route, *kind),
       .query = one ? call->request().query : our_query(call, *kind)},
      [kind, one](int status, const Json& answer) {
        if (answer.get_string("kind") == "Status") {
          return Translated{.status = status, .body = answer};
        }
        return Translated{
            .status = status,
            .body =
                one ? fractal::from_ours(*kind, answer) : fractal::list_from_ours(*kind, answer)};
      }
  );
}

}  // namespace reeve::api
