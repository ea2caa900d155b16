#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/time.h"
#include "gateway/model/ports.h"

namespace reeve::gateway::model {

/// Calls that wait for a place at one provider; one more is refused.
inline constexpr std::size_t kPlaceWaitersMax = 1'000;

/// How many requests a provider has at once: the others wait in their order, for a time.
///
/// Threading: network thread.
class Places {
  struct Provider;
  struct Waiter;

 public:
  /// A place that is taken, until it is dropped. May outlive the places.
  class Place {
   public:
    explicit Place(std::weak_ptr<Provider> provider) : provider_(std::move(provider)) {}

    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    std::weak_ptr<Provider> provider_;
  };

  using PlacePtr = std::shared_ptr<Place>;
  /// Null: there was none in time, or too many wait.
  using OnPlace = std::function<void(PlacePtr)>;
  using Cancel = std::function<void()>;

  explicit Places(const ModelPorts& ports) : ports_(ports) {}

  /// `places` is how many there are; 0: as many as are asked for. `done` may be called at once.
  /// What is returned takes the question back.
  Cancel take(const std::string& provider, std::size_t places, Duration patience, OnPlace done);

  /// Requests that a provider has now.
  std::size_t taken(const std::string& provider) const;

 private:
  static void hand_out(const std::shared_ptr<Provider>& provider);

  const ModelPorts& ports_;
  std::map<std::string, std::shared_ptr<Provider>> providers_;
};

}  // namespace reeve::gateway::model
