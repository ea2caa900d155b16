#include "api/access.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/services.h"
#include "base/strings.h"
#include "resource/status.h"

namespace reeve::api {

namespace {

constexpr std::array kFollowed = {
    journal::Kind::ClusterRole,
    journal::Kind::ClusterRoleBinding,
    journal::Kind::Token,
    journal::Kind::Role,
    journal::Kind::RoleBinding};

constexpr std::string_view kUnixPeer = "unix";

std::optional<access::PolicyKind> policy_kind(journal::Kind kind) {
  if (kind == journal::Kind::Role) {
    return access::PolicyKind::Role;
  }
  if (kind == journal::Kind::ClusterRole) {
    return access::PolicyKind::ClusterRole;
  }
  if (kind == journal::Kind::RoleBinding) {
    return access::PolicyKind::RoleBinding;
  }
  if (kind == journal::Kind::ClusterRoleBinding) {
    return access::PolicyKind::ClusterRoleBinding;
  }
  return {};
}

/// `example.com:8443` as `example.com`, `[::1]:80` as `::1`.
std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return host.substr(1, end == std::string_view::npos ? end : end - 1);
  }
  return host.substr(0, host.find(':'));
}

int whole_seconds_up(Duration time) {
  constexpr auto kSecond = 1000;
  return static_cast<int>((time.count() + kSecond - 1) / kSecond);
}

std::optional<resource::Status> limit(
    std::optional<access::RateLimiter>& limiter, std::string_view key, Duration now
) {
  if (!limiter) {
    return {};
  }
  const std::optional<Duration> wait = limiter->take(key, now);
  if (!wait) {
    return {};
  }
  return resource::too_many_requests(
      "too many requests: ask again later", std::max(1, whole_seconds_up(*wait))
  );
}

/// A refusal that is about no object.
resource::Status refused(std::string message) {
  resource::Status status = resource::forbidden({}, {}, {});
  status.message = std::move(message);
  status.details.reset();
  return status;
}

void replace_limiter(
    std::optional<access::RateLimiter>& limiter,
    const std::optional<access::RateLimitOptions>& before,
    const std::optional<access::RateLimitOptions>& options
) {
  if (before == options) {
    return;
  }
  limiter.reset();
  if (options) {
    limiter.emplace(*options);
  }
}

}  // namespace

Access::Access(
    identity::Authenticator authenticator,
    identity::CertificateTrust trust,
    const Types& types,
    AccessOptions options
)
    : authenticator_(std::move(authenticator)),
      trust_(std::move(trust)),
      types_(types),
      options_(std::move(options)) {
  replace_limiter(per_principal_, {}, options_.rules.per_principal);
  replace_limiter(per_address_, {}, options_.rules.per_address);
}

void Access::replace_rules(AccessRules rules) {
  replace_limiter(per_principal_, options_.rules.per_principal, rules.per_principal);
  replace_limiter(per_address_, options_.rules.per_address, rules.per_address);
  options_.rules = std::move(rules);
}

identity::Presented Access::presented_by(const net::Request& request, Timestamp now) {
  identity::Presented presented;
  presented.certificate = trust_.examine(request.client_certificate.get(), now);
  for (const net::Header& header : request.headers) {
    presented.headers.push_back({header.name, header.value});
  }
  return presented;
}

bool Access::follows(journal::Kind kind) {
  return std::find(kFollowed.begin(), kFollowed.end(), kind) != kFollowed.end();
}

std::vector<Error> Access::load(const view::View& view, const ReadRow& read) {
  std::vector<Error> problems;
  for (const journal::Kind kind : kFollowed) {
    view::ListQuery query;
    query.type = *types_.of(kind).view;
    query.limit = view::kPageItemsMax;
    while (true) {
      const Result<view::Page> page = view.list(query);
      if (!page) {
        problems.push_back(page.error());
        break;
      }
      for (const view::ProjectedPtr& item : page->items) {
        const Result<void> taken = changed(
            kind,
            item->ns,
            item->name,
            read({.kind = kind, .ns = Namespace(item->ns), .name = item->name})
        );
        if (!taken) {
          problems.push_back(taken.error());
        }
      }
      if (!page->next) {
        break;
      }
      query.from = page->next;
    }
  }
  return problems;
}

Result<void> Access::changed(
    journal::Kind kind, std::string_view ns, std::string_view name, const Json& object
) {
  const std::optional<access::PolicyKind> policy = policy_kind(kind);
  if (policy) {
    const access::PolicyKey key{.kind = *policy, .ns = std::string(ns), .name = std::string(name)};
    // What is wrong gives nothing; the API has checked it, so that it is only ever too many.
    Result<void> taken = object.is_null() ? Result<void>() : policy_.upsert(object);
    if (object.is_null() || !taken) {
      policy_.remove(key);
    }
    return taken;
  }
  const Json* spec = object.find("spec");
  identity::StaticTokens& tokens = authenticator_.static_tokens();
  Result<void> taken = spec == nullptr ? Result<void>() : tokens.upsert(name, *spec);
  if (spec == nullptr || !taken) {
    tokens.remove(name);
  }
  return taken;
}

std::optional<resource::Status> Access::check_host(const net::Request& request) const {
  if (request.peer == kUnixPeer || options_.rules.hosts.empty()) {
    return {};
  }
  const std::string_view name = host_name(request.host);
  for (const std::string& host : options_.rules.hosts) {
    if (host == name) {
      return {};
    }
  }
  return refused("this server does not answer for the host that was asked for; see server.advertise"
  );
}

