#include <algorithm>
#include <array>

#include "base/strings.h"
#include "workflow/load/decode.h"
#include "workflow/load/fields.h"
#include "workflow/load/numbers.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::size_t kRoutesMax = 300;

bool leaves_directory(std::string_view path) {
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

}  // namespace

bool is_environment_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_ascii_alnum(c) || c == '_';
  });
}

TextMap Decoder::environment(const Node& node, std::string_view path) {
  TextMap out;
  if (!node.is_map()) {
    wrong(node, path, "a map of names to texts");
    return out;
  }
  for (const document::Member& member : node.members) {
    const std::string& name = member.key.text;
    const std::string field = concat(path, ".", name);
    if (!is_environment_name(name)) {
      problems_.error(
          "name",
          member.key.position,
          field,
          concat("\"", name, "\" cannot name an environment variable"),
          "use letters, digits and \"_\", not beginning with a digit"
      );
      continue;
    }
    if (member.value.is_null()) {
      out.emplace_back(name, Text{{}, member.value.position});
    } else {
      out.emplace_back(name, text(member.value, field));
    }
  }
  return out;
}

void Decoder::check_json_templates(const Node& node, std::string_view path) {
  if (node.is_scalar()) {
    check_templates(node, path);
  }
  for (const Node& item : node.items) {
    check_json_templates(item, path);
  }
  for (const document::Member& member : node.members) {
    check_json_templates(member.value, path);
  }
}

std::vector<Variable> Decoder::variables(const Node& node, std::string_view path) {
  std::vector<Variable> out;
  if (node.members.size() + node.items.size() > kVariablesMax) {
    too_much(
        "too-large",
        node,
        path,
        concat("has more than ", kVariablesMax, " variables"),
        "put several values into one list or map"
    );
    return out;
  }
  const auto add = [&](const Node& key, const Node& value) {
    const std::string field = concat(path, ".", key.text);
    if (key.text.empty() || key.text.size() > kNameBytesMax) {
      problems_.error(
          "name",
          key.position,
          field,
          concat("the name of a variable has 1 to ", kNameBytesMax, " characters"),
          key.text.empty() ? "write a name before the colon" : "shorten it"
      );
      return;
    }
    check_json_templates(value, field);
    out.push_back({key.text, document::to_json(value), content(value)});
  };
  if (node.is_map()) {
    for (const document::Member& member : node.members) {
      add(member.key, member.value);
    }
    return out;
  }
  if (native() || !node.is_sequence()) {
    wrong(node, path, "a map of names to values");
    return out;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node* name = node.items[i].find("name");
    const Node* value = node.items[i].find("value");
    if (name == nullptr || value == nullptr || !name->is_scalar()) {
      wrong(node.items[i], concat(path, "[", i, "]"), "a map with \"name\" and \"value\"");
    } else {
      add(*name, *value);
    }
  }
  return out;
}

std::optional<Backoff> Decoder::backoff(const Node& node, std::string_view path) {
  Fields fields(*this, node, std::string(path));
  Backoff backoff;
  const Node* max = fields.get("max");
  if (const Node* min = fields.get("min")) {
    backoff.min = duration(*min, fields.path("min"), Duration(0));
  }
  if (max != nullptr) {
    backoff.max = duration(*max, fields.path("max"), backoff.max);
  }
  if (const Node* factor = fields.get("factor")) {
    backoff.factor = number(*factor, fields.path("factor"), 1, 1000, backoff.factor);
  }
  if (const Node* jitter = fields.get("jitter")) {
    backoff.jitter = flag(*jitter, fields.path("jitter"), false);
  }
  fields.finish();
  if (backoff.max < backoff.min && max != nullptr) {
    problems_.error(
        "range",
        max->position,
        fields.path("max"),
        "must not be shorter than \"min\"",
        concat("write ", format_duration(backoff.min), " or more")
    );
  }
  backoff.max = std::max(backoff.max, backoff.min);
  // Without a first delay there is nothing to grow: the fixed delay counts.
  return backoff.min.count() > 0 ? std::optional(backoff) : std::nullopt;
}

