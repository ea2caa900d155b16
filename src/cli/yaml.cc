#include "cli/yaml.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kLeading = "-?:,[]{}#&*!|>'\"%@`~<=.+";

/// Words that a reader of YAML 1.1 takes for something else than text.
constexpr std::array<std::string_view, 12> kWords = {
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", "~"};

bool is_plain_character(unsigned char c) {
  return (c >= ' ' && c < 0x7FU) || c >= 0x80U;
}

/// Whether the text can stand as it is.
bool is_plain(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':' ||
      kLeading.find(text.front()) != std::string_view::npos ||
      (text.front() >= '0' && text.front() <= '9')) {
    return false;
  }
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos) {
    return false;
  }
  const std::string word = to_lower(text);
  if (std::find(kWords.begin(), kWords.end(), word) != kWords.end()) {
    return false;
  }
  // U+0085, U+2028, U+2029 and U+FEFF have meanings of their own.
  for (const std::string_view odd : {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xEF\xBB\xBF"}) {
    if (text.find(odd) != std::string_view::npos) {
      return false;
    }
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_plain_character(static_cast<unsigned char>(c));
  });
}

/// Whether a literal block shows the text as it is.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' ||
      text.front() == '\t' || text.find("\xEF\xBB\xBF") != std::string_view::npos ||
      text.ends_with("\n\n")) {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '\n' || c == '\t' || is_plain_character(static_cast<unsigned char>(c));
  });
}

class Writer {
 public:
  std::string take() { return std::move(out_); }

  /// A value behind `key:` or `-`, with what ends the line.
  void value(const Json& value, std::size_t indent, bool in_list) {
    if (value.is_object() && !value.as_object().empty()) {
      out_ += in_list ? " " : "\n";
      members(value, indent, in_list);
    } else if (value.is_array() && !value.as_array().empty()) {
      out_ += "\n";
      items(value, indent);
    } else {
      out_ += " ";
      scalar(value, indent);
    }
  }

  void members(const Json& object, std::size_t indent, bool first_is_placed) {
    for (const auto& [key, value] : object.as_object()) {
      if (!std::exchange(first_is_placed, false)) {
        out_.append(indent, ' ');
      }
      text(key);
      out_ += ":";
      // Lists stand at the place of their key, as kubectl writes them.
      const std::size_t deeper = value.is_array() ? indent : indent + kStep;
      this->value(value, deeper, false);
    }
  }

  void items(const Json& array, std::size_t indent) {
    for (const Json& item : array.as_array()) {
      out_.append(indent, ' ');
      out_ += "-";
      value(item, indent + kStep, true);
    }
  }

  void scalar(const Json& value, std::size_t indent) {
    if (!value.is_string()) {
      out_ += concat(value.dump(), "\n");
      return;
    }
    const std::string& whole = value.as_string();
    if (!is_block(whole)) {
      text(whole);
      out_ += "\n";
      return;
    }
    const bool ended = whole.ends_with('\n');
    out_ += ended ? "|\n" : "|-\n";
    std::string_view rest = whole;
    rest.remove_suffix(ended ? 1 : 0);
    for (const std::string_view line : split(rest, '\n')) {
      if (!line.empty()) {
        out_.append(indent == 0 ? kStep : indent, ' ').append(line);
      }
      out_ += "\n";
    }
  }

 private:
  static constexpr std::size_t kStep = 2;

  void text(std::string_view text) {
    if (is_plain(text)) {
      out_ += text;
    } else {
      append_json_string(out_, text);
    }
  }

  std::string out_;
};

}  // namespace

std::string to_yaml(const Json& value) {
  Writer writer;
  if (value.is_object() && !value.as_object().empty()) {
    writer.members(value, 0, false);
  } else if (value.is_array() && !value.as_array().empty()) {
    writer.items(value, 0);
  } else {
    writer.scalar(value, 0);
  }
  return writer.take();
}

}  // namespace reeve::cli
