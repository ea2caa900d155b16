#include "workflow/load/conditions.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "workflow/document/lines.h"
#include "workflow/load/actions.h"
#include "workflow/load/templates.h"

namespace reeve::workflow {

namespace {

using document::Line;

/// Lists whose items may be empty when rendered without changing what the others mean.
constexpr std::array<std::string_view, 4> kListKeys = {
    "script:", "before_script:", "after_script:", "paths:"};
/// Conditions within conditions that are told apart; deeper ones are decided while loading.
constexpr std::size_t kDepthMax = 32;
/// How far above a condition the key of its list is looked for.
constexpr std::size_t kListLinesMax = 1000;

bool is_content(const Line& line) {
  return !line.blank && !trim(line.text).starts_with('#') && !is_structural_line(line.text);
}

bool is_item(const Line& line) {
  const std::string_view body = trim(line.text);
  return body == "-" || body.starts_with("- ");
}

/// What an `{{ if }}` or `{{ else if }}` depends on.
struct Needs {
  /// The first name that is not known while loading.
  std::string unknown;
  /// Loop variables and the dot itself: these cannot be put off.
  bool bound = false;
};

Needs find_needs(std::string_view body, const Json& data) {
  Needs needs;
  for (const Mention& mention : find_mentions(body)) {
    switch (mention.kind) {
      case Mention::Kind::Field:
      case Mention::Kind::RootField:
        if (needs.unknown.empty() && data.find(mention.name) == nullptr) {
          needs.unknown = mention.name;
        }
        break;
      case Mention::Kind::Function:
        if (needs.unknown.empty() && is_run_function(mention.name)) {
          needs.unknown = mention.name;
        }
        break;
      case Mention::Kind::Dot:
      case Mention::Kind::Root:
      case Mention::Kind::Variable:
        needs.bound = true;
        break;
    }
  }
  return needs;
}

/// An open construct on lines of its own.
struct Construct {
  bool condition = false;
  /// Whether it can be put off, as far as it has been read.
  bool late = false;
  /// A name that is not known while loading.
  std::string unknown;
  /// Indices of its lines, the first and the last included.
  std::vector<std::size_t> lines;
};

/// Finds the conditions to put off and the indentation of the lists they stand in.
class Finder {
 public:
  Finder(std::string_view text, const Json& data)
      : lines_(document::scan_lines(text, is_structural_line)), data_(data) {
    for (const Line& line : lines_) {
      content_.push_back(!line.in_block && is_content(line));
    }
  }

