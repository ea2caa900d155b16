#include "workflow/document/lines.h"

#include <optional>

#include "base/strings.h"

namespace reeve::document {

namespace {

std::size_t count_spaces(std::string_view line) {
  const std::size_t at = line.find_first_not_of(' ');
  return at == std::string_view::npos ? line.size() : at;
}

/// Without a trailing ` # comment`. A '#' inside quotes can only be mistaken for a comment on a
/// line that ends in a quote, which is no block header either way.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '#' && (line[i - 1] == ' ' || line[i - 1] == '\t')) {
      return line.substr(0, i);
    }
  }
  return line;
}

/// `|`, `>`, with at most one digit and one sign after it.
bool is_block_indicator(std::string_view word) {
  if (word.empty() || word.size() > 3 || (word[0] != '|' && word[0] != '>')) {
    return false;
  }
  int digits = 0;
  int signs = 0;
  for (const char c : word.substr(1)) {
    digits += c >= '1' && c <= '9' ? 1 : 0;
    signs += c == '+' || c == '-' ? 1 : 0;
  }
  return digits <= 1 && signs <= 1 && static_cast<std::size_t>(digits + signs) == word.size() - 1;
}

/// The indentation that content of the block opened by this line must exceed, if it opens one.
std::optional<std::ptrdiff_t> opened_block(std::string_view line) {
  const std::string_view body = trim(without_comment(line));
  const std::size_t last = body.find_last_of(" \t");
  const std::string_view word = last == std::string_view::npos ? body : body.substr(last + 1);
  if (body.empty() || body[0] == '#' || !is_block_indicator(word)) {
    return std::nullopt;
  }
  const std::string_view before =
      last == std::string_view::npos ? std::string_view{} : trim(body.substr(0, last));
  std::size_t column = count_spaces(line);
  std::string_view rest = line.substr(column);
  std::ptrdiff_t parent = static_cast<std::ptrdiff_t>(column);
  while (rest.size() > 1 && rest[0] == '-' && rest[1] == ' ') {
    parent = static_cast<std::ptrdiff_t>(column);
    const std::size_t skip = 1 + count_spaces(rest.substr(1));
    column += skip;
    rest.remove_prefix(skip);
  }
  if (is_block_indicator(trim(without_comment(rest)))) {
    return before.empty() ? -1 : parent;
  }
  const std::size_t colon = before.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  // Tags and anchors may stand between the colon and the indicator.
  for (const std::string_view between : split(before.substr(colon + 1), ' ')) {
    if (!between.empty() && between[0] != '&' && between[0] != '!') {
      return std::nullopt;
    }
  }
  return static_cast<std::ptrdiff_t>(column);
}

}  // namespace

std::vector<Line> scan_lines(std::string_view text, bool (*is_foreign)(std::string_view)) {
  std::vector<Line> lines;
  std::optional<std::ptrdiff_t> parent;
  std::optional<std::size_t> content;
  std::size_t offset = 0;
  while (offset < text.size()) {
    std::size_t end = text.find('\n', offset);
    end = end == std::string_view::npos ? text.size() : end;
    Line line;
    line.text = text.substr(offset, end - offset);
    if (line.text.ends_with('\r')) {
      line.text.remove_suffix(1);
    }
    line.offset = offset;
    line.number = static_cast<int>(lines.size()) + 1;
    line.indent = count_spaces(line.text);
    line.blank = trim(line.text).empty();
    const bool deep = parent && static_cast<std::ptrdiff_t>(line.indent) > *parent;
    if (parent && (line.blank || (content ? line.indent >= *content : deep))) {
      line.in_block = true;
      if (!line.blank && !content) {
        content = line.indent;
      }
    } else if (!line.blank && !(is_foreign != nullptr && is_foreign(line.text))) {
      parent = opened_block(line.text);
      content.reset();
    }
    lines.push_back(line);
    offset = end + 1;
  }
  return lines;
}

}  // namespace reeve::document
