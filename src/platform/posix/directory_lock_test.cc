#include "platform/posix/directory_lock.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::platform {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLong{60'000};
constexpr int kExitOk = 0;
constexpr int kExitRefused = 1;
constexpr int kExitBroken = 2;

int count_from_environment(const char* name, int fallback) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text != nullptr ? std::atoi(text) : fallback;
}

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) == 0) {
      read_end.reset(ends[0]);
      write_end.reset(ends[1]);
    }
  }

  char receive() const {
    char byte = 0;
    return read(read_end.get(), &byte, 1) == 1 ? byte : '\0';
  }

  void send(char byte) const { static_cast<void>(!write(write_end.get(), &byte, 1)); }

  FileDescriptor read_end;
  FileDescriptor write_end;
};

class DirectoryLockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // REEVE_LOCK_TEST_DIR selects the file system.
    const char* base = std::getenv("REEVE_LOCK_TEST_DIR");  // NOLINT(concurrency-mt-unsafe)
    const fs::path parent = base != nullptr ? fs::path(base) : fs::temp_directory_path();
    std::string pattern = (parent / "reeve-lock-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }

  void TearDown() override {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    fs::remove_all(dir_);
  }

  LockRequest request(Duration timeout = Duration{0}, std::string purpose = "test") const {
    return LockRequest{
        .directory = dir_,
        .name = "x",
        .timeout = timeout,
        .purpose = std::move(purpose),
        .cancel_fd = -1,
        .owner_pid = 0};
  }

  Result<DirectoryLock> acquire(Duration timeout = Duration{0}) const {
    return DirectoryLock::acquire(request(timeout));
  }

  std::optional<LockOwner> owner() const { return inspect_lock(dir_, "x").value(); }

  pid_t start(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
      _exit(body());
    }
    children_.push_back(child);
    return child;
  }

  int wait_for(pid_t child) {
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    std::erase(children_, child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  void kill_now(pid_t child) {
    kill(child, SIGKILL);
    wait_for(child);
  }

  /// A process that takes the lock, says so, and never gives it back.
  pid_t start_holder() {
    const Pipe ready;
    const pid_t child = start([&] {
      auto lock = acquire(kLong);
      ready.send(lock.ok() ? 'y' : 'n');
      while (true) {
        pause();
      }
      return kExitOk;
    });
    EXPECT_EQ(ready.receive(), 'y');
    return child;
  }

  /// Puts a lock directory there as another owner would have.
  void plant(const LockOwner& record) const {
    fs::create_directories(dir_ / "x");
    ASSERT_TRUE(replace_file(dir_ / "x" / "owner.json", encode_lock_owner(record)).ok());
  }

  LockOwner record_of_us() const {
    LockOwner record = lock_owner_of(getpid()).value();
    record.token = 7;
    record.since = from_unix_millis(1'700'000'000'000);
    record.purpose = "planted";
    return record;
  }

  std::vector<std::string> leftovers() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_)) {
      const std::string name = entry.path().filename().string();
      if (name != ".x.guard" && name != ".x.queue" && name != ".x.wake") {
        names.push_back(name);
      }
    }
    return names;
  }

  fs::path dir_;
  std::vector<pid_t> children_;
};

TEST_F(DirectoryLockTest, IsTakenGivenBackAndTakenAgainWithAGreaterToken) {
  auto first = acquire();
  ASSERT_TRUE(first.ok()) << first.error().describe();
  const std::uint64_t token = first->token();
  ASSERT_TRUE(owner().has_value());
  EXPECT_EQ(owner()->pid, getpid());
  EXPECT_EQ(owner()->host, host_name());
  EXPECT_EQ(owner()->token, token);
  EXPECT_EQ(owner()->purpose, "test");
  EXPECT_EQ(owner()->state, OwnerState::Alive);
  EXPECT_TRUE(verify_lock(dir_, "x", token).ok());
  ASSERT_TRUE(first->release().ok());
  EXPECT_FALSE(owner().has_value());
  EXPECT_EQ(verify_lock(dir_, "x", token).error().code, ErrorCode::StaleFence);
  const auto second = acquire();
  ASSERT_TRUE(second.ok());
  EXPECT_GT(second->token(), token);
}

