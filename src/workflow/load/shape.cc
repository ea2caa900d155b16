#include "workflow/load/shape.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/strings.h"
#include "workflow/document/lines.h"
#include "workflow/document/yaml.h"
#include "workflow/load/actions.h"
#include "workflow/load/templates.h"

namespace reeve::workflow {

namespace {

// Control characters cannot be in a document, so they can stand for what must survive rendering.
constexpr char kKeptBegin = '\x01';
constexpr char kKeptEnd = '\x02';
constexpr char kLineBegin = '\x03';
constexpr char kLineEnd = '\x04';
constexpr std::string_view kNoValue = "<no value>";
/// Open constructs that are told apart; the template engine refuses more.
constexpr std::size_t kFramesMax = 128;

/// Decides for each action whether it shapes the document.
class Classifier {
 public:
  bool shapes(const TemplateAction& action, bool own_line) {
    const std::string_view keyword = action.keyword;
    if (keyword == "end") {
      const bool executed = frames_.empty() || frames_.back().executed;
      if (!frames_.empty()) {
        frames_.pop_back();
      }
      return executed;
    }
    if (keyword == "else" || keyword == "break" || keyword == "continue") {
      return enclosing(keyword);
    }
    if (keyword == "comment" || keyword == "template") {
      return true;
    }
    if (frames_.size() > kFramesMax) {
      return true;
    }
    const bool opens = keyword == "if" || keyword == "with" || keyword == "range" ||
                       keyword == "define" || keyword == "block";
    const bool executed = own_line || keyword == "define" || uses_bound(action.body);
    const std::vector<std::string> names = declared_names(action.body);
    if (opens) {
      frames_.push_back(
          {executed,
           keyword != "if",
           keyword != "if" && keyword != "with" && keyword != "range",
           {}}
      );
    }
    if (executed) {
      std::set<std::string>& scope = frames_.empty() ? globals_ : frames_.back().names;
      scope.insert(names.begin(), names.end());
    }
    return executed;
  }

 private:
  struct Frame {
    bool executed = false;
    bool binds_dot = false;
    bool definition = false;
    std::set<std::string> names;
  };

  bool enclosing(std::string_view keyword) const {
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
      if (keyword == "else" || frame->binds_dot) {
        return frame->executed;
      }
    }
    return true;
  }

  bool dot_is_bound() const {
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
      if (frame->binds_dot) {
        return frame->executed;
      }
    }
    return false;
  }

  bool in_definition() const {
    return std::any_of(frames_.begin(), frames_.end(), [](const Frame& f) { return f.definition; });
  }

  bool is_bound(const std::string& name) const {
    return globals_.contains(name) ||
           std::any_of(frames_.begin(), frames_.end(), [&name](const Frame& frame) {
             return frame.names.contains(name);
           });
  }

  bool uses_bound(std::string_view body) const {
    if (in_definition()) {
      return true;
    }
    const bool dot = dot_is_bound();
    for (const Mention& mention : find_mentions(body)) {
      const bool of_dot =
          mention.kind == Mention::Kind::Field || mention.kind == Mention::Kind::Dot;
      if ((of_dot && dot) || (mention.kind == Mention::Kind::Variable && is_bound(mention.name))) {
        return true;
      }
    }
    return false;
  }

  std::vector<Frame> frames_;
  std::set<std::string> globals_;
};

/// The template text to render, and what was taken out of it.
struct Prepared {
  std::string text;
  std::vector<std::string> kept;
};

/// The index of the line that `offset` is on.
std::size_t line_of(const std::vector<document::Line>& lines, std::size_t offset) {
  const auto after = std::upper_bound(
      lines.begin(),
      lines.end(),
      offset,
      [](std::size_t at, const document::Line& line) { return at < line.offset; }
  );
  return static_cast<std::size_t>(after - lines.begin()) - 1;
}

