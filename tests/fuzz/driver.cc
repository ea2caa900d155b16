// Feeds a target with its samples and a fixed stream of mutations of them: the same in every run.
// $REEVE_FUZZ_RUNS is how many; a file as argument is read instead, to look at one input again.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "fuzz.h"

namespace {

/// SplitMix64 (S. Vigna, public domain): small and the same everywhere.
class Stream {
 public:
  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31U);
  }

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_ = 42;
};

constexpr std::size_t kBytesMax = 64'000;
constexpr long kRunsDefault = 3000;

void mutate_once(std::string& bytes, Stream& stream) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<char>(stream.below(256)));
    return;
  }
  const std::size_t at = stream.below(bytes.size());
  switch (stream.below(6)) {
    case 0:
      bytes[at] = static_cast<char>(stream.below(256));
      break;
    case 1:
      bytes.insert(at, 1, static_cast<char>(stream.below(256)));
      break;
    case 2:
      bytes.erase(at, 1 + stream.below(8));
      break;
    case 3:
      bytes.insert(at, bytes.substr(stream.below(bytes.size()), 1 + stream.below(64)));
      break;
    case 4:
      bytes.resize(at);
      break;
    default:
      bytes[at] =
          static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << stream.below(8)));
      break;
  }
}

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    std::ifstream file(argv[1], std::ios::binary);
    feed(std::string(std::istreambuf_iterator<char>(file), {}));
    return 0;
  }
  const char* wanted = std::getenv("REEVE_FUZZ_RUNS");
  const long runs = wanted == nullptr ? kRunsDefault : std::atol(wanted);
  const auto samples = reeve::fuzz::samples();
  Stream stream;
  for (const std::string_view sample : samples) {
    feed(std::string(sample));
  }
  for (long run = 0; run < runs; ++run) {
    std::string bytes(samples[stream.below(samples.size())]);
    const std::size_t changes = 1 + stream.below(12);
    for (std::size_t i = 0; i < changes; ++i) {
      mutate_once(bytes, stream);
    }
    bytes.resize(std::min(bytes.size(), kBytesMax));
    feed(bytes);
  }
  std::printf("%ld mutations of %zu samples\n", runs, samples.size());
  return 0;
}
