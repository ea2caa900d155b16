#include "workflow/load/bare.h"

#include "base/strings.h"
#include "workflow/document/lines.h"
#include "workflow/load/actions.h"

namespace reeve::workflow {

namespace {

/// Where the value of a line starts, past list dashes and a key; npos if it has none.
std::size_t value_start(std::string_view line) {
  std::size_t at = line.find_first_not_of(' ');
  bool item = false;
  while (at != std::string_view::npos && line.substr(at).starts_with("- ")) {
    item = true;
    at = line.find_first_not_of(' ', at + 1);
  }
  if (at == std::string_view::npos || line[at] == '#') {
    return std::string_view::npos;
  }
  if (line.substr(at).starts_with("{{")) {
    return item ? at : std::string_view::npos;
  }
  std::size_t key_end = std::string_view::npos;
  if (line[at] == '"' || line[at] == '\'') {
    const std::size_t close = line.find(line[at], at + 1);
    key_end = close == std::string_view::npos ? close : close + 1;
  } else {
    key_end = line.find_first_of(" :{}[],#", at);
  }
  const bool key = key_end != std::string_view::npos && line.substr(key_end).starts_with(": ");
  if (key) {
    return line.find_first_not_of(' ', key_end + 1);
  }
  return item ? at : std::string_view::npos;
}

/// The value without a trailing comment, if all of its actions are on this line; else empty.
std::string_view value_text(std::string_view rest) {
  const std::vector<TemplateAction> actions = find_actions(rest);
  if (actions.empty()) {
    return {};
  }
  const std::string_view tail = rest.substr(actions.back().end);
  if (tail.starts_with(':') || tail.find("{{") != std::string_view::npos) {
    return {};
  }
  const std::size_t comment = tail.find(" #");
  return trim(
      rest.substr(0, comment == std::string_view::npos ? rest.size() : actions.back().end + comment)
  );
}

bool yaml_would_cut(std::string_view value) {
  if (std::string_view("\"'|>[{&*!%@`").find(value.front()) != std::string_view::npos) {
    return false;
  }
  for (const TemplateAction& action : find_actions(value)) {
    if (action.body.find(": ") != std::string_view::npos ||
        action.body.find(" #") != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

std::string in_single_quotes(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    out += c == '\'' ? "''" : std::string(1, c);
  }
  return out + "'";
}

std::string suggested(std::string_view value) {
  const bool plain = value.find_first_of("\"\\") == std::string_view::npos;
  return plain ? concat("\"", value, "\"") : in_single_quotes(value);
}

}  // namespace

Quoted quote_bare_templates(std::string_view text, bool mixed) {
  Quoted result;
  std::size_t copied = 0;
  for (const document::Line& line : document::scan_lines(text, is_structural_line)) {
    if (line.in_block || line.blank || is_structural_line(line.text)) {
      continue;
    }
    const std::size_t start = value_start(line.text);
    if (start == std::string_view::npos) {
      continue;
    }
    const std::string_view rest = line.text.substr(start);
    const bool bare = rest.starts_with("{{");
    if (!bare && (!mixed || rest.find("{{") == std::string_view::npos)) {
      continue;
    }
    const std::string_view value = value_text(rest);
    if (value.empty() || (!bare && !yaml_would_cut(value))) {
      continue;
    }
    const std::size_t begin = line.offset + start;
    const int column = static_cast<int>(start) + 1;
    result.text.append(text.substr(copied, begin - copied));
    result.text.append(in_single_quotes(value));
    copied = begin + value.size();
    result.columns[line.number] = column;
    if (bare) {
      result.bare.push_back({{line.number, column}, suggested(value)});
    }
  }
  result.text.append(text.substr(copied));
  return result;
}

void report_bare_templates(const Quoted& quoted, int lines_before, Problems& problems) {
  for (const BareTemplate& bare : quoted.bare) {
    problems.error(
        "unquoted-template",
        {bare.position.line + lines_before, bare.position.column},
        {},
        "a value that begins with {{ must be quoted",
        concat("quote it: ", bare.quoted)
    );
  }
}

}  // namespace reeve::workflow
