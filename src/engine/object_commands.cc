#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/collector.h"
#include "engine/engine.h"
#include "engine/metadata_book.h"
#include "engine/mission_names.h"
#include "engine/mission_turn.h"
#include "engine/quota_registry.h"
#include "engine/resource_book.h"

/// Objects as the API sees them: the metadata of those that have a book or a machine of their own,
/// and how objects of all kinds are deleted.
namespace reeve::engine {

using journal::Kind;
using journal::ObjectKey;

namespace {

Error not_found(const ObjectKey& object) {
  return make_error(
      ErrorCode::NotFound,
      concat("there is no ", to_string(object.kind), " \"", object.name, "\""),
      object.name
  );
}

Result<Precondition> precondition_in(Fields& fields) {
  Precondition expected;
  expected.uid = Uid(fields.text("uid"));
  if (const auto revision = fields.optional_number("revision", 0, INT64_MAX)) {
    expected.revision = Revision(static_cast<std::uint64_t>(*revision));
  }
  return expected;
}

bool makes_or_changes(std::string_view verb) {
  return verb == "apply" || verb == "set" || verb == "allow";
}

/// `revision`: the object must be there and be this one; `absent`: it must not be there.
Result<void> check_expected(const ObjectCommand& command, const std::optional<ObjectState>& state) {
  const ObjectKey& object = command.object;
  if (command.body.get_bool("absent") && state) {
    return make_error(
        ErrorCode::AlreadyExists,
        concat(to_string(object.kind), " \"", object.name, "\" already exists"),
        object.name
    );
  }
  const Json* revision = command.body.find("revision");
  if (revision == nullptr) {
    return {};
  }
  if (!revision->is_int() || revision->as_int() < 0) {
    return make_error(ErrorCode::Invalid, "must be a whole number", "revision");
  }
  if (!state) {
    return not_found(object);
  }
  Precondition expected;
  expected.revision = Revision(static_cast<std::uint64_t>(revision->as_int()));
  return check_precondition(expected, state->uid, state->revision, object.name);
}

}  // namespace

// --- what is there ------------------------------------------------------------------------------

Result<void> Engine::check_open(const Namespace& ns) const {
  const Book* book = book_by_kind_[static_cast<std::size_t>(Kind::Namespace)];
  return static_cast<const NamespaceBook*>(book)->check_open(ns);
}

ResourceBook* Engine::resources_of(const ObjectKey& key) const {
  return resource_kind(key.kind) == nullptr ? nullptr : static_cast<ResourceBook*>(book_of(key));
}

Engine::Entry* Engine::find_entry(const ObjectKey& object) {
  if (object.kind != Kind::Mission) {
    return nullptr;
  }
  const auto found = by_name_.find(mission_name_of(object));
  if (found == by_name_.end()) {
    return nullptr;
  }
  Entry& entry = missions_.at(found->second);
  return entry.mission->deleted || key_of(*entry.mission) != object ? nullptr : &entry;
}

std::optional<ObjectState> Engine::state_of(const ObjectKey& object) const {
  ObjectState state;
  if (object.kind == Kind::Mission) {
    const model::Mission* mission = find(mission_name_of(object));
    if (mission == nullptr || mission->deleted || key_of(*mission) != object) {
      return std::nullopt;
    }
    state = {.uid = mission->uid, .revision = mission->revision};
  } else {
    const Book* book = book_of(object);
    if (book == nullptr || book->revision_of(object) == Revision()) {
      return std::nullopt;
    }
    state = {.uid = book->uid_of(object), .revision = book->revision_of(object)};
  }
  if (!metadata_kind_name(object.kind).empty() && !metadata_->empty()) {
    state.revision = std::max(state.revision, metadata_->revision_of(metadata_key(object)));
  }
  return state;
}

const ObjectLinks* Engine::links_of(const ObjectKey& object) const {
  if (const ResourceBook* plain = resources_of(object)) {
    return plain->links_of(object);
  }
  return metadata_kind_name(object.kind).empty() ? nullptr
                                                 : metadata_->links_of(metadata_key(object));
}

Result<std::optional<Uid>> Engine::uid_of_stored(const ObjectKey& object) const {
  if (const std::optional<ObjectState> state = state_of(object)) {
    return std::optional<Uid>(state->uid);
  }
  // In memory, and deleted: the store does not know yet.
  const bool in_memory = object.kind != Kind::Mission || find(mission_name_of(object)) != nullptr;
  if (in_memory || !stored_.uid_of) {
    return std::optional<Uid>();
  }
  return stored_.uid_of(object);
}

Result<void> Engine::fetch(const ObjectKey& object) {
  return stored_.fetch ? stored_.fetch(object) : Result<void>();
}

Result<std::vector<ObjectKey>> Engine::ended_missions(
    const Namespace& ns, Revision& cursor, std::uint32_t limit
) const {
  if (!stored_.ended) {
    cursor = Revision();
    return std::vector<ObjectKey>();
  }
  return stored_.ended(ns, cursor, limit);
}

const model::Mission* Engine::next_mission(Revision after) const {
  const auto next = missions_.upper_bound(after);
  return next == missions_.end() ? nullptr : next->second.mission.get();
}

// --- what books tell ----------------------------------------------------------------------------

void Engine::object_changed(const ObjectKey& key, const ObjectLinks* links) {
  quotas_->changed(key);
  if (links != nullptr && (links->deleting || !links->owners.empty())) {
    collector_->changed(key, *links);
  } else {
    collector_->forget_links(key);
  }
}

void Engine::object_removed(const ObjectKey& key, const Uid& uid) {
  quotas_->changed(key);
  collector_->removed(key, uid);
}

bool Engine::collects() const {
  return collector_->is_busy();
}

void Engine::on_collector_timer(std::string_view timer, Scope& scope) {
  collector_->on_timer(timer, *this, scope);
}

// --- commands -----------------------------------------------------------------------------------

/// A command in the words of a book, which may also be about metadata or a deletion.
Result<Reply> Engine::book_turn(Book& book, const ObjectCommand& command, Scope& scope) {
  const ObjectKey& object = command.object;
  const bool plain = resource_kind(object.kind) != nullptr;
  // Only denials are also of no namespace.
  if (!plain && object.kind != Kind::Metadata && !object.ns.view().empty() &&
      book.revision_of(object) == Revision()) {
    REEVE_CHECK(check_open(object.ns));
  }
  if (!metadata_kind_name(object.kind).empty()) {
    return described_turn(book, command, scope);
  }
  BookTurn turn(*this, book, scope);
  return book.turn(command, turn);
}

Result<Reply> Engine::described_turn(Book& book, const ObjectCommand& command, Scope& scope) {
  const ObjectKey& object = command.object;
  BookTurn turn(*this, book, scope);
  if (command.verb == "delete" && state_of(object)) {
    if (object.kind != Kind::Channel) {
      REEVE_CHECK(refuse_runs(scope.actor, "what is deployed, and credentials"));
    }
    const Json nothing = Json::object();
    return delete_object(object, command.body.is_null() ? nothing : command.body, scope);
  }
  if (!makes_or_changes(command.verb)) {
    return book.turn(command, turn);
  }
  REEVE_CHECK(check_expected(command, state_of(object)));
  const Json* metadata = command.body.find("metadata");
  Json given;
  if (metadata != nullptr) {
    REEVE_CHECK(refuse_runs(scope.actor, "metadata of objects"));
    REEVE_TRY(given, given_metadata(*metadata));
    REEVE_CHECK(check_metadata(object, given));
  }
  ObjectCommand rest = command;
  erase_member(rest.body, "metadata");
  erase_member(rest.body, "revision");
  erase_member(rest.body, "absent");
  REEVE_TRY(Reply reply, book.turn(rest, turn));
  if (metadata != nullptr) {
    put_metadata(object, reply.uid, std::move(given), scope);
  }
  return reply;
}

/// What may not be said about an object that is being deleted.
Result<void> Engine::check_metadata(const ObjectKey& object, const Json& metadata) const {
  const Metadata* before = metadata_->find(metadata_key(object));
  if (before == nullptr || !before->links.deleting) {
    return {};
  }
  REEVE_TRY(const ObjectLinks links, links_from(metadata));
  REEVE_CHECK(check_finalizers(before->links, links));
  const model::Mission* mission =
      object.kind == Kind::Mission ? find(mission_name_of(object)) : nullptr;
  if (mission != nullptr && !is_terminal(mission->state) && !links.has_finalizer(kRunFinalizer)) {
    return make_error(
        ErrorCode::Invalid,
        concat("\"", kRunFinalizer, "\" goes when the mission has ended"),
        "metadata.finalizers"
    );
  }
  return {};
}

/// Replaces what people may say. Removes an object that is being deleted and has no finalizer left.
void Engine::put_metadata(const ObjectKey& object, const Uid& uid, Json metadata, Scope& scope) {
  const Metadata* before = metadata_->find(metadata_key(object));
  const Json old = before == nullptr ? Json::object() : MetadataBook::content_of(*before);
  for (const std::string_view name : {"deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if (const Json* value = old.find(name)) {
      metadata.set(std::string(name), *value);
    }
  }
  if (same_value(old, metadata)) {
    return;
  }
  if (before != nullptr && before->links.deleting && metadata.find("finalizers") == nullptr) {
    remove_object(object, scope);
    return;
  }
  BookTurn turn(*this, *metadata_, scope);
  metadata_->set(object, uid, std::move(metadata), "metadata.set", turn);
}

Reply Engine::reply_about(const ObjectKey& object, const Uid& uid, const Scope& scope) const {
  Reply reply;
  reply.subject = object.name;
  reply.uid = uid;
  reply.revision = Revision(scope.next.value() - 1);
  const std::optional<ObjectState> state = state_of(object);
  reply.gone = !state;
  if (state) {
    reply.revision = state->revision;
  }
  const Metadata* row = metadata_->find(metadata_key(object));
  Json metadata = row == nullptr ? Json::object() : MetadataBook::content_of(*row);
  metadata.set("uid", uid.str());
  reply.detail = Json::object();
  reply.detail.set("metadata", std::move(metadata));
  return reply;
}

Result<Reply> Engine::describe_object(const ObjectKey& object, const Json& body, Scope& scope) {
  Fields fields(body, "update");
  REEVE_TRY(const Precondition expected, precondition_in(fields));
  const Json* metadata = fields.object("metadata");
  REEVE_CHECK(fields.finish());
  if (metadata == nullptr) {
    return make_error(ErrorCode::Invalid, "is missing", "metadata");
  }
  const std::optional<ObjectState> state = state_of(object);
  if (!state) {
    return not_found(object);
  }
  REEVE_CHECK(check_precondition(expected, state->uid, state->revision, object.name));
  const Precondition same{.uid = Uid(metadata->get_string("uid")), .revision = {}};
  REEVE_CHECK(check_precondition(same, state->uid, state->revision, object.name));
  REEVE_TRY(Json given, given_metadata(*metadata));
  REEVE_CHECK(check_metadata(object, given));
  put_metadata(object, state->uid, std::move(given), scope);
  return reply_about(object, state->uid, scope);
}

Result<Reply> Engine::delete_object(const ObjectKey& object, const Json& body, Scope& scope) {
  Fields fields(body, "delete");
  REEVE_TRY(const Precondition expected, precondition_in(fields));
  REEVE_TRY(const Propagation propagation, parse_propagation(fields.text("propagationPolicy")));
  REEVE_CHECK(fields.finish());
  const std::optional<ObjectState> state = state_of(object);
  if (!state) {
    return not_found(object);
  }
  REEVE_CHECK(check_precondition(expected, state->uid, state->revision, object.name));
  request_deletion(object, propagation, scope);
  return reply_about(object, state->uid, scope);
}

// --- deletion -----------------------------------------------------------------------------------

void Engine::request_deletion(const ObjectKey& object, Propagation propagation, Scope& scope) {
  if (ResourceBook* plain = resources_of(object)) {
    BookTurn turn(*this, *plain, scope);
    plain->request_deletion(object, propagation, turn);
    return;
  }
  const std::optional<ObjectState> state = state_of(object);
  const Metadata* row = metadata_->find(metadata_key(object));
  if (!state || (row != nullptr && row->links.deleting)) {
    return;
  }
  std::vector<std::string> finalizers;
  Json metadata = Json::object();
  if (row != nullptr) {
    finalizers = row->links.finalizers;
    metadata = MetadataBook::content_of(*row);
  }
  add_propagation(finalizers, propagation);
  Entry* entry = find_entry(object);
  const bool live = entry != nullptr && !is_terminal(entry->mission->state);
  if (live && std::find(finalizers.begin(), finalizers.end(), kRunFinalizer) == finalizers.end()) {
    finalizers.emplace_back(kRunFinalizer);
  }
  if (finalizers.empty()) {
    remove_object(object, scope);
    return;
  }
  set_finalizers(metadata, finalizers);
  metadata.set("deletionTimestamp", format_seconds(scope.now));
  metadata.set("deletionGracePeriodSeconds", 0);
  BookTurn turn(*this, *metadata_, scope);
  metadata_->set(object, state->uid, std::move(metadata), "metadata.deletion_requested", turn);
  if (live) {
    MissionTurn(*this, scope, *entry->mission, *entry->plan)
        .request_abort("its deletion was asked for");
  }
}

void Engine::remove_object(const ObjectKey& object, Scope& scope) {
  const std::optional<ObjectState> state = state_of(object);
  REEVE_ASSERT(state.has_value());
  BookTurn metadata_turn(*this, *metadata_, scope);
  metadata_->remove(object, metadata_turn);
  if (Entry* entry = find_entry(object)) {
    REEVE_ASSERT(is_terminal(entry->mission->state));
    MissionTurn(*this, scope, *entry->mission, *entry->plan).emit(MissionDeleted{});
  } else {
    Book* book = book_of(object);
    BookTurn turn(*this, *book, scope);
    const ObjectCommand command{.object = object, .verb = "delete", .body = Json::object()};
    const Result<Reply> removed = book->turn(command, turn);
    REEVE_ASSERT(removed.ok());
  }
  object_removed(metadata_key(object), state->uid);
}

/// A mission has ended: it goes if that was asked for, and what is known of it need not stay in
/// memory.
void Engine::settle_deletion(const model::Mission& ended, Scope& scope) {
  if (metadata_->empty()) {
    return;
  }
  const ObjectKey object = key_of(ended);
  const ObjectKey key = metadata_key(object);
  const Metadata* row = metadata_->find(key);
  if (row == nullptr) {
    return;
  }
  if (row->links.deleting) {
    drop_finalizers(key, {std::string(kRunFinalizer)}, scope);
  }
  BookTurn turn(*this, *metadata_, scope);
  metadata_->archive(object, turn);
}

void Engine::drop_finalizers(
    const ObjectKey& key, const std::vector<std::string>& names, Scope& scope
) {
  if (ResourceBook* plain = resources_of(key)) {
    BookTurn turn(*this, *plain, scope);
    plain->drop_finalizers(key, names, turn);
    return;
  }
  const Metadata* row = metadata_->find(key);
  const Result<ObjectKey> object = object_of_metadata(key);
  if (row == nullptr || !object) {
    return;
  }
  std::vector<std::string> left;
  for (const std::string& name : row->links.finalizers) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      left.push_back(name);
    }
  }
  if (left.size() == row->links.finalizers.size()) {
    return;
  }
  if (row->links.deleting && left.empty()) {
    remove_object(*object, scope);
    return;
  }
  Json metadata = MetadataBook::content_of(*row);
  set_finalizers(metadata, left);
  BookTurn turn(*this, *metadata_, scope);
  metadata_->set(*object, Uid(row->object), std::move(metadata), "metadata.set", turn);
}

