#include "api/view/lister.h"

#include "api/view/walk.h"

namespace reeve::api::view {

std::vector<ProjectedPtr> Lister::next(const ListStep& step) {
  if (at_end_) {
    return {};
  }
  Collected found = collect(*projections_, *snapshot_, type_, selector_, from_, step);
  at_end_ = !found.next;
  from_ = std::move(found.next);
  stems_left_ = found.stems_left;
  return std::move(found.objects);
}

}  // namespace reeve::api::view
