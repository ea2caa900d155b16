#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/view/stem.h"

namespace reeve::api::view {

inline constexpr std::size_t kChunkEntriesMax = 128;

/// The stems of one kind in order of their places, in chunks that are shared with earlier versions
/// of the map: a new version copies the list of chunks and those chunks that it changes.
///
/// Threading: immutable, any thread.
class StemMap {
 public:
  /// Null takes the stem away.
  struct Edit {
    Place place;
    StemPtr stem;
  };

  /// A place between two stems. Valid for one version of the map.
  struct Cursor {
    std::size_t chunk = 0;
    std::size_t entry = 0;
  };

  StemMap() = default;

  /// `stems` in order of their places, each once.
  explicit StemMap(std::vector<StemPtr> stems);

  /// The map after `edits`, which are in order of their places, each once.
  StemMap with(std::span<const Edit> edits) const;

  /// Null if there is none.
  StemPtr find(const Place& place) const;

  /// Before the first stem that is not before `place`.
  Cursor lower_bound(const Place& place) const;

  /// The stem after `cursor`, null at the end.
  const StemPtr* at(Cursor cursor) const;

  /// One stem further; not at the end.
  Cursor next(Cursor cursor) const;

  /// Stems that exist between two cursors.
  std::uint64_t count(Cursor from, Cursor to) const;

  Cursor end() const { return {.chunk = chunks_.size(), .entry = 0}; }

  std::size_t size() const { return size_; }

  /// The number of entries of each chunk, in order.
  std::vector<std::size_t> chunk_sizes() const;

 private:
  struct Chunk {
    std::vector<StemPtr> stems;
    /// How many of them exist.
    std::size_t existing = 0;
  };

  using ChunkPtr = std::shared_ptr<const Chunk>;

  void add(std::vector<StemPtr> stems);
  void add_merged(const ChunkPtr& chunk, std::span<const Edit> edits);
  std::size_t chunk_of(const Place& place) const;

  std::vector<ChunkPtr> chunks_;
  std::size_t size_ = 0;
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
