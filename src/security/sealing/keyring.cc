#include "security/sealing/keyring.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/private_files.h"

namespace reeve::sealing {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMasterFile = "master";
constexpr const char* kNextFile = "next";
constexpr std::string_view kRetiredPrefix = "retired-";
constexpr std::string_view kFirstLine = "reeve key 1";
constexpr std::string_view kCheckText = "the passphrase is right";
constexpr Binding kCheckBinding{.ns = "", .name = "passphrase check"};
constexpr std::size_t kKeyFileBytesMax = 4096;
constexpr std::size_t kPassphraseBytesMax = 1024;
/// Rotations whose old keys are still looked at.
constexpr std::size_t kKeysMax = 100;
constexpr mode_t kDirectoryMode = 0700;

Error refused(const fs::path& path, std::string message, std::string hint) {
  Error error = make_error(ErrorCode::PermissionDenied, std::move(message), path.string());
  error.hint = std::move(hint);
  return error;
}

/// A key that others could read needs more than another mode.
Error with_way_out(Error error) {
  if (error.code == ErrorCode::PermissionDenied && error.hint.starts_with("chmod ")) {
    error.hint += "; and if somebody may have read it: reeve credential rekey";
  }
  return error;
}

Result<Secret> read_private(const fs::path& path) {
  auto bytes = platform::read_private_file(path, kKeyFileBytesMax);
  return bytes.ok() ? std::move(bytes) : Result<Secret>(with_way_out(std::move(bytes).error()));
}

/// The `name value` lines of a key file.
class KeyFile {
 public:
  static Result<KeyFile> read(const fs::path& path) {
    REEVE_TRY(Secret bytes, read_private(path));
    KeyFile file(path, std::move(bytes));
    if (!file.bytes_.view().starts_with(concat(kFirstLine, "\n"))) {
      return file.corrupt("its first line");
    }
    return file;
  }

  std::string_view value(std::string_view name) const {
    for (const std::string_view line : split(bytes_.view(), '\n')) {
      if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') {
        return line.substr(name.size() + 1);
      }
    }
    return {};
  }

  Result<std::uint64_t> number(std::string_view name) const {
    const std::string_view text = value(name);
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
      return corrupt(name);
    }
    return number;
  }

  Error corrupt(std::string_view what) const {
    Error error = make_error(ErrorCode::Corrupt, concat("is no key file: ", what), path_.string());
    error.hint = "restore it from a backup; without it nothing that it sealed can be read";
    return error;
  }

  bool needs_passphrase() const { return value("kind") == "passphrase"; }

  Result<Key> key(const Secret* passphrase) const {
    if (value("kind") == "file") {
      auto bytes = from_base64(value("key"));
      auto key = bytes.ok() ? Key::from_bytes(std::string(value("id")), std::move(bytes).value())
                            : Result<Key>(bytes.error());
      return key.ok() ? std::move(key) : Result<Key>(corrupt("key"));
    }
    if (!needs_passphrase()) {
      return corrupt("kind");
    }
    if (passphrase == nullptr) {
      return refused(
          path_, "needs a passphrase", "name the file that holds it in $REEVE_PASSPHRASE_FILE"
      );
    }
    return from_passphrase(*passphrase);
  }

 private:
  KeyFile(fs::path path, Secret bytes) : path_(std::move(path)), bytes_(std::move(bytes)) {}

  Result<Key> from_passphrase(const Secret& passphrase) const {
    const auto salt = from_base64(value("salt"));
    if (!salt.ok()) {
      return corrupt("salt");
    }
    Derivation derivation;
    derivation.salt = std::string(salt->view());
    REEVE_TRY(derivation.passes, number("passes"));
    REEVE_TRY(derivation.memory_bytes, number("memory"));
    REEVE_TRY(Secret bytes, derive(derivation, passphrase.view()));
    REEVE_TRY(Key key, Key::from_bytes(std::string(value("id")), std::move(bytes)));
    const auto check = key.open(kCheckBinding, value("check"));
    if (!check.ok() || check->view() != kCheckText) {
      return refused(
          path_, "the passphrase is wrong", "$REEVE_PASSPHRASE_FILE names the file that holds it"
      );
    }
    return key;
  }

  fs::path path_;
  Secret bytes_;
};

/// The text of a new key file.
Result<Secret> make_key_file(const Secret* passphrase) {
  if (passphrase == nullptr) {
    REEVE_TRY(const Key key, Key::random());
    std::string text = concat(kFirstLine, "\nid ", key.id(), "\nkind file\nkey ");
    std::string encoded = to_base64(key.bytes());
    text.reserve(kKeyFileBytesMax);
    text.append(encoded).append("\n");
    Secret file(text);
    wipe(encoded);
    wipe(text);
    return file;
  }
  REEVE_TRY(const Derivation derivation, fresh_derivation());
  REEVE_TRY(std::string id, random_id());
  REEVE_TRY(Secret bytes, derive(derivation, passphrase->view()));
  REEVE_TRY(const Key key, Key::from_bytes(std::move(id), std::move(bytes)));
  REEVE_TRY(const std::string check, key.seal(kCheckBinding, kCheckText));
  return Secret(concat(
      kFirstLine,
      "\nid ",
      key.id(),
      "\nkind passphrase\nsalt ",
      to_base64(derivation.salt),
      "\npasses ",
      derivation.passes,
      "\nmemory ",
      derivation.memory_bytes,
      "\ncheck ",
      check,
      "\n"
  ));
}

