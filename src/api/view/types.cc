#include "api/view/types.h"

#include "base/assert.h"
#include "base/strings.h"

namespace reeve::api::view {

std::string_view to_string(WatchEventType type) {
  switch (type) {
    case WatchEventType::Added:
      return "ADDED";
    case WatchEventType::Modified:
      return "MODIFIED";
    case WatchEventType::Deleted:
      return "DELETED";
    case WatchEventType::Bookmark:
      return "BOOKMARK";
  }
  return "";
}

Encodings::Bytes WatchEvent::encoded(
    std::string_view representation, const std::function<std::string(const WatchEvent&)>& encode
) const {
  REEVE_ASSERT(object != nullptr);
  return object->encodings.get(concat(to_string(type), " ", representation), [&] {
    return encode(*this);
  });
}

}  // namespace reeve::api::view