TEST_F(DirectoryLockTest, IsReleasedByTheDestructorAndLeavesNothingBehind) {
  { ASSERT_TRUE(acquire().ok()); }
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

TEST_F(DirectoryLockTest, MovesWithItsObject) {
  auto first = acquire();
  ASSERT_TRUE(first.ok());
  DirectoryLock moved(std::move(*first));
  EXPECT_TRUE(verify_lock(dir_, "x", moved.token()).ok());
  EXPECT_TRUE(moved.release().ok());
  EXPECT_EQ(moved.release().error().code, ErrorCode::Conflict);
}

TEST_F(DirectoryLockTest, TellsWhoHoldsItWhenTheTimeIsUp) {
  const auto held = acquire();
  ASSERT_TRUE(held.ok());
  const Duration before = monotonic_now();
  const auto refused = acquire(Duration{30});
  EXPECT_GE(monotonic_now() - before, Duration{30});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::DeadlineExceeded);
  EXPECT_NE(refused.error().message.find(concat("process ", getpid())), std::string::npos);
  EXPECT_NE(refused.error().message.find(host_name()), std::string::npos);
  EXPECT_NE(refused.error().message.find("(test)"), std::string::npos);
}

TEST_F(DirectoryLockTest, RefusesNamesThatCouldEscapeOrHide) {
  for (const char* name : {"", ".x", "-x", "a/b", "..", "a b", "\n"}) {
    LockRequest bad = request();
    bad.name = name;
    EXPECT_EQ(DirectoryLock::acquire(bad).error().code, ErrorCode::Invalid) << name;
    EXPECT_EQ(inspect_lock(dir_, name).error().code, ErrorCode::Invalid) << name;
    EXPECT_EQ(release_by_token(dir_, name, 1).error().code, ErrorCode::Invalid) << name;
  }
  LockRequest longest = request();
  longest.name = std::string(100, 'a');
  EXPECT_TRUE(DirectoryLock::acquire(longest).ok());
  longest.name += 'a';
  EXPECT_EQ(DirectoryLock::acquire(longest).error().code, ErrorCode::Invalid);
}

TEST_F(DirectoryLockTest, KeepsLocksOfDifferentNamesApart) {
  LockRequest other = request();
  other.name = "x.guard";
  const auto first = acquire();
  const auto second = DirectoryLock::acquire(other);
  EXPECT_TRUE(first.ok());
  EXPECT_TRUE(second.ok());
}

TEST_F(DirectoryLockTest, RefusesToBeReleasedByANonOwner) {
  auto held = acquire();
  ASSERT_TRUE(held.ok());
  const auto released = release_by_token(dir_, "x", held->token() + 1);
  ASSERT_FALSE(released.ok());
  EXPECT_EQ(released.error().code, ErrorCode::Conflict);
  EXPECT_TRUE(verify_lock(dir_, "x", held->token()).ok()) << "the lock is intact";
  EXPECT_TRUE(held->release().ok());
  EXPECT_EQ(release_by_token(dir_, "x", held->token()).error().code, ErrorCode::Conflict);
}

TEST_F(DirectoryLockTest, DoesNotReleaseASuccessorsLock) {
  auto first = acquire();
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(release_by_token(dir_, "x", first->token()).ok());
  const auto second = acquire();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->release().error().code, ErrorCode::Conflict);
  EXPECT_TRUE(verify_lock(dir_, "x", second->token()).ok());
}

TEST_F(DirectoryLockTest, IsNotReleasedByAForkedChild) {
  const auto held = acquire();
  ASSERT_TRUE(held.ok());
  const pid_t child = start([&] {
    DirectoryLock inherited = std::move(const_cast<DirectoryLock&>(*held));
    return kExitOk;
  });
  EXPECT_EQ(wait_for(child), kExitOk);
  EXPECT_TRUE(verify_lock(dir_, "x", held->token()).ok());
}

