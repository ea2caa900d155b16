#include "engine/resource_book.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/quota.h"
#include "engine/resource_object.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kReeveApi = "reeve.dev/v1";
constexpr std::string_view kRbacApi = "rbac.authorization.k8s.io/v1";

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

Json stored_object(const Resource& resource) {
  Result<Json> object = parse_json(resource.text);
  REEVE_ASSERT(object.ok());
  return std::move(*object);
}

/// The object without what follows from the event that carries it.
Json for_event(Json object) {
  erase_member(metadata_of(object), "uid");
  return object;
}

void next_generation(Json& metadata) {
  metadata.set("generation", metadata.get_int("generation", 1) + 1);
}

Result<const Json*> object_in(Fields& fields) {
  const Json* object = fields.object("object");
  REEVE_CHECK(fields.finish());
  if (object == nullptr) {
    return make_error(ErrorCode::Invalid, "is missing", "object");
  }
  return object;
}

Precondition precondition_in(Fields& fields) {
  Precondition expected;
  expected.uid = Uid(fields.text("uid"));
  if (const auto revision = fields.optional_number("revision", 0, INT64_MAX)) {
    expected.revision = Revision(static_cast<std::uint64_t>(*revision));
  }
  return expected;
}

/// The object of a quota changes also with what is used, which is not in its row: an object that
/// was seen later than the row has changed is one with that row.
Revision revision_for(const Precondition& expected, journal::Kind kind, Revision own) {
  return is_quota(kind) && expected.revision && *expected.revision > own ? *expected.revision : own;
}

bool is_governing(journal::Kind kind) {
  return kind != journal::Kind::BlackboardEntry && kind != journal::Kind::Endpoint;
}

}  // namespace

const std::vector<ResourceKind>& resource_kinds() {
  using journal::Kind;
  static const std::vector<ResourceKind> kKinds = {
      {Kind::Namespace, "Namespace", "namespaces", "v1", false},
      {Kind::BudgetQuota, "BudgetQuota", "budgetquotas", kReeveApi, true},
      {Kind::ClusterBudgetQuota, "ClusterBudgetQuota", "clusterbudgetquotas", kReeveApi, false},
      {Kind::BlackboardEntry, "BlackboardEntry", "blackboardentries", kReeveApi, true},
      {Kind::Role, "Role", "roles", kRbacApi, true},
      {Kind::ClusterRole, "ClusterRole", "clusterroles", kRbacApi, false},
      {Kind::RoleBinding, "RoleBinding", "rolebindings", kRbacApi, true},
      {Kind::ClusterRoleBinding, "ClusterRoleBinding", "clusterrolebindings", kRbacApi, false},
      {Kind::Token, "Token", "tokens", kReeveApi, false},
      {Kind::Agent, "Agent", "agents", kReeveApi, true},
      {Kind::ModelRoute, "ModelRoute", "modelroutes", kReeveApi, true},
      {Kind::ToolServer, "ToolServer", "toolservers", kReeveApi, true},
      {Kind::Endpoint, "Endpoint", "endpoints", kReeveApi, true},
      {Kind::Incident, "Incident", "incidents", kReeveApi, true},
      {Kind::NotificationSink, "NotificationSink", "notificationsinks", kReeveApi, true},
  };
  return kKinds;
}

const ResourceKind* resource_kind(journal::Kind kind) {
  for (const ResourceKind& known : resource_kinds()) {
    if (known.kind == kind) {
      return &known;
    }
  }
  return nullptr;
}

const ResourceKind* resource_kind(std::string_view name) {
  for (const ResourceKind& known : resource_kinds()) {
    if (known.name == name) {
      return &known;
    }
  }
  return nullptr;
}

// --- rows and events ----------------------------------------------------------------------------

const Resource* ResourceBook::find(const journal::ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() || found->second.deleted ? nullptr : &found->second;
}

void ResourceBook::put(const journal::ObjectKey& key, Resource resource) {
  if (const Resource* before = find(key)) {
    --count_;
    bytes_ -= before->text.size();
  }
  if (!resource.deleted) {
    ++count_;
    bytes_ += resource.text.size();
  }
  objects_.insert_or_assign(key, std::move(resource));
}

Result<void> ResourceBook::load(const journal::ObjectKey& key, const Json& row) {
  return load_at(key, row, Revision());
}

