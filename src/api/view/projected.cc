#include "api/view/projected.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/strings.h"

namespace reeve::api::view {

const std::string* find_value(const Pairs& pairs, std::string_view name) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) {
    return pair.first == name;
  });
  return found == pairs.end() ? nullptr : &found->second;
}

struct Encodings::Kept {
  std::mutex mutex;
  std::vector<std::pair<std::string, Bytes>> forms;

  /// With the mutex held.
  Bytes find(std::string_view representation) const {
    for (const auto& [name, bytes] : forms) {
      if (name == representation) {
        return bytes;
      }
    }
    return nullptr;
  }
};

Encodings::Encodings(Encodings&& other) noexcept : kept_(other.kept_.exchange(nullptr)) {}

Encodings& Encodings::operator=(Encodings&& other) noexcept {
  delete kept_.exchange(other.kept_.exchange(nullptr));
  return *this;
}

Encodings::~Encodings() {
  delete kept_.load(std::memory_order_acquire);
}

Encodings::Kept& Encodings::kept() const {
  if (Kept* there = kept_.load(std::memory_order_acquire)) {
    return *there;
  }
  auto mine = std::make_unique<Kept>();
  Kept* expected = nullptr;
  if (kept_.compare_exchange_strong(expected, mine.get(), std::memory_order_acq_rel)) {
    return *mine.release();
  }
  return *expected;
}

Encodings::Bytes Encodings::get(
    std::string_view representation, const std::function<std::string()>& encode
) const {
  Kept& kept = this->kept();
  {
    const std::lock_guard lock(kept.mutex);
    if (Bytes there = kept.find(representation)) {
      return there;
    }
  }
  auto made = std::make_shared<const std::string>(encode());
  const std::lock_guard lock(kept.mutex);
  if (Bytes there = kept.find(representation)) {
    return there;
  }
  if (kept.forms.size() < kRepresentationsMax) {
    kept.forms.emplace_back(representation, made);
  }
  return made;
}

std::shared_ptr<const std::string> Projected::text() const {
  return encodings.get("", [this] { return object.dump(); });
}

Projected Projected::at_revision(Revision at) const {
  Projected copy{
      .ns = ns,
      .name = name,
      .uid = uid,
      .revision = at,
      .object = object,
      .labels = labels,
      .fields = fields};
  if (Json* metadata = copy.object.find("metadata"); metadata != nullptr && metadata->is_object()) {
    metadata->set("resourceVersion", std::to_string(at.value()));
  }
  return copy;
}

bool Selector::matches(const Projected& object) const {
  if (ns && *ns != object.ns) {
    return false;
  }
  if (name && *name != object.name) {
    return false;
  }
  return (!labels || labels(object.labels)) && (!fields || fields(object));
}

}  // namespace reeve::api::view
