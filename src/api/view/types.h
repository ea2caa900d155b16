#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/view/projected.h"
#include "api/view/stem.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/event.h"

namespace reeve::api::view {

/// Objects of a page.
inline constexpr std::uint32_t kPageItemsDefault = 500;
inline constexpr std::uint32_t kPageItemsMax = 5'000;
/// Stems that one page, or one step of a watch, looks at; a page may end early because of it.
inline constexpr std::uint32_t kStemsVisitedMax = 10'000;
/// Events that a watcher is handed at a time.
inline constexpr std::size_t kWatchEventsMax = 1'000;

/// A type of objects: its index in ViewOptions::types.
enum class TypeId : std::uint32_t {};

/// Makes the objects of one type out of a stem that exists, in an order that does not change as
/// long as none comes or goes. Pure; called by any thread, perhaps more than once for one stem.
using Projector = std::function<void(const Stem& stem, std::vector<Projected>& objects)>;

/// Appends the names of the stems that may have an object called `name`.
using StemNames = std::function<void(std::string_view name, std::vector<std::string>& stems)>;

/// A type of objects and the rows that they are made of.
struct ObjectType {
  /// For messages: "missions".
  std::string name;
  journal::Kind kind = journal::Kind::Mission;
  Projector project;
  /// Empty: a stem has one object at most, with the stem's name.
  StemNames stems_of = {};

  bool derived() const { return stems_of != nullptr; }
};

/// What a commit has changed: why somebody is woken.
struct Notice {
  /// The head of the journal now.
  Revision revision;
  /// One bit for each kind of stem that changed: 1 << kind.
  std::uint32_t kinds = 0;

  bool has(journal::Kind kind) const {
    return ((kinds >> static_cast<std::uint32_t>(kind)) & 1U) != 0;
  }
};

/// What a view remembers at most.
struct ViewLimits {
  /// Changes of one kind that watches can resume from.
  std::size_t changes_max = 16'384;
  /// The text of all changes, of all kinds. The newest commit is kept even if it is larger.
  std::uint64_t changes_bytes_max = std::uint64_t{64} << 20U;
  /// Snapshots for pages that follow, and how long each is kept.
  std::size_t snapshots_max = 64;
  Duration snapshot_age_max{std::chrono::minutes(5)};
  /// Projections that are kept, and the text of the rows they were made of.
  std::size_t projections_max = 65'536;
  std::uint64_t projected_bytes_max = std::uint64_t{16} << 20U;
  /// The tail of the journal.
  std::size_t events_max = 16'384;
  std::uint64_t events_bytes_max = std::uint64_t{16} << 20U;
};

struct ViewOptions {
  std::vector<ObjectType> types;
  /// The stem whose metadata, or whose usage, the row is, if it is one; empty: there are no such
  /// rows. A row may be a stem of its own as well. Called on the writer thread, must be cheap.
  std::function<std::optional<journal::ObjectKey>(const journal::ObjectKey& row)> sidecar_of = {};
  /// Whether the row is only there to say that its object is gone; empty: none is. Called on the
  /// writer thread, must be cheap.
  std::function<bool(const store::Row& row)> is_deleted = {};
  /// Any thread.
  std::function<Timestamp()> now;
  /// Called on the writer thread once after each commit, when it can be read; must not block.
  std::function<void(const Notice& notice)> notify = {};
  ViewLimits limits = {};
};

/// Where a list goes on: the next object to look at, in the snapshot of the first page.
struct Position {
  /// 0: in the newest snapshot, which may differ from the pages before.
  Revision revision = {};
  std::string ns = {};
  std::string stem = {};
  /// Of the object within its stem.
  std::uint32_t index = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

struct ListQuery {
  TypeId type{};
  Selector selector = {};
  /// 1 to kPageItemsMax.
  std::uint32_t limit = kPageItemsDefault;
  /// The state at exactly this revision, absent: now. Not with `from`.
  std::optional<Revision> exactly = {};
  /// Where the page before ended.
  std::optional<Position> from = {};
};

struct Page {
  /// Of the snapshot; a watch that starts from it sees all that comes after.
  Revision revision;
  /// By namespace and name in bytes; objects of a derived type by namespace, stem, and place in it.
  std::vector<ProjectedPtr> items;
  /// Present unless the end was reached. Pages may be empty before it.
  std::optional<Position> next;
  /// Objects after this page; only if `next` is there, nothing but a namespace is selected by, and
  /// the type is not derived.
  std::optional<std::uint64_t> remaining;
};

/// What comes after a part of a list.
struct ListRest {
  Position next;
  /// As `Page::remaining`.
  std::optional<std::uint64_t> remaining;
};

enum class WatchEventType : std::uint8_t {
  Added,
  Modified,
  Deleted,
  /// No object: all changes up to the revision have been handed out.
  Bookmark,
};

/// "ADDED", and so on.
std::string_view to_string(WatchEventType type);

struct WatchEvent {
  WatchEventType type = WatchEventType::Bookmark;
  /// Where a watch goes on after this event: what the object's `metadata.resourceVersion` says.
  Revision revision;
  /// Null for bookmarks. Deleted: the last state that was selected, with the revision of the
  /// change.
  ProjectedPtr object;
  /// Whether this bookmark ends the initial events.
  bool initial_end = false;

  /// What `encode` makes of this event, shared by all watchers that ask for the same representation
  /// (a word of the caller's that stands for everything `encode` depends on besides the event). Not
  /// for bookmarks.
  Encodings::Bytes encoded(
      std::string_view representation, const std::function<std::string(const WatchEvent&)>& encode
  ) const;
};

struct WatchQuery {
  TypeId type{};
  Selector selector = {};
  /// Events after this revision; absent: first one Added for each object there is.
  std::optional<Revision> from = {};
  /// A bookmark with `initial_end` after the initial events. Only without `from`.
  bool initial_bookmark = false;
};

/// The one code that this library gives to "too old": the snapshot or the changes that were asked
/// for are not remembered any more; list again (410 Expired in the API).
inline bool is_expired(const Error& error) {
  return error.code == ErrorCode::Conflict;
}

}  // namespace reeve::api::view
