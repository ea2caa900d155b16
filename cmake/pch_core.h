#pragma once
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/strings.h"
#include "base/time.h"

namespace reeve::pch {

/// What nearly every source uses: instantiated here once.
inline Result<Json> uses(
    Result<Json> result, Json::Object& object, std::optional<std::string> text
) {
  object.emplace_back("", Json{});
  Json copy = object.front().second;
  copy = std::move(object.back().second);
  std::vector<std::string> texts{std::move(text).value_or("")};
  texts.push_back(texts.front());
  std::map<std::string, std::string> map;
  map["a"] = "b";
  result = Json{std::move(object)};
  return result ? result : Result<Json>{make_error(ErrorCode::Invalid, map.begin()->second)};
}

}  // namespace reeve::pch
