#include "host/attend_order.h"

#include <cerrno>
#include <charconv>
#include <unistd.h>
#include <utility>

#include <sys/stat.h>

#include "base/strings.h"
#include "host/run_secrets.h"

namespace reeve::host {

namespace {

constexpr std::size_t kNumberBytes = 24;
/// Before the words: program, sandbox, data directory, directory, number of words.
constexpr std::size_t kHeadTexts = 5;

Error corrupt() {
  return make_error(ErrorCode::Corrupt, "the order did not arrive whole", "attendant");
}

void append(std::string& bytes, std::string_view text) {
  bytes.append(concat(text.size(), " ")).append(text);
}

/// One text after the other; nothing: they are over, or broken off.
class Texts {
 public:
  explicit Texts(std::string_view bytes) : rest_(bytes) {}

  Result<std::string_view> next() {
    std::size_t size = 0;
    const auto read = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
    const auto digits = static_cast<std::size_t>(read.ptr - rest_.data());
    if (read.ec != std::errc() || digits >= rest_.size() || rest_[digits] != ' ' ||
        size > rest_.size() - digits - 1) {
      return corrupt();
    }
    const std::string_view text = rest_.substr(digits + 1, size);
    rest_.remove_prefix(digits + 1 + size);
    return text;
  }

  bool over() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Result<Secret> read_all(int fd) {
  struct stat info {};

  if (::fstat(fd, &info) != 0 || info.st_size < 0 ||
      static_cast<std::size_t>(info.st_size) > 2 * kProgramBytesMax) {
    return corrupt();
  }
  Secret bytes(static_cast<std::size_t>(info.st_size));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return corrupt();
    }
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

}  // namespace

Result<platform::FileDescriptor> to_memory(const AttendantOrder& order) {
  const std::string sandbox = to_json(order.sandbox).dump();
  std::size_t size = kHeadTexts * kNumberBytes + order.program.size() + sandbox.size() +
                     order.data_dir.native().size() + order.directory.native().size();
  for (const std::string& word : order.argv) {
    size += word.size() + kNumberBytes;
  }
  for (const Secret& variable : order.environment) {
    size += variable.size() + kNumberBytes;
  }
  if (size > kProgramBytesMax || order.argv.size() + order.environment.size() > kProgramTextsMax) {
    return make_error(
        ErrorCode::LimitExceeded, "its arguments and variables are too many or too long", "program"
    );
  }
  std::string bytes;
  // Never moved: no part of a value is left behind.
  bytes.reserve(size);
  append(bytes, order.program);
  append(bytes, sandbox);
  append(bytes, order.data_dir.native());
  append(bytes, order.directory.native());
  append(bytes, concat(order.argv.size()));
  for (const std::string& word : order.argv) {
    append(bytes, word);
  }
  for (const Secret& variable : order.environment) {
    append(bytes, variable.view());
  }
  auto memory = sealed_memory("reeve-program", bytes);
  wipe(bytes);
  return memory;
}

Result<AttendantOrder> order_from_memory(int fd) {
  REEVE_TRY(const Secret bytes, read_all(fd));
  Texts texts(bytes.view());
  AttendantOrder order;
  REEVE_TRY(order.program, texts.next());
  REEVE_TRY(const std::string_view sandbox, texts.next());
  REEVE_TRY(const Json json, parse_json(sandbox));
  REEVE_TRY(order.sandbox, model::sandbox_from_json(json));
  REEVE_TRY(order.data_dir, texts.next());
  REEVE_TRY(order.directory, texts.next());
  REEVE_TRY(const std::string_view written, texts.next());
  std::size_t words = 0;
  std::from_chars(written.data(), written.data() + written.size(), words);
  for (std::size_t i = 0; i < words; ++i) {
    REEVE_TRY(const std::string_view word, texts.next());
    order.argv.emplace_back(word);
  }
  while (!texts.over()) {
    REEVE_TRY(const std::string_view variable, texts.next());
    order.environment.emplace_back(variable);
  }
  if (order.argv.empty()) {
    return corrupt();
  }
  return order;
}

}  // namespace reeve::host
