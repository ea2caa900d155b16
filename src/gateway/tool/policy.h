#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/command.h"

namespace reeve::gateway {

inline constexpr std::string_view kRedacted = "[redacted]";
/// Longer texts among the arguments are cut for the record; their hash is not.
inline constexpr std::size_t kShownTextBytesMax = 8'192;
inline constexpr Duration kToolTimeout{60'000};
inline constexpr Duration kToolTimeoutMax{3'600'000};

/// On which terms one tool may be called.
struct ToolPolicy {
  bool allowed = false;
  bool requires_approval = false;
  bool approval_when_tainted = false;
  bool owner_may_approve = false;
  /// As it was written; empty: the default.
  std::string approval_timeout;
  std::string risk = "low";
  bool untrusted = false;
  Duration timeout = kToolTimeout;
  /// Members of the arguments that the record has not: they count for the hash of all of them.
  std::vector<std::string> redact;
  /// The tool that undoes a call, given the same arguments; empty: none.
  std::string reverse;
};

/// What becomes of tools that no entry names.
enum class Unlisted { Deny, Approval, Allow };

/// A ToolServer as the gateway uses it.
struct ToolServer {
  std::string ns;
  std::string name;
  std::string uid;
  /// Of its last change; empty: not known.
  std::string revision;
  std::string url;
  /// "workspace", "missions", "approvals", "http"; empty: `url`, or `program`.
  std::string builtin;
  /// Empty: it is none.
  ToolCommand program;
  std::string credential;
  /// "auto", or a revision of MCP.
  std::string protocol = "auto";
  Duration timeout = kToolTimeout;
  Unlisted unlisted = Unlisted::Deny;
  std::vector<std::string> allowed_hosts;
  /// `spec.tools` and `status`.
  Json tools;
  Json status;
};

/// Reads an object. Invalid: it has not exactly one of a url, built-in tools and a program; a time
/// or a sandbox that is none.
Result<ToolServer> read_tool_server(const Json& object);

/// The terms of one of its tools: those of the first entry that fits.
ToolPolicy policy_of(const ToolServer& server, std::string_view tool);

/// The arguments as they may be kept. What policy names, and what looks like a credential, is
/// replaced; long texts are cut.
Json redact_arguments(const Json& arguments, const ToolPolicy& policy);

/// Whether no more than `bytes_max` of the arguments would be kept, about: long texts are cut.
bool fits_record(const Json& arguments, std::size_t bytes_max);

/// The same value with everything replaced that looks like a credential.
Json without_secrets(const Json& json);

/// A text as it may be kept: what looks like a credential is replaced, and no more than `bytes_max`
/// of it is left.
std::string redact_text(std::string_view text, std::size_t bytes_max);

/// Whether a text looks like a credential: a known prefix and enough characters behind it.
bool looks_secret(std::string_view word);

}  // namespace reeve::gateway
