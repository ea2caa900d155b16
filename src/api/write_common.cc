#include <algorithm>
#include <utility>

#include "api/access.h"
#include "api/agent_rules.h"
#include "api/model_route_rules.h"
#include "api/quota_rules.h"
#include "api/references.h"
#include "api/secret.h"
#include "api/services.h"
#include "api/tool_server_rules.h"
#include "api/write.h"
#include "base/hash.h"
#include "base/strings.h"
#include "engine/quota.h"
#include "net/server.h"
#include "resource/causes.h"
#include "resource/protobuf_body.h"
#include "resource/schema/validator.h"
#include "workflow/document/yaml.h"

namespace reeve::api {

namespace {

constexpr std::size_t kIdempotencyKeyBytesMax = 256;
constexpr int kBodyDepthMax = 64;
constexpr std::string_view kVersion = "v1";
constexpr std::uint32_t kRoutesLookedAt = 200;
constexpr std::size_t kReferencesLookedAt = 1'000;
/// Of one write; after them a last one says how many there may be besides.
constexpr std::size_t kWriteWarningsMax = 20;
/// An answer tells of no more.
constexpr std::size_t kCausesMax = 100;

std::string quote_of(std::string_view body) {
  constexpr std::size_t kShown = 200;
  return std::string(body.substr(0, kShown));
}

resource::Status unreadable(const Call& call, const Error& error) {
  return resource::bad_request(concat(
      "the object provided is unrecognized (must be of type ",
      call.type == nullptr ? std::string_view("review") : std::string_view(call.resource().kind),
      "): couldn't get version/kind; ",
      error.describe(),
      " (",
      quote_of(call.request().body),
      ")"
  ));
}

std::string name_of(const Json& object) {
  const Json* metadata = object.find("metadata");
  return metadata == nullptr ? std::string() : metadata->get_string("name");
}

std::string_view idempotency_key(const Call& call) {
  return call.item != nullptr ? std::string_view(call.item->idempotency_key)
                              : call.request().headers.get("Idempotency-Key");
}

std::string_view asked_text(const Call& call) {
  return call.item != nullptr ? std::string_view(call.item->text) : call.request().body;
}

bool is_told(const Call& call, const std::string& text) {
  return std::find(call.warnings.begin(), call.warnings.end(), text) != call.warnings.end();
}

/// Once, however often the write is tried. False: there are so many already that it was left out.
bool warn(Call& call, std::string text) {
  if (is_told(call, text)) {
    return true;
  }
  if (call.warnings.size() >= kWriteWarningsMax) {
    return false;
  }
  call.warnings.push_back(std::move(text));
  return true;
}

/// The last warning, of what is left out; there is one of them.
void warn_of_more(Call& call, std::string text) {
  if (call.warnings.size() <= kWriteWarningsMax && !is_told(call, text)) {
    call.warnings.push_back(std::move(text));
  }
}

/// What is wrong that the contract of its kind cannot say.
std::vector<resource::Cause> causes_of_kind(Call& call, const Json& object) {
  const journal::Kind kind = call.type->kind;
  if (kind == journal::Kind::Agent && call.type->storage == Storage::Plain) {
    std::vector<resource::Cause> causes = agent_causes(object);
    for (std::string& warning : agent_warnings(object)) {
      warn(call, std::move(warning));
    }
    return causes;
  }
  if (kind == journal::Kind::ToolServer) {
    return tool_server_causes(object);
  }
  if (kind == journal::Kind::ModelRoute) {
    return model_route_causes(object);
  }
  if (engine::is_quota(kind)) {
    return quota_causes(kind, object);
  }
  return {};
}

/// A route of the namespace that is called so, or one that has such a model.
bool is_model(const Call& call, const ApiType& routes, const std::string& name) {
  view::ListQuery query;
  query.type = *routes.view;
  query.selector.ns = call.route.ns;
  query.limit = kRoutesLookedAt;
  const Result<view::Page> page = call.services->view.list(query);
  // Of more routes than are looked at nothing is said.
  return !page || page->next ||
         std::any_of(page->items.begin(), page->items.end(), [&](const view::ProjectedPtr& item) {
           const Json::Array& models = item->object.get_object("spec").get_array("models");
           return item->name == name ||
                  std::any_of(models.begin(), models.end(), [&](const Json& model) {
                    return glob_match(model.get_string("name"), name);
                  });
         });
}

/// What there is to say of a name that means nothing, to those who might see what it means; empty:
/// nothing.
std::string missing(const Call& call, const Reference& reference) {
  const ApiType* type = call.services->types.find(access::kApiGroup, kVersion, reference.plural);
  access::Attributes get;
  get.verb = "get";
  get.group = access::kApiGroup;
  get.resource = reference.plural;
  get.ns = call.route.ns;
  get.name = reference.name;
  if (type == nullptr || !type->view ||
      !call.services->access.policy().decide(call.identity, get).allowed) {
    return {};
  }
  const bool is_route = type->kind == journal::Kind::ModelRoute;
  const bool there =
      is_route ? is_model(call, *type, reference.name)
               : call.services->view.get(*type->view, call.route.ns, reference.name) != nullptr;
  if (there) {
    return {};
  }
  return concat(
      reference.field,
      ": there is no ",
      type->name.kind,
      is_route ? " and no model" : "",
      " \"",
      reference.name,
      "\" in ",
      call.route.ns
  );
}

void warn_of_missing(Call& call, const Json& object) {
  const std::vector<Reference> all = references_of(call.type->kind, object);
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string text = i < kReferencesLookedAt ? missing(call, all[i]) : std::string();
    if (i == kReferencesLookedAt || (!text.empty() && !warn(call, std::move(text)))) {
      warn_of_more(
          call, concat(all.size() - i, " more names may mean nothing: they were not looked up")
      );
      return;
    }
  }
}

/// Adds what is wrong with members that nothing is known of so far, nor of what is in them.
void add_causes(std::vector<resource::Cause>& causes, std::vector<resource::Cause> more) {
  const std::size_t known = causes.size();
  if (known >= kCausesMax) {
    return;
  }
  for (resource::Cause& cause : more) {
    const bool told = std::any_of(
        causes.begin(),
        causes.begin() + static_cast<std::ptrdiff_t>(known),
        [&](const resource::Cause& one) {
          return one.field.starts_with(cause.field) || cause.field.starts_with(one.field);
        }
    );
    if (!told) {
      causes.push_back(std::move(cause));
    }
  }
}

}  // namespace