Prepared prepare(std::string_view text) {
  const std::vector<document::Line> lines = document::scan_lines(text, is_structural_line);
  // Asked for every action: a line may hold very many.
  std::vector<bool> structural;
  for (const document::Line& line : lines) {
    structural.push_back(!line.in_block && is_structural_line(line.text));
  }
  const std::vector<TemplateAction> actions = find_actions(text);
  Prepared prepared;
  Classifier classifier;
  std::size_t at = 0;
  // Offset behind the last action that trims what follows: no mark may stand there.
  std::size_t trimmed = std::string_view::npos;
  const auto copy_plain = [&](std::size_t end) {
    while (at < end) {
      const std::size_t index = line_of(lines, at);
      const document::Line& line = lines[index];
      const std::size_t line_end = line.offset + line.text.size();
      const std::size_t stop = std::min(end, line_end);
      if (stop > at) {
        prepared.text.append(text.substr(at, stop - at));
        at = stop;
      }
      if (at == line_end && at < end) {
        if (!line.blank && trimmed != at && !structural[index]) {
          prepared.text += kLineBegin;
          prepared.text += std::to_string(line.number);
          prepared.text += kLineEnd;
        }
        const std::size_t next = std::min(end, text.find('\n', at) + 1);
        prepared.text.append(text.substr(at, next - at));
        at = next;
      }
    }
  };
  for (const TemplateAction& action : actions) {
    copy_plain(action.begin);
    const bool own_line = structural[line_of(lines, action.begin)];
    const std::string_view source = text.substr(action.begin, action.end - action.begin);
    if (classifier.shapes(action, own_line)) {
      prepared.text.append(source);
      trimmed = action.trims_right ? action.end : std::string_view::npos;
    } else {
      prepared.text += kKeptBegin;
      prepared.text += std::to_string(prepared.kept.size());
      prepared.text += kKeptEnd;
      prepared.kept.emplace_back(source);
    }
    at = action.end;
  }
  copy_plain(text.size());
  return prepared;
}

/// The number between a mark at `at` and `close`; moves `at` behind it. -1: not one of our marks.
std::int64_t read_mark(std::string_view text, std::size_t& at, char close) {
  std::int64_t number = -1;
  const char* first = text.data() + at + 1;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(first, last, number);
  if (error != std::errc{} || end == last || *end != close) {
    return -1;
  }
  at = static_cast<std::size_t>(end - text.data()) + 1;
  return number;
}

Shaped restore(std::string_view rendered, const std::vector<std::string>& kept) {
  Shaped shaped;
  int line = 1;
  std::size_t at = 0;
  std::string current;
  const auto finish_line = [&] {
    // What `{{if}}` lines leave behind is not content; blank lines of the document are.
    shaped.text += current;
    shaped.lines.push_back(line);
    current.clear();
  };
  while (at < rendered.size()) {
    const char c = rendered[at];
    if (c == kKeptBegin) {
      const std::int64_t index = read_mark(rendered, at, kKeptEnd);
      if (index >= 0 && index < static_cast<std::int64_t>(kept.size())) {
        current += kept[static_cast<std::size_t>(index)];
        continue;
      }
    } else if (c == kLineBegin) {
      const std::int64_t number = read_mark(rendered, at, kLineEnd);
      if (number >= 0) {
        line = static_cast<int>(number);
        continue;
      }
    }
    current += c;
    ++at;
    if (c == '\n') {
      finish_line();
    }
  }
  if (!current.empty()) {
    finish_line();
  }
  return shaped;
}

