#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/run_sockets.h"
#include "host/identity_source.h"
#include "platform/ports.h"
#include "security/identity/run_token.h"

/// What runs of `reeve up` speak to its API with. Private to cli.
namespace reeve::cli {

/// Makes the tokens of runs and has their sockets opened. A host may start runs before the API has
/// its port: they wait for it, for a short time.
///
/// Threading: any thread.
class RunIdentities final : public host::IdentitySource {
 public:
  /// `tell` gets sentences for people.
  RunIdentities(
      identity::RunTokens tokens, platform::Clock& clock, std::function<void(std::string_view)> tell
  )
      : tokens_(std::move(tokens)), clock_(clock), tell_(std::move(tell)) {}

  /// From now on the API is there. `sockets` live as long as this does.
  void opened(std::string api, std::string authority_file, std::unique_ptr<RunSockets> sockets);

  /// It will not be there: runs that wait for it begin without.
  void closed();

  Result<std::optional<host::RunAccess>> access(const host::NewRun& run) override;
  void adopted(const RunName& run, Fence fence) override;
  void ended(const RunName& run, Fence fence) override;

 private:
  bool wait_until_open();

  identity::RunTokens tokens_;
  platform::Clock& clock_;
  const std::function<void(std::string_view)> tell_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string api_;
  std::string authority_file_;
  std::unique_ptr<RunSockets> sockets_;
  bool closed_ = false;
};

}  // namespace reeve::cli
