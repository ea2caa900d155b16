// Tokens of every form, and sets of keys.

#include <array>
#include <string>

#include "fuzz.h"
#include "security/identity/jwt.h"
#include "security/identity/key_set.h"
#include "security/identity/static_token.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view("eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhIiwiaXNzIjoiaSJ9.c2ln"),
    std::string_view(
        "rvt_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    ),
    std::string_view(
        R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"1"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]})"
    )};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  (void)identity::parse_jwt(bytes);
  (void)identity::KeySet::parse(bytes);
  (void)identity::static_token_hash(bytes);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
