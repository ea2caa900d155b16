#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/book.h"
#include "engine/object_metadata.h"

namespace reeve::engine {

/// The metadata of one object as JSON.
inline constexpr std::size_t kMetadataBytesMax = std::size_t{512} << 10U;

/// What people have added to an object of a kind with a book or machine of its own.
struct Metadata {
  /// Of this row.
  Uid uid;
  /// Of the object.
  Uid object;
  Revision revision;
  /// labels, annotations, finalizers, ownerReferences, managedFields, deletionTimestamp and
  /// deletionGracePeriodSeconds, those that are there, as compact JSON.
  std::string text;
  ObjectLinks links;
  /// The mission has ended: memory needs it for owners and deletion only.
  bool archived = false;
  bool deleted = false;

  /// Whether garbage collection may have to do with it.
  bool live() const { return !deleted && (!archived || links.deleting || !links.owners.empty()); }
};

/// Metadata of Workflows, Missions, Credentials and Channels: a row beside the object's own, of
/// journal::Kind::Metadata, in the same namespace, named `<Kind>/<name>` ("Mission/build"). An
/// object without any has none and costs nothing.
///
/// Commands (ObjectCommand{object = metadata_key(kind, ns, name), verb, body}):
///
///     update  {metadata, uid?, revision?}
///         The members `labels annotations finalizers ownerReferences managedFields` of `metadata`
///         replace those that are there; what the server decides is ignored, but a `uid` must be
///         the object's.
///         `revision` is the later one of both rows. No change: no event. While the object is being
///         deleted: Invalid (subject metadata.finalizers) for a new finalizer; the write that takes
///         the last one away removes the object.
///     delete  {uid?, revision?, propagationPolicy?}
///         Deletes the object (not just its metadata). A workflow, credential or channel without
///         finalizers goes at once, and a mission that has ended. A live mission gets a
///         deletionTimestamp and the finalizer `reeve.dev/run`, is aborted, and goes when it has
///         ended and no finalizer is left. "Foreground" and "Orphan" as in resource_book.h.
///
/// NotFound: there is no such object. Conflict: `uid` or `revision`.
///
/// Replies: `subject` = name of the object, `uid` = the object's, `revision` = the later one of
/// both rows, `detail` = {metadata}: as in the row, `gone` = the command has removed the object.
///
/// The object's `generation` in the API is its own (1 for missions, credentials, channels), plus 1
/// if there is a deletionTimestamp.
///
/// The other way in, so that an object and its metadata are one commit: SubmitMission::metadata,
/// and the members `metadata` and `revision` in the body of a workflow's `apply`, a credential's
/// `set` and a channel's `set` (as in `update`). A workflow's, credential's or channel's own
/// `delete` verb is carried out as `delete` above (the reply's `gone` says whether it is).
///
/// Events of the row: `metadata.set` {kind, name, uid, metadata}, `metadata.deletion_requested`
/// (the same), `metadata.archived` {}, `metadata.deleted` {}. The row:
///
///     {"apiVersion":"reeve.dev/v1","kind":"Metadata","metadata":{"name":"Mission/build",
///      "namespace":"default","uid":"<of this row>"},"spec":{"kind":"Mission","name":"build",
///      "uid":"<of the object>","metadata":{…},"archived":true}}
///
/// and after the object, or all of its metadata, has gone `{"deleted":true,…}`. A removed mission
/// has the event `mission.deleted`, a workflow `workflow.deleted`; their last rows begin with
/// `{"deleted":true` too (credentials, channels: `spec.deleted`, as ever).
///
/// Threading: as Book.
class MetadataBook final : public Book {
 public:
  journal::Kind kind() const override { return journal::Kind::Metadata; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> load_at(const journal::ObjectKey& key, const Json& row, Revision revision) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;

  bool has_links() const override { return true; }

  const ObjectLinks* links_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;
  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;

  /// Of the object that `key` (of a Metadata row) is about, or null.
  const Metadata* find(const journal::ObjectKey& key) const;

  /// `text` as JSON.
  static Json content_of(const Metadata& row);

  bool empty() const { return rows_.empty(); }

  // For Engine, which has checked what it asks for.

  /// Replaces all that is known of an object, with an event of this type. Nothing is left of it if
  /// there is nothing to know.
  void set(
      const journal::ObjectKey& object,
      const Uid& uid,
      Json metadata,
      std::string_view type,
      BookTurn& turn
  );
  void remove(const journal::ObjectKey& object, BookTurn& turn);
  void archive(const journal::ObjectKey& object, BookTurn& turn);

 private:
  Result<void> put(const journal::ObjectKey& key, const Json& metadata, Metadata row);

  std::map<journal::ObjectKey, Metadata> rows_;
};

/// What people may say in `metadata`, without the rest. Invalid, LimitExceeded: with the member's
/// path as subject.
Result<Json> given_metadata(const Json& metadata);

/// The key of the metadata of an object of one of the four kinds.
journal::ObjectKey metadata_key(const journal::ObjectKey& object);

/// The object that a key of metadata is about. Invalid: no kind that has such metadata.
Result<journal::ObjectKey> object_of_metadata(const journal::ObjectKey& key);

/// "Workflow", "Mission", "Credential", "Channel"; empty for other kinds.
std::string_view metadata_kind_name(journal::Kind kind);

}  // namespace reeve::engine
