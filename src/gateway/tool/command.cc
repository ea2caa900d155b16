#include "gateway/tool/command.h"

#include <algorithm>
#include <string_view>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

constexpr std::string_view kFurther = "...";
constexpr std::string_view kAnyValue = "**";

std::vector<std::pair<std::string, std::string>> pairs_of(const Json& spec, std::string_view name) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const Json* found = spec.find(name);
  if (found != nullptr && found->is_object()) {
    for (const auto& [key, value] : found->as_object()) {
      pairs.emplace_back(key, value.is_string() ? value.as_string() : std::string());
    }
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

/// Whether a word of a rule is about a variable: a name, or a glob of one, and `=`.
bool is_variable(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  return name.size() < word.size() && !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '*' || c == '?';
         });
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(line, ' ')) {
    if (!trim(word).empty()) {
      words.push_back(trim(word));
    }
  }
  return words;
}

/// Whether a path leads out of the directory that a glob of it names.
bool leads_up(std::string_view word) {
  const std::vector<std::string_view> parts = split(word, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

}  // namespace

Result<ToolCommand> read_command(const Json& spec) {
  ToolCommand command;
  const Json* argv = spec.find("command");
  if (argv == nullptr || !argv->is_array()) {
    return command;
  }
  for (const Json& word : argv->as_array()) {
    command.argv.push_back(word.is_string() ? word.as_string() : std::string());
  }
  command.environment = pairs_of(spec, "environment");
  command.credentials = pairs_of(spec, "credentials");
  command.sandbox.level = model::SandboxLevel::Workspace;
  if (const Json* sandbox = spec.find("sandbox")) {
    REEVE_TRY(command.sandbox, model::sandbox_from_json(*sandbox));
  }
  return command;
}

Result<CommandRules> CommandRules::parse(const std::vector<std::string>& lines, bool unsandboxed) {
  CommandRules rules;
  rules.unsandboxed_ = unsandboxed;
  for (const std::string& line : lines) {
    Rule rule;
    for (const std::string_view word : words_of(line)) {
      if (rule.words.empty() && is_variable(word)) {
        const std::size_t equals = word.find('=');
        rule.variables.emplace_back(word.substr(0, equals), word.substr(equals + 1));
      } else if (rule.further) {
        return make_error(ErrorCode::Invalid, "\"...\" is the last word of a command", line);
      } else if (word == kFurther) {
        rule.further = true;
      } else {
        rule.words.emplace_back(word);
      }
    }
    if (rule.words.empty()) {
      return make_error(ErrorCode::Invalid, "names no program", line);
    }
    if (rule.words.size() + rule.variables.size() > kCommandRuleWordsMax) {
      return make_error(ErrorCode::Invalid, "has too many words", line);
    }
    rules.rules_.push_back(std::move(rule));
  }
  return rules;
}

bool CommandRules::fits_words(const Rule& rule, const std::vector<std::string>& argv) {
  if (argv.size() < rule.words.size() || (argv.size() > rule.words.size() && !rule.further)) {
    return false;
  }
  for (std::size_t i = 0; i < rule.words.size(); ++i) {
    if (rule.words[i] != argv[i] && (leads_up(argv[i]) || !glob_match(rule.words[i], argv[i]))) {
      return false;
    }
  }
  return true;
}

/// Whether a variable may have a value; null: one that nobody has looked at, of a credential.
bool CommandRules::fits_variable(
    const Rule& rule, const std::string& name, const std::string* value
) {
  return std::any_of(rule.variables.begin(), rule.variables.end(), [&](const auto& variable) {
    const auto& [names, values] = variable;
    const bool fits = values == kAnyValue ||
                      (value != nullptr &&
                       (values == *value || (!leads_up(*value) && glob_match(values, *value))));
    return fits && glob_match(names, name);
  });
}

/// What is wrong with the variables of a command whose words fit; empty: nothing.
std::string CommandRules::unfit_variable(const Rule& rule, const ToolCommand& command) {
  for (const auto& [name, value] : command.environment) {
    if (!fits_variable(rule, name, &value)) {
      return concat(
          "no line of the setting tools.commands lets this program have the variable ",
          name,
          " with this value: it would begin with ",
          name,
          leads_up(value) ? "=**, as no narrower glob takes \"..\""
                          : "=**, or a narrower glob of it"
      );
    }
  }
  for (const auto& [name, credential] : command.credentials) {
    if (!fits_variable(rule, name, nullptr)) {
      return concat(
          "no line of the setting tools.commands lets this program have the variable ",
          name,
          " from a credential, whose value is compared with nothing: it would begin with ",
          name,
          "=**"
      );
    }
  }
  return {};
}

std::string CommandRules::objection(const ToolCommand& command) const {
  if (rules_.empty()) {
    return "programs are not started for tool servers here: whoever operates the server lists "
           "those "
           "that may be in the setting tools.commands";
  }
  std::string unfit;
  bool fits = false;
  for (const Rule& rule : rules_) {
    if (!fits_words(rule, command.argv)) {
      continue;
    }
    const std::string wrong = unfit_variable(rule, command);
    fits = fits || wrong.empty();
    unfit = wrong.empty() ? unfit : wrong;
  }
  if (!fits && !unfit.empty()) {
    return unfit;
  }
  if (!fits) {
    return "no line of the setting tools.commands is about this command";
  }
  if (!command.sandbox.active() && !unsandboxed_) {
    return "a program without a sandbox sees what the server sees, its keys included: name another "
           "level, or have whoever operates the server set tools.unsandboxed";
  }
  return {};
}

}  // namespace reeve::gateway
