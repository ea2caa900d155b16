#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "resource/status.h"

/// What the tests of resource share. For tests only.
namespace reeve::resource::test {

/// The JSON of a text that the test itself wrote.
inline Json json(std::string_view text) {
  return parse_json(text).value();
}

inline ResourceName missions() {
  return {"reeve.dev", "v1", "Mission", "missions"};
}

/// Values made by chance that is the same each time.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed * 2 + 1) {}

  std::size_t below(std::size_t limit) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>(state_ >> 33U) % limit;
  }

  /// A value with at most `depth` levels of objects; members are named a to d.
  Json value(int depth) {
    const std::size_t kind = below(depth > 0 ? 6 : 3);
    switch (kind) {
      case 0:
        return static_cast<std::int64_t>(below(3));
      case 1:
        return below(2) == 0;
      case 2:
        return std::string(1, static_cast<char>('x' + below(3)));
      case 3: {
        Json list = Json::array();
        for (std::size_t i = below(3); i > 0; --i) {
          list.push(value(0));
        }
        return list;
      }
      default:
        return object(depth);
    }
  }

  Json object(int depth) {
    Json result = Json::object();
    for (std::size_t i = below(4); i > 0; --i) {
      result.set(std::string(1, static_cast<char>('a' + below(4))), value(depth - 1));
    }
    return result;
  }

 private:
  std::uint64_t state_;
};

}  // namespace reeve::resource::test