void Engine::drop_owners(const ObjectKey& key, const std::vector<Uid>& owners, Scope& scope) {
  if (ResourceBook* plain = resources_of(key)) {
    BookTurn turn(*this, *plain, scope);
    plain->drop_owners(key, owners, turn);
    return;
  }
  const Metadata* row = metadata_->find(key);
  const Result<ObjectKey> object = object_of_metadata(key);
  if (row == nullptr || !object) {
    return;
  }
  Json metadata = MetadataBook::content_of(*row);
  if (remove_owners(metadata, owners)) {
    BookTurn turn(*this, *metadata_, scope);
    metadata_->set(*object, Uid(row->object), std::move(metadata), "metadata.set", turn);
  }
}

void Engine::clear_away(const ObjectKey& object, Scope& scope) {
  if (object.kind != Kind::Setting && object.kind != Kind::Pool && object.kind != Kind::Denial &&
      object.kind != Kind::ToolCall) {
    request_deletion(object, Propagation::Background, scope);
    return;
  }
  Book* book = book_of(object);
  BookTurn turn(*this, *book, scope);
  const std::string verb = object.kind == Kind::Setting ? "unset" : "delete";
  const ObjectCommand command{.object = object, .verb = verb, .body = Json::object()};
  const Result<Reply> removed = book->turn(command, turn);
  REEVE_ASSERT(removed.ok());
}

void Engine::namespace_empty(const Namespace& ns, Scope& scope) {
  Book* book = book_by_kind_[static_cast<std::size_t>(Kind::Namespace)];
  BookTurn turn(*this, *book, scope);
  static_cast<NamespaceBook*>(book)->contents_gone(ns, turn);
}

}  // namespace reeve::engine
