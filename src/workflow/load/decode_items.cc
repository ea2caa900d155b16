#include <algorithm>

#include "base/strings.h"
#include "workflow/load/decode.h"
#include "workflow/load/templates.h"

namespace reeve::workflow {

using document::Node;
using document::Style;

std::optional<Text> Decoder::unquoted(const Node& node, std::string_view path) {
  if (native() || !node.is_map() || node.members.size() != 1) {
    return std::nullopt;
  }
  const auto& [key, value] = node.members[0];
  const std::string_view line =
      context_.source.substr(node.offset, context_.source.find('\n', node.offset) - node.offset);
  if (key.style != Style::Plain || !line.starts_with(key.text)) {
    return std::nullopt;
  }
  Text text{{}, node.position};
  if (value.is_null() && value.text.empty()) {
    text.text = concat(key.text, ":");
  } else if (value.is_scalar() && value.position.line == node.position.line) {
    const std::size_t begin = std::min(value.offset - node.offset, line.size());
    const auto quote = context_.quote_columns.find(value.position.line);
    const bool ours =
        quote != context_.quote_columns.end() && quote->second == value.position.column;
    text.text = line.substr(0, begin);
    // A value that goes on in the next line is not all here.
    if (ours || (value.style == Style::Plain && line.substr(begin).starts_with(value.text))) {
      text.text += value.text;
    } else if (value.style == Style::Quoted) {
      text.text += trim(line.substr(begin));
    } else {
      return std::nullopt;
    }
  } else {
    return std::nullopt;
  }
  problems_.warning(
      "unquoted-colon",
      node.position,
      std::string(path),
      "a colon makes this a map for YAML; it is taken as text",
      "put the item in quotes"
  );
  return text;
}

Text Decoder::item(const Node& node, std::string_view path) {
  const std::optional<Text> plain = unquoted(node, path);
  if (!plain) {
    return text(node, path);
  }
  Node read;
  read.kind = document::Kind::Scalar;
  read.text = plain->text;
  read.position = node.position;
  read.content = node.position;
  read.offset = node.offset;
  return text(read, path);
}

/// Conditions are read one by one; that they make sense together shows only now.
void Decoder::check_guards(const Guards& guards, const Node& node, std::string_view path) {
  auto parsed = parse_template(guards.over({}));
  if (!parsed.ok()) {
    Error error = parsed.error();
    error.position = content(node);
    error.subject = std::string(path);
    problems_.error("template", std::move(error));
  }
}

std::vector<Text> Decoder::guarded_items(const Node& list, std::string_view path) {
  std::vector<Text> out;
  Guards guards;
  const Node* last = nullptr;
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const Node& node = list.items[i];
    const std::string place = concat(path, "[", i, "]");
    if (node.is_null() && !native()) {
      continue;
    }
    if (!native() && node.is_scalar() && guards.take(node.text)) {
      last = &node;
      check_guards(guards, node, place);
      continue;
    }
    Text text = item(node, place);
    guard_bytes_ += guards.prefix_size();
    if (guards.open() && guard_bytes_ <= kGuardsBytesMax) {
      text.text = guards.over(text.text);
      text.position.column -= static_cast<int>(guards.prefix_size());
    }
    out.push_back(std::move(text));
  }
  if (guard_bytes_ > kGuardsBytesMax) {
    too_much(
        "too-large",
        list,
        path,
        concat("conditions add more than ", kGuardsBytesMax, " bytes to the items of lists"),
        "put fewer conditions around the items, or decide inside a script"
    );
  }
  if (guards.open()) {
    problems_.error(
        "template",
        content(*last),
        std::string(path),
        "the condition is never closed",
        "add {{ end }}"
    );
  }
  return out;
}

std::vector<Text> Decoder::texts(const Node& node, std::string_view path) {
  if (node.is_sequence()) {
    return guarded_items(node, path);
  }
  std::vector<Text> out;
  if (node.is_scalar()) {
    out.push_back(text(node, path));
  } else if (!node.is_null() || native()) {
    wrong(node, path, "text or a list of texts");
  }
  return out;
}

}  // namespace reeve::workflow
