// How fast a directory lock passes from process to process, and whether it ever has two holders.
//
//   lock_contention [DIRECTORY [PROCESSES [ROUNDS]]]      defaults: a temp directory, 64, 10000
//
// Every process takes the lock, adds one to a shared counter file and gives the lock back, ROUNDS
// times. Fails if an addition is lost, two holders meet, or a token does not grow.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "platform/posix/directory_lock.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace {

namespace fs = std::filesystem;

using reeve::concat;
using reeve::Duration;
using reeve::platform::DirectoryLock;
using reeve::platform::FileDescriptor;

constexpr int kDefaultProcesses = 64;
constexpr int kDefaultRounds = 10'000;
constexpr Duration kTimeout{3'600'000};

struct Numbers {
  std::uint64_t counter = 0;
  std::uint64_t token = 0;
};

/// What one process found; shared with the parent.
struct Report {
  std::int64_t wait_max_ms = 0;
  std::int64_t total_ms = 0;
  bool failed = true;
};

int number_of(const char* text, int fallback) {
  const std::string_view view = text;
  int number = fallback;
  const auto parsed = std::from_chars(view.data(), view.data() + view.size(), number);
  return parsed.ec == std::errc{} && number > 0 ? number : fallback;
}

bool add_one(int fd, std::uint64_t token) {
  Numbers numbers;
  if (pread(fd, &numbers, sizeof(numbers), 0) != static_cast<ssize_t>(sizeof(numbers)) ||
      numbers.token >= token) {
    return false;
  }
  numbers = Numbers{.counter = numbers.counter + 1, .token = token};
  return pwrite(fd, &numbers, sizeof(numbers), 0) == static_cast<ssize_t>(sizeof(numbers));
}

void work(const fs::path& directory, int rounds, Report& report) {
  const FileDescriptor counter(open((directory / "counter").c_str(), O_RDWR | O_CLOEXEC));
  const fs::path witness = directory / "witness";
  const Duration start = reeve::platform::monotonic_now();
  for (int round = 0; round < rounds; ++round) {
    const Duration before = reeve::platform::monotonic_now();
    auto lock = DirectoryLock::acquire(
        {.directory = directory / "locks",
         .name = "contended",
         .timeout = kTimeout,
         .purpose = "bench",
         .cancel_fd = -1,
         .owner_pid = 0}
    );
    const Duration waited = reeve::platform::monotonic_now() - before;
    report.wait_max_ms = std::max(report.wait_max_ms, waited.count());
    if (!lock.ok()) {
      std::fprintf(stderr, "%s\n", lock.error().describe().c_str());
      return;
    }
    const FileDescriptor alone(open(witness.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!alone || !add_one(counter.get(), lock->token()) || unlink(witness.c_str()) != 0) {
      std::fprintf(stderr, "two holders in round %d\n", round);
      return;
    }
    const auto released = lock->release();
    if (!released.ok()) {
      std::fprintf(stderr, "%s\n", released.error().describe().c_str());
      return;
    }
  }
  report.total_ms = (reeve::platform::monotonic_now() - start).count();
  report.failed = false;
}

int run(const fs::path& directory, int processes, int rounds) {
  const Numbers zero;
  const std::string_view bytes(reinterpret_cast<const char*>(&zero), sizeof(zero));
  if (!reeve::platform::replace_file(directory / "counter", bytes).ok()) {
    return EXIT_FAILURE;
  }
  const auto count = static_cast<std::size_t>(processes);
  void* shared = mmap(
      nullptr, count * sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0
  );
  if (shared == MAP_FAILED) {
    return EXIT_FAILURE;
  }
  auto* reports = static_cast<Report*>(shared);
  const Duration start = reeve::platform::monotonic_now();
  for (std::size_t i = 0; i < count; ++i) {
    reports[i] = Report{};
    if (fork() == 0) {
      work(directory, rounds, reports[i]);
      _exit(0);
    }
  }
  while (wait(nullptr) > 0) {
  }
  const std::int64_t elapsed_ms = (reeve::platform::monotonic_now() - start).count();
  Report worst{.wait_max_ms = 0, .total_ms = 0, .failed = false};
  std::int64_t first_ms = elapsed_ms;
  for (std::size_t i = 0; i < count; ++i) {
    worst.wait_max_ms = std::max(worst.wait_max_ms, reports[i].wait_max_ms);
    worst.failed = worst.failed || reports[i].failed;
    first_ms = std::min(first_ms, reports[i].total_ms);
  }
  Numbers numbers;
  const auto text = reeve::platform::read_file(directory / "counter", sizeof(numbers));
  if (text.ok() && text->size() == sizeof(numbers)) {
    std::copy(text->begin(), text->end(), reinterpret_cast<char*>(&numbers));
  }
  const std::uint64_t expected = static_cast<std::uint64_t>(rounds) * count;
  const bool good = !worst.failed && numbers.counter == expected;
  std::printf(
      "processes %d rounds %d counter %llu of %llu: %s\n"
      "elapsed %lld ms, %lld locks/s, longest wait %lld ms, first process done after %lld ms\n",
      processes,
      rounds,
      static_cast<unsigned long long>(numbers.counter),
      static_cast<unsigned long long>(expected),
      good ? "no double holder" : "FAILED",
      static_cast<long long>(elapsed_ms),
      static_cast<long long>(
          static_cast<std::int64_t>(numbers.counter) * 1000 / std::max<std::int64_t>(elapsed_ms, 1)
      ),
      static_cast<long long>(worst.wait_max_ms),
      static_cast<long long>(first_ms)
  );
  munmap(shared, count * sizeof(Report));
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  const fs::path parent = argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path();
  const int processes = argc > 2 ? number_of(argv[2], kDefaultProcesses) : kDefaultProcesses;
  const int rounds = argc > 3 ? number_of(argv[3], kDefaultRounds) : kDefaultRounds;
  std::string directory = (parent / "reeve-lock-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) {
    std::fprintf(stderr, "cannot create %s\n", directory.c_str());
    return EXIT_FAILURE;
  }
  const int result = run(directory, processes, rounds);
  const auto removed = reeve::platform::remove_tree(directory);
  return removed.ok() ? result : EXIT_FAILURE;
}
