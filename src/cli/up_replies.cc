#include "cli/up_replies.h"

#include <memory>
#include <utility>

#include "base/strings.h"
#include "security/sealing/keyring.h"

namespace reeve::cli {

namespace {

static_assert(gateway::model::kSealedPieceBytes <= sealing::kSealedValueBytesMax);

/// Is opened once: making a key from a passphrase takes long, and it is needed for each reply.
///
/// Threading: one thread at a time.
class Ring {
 public:
  Ring(std::filesystem::path keys, std::optional<Secret> passphrase)
      : keys_(std::move(keys)), passphrase_(std::move(passphrase)) {}

  Result<const sealing::Keyring*> get() {
    if (!ring_) {
      ring_ = sealing::Keyring::open_or_create(keys_, passphrase_ ? &*passphrase_ : nullptr);
    }
    if (!*ring_) {
      Error error = make_error(
          ErrorCode::Unavailable,
          concat("the keyring cannot be opened: ", ring_->error().message),
          ring_->error().subject
      );
      error.hint = ring_->error().hint;
      return error;
    }
    return &**ring_;
  }

 private:
  std::filesystem::path keys_;
  std::optional<Secret> passphrase_;
  std::optional<Result<sealing::Keyring>> ring_;
};

}  // namespace

gateway::model::Sealer reply_sealer(
    const std::filesystem::path& keys, std::optional<Secret> passphrase
) {
  const auto ring = std::make_shared<Ring>(keys, std::move(passphrase));
  return {
      .seal = [ring](std::string_view name, std::string_view plain) -> Result<std::string> {
        REEVE_TRY(const sealing::Keyring* keyring, ring->get());
        return keyring->seal({.ns = {}, .name = name}, plain);
      },
      .open = [ring](std::string_view name, std::string_view sealed) -> Result<Secret> {
        REEVE_TRY(const sealing::Keyring* keyring, ring->get());
        return keyring->open_value({.ns = {}, .name = name}, sealed);
      }};
}

}  // namespace reeve::cli
