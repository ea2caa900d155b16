#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "host/credential_source.h"
#include "model/run.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// Different credentials of one run.
inline constexpr std::size_t kRunCredentialsMax = 64;

/// The values that a run's spec refers to. They go from the host to the shim in memory that both
/// can read and nobody can change, never through a file, an argument or the environment.
///
/// One thread.
class RunSecrets {
 public:
  RunSecrets() = default;

  /// On the host: asks for everything that `spec` refers to. The error names the credential.
  static Result<RunSecrets> resolve(CredentialSource* source, const model::RunSpec& spec);

  /// A sealed memfd that holds them.
  Result<platform::FileDescriptor> to_memory() const;

  /// In the shim: what `to_memory` wrote. Corrupt: something else.
  static Result<RunSecrets> from_memory(int fd);

  bool empty() const { return values_.empty(); }

  std::vector<std::string_view> values() const;

  /// The text of a script or variable with its values; NotFound: one is not here.
  Result<Secret> fill(
      const model::RunSpec& spec, model::CredentialPlace::Part part, std::size_t index
  ) const;

  /// The input of a tool as JSON text with its values. Invalid: a place leads to no string.
  Result<Secret> fill_input(const model::RunSpec& spec, std::size_t index) const;

 private:
  Result<std::string> insertion(const model::CredentialPlace& place) const;

  std::map<std::string, Secret, std::less<>> values_;
};

/// Whether credentials belong into a part of a run.
bool has_places(const model::RunSpec& spec, model::CredentialPlace::Part part, std::size_t index);

/// A memfd with `bytes` that nobody can change any more. `name` is for people.
Result<platform::FileDescriptor> sealed_memory(const char* name, std::string_view bytes);

/// Makes sure that neither this process nor what it starts leaves its memory in a core dump, and
/// that others of the same user cannot look into this process.
void guard_memory();

}  // namespace reeve::host