Result<void> ResourceBook::load_at(
    const journal::ObjectKey& key, const Json& row, Revision revision
) {
  if (Result<void> shape = check_shape(row, kind_, key); !shape) {
    return corrupt(concat("its row is another one's: ", shape.error().describe()), key.name);
  }
  const Json& metadata = metadata_of(row);
  Resource resource;
  resource.uid = Uid(metadata.get_string("uid"));
  Result<ObjectLinks> links = links_from(metadata);
  if (resource.uid.empty() || !links) {
    return corrupt(
        links ? "its row has no uid" : concat("its row: ", links.error().describe()), key.name
    );
  }
  resource.revision = revision;
  resource.text = row.dump();
  resource.links = std::move(*links);
  put(key, std::move(resource));
  return {};
}

Result<void> ResourceBook::apply(const journal::Event& event) {
  const journal::ObjectKey& key = event.object;
  const Resource* before = find(key);
  const EventUse use = use_of(event.type);
  const bool creates = use == EventUse::Creates;
  const bool deletes = use == EventUse::Deletes;
  if (use == EventUse::Unknown) {
    return corrupt(concat("unknown event ", event.type), key.name);
  }
  if (creates == (before != nullptr)) {
    return corrupt(concat("the event ", event.type, " does not fit"), key.name);
  }
  JsonLimits limits;
  limits.size_bytes_max = journal::kEventDataBytesMax;
  REEVE_TRY(Json object, parse_json(event.data, limits));
  if (Result<void> shape = check_shape(object, kind_, key); !shape) {
    return corrupt(shape.error().describe(), key.name);
  }
  Resource next;
  next.uid = creates ? event.uid : before->uid;
  next.revision = event.revision;
  if (event.uid != next.uid) {
    return corrupt("the event is about another object of that name", key.name);
  }
  if (deletes) {
    next.deleted = true;
    put(key, std::move(next));
    return {};
  }
  Json& metadata = metadata_of(object);
  metadata.set("uid", next.uid.str());
  Result<ObjectLinks> links = links_from(metadata);
  if (!links) {
    return corrupt(links.error().describe(), key.name);
  }
  next.links = std::move(*links);
  next.text = object.dump();
  put(key, std::move(next));
  return {};
}

bool ResourceBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Resource& resource = objects_.at(key);
  if (resource.deleted) {
    encode_deleted(kind_.api_version, kind_.name, key, resource.uid, body);
    return false;
  }
  body += resource.text;
  return true;
}

Uid ResourceBook::uid_of(const journal::ObjectKey& key) const {
  const auto found = objects_.find(key);
  return found == objects_.end() ? Uid() : found->second.uid;
}

Revision ResourceBook::revision_of(const journal::ObjectKey& key) const {
  const Resource* found = find(key);
  return found == nullptr ? Revision() : found->revision;
}

const ObjectLinks* ResourceBook::links_of(const journal::ObjectKey& key) const {
  const Resource* found = find(key);
  return found == nullptr ? nullptr : &found->links;
}

std::vector<journal::ObjectKey> ResourceBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [key, resource] : objects_) {
    keys.push_back(key);
  }
  return keys;
}

std::vector<journal::ObjectKey> ResourceBook::keys_in(const Namespace& ns) const {
  std::vector<journal::ObjectKey> keys;
  const journal::ObjectKey first{.kind = kind_.kind, .ns = ns, .name = {}};
  for (auto at = objects_.lower_bound(first); at != objects_.end() && at->first.ns == ns; ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

void ResourceBook::forget(const journal::ObjectKey& key) {
  const auto found = objects_.find(key);
  if (found != objects_.end() && found->second.deleted) {
    objects_.erase(found);
  }
}

// --- commands -----------------------------------------------------------------------------------

Result<Reply> ResourceBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(check_key(kind_, command.object));
  if (is_governing(kind_.kind)) {
    REEVE_CHECK(refuse_runs(turn.actor(), kind_.plural));
  }
  if (command.verb == "create") {
    return create(command, turn);
  }
  if (command.verb == "update") {
    return update(command, turn);
  }
  if (command.verb == "delete") {
    return remove_command(command, turn);
  }
  return make_error(
      ErrorCode::Invalid, concat(kind_.plural, " have no command \"", command.verb, "\""), "verb"
  );
}

Result<const Resource*> ResourceBook::existing(const journal::ObjectKey& key) const {
  if (const Resource* found = find(key)) {
    return found;
  }
  return make_error(
      ErrorCode::NotFound, concat(kind_.plural, " \"", key.name, "\" not found"), key.name
  );
}

Reply ResourceBook::reply_about(const journal::ObjectKey& key, Json last) const {
  Reply reply;
  reply.subject = key.name;
  const auto found = objects_.find(key);
  if (found != objects_.end()) {
    reply.uid = found->second.uid;
    reply.revision = found->second.revision;
  }
  const Resource* there = find(key);
  reply.gone = there == nullptr;
  reply.detail = there == nullptr ? std::move(last) : stored_object(*there);
  return reply;
}

Result<void> ResourceBook::check_room(std::size_t bytes, const Resource* instead_of) const {
  if (bytes > kResourceBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("takes ", bytes, " bytes as JSON, at most ", kResourceBytesMax, " are allowed"),
        "object"
    );
  }
  if (instead_of == nullptr && count_ >= kResourcesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("there are ", count_, " ", kind_.plural, ", which is the limit"),
        std::string(kind_.plural)
    );
  }
  const std::uint64_t others = bytes_ - (instead_of == nullptr ? 0 : instead_of->text.size());
  const bool grows = instead_of == nullptr || bytes > instead_of->text.size();
  if (grows && others + bytes > kResourceBytesTotalMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(kind_.plural, " take at most ", kResourceBytesTotalMax, " bytes together"),
        std::string(kind_.plural)
    );
  }
  return {};
}