TEST_F(DirectoryLockTest, StaysWithTheOwnerProcessAfterDetach) {
  const pid_t parent_of_the_lock = start([] {
    while (true) {
      pause();
    }
    return kExitOk;
  });
  LockRequest wanted = request();
  wanted.owner_pid = parent_of_the_lock;
  std::uint64_t token = 0;
  {
    auto lock = DirectoryLock::acquire(wanted);
    ASSERT_TRUE(lock.ok());
    token = lock->detach();
  }
  EXPECT_EQ(owner()->pid, parent_of_the_lock);
  EXPECT_EQ(acquire().error().code, ErrorCode::DeadlineExceeded);
  kill_now(parent_of_the_lock);
  const auto next = acquire();
  ASSERT_TRUE(next.ok());
  EXPECT_GT(next->token(), token);
  wanted.owner_pid = parent_of_the_lock;
  EXPECT_EQ(DirectoryLock::acquire(wanted).error().code, ErrorCode::NotFound);
}

TEST_F(DirectoryLockTest, EndsTheWaitWhenCancelled) {
  const auto held = acquire();
  ASSERT_TRUE(held.ok());
  const Pipe cancel;
  LockRequest wanted = request(kLong);
  wanted.cancel_fd = cancel.read_end.get();
  cancel.send('c');
  EXPECT_EQ(DirectoryLock::acquire(wanted).error().code, ErrorCode::Cancelled);
}