  void run() {
    indents_.resize(lines_.size());
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].in_block || !is_structural_line(lines_[i].text)) {
        continue;
      }
      const std::vector<TemplateAction> actions = find_actions(lines_[i].text);
      for (const TemplateAction& action : actions) {
        step(action, i, actions.size() == 1);
      }
    }
  }

  const std::vector<Line>& lines() const { return lines_; }

  /// For each line: the column its item begins in, if it becomes one.
  const std::vector<std::optional<std::size_t>>& indents() const { return indents_; }

  std::vector<EarlyCondition>& early() { return early_; }

 private:
  void step(const TemplateAction& action, std::size_t line, bool alone) {
    const std::string_view keyword = action.keyword;
    if (keyword == "comment") {
      return;
    }
    if (keyword == "end") {
      close(line, alone);
    } else if (keyword == "else") {
      add_branch(action, line, alone);
    } else if (keyword == "if") {
      const bool free = std::all_of(open_.begin(), open_.end(), [](const Construct& outer) {
        return outer.condition;
      });
      open_.push_back({true, free && alone && open_.size() < kDepthMax, {}, {line}});
      add_needs(action);
    } else if (keyword == "range" || keyword == "with" || keyword == "define" ||
               keyword == "block") {
      give_up();
      open_.push_back({false, false, {}, {line}});
    } else {
      give_up();
    }
  }

  void add_branch(const TemplateAction& action, std::size_t line, bool alone) {
    if (open_.empty()) {
      return;
    }
    Construct& construct = open_.back();
    construct.late = construct.late && alone;
    construct.lines.push_back(line);
    add_needs(action);
  }

  void add_needs(const TemplateAction& action) {
    Construct& construct = open_.back();
    Needs needs = find_needs(action.body, data_);
    construct.late = construct.late && !needs.bound;
    if (construct.unknown.empty()) {
      construct.unknown = std::move(needs.unknown);
    }
  }

  /// What is open holds something that has to be carried out now.
  void give_up() {
    for (Construct& construct : open_) {
      construct.late = false;
    }
  }

  void close(std::size_t line, bool alone) {
    if (open_.empty()) {
      return;
    }
    Construct construct = std::move(open_.back());
    open_.pop_back();
    construct.lines.push_back(line);
    if (!construct.condition || construct.unknown.empty()) {
      return;
    }
    const auto indent = construct.late && alone ? list_indent(construct) : std::nullopt;
    if (!indent) {
      const Line& first = lines_[construct.lines.front()];
      early_.push_back(
          {{first.number, static_cast<int>(first.indent) + 1}, std::move(construct.unknown)}
      );
      return;
    }
    for (const std::size_t at : construct.lines) {
      indents_[at] = indent;
    }
  }

  /// The indentation of the items inside, if there are only items of one list that may be put off.
  std::optional<std::size_t> list_indent(const Construct& construct) const {
    std::optional<std::size_t> indent;
    for (std::size_t i = construct.lines.front(); i < construct.lines.back(); ++i) {
      const Line& line = lines_[i];
      if (!content_[i]) {
        continue;
      }
      indent = indent.value_or(line.indent);
      if (line.indent < *indent || (line.indent == *indent && !is_item(line))) {
        return std::nullopt;
      }
    }
    return indent && stands_in_list(construct.lines.front(), *indent) ? indent : std::nullopt;
  }

  bool stands_in_list(std::size_t before, std::size_t indent) const {
    for (std::size_t i = before; i > 0 && before - i < kListLinesMax;) {
      const Line& line = lines_[--i];
      if (!content_[i] || line.indent > indent || (line.indent == indent && is_item(line))) {
        continue;
      }
      std::string_view key = trim(line.text);
      key = key.substr(0, key.find(" #"));
      return std::find(kListKeys.begin(), kListKeys.end(), trim(key)) != kListKeys.end();
    }
    return false;
  }

  std::vector<Line> lines_;
  /// Whether a line is YAML of its own: no block scalar, comment, blank or template.
  std::vector<bool> content_;
  const Json& data_;
  std::vector<std::optional<std::size_t>> indents_;
  std::vector<Construct> open_;
  std::vector<EarlyCondition> early_;
};

}  // namespace

Deferred defer_conditions(std::string_view text, const Json& data) {
  Finder finder(text, data);
  finder.run();
  Deferred deferred;
  deferred.early = std::move(finder.early());
  std::size_t at = 0;
  for (std::size_t i = 0; i < finder.lines().size(); ++i) {
    const auto& indent = finder.indents()[i];
    if (!indent) {
      continue;
    }
    const Line& line = finder.lines()[i];
    const TemplateAction action = find_actions(line.text).front();
    deferred.text.append(text.substr(at, line.offset - at));
    deferred.text.append(*indent, ' ');
    deferred.text += "- '{{ ";
    for (const char c : action.body) {
      deferred.text.append(c == '\'' ? 2U : 1U, c);
    }
    deferred.text += " }}'";
    at = line.offset + line.text.size();
    ++deferred.changed;
  }
  deferred.text.append(text.substr(at));
  return deferred;
}

bool Guards::take(std::string_view item) {
  const std::string_view body = trim(item);
  const std::vector<TemplateAction> actions = find_actions(body);
  if (actions.size() != 1 || actions[0].begin != 0 || actions[0].end != body.size()) {
    return false;
  }
  const std::string_view keyword = actions[0].keyword;
  std::string action = concat("{{ ", actions[0].body, " }}");
  if (keyword != "end" && prefix_size() + action.size() > kGuardBytesMax) {
    return false;
  }
  if (keyword == "if" && prefixes_.size() < kDepthMax) {
    prefixes_.push_back(std::move(action));
    return true;
  }
  if (prefixes_.empty() || (keyword != "else" && keyword != "end")) {
    return false;
  }
  if (keyword == "else") {
    prefixes_.back() += action;
  } else {
    prefixes_.pop_back();
  }
  return true;
}

std::string Guards::over(std::string_view text) const {
  std::string guarded;
  for (const std::string& prefix : prefixes_) {
    guarded += prefix;
  }
  guarded += text;
  for (std::size_t i = 0; i < prefixes_.size(); ++i) {
    guarded += "{{ end }}";
  }
  return guarded;
}

std::size_t Guards::prefix_size() const {
  std::size_t size = 0;
  for (const std::string& prefix : prefixes_) {
    size += prefix.size();
  }
  return size;
}

}  // namespace reeve::workflow
