#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/attend.h"
#include "host/process_tree.h"
#include "host_fixture.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

using platform::FileDescriptor;

constexpr Duration kPatience{60'000};

/// Waits until `fd` can be read.
void await_readable(int fd) {
  pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&waited, 1, static_cast<int>(kPatience.count())), 1) << "nothing came";
}

/// All that comes from `fd` to its end.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    await_readable(fd);
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count <= 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string read_line(int fd) {
  std::string line;
  for (char c = 0; c != '\n'; line.push_back(c)) {
    await_readable(fd);
    if (::read(fd, &c, 1) != 1) {
      break;
    }
  }
  return line;
}

void write_all(int fd, std::string_view text) {
  ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

/// Waits for the end of a process that is no child of ours.
bool await_gone(int pid) {
  const Duration give_up = platform::monotonic_now() + kPatience;
  while (platform::process_start_time(pid) != 0) {
    if (platform::monotonic_now() > give_up) {
      return false;
    }
    ::poll(nullptr, 0, 1);
  }
  return true;
}

/// Waits until a process has ended that its parent has not looked at yet.
bool await_unreaped(int pid) {
  const Duration give_up = platform::monotonic_now() + kPatience;
  while (platform::monotonic_now() < give_up) {
    std::ifstream file(concat("/proc/", pid, "/stat"));
    std::string stat;
    std::getline(file, stat);
    if (stat.find(") Z ") != std::string::npos) {
      return true;
    }
    ::poll(nullptr, 0, 1);
  }
  return false;
}

class AttendantTest : public ::testing::Test {
 protected:
  AttendantTest() {
    std::string name = (fs::temp_directory_path() / "reeve-attendant-XXXXXX").native();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    data_ = name;
  }

  ~AttendantTest() override { (void)platform::remove_tree(data_); }

  ProgramOrder order(std::vector<std::string> argv) const {
    ProgramOrder order;
    order.argv = std::move(argv);
    order.data_dir = data_;
    order.directory = data_ / "programs" / "one";
    return order;
  }

  ProgramOrder script(std::string text) const { return order({"sh", "-c", std::move(text)}); }

  static Program start(const ProgramOrder& order) {
    Result<Program> program = attend(REEVE_SHIM_PROGRAM, order);
    EXPECT_TRUE(program.ok()) << program.error().describe();
    return program ? std::move(*program) : Program{};
  }

  /// What its attendant says from here to its end.
  static std::string outcome(Program& program) {
    std::string said = read_all(program.control.get());
    int status = 0;
    EXPECT_EQ(::waitpid(program.attendant, &status, 0), program.attendant);
    EXPECT_EQ(status, 0);
    return said;
  }

  fs::path data_;
};

TEST_F(AttendantTest, LetsAProgramBeTalkedTo) {
  Program program = start(order({"cat"}));
  EXPECT_EQ(read_line(program.control.get()), "started\n");
  write_all(program.in.get(), "hello\n");
  EXPECT_EQ(read_line(program.out.get()), "hello\n");
  program.in.reset();
  EXPECT_EQ(read_all(program.out.get()), "");
  EXPECT_EQ(outcome(program), "ended exited with code 0\n");
  EXPECT_FALSE(fs::exists(data_ / "programs" / "one"));
}

TEST_F(AttendantTest, GivesAProgramAnEnvironmentOfItsOwn) {
  ::setenv("REEVE_SECRET_OF_THE_SERVER", "x", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
  ProgramOrder wanted = script("env; pwd; ls -l /proc/self/fd | wc -l; ls -A; echo complaint >&2");
  wanted.environment.emplace_back("TOKEN=of the program");
  Program program = start(wanted);
  const std::string said = read_all(program.out.get());
  EXPECT_EQ(read_all(program.err.get()), "complaint\n");
  EXPECT_EQ(outcome(program), "started\nended exited with code 0\n");
  for (const char* name : {"REEVE", "AWS_", "PROGRAM="}) {
    EXPECT_EQ(said.find(name), std::string::npos) << said;
  }
  EXPECT_NE(said.find("TOKEN=of the program\n"), std::string::npos) << said;
  EXPECT_NE(
      said.find(concat("HOME=", (wanted.directory / "work").native(), "\n")), std::string::npos
  ) << said;
  // Three streams and the directory that is listed, below one line of their sum: nothing was left
  // open for it.
  EXPECT_TRUE(said.ends_with(concat((wanted.directory / "work").native(), "\n5\n"))) << said;
}

TEST_F(AttendantTest, SaysHowAProgramEnded) {
  for (const auto& [text, how] : std::vector<std::pair<std::string, std::string>>{
           {"exit 3", "exited with code 3"}, {"kill -SEGV $$", "killed by SIGSEGV"}}) {
    Program program = start(script(text));
    EXPECT_EQ(outcome(program), concat("started\nended ", how, "\n"));
  }
}

TEST_F(AttendantTest, DoesNotTakeForToldWhatHasEndedByItself) {
  Bell bell(data_ / "bell");
  Program program = start(script(concat("echo $$ > ", bell.path(), "; read line; exit 3")));
  const int pid = bell.next_pid();
  EXPECT_EQ(read_line(program.control.get()), "started\n");
  // It is slow, and finds both at once.
  ASSERT_EQ(::kill(program.attendant, SIGSTOP), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(program.attendant, &status, WUNTRACED), program.attendant);
  write_all(program.in.get(), "go on\n");
  EXPECT_TRUE(await_unreaped(pid));
  program.life.reset();
  ASSERT_EQ(::kill(program.attendant, SIGCONT), 0);
  EXPECT_EQ(outcome(program), "ended exited with code 3\n");
}

TEST(ProgramOutcome, IsWhatTheAttendantHasTold) {
  const auto read = [](std::string_view told) {
    const ProgramOutcome outcome = outcome_of(told);
    return concat(outcome.started ? "started, " : "", outcome.how);
  };
  EXPECT_EQ(read("started\nended exited with code 3\n"), "started, exited with code 3");
  EXPECT_EQ(read("failed no such file\n"), "no such file");
  EXPECT_EQ(read("started\n"), "started, gone: nobody says how it ended");
  EXPECT_EQ(read(""), "gone: nobody says how it ended");
}

TEST_F(AttendantTest, RefusesWhatCannotBeStarted) {
  const Result<Program> unknown = attend(REEVE_SHIM_PROGRAM, order({"no-such-program"}));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::NotFound);
  EXPECT_EQ(attend(REEVE_SHIM_PROGRAM, order({"./here"})).error().code, ErrorCode::Invalid);
  EXPECT_EQ(
      attend(REEVE_SHIM_PROGRAM, order({"cat", std::string(kProgramBytesMax, 'x')})).error().code,
      ErrorCode::LimitExceeded
  );
  Program program = start(order({"/no/such/program"}));
  EXPECT_EQ(outcome(program), "failed no such file or directory: /no/such/program\n");
}

TEST_F(AttendantTest, LeavesNoDirectoryOfWhatCouldNotBeStarted) {
  EXPECT_FALSE(attend("/no/such/attendant", order({"cat"})).ok());
  EXPECT_FALSE(fs::exists(data_ / "programs" / "one"));
}

TEST_F(AttendantTest, EndsAProgramThatDoesNotListenWithAllThatItHasStarted) {
  Bell bell(data_ / "bell");
  Program program = start(script(concat(
      "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > ",
      bell.path(),
      "; sleep 1000; sleep 1000' & echo $$ > ",
      bell.path(),
      "; wait; sleep 1000"
  )));
  const int one = bell.next_pid();
  const int other = bell.next_pid();
  ASSERT_NE(platform::process_start_time(one), 0U);
  program.life.reset();
  EXPECT_EQ(outcome(program), "started\nended killed, as it did not end when it was told to\n");
  EXPECT_EQ(platform::process_start_time(one), 0U);
  EXPECT_EQ(platform::process_start_time(other), 0U);
}

TEST_F(AttendantTest, EndsWhatAProgramLeavesBehind) {
  Bell bell(data_ / "bell");
  Program program = start(script(concat(
      "setsid sh -c 'echo $$ > ",
      bell.path(),
      "; exec sleep 1000' </dev/null >/dev/null 2>&1 & read line"
  )));
  const int left = bell.next_pid();
  write_all(program.in.get(), "go on\n");
  EXPECT_EQ(outcome(program), "started\nended exited with code 0\n");
  EXPECT_EQ(platform::process_start_time(left), 0U);
}

TEST_F(AttendantTest, LeavesNothingBehindWhenItsServerIsKilled) {
  Bell bell(data_ / "bell");
  const ProgramOrder wanted = script(concat(
      "trap '' TERM; (setsid sh -c 'echo $$ > ",
      bell.path(),
      "; sleep 1000'; true) & echo $$ > ",
      bell.path(),
      "; wait; sleep 1000"
  ));
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    const Result<Program> program = attend(REEVE_SHIM_PROGRAM, wanted);
    while (program.ok()) {
      ::pause();
    }
    ::_exit(1);
  }
  const int one = bell.next_pid();
  const int other = bell.next_pid();
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
  EXPECT_TRUE(await_gone(one));
  EXPECT_TRUE(await_gone(other));
}

