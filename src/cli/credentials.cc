#include "cli/credentials.h"

#include <cstdlib>

#include "base/json.h"

namespace reeve::cli {

Result<std::optional<Secret>> own_passphrase() {
  const char* file = std::getenv("REEVE_PASSPHRASE_FILE");
  if (file == nullptr || *file == '\0') {
    return std::optional<Secret>();
  }
  // A descriptor gives it only once, and a command may need it twice: as client and as owner.
  static std::optional<Secret> known;
  if (!known) {
    auto passphrase = sealing::read_passphrase(file);
    if (!passphrase.ok()) {
      Error error = std::move(passphrase).error();
      error.hint = "$REEVE_PASSPHRASE_FILE names it";
      return error;
    }
    known.emplace(std::move(passphrase).value());
  }
  return std::optional<Secret>(known->clone());
}

Result<Secret> StoredCredentials::value(const Namespace& ns, std::string_view credential) {
  REEVE_TRY(
      const std::optional<store::Row> row,
      reader_.get({.kind = journal::Kind::Credential, .ns = ns, .name = std::string(credential)})
  );
  if (!row || !row->live) {
    return make_error(ErrorCode::NotFound, "there is no such credential");
  }
  REEVE_TRY(const Json json, parse_json(row->body));
  const Json* spec = json.find("spec");
  const std::string sealed = spec == nullptr ? std::string() : spec->get_string("sealed");
  const std::string name(credential);
  return open({.ns = ns.view(), .name = name}, sealed);
}

Result<Secret> StoredCredentials::open(const sealing::Binding& binding, std::string_view sealed) {
  const std::lock_guard<std::mutex> guard(mutex_);
  if (!ring_) {
    REEVE_CHECK(read_ring());
  }
  auto value = ring_->open_value(binding, sealed);
  if (!value.ok() && value.error().code == ErrorCode::NotFound) {
    REEVE_CHECK(read_ring());
    value = ring_->open_value(binding, sealed);
  }
  return value;
}

Result<void> StoredCredentials::read_ring() {
  REEVE_TRY(
      sealing::Keyring ring, sealing::Keyring::open(keys_, passphrase_ ? &*passphrase_ : nullptr)
  );
  ring_.emplace(std::move(ring));
  return {};
}

}  // namespace reeve::cli
