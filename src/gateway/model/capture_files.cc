#include "gateway/model/capture_files.h"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <vector>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::gateway::model {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr std::string_view kExtension = ".jsonl";
constexpr std::size_t kDayBytes = 10;

}  // namespace

Result<void> CaptureFiles::append(const Namespace& ns, Timestamp now, std::string_view line) {
  const fs::path directory = root_ / ns.str();
  const std::string day = format_timestamp(now).substr(0, kDayBytes);
  const fs::path file = directory / concat(day, kExtension);
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(file, failed);
  if (failed) {
    REEVE_CHECK(platform::make_directories(directory, kPrivateDirectory));
    REEVE_CHECK(platform::write_file_atomically(file, "", kPrivateFile));
    drop_old(directory);
  } else if (size + line.size() > kCaptureFileBytesMax) {
    return make_error(ErrorCode::LimitExceeded, "no more is kept today", file.string());
  }
  std::ofstream stream(file, std::ios::binary | std::ios::app);
  stream << line << '\n';
  stream.close();
  if (!stream) {
    return make_error(ErrorCode::Io, "cannot be written", file.string());
  }
  return {};
}

void CaptureFiles::drop_old(const fs::path& directory) const {
  std::vector<fs::path> days;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, failed)) {
    if (entry.path().extension() == kExtension) {
      days.push_back(entry.path());
    }
  }
  std::sort(days.begin(), days.end());
  for (std::size_t i = 0; i + kCaptureDaysMax < days.size(); ++i) {
    fs::remove(days[i], failed);
  }
}

}  // namespace reeve::gateway::model
