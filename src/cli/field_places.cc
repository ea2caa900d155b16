#include "cli/field_places.h"

#include <charconv>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::cli {

namespace {

using document::Member;
using document::Node;

/// Whether a name may end here.
bool is_end(std::string_view rest) {
  return rest.empty() || rest.front() == '.' || rest.front() == '[';
}

/// The member whose name the path begins with; the longest, as names may have points in them.
const Member* first_member(const Node& map, std::string_view path) {
  const Member* found = nullptr;
  for (const Member& member : map.members) {
    const std::string& name = member.key.text;
    if (path.starts_with(name) && is_end(path.substr(name.size())) &&
        (found == nullptr || name.size() > found->key.text.size())) {
      found = &member;
    }
  }
  return found;
}

/// What stands between brackets at the beginning of the path, which is taken away.
std::string_view take_brackets(std::string_view& path) {
  const std::size_t end = path.find(']');
  if (!path.starts_with('[') || end == std::string_view::npos) {
    path = {};
    return {};
  }
  const std::string_view inside = path.substr(1, end - 1);
  path.remove_prefix(end + 1);
  return inside;
}

const Node* item_at(const Node& list, std::string_view index) {
  std::size_t number = 0;
  const auto read = std::from_chars(index.data(), index.data() + index.size(), number);
  const bool there = read.ec == std::errc() && read.ptr == index.data() + index.size() &&
                     number < list.items.size();
  return there ? &list.items[number] : nullptr;
}

/// The names in quotes after "unknown field" and "duplicate field".
std::vector<FieldNote> strict_faults(std::string_view message) {
  std::vector<FieldNote> faults;
  for (const std::string_view what : {"unknown field \"", "duplicate field \""}) {
    std::size_t at = message.find(what);
    while (at != std::string_view::npos) {
      const std::size_t begin = at + what.size();
      const std::size_t end = message.find('"', begin);
      if (end == std::string_view::npos) {
        break;
      }
      std::string said(message.substr(at, end + 1 - at));
      faults.push_back(
          {.field = std::string(message.substr(begin, end - begin)), .message = std::move(said)}
      );
      at = message.find(what, end);
    }
  }
  return faults;
}

/// Whether a text can be the path of a member.
bool is_path(std::string_view text) {
  if (text.find(' ') != std::string_view::npos) {
    return false;
  }
  for (const std::string_view first : {"spec", "metadata"}) {
    if (text.starts_with(first) && is_end(text.substr(first.size()))) {
      return true;
    }
  }
  return false;
}

}  // namespace

Position place_of_field(const Node& object, std::string_view path) {
  const Node* node = &object;
  Position place = object.position;
  while (!path.empty()) {
    if (path.front() == '.') {
      path.remove_prefix(1);
      continue;
    }
    if (node->is_sequence()) {
      const Node* item = item_at(*node, take_brackets(path));
      if (item == nullptr) {
        break;
      }
      node = item;
      place = item->position;
      continue;
    }
    std::string_view name = path;
    const bool bracketed = path.front() == '[';
    if (bracketed) {
      name = take_brackets(path);
    }
    const Member* member = node->is_map() ? first_member(*node, name) : nullptr;
    if (member == nullptr) {
      break;
    }
    if (!bracketed) {
      path.remove_prefix(member->key.text.size());
    }
    node = &member->value;
    place = member->key.position;
  }
  return place;
}

std::vector<FieldNote> faults_in(std::string_view body, const Error& whole) {
  const Result<Json> status = parse_json(body);
  std::vector<FieldNote> faults;
  if (whole.code == ErrorCode::Invalid && status) {
    for (const Json& cause : status->get_object("details").get_array("causes")) {
      faults.push_back({.field = cause.get_string("field"), .message = cause.get_string("message")}
      );
    }
    if (faults.empty()) {
      faults = strict_faults(whole.message);
    }
  }
  if (faults.empty()) {
    faults.push_back({.field = {}, .message = whole.message});
  }
  return faults;
}

FieldNote note_of_warning(std::string_view warning) {
  const std::size_t colon = warning.find(": ");
  if (colon != std::string_view::npos && is_path(warning.substr(0, colon))) {
    return {
        .field = std::string(warning.substr(0, colon)),
        .message = std::string(warning.substr(colon + 2))};
  }
  return {.field = {}, .message = std::string(warning)};
}

}  // namespace reeve::cli
