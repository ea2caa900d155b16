#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/loop.h"

namespace reeve::net {

/// The numeric addresses of a host, in the order in which to try them. Unavailable: there are none,
/// or nobody could say. May block; any thread.
using HostLookup = std::function<Result<std::vector<std::string>>(const std::string& host)>;

/// As the system resolves names.
Result<std::vector<std::string>> look_up_host(const std::string& host);

/// Finds addresses of hosts on threads of its own, since the system's way to do so blocks. Who asks
/// for the same name at the same time shares one look-up; nothing is remembered.
///
/// Threading: the network thread.
class Resolver : public std::enable_shared_from_this<Resolver> {
 public:
  using Done = std::function<void(const Result<std::vector<std::string>>& addresses)>;

  Resolver(std::shared_ptr<Loop> loop, HostLookup lookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Calls `done` later, however long it takes.
  void resolve(const std::string& host, Done done);

  /// Calls nobody any more. Does not wait for look-ups that are under way.
  void close();

 private:
  struct Workers;

  void finish(const std::string& host, const Result<std::vector<std::string>>& addresses);

  const std::shared_ptr<Loop> loop_;
  const std::shared_ptr<Workers> workers_;
  /// Who waits for which name.
  std::map<std::string, std::vector<Done>> waiting_;
};

}  // namespace reeve::net
