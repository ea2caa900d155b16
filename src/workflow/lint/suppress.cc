#include "workflow/lint/suppress.h"

#include "base/strings.h"

namespace reeve::lint {

namespace {

constexpr std::string_view kMark = "reeve-lint:";
constexpr std::string_view kDisable = "disable=";
constexpr std::string_view kSetting = "setting=";

Finding make(RuleId id, Position position, std::string message, std::string fix) {
  const Rule& rule = *find_rule(id.view());
  Error error = make_error(ErrorCode::Invalid, std::move(message));
  error.hint = fix.empty() ? std::string(rule.fix) : std::move(fix);
  error.position = position;
  return {
      .severity = rule.severity,
      .rule = std::string(rule.id),
      .error = std::move(error),
      .edit = std::nullopt};
}

std::string nearest_rule(std::string_view name) {
  std::vector<std::string> ids;
  for (const Rule& rule : all_rules()) {
    ids.emplace_back(rule.id);
  }
  return nearest(name, ids);
}

/// The names of a list; what follows a space is for people.
std::vector<std::string_view> listed(std::string_view names) {
  return split(names.substr(0, names.find_first_of(" \t")), ',');
}

}  // namespace

Suppressions::Suppressions(std::string_view text, std::vector<Finding>& findings) {
  int number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (comments_.size() < kSuppressionsMax) {
      read(line, number, findings);
    }
  }
}

void Suppressions::read(std::string_view line, int number, std::vector<Finding>& findings) {
  const std::size_t mark = line.find(kMark);
  if (mark == std::string_view::npos) {
    return;
  }
  // A comment begins with # at the start of a word; anything else is text about lint.
  const std::string_view before = line.substr(0, mark);
  const std::size_t hash = before.find_last_not_of(" \t");
  if (hash == std::string_view::npos || before[hash] != '#' ||
      (hash > 0 && before[hash - 1] != ' ' && before[hash - 1] != '\t')) {
    return;
  }
  const Position position{number, static_cast<int>(hash) + 1};
  const std::string_view rest = trim(line.substr(mark + kMark.size()));
  if (rest.starts_with(kSetting)) {
    read_settings(rest.substr(kSetting.size()), position, findings);
    return;
  }
  if (!rest.starts_with(kDisable)) {
    findings.push_back(
        make("lint-comment", position, "the comment says nothing that is understood", {})
    );
    return;
  }
  read_names(rest.substr(kDisable.size()), position, findings);
}

void Suppressions::read_settings(
    std::string_view names, Position position, std::vector<Finding>& findings
) {
  for (const std::string_view name : listed(names)) {
    if (name.empty()) {
      findings.push_back(make(
          "lint-comment", position, "a setting has a name", "write \"# reeve-lint: setting=NAME\""
      ));
    } else if (settings_.size() < kSuppressionsMax) {
      settings_.emplace_back(name);
    }
  }
}

void Suppressions::read_names(
    std::string_view names, Position position, std::vector<Finding>& findings
) {
  for (const std::string_view name : listed(names)) {
    if (find_rule(name) != nullptr) {
      comments_.push_back({.position = position, .rule = std::string(name)});
      continue;
    }
    const std::string near = nearest_rule(name);
    findings.push_back(make(
        "lint-comment",
        position,
        concat("there is no rule \"", name, "\""),
        near.empty() ? std::string() : concat("did you mean \"", near, "\"?")
    ));
  }
}

Suppressions::Comment* Suppressions::find(const Finding& finding) {
  const int line = finding.error.position.line;
  for (Comment& comment : comments_) {
    const bool here = comment.position.line == line || comment.position.line + 1 == line;
    if (here && comment.rule == finding.rule) {
      return &comment;
    }
  }
  return nullptr;
}

std::size_t Suppressions::apply(std::vector<Finding>& findings) {
  const std::size_t before = findings.size();
  std::erase_if(findings, [this](const Finding& finding) {
    Comment* comment = find(finding);
    if (comment != nullptr) {
      comment->used = true;
    }
    return comment != nullptr;
  });
  const std::size_t suppressed = before - findings.size();
  for (const Comment& comment : comments_) {
    if (!comment.used) {
      findings.push_back(make(
          "unused-suppression",
          comment.position,
          concat("\"", comment.rule, "\" has nothing to say here"),
          {}
      ));
    }
  }
  return suppressed;
}

}  // namespace reeve::lint
