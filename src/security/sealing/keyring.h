#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "security/sealing/sealing.h"

namespace reeve::sealing {

/// Reads a passphrase: the first line of a file, without its end; /dev/fd/N is an inherited
/// descriptor. Invalid: it is empty. LimitExceeded: more than 1 KiB.
Result<Secret> read_passphrase(const std::filesystem::path& file);

/// The keys of a data directory, in `<data>/keys` (0700): `master` seals new values, the others
/// only open what was sealed before a rotation. A file holds the key itself, or what makes it from
/// a passphrase; it must be ours and 0600.
///
/// Threading: made on one thread, then const on any.
class Keyring {
 public:
  /// Reads all keys; `passphrase` may be null. NotFound: there is no master key yet.
  /// PermissionDenied: a file of the ring is not ours or is open to others (the hint says what to
  /// do), or the passphrase is missing or wrong.
  static Result<Keyring> open(const std::filesystem::path& dir, const Secret* passphrase);

  /// The same; makes the master key at first use: from the passphrase if there is one, else a key
  /// file. Two processes that do this at once agree on one key.
  static Result<Keyring> open_or_create(const std::filesystem::path& dir, const Secret* passphrase);

  const Key& master() const { return keys_.front(); }

  /// Whether the master key is made from a passphrase.
  bool needs_passphrase() const { return needs_passphrase_; }

  Result<std::string> seal(const Binding& binding, std::string_view plain) const {
    return master().seal(binding, plain);
  }

  /// Opens with the key that the text names. NotFound: that key is not here.
  Result<Secret> open_value(const Binding& binding, std::string_view sealed) const;

 private:
  Keyring(std::vector<Key> keys, bool needs_passphrase)
      : keys_(std::move(keys)), needs_passphrase_(needs_passphrase) {}

  friend class Rotation;

  /// The master key first.
  std::vector<Key> keys_;
  bool needs_passphrase_ = false;
};

/// Replaces the master key in steps that each survive a crash: the next key is on disk before
/// anything is sealed with it, and it becomes the master key after everything is.
class Rotation {
 public:
  /// Makes `keys/next`, from the new passphrase if there is one, or goes on with what an
  /// interrupted rotation left there.
  static Result<Rotation> begin(
      const std::filesystem::path& dir, const Secret* current, const Secret* fresh
  );

  /// A ring that seals with the next key and opens with all.
  const Keyring& ring() const { return ring_; }

  /// The old master becomes `retired-<id>`, the next one `master`. Returns the name of the former.
  Result<std::string> finish() const;

 private:
  Rotation(std::filesystem::path dir, std::string old_id, Keyring ring)
      : dir_(std::move(dir)), old_id_(std::move(old_id)), ring_(std::move(ring)) {}

  std::filesystem::path dir_;
  std::string old_id_;
  Keyring ring_;
};

}  // namespace reeve::sealing
