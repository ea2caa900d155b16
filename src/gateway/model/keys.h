#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "gateway/model/ports.h"

namespace reeve::gateway::model {

/// Keys that are held at the same time; the one that was not used for the longest time goes.
inline constexpr std::size_t kKeysMax = 1'000;

/// The keys of providers, read once for each state of their credentials. They are zeroed when they
/// go. Network thread.
class Keys {
 public:
  explicit Keys(const ModelPorts& ports) : ports_(ports) {}

  /// Valid until the next call. NotFound: there is no such credential; the errors of `reveal`.
  Result<const Secret*> find(const Namespace& ns, const std::string& credential);

 private:
  struct Key {
    std::uint64_t revision = 0;
    std::uint64_t used = 0;
    Secret value;
  };

  const ModelPorts& ports_;
  std::map<std::pair<Namespace, std::string>, Key> keys_;
  std::uint64_t uses_ = 0;
};

}  // namespace reeve::gateway::model
