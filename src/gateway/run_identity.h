#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "security/access/identity.h"

namespace reeve::gateway {

/// The run on whose behalf somebody asks. Its fence was checked: it is alive.
struct RunIdentity {
  Namespace ns;
  /// Names within the namespace.
  std::string mission;
  std::string run;
  /// The object of kind Agent in `ns` that the run carries out; empty: the run is no agent's.
  std::string agent = {};
};

/// Nothing: whoever asks is no run.
std::optional<RunIdentity> run_of(const access::Identity& identity);

}  // namespace reeve::gateway
