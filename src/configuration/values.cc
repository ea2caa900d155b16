#include "configuration/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

#include "base/assert.h"
#include "base/strings.h"

namespace reeve::configuration {
namespace {

constexpr std::int64_t kKibi = 1024;

Error invalid(std::string message, std::string hint = {}) {
  Error error = make_error(ErrorCode::Invalid, std::move(message));
  error.hint = std::move(hint);
  return error;
}

/// `"text"` for messages; secrets are not repeated.
std::string quoted(const Setting& setting, std::string_view text) {
  constexpr std::size_t kShownBytesMax = 100;
  if (setting.secret) {
    return "the value";
  }
  if (text.size() > kShownBytesMax) {
    return concat("the value of ", text.size(), " bytes");
  }
  return concat('"', text, '"');
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const bool all = !text.empty() && read.ec == std::errc() && read.ptr == end;
  return all ? std::optional<std::int64_t>(number) : std::nullopt;
}

std::string shown_number(const Setting& setting, std::int64_t number) {
  if (setting.type == Type::Duration) {
    return format_duration(Duration(number));
  }
  return setting.type == Type::Bytes ? format_bytes(number) : std::to_string(number);
}

Result<Value> within(const Setting& setting, std::int64_t number) {
  if (number < setting.min || number > setting.max) {
    return invalid(concat(
        shown_number(setting, number),
        " is not within ",
        shown_number(setting, setting.min),
        " and ",
        shown_number(setting, setting.max)
    ));
  }
  return Value(number);
}

Result<void> check_text(const Setting& setting, std::string_view text) {
  if (text.size() > kTextBytesMax) {
    return invalid(concat("has more than ", kTextBytesMax, " bytes"));
  }
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7F';
  });
  if (control || !is_utf8(text)) {
    return invalid("has control characters or is no UTF-8");
  }
  // Where nothing is the default, nothing is fine.
  const bool may_be_empty = setting.fallback.empty();
  if (setting.check != nullptr && !(text.empty() && may_be_empty)) {
    if (const std::string problem = setting.check(text); !problem.empty()) {
      return invalid(concat(quoted(setting, text), ' ', problem));
    }
  }
  return {};
}

Result<Value> parse_ratio(const Setting& setting, std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || !(number >= 0 && number <= 1)) {
    return invalid(concat(quoted(setting, text), " is no number from 0 to 1"));
  }
  return Value(number);
}

Result<Value> parse_choice(const Setting& setting, std::string_view text) {
  std::vector<std::string> choices(setting.choices.begin(), setting.choices.end());
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return invalid(concat(quoted(setting, text), " is none of ", join(choices, ", ")));
  }
  return Value(std::string(text));
}

std::string write_ratio(double number) {
  return Json(number).dump();
}

}  // namespace

Result<Value> parse_value(const Setting& setting, std::string_view text) {
  switch (setting.type) {
    case Type::Text: {
      REEVE_CHECK(check_text(setting, text));
      return Value(std::string(text));
    }
    case Type::Bool:
      if (text != "true" && text != "false") {
        return invalid(concat(quoted(setting, text), " is neither true nor false"));
      }
      return Value(text == "true");
    case Type::Int: {
      const auto number = whole(text);
      if (!number) {
        return invalid(concat(quoted(setting, text), " is no whole number"));
      }
      return within(setting, *number);
    }
    case Type::Ratio:
      return parse_ratio(setting, text);
    case Type::Duration: {
      const auto duration = parse_duration(text);
      if (!duration) {
        return invalid(
            concat(quoted(setting, text), " is no duration"), "write it like 500ms, 30s, 1h30m, 7d"
        );
      }
      return within(setting, duration->count());
    }
    case Type::Bytes: {
      REEVE_TRY(const std::int64_t bytes, parse_bytes(text));
      return within(setting, bytes);
    }
    case Type::Choice:
      return parse_choice(setting, text);
    case Type::List: {
      std::vector<std::string> entries;
      for (const std::string_view entry : split(text, ',')) {
        entries.emplace_back(trim(entry));
      }
      if (entries.size() == 1 && entries.front().empty()) {
        entries.clear();
      }
      return parse_entries(setting, std::move(entries));
    }
  }
  return invalid("has no type");
}

Result<Value> parse_entries(const Setting& setting, std::vector<std::string> entries) {
  if (entries.size() > kListMax) {
    return invalid(concat("has more than ", kListMax, " entries"));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].empty()) {
      return invalid(concat("entry ", i + 1, " is empty"));
    }
    auto checked = check_text(setting, entries[i]);
    if (!checked) {
      Error error = std::move(checked).error();
      error.message = concat("entry ", i + 1, ": ", error.message);
      return error;
    }
    if (std::find(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i), entries[i]) !=
        entries.begin() + static_cast<std::ptrdiff_t>(i)) {
      return invalid(concat("entry ", i + 1, ": ", quoted(setting, entries[i]), " comes twice"));
    }
  }
  return Value(std::move(entries));
}

std::string write_value(const Setting& setting, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* flag = std::get_if<bool>(&value)) {
    return *flag ? "true" : "false";
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return shown_number(setting, *number);
  }
  if (const auto* ratio = std::get_if<double>(&value)) {
    return write_ratio(*ratio);
  }
  return join(std::get<std::vector<std::string>>(value), ",");
}

std::size_t index_of(const Setting& setting) {
  const auto table = settings();
  const auto index = static_cast<std::size_t>(&setting - table.data());
  REEVE_ASSERT(index < table.size());
  return index;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  constexpr std::string_view kHint = "write 127.0.0.1:7070, [::1]:7070, or :7070 for all addresses";
  constexpr std::int64_t kPortMax = 65'535;
  const std::size_t colon = text.rfind(':');
  const auto port = whole(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  const bool sign = port && (text[colon + 1] == '-' || text[colon + 1] == '+');
  if (!port || sign || *port > kPortMax) {
    return invalid("has no port from 0 to 65535", std::string(kHint));
  }
  std::string host(text.substr(0, colon));
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) {
    host = host.substr(1, host.size() - 2);
  } else if (host == "localhost") {
    host = "127.0.0.1";
  } else if (host.empty()) {
    host = "0.0.0.0";
  }
  in6_addr room = {};
  if (::inet_pton(brackets ? AF_INET6 : AF_INET, host.c_str(), &room) != 1) {
    return invalid("has no address of this machine before the port", std::string(kHint));
  }
  return ListenAddress{.host = std::move(host), .port = static_cast<std::uint16_t>(*port)};
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::int64_t bytes;
  };

  constexpr std::array<Unit, 5> kUnits = {
      {{"KiB", kKibi}, {"MiB", kKibi * kKibi}, {"GiB", kKibi * kKibi * kKibi}, {"B", 1}, {"", 1}}};
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) {
      continue;
    }
    const auto number = whole(text.substr(0, text.size() - unit.suffix.size()));
    if (number && *number >= 0 && *number <= INT64_MAX / unit.bytes) {
      return *number * unit.bytes;
    }
    break;
  }
  return invalid("is no size", "write it like 65536, 64KiB, 8MiB, 1GiB");
}

std::string format_bytes(std::int64_t bytes) {
  constexpr std::array<std::string_view, 4> kSuffixes = {"", "KiB", "MiB", "GiB"};
  std::size_t unit = 0;
  while (unit + 1 < kSuffixes.size() && bytes != 0 && bytes % kKibi == 0) {
    bytes /= kKibi;
    ++unit;
  }
  return concat(bytes, kSuffixes[unit]);
}

}  // namespace reeve::configuration
