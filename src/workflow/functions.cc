#include "workflow/functions.h"

#include <memory>

#include "base/hash.h"
#include "base/strings.h"
#include "workflow/mission_functions.h"

namespace reeve::workflow {

namespace {

using Arguments = std::span<const Json>;

Error misuse(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message));
}

/// Draws numbers from a seed: a hash of the seed and the number of the draw.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : seed_(seed) {}

  /// A number in [low, high).
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const std::uint64_t bits = stable_hash(concat(seed_, ":", count_++));
    const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + bits % span);
  }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

Result<Json> random_number(Draw& draw, Arguments arguments) {
  if (arguments.size() != 2 || !arguments[0].is_int() || !arguments[1].is_int()) {
    return misuse("Random takes two whole numbers: the least, and one above the greatest");
  }
  const std::int64_t low = arguments[0].as_int();
  const std::int64_t high = arguments[1].as_int();
  if (high <= low) {
    return misuse(concat("Random ", low, " ", high, ": the second must be above the first"));
  }
  return Json(draw.between(low, high));
}

/// `2006-01-02 15:04:05` in UTC; a dash for no time. Takes seconds since 1970 or RFC 3339.
Result<Json> format_time(Arguments arguments) {
  if (arguments.size() != 1) {
    return misuse("formatTime takes one time");
  }
  const Json& time = arguments[0];
  Timestamp at;
  if (time.is_int()) {
    constexpr std::int64_t kSecondsMax = 253'402'300'799;  // the end of the year 9999
    if (time.as_int() < 0 || time.as_int() > kSecondsMax) {
      return misuse(concat("formatTime: ", time.as_int(), " is no time in seconds since 1970"));
    }
    at = Timestamp(std::chrono::seconds(time.as_int()));
  } else if (time.is_string() && !time.as_string().empty()) {
    REEVE_TRY(at, parse_timestamp(time.as_string()));
  } else if (!time.is_null() && !time.is_string()) {
    return misuse("formatTime takes seconds since 1970 or a text such as 2026-01-02T15:04:05.000Z");
  }
  if (at == Timestamp{}) {
    return Json("—");
  }
  std::string text = format_timestamp(at).substr(0, std::string_view("2006-01-02T15:04:05").size());
  text[std::string_view("2006-01-02").size()] = ' ';
  return Json(std::move(text));
}

Result<Json> from_json(Arguments arguments) {
  if (arguments.size() != 1 || !arguments[0].is_string()) {
    return misuse("fromJson takes one JSON text");
  }
  return parse_json(arguments[0].as_string());
}

/// Documents are read before their texts are rendered, so there is nothing to quote.
Result<Json> for_yaml(Arguments arguments) {
  if (arguments.size() != 1) {
    return misuse("yamlq takes one value");
  }
  return arguments[0].is_null() ? Json("") : arguments[0];
}

}  // namespace

templates::FunctionTable make_functions(std::uint64_t seed, Timestamp now, Missions* missions) {
  templates::FunctionTable functions;
  // Shared by the copies of the function object that std::function may make.
  const auto draw = std::make_shared<Draw>(seed);
  functions["Random"] = [draw](Arguments arguments) {
    return random_number(*draw, arguments);
  };
  functions["now"] = [now](Arguments arguments) -> Result<Json> {
    if (!arguments.empty()) {
      return misuse("now takes no arguments");
    }
    return Json(format_timestamp(now));
  };
  functions["formatTime"] = format_time;
  functions["FormatTime"] = format_time;
  functions["fromJson"] = from_json;
  functions["yamlq"] = for_yaml;
  add_mission_functions(functions, missions);
  return functions;
}

}  // namespace reeve::workflow
