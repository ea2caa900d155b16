#pragma once

#include <functional>
#include <thread>

namespace reeve::telemetry {

/// Starts a thread that receives no signals: neither SIGPIPE for what it writes nor those that are
/// meant for the process. Private to src/telemetry.
std::thread start_quiet_thread(std::function<void()> body);

}  // namespace reeve::telemetry