model::Trace trace_of(const Call& call) {
  const telemetry::TraceContext& context = call.correlation.trace;
  return {.parent = telemetry::format_traceparent(context), .state = context.state};
}

void send(const CallPtr& call, engine::Command command, Replied replied, std::string_view suffix) {
  kernel::Input input;
  input.principal = call->principal();
  input.groups = call->identity.groups;
  input.correlation = call->correlation.id;
  input.trace = trace_of(*call);
  input.command = std::move(command);
  begin_waiting(call);
  if (is_over(*call)) {
    answer(call, resource::timeout("nobody waits for it any more: it was not begun", {}));
    return;
  }
  input.withdrawn = withdrawn_of(*call);
  const std::string_view key = idempotency_key(*call);
  if (key.size() > kIdempotencyKeyBytesMax) {
    answer(call, resource::bad_request("Idempotency-Key is longer than 256 bytes"));
    return;
  }
  if (!key.empty()) {
    input.id = InputId(concat(
        "api-", sha256(concat(call->identity.user, "\n", key, "\n", suffix)).view().substr(0, 40)
    ));
    input.fingerprint =
        sha256(concat(call->request().method, "\n", call->request().target, "\n", asked_text(*call))
        )
            .str()
            .substr(0, 32);
  }
  net::Server* server = call->services->server;
  input.done = [server, call, replied = std::move(replied)](Result<engine::Reply> reply) mutable {
    server->post([call, replied = std::move(replied), reply = std::move(reply)]() mutable {
      if (reply && reply->repeated) {
        call->headers.push_back({"Idempotent-Replayed", "true"});
      }
      replied(std::move(reply));
    });
  };
  if (Result<void> posted = call->services->kernel.post(std::move(input)); !posted) {
    const bool full =
        call->services->kernel.health().healthy && posted.error().code == ErrorCode::Unavailable;
    if (full) {
      answer(call, resource::too_many_requests("too much waits to be stored: ask again", 1));
    } else {
      answer(call, posted.error());
    }
  }
}

view::ProjectedPtr current(const Call& call, std::string_view name) {
  return call.services->view.get(*call.type->view, call.route.ns, name);
}

resource::Outcome<Json> read_body(const Call& call, resource::BodyFormat format) {
  const std::string& body = call.request().body;
  if (format == resource::BodyFormat::Protobuf) {
    return resource::decode_protobuf_body(body);
  }
  const bool yaml =
      format == resource::BodyFormat::Yaml || format == resource::BodyFormat::ApplyPatch;
  JsonLimits limits;
  limits.depth_max = kBodyDepthMax;
  Result<Json> parsed = parse_json(body, limits);
  if (!parsed && yaml) {
    const Result<document::Node> node = document::parse_yaml(body);
    parsed = node ? Result<Json>(document::to_json(*node)) : Result<Json>(node.error());
  }
  if (!parsed) {
    return unreadable(call, parsed.error());
  }
  return std::move(*parsed);
}