RateLimit Decoder::rate_limit(const Node& node, std::string_view path) {
  RateLimit limit;
  Fields fields(*this, node, std::string(path));
  if (const Node* max = fields.need("max")) {
    limit.max = static_cast<std::uint32_t>(integer(*max, fields.path("max"), 1, kRateMax, 1));
  }
  if (const Node* window = fields.need("window")) {
    limit.window = positive(*window, fields.path("window"), Duration(1));
  }
  fields.finish();
  return limit;
}

std::vector<RawRoute> Decoder::routes(
    const Node& node, std::string_view path, std::int64_t code_max
) {
  std::vector<RawRoute> out;
  if (!node.is_map()) {
    wrong(node, path, "a map of exit codes to tasks");
    return out;
  }
  if (node.members.size() > kRoutesMax) {
    too_much(
        "too-large",
        node,
        path,
        concat("has more than ", kRoutesMax, " routes"),
        "let FAILED lead where most codes lead"
    );
    return out;
  }
  for (const document::Member& member : node.members) {
    const std::string on = to_upper(member.key.text);
    const std::string field = concat(path, ".", member.key.text);
    const auto code = whole(on);
    const bool word = !on.empty() && std::all_of(on.begin(), on.end(), [](char c) {
      return is_ascii_alnum(c) || c == '_';
    }) && !(on[0] >= '0' && on[0] <= '9');
    if (!word && !(code && *code >= 0 && *code <= code_max)) {
      problems_.error(
          "exit-code",
          member.key.position,
          field,
          concat("\"", member.key.text, "\" is no exit code"),
          concat("use a number from 0 to ", code_max, ", COMPLETED or FAILED")
      );
      continue;
    }
    Ref target = ref(member.value, field);
    if (!target.name.empty()) {
      out.push_back({code ? std::to_string(*code) : on, std::move(target)});
    }
  }
  return out;
}

std::vector<Text> Decoder::artifact_paths(const Node& node, std::string_view path) {
  std::vector<Text> out = texts(node, path);
  for (const Text& item : out) {
    const bool outside = item.text.starts_with("/") || leaves_directory(item.text);
    if (!outside && !item.empty()) {
      continue;
    }
    const std::string message = item.empty()
                                    ? std::string("is empty")
                                    : concat("\"", item.text, "\" is outside the task's directory");
    const std::string hint = "name files relative to the working directory, without \"..\"";
    if (native()) {
      problems_.error("artifact-path", item.position, std::string(path), message, hint);
    } else {
      problems_.warning(
          "artifact-path", item.position, std::string(path), message + " and is not kept", hint
      );
    }
  }
  std::erase_if(out, [](const Text& item) {
    return item.empty() || item.text.starts_with("/") || leaves_directory(item.text);
  });
  return out;
}

model::ArtifactWhen Decoder::artifact_when(const Node& node, std::string_view path) {
  constexpr std::array<std::string_view, 3> kWords = {"always", "onSuccess", "onFailure"};
  constexpr std::array<model::ArtifactWhen, 3> kWhen = {
      model::ArtifactWhen::Always, model::ArtifactWhen::OnSuccess, model::ArtifactWhen::OnFailure};
  return kWhen[choice(node, path, kWords).value_or(0)];
}

Text Decoder::working_dir(const Node& node, std::string_view path) {
  Text value = text(node, path);
  if (leaves_directory(value.text)) {
    problems_.error(
        "working-dir",
        node.position,
        std::string(path),
        concat("\"", value.text, "\" leaves the task's directory"),
        "use a path without \"..\""
    );
  }
  return value;
}

void Decoder::unknown_method(
    const Node& node,
    std::string_view path,
    std::string_view value,
    const std::vector<std::string>& known
) {
  const std::string near = nearest(to_upper(value), known);
  problems_.error(
      "unknown-method",
      node.position,
      std::string(path),
      concat("there is no method \"", value, "\""),
      near.empty() ? concat("use ", join(known, ", ")) : concat("did you mean \"", near, "\"?")
  );
}

}  // namespace reeve::workflow
