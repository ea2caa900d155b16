#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/book.h"
#include "engine/object_metadata.h"

namespace reeve::engine {

/// Objects of one kind, and the bytes of all of them as JSON.
inline constexpr std::size_t kResourcesMax = 100'000;
inline constexpr std::uint64_t kResourceBytesTotalMax = std::uint64_t{256} << 20U;
/// One object as JSON. Below the size of an event, so that what a deletion adds always fits.
inline constexpr std::size_t kResourceBytesMax = (std::size_t{1} << 20U) - (std::size_t{8} << 10U);
inline constexpr std::size_t kResourceNameBytesMax = 253;

/// A kind of plain resources.
struct ResourceKind {
  journal::Kind kind = journal::Kind::BudgetQuota;
  /// As objects name it: "BudgetQuota".
  std::string_view name;
  std::string_view plural;
  /// "reeve.dev/v1"
  std::string_view api_version;
  /// Objects of the others have the empty namespace in their keys.
  bool namespaced = true;
};

/// Null: the kind has a life of its own (missions, channels, …).
const ResourceKind* resource_kind(journal::Kind kind);

/// The same by the name that objects have; null: no such kind of plain resources.
const ResourceKind* resource_kind(std::string_view name);

/// All kinds of plain resources.
const std::vector<ResourceKind>& resource_kinds();

/// A plain resource: an object of the API that is nothing but data.
struct Resource {
  Uid uid;
  Revision revision;
  /// The object as compact JSON: `apiVersion`, `kind`, `metadata` (with everything but
  /// `resourceVersion`, which is `revision`), and the other members as they were given.
  std::string text;
  ObjectLinks links;
  bool deleted = false;
};

/// The objects of one plain kind: Namespace, BudgetQuota, BlackboardEntry, Role, ClusterRole,
/// RoleBinding, ClusterRoleBinding, Token, Agent. What is in an object is the business of those who
/// check it before; the book keeps it, knows its metadata, and bounds it.
///
/// Commands (ObjectCommand{object = {kind, namespace or empty, name}, verb, body}):
///
///     create  {object}
///         `object` has apiVersion, kind, metadata {name, namespace?}, and anything else. Given
///         `uid`, `resourceVersion`, `creationTimestamp`, `generation`, `deletionTimestamp` and
///         `deletionGracePeriodSeconds` are replaced or dropped; everything else is kept
///         (labels, annotations, finalizers, ownerReferences, managedFields, generateName, status).
///         AlreadyExists. NotFound: the namespace. PermissionDenied: it is Terminating
///         (`is_namespace_terminating`).
///     update  {object, revision?, subresource?}
///         Replaces everything that the server does not own; `status` stays as it is. With
///         `subresource: "status"` only `status` and `metadata.managedFields` are taken. Conflict:
///         the object has another revision, or another uid than `object.metadata.uid`. Without a
///         change (whatever the order of members) there is no event and the revision stays. A
///         change of anything but metadata and status adds 1 to `generation`. Of an object with a
///         deletionTimestamp: Invalid (subject metadata.finalizers) for a new finalizer; the write
///         that takes the last finalizer away removes the object.
///     delete  {uid?, revision?, propagationPolicy?}
///         "Background" (default), "Foreground", "Orphan". Without finalizers the object is removed
///         at once. Otherwise, and for "Foreground" and "Orphan", it gets a deletionTimestamp,
///         deletionGracePeriodSeconds 0, generation + 1 and the finalizer `foregroundDeletion` or
///         `orphan`, which garbage collection takes away. Deleting again changes nothing.
///
/// Replies: `subject` = name, `uid`, `revision` = that of the object, `detail` = the stored object
/// (without `resourceVersion`), `gone` = the command has removed it; then `detail` is the object as
/// it was last and `revision` that of its deletion. An input that is repeated (same InputId) is
/// answered with `subject` alone: read the object.
///
/// Events: `resource.created`, `resource.updated`, `resource.deletion_requested` with the whole new
/// object as data, `resource.deleted` with the object as it was last; in all of them
/// `metadata.uid` and `metadata.resourceVersion` are left out, they are the event's.
///
/// Rows: `Resource::text`, live. After deletion `{"deleted":true,"apiVersion":…,"kind":…,
/// "metadata":{…}}`, not live (`is_deleted_row`). The name can be used again, with another uid.
///
/// Blackboard entries: `spec.author` is stamped with whoever has written the spec. An entry with
/// `spec.type` "decision" can be neither changed nor deleted, by nobody (IllegalTransition), and
/// has neither finalizers nor owners; it goes with its namespace alone.
///
/// Runs may not change namespaces, quotas, roles, bindings, tokens, notification sinks. Endpoints
/// (endpoint_book.h) and incidents (incident_book.h) have a life besides. Threading: as Book.
class ResourceBook : public Book {
 public:
  explicit ResourceBook(const ResourceKind& kind) : kind_(kind) {}

  journal::Kind kind() const override { return kind_.kind; }

