#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "engine/book.h"

namespace reeve::engine {

/// A book whose objects are values with `uid` and `deleted`: one that was deleted stays until its
/// last row is stored.
///
/// Threading: as Book.
template <class Object>
class ObjectBook : public Book {
 public:
  Uid uid_of(const journal::ObjectKey& key) const override {
    const auto found = objects_.find(key);
    return found == objects_.end() ? Uid() : found->second.uid;
  }

  Revision revision_of(const journal::ObjectKey& key) const override {
    const auto found = objects_.find(key);
    return found == objects_.end() || found->second.deleted ? Revision() : found->second.revision;
  }

  std::vector<journal::ObjectKey> keys() const override {
    std::vector<journal::ObjectKey> keys;
    for (const auto& [key, object] : objects_) {
      keys.push_back(key);
    }
    return keys;
  }

  void forget(const journal::ObjectKey& key) override {
    const auto found = objects_.find(key);
    if (found != objects_.end() && found->second.deleted) {
      objects_.erase(found);
    }
  }

 protected:
  /// Objects of a namespace in memory.
  std::size_t count_in(const Namespace& ns) const {
    std::size_t count = 0;
    auto at = objects_.lower_bound({.kind = kind(), .ns = ns, .name = {}});
    for (; at != objects_.end() && at->first.ns == ns; ++at) {
      ++count;
    }
    return count;
  }

  std::map<journal::ObjectKey, Object> objects_;
};

}  // namespace reeve::engine
