#include "cli/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "platform/posix/files.h"

namespace reeve::cli {

Result<pid_t> start_child(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) {
    argv.push_back(const_cast<char*>(word.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    return platform::errno_error("fork", command.front());
  }
  if (child > 0) {
    return child;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(127);
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(argv[0], argv.data());
  const std::string message =
      concat("reeve: cannot run ", command.front(), ": ", std::strerror(errno), "\n");
  print_error_text(message);
  ::_exit(errno == ENOENT ? 127 : 126);
}

int wait_for_child(pid_t child, SignalFeed& signals) {
  while (true) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (ended < 0 && errno != EINTR) {
      return static_cast<int>(ExitCode::WorkFailed);
    }
    pollfd fd{.fd = signals.fd(), .events = POLLIN, .revents = 0};
    ::poll(&fd, 1, 20);
    if (const int signal = signals.take(); signal != 0 && signal != SIGINT) {
      // A terminal sends SIGINT to the command itself.
      ::kill(child, signal);
    }
  }
}

}  // namespace reeve::cli