/// A browser says which page a request comes from: only our own may ask.
std::optional<resource::Status> Access::check_origin(const net::Request& request) const {
  const std::string* origin = request.headers.find("Origin");
  if (origin == nullptr) {
    return {};
  }
  const std::string_view scheme = request.tls ? "https://" : "http://";
  if (origin->starts_with(scheme) &&
      std::string_view(*origin).substr(scheme.size()) == request.host) {
    return {};
  }
  return refused("pages of other sites may not use this API");
}

std::optional<resource::Status> Access::admit_unidentified(
    const net::Request& request, Duration monotonic
) {
  if (auto refusal = limit(per_address_, access::peer_key(request.peer), monotonic)) {
    return refusal;
  }
  if (auto refusal = check_host(request)) {
    return refusal;
  }
  return check_origin(request);
}

Admission Access::admit(const net::Request& request, Timestamp now, Duration monotonic) {
  Admission admission;
  admission.identity = access::anonymous();
  admission.refusal = admit_unidentified(request, monotonic);
  if (!admission.refusal) {
    admission.refusal = identify(request, now, admission);
  }
  if (!admission.refusal && !admission.identity.in_group(access::kUnauthenticated)) {
    admission.refusal = limit(per_principal_, admission.identity.user, monotonic);
  }
  return admission;
}

std::optional<resource::Status> Access::identify(
    const net::Request& request, Timestamp now, Admission& admission
) {
  const identity::Presented presented = presented_by(request, now);
  Result<identity::Authenticated> who = authenticator_.authenticate(presented, now);
  if (!who) {
    if (who.error().code != ErrorCode::Unavailable) {
      return resource::unauthorized();
    }
    if (options_.keys_wanted) {
      options_.keys_wanted();
    }
    return resource::service_unavailable(who.error().message, 1);
  }
  if (who->run && (!options_.run_lives || !options_.run_lives(*who->run))) {
    return resource::unauthorized();
  }
  if (!comes_from_where_it_may(request, *who)) {
    return resource::unauthorized();
  }
  admission.identity = std::move(who->identity);
  std::string user = admission.identity.user;
  auto refusal = impersonate(presented, admission.identity);
  if (!refusal && admission.identity.user != user) {
    admission.impersonator = std::move(user);
  }
  return refusal;
}

/// Over the socket of a run that run speaks and nobody else; a run that is bound to its socket
/// speaks nowhere else.
bool Access::comes_from_where_it_may(
    const net::Request& request, const identity::Authenticated& who
) const {
  if (!who.run) {
    return request.listener_tag.empty();
  }
  const identity::Misplaced why = identity::misplaced(*who.run, request.listener_tag);
  if (why != identity::Misplaced::No && options_.misplaced) {
    options_.misplaced(request, *who.run, why);
  }
  return why == identity::Misplaced::No;
}

bool Access::still_allows(const Call& call, Timestamp now) {
  Admission admission;
  admission.identity = access::anonymous();
  if (identify(call.request(), now, admission) || admission.identity.user != call.identity.user) {
    return false;
  }
  const access::Decision decision = policy_.decide(admission.identity, attributes_of(call));
  return decision.allowed;
}

/// Whoever may act as somebody else is treated as that one, in everything.
std::optional<resource::Status> Access::impersonate(
    const identity::Presented& presented, access::Identity& identity
) const {
  Result<std::optional<access::Identity>> as = identity::impersonated(presented.headers);
  if (!as) {
    return resource::bad_request(as.error().describe());
  }
  if (!*as) {
    return {};
  }
  if (identity.in_group(access::kUnauthenticated)) {
    return resource::unauthorized();
  }
  if (const Result<void> allowed = policy_.check_impersonation(identity, **as); !allowed) {
    return refused(allowed.error().message);
  }
  identity = std::move(**as);
  return {};
}

std::optional<resource::Status> Access::authorize(
    const Call& call, const access::Attributes& attributes
) const {
  const bool is_anonymous = call.identity.in_group(access::kUnauthenticated);
  const access::Decision decision = policy_.decide(call.identity, attributes);
  if (decision.allowed &&
      (!is_anonymous || options_.rules.anonymous || !attributes.is_resource())) {
    return {};
  }
  if (is_anonymous) {
    return resource::unauthorized();
  }
  if (!attributes.is_resource() || call.type == nullptr) {
    // Without a type it is a gateway that asks.
    return refused(access::forbidden_message(call.identity, attributes));
  }
  if (!attributes.ns.empty() && !policy_.sees_namespace(call.identity, attributes.ns)) {
    return resource::not_found(types_.of(journal::Kind::Namespace).name, attributes.ns);
  }
  resource::Status status = resource::forbidden(call.resource(), attributes.name, {});
  status.message = access::forbidden_message(call.identity, attributes);
  return status;
}

std::function<bool()> while_allowed(const CallPtr& call) {
  return [call] {
    return call->services->access.still_allows(*call, call->services->now());
  };
}

access::Attributes attributes_of(const Call& call) {
  access::Attributes attributes;
  attributes.verb = call.verb;
  if (call.type == nullptr) {
    attributes.non_resource_path = call.request().path;
    return attributes;
  }
  // Whoever may not see an object in one shape may not see it in another one.
  const ApiType& type = call.services->types.kept_as(*call.type);
  attributes.group = type.name.group;
  attributes.resource = type.name.plural;
  attributes.subresource = call.route.subresource;
  attributes.ns = call.route.ns;
  attributes.name = call.route.name;
  if (attributes.ns.empty() && call.type->kind == journal::Kind::Namespace &&
      call.type->storage == Storage::Plain) {
    attributes.ns = attributes.name;
  }
  return attributes;
}

}  // namespace reeve::api
