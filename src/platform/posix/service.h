#pragma once

#include <string_view>

#include "base/result.h"

namespace reeve::platform {

/// Tells the service manager that started this process about its state ("READY=1", "STOPPING=1"):
/// one datagram to `address`, the value of $NOTIFY_SOCKET: a path, or '@' and an abstract name. An
/// empty address: nobody wants to know. Any thread.
Result<void> notify_service(std::string_view address, std::string_view state);

}  // namespace reeve::platform
