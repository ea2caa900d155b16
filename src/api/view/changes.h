#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "api/view/once.h"
#include "api/view/projected.h"
#include "api/view/slots.h"
#include "api/view/stem.h"
#include "base/ids.h"

namespace reeve::api::view {

/// What a change of a stem did to one of its objects.
struct Delta {
  /// Its place among the changes of a commit: after what the commit follows, at most the stem's
  /// revision.
  Revision order;
  /// Null: it did not exist before.
  ProjectedPtr previous;
  /// Null: it exists no more.
  ProjectedPtr next;
  /// The revision that tells of its going. Below `order` if more of the same change follow, so that
  /// a client that resumes from it misses none of them.
  Revision gone_revision;
  /// Among the deltas of its change: decides where `order` does not.
  std::size_t rank = 0;
  Once<ProjectedPtr> gone_object = {};

  /// What goes comes first among equals, as only that can tell an earlier revision.
  bool before(const Delta& other) const {
    if (order != other.order) {
      return order < other.order;
    }
    const bool goes = next == nullptr;
    const bool other_goes = other.next == nullptr;
    return goes != other_goes ? goes : rank < other.rank;
  }

  /// `previous` with `gone_revision`; made once.
  const ProjectedPtr& gone() const;
};

/// In order.
using Deltas = std::vector<Delta>;

/// The differences between the objects of two versions of a stem. All of them happened after
/// `floor`, the last at `revision`.
Deltas compare(
    const Stem::Objects& previous, const Stem::Objects& next, Revision floor, Revision revision
);

/// Two versions of one stem, one commit apart.
struct Change {
  /// Null: there was none.
  StemPtr previous;
  /// Null: there is none.
  StemPtr next;
  /// The head of the journal before the commit.
  Revision floor;
  /// Of the stem's last row in this commit.
  Revision revision;
  Slots<Deltas> deltas = {};

  Place place() const { return next ? next->place() : previous->place(); }

  /// Text of both versions.
  std::uint64_t size_bytes() const;
};

/// What one commit did to the stems of one kind.
struct Batch {
  std::vector<Change> changes;
  /// Highest revision of the changes.
  Revision last;
  std::uint64_t size_bytes = 0;
};

using BatchPtr = std::shared_ptr<const Batch>;

/// The last changes of one kind, commit by commit. Batches are numbered; the numbers of those that
/// were forgotten do not come again.
///
/// Threading: none of its own; the view guards it.
class ChangeRing {
 public:
  /// Begins anew after `before`, all of whose positions become forgotten ones. Changes up to
  /// `floor` cannot be told.
  void restart_after(const ChangeRing& before, Revision floor);

  void push(BatchPtr batch);

  /// Forgets the oldest batch and returns it. At least two must be there.
  BatchPtr pop();

  /// The number of the first batch with changes after `revision`; the number of the next batch to
  /// come if there is none; empty if changes after it have been forgotten.
  std::optional<std::uint64_t> find(Revision revision) const;

  /// The batch of this number; null if it is yet to come. Must not have been forgotten.
  BatchPtr at(std::uint64_t number) const;

  bool forgotten(std::uint64_t number) const { return number < first_; }

  std::uint64_t end() const { return first_ + batches_.size(); }

  std::size_t batches() const { return batches_.size(); }

  std::size_t changes() const { return changes_; }

  std::uint64_t size_bytes() const { return size_bytes_; }

  /// The last revision at which the kind changed, as far as is known.
  Revision last() const { return batches_.empty() ? floor_ : batches_.back()->last; }

 private:
  std::deque<BatchPtr> batches_;
  std::uint64_t first_ = 0;
  Revision floor_;
  std::size_t changes_ = 0;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace reeve::api::view