resource::Outcome<void> check_fields(
    Call& call, Json& object, resource::FieldValidation validation
) {
  namespace schema = resource::schema;
  const schema::Schema& contract = *call.type->contract->schema;
  const std::vector<std::string> unknown = schema::unknown_fields(contract, object);
  if (unknown.empty()) {
    return {};
  }
  if (call.type->shape != nullptr) {
    std::vector<resource::Cause> causes;
    for (const std::string& path : unknown) {
      causes.push_back(resource::forbidden_value(path, "has no counterpart here"));
    }
    return resource::invalid(call.resource(), name_of(object), std::move(causes));
  }
  if (validation == resource::FieldValidation::Strict) {
    return resource::bad_request(concat(
        call.resource().kind,
        " in version \"",
        call.resource().version,
        "\" cannot be handled as a ",
        call.resource().kind,
        ": ",
        schema::strict_decoding_error(unknown)
    ));
  }
  if (validation == resource::FieldValidation::Warn) {
    for (std::size_t i = 0; i < unknown.size(); ++i) {
      if (!warn(call, concat("unknown field \"", unknown[i], "\""))) {
        warn_of_more(call, concat("there are ", unknown.size() - i, " more unknown fields"));
        break;
      }
    }
  }
  schema::prune(contract, object);
  return {};
}

resource::Outcome<void> check_contract(
    Call& call, Json& object, resource::FieldValidation validation, const Json* before
) {
  namespace schema = resource::schema;
  const schema::Schema& contract = *call.type->contract->schema;
  REEVE_CHECK(check_fields(call, object, validation));
  schema::apply_defaults(contract, object);
  forget_applied_secrets(contract, object);
  std::vector<resource::Cause> causes;
  if (before != nullptr && call.type->kind == journal::Kind::Token) {
    Json whole = object;
    keep_hidden(call, whole);
    causes = schema::validate(contract, whole);
  } else {
    causes = schema::validate(contract, object);
  }
  if (causes.empty() && before != nullptr) {
    Json old = *before;
    schema::apply_defaults(contract, old);
    causes = schema::validate_update(contract, old, object);
  }
  if (call.type->shape == nullptr) {
    add_causes(causes, causes_of_kind(call, object));
  }
  if (!causes.empty()) {
    return resource::invalid(call.resource(), name_of(object), std::move(causes));
  }
  if (call.type->shape == nullptr && call.route.subresource.empty()) {
    warn_of_missing(call, object);
  }
  return {};
}

Json stored_row(const Services& services, const journal::ObjectKey& key) {
  const Result<std::optional<store::Row>> row = services.reader.get(key);
  if (!row || !*row) {
    return {};
  }
  Result<Json> parsed = parse_json((*row)->body);
  return parsed ? std::move(*parsed) : Json();
}

std::optional<resource::Status> check_escalation(const Call& call, const Json& object) {
  const access::Policy& policy = call.services->access.policy();
  Result<void> allowed;
  const journal::Kind kind = call.type->kind;
  if (call.type->storage != Storage::Plain) {
    return {};
  }
  if (kind == journal::Kind::Role || kind == journal::Kind::ClusterRole) {
    allowed = policy.check_role_write(call.identity, object);
  } else if (kind == journal::Kind::RoleBinding || kind == journal::Kind::ClusterRoleBinding) {
    allowed = policy.check_binding_write(call.identity, object);
  } else if (kind == journal::Kind::Token) {
    access::Identity as;
    const Json* spec = object.find("spec");
    as.user = spec == nullptr ? std::string() : spec->get_string("user");
    if (const Json* groups = spec == nullptr ? nullptr : spec->find("groups");
        groups != nullptr && groups->is_array()) {
      for (const Json& group : groups->as_array()) {
        as.groups.push_back(group.is_string() ? group.as_string() : std::string());
      }
    }
    allowed = policy.check_impersonation(call.identity, as);
  }
  if (allowed) {
    return {};
  }
  if (allowed.error().code == ErrorCode::PermissionDenied ||
      allowed.error().code == ErrorCode::NotFound) {
    return resource::forbidden(call.resource(), call.route.name, allowed.error().message);
  }
  return resource::from_error(allowed.error(), call.resource(), call.route.name);
}

}  // namespace reeve::api
