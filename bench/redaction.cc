// How fast text passes the redactor.
//
//   redaction [MEBIBYTES]      default: 256 of each kind of text
//
// Prints MB/s for a log without values, a log with a value in each tenth line, and the worst text
// for the automaton: one that always almost matches.

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "platform/posix/system.h"
#include "security/redaction/redactor.h"

namespace {

using reeve::concat;
using reeve::redaction::Patterns;
using reeve::redaction::Redactor;

constexpr std::size_t kPieceBytes = std::size_t{64} << 10U;
constexpr int kDefaultMebibytes = 256;

int number_of(const char* text, int fallback) {
  const std::string_view view = text;
  int number = fallback;
  const auto parsed = std::from_chars(view.data(), view.data() + view.size(), number);
  return parsed.ec == std::errc{} && number > 0 ? number : fallback;
}

/// Lines as builds print them until there are kPieceBytes; every `each`th ends in `value`.
std::string make_log(std::size_t each, std::string_view value) {
  std::string text;
  for (std::size_t i = 0; text.size() < kPieceBytes; ++i) {
    text += concat("[", i, "/4711] Building CXX object src/module_", i * 7919 % 1000, ".cc.o");
    text += each > 0 && i % each == 0 ? concat(" token=", value, "\n") : std::string("\n");
  }
  return text;
}

void measure(
    const char* name,
    const std::shared_ptr<const Patterns>& patterns,
    const std::string& piece,
    std::size_t bytes
) {
  Redactor redactor(patterns);
  std::string out;
  const auto start = reeve::platform::monotonic_now();
  std::size_t done = 0;
  for (; done < bytes; done += piece.size()) {
    out.clear();
    redactor.feed(piece, out);
  }
  redactor.flush(out);
  const auto took = reeve::platform::monotonic_now() - start;
  const double seconds = static_cast<double>(took.count()) / 1000.0;
  std::printf("%-28s %8.0f MB/s\n", name, static_cast<double>(done) / 1e6 / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const int mebibytes = argc > 1 ? number_of(argv[1], kDefaultMebibytes) : kDefaultMebibytes;
  const std::size_t bytes = static_cast<std::size_t>(mebibytes) << 20U;
  std::vector<std::string> values;
  for (int i = 0; i < 10; ++i) {
    values.push_back(concat("ghp_", i * 7919, "tK3x/9ZqLmW+aB7cD", i));
  }
  const std::vector<std::string_view> views(values.begin(), values.end());
  const auto patterns = Patterns::make(views);
  if (!patterns.ok()) {
    std::fprintf(stderr, "redaction: %s\n", patterns.error().describe().c_str());
    return 1;
  }
  std::printf("10 values of %zu bytes in every form\n", values[0].size());
  measure("log without values", *patterns, make_log(0, {}), bytes);
  measure("log with values", *patterns, make_log(10, values[3]), bytes);
  const std::string near = values[0].substr(0, values[0].size() - 1);
  std::string worst;
  while (worst.size() < kPieceBytes) {
    worst += near;
  }
  measure("text that almost matches", *patterns, worst, bytes);
  return 0;
}
