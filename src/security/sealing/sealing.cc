#include "security/sealing/sealing.h"

#include <sodium.h>

#include "base/strings.h"

namespace reeve::sealing {

namespace {

constexpr std::string_view kFormat = "v1";
constexpr std::size_t kIdBytes = 8;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::uint64_t kPassesMax = 20;
constexpr std::uint64_t kDerivationBytesMax = std::uint64_t{1} << 30U;

static_assert(kKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());  // NOLINT: the library's type
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());  // NOLINT
}

unsigned char* bytes_of(Secret& secret) {
  return reinterpret_cast<unsigned char*>(secret.data());  // NOLINT
}

Result<void> start_library() {
  // Safe to call again and from any thread.
  if (::sodium_init() < 0) {
    return make_error(ErrorCode::Io, "libsodium found no source of randomness");
  }
  return {};
}

/// What is authenticated along with the value. Every part is preceded by its length.
std::string associated_data(const Binding& binding, std::string_view key_id) {
  return concat(
      "reeve credential ",
      kFormat,
      "\n",
      binding.ns.size(),
      ":",
      binding.ns,
      binding.name.size(),
      ":",
      binding.name,
      key_id.size(),
      ":",
      key_id
  );
}

struct SealedParts {
  std::string_view key_id;
  std::string_view payload;
};

Result<SealedParts> take_apart(std::string_view sealed) {
  const auto parts = split(sealed, '.');
  if (parts.size() != 3 || parts[0] != kFormat || parts[1].empty()) {
    return make_error(ErrorCode::Invalid, "is not a sealed value");
  }
  return SealedParts{.key_id = parts[1], .payload = parts[2]};
}

Error changed(const Binding& binding) {
  Error error = make_error(
      ErrorCode::Corrupt,
      "its sealed value was changed, or was sealed for another name",
      std::string(binding.name)
  );
  error.hint = concat("set it again: reeve credential set ", binding.name);
  return error;
}

}  // namespace

Result<std::string> random_id() {
  REEVE_CHECK(start_library());
  std::string bytes(kIdBytes, '\0');
  ::randombytes_buf(bytes.data(), bytes.size());
  return to_hex(bytes);
}

Result<Key> Key::random() {
  REEVE_TRY(std::string id, random_id());
  Secret bytes(kKeyBytes);
  ::randombytes_buf(bytes.data(), bytes.size());
  return Key(std::move(id), std::move(bytes));
}

Result<Key> Key::from_bytes(std::string id, Secret bytes) {
  REEVE_CHECK(start_library());
  if (bytes.size() != kKeyBytes || id.empty() || id.find('.') != std::string::npos) {
    return make_error(ErrorCode::Invalid, concat("is no key of ", kKeyBytes, " bytes"));
  }
  return Key(std::move(id), std::move(bytes));
}

Result<std::string> Key::seal(const Binding& binding, std::string_view plain) const {
  if (plain.size() > kSealedValueBytesMax) {
    Error error = make_error(
        ErrorCode::LimitExceeded,
        concat("a value has at most ", kSealedValueBytesMax, " bytes"),
        std::string(binding.name)
    );
    return error;
  }
  const std::string data = associated_data(binding, id_);
  std::string payload(kNonceBytes + plain.size() + kTagBytes, '\0');
  ::randombytes_buf(payload.data(), kNonceBytes);
  ::crypto_aead_xchacha20poly1305_ietf_encrypt(
      bytes_of(payload) + kNonceBytes,
      nullptr,
      bytes_of(plain),
      plain.size(),
      bytes_of(std::string_view(data)),
      data.size(),
      nullptr,
      bytes_of(std::string_view(payload)),
      bytes_of(bytes_.view())
  );
  return concat(kFormat, ".", id_, ".", to_base64(payload));
}

Result<Secret> Key::open(const Binding& binding, std::string_view sealed) const {
  REEVE_TRY(const SealedParts parts, take_apart(sealed));
  if (parts.key_id != id_) {
    return make_error(
        ErrorCode::NotFound,
        concat("was sealed with another key, ", parts.key_id),
        std::string(binding.name)
    );
  }
  const Result<Secret> payload = from_base64(parts.payload);
  if (!payload.ok() || payload->size() < kNonceBytes + kTagBytes) {
    return changed(binding);
  }
  const std::string data = associated_data(binding, id_);
  const std::string_view nonce = payload->view().substr(0, kNonceBytes);
  const std::string_view body = payload->view().substr(kNonceBytes);
  Secret plain(body.size() - kTagBytes);
  const int failed = ::crypto_aead_xchacha20poly1305_ietf_decrypt(
      bytes_of(plain),
      nullptr,
      nullptr,
      bytes_of(body),
      body.size(),
      bytes_of(std::string_view(data)),
      data.size(),
      bytes_of(nonce),
      bytes_of(bytes_.view())
  );
  if (failed != 0) {
    return changed(binding);
  }
  return plain;
}

Result<std::string> key_id_of(std::string_view sealed) {
  REEVE_TRY(const SealedParts parts, take_apart(sealed));
  return std::string(parts.key_id);
}

Result<Derivation> fresh_derivation() {
  REEVE_CHECK(start_library());
  Derivation derivation;
  derivation.salt.assign(crypto_pwhash_SALTBYTES, '\0');
  ::randombytes_buf(derivation.salt.data(), derivation.salt.size());
  return derivation;
}

Result<Secret> derive(const Derivation& derivation, std::string_view passphrase) {
  REEVE_CHECK(start_library());
  if (derivation.salt.size() != crypto_pwhash_SALTBYTES || derivation.passes == 0 ||
      derivation.passes > kPassesMax || derivation.memory_bytes < crypto_pwhash_MEMLIMIT_MIN ||
      derivation.memory_bytes > kDerivationBytesMax) {
    return make_error(ErrorCode::Invalid, "the parameters of the passphrase make no sense");
  }
  Secret key(kKeyBytes);
  const int failed = ::crypto_pwhash(
      bytes_of(key),
      key.size(),
      passphrase.data(),
      passphrase.size(),
      bytes_of(std::string_view(derivation.salt)),
      derivation.passes,
      derivation.memory_bytes,
      crypto_pwhash_ALG_ARGON2ID13
  );
  if (failed != 0) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("there is no memory for ", derivation.memory_bytes, " bytes to check a passphrase")
    );
  }
  return key;
}

std::string to_base64(std::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  ::sodium_bin2base64(
      text.data(), text.size(), bytes_of(bytes), bytes.size(), sodium_base64_VARIANT_ORIGINAL
  );
  // The library ends its text with a zero byte.
  text.pop_back();
  return text;
}

Result<Secret> from_base64(std::string_view text) {
  Secret bytes(text.size());
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed = ::sodium_base642bin(
      bytes_of(bytes),
      bytes.size(),
      text.data(),
      text.size(),
      nullptr,
      &size,
      &end,
      sodium_base64_VARIANT_ORIGINAL
  );
  if (failed != 0 || end != text.data() + text.size()) {
    return make_error(ErrorCode::Invalid, "is no base64");
  }
  bytes.shrink(size);
  return bytes;
}

}  // namespace reeve::sealing