TEST_F(AttendantTest, ItsProgramDiesWithIt) {
  Bell bell(data_ / "bell");
  Program program = start(script(concat("echo $$ > ", bell.path(), "; sleep 1000; true")));
  const int pid = bell.next_pid();
  ASSERT_EQ(::kill(program.attendant, SIGKILL), 0);
  ASSERT_EQ(::waitpid(program.attendant, nullptr, 0), program.attendant);
  EXPECT_TRUE(await_gone(pid));
}

TEST_F(AttendantTest, KeepsAProgramInASandbox) {
  ASSERT_TRUE(platform::write_file_atomically(data_ / "key", "secret").ok());
  ProgramOrder wanted = script(concat(
      "cat ",
      (data_ / "key").native(),
      "; echo here > file; cat file; echo $HOME; ls /proc | grep -c '^[0-9]'"
  ));
  wanted.sandbox.level = model::SandboxLevel::Workspace;
  Program program = start(wanted);
  const std::string said = read_all(program.out.get());
  const std::string complaint = read_all(program.err.get());
  const std::string ended = outcome(program);
  if (ended.find("this machine gives no sandbox") != std::string::npos) {
    GTEST_SKIP() << ended;
  }
  EXPECT_EQ(ended, "started\nended exited with code 0\n") << complaint;
  EXPECT_TRUE(said.starts_with("here\n/tmp/home\n")) << said;
  EXPECT_NE(complaint.find("No such file"), std::string::npos) << complaint;
}

}  // namespace
}  // namespace reeve::host
