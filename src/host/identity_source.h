#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace reeve::host {

/// What a run needs to speak to the API for itself.
struct RunAccess {
  /// `https://127.0.0.1:7070`
  std::string api;
  /// A file with the authority of its certificate; empty: one that the machine knows.
  std::string authority_file;
  Secret token;
};

/// Where a host gets the identity of a run from when it starts it.
///
/// Any thread; calls may overlap, and may wait for the API to open its port.
class IdentitySource {
 public:
  virtual ~IdentitySource() = default;

  /// Nothing: there is no API. `agent` is the one that the run carries out, or empty. `timeout` is
  /// the run's own; 0: it has none. Errors: no token can be made.
  virtual Result<std::optional<RunAccess>> access(
      const Namespace& ns,
      const MissionName& mission,
      const RunName& run,
      Fence fence,
      std::string_view agent,
      Duration timeout
  ) = 0;
};

}  // namespace reeve::host
