#pragma once

#include <filesystem>
#include <optional>

#include "base/secret.h"
#include "gateway/model/reply_files.h"

namespace reeve::cli {

/// Seals replies of models with the master key of a keyring, which is read, or made, when it is
/// first needed. `keys` is the directory of the keyring. If it cannot be opened, that is not tried
/// again: Unavailable.
gateway::model::Sealer reply_sealer(
    const std::filesystem::path& keys, std::optional<Secret> passphrase
);

}  // namespace reeve::cli
