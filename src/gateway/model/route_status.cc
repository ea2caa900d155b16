#include "gateway/model/route_status.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/object_metadata.h"

namespace reeve::gateway::model {

namespace {

/// Change with every call: they alone are no reason to write.
constexpr std::array<std::string_view, 3> kSeen = {"lastError", "lastErrorAt", "lastSuccessAt"};
constexpr std::string_view kSubjectKind = "ModelRoute";

std::string name_of(const Json& object) {
  return object.get_object("metadata").get_string("name");
}

/// What was said of a provider before.
Json before_of(const Json& before, std::string_view provider) {
  for (const Json& each : before.get_array("providers")) {
    if (each.get_string("name") == provider) {
      return each;
    }
  }
  return Json::object();
}

Json provider_status(
    const Provider& provider, const ProviderHealth* health, const Json& before, Timestamp now
) {
  const std::string_view state =
      to_string(health == nullptr ? Breaker::State::Closed : health->breaker.state());
  std::string since = before.get_string("since");
  if (health != nullptr && health->changed) {
    since = engine::format_seconds(*health->changed);
  } else if (before.get_string("breaker") != state) {
    since = engine::format_seconds(now);
  }
  Json made = Json::object();
  made.set("name", provider.name).set("breaker", state).set("since", since);
  const auto set = [&](std::string_view name, const std::string& known) {
    const std::string text = known.empty() ? before.get_string(name) : known;
    if (!text.empty()) {
      made.set(std::string(name), text);
    }
  };
  const auto time = [](const std::optional<Timestamp>& at) {
    return at ? engine::format_seconds(*at) : std::string();
  };
  set("lastError", health == nullptr ? "" : health->last_error);
  set("lastErrorAt", health == nullptr ? "" : time(health->last_error_at));
  set("lastSuccessAt", health == nullptr ? "" : time(health->last_success));
  return made;
}

struct Verdict {
  bool ready = true;
  std::string_view reason = "Ready";
  std::string message;
};

/// Whether a route can be asked: some model of it can.
Verdict verdict_of(const Result<Route>& route, const StatusFacts& facts) {
  if (!route) {
    const bool price = route.error().subject.ends_with(".prices");
    return {
        .ready = false,
        .reason = price ? "PriceUnknown" : "Invalid",
        .message = route.error().describe()};
  }
  std::vector<std::string> keyless;
  std::vector<std::string> down;
  std::set<std::size_t> useless;
  for (std::size_t i = 0; i < route->providers.size(); ++i) {
    const Provider& provider = route->providers[i];
    const ProviderHealth* health = facts.health(provider);
    if (!provider.credential.empty() && !facts.has_credential(provider.credential)) {
      keyless.push_back(concat(provider.name, " (", provider.credential, ")"));
      useless.insert(i);
    } else if (health != nullptr && health->breaker.state() == Breaker::State::Open) {
      down.push_back(provider.name);
      useless.insert(i);
    }
  }
  if (useless.empty()) {
    return {};
  }
  Verdict verdict;
  verdict.ready =
      std::any_of(route->models.begin(), route->models.end(), [&](const RouteModel& model) {
        return !useless.contains(model.provider);
      });
  verdict.reason = verdict.ready ? "Degraded" : down.empty() ? "CredentialMissing" : "BreakersOpen";
  if (!keyless.empty()) {
    verdict.message = concat("there is no credential for ", join(keyless, ", "));
  }
  if (!down.empty()) {
    verdict.message +=
        concat(verdict.message.empty() ? "" : "; ", "not asked at the moment: ", join(down, ", "));
  }
  return verdict;
}

Json ready_condition(
    const Verdict& verdict, std::int64_t generation, const Json& before, Timestamp now
) {
  const std::string_view status = verdict.ready ? "True" : "False";
  std::string since;
  for (const Json& each : before.get_array("conditions")) {
    if (each.get_string("type") == "Ready" && each.get_string("status") == status) {
      since = each.get_string("lastTransitionTime");
    }
  }
  Json made = Json::object();
  made.set("type", "Ready").set("status", status).set("observedGeneration", generation);
  made.set("reason", verdict.reason).set("message", verdict.message);
  made.set("lastTransitionTime", since.empty() ? engine::format_seconds(now) : since);
  return made;
}

/// Without what changes with every call.
std::string lasting(Json status) {
  if (Json* providers = status.find("providers"); providers != nullptr && providers->is_array()) {
    for (Json& provider : providers->as_array()) {
      for (const std::string_view name : kSeen) {
        engine::erase_member(provider, name);
      }
    }
  }
  return canonical_json(status);
}

}  // namespace

Json route_status(const Result<Route>& route, const StatusFacts& facts, const Json& before) {
  Json conditions = Json::array();
  conditions.push(ready_condition(verdict_of(route, facts), facts.generation, before, facts.now));
  Json providers = Json::array();
  std::uint64_t open = 0;
  if (route) {
    for (const Provider& provider : route->providers) {
      const ProviderHealth* health = facts.health(provider);
      open += health != nullptr && health->breaker.state() != Breaker::State::Closed ? 1 : 0;
      providers.push(provider_status(provider, health, before_of(before, provider.name), facts.now)
      );
    }
  }
  Json status = Json::object();
  status.set("observedGeneration", facts.generation).set("conditions", std::move(conditions));
  status.set("openBreakers", open).set("providers", std::move(providers));
  return status;
}

void RouteStatusController::start() {
  cancel_ = context_.ports.after(kStatusLook, [this] {
    look();
    start();
  });
}

void RouteStatusController::stop() {
  if (cancel_) {
    std::exchange(cancel_, nullptr)();
  }
}

void RouteStatusController::look() {
  const std::vector<SeenObject> objects =
      context_.ports.objects("modelroutes", std::nullopt, kRoutesWatchedMax);
  if (!adopted_) {
    adopt_incidents();
  }
  std::set<Name> seen;
  std::set<std::string> providers;
  std::map<Name, std::string> down;
  for (const SeenObject& each : objects) {
    const Json& object = *each.object;
    const Namespace ns(object.get_object("metadata").get_string("namespace"));
    const Name name(ns, name_of(object));
    seen.insert(name);
    Known& about = known(name, object);
    look_at(name, object, about);
    if (!about.route) {
      continue;
    }
    for (const Provider& provider : about.route->providers) {
      providers.insert(Context::provider_key(*about.route, provider));
      const ProviderHealth* health = context_.health(*about.route, provider);
      if (health != nullptr && health->breaker.state() != Breaker::State::Closed) {
        down[{ns, concat(name.second, "/", provider.name)}] = concat(
            "provider ",
            provider.name,
            " of route ",
            name.second,
            " does not work and is not asked for a while; its last error: ",
            health->last_error
        );
      }
    }
  }
  std::erase_if(known_, [&](const auto& entry) { return !seen.contains(entry.first); });
  if (objects.size() < kRoutesWatchedMax) {
    context_.keep_providers(providers);
    report(down);
  }
}

RouteStatusController::Known& RouteStatusController::known(const Name& name, const Json& object) {
  const Json& metadata = object.get_object("metadata");
  std::string uid = metadata.get_string("uid");
  const std::int64_t generation = metadata.get_int("generation", 1);
  const auto found = known_.find(name);
  if (found != known_.end() && found->second.uid == uid && found->second.generation == generation) {
    return found->second;
  }
  Known made{
      .uid = std::move(uid),
      .generation = generation,
      .route = read_route(object),
      .written = {},
      .writing = false};
  return known_.insert_or_assign(name, std::move(made)).first->second;
}

void RouteStatusController::look_at(const Name& name, const Json& object, Known& known) {
  if (known.writing) {
    return;
  }
  const Json& before = object.get_object("status");
  Json status = route_status(
      known.route,
      {.generation = known.generation,
       .now = context_.ports.now(),
       .health = [&](const Provider& provider) { return context_.health(*known.route, provider); },
       .has_credential =
           [&](const std::string& credential) {
             return context_.ports.object("credentials", name.first, credential).object != nullptr;
           }},
      before
  );
  const Duration pause = lasting(before) == lasting(status) ? kStatusAgeMax : kStatusPause;
  const Duration now = context_.ports.elapsed();
  if (canonical_json(before) != canonical_json(status) &&
      (!known.written || now - *known.written >= pause)) {
    write(name, known, std::move(status));
  }
}

void RouteStatusController::write(const Name& name, Known& known, Json status) {
  known.written = context_.ports.elapsed();
  known.writing = true;
  Json metadata = Json::object();
  metadata.set("name", name.second).set("namespace", name.first.view()).set("uid", known.uid);
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "ModelRoute");
  object.set("metadata", std::move(metadata)).set("status", std::move(status));
  Json body = Json::object();
  body.set("object", std::move(object)).set("subresource", "status");
  context_.ports.command(
      engine::ObjectCommand{
          .object = {.kind = journal::Kind::ModelRoute, .ns = name.first, .name = name.second},
          .verb = "update",
          .body = std::move(body)},
      {},
      // What could not be written is written when it is looked again.
      [this, name](const Result<engine::Reply>& /*reply*/) {
        if (const auto found = known_.find(name); found != known_.end()) {
          found->second.writing = false;
        }
      }
  );
}

