#include "workflow/load/decode.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "base/time.h"
#include "workflow/load/actions.h"
#include "workflow/load/examples.h"
#include "workflow/load/numbers.h"
#include "workflow/load/templates.h"

namespace reeve::workflow {

namespace {

using document::Node;
using document::Style;

constexpr std::size_t kShownMax = 40;

/// The value as people see it in a message.
std::string shown(const Node& node) {
  if (!node.is_scalar()) {
    return std::string(document::to_string(node.kind));
  }
  std::string text = node.text.substr(0, kShownMax);
  // Do not cut a character in two.
  while (!text.empty() && !is_utf8(text)) {
    text.pop_back();
  }
  for (char& c : text) {
    c = c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
  }
  return concat("\"", text, text.size() < node.text.size() ? "…" : "", "\"");
}

/// How a value decided now is written into the source.
std::string as_yaml(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alnum(c) || c == '_' || c == '.';
  });
  if (plain && to_lower(text) != "null") {
    return text;
  }
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

std::string name_fault(std::string_view name) {
  if (name.empty()) {
    return "a name cannot be empty";
  }
  if (name.size() > kNameBytesMax) {
    return concat("a name has at most ", kNameBytesMax, " characters, this one has ", name.size());
  }
  if (!is_ascii_alnum(name[0])) {
    return concat("the name \"", name, "\" must begin with a letter or digit");
  }
  for (const char c : name) {
    if (!is_ascii_alnum(c) && c != '.' && c != '_' && c != '-') {
      return concat(
          "the name \"", name, "\" may hold only letters, digits, \".\", \"_\" and \"-\""
      );
    }
  }
  if (name.find("..") != std::string_view::npos) {
    return concat("the name \"", name, "\" may not hold \"..\"");
  }
  return {};
}

std::string name_hint(std::string_view name) {
  std::string fitting;
  for (const char c : name.substr(0, kNameBytesMax)) {
    const bool fits = is_ascii_alnum(c) || ((c == '_' || c == '-') && !fitting.empty());
    if (fits) {
      fitting += c;
    } else if (!fitting.empty() && fitting.back() != '-') {
      fitting += '-';
    }
  }
  while (fitting.ends_with('-')) {
    fitting.pop_back();
  }
  return fitting.empty() ? std::string("for example \"build-2\"")
                         : concat("for example \"", fitting, "\"");
}

std::string apply_patches(std::string_view source, std::vector<Patch> patches) {
  std::sort(patches.begin(), patches.end(), [](const Patch& a, const Patch& b) {
    return a.offset < b.offset;
  });
  std::string out;
  std::size_t at = 0;
  for (const Patch& patch : patches) {
    // An aliased value is decided once per use, at the same place.
    if (patch.offset < at) {
      continue;
    }
    out.append(source.substr(at, patch.offset - at));
    out.append(patch.text);
    at = patch.offset + patch.length;
  }
  out.append(source.substr(at));
  return out;
}

void Decoder::wrong(
    const Node& node, std::string_view path, std::string_view expected, std::string hint
) {
  problems_.error(
      "wrong-type",
      node.position,
      std::string(path),
      concat("must be ", expected, ", not ", shown(node)),
      hint.empty() ? way_out(node, path, expected, context_.format) : std::move(hint)
  );
}

Position Decoder::content(const Node& node) const {
  Position position = node.content;
  const auto quote = context_.quote_columns.find(node.position.line);
  if (quote != context_.quote_columns.end() && quote->second == node.position.column) {
    --position.column;
  }
  return position;
}

Position Decoder::in_scalar(const Node& node, Position place) const {
  // Escapes and folding move the text against the file: then only the start is known.
  const bool one_line = node.text.find('\n') == std::string::npos;
  const std::size_t quote = node.style == Style::Quoted ? 1 : 0;
  const bool verbatim =
      node.style == Style::Literal ||
      (one_line && context_.source.substr(node.offset).substr(quote).starts_with(node.text));
  return verbatim ? in_file(content(node), place) : content(node);
}

void Decoder::check_templates(const Node& node, std::string_view path) {
  if (!templates::has_actions(node.text)) {
    return;
  }
  auto parsed = parse_template(node.text);
  if (!parsed.ok()) {
    Error error = parsed.error();
    error.position = in_scalar(node, error.position);
    error.subject = std::string(path);
    problems_.error("template", std::move(error));
    return;
  }
}

Text Decoder::text(const Node& node, std::string_view path) {
  if (node.is_null() && !native()) {
    return {{}, node.position};
  }
  if (!node.is_scalar()) {
    wrong(node, path, "text");
    return {};
  }
  check_templates(node, path);
  return {node.text, content(node)};
}

void Decoder::remember(const Node& node, const std::string& value) {
  const std::string_view rest = context_.source.substr(node.offset);
  std::size_t length = 0;
  if (node.style == Style::Quoted && !rest.empty()) {
    const char quote = rest[0];
    for (std::size_t i = 1; i < rest.size() && length == 0; ++i) {
      if (rest[i] == '\\' && quote == '"') {
        ++i;
      } else if (rest[i] == quote && quote == '\'' && i + 1 < rest.size() && rest[i + 1] == quote) {
        ++i;
      } else if (rest[i] == quote) {
        length = i + 1;
      }
    }
  } else if (node.style == Style::Plain && rest.starts_with(node.text)) {
    length = node.text.size();
  }
  if (length > 0) {
    patches_.push_back({node.offset, length, as_yaml(value)});
  }
}

std::optional<std::string> Decoder::literal(const Node& node, std::string_view path) {
  if (!node.is_scalar()) {
    wrong(node, path, "text");
    return std::nullopt;
  }
  if (!templates::has_actions(node.text)) {
    return node.text;
  }
  if (++late_values_ > kLateValuesMax) {
    too_much(
        "late-value",
        node,
        path,
        concat("more than ", kLateValuesMax, " values with templates must be known at submission"),
        "write some of the values themselves"
    );
    return std::nullopt;
  }
  auto rendered = render_now(node.text, context_.data, MissingValue::Error, kValueStepsMax);
  if (!rendered.ok()) {
    Error error = rendered.error();
    error.message = concat("must be known at submission: ", error.message);
    if (error.hint.empty()) {
      error.hint = "use params, variables and plain functions only, or write the value itself";
    }
    error.position = in_scalar(node, error.position);
    error.subject = std::string(path);
    problems_.error("late-value", std::move(error));
    return std::nullopt;
  }
  std::string value(trim(*rendered));
  remember(node, value);
  return value;
}

std::string Decoder::name(const Node& node, std::string_view path) {
  auto value = literal(node, path);
  if (!value) {
    return {};
  }
  std::string fault = name_fault(*value);
  if (!fault.empty()) {
    problems_.error("name", node.position, std::string(path), std::move(fault), name_hint(*value));
    return {};
  }
  return *std::move(value);
}

Text Decoder::name_text(const Node& node, std::string_view path) {
  if (!node.is_scalar() || templates::has_actions(node.text)) {
    return text(node, path);
  }
  return {name(node, path), content(node)};
}

std::string Decoder::description(const Node& node, std::string_view path) {
  Text value = text(node, path);
  if (value.text.size() > kDescriptionBytesMax) {
    too_much(
        "too-long",
        node,
        path,
        concat("has ", value.text.size(), " bytes, at most ", kDescriptionBytesMax, " are allowed"),
        "shorten it"
    );
    return {};
  }
  return std::move(value.text);
}

bool Decoder::flag(const Node& node, std::string_view path, bool fallback) {
  if (node.is_scalar()) {
    const bool templated = templates::has_actions(node.text);
    const auto value = templated ? literal(node, path) : std::optional(node.text);
    if (!value) {
      return fallback;
    }
    const bool typed = node.style == Style::Plain || templated || !native();
    const std::string lower = to_lower(*value);
    const bool loose = !native();
    if (typed && (lower == "true" || (loose && (lower == "yes" || lower == "on")))) {
      return true;
    }
    if (typed && (lower == "false" || (loose && (lower == "no" || lower == "off")))) {
      return false;
    }
  }
  wrong(node, path, "true or false");
  return fallback;
}

std::int64_t Decoder::integer(
    const Node& node,
    std::string_view path,
    std::int64_t min,
    std::int64_t max,
    std::int64_t fallback
) {
  if (node.is_scalar()) {
    const bool templated = templates::has_actions(node.text);
    const auto value = templated ? literal(node, path) : std::optional(node.text);
    if (!value) {
      return fallback;
    }
    const auto number = whole(*value);
    const bool typed = node.style == Style::Plain || templated || !native();
    if (typed && number && *number >= min && *number <= max) {
      return *number;
    }
  }
  wrong(node, path, concat("a whole number from ", min, " to ", max));
  return fallback;
}

std::uint32_t Decoder::count(
    const Node& node, std::string_view path, std::uint32_t max, std::uint32_t fallback
) {
  return static_cast<std::uint32_t>(integer(node, path, 0, max, fallback));
}

double Decoder::number(
    const Node& node, std::string_view path, double min, double max, double fallback
) {
  Node decided = node;
  if (node.is_scalar() && templates::has_actions(node.text)) {
    const auto value = literal(node, path);
    if (!value) {
      return fallback;
    }
    decided.text = *value;
    decided.style = Style::Plain;
  }
  const Json json = document::to_json(decided);
  if (json.is_number() && json.as_double() >= min && json.as_double() <= max) {
    return json.as_double();
  }
  wrong(node, path, concat("a number from ", Json(min).dump(), " to ", Json(max).dump()));
  return fallback;
}

std::optional<Duration> Decoder::parse(
    const Node& node, std::string_view path, const std::string& text
) {
  const auto number = whole(text);
  if (!native() && number && *number > 0) {
    problems_.warning(
        "bare-duration",
        node.position,
        std::string(path),
        concat("a number without a unit counts nanoseconds: ", *number),
        "write a unit: 30s, 5m, 2h"
    );
    return Duration((*number - 1) / 1'000'000 + 1);
  }
  if (!native() && number == 0) {
    return Duration(0);
  }
  auto duration = parse_duration(text);
  if (!duration.ok()) {
    problems_.error(
        "duration",
        node.position,
        std::string(path),
        concat("must be a duration, not \"", text.substr(0, kShownMax), "\""),
        number && *number > 0 ? concat("add the unit: ", text, "s, ", text, "m or ", text, "h")
                              : std::string("write 500ms, 30s, 5m, 2h or 1h30m")
    );
    return std::nullopt;
  }
  return *duration;
}

Duration Decoder::duration(const Node& node, std::string_view path, Duration fallback) {
  if (!node.is_scalar()) {
    wrong(node, path, "a duration");
    return fallback;
  }
  const auto value = literal(node, path);
  return value ? parse(node, path, *value).value_or(fallback) : fallback;
}

void Decoder::too_much(
    std::string_view rule,
    const Node& node,
    std::string_view path,
    std::string message,
    std::string hint
) {
  Error error = make_error(ErrorCode::LimitExceeded, std::move(message), std::string(path));
  error.position = node.position;
  error.hint = std::move(hint);
  problems_.error(rule, std::move(error));
}

void Decoder::too_short(const Node& node, std::string_view path) {
  problems_.error(
      "range",
      node.position,
      std::string(path),
      "must be longer than nothing",
      "write 500ms, 30s, 5m, 2h or 1h30m, or remove the line"
  );
}

Duration Decoder::positive(const Node& node, std::string_view path, Duration fallback) {
  const std::size_t before = problems_.error_count();
  const Duration value = duration(node, path, fallback);
  if (value.count() <= 0 && problems_.error_count() == before) {
    too_short(node, path);
    return fallback;
  }
  return value;
}

Text Decoder::duration_text(const Node& node, std::string_view path) {
  if (!node.is_scalar()) {
    wrong(node, path, "a duration");
    return {};
  }
  if (templates::has_actions(node.text)) {
    return text(node, path);
  }
  const auto value = parse(node, path, node.text);
  if (value && value->count() <= 0) {
    too_short(node, path);
  }
  return {value ? format_duration(*value) : std::string(), content(node)};
}

Ref Decoder::ref(const Node& node, std::string_view path) {
  const auto value = literal(node, path);
  return {value.value_or(std::string()), node.position, std::string(path)};
}

std::vector<Ref> Decoder::refs(const Node& node, std::string_view path) {
  std::vector<Ref> out;
  if (!node.is_sequence()) {
    wrong(node, path, "a list of task names");
    return out;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    Ref one = ref(node.items[i], concat(path, "[", i, "]"));
    // An unreadable one has been reported.
    if (!one.name.empty()) {
      out.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace reeve::workflow