/// The place in the document of a place in the prepared text. The column is known only if nothing
/// was taken out of that line.
Position locate(const Prepared& prepared, Position place) {
  Position found = place;
  int line = 1;
  for (std::size_t at = 0; at < prepared.text.size() && line <= place.line; ++at) {
    if (prepared.text[at] == '\n') {
      ++line;
    } else if (prepared.text[at] == kKeptBegin) {
      std::size_t behind = at;
      const std::int64_t index = read_mark(prepared.text, behind, kKeptEnd);
      if (index >= 0 && static_cast<std::size_t>(index) < prepared.kept.size()) {
        const std::string& kept = prepared.kept[static_cast<std::size_t>(index)];
        found.line +=
            line < place.line ? static_cast<int>(std::count(kept.begin(), kept.end(), '\n')) : 0;
        found.column = line == place.line ? 0 : found.column;
      }
    }
  }
  return found;
}

/// `key: value` lines, for blocks that do not parse.
Json simple_lines(std::string_view block) {
  Json object = Json::object();
  for (const std::string_view line : split(block, '\n')) {
    auto node = document::parse_yaml(trim(line));
    if (node.ok() && node->is_map() && node->members.size() == 1 &&
        node->members[0].value.is_scalar()) {
      object.set(node->members[0].key.text, document::to_json(node->members[0].value));
    }
  }
  return object;
}

}  // namespace

bool has_structure(std::string_view text) {
  if (text.find("{{") == std::string_view::npos) {
    return false;
  }
  for (const document::Line& line : document::scan_lines(text, is_structural_line)) {
    if (!line.in_block && is_structural_line(line.text)) {
      return true;
    }
  }
  return false;
}

Json read_job_variables(std::string_view text) {
  std::string block;
  bool inside = false;
  for (const document::Line& line : document::scan_lines(text, is_structural_line)) {
    const bool item = line.text.starts_with("- ");
    if (!line.in_block && !line.blank && line.indent == 0 && !item &&
        !is_structural_line(line.text)) {
      inside = line.text.starts_with("job_variables:");
    }
    if (inside && line.text.find("{{") == std::string_view::npos) {
      block.append(line.text);
      block += '\n';
    }
  }
  auto root = document::parse_yaml(block);
  if (!root.ok()) {
    return simple_lines(block);
  }
  const document::Node* node = root->find("job_variables");
  if (node == nullptr) {
    return Json::object();
  }
  if (node->is_map()) {
    return document::to_json(*node);
  }
  Json object = Json::object();
  for (const document::Node& item : node->items) {
    const document::Node* name = item.find("name");
    const document::Node* value = item.find("value");
    if (name != nullptr && value != nullptr) {
      object.set(name->text, document::to_json(*value));
    }
  }
  return object;
}

Json overlay(Json variables, const Json& params) {
  if (!params.is_object()) {
    return variables;
  }
  for (const auto& [name, value] : params.as_object()) {
    const Json* known = variables.find(name);
    Json typed = value;
    if (known != nullptr && !known->is_string() && value.is_string()) {
      auto parsed = parse_json(value.as_string());
      if (parsed.ok() &&
          (parsed->type() == known->type() || (parsed->is_number() && known->is_number()))) {
        typed = std::move(parsed).value();
      }
    }
    variables.set(name, std::move(typed));
  }
  return variables;
}

Result<Shaped> shape(std::string_view text, const Json& data) {
  const Prepared prepared = prepare(text);
  auto rendered = render_now(prepared.text, data, MissingValue::NoValue);
  if (!rendered.ok()) {
    Error error = rendered.error();
    error.position = locate(prepared, error.position);
    return error;
  }
  Shaped shaped = restore(*rendered, prepared.kept);
  const std::size_t hole = shaped.text.find(kNoValue);
  if (hole != std::string_view::npos && text.find(kNoValue) == std::string_view::npos) {
    const auto line = static_cast<std::size_t>(std::count(
        shaped.text.begin(), shaped.text.begin() + static_cast<std::ptrdiff_t>(hole), '\n'
    ));
    Error error = make_error(
        ErrorCode::Invalid, "a template that shapes the document needs a value that is not known"
    );
    error.position = {shaped.lines[line], 0};
    error.hint = "give it in job_variables or as a parameter";
    return error;
  }
  return shaped;
}

}  // namespace reeve::workflow
