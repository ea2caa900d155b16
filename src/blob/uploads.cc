#include "blob/uploads.h"

#include <algorithm>
#include <cerrno>
#include <unistd.h>

#include <sys/stat.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/inner_files.h"

namespace reeve::blob {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kRecordBytesMax = std::uint64_t{64} << 10U;
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kNameBytesMax = 255;
constexpr mode_t kPrivate = 0700;
constexpr std::uint32_t kPermissionBits = 0777;

bool is_file_name(std::string_view name) {
  return platform::is_inner_path(name) && name.find('/') == std::string_view::npos &&
         name.size() <= kNameBytesMax && is_utf8(name);
}

bool is_digest(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<Upload> read_record(const fs::path& file) {
  REEVE_TRY(const std::string text, platform::read_file(file, kRecordBytesMax));
  const auto json = parse_json(text);
  const auto put_at =
      json.ok() ? parse_timestamp(json->get_string("putAt")) : Result<Timestamp>(json.error());
  const std::string name = json.ok() ? json->get_string("name") : std::string();
  if (!put_at.ok() || !is_file_name(name)) {
    return make_error(ErrorCode::Corrupt, "is not the record of an upload", file.string());
  }
  Upload upload{
      .digest = Digest(file.stem().string()),
      .name = name,
      .size_bytes =
          static_cast<std::uint64_t>(std::max<std::int64_t>(json->get_int("sizeBytes"), 0)),
      .mode = static_cast<std::uint32_t>(json->get_int("mode", 0644)) & kPermissionBits,
      .put_at = *put_at,
      .expires_at = std::nullopt,
      .owner = json->get_string("owner"),
      .namespace_uid = json->get_string("namespaceUid")};
  if (json->find("expiresAt") != nullptr) {
    const auto expires_at = parse_timestamp(json->get_string("expiresAt"));
    if (!expires_at.ok()) {
      return make_error(ErrorCode::Corrupt, "has a wrong time of its end", file.string());
    }
    upload.expires_at = *expires_at;
  }
  return upload;
}

}  // namespace

fs::path Uploads::file_of(const Digest& digest) const {
  return root_ / concat(digest.view(), ".json");
}

Result<Upload> Uploads::put(
    const fs::path& file, Timestamp now, std::optional<Timestamp> expires_at
) {
  std::error_code failed;
  const fs::path source = fs::canonical(file, failed);

  struct stat info {};

  if (failed || ::stat(source.c_str(), &info) != 0) {
    return make_error(ErrorCode::NotFound, "there is no such file", file.string());
  }
  if (!is_file_name(file.filename().string())) {
    return make_error(ErrorCode::Invalid, "its name is no UTF-8 file name", file.string());
  }
  REEVE_TRY(const Stored stored, blobs_.put_file(source, kUploadBytesMax));
  Upload upload{
      .digest = stored.digest,
      .name = file.filename().string(),
      .size_bytes = stored.size_bytes,
      .mode = info.st_mode & kPermissionBits,
      .put_at = now,
      .expires_at = expires_at};
  REEVE_CHECK(write_record(upload));
  return upload;
}

Result<Upload> Uploads::put(const NewUpload& file) {
  if (!is_file_name(file.name)) {
    return make_error(ErrorCode::Invalid, "is no file name", "name");
  }
  REEVE_CHECK(check_room(file, sha256(file.bytes)));
  REEVE_TRY(const Stored stored, blobs_.put(file.bytes));
  Upload upload{
      .digest = stored.digest,
      .name = file.name,
      .size_bytes = stored.size_bytes,
      .put_at = file.now,
      .expires_at = file.expires_at,
      .owner = file.owner,
      .namespace_uid = file.namespace_uid};
  REEVE_CHECK(write_record(upload));
  return upload;
}

/// What has expired or was sent to an earlier namespace of that name is gone already, whoever
/// removes it; the same content takes no more room.
Result<void> Uploads::check_room(const NewUpload& file, const Digest& digest) const {
  REEVE_TRY(const std::vector<Upload> all, list());
  std::size_t files = 1;
  std::uint64_t bytes = file.bytes.size();
  for (const Upload& upload : all) {
    const bool expired = upload.expires_at && *upload.expires_at <= file.now;
    const bool of_another = !upload.namespace_uid.empty() && !file.namespace_uid.empty() &&
                            upload.namespace_uid != file.namespace_uid;
    if (!expired && !of_another && upload.digest != digest) {
      ++files;
      bytes += upload.size_bytes;
    }
  }
  if (files <= kNamespaceUploadsMax && bytes <= kNamespaceUploadsBytesMax) {
    return {};
  }
  Error error = make_error(
      ErrorCode::LimitExceeded,
      concat(
          "a namespace keeps ",
          kNamespaceUploadsMax,
          " uploaded files of ",
          kNamespaceUploadsBytesMax >> 20U,
          " MiB together"
      ),
      "uploads"
  );
  error.hint = "remove some, or wait until they have expired";
  return error;
}

Result<void> Uploads::write_record(const Upload& upload) const {
  Json json = Json::object();
  json.set("name", upload.name);
  json.set("sizeBytes", upload.size_bytes);
  json.set("mode", static_cast<std::int64_t>(upload.mode));
  json.set("putAt", format_timestamp(upload.put_at));
  if (upload.expires_at) {
    json.set("expiresAt", format_timestamp(*upload.expires_at));
  }
  if (!upload.owner.empty()) {
    json.set("owner", upload.owner);
  }
  if (!upload.namespace_uid.empty()) {
    json.set("namespaceUid", upload.namespace_uid);
  }
  REEVE_CHECK(platform::make_directories(root_, kPrivate));
  return platform::write_file_atomically(file_of(upload.digest), json.pretty());
}

Result<std::vector<Namespace>> Uploads::namespaces(const fs::path& data_dir) {
  const fs::path root = data_dir / "uploads";
  std::vector<Namespace> found;
  std::error_code failed;
  for (fs::directory_iterator at(root, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code unknown;
    if (fs::is_directory(at->symlink_status(unknown))) {
      found.emplace_back(at->path().filename().string());
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return make_error(ErrorCode::Io, failed.message(), root.string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

Result<Upload> Uploads::find(const Digest& digest, Timestamp now) const {
  auto upload = is_digest(digest.view())
                    ? read_record(file_of(digest))
                    : Result<Upload>(make_error(ErrorCode::NotFound, "is no digest"));
  const bool expired = upload.ok() && upload->expires_at && *upload->expires_at <= now;
  if (expired || (!upload.ok() && upload.error().code == ErrorCode::NotFound)) {
    Error error = make_error(
        ErrorCode::NotFound,
        expired ? concat("uploaded file ", digest.view(), " has expired")
                : concat("there is no uploaded file ", digest.view())
    );
    error.hint = "reeve artifacts put FILE uploads it";
    return error;
  }
  return upload;
}

Result<void> Uploads::remove(const Digest& digest) const {
  return ::unlink(file_of(digest).c_str()) == 0 || errno == ENOENT
             ? Result<void>{}
             : Result<void>(platform::errno_error("unlink", file_of(digest)));
}

Result<std::vector<Upload>> Uploads::list() const {
  std::vector<Upload> uploads;
  std::error_code failed;
  for (fs::directory_iterator at(root_, failed), end; !failed && at != end; at.increment(failed)) {
    const std::string digest = at->path().stem().string();
    if (at->path().extension() != ".json" || !is_digest(digest)) {
      continue;
    }
    auto upload = read_record(at->path());
    if (upload.ok()) {
      uploads.push_back(std::move(upload).value());
    } else if (upload.error().code == ErrorCode::Corrupt) {
      Upload damaged;
      damaged.digest = Digest(digest);
      uploads.push_back(std::move(damaged));
    } else if (upload.error().code != ErrorCode::NotFound) {
      return std::move(upload).error();
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return make_error(ErrorCode::Io, failed.message(), root_.string());
  }
  std::sort(uploads.begin(), uploads.end(), [](const Upload& a, const Upload& b) {
    return a.digest < b.digest;
  });
  return uploads;
}

}  // namespace reeve::blob
