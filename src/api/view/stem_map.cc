#include "api/view/stem_map.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace reeve::api::view {

namespace {

/// A chunk that has shrunk to this is joined with the one before it if both fit.
constexpr std::size_t kChunkEntriesMin = kChunkEntriesMax / 4;
/// Room for growth when chunks are filled or split.
constexpr std::size_t kChunkEntriesFilled = kChunkEntriesMax * 3 / 4;

bool before(const StemPtr& stem, const Place& place) {
  return stem->place() < place;
}

}  // namespace

StemMap::StemMap(std::vector<StemPtr> stems) {
  add(std::move(stems));
}

/// Appends `stems`, in as many chunks as they need.
void StemMap::add(std::vector<StemPtr> stems) {
  std::size_t from = 0;
  while (from < stems.size()) {
    const std::size_t left = stems.size() - from;
    const std::size_t take =
        left <= kChunkEntriesMax ? left : std::min(kChunkEntriesFilled, left / 2);
    const auto first = stems.begin() + static_cast<std::ptrdiff_t>(from);
    auto chunk = std::make_shared<Chunk>();
    chunk->stems.assign(
        std::make_move_iterator(first),
        std::make_move_iterator(first + static_cast<std::ptrdiff_t>(take))
    );
    chunk->existing = static_cast<std::size_t>(std::count_if(
        chunk->stems.begin(), chunk->stems.end(), [](const auto& stem) { return stem->exists(); }
    ));
    size_ += take;
    chunks_.push_back(std::move(chunk));
    from += take;
  }
}

/// Appends the stems of `chunk` (null: none) after `edits`, which lie in its range.
void StemMap::add_merged(const ChunkPtr& chunk, std::span<const Edit> edits) {
  static const std::vector<StemPtr> kNone;
  const std::vector<StemPtr>& old = chunk ? chunk->stems : kNone;
  std::vector<StemPtr> merged;
  merged.reserve(old.size() + edits.size());
  auto stem = old.begin();
  for (const Edit& edit : edits) {
    for (; stem != old.end() && before(*stem, edit.place); ++stem) {
      merged.push_back(*stem);
    }
    if (stem != old.end() && (*stem)->place() == edit.place) {
      ++stem;
    }
    if (edit.stem) {
      merged.push_back(edit.stem);
    }
  }
  merged.insert(merged.end(), stem, old.end());
  if (merged.size() <= kChunkEntriesMin && !chunks_.empty() &&
      chunks_.back()->stems.size() + merged.size() <= kChunkEntriesFilled) {
    const ChunkPtr last = std::move(chunks_.back());
    chunks_.pop_back();
    size_ -= last->stems.size();
    merged.insert(merged.begin(), last->stems.begin(), last->stems.end());
  }
  add(std::move(merged));
}

StemMap StemMap::with(std::span<const Edit> edits) const {
  StemMap result;
  result.chunks_.reserve(chunks_.size() + 1 + edits.size() / kChunkEntriesFilled);
  std::size_t done = 0;
  while (!edits.empty()) {
    const std::size_t at = chunk_of(edits.front().place);
    for (; done < at; ++done) {
      result.size_ += chunks_[done]->stems.size();
      result.chunks_.push_back(chunks_[done]);
    }
    std::size_t count = edits.size();
    if (at + 1 < chunks_.size()) {
      const Place limit = chunks_[at + 1]->stems.front()->place();
      const auto end = std::find_if(edits.begin(), edits.end(), [&](const Edit& edit) {
        return edit.place >= limit;
      });
      count = static_cast<std::size_t>(end - edits.begin());
    }
    result.add_merged(at < chunks_.size() ? chunks_[at] : nullptr, edits.first(count));
    edits = edits.subspan(count);
    done = std::min(at + 1, chunks_.size());
  }
  for (; done < chunks_.size(); ++done) {
    result.size_ += chunks_[done]->stems.size();
    result.chunks_.push_back(chunks_[done]);
  }
  return result;
}

/// The chunk in whose range `place` lies: the last one that does not begin after it, or the first.
std::size_t StemMap::chunk_of(const Place& place) const {
  const auto after = std::upper_bound(
      chunks_.begin(),
      chunks_.end(),
      place,
      [](const Place& wanted, const ChunkPtr& chunk) {
        return wanted < chunk->stems.front()->place();
      }
  );
  const auto index = static_cast<std::size_t>(after - chunks_.begin());
  return index == 0 ? 0 : index - 1;
}

StemPtr StemMap::find(const Place& place) const {
  const StemPtr* stem = at(lower_bound(place));
  return stem != nullptr && (*stem)->place() == place ? *stem : nullptr;
}

StemMap::Cursor StemMap::lower_bound(const Place& place) const {
  const std::size_t chunk = chunk_of(place);
  if (chunk == chunks_.size()) {
    return end();
  }
  const std::vector<StemPtr>& stems = chunks_[chunk]->stems;
  const auto found = std::lower_bound(stems.begin(), stems.end(), place, before);
  if (found == stems.end()) {
    return {.chunk = chunk + 1, .entry = 0};
  }
  return {.chunk = chunk, .entry = static_cast<std::size_t>(found - stems.begin())};
}

const StemPtr* StemMap::at(Cursor cursor) const {
  return cursor.chunk < chunks_.size() ? &chunks_[cursor.chunk]->stems[cursor.entry] : nullptr;
}

StemMap::Cursor StemMap::next(Cursor cursor) const {
  REEVE_ASSERT(cursor.chunk < chunks_.size());
  if (cursor.entry + 1 < chunks_[cursor.chunk]->stems.size()) {
    return {.chunk = cursor.chunk, .entry = cursor.entry + 1};
  }
  return {.chunk = cursor.chunk + 1, .entry = 0};
}

std::uint64_t StemMap::count(Cursor from, Cursor to) const {
  std::uint64_t count = 0;
  while (from.chunk < to.chunk) {
    const Chunk& chunk = *chunks_[from.chunk];
    if (from.entry == 0) {
      count += chunk.existing;
    } else {
      count += static_cast<std::uint64_t>(std::count_if(
          chunk.stems.begin() + static_cast<std::ptrdiff_t>(from.entry),
          chunk.stems.end(),
          [](const auto& stem) { return stem->exists(); }
      ));
    }
    from = {.chunk = from.chunk + 1, .entry = 0};
  }
  for (; from.entry < to.entry; ++from.entry) {
    count += chunks_[from.chunk]->stems[from.entry]->exists() ? 1U : 0U;
  }
  return count;
}

std::vector<std::size_t> StemMap::chunk_sizes() const {
  std::vector<std::size_t> sizes;
  sizes.reserve(chunks_.size());
  for (const ChunkPtr& chunk : chunks_) {
    sizes.push_back(chunk->stems.size());
  }
  return sizes;
}

}  // namespace reeve::api::view