TEST_F(DirectoryLockTest, EndsTheWaitInTheQueueWhenCancelled) {
  const auto held = acquire();
  ASSERT_TRUE(held.ok());
  const FileDescriptor head(open((dir_ / ".x.queue").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(head.get(), LOCK_EX | LOCK_NB), 0);
  const Pipe cancel;
  LockRequest wanted = request(Duration{5'000});
  wanted.cancel_fd = cancel.read_end.get();
  cancel.send('c');
  EXPECT_EQ(DirectoryLock::acquire(wanted).error().code, ErrorCode::Cancelled);
}

TEST_F(DirectoryLockTest, IsTakenAlthoughTheHeadOfTheQueueDoesNotMove) {
  { ASSERT_TRUE(acquire().ok()); }
  const FileDescriptor head(open((dir_ / ".x.queue").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(flock(head.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(acquire().ok()) << "trying once does not queue";
  EXPECT_TRUE(acquire(Duration{30}).ok());
}

TEST_F(DirectoryLockTest, PassesToAWaiterWhenTheHolderIsKilled) {
  const pid_t holder = start_holder();
  const std::uint64_t old_token = owner()->token;
  const pid_t waiter = start([&] {
    const auto lock = acquire(kLong);
    return lock.ok() && lock->token() > old_token ? kExitOk : kExitRefused;
  });
  kill_now(holder);
  EXPECT_EQ(wait_for(waiter), kExitOk);
  EXPECT_EQ(verify_lock(dir_, "x", old_token).error().code, ErrorCode::StaleFence);
}

TEST_F(DirectoryLockTest, TakesAZombieForDead) {
  const pid_t holder = start_holder();
  kill(holder, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(holder), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(owner()->state, OwnerState::Dead);
  EXPECT_TRUE(acquire().ok());
}

TEST_F(DirectoryLockTest, KeepsAStoppedHolderAndRejectsItOnceReplaced) {
  const Pipe ready;
  const pid_t holder = start([&] {
    auto lock = acquire();
    ready.send(lock.ok() ? 'y' : 'n');
    raise(SIGSTOP);
    const auto valid = verify_lock(dir_, "x", lock->token());
    const auto released = lock->release();
    return !valid.ok() && valid.error().code == ErrorCode::StaleFence && !released.ok()
               ? kExitRefused
               : kExitBroken;
  });
  ASSERT_EQ(ready.receive(), 'y');
  int status = 0;
  ASSERT_EQ(waitpid(holder, &status, WUNTRACED), holder);
  ASSERT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(acquire(Duration{10}).error().code, ErrorCode::DeadlineExceeded) << "stopped, not dead";

  const std::uint64_t old_token = owner()->token;
  ASSERT_TRUE(release_by_token(dir_, "x", old_token).ok()) << "an operator takes it away";
  const auto next = acquire();
  ASSERT_TRUE(next.ok());
  EXPECT_GT(next->token(), old_token);
  kill(holder, SIGCONT);
  EXPECT_EQ(wait_for(holder), kExitRefused);
  EXPECT_TRUE(verify_lock(dir_, "x", next->token()).ok());
}

TEST_F(DirectoryLockTest, HasExactlyOneNewHolderWhenTwoTakeOverADeadOnes) {
  for (int round = 0; round < 200; ++round) {
    LockOwner dead = record_of_us();
    dead.start_time += 1;  // the PID was given to another process
    plant(dead);
    const Pipe go;
    const Pipe results;
    const Pipe stop;
    std::vector<pid_t> breakers;
    for (int i = 0; i < 2; ++i) {
      breakers.push_back(start([&] {
        go.receive();
        auto lock = acquire();
        results.send(lock.ok() ? 'y' : 'n');
        stop.receive();  // alive until both have tried
        return kExitOk;
      }));
    }
    go.send('g');
    go.send('g');
    const std::string both = {results.receive(), results.receive()};
    EXPECT_TRUE(both == "yn" || both == "ny") << both << " in round " << round;
    stop.send('s');
    stop.send('s');
    EXPECT_EQ(wait_for(breakers[0]), kExitOk);
    EXPECT_EQ(wait_for(breakers[1]), kExitOk);
    ASSERT_EQ(leftovers(), std::vector<std::string>{});
  }
}

TEST_F(DirectoryLockTest, NeverHasTwoHoldersUnderContention) {
  const int processes = count_from_environment("REEVE_LOCK_TEST_PROCESSES", 16);
  const int rounds = count_from_environment("REEVE_LOCK_TEST_ROUNDS", 200);
  const fs::path counter = dir_ / "counter";
  const fs::path witness = dir_ / "witness";
  ASSERT_TRUE(replace_file(counter, "0 0").ok());
  std::vector<pid_t> workers;
  for (int i = 0; i < processes; ++i) {
    workers.push_back(start([&] {
      for (int round = 0; round < rounds; ++round) {
        auto lock = acquire(Duration{3'600'000});
        if (!lock.ok()) {
          return kExitRefused;
        }
        const FileDescriptor alone(open(witness.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        const auto text = read_file(counter, 64);
        if (!alone || !text.ok()) {
          return kExitBroken;
        }
        const auto fields = split(*text, ' ');
        const std::uint64_t last_token = std::stoull(std::string(fields[1]));
        const int value = std::stoi(std::string(fields[0]));
        if (last_token >= lock->token() ||
            !replace_file(counter, concat(value + 1, " ", lock->token())).ok() ||
            unlink(witness.c_str()) != 0 || !lock->release().ok()) {
          return kExitBroken;
        }
      }
      return kExitOk;
    }));
  }
  for (const pid_t worker : workers) {
    EXPECT_EQ(wait_for(worker), kExitOk);
  }
  const std::string total = read_file(counter, 64).value();
  EXPECT_EQ(split(total, ' ')[0], std::to_string(processes * rounds));
}

TEST_F(DirectoryLockTest, SurvivesHoldersAndWaitersKilledAtAnyMoment) {
  const fs::path counter = dir_ / "counter";
  const fs::path witness = dir_ / "witness";
  ASSERT_TRUE(replace_file(counter, "0").ok());
  const auto work = [&] {
    while (true) {
      auto lock = acquire(kLong);
      // Unlike above the witness may be a killed holder's: it names its token.
      if (!lock.ok() || !replace_file(witness, std::to_string(lock->token())).ok()) {
        return kExitRefused;
      }
      const auto text = read_file(counter, 64);
      if (!text.ok() || !replace_file(counter, std::to_string(std::stoi(*text) + 1)).ok()) {
        return kExitBroken;
      }
      const auto seen = read_file(witness, 64);
      if (!seen.ok() || *seen != std::to_string(lock->token()) || !lock->release().ok()) {
        return kExitBroken;
      }
    }
  };
  std::vector<pid_t> workers;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(start(work));
  }
  SystemRandom random;
  for (int round = 0; round < 100; ++round) {
    // Let some work happen, a different amount each time, so that the kill lands anywhere.
    const int target =
        std::stoi(read_file(counter, 64).value()) + 1 + static_cast<int>(random.next() % 4);
    while (std::stoi(read_file(counter, 64).value()) < target) {
      for (const pid_t worker : workers) {
        ASSERT_EQ(waitpid(worker, nullptr, WNOHANG), 0) << "a worker gave up";
      }
    }
    const std::size_t victim = random.next() % workers.size();
    kill_now(workers[victim]);
    workers[victim] = start(work);
  }
  for (const pid_t worker : workers) {
    kill_now(worker);
  }
  auto last = acquire(kLong);
  ASSERT_TRUE(last.ok()) << last.error().describe();
  EXPECT_TRUE(last->release().ok());
  for (const auto& name : leftovers()) {
    EXPECT_FALSE(name.starts_with(".x.")) << name;
  }
}

TEST_F(DirectoryLockTest, DoesNotBreakTheLockOfAnotherMachine) {
  LockOwner elsewhere = record_of_us();
  elsewhere.host = "elsewhere";
  elsewhere.boot_id = "11111111-2222-3333-4444-555555555555";
  plant(elsewhere);
  const auto refused = acquire(Duration{10});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::DeadlineExceeded);
  EXPECT_NE(refused.error().message.find("elsewhere"), std::string::npos);
  EXPECT_FALSE(refused.error().hint.empty());
  EXPECT_EQ(owner()->token, 7U);
}

TEST_F(DirectoryLockTest, DoesNotBreakTheLockOfAnotherPidNamespace) {
  LockOwner contained = record_of_us();
  contained.pid_namespace = "pid:[1]";
  contained.pid = 1'999'999'999;
  plant(contained);
  EXPECT_EQ(acquire().error().code, ErrorCode::DeadlineExceeded);
}

TEST_F(DirectoryLockTest, DoesNotCompareStartTimesAcrossTimeNamespaces) {
  LockOwner shifted = record_of_us();
  shifted.time_namespace = "time:[1]";
  shifted.start_time += 1000;
  plant(shifted);
  EXPECT_EQ(acquire().error().code, ErrorCode::DeadlineExceeded);
}

TEST_F(DirectoryLockTest, BreaksTheLockOfAnEarlierBoot) {
  LockOwner before = record_of_us();
  before.boot_id = "11111111-2222-3333-4444-555555555555";
  plant(before);
  EXPECT_TRUE(acquire().ok());
}

TEST_F(DirectoryLockTest, ResolvesWhatACrashInTheMiddleLeft) {
  const fs::path next = dir_ / concat(".x.next-", boot_id());
  const fs::path old = dir_ / concat(".x.old-", boot_id());
  fs::create_directories(next);
  fs::create_directories(old);
  ASSERT_TRUE(replace_file(next / "owner.json", "half").ok());
  ASSERT_TRUE(replace_file(old / "owner.json", "half").ok());
  auto lock = acquire();
  ASSERT_TRUE(lock.ok()) << lock.error().describe();
  EXPECT_TRUE(lock->release().ok());
  EXPECT_EQ(leftovers(), std::vector<std::string>{});
}

TEST_F(DirectoryLockTest, SweepsOldLeftoversOfEarlierBootsOnly) {
  const std::string boot = "11111111-2222-3333-4444-555555555555";
  const fs::path stale = dir_ / concat(".x.next-", boot);
  const fs::path fresh = dir_ / concat(".x.old-", boot);
  const fs::path foreign = dir_ / concat(".y.old-", boot);
  for (const auto& path : {stale, fresh, foreign}) {
    fs::create_directories(path);
  }
  const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours(2);
  fs::last_write_time(stale, long_ago);
  fs::last_write_time(foreign, long_ago);
  ASSERT_TRUE(acquire().ok());
  EXPECT_FALSE(fs::exists(stale));
  EXPECT_TRUE(fs::exists(fresh));
  EXPECT_TRUE(fs::exists(foreign));
}

TEST_F(DirectoryLockTest, RecoversARecordThatAPowerFailureEmptied) {
  fs::create_directories(dir_ / "x");
  ASSERT_TRUE(replace_file(dir_ / "x" / "owner.json", "").ok());
  const auto refused = acquire();
  ASSERT_FALSE(refused.ok()) << "it might be anyone's";
  EXPECT_EQ(refused.error().code, ErrorCode::Corrupt);
  EXPECT_FALSE(refused.error().hint.empty());
  const std::string boot = "11111111-2222-3333-4444-555555555555";
  ASSERT_TRUE(replace_file(dir_ / "x" / concat("boot.", boot, "@", host_name()), "").ok());
  EXPECT_TRUE(acquire().ok());
}

TEST_F(DirectoryLockTest, MarksTheBootInADirectoryEntry) {
  const auto lock = acquire();
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(fs::exists(dir_ / "x" / concat("boot.", boot_id(), "@", host_name())));
}

TEST_F(DirectoryLockTest, CountsOnWhenTheClockWentBackAndWhenTheCounterIsLost) {
  const std::uint64_t future = 9'000'000'000'000'000;
  ASSERT_TRUE(replace_file(dir_ / ".x.guard", std::to_string(future)).ok());
  { EXPECT_EQ(acquire()->token(), future + 1); }
  LockOwner dead = record_of_us();
  dead.start_time += 1;
  dead.token = future + 5;
  plant(dead);
  ASSERT_TRUE(replace_file(dir_ / ".x.guard", "damaged").ok());
  EXPECT_EQ(acquire()->token(), future + 6);
}

TEST_F(DirectoryLockTest, WorksWhereTheQueueIsNoPipe) {
  ASSERT_TRUE(replace_file(dir_ / ".x.queue", "").ok());
  ASSERT_TRUE(replace_file(dir_ / ".x.wake", "").ok());
  const pid_t holder = start_holder();
  const pid_t waiter = start([&] { return acquire(kLong).ok() ? kExitOk : kExitRefused; });
  kill_now(holder);
  EXPECT_EQ(wait_for(waiter), kExitOk);
}

TEST_F(DirectoryLockTest, SaysThatAStoppedProcessBlocksChanges) {
  const Pipe ready;
  const pid_t blocker = start([&] {
    const int fd = open((dir_ / ".x.guard").c_str(), O_RDWR | O_CREAT, 0600);
    ready.send(flock(fd, LOCK_EX) == 0 ? 'y' : 'n');
    pause();
    return kExitOk;
  });
  ASSERT_EQ(ready.receive(), 'y');
  const auto refused = acquire();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::DeadlineExceeded);
  kill_now(blocker);
  EXPECT_TRUE(acquire().ok());
}

TEST(LockOwner, ReadsBackWhatItWritesAndRefusesTheRest) {
  LockOwner owner = lock_owner_of(getpid()).value();
  owner.token = 42;
  owner.purpose = "a \"quoted\" purpose";
  const auto read_back = decode_lock_owner(encode_lock_owner(owner));
  ASSERT_TRUE(read_back.ok());
  EXPECT_EQ(encode_lock_owner(*read_back), encode_lock_owner(owner));
  for (const char* text : {"", "[]", "{}", "{\"host\":1}"}) {
    EXPECT_EQ(decode_lock_owner(text).error().code, ErrorCode::Corrupt) << text;
  }
  owner.pid = -1;
  EXPECT_FALSE(decode_lock_owner(encode_lock_owner(owner)).ok());
}

}  // namespace
}  // namespace reeve::platform
