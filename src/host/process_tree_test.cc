#include "host/process_tree.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>

namespace reeve::host {
namespace {

/// Runs `body` in a child process that is a subreaper, as a shim is; its return value is the
/// child's exit code.
template <class Body>
int in_subreaper(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Starts `script` and waits until it has closed its standard output.
pid_t start_script(const std::string& script) {
  std::array<int, 2> fds{};
  if (::pipe(fds.data()) != 0) {
    return -1;
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(fds[1], STDOUT_FILENO);
    ::close(fds[0]);
    ::close(fds[1]);
    ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(fds[1]);
  char byte = 0;
  while (::read(fds[0], &byte, 1) > 0) {
  }
  ::close(fds[0]);
  return pid;
}

int kill_without_group() {
  const auto left = kill_own_tree([] { return false; }, [](int, int) {});
  return left.empty() && !has_children() ? 0 : 1;
}

TEST(ProcessTree, SeesGrandchildrenAndOrphans) {
  EXPECT_EQ(
      in_subreaper([] {
        start_script("sleep 1000 >&- & setsid sleep 1000 >&- & exec >&-; wait");
        const bool has = has_children();
        const auto found = descendants_of(::getpid());
        const int result = has && found.size() >= 3 ? 0 : 1;
        kill_without_group();
        return result;
      }),
      0
  );
}

TEST(ProcessTree, KillsEverythingBelowASubreaperWithoutACgroup) {
  EXPECT_EQ(
      in_subreaper([] {
        start_script(
            "trap '' TERM; (trap '' TERM; exec >&-; sleep 1000) & setsid sh -c 'exec >&-; sleep "
            "1000 & wait' & exec >&-; wait"
        );
        return kill_without_group();
      }),
      0
  );
}

TEST(ProcessTree, OutrunsForksWithoutACgroup) {
  EXPECT_EQ(
      in_subreaper([] {
        start_script(
            "for i in 1 2 3 4; do (setsid sleep 0.05 >&- & exec >&-; while :; do setsid sleep 0.05 "
            "& "
            "sleep 0.01; done) & done; exec >&-; wait"
        );
        return kill_without_group();
      }),
      0
  );
}

TEST(ProcessTree, TellsTheStatusOfWhatItReaped) {
  EXPECT_EQ(
      in_subreaper([] {
        const pid_t pid = start_script("exec >&-; sleep 1000");
        int signal = 0;
        kill_own_tree(
            [] { return false; },
            [&](int reaped, int status) {
              signal = reaped == pid && WIFSIGNALED(status) ? WTERMSIG(status) : signal;
            }
        );
        return signal;
      }),
      SIGKILL
  );
}

TEST(ProcessTree, FindsAndEndsWhatCarriesTheMark) {
  const std::string mark = "unit-test-mark-" + std::to_string(::getpid());
  const pid_t marked =
      start_script("export REEVE_MARK=" + mark + "; exec sh -c 'exec >&-; sleep 1000; :'");
  const pid_t other =
      start_script("export REEVE_MARK=" + mark + "x; exec sh -c 'exec >&-; sleep 1000; :'");
  const auto found = processes_marked(mark);
  EXPECT_NE(std::find(found.begin(), found.end(), marked), found.end());
  EXPECT_EQ(std::find(found.begin(), found.end(), other), found.end());
  EXPECT_EQ(kill_leftover_tree(mark, ""), 0U);
  int status = 0;
  EXPECT_EQ(::waitpid(marked, &status, 0), marked);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(::waitpid(other, &status, WNOHANG), 0) << "another mark was killed";
  EXPECT_EQ(kill_leftover_tree(mark + "x", "/sys/fs/cgroup"), 0U);
  ::waitpid(other, &status, 0);
}

TEST(ProcessTree, HasNoChildrenAtFirst) {
  EXPECT_EQ(in_subreaper([] { return has_children() ? 1 : 0; }), 0);
}

}  // namespace
}  // namespace reeve::host
