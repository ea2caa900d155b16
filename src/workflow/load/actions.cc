#include "workflow/load/actions.h"

#include <array>
#include <cctype>

#include "base/strings.h"

namespace reeve::workflow {

namespace {

constexpr std::array<std::string_view, 10> kKeywords = {
    "if", "range", "with", "define", "block", "else", "end", "template", "break", "continue"};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The end of the literal that starts at `from`, or npos.
std::size_t literal_end(std::string_view text, std::size_t from) {
  const char quote = text[from];
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote != '`') {
      ++i;
    } else if (text[i] == quote) {
      return i + 1;
    } else if (text[i] == '\n' && quote != '`') {
      return std::string_view::npos;
    }
  }
  return std::string_view::npos;
}

bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}

/// The offset of the `}}` that closes an action whose body starts at `from`, or npos.
std::size_t close_of(std::string_view text, std::size_t from) {
  std::size_t i = from;
  if (text.substr(from).starts_with("/*") || text.substr(from).starts_with("- /*")) {
    i = text.find("*/", from);
    return i == std::string_view::npos ? i : text.find("}}", i);
  }
  while (i < text.size()) {
    if (text.substr(i).starts_with("}}")) {
      return i;
    }
    if (is_quote(text[i])) {
      const std::size_t end = literal_end(text, i);
      if (end == std::string_view::npos) {
        return end;
      }
      i = end;
    } else {
      ++i;
    }
  }
  return std::string_view::npos;
}

std::string_view keyword_of(std::string_view body) {
  if (body.starts_with("/*")) {
    return "comment";
  }
  std::size_t end = 0;
  while (end < body.size() && is_word(body[end])) {
    ++end;
  }
  for (const std::string_view keyword : kKeywords) {
    if (body.substr(0, end) == keyword) {
      return keyword;
    }
  }
  return declared_names(body).empty() ? "" : "declare";
}

std::size_t word_end(std::string_view text, std::size_t from) {
  while (from < text.size() && is_word(text[from])) {
    ++from;
  }
  return from;
}

/// Past a chain `.B.C` that belongs to what stands before it.
std::size_t chain_end(std::string_view text, std::size_t from) {
  while (from + 1 < text.size() && text[from] == '.' && is_word(text[from + 1])) {
    from = word_end(text, from + 1);
  }
  return from;
}

}  // namespace

std::vector<TemplateAction> find_actions(std::string_view text) {
  std::vector<TemplateAction> actions;
  std::size_t at = text.find("{{");
  while (at != std::string_view::npos) {
    const std::size_t close = close_of(text, at + 2);
    if (close == std::string_view::npos) {
      break;
    }
    TemplateAction action;
    action.begin = at;
    action.end = close + 2;
    std::size_t first = at + 2;
    std::size_t last = close;
    if (first + 1 < last && text[first] == '-' &&
        (text[first + 1] == ' ' || text[first + 1] == '\t')) {
      ++first;
    }
    if (last - 1 > first && text[last - 1] == '-' &&
        (text[last - 2] == ' ' || text[last - 2] == '\t')) {
      action.trims_right = true;
      --last;
    }
    const std::string_view inner = text.substr(first, last - first);
    action.body = trim(inner);
    action.body_offset = action.body.empty() ? first : first + inner.find(action.body.front());
    action.keyword = keyword_of(action.body);
    actions.push_back(action);
    at = text.find("{{", action.end);
  }
  return actions;
}

std::vector<Mention> find_mentions(std::string_view body) {
  std::vector<Mention> found;
  std::size_t i = 0;
  if (body.starts_with("/*")) {
    return found;
  }
  const auto add = [&found](Mention::Kind kind, std::string_view name, std::size_t offset) {
    found.push_back({kind, std::string(name), offset});
  };
  while (i < body.size()) {
    const char c = body[i];
    const std::size_t start = i;
    if (is_quote(c)) {
      const std::size_t end = literal_end(body, i);
      i = end == std::string_view::npos ? body.size() : end;
    } else if (c == '.' && i + 1 < body.size() && is_word(body[i + 1]) && std::isdigit(static_cast<unsigned char>(body[i + 1])) == 0) {
      const std::size_t end = word_end(body, i + 1);
      add(Mention::Kind::Field, body.substr(i + 1, end - i - 1), start);
      i = chain_end(body, end);
    } else if (c == '.') {
      add(Mention::Kind::Dot, ".", start);
      ++i;
    } else if (c == '$') {
      const std::size_t end = word_end(body, i + 1);
      const std::size_t tail = chain_end(body, end);
      if (end > i + 1) {
        add(Mention::Kind::Variable, body.substr(i, end - i), start);
      } else if (tail > end) {
        const std::size_t field = word_end(body, end + 1);
        add(Mention::Kind::RootField, body.substr(end + 1, field - end - 1), start);
      } else {
        add(Mention::Kind::Root, "$", start);
      }
      i = tail;
    } else if (c == ')') {
      i = chain_end(body, i + 1);
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      i = chain_end(body, word_end(body, i));
    } else if (is_word(c)) {
      const std::size_t end = word_end(body, i);
      add(Mention::Kind::Function, body.substr(i, end - i), start);
      i = end;
    } else {
      ++i;
    }
  }
  return found;
}

std::vector<std::string> declared_names(std::string_view body) {
  std::string_view head = body;
  for (const std::string_view keyword : {"range", "with", "if"}) {
    if (head.starts_with(keyword) && head.size() > keyword.size() &&
        !is_word(head[keyword.size()])) {
      head = trim(head.substr(keyword.size()));
    }
  }
  std::vector<std::string> names;
  while (head.starts_with('$')) {
    const std::size_t end = word_end(head, 1);
    if (end == 1) {
      return {};
    }
    names.emplace_back(head.substr(0, end));
    head = trim(head.substr(end));
    if (head.starts_with(":=") || (head.starts_with('=') && !head.starts_with("=="))) {
      return names;
    }
    if (!head.starts_with(',')) {
      return {};
    }
    head = trim(head.substr(1));
  }
  return {};
}

bool is_structural_line(std::string_view line) {
  const std::string_view body = trim(line);
  if (!body.starts_with("{{")) {
    return false;
  }
  std::size_t at = 0;
  bool shapes = false;
  for (const TemplateAction& action : find_actions(body)) {
    if (!trim(body.substr(at, action.begin - at)).empty()) {
      return false;
    }
    shapes = shapes || !action.keyword.empty();
    at = action.end;
  }
  return shapes && trim(body.substr(at)).empty();
}

}  // namespace reeve::workflow
