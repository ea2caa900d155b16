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
};

/// Nothing: whoever asks is no run.
std::optional<RunIdentity> run_of(const access::Identity& identity);

}  // namespace reeve::gateway
