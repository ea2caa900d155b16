#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "net/server.h"

/// The sockets over which runs of `reeve up` speak to its API. Private to cli.
namespace reeve::cli {

/// So many connections of one run at the same time.
inline constexpr std::size_t kRunConnectionsMax = 256;

/// Where the sockets of a data directory are: in it, or, if its path is too long for the address of
/// a socket, in `short_base`, by a name that belongs to it.
std::filesystem::path run_socket_directory(
    const std::filesystem::path& data_dir, const std::filesystem::path& short_base
);

/// Opens and closes them: one for each run, in a directory of its own, for this account only.
///
/// Threading: any thread.
class RunSockets {
 public:
  /// Who listens.
  struct Listeners {
    std::function<Result<net::ListenerId>(net::ListenerOptions)> add;
    std::function<void(net::ListenerId)> remove;
  };

  /// `directory` is made when it is needed.
  RunSockets(std::filesystem::path directory, Listeners listeners)
      : directory_(std::move(directory)), listeners_(std::move(listeners)) {}

  RunSockets(const RunSockets&) = delete;
  RunSockets& operator=(const RunSockets&) = delete;

  /// Its path, the same for the same run; open already: nothing happens. PermissionDenied: the
  /// directory belongs to somebody else. Others as `net::Server::add_listener`.
  Result<std::filesystem::path> open(const RunName& run, Fence fence);

  /// Also removes what an earlier server has left.
  void close(const RunName& run, Fence fence);

 private:
  using Key = std::pair<std::string, std::uint64_t>;

  std::filesystem::path path_of(const RunName& run, Fence fence) const;

  const std::filesystem::path directory_;
  const Listeners listeners_;
  std::mutex mutex_;
  std::map<Key, net::ListenerId> open_;
};

}  // namespace reeve::cli
