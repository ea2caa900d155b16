#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace reeve::gateway::a2a {

/// Requests that wait for a task, and streams, at the same time: of all, and of one sender.
inline constexpr std::size_t kFollowersMax = 1'000;
inline constexpr std::size_t kFollowersOfOneMax = 100;

/// Places of those who wait for tasks or are told of them: no sender takes those of all others.
///
/// Threading: one thread.
class Places {
 public:
  bool has_room(const std::string& sender) const;

  /// A place for as long as the result lives; null: there is none.
  std::shared_ptr<void> take(const std::string& sender);

 private:
  struct Counts {
    std::size_t all = 0;
    std::map<std::string, std::size_t> of;
  };

  /// Shared with the places that are taken: they may outlive this.
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace reeve::gateway::a2a
