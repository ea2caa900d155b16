#include "gateway/model/places.h"

#include <utility>

namespace reeve::gateway::model {

struct Places::Waiter {
  OnPlace done;
  ModelPorts::Cancel timer;
};

struct Places::Provider {
  std::size_t places = 0;
  std::size_t taken = 0;
  std::list<std::shared_ptr<Waiter>> waiting;

  bool has_room() const { return places == 0 || taken < places; }
};

Places::Place::~Place() {
  if (const std::shared_ptr<Provider> provider = provider_.lock()) {
    --provider->taken;
    hand_out(provider);
  }
}

void Places::hand_out(const std::shared_ptr<Provider>& provider) {
  while (provider->has_room() && !provider->waiting.empty()) {
    const std::shared_ptr<Waiter> next = provider->waiting.front();
    provider->waiting.pop_front();
    if (next->timer) {
      next->timer();
    }
    ++provider->taken;
    std::exchange(next->done, nullptr)(std::make_shared<Place>(provider));
  }
}

Places::Cancel Places::take(
    const std::string& name, std::size_t places, Duration patience, OnPlace done
) {
  std::shared_ptr<Provider>& provider = providers_[name];
  if (provider == nullptr) {
    provider = std::make_shared<Provider>();
  }
  provider->places = places;
  if (provider->has_room() && provider->waiting.empty()) {
    ++provider->taken;
    done(std::make_shared<Place>(provider));
    return [] {
    };
  }
  if (provider->waiting.size() >= kPlaceWaitersMax || patience <= Duration(0)) {
    done(nullptr);
    return [] {
    };
  }
  auto waiter = std::make_shared<Waiter>();
  waiter->done = std::move(done);
  provider->waiting.push_back(waiter);
  const std::weak_ptr<Provider> from = provider;
  const auto leave = [from, weak = std::weak_ptr<Waiter>(waiter)](bool tell) {
    const std::shared_ptr<Waiter> who = weak.lock();
    const std::shared_ptr<Provider> queue = from.lock();
    if (who == nullptr || queue == nullptr || !who->done) {
      return;
    }
    queue->waiting.remove(who);
    if (who->timer) {
      who->timer();
    }
    const OnPlace told = std::exchange(who->done, nullptr);
    if (tell) {
      told(nullptr);
    }
  };
  waiter->timer = ports_.after(patience, [leave] { leave(true); });
  hand_out(provider);
  return [leave] {
    leave(false);
  };
}

std::size_t Places::taken(const std::string& provider) const {
  const auto found = providers_.find(provider);
  return found == providers_.end() ? 0 : found->second->taken;
}

}  // namespace reeve::gateway::model
