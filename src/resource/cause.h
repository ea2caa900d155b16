#pragma once

#include <string>

namespace reeve::resource {

/// One reason why a request was refused (metav1.StatusCause): `reason` in CamelCase for programs,
/// `message` for people, `field` is the path of the member concerned ("spec.tool"), may be empty.
struct Cause {
  std::string reason;
  std::string message;
  std::string field;
};

}  // namespace reeve::resource
