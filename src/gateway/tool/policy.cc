#include "gateway/tool/policy.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

/// How tokens of well-known services begin.
constexpr std::array<std::string_view, 16> kSecretPrefixes = {
    "sk-",
    "rvr_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "eyJhbGciOi",
    "npm_",
    "pypi-",
    "-----BEGIN"};
constexpr std::size_t kSecretBytesMin = 16;

std::vector<std::string> texts_of(const Json& json, std::string_view name) {
  std::vector<std::string> texts;
  const Json* found = json.find(name);
  if (found != nullptr && found->is_array()) {
    for (const Json& each : found->as_array()) {
      if (each.is_string()) {
        texts.push_back(each.as_string());
      }
    }
  }
  return texts;
}

Result<Duration> time_of(const Json& json, std::string_view name, Duration fallback) {
  const std::string written = json.get_string(name);
  if (written.empty()) {
    return fallback;
  }
  REEVE_TRY(const Duration time, parse_duration(written));
  if (time <= Duration(0) || time > kToolTimeoutMax) {
    return make_error(ErrorCode::Invalid, "must be above 0 and at most 1h", std::string(name));
  }
  return time;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
         c == '/' || c == '+' || c == '=';
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
Json kept_text(const Json& json, std::size_t text_max) {
  if (json.is_string()) {
    const std::string& text = json.as_string();
    std::string kept = redact_text(text, std::min(text.size(), text_max));
    return text.size() <= text_max ? kept : concat(kept, " [cut, ", text.size(), " bytes]");
  }
  if (json.is_array()) {
    Json made = Json::array();
    for (const Json& each : json.as_array()) {
      made.push(kept_text(each, text_max));
    }
    return made;
  }
  if (json.is_object()) {
    Json made = Json::object();
    for (const auto& [name, value] : json.as_object()) {
      // They are different names: nothing has to be looked for.
      made.as_object().emplace_back(name, kept_text(value, text_max));
    }
    return made;
  }
  return json;
}

/// Adds up what would be kept, as far as `bytes_max`.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
void add_kept(const Json& json, std::size_t bytes_max, std::size_t& bytes) {
  constexpr std::size_t kAround = 4;
  bytes += kAround;
  if (json.is_string()) {
    bytes += std::min(json.as_string().size(), kShownTextBytesMax);
  } else if (json.is_array()) {
    for (const Json& each : json.as_array()) {
      if (bytes > bytes_max) {
        return;
      }
      add_kept(each, bytes_max, bytes);
    }
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.as_object()) {
      if (bytes > bytes_max) {
        return;
      }
      bytes += name.size();
      add_kept(value, bytes_max, bytes);
    }
  }
}

}  // namespace

Result<ToolServer> read_tool_server(const Json& object) {
  const Json& metadata = object.get_object("metadata");
  const Json& spec = object.get_object("spec");
  ToolServer server;
  server.ns = metadata.get_string("namespace");
  server.name = metadata.get_string("name");
  server.uid = metadata.get_string("uid");
  server.revision = metadata.get_string("resourceVersion");
  server.url = spec.get_string("url");
  server.builtin = spec.get_string("builtin");
  REEVE_TRY(server.program, read_command(spec));
  server.credential = spec.get_string("credential");
  server.protocol = spec.get_string("protocol", "auto");
  server.allowed_hosts = texts_of(spec, "allowedHosts");
  const std::string unlisted = spec.get_string("unlisted", "deny");
  server.unlisted = unlisted == "allow"      ? Unlisted::Allow
                    : unlisted == "approval" ? Unlisted::Approval
                                             : Unlisted::Deny;
  REEVE_TRY(server.timeout, time_of(spec, "timeout", kToolTimeout));
  if (const Json* tools = spec.find("tools")) {
    server.tools = *tools;
  }
  server.status = object.get_object("status");
  const int kinds = static_cast<int>(!server.url.empty()) +
                    static_cast<int>(!server.builtin.empty()) +
                    static_cast<int>(!server.program.empty());
  if (kinds != 1) {
    return make_error(
        ErrorCode::Invalid, "a tool server has a url, built-in tools or a command", server.name
    );
  }
  return server;
}

ToolPolicy policy_of(const ToolServer& server, std::string_view tool) {
  ToolPolicy policy;
  policy.timeout = server.timeout;
  if (server.tools.is_array()) {
    for (const Json& entry : server.tools.as_array()) {
      if (!glob_match(entry.get_string("name"), tool)) {
        continue;
      }
      const Json& approval = entry.get_object("approval");
      policy.allowed = entry.get_bool("allow", true);
      policy.requires_approval = approval.get_bool("required");
      policy.approval_when_tainted = approval.get_bool("whenTainted");
      policy.owner_may_approve = approval.get_bool("ownerMayApprove");
      policy.approval_timeout = approval.get_string("timeout");
      policy.risk = entry.get_string("risk", "low");
      policy.untrusted = entry.get_bool("untrusted");
      const Result<Duration> timeout = time_of(entry, "timeout", server.timeout);
      policy.timeout = timeout ? *timeout : server.timeout;
      policy.redact = texts_of(entry, "redact");
      policy.reverse = entry.get_object("reversible").get_string("tool");
      return policy;
    }
  }
  policy.allowed = server.unlisted != Unlisted::Deny;
  policy.requires_approval = server.unlisted == Unlisted::Approval;
  if (policy.requires_approval) {
    policy.risk = "high";
  }
  return policy;
}

bool looks_secret(std::string_view word) {
  return word.size() >= kSecretBytesMin &&
         std::any_of(kSecretPrefixes.begin(), kSecretPrefixes.end(), [&](std::string_view prefix) {
           return word.starts_with(prefix);
         });
}

std::string redact_text(std::string_view text, std::size_t bytes_max) {
  // A character more than is left, so that none is cut in two.
  constexpr std::size_t kCharacterBytesMax = 4;
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && out.size() < bytes_max + kCharacterBytesMax) {
    if (!is_word(text[at])) {
      out.push_back(text[at++]);
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) {
      ++end;
    }
    // `key=VALUE` and `https://x/VALUE` are words, too: what begins within them counts.
    const std::string_view word = text.substr(at, end - at);
    std::size_t begin = 0;
    while (begin < word.size() &&
           !((begin == 0 || word[begin - 1] == '=' || word[begin - 1] == '/') &&
             looks_secret(word.substr(begin)))) {
      ++begin;
    }
    out += word.substr(0, begin);
    out += begin < word.size() ? kRedacted : std::string_view();
    at = end;
  }
  if (out.size() <= bytes_max) {
    return out;
  }
  std::size_t cut = bytes_max;
  while (cut > 0 && (static_cast<unsigned char>(out[cut]) & 0xC0U) == 0x80U) {
    --cut;
  }
  out.resize(cut);
  return out;
}

bool fits_record(const Json& arguments, std::size_t bytes_max) {
  std::size_t bytes = 0;
  add_kept(arguments, bytes_max, bytes);
  return bytes <= bytes_max;
}

Json without_secrets(const Json& json) {
  return kept_text(json, SIZE_MAX);
}

Json redact_arguments(const Json& arguments, const ToolPolicy& policy) {
  Json kept = kept_text(arguments, kShownTextBytesMax);
  for (const std::string& name : policy.redact) {
    if (kept.find(name) != nullptr) {
      kept.set(name, kRedacted);
    }
  }
  return kept;
}

}  // namespace reeve::gateway
