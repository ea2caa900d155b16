#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "host/credential_source.h"
#include "security/sealing/keyring.h"
#include "store/ports.h"

namespace reeve::cli {

/// The passphrase in the file that $REEVE_PASSPHRASE_FILE names, which may be a descriptor
/// (/dev/fd/N); nothing if that is not set. Main thread.
Result<std::optional<Secret>> own_passphrase();

/// Opens the credentials of a store when runs start. Any thread.
class StoredCredentials final : public host::CredentialSource {
 public:
  /// `reader` outlives this; `keys` is the directory of the keyring.
  StoredCredentials(
      store::Reader& reader, std::filesystem::path keys, std::optional<Secret> passphrase
  )
      : reader_(reader), keys_(std::move(keys)), passphrase_(std::move(passphrase)) {}

  Result<Secret> value(const Namespace& ns, std::string_view credential) override;

 private:
  Result<Secret> open(const sealing::Binding& binding, std::string_view sealed);
  Result<void> read_ring();

  store::Reader& reader_;
  std::filesystem::path keys_;
  std::optional<Secret> passphrase_;
  std::mutex mutex_;
  /// Read when it is first needed, and again when the master key has been replaced.
  std::optional<sealing::Keyring> ring_;
};

}  // namespace reeve::cli
