#include "base/strings.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/assert.h"

namespace reeve {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return pieces;
    }
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) {
      text += separator;
    }
    text += part;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  REEVE_ASSERT(!from.empty());
  std::string out;
  while (true) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) {
      return out;
    }
    out += to;
    text.remove_prefix(at + from.size());
  }
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

/// Matches one character class `[...]` at the start of `pattern`. Returns its length in the
/// pattern, 0 if it is not closed, and whether `c` is in it.
std::size_t match_class(std::string_view pattern, char c, bool& matched) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  i += negated ? 1 : 0;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    const char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    found = found || (low <= c && c <= high);
    ++i;
  }
  if (i >= pattern.size()) {
    return 0;
  }
  matched = found != negated && c != '/';
  return i + 1;
}

}  // namespace

// Table 3-7 of the Unicode standard.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) {
    return (byte(i) & 0xC0U) == 0x80U;
  };
  const unsigned first = byte(0);
  if (first < 0x80U) {
    return 1;
  }
  if (first >= 0xC2U && first <= 0xDFU) {
    return follows(1) ? 2 : 0;
  }
  if (first >= 0xE0U && first <= 0xEFU) {
    const bool in_range =
        (first != 0xE0U || byte(1) >= 0xA0U) && (first != 0xEDU || byte(1) <= 0x9FU);
    return in_range && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    const bool in_range =
        (first != 0xF0U || byte(1) >= 0x90U) && (first != 0xF4U || byte(1) <= 0x8FU);
    return in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kWordMax = 128;
  if (word.size() > kWordMax) {
    return {};
  }
  // Rounded up, so that two letters in the wrong order are found in short words too.
  const std::size_t distance_max = word.size() > 3 ? (word.size() + 2) / 3 : word.size() / 3;
  std::string best;
  std::size_t best_distance = distance_max + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordMax) {
      continue;
    }
    const std::size_t distance = edit_distance(to_lower(word), to_lower(candidate));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

bool glob_match(std::string_view pattern, std::string_view path) {
  // Iterative matching with two restart points: the last `*` and the last `**`.
  struct Restart {
    std::size_t pattern = std::string_view::npos;
    std::size_t path = 0;
    /// Whole components only: the wildcard was `**/`.
    bool components = false;
  };

  Restart star;
  Restart globstar;
  std::size_t p = 0;
  std::size_t s = 0;
  while (s < path.size()) {
    if (pattern.substr(p).starts_with("**")) {
      // `**/` stands for any number of whole components, also none.
      const bool components =
          (p == 0 || pattern[p - 1] == '/') && pattern.substr(p).starts_with("**/");
      p += components ? 3 : 2;
      globstar = {p, s, components};
      star = {};
      continue;
    }
    if (p < pattern.size() && pattern[p] == '*') {
      star = {++p, s, false};
      continue;
    }
    bool matched =
        p < pattern.size() && (pattern[p] == path[s] || (pattern[p] == '?' && path[s] != '/'));
    std::size_t used = 1;
    if (p < pattern.size() && pattern[p] == '[') {
      const std::size_t length = match_class(pattern.substr(p), path[s], matched);
      used = length == 0 ? 1 : length;
      matched = length == 0 ? path[s] == '[' : matched;
    }
    if (matched) {
      p += used;
      ++s;
    } else if (star.pattern != std::string_view::npos && path[star.path] != '/') {
      p = star.pattern;
      s = ++star.path;
    } else if (globstar.pattern != std::string_view::npos) {
      if (globstar.components) {
        const std::size_t slash = path.find('/', globstar.path);
        if (slash == std::string_view::npos) {
          return false;
        }
        globstar.path = slash;
      }
      p = globstar.pattern;
      s = ++globstar.path;
      star = {};
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

}  // namespace reeve
