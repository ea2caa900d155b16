#include "resource/schema/quoted.h"

#include "base/strings.h"

namespace reeve::resource::schema {

std::string quoted(const Json& value) {
  std::string text = value.dump();
  if (text.size() > kQuotedBytesMax) {
    std::size_t end = kQuotedBytesMax;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
      --end;
    }
    text = concat(std::string_view(text).substr(0, end), "…");
  }
  return text;
}

}  // namespace reeve::resource::schema
