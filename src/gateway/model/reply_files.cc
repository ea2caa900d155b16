#include "gateway/model/reply_files.h"

#include <algorithm>
#include <cstdint>
#include <system_error>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::gateway::model {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kPrivateFile = 0600;
/// Of a file: a reply and what sealing adds to it.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{8} << 20U;

/// Each piece is sealed for its place, so that none can be left out or stand elsewhere.
std::string name_of_piece(std::string_view name, std::size_t at, std::size_t count) {
  return concat("reply/", name, "/", at, "/", count);
}

bool is_lost(const Error& error) {
  return error.code == ErrorCode::Corrupt || error.code == ErrorCode::Invalid ||
         error.code == ErrorCode::NotFound;
}

}  // namespace

Result<void> ReplyFiles::save(std::string_view name, std::string_view text) const {
  const std::size_t count = text.size() / kSealedPieceBytes + 1;
  std::string lines;
  for (std::size_t at = 0; at < count; ++at) {
    REEVE_TRY(
        const std::string sealed,
        sealer_.seal(
            name_of_piece(name, at, count), text.substr(at * kSealedPieceBytes, kSealedPieceBytes)
        )
    );
    lines += sealed;
    lines += '\n';
  }
  REEVE_CHECK(platform::make_directories(root_, kPrivateDirectory));
  return platform::replace_file(root_ / name, lines, kPrivateFile);
}

void ReplyFiles::drop(std::string_view name) const {
  std::error_code failed;
  fs::remove(root_ / name, failed);
}

Result<std::string> ReplyFiles::open(const std::string& name, std::string_view lines) const {
  const std::size_t count = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
  std::string text;
  for (std::size_t at = 0; at < count; ++at) {
    const std::size_t end = lines.find('\n');
    REEVE_TRY(
        const Secret piece, sealer_.open(name_of_piece(name, at, count), lines.substr(0, end))
    );
    text += piece.view();
    lines.remove_prefix(end + 1);
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> ReplyFiles::all() const {
  std::vector<std::string> names;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, failed)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  std::vector<std::pair<std::string, std::string>> found;
  for (std::string& name : names) {
    const Result<std::string> lines = platform::read_file(root_ / name, kFileBytesMax);
    if (!lines) {
      continue;
    }
    Result<std::string> text = open(name, *lines);
    if (text) {
      found.emplace_back(std::move(name), std::move(*text));
    } else if (is_lost(text.error())) {
      drop(name);
    }
  }
  return found;
}

}  // namespace reeve::gateway::model
