#include "gateway/tool/schema_parts.h"

#include "base/canonical.h"
#include "base/strings.h"

namespace reeve::gateway::schema {

std::string within(const std::string& at, std::string_view name) {
  constexpr std::size_t kPlaceBytesMax = 200;
  constexpr std::size_t kNameBytesMax = 100;
  if (at.size() > kPlaceBytesMax) {
    return at;
  }
  const std::string_view shown = name.size() > kNameBytesMax ? "(a long name)" : name;
  return at.empty() || shown.starts_with('[') ? concat(at, shown) : concat(at, ".", shown);
}

std::string comparable(const Json& value) {
  return value.is_number() ? Json(value.as_double()).dump() : canonical_json(value);
}

const Json* resolve(const Json& root, std::string_view reference) {
  if (!reference.starts_with('#')) {
    return nullptr;
  }
  const Json* at = &root;
  if (reference.size() == 1) {
    return at;
  }
  if (reference[1] != '/') {
    return nullptr;
  }
  for (const std::string_view part : split(reference.substr(2), '/')) {
    const std::string name = replace_all(replace_all(part, "~1", "/"), "~0", "~");
    at = at->find(name);
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

}  // namespace reeve::gateway::schema