/// Those that were open when the process began.
void RouteStatusController::adopt_incidents() {
  adopted_ = true;
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  for (const SeenObject& each : context_.ports.objects("incidents", std::nullopt, kAll)) {
    const Json& spec = each.object->get_object("spec");
    if (spec.get_string("reason") == kProviderDown &&
        each.object->get_object("status").get_string("state") != "closed") {
      incidents_.emplace(
          Namespace(each.object->get_object("metadata").get_string("namespace")),
          spec.get_object("subject").get_string("name")
      );
    }
  }
}

/// One incident for each provider that does not work, from its first failure until it works again.
void RouteStatusController::report(const std::map<Name, std::string>& down) {
  const auto about = [](const Name& name, std::string message) {
    engine::IncidentReport report;
    report.reason = std::string(kProviderDown);
    report.subject_kind = std::string(kSubjectKind);
    report.subject = name.second;
    report.message = std::move(message);
    return report;
  };
  for (const Name& name : std::set<Name>(incidents_)) {
    if (!down.contains(name)) {
      incidents_.erase(name);
      post(
          engine::resolve_incident(name.first, about(name, "the provider is asked again")),
          name,
          false
      );
    }
  }
  for (const auto& [name, what] : down) {
    if (incidents_.insert(name).second) {
      post(engine::open_incident(name.first, about(name, what)), name, true);
    }
  }
}

/// What was not taken is said again when it is looked again.
void RouteStatusController::post(engine::ObjectCommand command, const Name& about, bool opens) {
  context_.ports
      .command(std::move(command), {}, [this, about, opens](const Result<engine::Reply>& reply) {
        if (reply || reply.error().code == ErrorCode::NotFound) {
          return;
        }
        if (opens) {
          incidents_.erase(about);
        } else {
          incidents_.insert(about);
        }
      });
}

}  // namespace reeve::gateway::model
