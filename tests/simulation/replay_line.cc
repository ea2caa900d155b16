#include "replay_line.h"

#include <array>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace reeve::sim {

namespace {

volatile std::uint64_t current_seed = 0;

void on_abort(int signal) {
  const std::uint64_t seed = current_seed;
  if (seed != 0) {
    print_replay_line(seed);
  }
  (void)std::signal(signal, SIG_DFL);
  (void)std::raise(signal);
}

void write_text(const char* text, std::size_t size) {
  // There is nobody to tell if standard error cannot be written.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, size);
}

}  // namespace

void set_current_seed(std::uint64_t seed) {
  static const bool installed = std::signal(SIGABRT, on_abort) != SIG_ERR;
  current_seed = installed ? seed : 0;
}

void print_replay_line(std::uint64_t seed) {
  static constexpr char kBefore[] = "REEVE_SEED=";
  static constexpr char kAfter[] =
      " build/tests/simulation/reeve_simulation_test "
      "--gtest_filter=Replay.TheSeedOfTheEnvironment\n";
  std::array<char, 24> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = static_cast<char>('0' + seed % 10);
    seed /= 10;
  } while (seed != 0);
  write_text(kBefore, std::strlen(kBefore));
  write_text(digits.data() + at, digits.size() - at);
  write_text(kAfter, std::strlen(kAfter));
}

}  // namespace reeve::sim