ResourceBook::EventUse ResourceBook::use_of(std::string_view type) const {
  if (type == "resource.created") {
    return EventUse::Creates;
  }
  if (type == "resource.deleted") {
    return EventUse::Deletes;
  }
  const bool changes = type == "resource.updated" || type == "resource.deletion_requested";
  return changes ? EventUse::Changes : EventUse::Unknown;
}

/// Events of objects that were checked to fit into one.
void ResourceBook::emit(
    const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn
) {
  const bool creates = use_of(type) == EventUse::Creates;
  const Json data = for_event(std::move(object));
  const Result<void> emitted =
      creates ? turn.emit_first(key, type, data) : turn.emit(key, type, data);
  REEVE_ASSERT(emitted.ok());
}

Result<Reply> ResourceBook::create(const ObjectCommand& command, BookTurn& turn) {
  Fields fields(command.body, "create");
  REEVE_TRY(const Json* given, object_in(fields));
  REEVE_CHECK(check_shape(*given, kind_, command.object));
  REEVE_CHECK(make(command.object, "resource.created", *given, turn));
  return reply_about(command.object, Json());
}

Result<void> ResourceBook::make(
    const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn
) {
  if (kind_.namespaced) {
    REEVE_CHECK(turn.engine().check_open(key.ns));
  }
  if (find(key) != nullptr) {
    return make_error(
        ErrorCode::AlreadyExists,
        concat(kind_.plural, " \"", key.name, "\" already exists"),
        key.name
    );
  }
  Json& metadata = metadata_of(object);
  drop_server_owned(metadata);
  if (kind_.namespaced) {
    metadata.set("namespace", key.ns.str());
  } else {
    erase_member(metadata, "namespace");
  }
  metadata.set("creationTimestamp", format_seconds(turn.now()));
  metadata.set("generation", 1);
  REEVE_CHECK(links_from(metadata));
  REEVE_CHECK(prepare(object, turn));
  REEVE_CHECK(check_room(object.dump().size(), nullptr));
  emit(key, type, std::move(object), turn);
  return {};
}

Result<void> ResourceBook::change(
    const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn
) {
  REEVE_TRY(const Resource* resource, existing(key));
  REEVE_CHECK(check_room(object.dump().size(), resource));
  emit(key, type, std::move(object), turn);
  return {};
}

Result<Json> ResourceBook::stored(const journal::ObjectKey& key) const {
  REEVE_TRY(const Resource* resource, existing(key));
  return stored_object(*resource);
}

