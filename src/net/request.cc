#include "net/request.h"

#include "net/text.h"

namespace reeve::net {

namespace {

const std::string* find_pair(
    const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name
) {
  for (const auto& [key, value] : pairs) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

}  // namespace

const std::string* Headers::find(std::string_view name) const {
  for (const Header& header : items_) {
    if (same_text(header.name, name)) {
      return &header.value;
    }
  }
  return nullptr;
}

std::string_view Headers::get(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

std::vector<std::string_view> Headers::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Header& header : items_) {
    if (same_text(header.name, name)) {
      values.push_back(header.value);
    }
  }
  return values;
}

void Headers::add(std::string name, std::string value) {
  items_.push_back(Header{.name = std::move(name), .value = std::move(value)});
}

const std::string* Target::find_query(std::string_view name) const {
  return find_pair(query, name);
}

const std::string* Request::find_query(std::string_view name) const {
  return find_pair(query, name);
}

double Request::age_seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - received_at).count();
}

}  // namespace reeve::net
