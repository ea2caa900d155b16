#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace reeve::host {

/// How a run reaches the API, besides its address.
enum class SocketUse : std::uint8_t {
  None,
  Also,  ///< also over a socket of its own
  Only,  ///< over that socket, and nowhere else: the run has no network
};

/// A run that is about to be started.
struct NewRun {
  Namespace ns;
  MissionName mission;
  RunName run;
  Fence fence;
  /// The agent that it carries out; empty: none.
  std::string agent = {};
  /// Its own; 0: it has none.
  Duration timeout{0};
  SocketUse socket = SocketUse::None;
};

/// What a run needs to speak to the API for itself.
struct RunAccess {
  /// `https://127.0.0.1:7070`
  std::string api;
  /// A file with the authority of its certificate; empty: one that the machine knows.
  std::string authority_file;
  Secret token;
  /// A unix socket over which the API is spoken, plainly; empty: none. It is alone in its
  /// directory. A server that starts again puts another one in its place: who shows it in another
  /// file tree shows the directory.
  std::filesystem::path socket = {};
};

/// Where a host gets the identity of a run from when it starts it.
///
/// Any thread; calls may overlap, and may wait for the API to open its port.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;

  /// Nothing: there is no API. The socket that is asked for is open. Errors: no token or no socket
  /// can be made.
  virtual Result<std::optional<RunAccess>> access(const NewRun& run) = 0;

  /// The run lives on from before: its socket is open again, where it was.
  virtual void adopted(const RunName& run, Fence fence) = 0;

  /// The run is over, or was never: its socket is closed. Also more than once.
  virtual void ended(const RunName& run, Fence fence) = 0;
};

}  // namespace reeve::host
