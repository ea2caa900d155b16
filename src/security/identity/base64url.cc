#include "security/identity/base64url.h"

#include <algorithm>

#include "security/sealing/sealing.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kGroup = 4;

}  // namespace

std::string to_base64url(std::string_view bytes) {
  std::string text = sealing::to_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(std::min(text.size(), text.find('=')));
  return text;
}

Result<std::string> from_base64url(std::string_view text) {
  if (text.find_first_of("+/=") != std::string_view::npos) {
    return make_error(ErrorCode::Invalid, "is no base64 for URLs");
  }
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  standard.append((kGroup - standard.size() % kGroup) % kGroup, '=');
  REEVE_TRY(const Secret bytes, sealing::from_base64(standard));
  return std::string(bytes.view());
}

}  // namespace reeve::identity
