#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/engine.h"
#include "engine/object_metadata.h"
#include "journal/event.h"
#include "workflow/render.h"

namespace reeve::engine {

/// Names a version of a workflow, as rows of that kind do; the others of its kind are deployed
/// workflows.
bool is_workflow_version(const journal::ObjectKey& key);

/// What one turn does to the objects of one book: every change is an event, which is recorded and
/// applied at once.
///
/// Threading: engine loop; lives for one turn.
class BookTurn {
 public:
  BookTurn(Engine& engine, Book& book, Scope& scope)
      : engine_(engine), book_(book), scope_(scope) {}

  Timestamp now() const { return scope_.now; }

  const Principal& actor() const { return scope_.actor; }

  /// The revision that the next event gets.
  Revision next() const { return scope_.next; }

  /// The engine, for turns that make missions (`Engine::turn` with the same scope).
  Engine& engine() { return engine_; }

  Scope& scope() { return scope_; }

  /// Records one event about an object of this book. LimitExceeded: the data is larger than an
  /// event may be; nothing was recorded.
  Result<void> emit(const journal::ObjectKey& object, std::string_view type, const Json& data);

  /// The same for the event that makes an object: it gets a uid of its own, whatever was called
  /// like it before.
  Result<void> emit_first(
      const journal::ObjectKey& object, std::string_view type, const Json& data
  );

  /// Arms a durable timer of the object, or without `due` disarms it.
  void set_timer(const journal::ObjectKey& object, std::string key, std::optional<Timestamp> due);

  /// A reply about `object` with what the sender asked for.
  Reply reply(const journal::ObjectKey& object, Json detail = {}) const;

 private:
  Result<void> emit(
      const journal::ObjectKey& object, const Uid& uid, std::string_view type, const Json& data
  );

  Engine& engine_;
  Book& book_;
  Scope& scope_;
};

/// The objects of one kind other than missions: their state, the events that make it, and the
/// commands that are about them. Pure. State changes in `apply` alone, so that turns, recovery and
/// audit agree.
///
/// Threading: engine loop, or one thread for an audit.
class Book {
 public:
  virtual ~Book() = default;

  virtual journal::Kind kind() const = 0;

  /// Whether its objects belong to namespaces.
  virtual bool has_namespaces() const { return true; }

  /// Takes a stored row of an object that has a life ahead. Corrupt: it contradicts itself.
  virtual Result<void> load(const journal::ObjectKey& key, const Json& row) = 0;

  /// The same for books that do not keep the revision in their rows.
  virtual Result<void> load_at(const journal::ObjectKey& key, const Json& row, Revision revision);

  /// The state after `event`. Corrupt: the event is of an unknown type or does not fit the state
  /// before it. Events that a turn emits always fit.
  virtual Result<void> apply(const journal::Event& event) = 0;

  /// Appends the row of an object as compact JSON: equal states have equal bytes. Says whether the
  /// object has a life ahead; one that was deleted leaves a last row and none.
  virtual bool encode(const journal::ObjectKey& key, std::string& body) const = 0;

  /// The uid of the event that made the object.
  virtual Uid uid_of(const journal::ObjectKey& key) const = 0;

  /// The revision of the last event of an object that is there; 0: it is not, or was deleted.
  virtual Revision revision_of(const journal::ObjectKey& key) const = 0;

  /// Whether its objects have owners and finalizers.
  virtual bool has_links() const { return false; }

  /// Those of an object that is there, or null.
  virtual const ObjectLinks* links_of(const journal::ObjectKey& key) const;

  /// Every object in memory, in order.
  virtual std::vector<journal::ObjectKey> keys() const = 0;

  /// Those of one namespace.
  virtual std::vector<journal::ObjectKey> keys_in(const Namespace& ns) const;

  /// Drops an object that has no life ahead: its last row is stored.
  virtual void forget(const journal::ObjectKey& key) = 0;

  /// Carries out one command. An error means that nothing was done.
  virtual Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) = 0;

  /// A timer of the object is due.
  virtual void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn);

  /// The version of a namespace's workflow that is deployed, or the one of that version if one is
  /// given.
  virtual std::optional<Digest> deployed(
      const Namespace& ns, std::string_view workflow, std::string_view version
  ) const;

  /// Whether a workflow is deployed and makes no missions.
  virtual bool is_disabled(const Namespace& ns, std::string_view workflow) const;

  /// Adds what the objects of this book are to runs of a workflow; what it points to lives until
  /// the next command.
  virtual void configure(
      const Namespace& ns, std::string_view workflow, workflow::Configuration& configuration
  ) const;

  /// The rows of other objects, of this or another kind, that events have changed which were
  /// applied since the last call.
  virtual std::vector<journal::ObjectKey> take_also_changed() { return {}; }

  /// After all rows are loaded; timers that were due meanwhile fire afterwards.
  virtual void recover(BookTurn& turn);
};

/// PermissionDenied: `actor` is a run, which may not change what other runs get.
Result<void> refuse_runs(const Principal& actor, std::string_view what);

/// One of each book, empty: the engine's and the audit's.
std::vector<std::unique_ptr<Book>> make_books();

}  // namespace reeve::engine
