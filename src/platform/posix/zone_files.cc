#include "platform/posix/zone_files.h"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "workflow/cron/tzif.h"

namespace reeve::platform {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kZoneNameBytesMax = 64;
/// The database has about 1,800 names.
constexpr std::size_t kZoneNamesMax = 10'000;

Error zone_error(ErrorCode code, std::string_view name, std::string message, std::string hint) {
  Error error = make_error(code, std::move(message), concat("time zone ", name));
  error.hint = std::move(hint);
  return error;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kZoneNameBytesMax) {
    return false;
  }
  for (const std::string_view part : split(name, '/')) {
    const bool letters_only =
        part.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_"
        ) == std::string_view::npos;
    if (part.empty() || !letters_only) {
      return false;
    }
  }
  return true;
}

/// Whether `path` is below `directory` once all symbolic links are followed.
bool is_inside(const fs::path& path, const fs::path& directory) {
  std::error_code failed;
  const fs::path real = fs::canonical(path, failed);
  const fs::path root = failed ? fs::path() : fs::canonical(directory, failed);
  if (failed) {
    return false;
  }
  const fs::path relative = real.lexically_relative(root);
  return !relative.empty() && *relative.begin() != "..";
}

/// Names like "Europe/Berlin"; the copies below posix/ and right/ are left out.
std::vector<std::string> zone_names(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (auto entry = fs::recursive_directory_iterator(directory, failed);
       !failed && entry != fs::recursive_directory_iterator() && names.size() < kZoneNamesMax;
       entry.increment(failed)) {
    std::string name = entry->path().lexically_relative(directory).string();
    if (name == "posix" || name == "right") {
      entry.disable_recursion_pending();
    } else if (is_zone_name(name) && entry->is_regular_file(failed)) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

}  // namespace

Result<cron::Zone> ZoneFiles::find(std::string_view name) {
  if (name.empty() || name == "UTC") {
    return cron::Zone();
  }
  if (!is_zone_name(name)) {
    return zone_error(
        ErrorCode::Invalid,
        name,
        "this is no name of a time zone",
        "write a name such as Europe/Berlin, or UTC"
    );
  }
  std::error_code failed;
  if (!fs::is_directory(directory_, failed)) {
    return zone_error(
        ErrorCode::Unavailable,
        name,
        concat("this machine has no time zone database (", directory_.string(), ")"),
        "install the package tzdata, or use UTC"
    );
  }
  const fs::path path = directory_ / name;
  if (!fs::is_regular_file(path, failed)) {
    return unknown(name);
  }
  if (!is_inside(path, directory_)) {
    return zone_error(
        ErrorCode::Invalid,
        name,
        concat("this leads out of ", directory_.string()),
        "write a name such as Europe/Berlin, or UTC"
    );
  }
  REEVE_TRY(const std::string bytes, read_file(path, cron::kZoneFileBytesMax));
  return cron::parse_tzif(std::string(name), bytes);
}

Error ZoneFiles::unknown(std::string_view name) const {
  const std::string like = nearest(name, zone_names(directory_));
  return zone_error(
      ErrorCode::NotFound,
      name,
      "this time zone is not known here",
      like.empty() ? "write a name such as Europe/Berlin, or UTC"
                   : concat("did you mean ", like, "?")
  );
}

}  // namespace reeve::platform
