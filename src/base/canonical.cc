#include "base/canonical.h"

#include <algorithm>
#include <vector>

#include "base/hash.h"

namespace reeve {

namespace {

// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
void append_canonical(const Json& json, std::string& out) {
  if (json.is_array()) {
    out.push_back('[');
    bool first = true;
    for (const Json& item : json.as_array()) {
      if (!first) {
        out.push_back(',');
      }
      first = false;
      append_canonical(item, out);
    }
    out.push_back(']');
    return;
  }
  if (!json.is_object()) {
    out += json.dump();
    return;
  }
  std::vector<const Json::Member*> members;
  for (const Json::Member& member : json.as_object()) {
    members.push_back(&member);
  }
  std::sort(members.begin(), members.end(), [](const Json::Member* a, const Json::Member* b) {
    return a->first < b->first;
  });
  out.push_back('{');
  for (const Json::Member* member : members) {
    if (member != members.front()) {
      out.push_back(',');
    }
    append_json_string(out, member->first);
    out.push_back(':');
    append_canonical(member->second, out);
  }
  out.push_back('}');
}

}  // namespace

std::string canonical_json(const Json& json) {
  std::string text;
  append_canonical(json, text);
  return text;
}

Digest canonical_digest(const Json& json) {
  return sha256(canonical_json(json));
}

}  // namespace reeve