Result<Reply> ResourceBook::update(const ObjectCommand& command, BookTurn& turn) {
  const journal::ObjectKey& key = command.object;
  Fields fields(command.body, "update");
  const Precondition expected = precondition_in(fields);
  const std::string part = fields.text("subresource");
  REEVE_TRY(const Json* given, object_in(fields));
  if (!part.empty() && part != "status") {
    return make_error(
        ErrorCode::Invalid, concat("there is no subresource \"", part, "\""), "subresource"
    );
  }
  REEVE_CHECK(check_shape(*given, kind_, key));
  REEVE_TRY(const Resource* resource, existing(key));
  Precondition same = expected;
  same.uid = Uid(metadata_of(*given).get_string("uid"));
  const Revision revision = revision_for(expected, key.kind, resource->revision);
  REEVE_CHECK(check_precondition(expected, resource->uid, revision, key.name));
  REEVE_CHECK(check_precondition(same, resource->uid, revision, key.name));
  const Json before = stored_object(*resource);
  Json after = part.empty() ? with_server_owned(before, *given) : with_status(before, *given);
  REEVE_TRY(const ObjectLinks links, links_from(metadata_of(after)));
  REEVE_CHECK(check_change(before, after, turn));
  if (same_value(before, after)) {
    return reply_about(key, Json());
  }
  REEVE_CHECK(check_finalizers(resource->links, links));
  if (!same_desire(before, after)) {
    next_generation(metadata_of(after));
  }
  REEVE_CHECK(check_room(after.dump().size(), resource));
  if (links.deleting && links.finalizers.empty() && goes_at_once()) {
    remove(key, after, turn);
  } else {
    emit(key, "resource.updated", after, turn);
  }
  return reply_about(key, std::move(after));
}

Result<Reply> ResourceBook::remove_command(const ObjectCommand& command, BookTurn& turn) {
  const journal::ObjectKey& key = command.object;
  const Json nothing = Json::object();
  Fields fields(command.body.is_null() ? nothing : command.body, "delete");
  const Precondition expected = precondition_in(fields);
  REEVE_TRY(const Propagation propagation, parse_propagation(fields.text("propagationPolicy")));
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const Resource* resource, existing(key));
  const Revision revision = revision_for(expected, key.kind, resource->revision);
  REEVE_CHECK(check_precondition(expected, resource->uid, revision, key.name));
  Json last = stored_object(*resource);
  REEVE_CHECK(check_deletion(key, last));
  request_deletion(key, propagation, turn);
  return reply_about(key, std::move(last));
}

void ResourceBook::request_deletion(
    const journal::ObjectKey& key, Propagation propagation, BookTurn& turn
) {
  const Resource* resource = find(key);
  if (resource == nullptr || resource->links.deleting) {
    return;
  }
  Json object = stored_object(*resource);
  std::vector<std::string> finalizers = resource->links.finalizers;
  add_propagation(finalizers, propagation);
  if (finalizers.empty() && goes_at_once()) {
    remove(key, std::move(object), turn);
    return;
  }
  Json& metadata = metadata_of(object);
  set_finalizers(metadata, finalizers);
  next_generation(metadata);
  metadata.set("deletionTimestamp", format_seconds(turn.now()));
  metadata.set("deletionGracePeriodSeconds", 0);
  mark_deleting(object);
  emit(key, "resource.deletion_requested", std::move(object), turn);
}

void ResourceBook::remove(const journal::ObjectKey& key, Json object, BookTurn& turn) {
  const Uid uid = uid_of(key);
  emit(key, "resource.deleted", std::move(object), turn);
  turn.engine().object_removed(key, uid);
}

void ResourceBook::drop_finalizers(
    const journal::ObjectKey& key, const std::vector<std::string>& names, BookTurn& turn
) {
  const Resource* resource = find(key);
  if (resource == nullptr) {
    return;
  }
  std::vector<std::string> left;
  for (const std::string& name : resource->links.finalizers) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      left.push_back(name);
    }
  }
  if (left.size() == resource->links.finalizers.size()) {
    return;
  }
  Json object = stored_object(*resource);
  set_finalizers(metadata_of(object), left);
  if (resource->links.deleting && left.empty() && goes_at_once()) {
    remove(key, std::move(object), turn);
  } else {
    emit(key, "resource.updated", std::move(object), turn);
  }
}

void ResourceBook::drop_owners(
    const journal::ObjectKey& key, const std::vector<Uid>& owners, BookTurn& turn
) {
  const Resource* resource = find(key);
  if (resource == nullptr) {
    return;
  }
  Json object = stored_object(*resource);
  if (remove_owners(metadata_of(object), owners)) {
    emit(key, "resource.updated", std::move(object), turn);
  }
}

Result<void> ResourceBook::prepare(Json& /*object*/, BookTurn& /*turn*/) const {
  return {};
}

Result<void> ResourceBook::check_change(
    const Json& /*before*/, Json& /*after*/, BookTurn& /*turn*/
) const {
  return {};
}

Result<void> ResourceBook::check_deletion(
    const journal::ObjectKey& /*key*/, const Json& /*object*/
) const {
  return {};
}

void ResourceBook::mark_deleting(Json& /*object*/) const {}

}  // namespace reeve::engine
