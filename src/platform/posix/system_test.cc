#include "platform/posix/system.h"

#include <csignal>
#include <pthread.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "platform/posix/files.h"

namespace reeve::platform {
namespace {

TEST(SystemClock, ReadsTheCivilClock) {
  SystemClock clock;
  EXPECT_GT(clock.now(), from_unix_millis(1'700'000'000'000));
}

TEST(SystemRandom, GivesDifferentNumbers) {
  SystemRandom random;
  EXPECT_NE(random.next(), random.next());
}

TEST(System, MonotonicTimeNeverGoesBackwards) {
  const Duration before = monotonic_now();
  EXPECT_GT(before.count(), 0);
  EXPECT_GE(monotonic_now(), before);
}

TEST(System, KnowsBootAndHost) {
  EXPECT_EQ(boot_id().size(), 36U);
  EXPECT_EQ(boot_id(), boot_id());
  EXPECT_FALSE(host_name().empty());
}

TEST(ProcessStartTime, IsStableForALiveProcess) {
  const auto start = process_start_time(getpid());
  EXPECT_GT(start, 0U);
  EXPECT_EQ(process_start_time(getpid()), start);
}

TEST(ProcessStartTime, IsZeroForNobodyAndForAZombie) {
  EXPECT_EQ(process_start_time(0), 0U);
  EXPECT_EQ(process_start_time(-1), 0U);
  const pid_t child = fork();
  if (child == 0) {
    _exit(0);
  }
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(process_start_time(child), 0U) << "a zombie is dead";
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(process_start_time(child), 0U) << "reaped";
}

TEST(ProcessStartTime, SeesAProcessWhoseFirstThreadEnded) {
  int done[2] = {-1, -1};
  ASSERT_EQ(pipe(done), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(done[1]);
    pthread_t thread{};
    static int end = done[0];
    pthread_create(
        &thread,
        nullptr,
        [](void*) -> void* {
          char byte = 0;
          static_cast<void>(read(end, &byte, 1));
          _exit(0);
        },
        nullptr
    );
    syscall(SYS_exit, 0);
  }
  close(done[0]);
  std::string state;
  while (state.find(") Z ") == std::string::npos) {
    state = read_file("/proc/" + std::to_string(child) + "/stat", 4096).value();
  }
  EXPECT_GT(process_start_time(child), 0U);
  close(done[1]);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
}

}  // namespace
}  // namespace reeve::platform