Result<void> check_directory(const fs::path& dir) {
  auto checked = platform::check_private_directory(dir);
  return checked.ok() ? std::move(checked) : Result<void>(with_way_out(std::move(checked).error()));
}

/// Keys of before that can still be opened; those of another passphrase cannot.
std::vector<Key> read_other_keys(const fs::path& dir, const Secret* passphrase) {
  std::vector<fs::path> files;
  std::error_code failed;
  for (fs::directory_iterator entry(dir, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().native();
    if (name == kNextFile || name.starts_with(kRetiredPrefix)) {
      files.push_back(entry->path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Key> keys;
  for (const fs::path& path : files) {
    const auto file = KeyFile::read(path);
    auto key = file.ok() ? file->key(passphrase) : Result<Key>(file.error());
    if (key.ok() && keys.size() < kKeysMax) {
      keys.push_back(std::move(key).value());
    }
  }
  return keys;
}

}  // namespace

Result<Secret> read_passphrase(const fs::path& file) {
  const platform::FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) {
    return platform::errno_error("open", file);
  }
  REEVE_TRY(Secret bytes, platform::read_secret(opened.get(), file, kPassphraseBytesMax));
  const std::string_view line = bytes.view().substr(0, bytes.view().find('\n'));
  bytes.shrink(line.ends_with('\r') ? line.size() - 1 : line.size());
  if (bytes.empty()) {
    return make_error(ErrorCode::Invalid, "has no passphrase in its first line", file.string());
  }
  return bytes;
}

Result<Keyring> Keyring::open(const fs::path& dir, const Secret* passphrase) {
  REEVE_CHECK(check_directory(dir));
  REEVE_TRY(const KeyFile file, KeyFile::read(dir / kMasterFile));
  std::vector<Key> keys;
  REEVE_TRY(Key master, file.key(passphrase));
  keys.push_back(std::move(master));
  for (Key& key : read_other_keys(dir, passphrase)) {
    keys.push_back(std::move(key));
  }
  return Keyring(std::move(keys), file.needs_passphrase());
}

Result<Keyring> Keyring::open_or_create(const fs::path& dir, const Secret* passphrase) {
  REEVE_CHECK(platform::make_directories(dir, kDirectoryMode));
  auto ring = open(dir, passphrase);
  if (ring.ok() || ring.error().code != ErrorCode::NotFound) {
    return ring;
  }
  REEVE_TRY(const Secret text, make_key_file(passphrase));
  REEVE_CHECK(platform::create_private_file(dir / kMasterFile, text.view()));
  return open(dir, passphrase);
}

Result<Secret> Keyring::open_value(const Binding& binding, std::string_view sealed) const {
  REEVE_TRY(const std::string id, key_id_of(sealed));
  for (const Key& key : keys_) {
    if (key.id() == id) {
      return key.open(binding, sealed);
    }
  }
  Error error = make_error(
      ErrorCode::NotFound,
      concat("was sealed with the key ", id, ", which is not in keys/ or needs another passphrase"),
      std::string(binding.name)
  );
  error.hint = concat("restore that key, or set it again: reeve credential set ", binding.name);
  return error;
}

Result<Rotation> Rotation::begin(const fs::path& dir, const Secret* current, const Secret* fresh) {
  REEVE_TRY(Keyring old, Keyring::open(dir, current));
  const fs::path next_file = dir / kNextFile;
  REEVE_TRY(const Secret text, make_key_file(fresh));
  REEVE_CHECK(platform::create_private_file(next_file, text.view()));
  REEVE_TRY(const KeyFile file, KeyFile::read(next_file));
  auto next = file.key(fresh);
  if (!next.ok()) {
    Error error = std::move(next).error();
    error.hint = concat(
        "an interrupted rekey left ", next_file.native(), "; give the passphrase that it was given"
    );
    return error;
  }
  const std::string old_id = old.master().id();
  std::vector<Key> keys;
  keys.push_back(std::move(next).value());
  for (Key& key : old.keys_) {
    if (key.id() != keys.front().id()) {
      keys.push_back(std::move(key));
    }
  }
  return Rotation(dir, old_id, Keyring(std::move(keys), file.needs_passphrase()));
}

Result<std::string> Rotation::finish() const {
  const std::string retired = concat(kRetiredPrefix, old_id_);
  const fs::path master = dir_ / kMasterFile;
  // A link, so that there is a master key at every moment.
  if (::link(master.c_str(), (dir_ / retired).c_str()) != 0 && errno != EEXIST) {
    return platform::errno_error("link", dir_ / retired);
  }
  if (::rename((dir_ / kNextFile).c_str(), master.c_str()) != 0) {
    return platform::errno_error("rename", dir_ / kNextFile);
  }
  REEVE_CHECK(platform::sync_directory(dir_));
  return retired;
}

}  // namespace reeve::sealing
