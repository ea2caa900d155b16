#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "platform/ports.h"
#include "security/access/identity.h"

namespace reeve::identity {

inline constexpr std::string_view kRunTokenPrefix = "rvr_";
inline constexpr std::size_t kRunNameBytesMax = 1024;
inline constexpr std::size_t kRunTokenBytesMax = 2048;

/// Which run a token speaks for. Whether that run still lives under that fence is for the caller to
/// check.
struct RunClaims {
  Namespace ns;
  /// The name of the mission within `ns`.
  std::string mission;
  RunName run;
  Fence fence;
  Timestamp expires;
  /// The agent that the run carries out; empty: none.
  std::string agent = {};
  /// Good for nothing but over the socket of the run (`socket_tag`).
  bool socket_only = false;

  friend bool operator==(const RunClaims&, const RunClaims&) = default;
};

/// Names the socket of a run, as requests that come through it do: see
/// `net::Request::listener_tag`.
std::string socket_tag(const RunName& run, Fence fence);

/// Why a token is good for nothing where it was presented: `tag` is that of the socket, or empty.
enum class Misplaced : std::uint8_t {
  No,
  Elsewhere,  ///< the token is bound to the socket of its run, and came over no socket of a run
  OtherRun,   ///< it came over the socket of another run
};

Misplaced misplaced(const RunClaims& claims, std::string_view tag);

/// User `run:<run>`; groups `system:runs`, `system:runs:<namespace>`, `system:authenticated`; the
/// names of its mission, itself and its agent within the namespace as extras.
access::Identity identity_of(const RunClaims& claims);

/// Makes and checks the tokens that runs identify themselves with: claims authenticated with
/// HMAC-SHA-256 under a key of this server. Nothing is stored for a token.
///
/// Threading: const on any thread.
class RunTokens {
 public:
  /// With the key in a file of ours (0600), which is made if it is not there. Removing the file
  /// revokes all run tokens at the next start.
  static Result<RunTokens> open_or_create(
      const std::filesystem::path& file, platform::Random& random
  );

  /// With a key of 32 bytes. Invalid: another length.
  static Result<RunTokens> from_key(Secret key);

  /// `rvr_<claims>.<code>`, both base64url. Invalid: the names are empty, too long or have line
  /// ends in them.
  Result<Secret> issue(const RunClaims& claims) const;

  /// PermissionDenied: it is none of ours, was changed, or has expired.
  Result<RunClaims> verify(std::string_view text, Timestamp now) const;

 private:
  explicit RunTokens(Secret key) : key_(std::move(key)) {}

  Secret key_;
};

}  // namespace reeve::identity