  bool has_namespaces() const override { return kind_.namespaced; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> load_at(const journal::ObjectKey& key, const Json& row, Revision revision) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;

  bool has_links() const override { return true; }

  const ObjectLinks* links_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;
  std::vector<journal::ObjectKey> keys_in(const Namespace& ns) const override;
  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;

  /// An object that is there, or null.
  const Resource* find(const journal::ObjectKey& key) const;

  // For garbage collection: each is one event at most and cannot fail for an object that is there.

  /// Asks for the deletion, or removes it at once. Also decisions.
  void request_deletion(const journal::ObjectKey& key, Propagation propagation, BookTurn& turn);
  /// Without these finalizers; the object is removed if it is being deleted and none is left.
  void drop_finalizers(
      const journal::ObjectKey& key, const std::vector<std::string>& names, BookTurn& turn
  );
  /// Without references to these owners.
  void drop_owners(const journal::ObjectKey& key, const std::vector<Uid>& owners, BookTurn& turn);

 protected:
  /// What a kind adds to an object that is made.
  virtual Result<void> prepare(Json& object, BookTurn& turn) const;
  /// Refuses, or adds to, a change (or what turns out to be none). `before` is the object as it is.
  virtual Result<void> check_change(const Json& before, Json& after, BookTurn& turn) const;
  /// Refuses a deletion that somebody asks for.
  virtual Result<void> check_deletion(const journal::ObjectKey& key, const Json& object) const;
  /// What a kind changes in an object whose deletion is asked for.
  virtual void mark_deleting(Json& object) const;

  /// Whether an object goes as soon as it is being deleted and has no finalizers.
  virtual bool goes_at_once() const { return true; }

  /// What an event does to an object.
  enum class EventUse : std::uint8_t { Unknown, Creates, Changes, Deletes };
  /// Kinds with a life have words of their own for what happens to their objects.
  virtual EventUse use_of(std::string_view type) const;

  /// Makes an object by an event whose use is Creates; `object` has the shape of its kind. The
  /// errors of `create`.
  Result<void> make(
      const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn
  );
  /// Replaces one that is there by an event whose use is Changes. LimitExceeded: it is too large.
  Result<void> change(
      const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn
  );
  /// NotFound: there is no such object.
  Result<Json> stored(const journal::ObjectKey& key) const;
  /// A reply with the object as it is, or else with `last`.
  Reply reply_about(const journal::ObjectKey& key, Json last) const;

  /// An object that is being deleted and has no finalizers goes.
  void remove(const journal::ObjectKey& key, Json object, BookTurn& turn);

  const ResourceKind& kind_;

 private:
  Result<Reply> create(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> update(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> remove_command(const ObjectCommand& command, BookTurn& turn);
  Result<void> check_room(std::size_t bytes, const Resource* instead_of) const;
  Result<const Resource*> existing(const journal::ObjectKey& key) const;
  void emit(const journal::ObjectKey& key, std::string_view type, Json object, BookTurn& turn);
  void put(const journal::ObjectKey& key, Resource resource);

  std::map<journal::ObjectKey, Resource> objects_;
  /// Of the objects that are there.
  std::size_t count_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Entries of the blackboard.
class BlackboardBook final : public ResourceBook {
 public:
  BlackboardBook();

 protected:
  Result<void> prepare(Json& object, BookTurn& turn) const override;
  Result<void> check_change(const Json& before, Json& after, BookTurn& turn) const override;
  Result<void> check_deletion(const journal::ObjectKey& key, const Json& object) const override;
};

/// Agents, which runs of tasks of method AGENT are rendered with.
class AgentBook final : public ResourceBook, public workflow::AgentSource {
 public:
  AgentBook();

  void configure(
      const Namespace& ns, std::string_view workflow, workflow::Configuration& configuration
  ) const override;
  const std::string* agent(const Namespace& ns, std::string_view name) const override;
};

/// Namespaces. `default` is there from the start and cannot be deleted (PermissionDenied).
/// `status.phase` is Active or Terminating, whatever is written. Deleting one makes it Terminating:
/// nothing can be made in it, its missions are aborted, everything in it is deleted in bounded
/// steps, and then it goes, unless finalizers are left.
class NamespaceBook final : public ResourceBook {
 public:
  NamespaceBook();

  void recover(BookTurn& turn) override;

  /// NotFound, or PermissionDenied because it is being deleted.
  Result<void> check_open(const Namespace& ns) const;

  /// Nothing is in it any more: it goes if it is being deleted and has no finalizers.
  void contents_gone(const Namespace& ns, BookTurn& turn);

 protected:
  Result<void> prepare(Json& object, BookTurn& turn) const override;
  Result<void> check_change(const Json& before, Json& after, BookTurn& turn) const override;
  Result<void> check_deletion(const journal::ObjectKey& key, const Json& object) const override;
  void mark_deleting(Json& object) const override;

  bool goes_at_once() const override { return false; }
};

/// The key of a namespace's own object.
journal::ObjectKey namespace_key(const Namespace& ns);

}  // namespace reeve::engine
