#include <algorithm>

#include "base/strings.h"
#include "workflow/load/decode.h"
#include "workflow/load/templates.h"
#include "workflow/template/template.h"

namespace reeve::workflow {

namespace {

using document::Member;
using document::Node;

bool has_templates(const Node& node) {
  return (node.is_scalar() && templates::has_actions(node.text)) ||
         std::any_of(node.items.begin(), node.items.end(), has_templates) ||
         std::any_of(node.members.begin(), node.members.end(), [](const Member& member) {
           return has_templates(member.value);
         });
}

/// "always, onSuccess or onFailure"
std::string one_of(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out += concat(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
  }
  return out;
}

}  // namespace

std::optional<std::size_t> Decoder::choice(
    const Node& node, std::string_view path, std::span<const std::string_view> words
) {
  const auto value = literal(node, path);
  if (!value) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (*value == words[i] || (!native() && to_lower(*value) == to_lower(words[i]))) {
      return i;
    }
  }
  std::vector<std::string> known(words.begin(), words.end());
  const auto same = std::find_if(words.begin(), words.end(), [&](std::string_view word) {
    return to_lower(word) == to_lower(*value);
  });
  const std::string near = same == words.end() ? nearest(*value, known) : std::string(*same);
  wrong(node, path, one_of(words), near.empty() ? "" : concat("did you mean \"", near, "\"?"));
  return std::nullopt;
}

bool Decoder::fits(const Node& node, std::string_view path) {
  if (node.items.size() + node.members.size() <= kWordsMax) {
    return true;
  }
  too_much(
      "too-large",
      node,
      path,
      concat("has more than ", kWordsMax, " entries"),
      "leave some out, or divide them among several tasks"
  );
  return false;
}

bool Decoder::known_now(const Node& node, std::string_view path) {
  if (!node.is_scalar() || !templates::has_actions(node.text) ||
      render_now(node.text, context_.data, MissingValue::Error, kValueStepsMax).ok()) {
    return true;
  }
  problems_.warning(
      "ignored-field",
      node.position,
      std::string(path),
      concat(
          "\"", node.text.substr(0, kNameBytesMax), "\" is not known at submission and left out"
      ),
      "give its values in job_variables or as parameters"
  );
  return false;
}

std::vector<std::string> Decoder::words(const Node& node, std::string_view path, Unknown unknown) {
  const auto left_out = [&](const Node& item, std::string_view field) {
    return unknown == Unknown::LeaveOut && !known_now(item, field);
  };
  std::vector<std::string> out;
  const auto add = [&](std::string_view word, const Node& place, std::string_view field) {
    if (word.empty()) {
      problems_.error(
          "wrong-type",
          place.position,
          std::string(field),
          "must not be empty",
          "write a name, or remove it"
      );
    } else if (std::find(out.begin(), out.end(), word) != out.end()) {
      problems_.warning(
          "duplicate-entry",
          place.position,
          std::string(field),
          concat("\"", word, "\" is listed twice"),
          "remove one of the two"
      );
    } else {
      out.emplace_back(word);
    }
  };
  if (!native() && node.is_scalar()) {
    if (left_out(node, path)) {
      return out;
    }
    const std::string value = literal(node, path).value_or("");
    for (const std::string_view word : split(value, ',')) {
      if (!trim(word).empty()) {
        add(trim(word), node, path);
      }
    }
    return out;
  }
  if (!node.is_sequence()) {
    wrong(node, path, "a list of texts");
  }
  if (!fits(node, path)) {
    return out;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string field = concat(path, "[", i, "]");
    if (left_out(node.items[i], field)) {
      continue;
    }
    if (const auto value = literal(node.items[i], field)) {
      add(trim(*value), node.items[i], field);
    }
  }
  return out;
}

TextMap Decoder::text_map(const Node& node, std::string_view path) {
  TextMap out;
  if (!node.is_map()) {
    wrong(node, path, "a map of names to texts");
  }
  if (!fits(node, path)) {
    return out;
  }
  for (const Member& member : node.members) {
    const std::string field = concat(path, ".", member.key.text);
    if (is_word(member.key, field)) {
      out.emplace_back(member.key.text, text(member.value, field));
    }
  }
  return out;
}

WordMap Decoder::word_map(const Node& node, std::string_view path) {
  WordMap out;
  if (!node.is_map()) {
    wrong(node, path, "a map of names to names");
  }
  if (!fits(node, path)) {
    return out;
  }
  for (const Member& member : node.members) {
    const std::string field = concat(path, ".", member.key.text);
    const auto value = literal(member.value, field);
    if (value && is_word(member.key, field)) {
      out.emplace_back(member.key.text, *value);
    }
  }
  return out;
}

bool Decoder::is_word(const Node& key, std::string_view path) {
  if (!key.text.empty() && key.text.size() <= kNameBytesMax) {
    return true;
  }
  problems_.error(
      "name",
      key.position,
      std::string(path),
      concat("a name has 1 to ", kNameBytesMax, " characters"),
      key.text.empty() ? "write a name before the colon" : "shorten it"
  );
  return false;
}

Text Decoder::json_text(const Node& node, std::string_view path) {
  if (node.is_scalar()) {
    return text(node, path);
  }
  if (has_templates(node)) {
    problems_.error(
        "template",
        node.position,
        std::string(path),
        concat(document::to_string(node.kind), " of this field may not hold templates"),
        "write it as text: '{\"name\": {{ toJson .name }}}'"
    );
    return {};
  }
  return {document::to_json(node).dump(), node.position};
}

}  // namespace reeve::workflow
