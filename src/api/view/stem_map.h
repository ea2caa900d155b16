#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/view/stem.h"

namespace reeve::api::view {

/// Of a node of the tree. Small, because an edit copies a node of each level and every entry that
/// is copied costs a visit to a count of references.
inline constexpr std::size_t kNodeEntriesMax = 16;

/// The stems of one kind in order of their places: a B+ tree whose nodes are shared with earlier
/// versions of the map. A new version copies the nodes on the way to what it changes.
///
/// Threading: immutable, any thread.
class StemMap {
 public:
  /// Null takes the stem away.
  struct Edit {
    Place place;
    StemPtr stem;
  };

  /// How many stems come before: a place between two stems of one version of the map.
  using Rank = std::size_t;

  StemMap() = default;

  /// `stems` in order of their places, each once.
  explicit StemMap(std::vector<StemPtr> stems);

  /// The map after `edits`, which are in order of their places, each once.
  StemMap with(std::span<const Edit> edits) const;

  /// Null if there is none.
  StemPtr find(const Place& place) const;

  /// Before the first stem that is not before `place`.
  Rank lower_bound(const Place& place) const;

  /// The stem after `rank`, null at the end.
  const StemPtr* at(Rank rank) const;

  /// Stems that exist between two ranks.
  std::uint64_t count(Rank from, Rank to) const;

  std::size_t size() const { return root_.size; }

  /// The number of entries of each node, level by level from the leaves.
  std::vector<std::vector<std::size_t>> node_sizes() const;

 private:
  struct Node;
  using NodePtr = std::shared_ptr<const Node>;

  /// A node, with what its parent wants to know without looking at it.
  struct Branch {
    NodePtr node = {};
    /// The first stem below it.
    const Stem* first = nullptr;
    /// Stems below it, and those of them that exist.
    std::size_t size = 0;
    std::size_t existing = 0;
    /// Stems or children of the node itself.
    std::size_t entries = 0;
  };

  using Branches = std::vector<Branch>;

  static Branches make_leaves(std::vector<StemPtr> stems);
  static Branches make_parents(Branches children);
  static Branch joined(const Branch& left, const Branch& right);
  static void append(Branches& branches, Branch more);
  static Branches edited(const Node& node, std::span<const Edit> edits);
  static Branch rooted(Branches branches);

  std::uint64_t existing_before(Rank rank) const;

  /// Without a node while there are no stems.
  Branch root_;
};

/// The state at one revision.
struct Snapshot {
  Revision revision;
  /// By kind; never null.
  std::vector<std::shared_ptr<const StemMap>> kinds;

  const StemMap& of(journal::Kind kind) const { return *kinds[static_cast<std::size_t>(kind)]; }
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace reeve::api::view
