#include "telemetry/quiet_thread.h"

#include <csignal>

namespace reeve::telemetry {

std::thread start_quiet_thread(std::function<void()> body) {
  // Set before the thread exists, because it inherits the mask.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace reeve::telemetry
