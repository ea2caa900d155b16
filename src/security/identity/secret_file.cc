#include "security/identity/secret_file.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "platform/posix/private_files.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kFileBytesMax = 256;
constexpr unsigned kLetterOffset = 10;
constexpr unsigned kNibbleBits = 4;

/// 16: no digit.
unsigned digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  return c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + kLetterOffset : 1U << kNibbleBits;
}

Result<Secret> parse_key(std::string_view text, const std::filesystem::path& file) {
  const std::string_view hex = trim(text);
  Secret key(kServerKeyBytes);
  bool fine = hex.size() == 2 * kServerKeyBytes;
  for (std::size_t i = 0; fine && i < kServerKeyBytes; ++i) {
    const unsigned byte = (digit(hex[2 * i]) << kNibbleBits) | digit(hex[2 * i + 1]);
    fine = digit(hex[2 * i]) < 16 && digit(hex[2 * i + 1]) < 16;
    key.data()[i] = static_cast<char>(byte);
  }
  if (!fine) {
    Error error = make_error(ErrorCode::Corrupt, "holds no key", file.string());
    error.hint = "remove it: a new one is made, and what the old one proved counts no more";
    return error;
  }
  return key;
}

}  // namespace

Secret random_bytes(platform::Random& random, std::size_t size) {
  Secret bytes(size);
  for (std::size_t at = 0; at < size;) {
    std::uint64_t bits = random.next();
    const std::size_t count = std::min(size - at, sizeof(bits));
    std::memcpy(bytes.data() + at, &bits, count);
    ::explicit_bzero(&bits, sizeof(bits));
    at += count;
  }
  return bytes;
}

Result<Secret> open_or_create_key(const std::filesystem::path& file, platform::Random& random) {
  auto text = platform::read_private_file(file, kFileBytesMax);
  if (!text.ok() && text.error().code == ErrorCode::NotFound) {
    const Secret key = random_bytes(random, kServerKeyBytes);
    std::string hex = to_hex(key.view());
    hex.push_back('\n');
    const auto created = platform::create_private_file(file, hex);
    wipe(hex);
    if (!created.ok()) {
      return created.error();
    }
    text = platform::read_private_file(file, kFileBytesMax);
  }
  if (!text.ok()) {
    return std::move(text).error();
  }
  return parse_key(text->view(), file);
}

}  // namespace reeve::identity
