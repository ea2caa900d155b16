#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "host/identity_source.h"
#include "platform/ports.h"
#include "security/identity/run_token.h"

/// What runs of `reeve up` speak to its API with. Private to cli.
namespace reeve::cli {

/// Makes the tokens of runs. A host may start runs before the API has its port: they wait for it,
/// for a short time.
///
/// Threading: any thread.
class RunIdentities final : public host::IdentitySource {
 public:
  RunIdentities(identity::RunTokens tokens, platform::Clock& clock)
      : tokens_(std::move(tokens)), clock_(clock) {}

  /// From now on the API is there.
  void opened(std::string api, std::string authority_file);

  /// It will not be there: runs that wait for it begin without.
  void closed();

  Result<std::optional<host::RunAccess>> access(
      const Namespace& ns,
      const MissionName& mission,
      const RunName& run,
      Fence fence,
      std::string_view agent,
      Duration timeout
  ) override;

 private:
  identity::RunTokens tokens_;
  platform::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string api_;
  std::string authority_file_;
  bool closed_ = false;
};

}  // namespace reeve::cli
