#include "gateway/a2a/places.h"

namespace reeve::gateway::a2a {

bool Places::has_room(const std::string& sender) const {
  const auto own = counts_->of.find(sender);
  return counts_->all < kFollowersMax &&
         (own == counts_->of.end() || own->second < kFollowersOfOneMax);
}

std::shared_ptr<void> Places::take(const std::string& sender) {
  if (!has_room(sender)) {
    return nullptr;
  }
  ++counts_->all;
  ++counts_->of[sender];
  const auto give_back = [counts = counts_, sender](void* /*place*/) {
    --counts->all;
    const auto own = counts->of.find(sender);
    if (--own->second == 0) {
      counts->of.erase(own);
    }
  };
  return {counts_.get(), give_back};
}

}  // namespace reeve::gateway::a2a
