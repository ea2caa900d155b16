#pragma once

#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"

namespace reeve::host {

/// Where a host gets the values of credentials from when it starts a run.
///
/// Any thread; calls may overlap and may block on the disk.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;

  /// The value. NotFound: there is no such credential (any more). Other errors say why it cannot be
  /// opened. The message never contains a value.
  virtual Result<Secret> value(const Namespace& ns, std::string_view credential) = 0;
};

}  // namespace reeve::host
