#include "security/identity/sealer.h"

#include <algorithm>

#include "base/strings.h"
#include "security/identity/base64url.h"
#include "security/identity/secret_file.h"

namespace reeve::identity {

namespace {

/// The key of a file has no other name; a text of another file's key fails on its code.
constexpr std::string_view kKeyId = "server";
constexpr std::string_view kPlace = "opaque text";

sealing::Binding binding_of(std::string_view context) {
  return {.ns = kPlace, .name = context};
}

/// What the sealed text of a key begins with here; it is the same for all, so clients need not
/// carry it.
std::string prefix() {
  return concat("v1.", kKeyId, ".");
}

Error refused() {
  return make_error(ErrorCode::Invalid, "was not made by this server for this request", "continue");
}

}  // namespace

Result<Sealer> Sealer::open_or_create(const std::filesystem::path& file, platform::Random& random) {
  REEVE_TRY(Secret key, open_or_create_key(file, random));
  return from_key(std::move(key));
}

Result<Sealer> Sealer::from_key(Secret bytes) {
  REEVE_TRY(sealing::Key key, sealing::Key::from_bytes(std::string(kKeyId), std::move(bytes)));
  return Sealer(std::move(key));
}

Result<std::string> Sealer::seal(std::string_view context, std::string_view plain) const {
  if (plain.size() > kOpaqueBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kOpaqueBytesMax, " bytes"), "continue"
    );
  }
  REEVE_TRY(const std::string sealed, key_.seal(binding_of(context), plain));
  REEVE_TRY(const Secret payload, sealing::from_base64(sealed.substr(prefix().size())));
  return to_base64url(payload.view());
}

Result<std::string> Sealer::open(std::string_view context, std::string_view sealed) const {
  constexpr std::size_t kSealedBytesMax = 2 * kOpaqueBytesMax;
  if (sealed.size() > kSealedBytesMax) {
    return refused();
  }
  const auto payload = from_base64url(sealed);
  if (!payload.ok()) {
    return refused();
  }
  const auto plain = key_.open(binding_of(context), concat(prefix(), sealing::to_base64(*payload)));
  if (!plain.ok()) {
    return refused();
  }
  return std::string(plain->view());
}

}  // namespace reeve::identity
