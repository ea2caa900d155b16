#include "sim/object_sim.h"

#include <utility>

#include "base/strings.h"
#include "engine/metadata_book.h"
#include "engine/resource_book.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/world.h"

namespace reeve::sim {

using journal::Kind;
using journal::ObjectKey;

namespace {

constexpr std::string_view kFinalizer = "sim/held";
constexpr Duration kCleanPeriod{15'000};
constexpr std::uint64_t kNames = 4;
constexpr std::uint64_t kTeams = 2;
constexpr std::string_view kPolicies[] = {"Background", "Foreground", "Orphan"};

}  // namespace

ObjectSim::ObjectSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk)
    : world_(world), checkers_(checkers), client_(client), disk_(disk) {}

void ObjectSim::use(
    std::uint64_t acts,
    Duration within,
    std::shared_ptr<const workflow::Workflow> workflow,
    std::uint64_t seed
) {
  random_ = Random(seed);
  workflow_ = std::move(workflow);
  using_ = true;
  for (std::uint64_t team = 0; team < kTeams; ++team) {
    make(engine::namespace_key(Namespace(concat("team-", team))));
  }
  for (std::uint64_t i = 0; i < acts; ++i) {
    world_.after(random_.duration(Duration(0), within), [this] { act(); });
  }
  world_.after(kCleanPeriod, [this] { clean(); });
}

Namespace ObjectSim::random_namespace() {
  return Namespace(
      random_.percent(40) ? std::string("default") : concat("team-", random_.below(kTeams))
  );
}

ObjectKey ObjectSim::random_key() {
  if (random_.percent(8)) {
    return engine::namespace_key(Namespace(concat("team-", random_.below(kTeams))));
  }
  const Kind kind = random_.percent(50) ? Kind::BlackboardEntry : Kind::BudgetQuota;
  return {.kind = kind, .ns = random_namespace(), .name = concat("o-", random_.below(kNames))};
}

void ObjectSim::act() {
  const std::uint64_t dice = random_.below(100);
  if (dice < 5) {
    submit(random_namespace());
    return;
  }
  if (dice < 12 && missions_ > 0) {
    const MissionName name(concat("described-", random_.below(missions_)));
    const model::Mission* mission = checkers_.find(name);
    if (mission != nullptr) {
      remove(engine::metadata_key({.kind = Kind::Mission, .ns = mission->ns, .name = name.str()}));
    }
    return;
  }
  const ObjectKey key = random_key();
  if (dice < 60) {
    make(key);
  } else if (dice < 75) {
    change(key);
  } else {
    remove(key);
  }
}

Json ObjectSim::read(const ObjectKey& key) const {
  const Result<std::optional<store::Row>> row = disk_.get(key);
  if (!row || !row->has_value() || engine::is_deleted_row((*row)->body)) {
    return {};
  }
  Result<Json> object = parse_json((*row)->body);
  return object ? std::move(*object) : Json();
}

/// One or two objects of the namespace that are there; now and then one that never was.
Json ObjectSim::random_owners(const Namespace& ns) {
  Json owners = Json::array();
  const std::uint64_t count = random_.between(1, 2);
  for (std::uint64_t i = 0; i < count; ++i) {
    ObjectKey key{.kind = Kind::BudgetQuota, .ns = ns, .name = concat("o-", random_.below(kNames))};
    const Json there = read(key);
    const std::string uid = there.is_null() ? "nobody" : there.find("metadata")->get_string("uid");
    if (there.is_null() && !random_.percent(10)) {
      continue;
    }
    Json owner = Json::object();
    owner.set("apiVersion", "reeve.dev/v1").set("kind", "BudgetQuota").set("name", key.name);
    owner.set("uid", uid).set("blockOwnerDeletion", random_.percent(50));
    owners.push(std::move(owner));
  }
  return owners;
}

void ObjectSim::make(const ObjectKey& key) {
  const engine::ResourceKind* kind = engine::resource_kind(key.kind);
  Json metadata = Json::object();
  metadata.set("name", key.name);
  if (random_.percent(25)) {
    metadata.set("finalizers", Json(Json::Array{Json(kFinalizer)}));
  }
  if (!key.ns.empty() && random_.percent(60)) {
    metadata.set("ownerReferences", random_owners(key.ns));
  }
  Json object = Json::object();
  object.set("apiVersion", kind->api_version).set("kind", kind->name);
  object.set("metadata", std::move(metadata));
  Json spec = Json::object();
  spec.set("type", "directive").set("n", random_.below(3));
  object.set("spec", std::move(spec));
  Json body = Json::object();
  body.set("object", std::move(object));
  client_.order(key, "create", std::move(body));
}

void ObjectSim::change(const ObjectKey& key) {
  Json object = read(key);
  if (object.is_null()) {
    return;
  }
  Json* metadata = object.find("metadata");
  // What it means is said without an incarnation: it may be another one by the time it arrives.
  engine::erase_member(*metadata, "uid");
  if (random_.percent(50)) {
    Json labels = Json::object();
    labels.set("n", concat(random_.below(3)));
    metadata->set("labels", std::move(labels));
  } else if (Json* spec = object.find("spec")) {
    spec->set("n", random_.below(3));
  }
  Json body = Json::object();
  body.set("object", std::move(object));
  client_.order(key, "update", std::move(body));
}

void ObjectSim::remove(const ObjectKey& key) {
  Json body = Json::object();
  body.set("propagationPolicy", kPolicies[random_.below(std::size(kPolicies))]);
  client_.order(key, "delete", std::move(body));
}

void ObjectSim::submit(const Namespace& ns) {
  engine::SubmitMission command;
  command.name = MissionName(concat("described-", missions_++));
  command.ns = ns;
  command.workflow = workflow_;
  command.metadata = Json::object();
  if (random_.percent(50)) {
    Json labels = Json::object();
    labels.set("a", "b");
    command.metadata.set("labels", std::move(labels));
  }
  if (random_.percent(50)) {
    command.metadata.set("ownerReferences", random_owners(ns));
  }
  client_.submit(std::move(command));
}

/// Takes the finalizer away from what is being deleted.
void ObjectSim::clean() {
  bool found = false;
  const Result<void> visited = disk_.each_row([&](const store::Row& row) -> Result<void> {
    if (!row.live || engine::resource_kind(row.key.kind) == nullptr ||
        !(properly_ || random_.percent(50))) {
      return {};
    }
    REEVE_TRY(Json object, parse_json(row.body));
    Json* metadata = object.find("metadata");
    REEVE_TRY(const engine::ObjectLinks links, engine::links_from(*metadata));
    if (!links.deleting || !links.has_finalizer(kFinalizer)) {
      return {};
    }
    std::vector<std::string> left = links.finalizers;
    std::erase(left, kFinalizer);
    engine::set_finalizers(*metadata, left);
    engine::erase_member(*metadata, "uid");
    Json body = Json::object();
    body.set("object", std::move(object));
    client_.order(row.key, "update", std::move(body));
    found = true;
    return {};
  });
  if (!visited) {
    checkers_.fail(visited.error().describe());
  }
  if (properly_ && !found && client_.waiting() == 0 && !checkers_.objects().waits_for(kFinalizer)) {
    using_ = false;
    return;
  }
  world_.after(kCleanPeriod, [this] { clean(); });
}

}  // namespace reeve::sim
