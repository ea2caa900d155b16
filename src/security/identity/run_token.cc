#include "security/identity/run_token.h"

#include <charconv>
#include <vector>

#include "base/hmac.h"
#include "base/strings.h"
#include "security/identity/base64url.h"
#include "security/identity/secret_file.h"

namespace reeve::identity {

namespace {

constexpr std::string_view kVersion = "3";
/// Of tokens of runs that were started before this version of the program.
constexpr std::string_view kOldVersion = "2";
/// What the key signs is never taken for anything else that it might sign some day.
constexpr std::string_view kPurpose = "reeve run token 1\n";
constexpr std::size_t kFields = 8;
/// With the name of an agent at the end, where there is one.
constexpr std::size_t kOldFieldsMin = 6;
constexpr std::size_t kOldFieldsMax = 7;
/// Where a token is good.
constexpr std::string_view kAnywhere = "any";
constexpr std::string_view kSocketOnly = "socket";

Error refused(std::string message) {
  return make_error(ErrorCode::PermissionDenied, std::move(message), "token");
}

Result<void> check_name(std::string_view name, std::string_view subject) {
  if (name.empty() || name.size() > kRunNameBytesMax || name.find('\n') != std::string_view::npos) {
    return make_error(
        ErrorCode::Invalid,
        concat("must be one line of at most ", kRunNameBytesMax, " bytes"),
        std::string(subject)
    );
  }
  return {};
}

std::string code_of(const Secret& key, std::string_view claims) {
  const Sha256Bytes sum = hmac_sha256(key.view(), concat(kPurpose, claims));
  return to_base64url({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

Result<RunClaims> read_claims(std::string_view encoded) {
  const auto text = from_base64url(encoded);
  if (!text.ok()) {
    return refused("the token is not valid");
  }
  const auto fields = split(*text, '\n');
  std::uint64_t fence = 0;
  std::int64_t expires = 0;
  // Only the holder of the key writes this; what does not fit is of another version of the program.
  const bool old =
      fields[0] == kOldVersion && fields.size() >= kOldFieldsMin && fields.size() <= kOldFieldsMax;
  const bool known = fields[0] == kVersion && fields.size() == kFields &&
                     (fields[7] == kAnywhere || fields[7] == kSocketOnly);
  if ((!old && !known) || !read_number(fields[4], fence) || !read_number(fields[5], expires)) {
    return refused("the token is of another version");
  }
  return RunClaims{
      .ns = Namespace(std::string(fields[1])),
      .mission = std::string(fields[2]),
      .run = RunName(std::string(fields[3])),
      .fence = Fence(fence),
      .expires = from_unix_millis(expires),
      .agent = fields.size() > kOldFieldsMin ? std::string(fields[6]) : std::string(),
      .socket_only = known && fields[7] == kSocketOnly};
}

}  // namespace

std::string socket_tag(const RunName& run, Fence fence) {
  return concat("run ", fence.value(), " ", run.view());
}

Misplaced misplaced(const RunClaims& claims, std::string_view tag) {
  if (tag.empty()) {
    return claims.socket_only ? Misplaced::Elsewhere : Misplaced::No;
  }
  return tag == socket_tag(claims.run, claims.fence) ? Misplaced::No : Misplaced::OtherRun;
}

access::Identity identity_of(const RunClaims& claims) {
  access::Identity identity;
  identity.user = concat(access::kRunUserPrefix, claims.run.view());
  identity.groups = {
      std::string(access::kRuns),
      concat(access::kRunsPrefix, claims.ns.view()),
      std::string(access::kAuthenticated)};
  // The name in the whole installation is that in the namespace behind `<namespace>~`.
  std::string_view run = claims.run.view();
  const std::string scope = concat(claims.ns.view(), "~");
  if (run.starts_with(scope)) {
    run.remove_prefix(scope.size());
  }
  identity.extra[std::string(access::kMissionExtra)] = {claims.mission};
  identity.extra[std::string(access::kRunExtra)] = {std::string(run)};
  if (!claims.agent.empty()) {
    identity.extra[std::string(access::kAgentExtra)] = {claims.agent};
  }
  return identity;
}

Result<RunTokens> RunTokens::open_or_create(
    const std::filesystem::path& file, platform::Random& random
) {
  REEVE_TRY(Secret key, open_or_create_key(file, random));
  return from_key(std::move(key));
}

Result<RunTokens> RunTokens::from_key(Secret key) {
  if (key.size() != kServerKeyBytes) {
    return make_error(ErrorCode::Invalid, concat("a key has ", kServerKeyBytes, " bytes"), "key");
  }
  return RunTokens(std::move(key));
}

Result<Secret> RunTokens::issue(const RunClaims& claims) const {
  REEVE_CHECK(check_name(claims.ns.view(), "namespace"));
  REEVE_CHECK(check_name(claims.mission, "mission"));
  REEVE_CHECK(check_name(claims.run.view(), "run"));
  if (!claims.agent.empty()) {
    REEVE_CHECK(check_name(claims.agent, "agent"));
  }
  const std::string encoded = to_base64url(concat(
      kVersion,
      "\n",
      claims.ns.view(),
      "\n",
      claims.mission,
      "\n",
      claims.run.view(),
      "\n",
      claims.fence.value(),
      "\n",
      to_unix_millis(claims.expires),
      "\n",
      claims.agent,
      "\n",
      claims.socket_only ? kSocketOnly : kAnywhere
  ));
  std::string text = concat(kRunTokenPrefix, encoded, ".", code_of(key_, encoded));
  if (text.size() > kRunTokenBytesMax) {
    return make_error(ErrorCode::Invalid, "is too long for a token", "run");
  }
  Secret token(text);
  wipe(text);
  return token;
}

Result<RunClaims> RunTokens::verify(std::string_view text, Timestamp now) const {
  if (text.size() > kRunTokenBytesMax || !text.starts_with(kRunTokenPrefix)) {
    return refused("the token is not valid");
  }
  text.remove_prefix(kRunTokenPrefix.size());
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos ||
      !equal_secrets(code_of(key_, text.substr(0, dot)), text.substr(dot + 1))) {
    return refused("the token is not valid");
  }
  REEVE_TRY(RunClaims claims, read_claims(text.substr(0, dot)));
  if (now >= claims.expires) {
    return refused("the token has expired");
  }
  return claims;
}

}  // namespace reeve::identity
