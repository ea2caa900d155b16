#include <algorithm>
#include <array>
#include <set>

#include "base/strings.h"
#include "base/time.h"
#include "workflow/load/load.h"
#include "workflow/load/loader.h"
#include "workflow/load/templates.h"

namespace reeve::workflow {

namespace {

using Names = std::set<std::string, std::less<>>;

/// Known in every template without being declared.
constexpr std::array<std::string_view, 16> kBuiltins = {
    "JobID",
    "JobType",
    "JobRetry",
    "JobElapsedSecs",
    "UserID",
    "OrganizationID",
    "DateYear",
    "DateMonth",
    "DateDay",
    "YearDay",
    "FullDate",
    "EpochSecs",
    "TaskType",
    "TaskRetry",
    "Nonce",
    "SemVersion"};

struct SecretShape {
  std::string_view prefix;
  std::string_view what;
};

constexpr SecretShape kSecretShapes[] = {
    {"ghp_", "a GitHub token"},
    {"gho_", "a GitHub token"},
    {"ghs_", "a GitHub token"},
    {"github_pat_", "a GitHub token"},
    {"glpat-", "a GitLab token"},
    {"sk-", "an API key"},
    {"AKIA", "an AWS access key"},
    {"xoxb-", "a Slack token"},
    {"xoxp-", "a Slack token"},
    {"AIza", "a Google API key"},
    {"-----BEGIN ", "a private key"},
};
constexpr std::size_t kSecretTailMin = 16;
constexpr std::size_t kSecretValueMin = 8;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_environment_name(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), is_word);
}

Position place_of(const Text& text, std::size_t offset) {
  Position place{1, 1};
  for (const char c : std::string_view(text.text).substr(0, offset)) {
    place.line += c == '\n' ? 1 : 0;
    place.column = c == '\n' ? 1 : place.column + 1;
  }
  return in_file(text.position, place);
}

std::vector<const Text*> scripts_of(const Task& task) {
  std::vector<const Text*> texts;
  for (const std::vector<Text>* part : {&task.before_script, &task.script, &task.after_script}) {
    for (const Text& text : *part) {
      texts.push_back(&text);
    }
  }
  if (task.compensate) {
    for (const Text& text : task.compensate->script) {
      texts.push_back(&text);
    }
  }
  return texts;
}

std::vector<const Text*> other_texts_of(const Task& task) {
  std::vector<const Text*> texts = {&task.working_dir, &task.image, &task.timeout, &task.skip_if};
  for (const auto& [name, text] : task.environment) {
    texts.push_back(&text);
  }
  for (const Text& text : task.artifacts.paths) {
    texts.push_back(&text);
  }
  return texts;
}

/// What the scripts of a workflow may publish.
struct Outputs {
  Names names;
  /// Some name is computed: anything may be published.
  bool any = false;
};

void find_set_outputs(std::string_view script, Outputs& outputs) {
  constexpr std::string_view kCommand = "::set-output name=";
  for (std::size_t at = script.find(kCommand); at != std::string_view::npos;
       at = script.find(kCommand, at + 1)) {
    const std::size_t begin = at + kCommand.size();
    std::size_t end = begin;
    while (end < script.size() && (is_word(script[end]) || script[end] == '-')) {
      ++end;
    }
    if (script.substr(end).starts_with("::") && end > begin) {
      outputs.names.emplace(script.substr(begin, end - begin));
    } else {
      outputs.any = true;
    }
  }
}

void find_output_file(std::string_view script, Outputs& outputs) {
  for (const std::string_view line : split(script, '\n')) {
    if (line.find("REEVE_OUTPUT") == std::string_view::npos) {
      continue;
    }
    bool found = false;
    for (std::size_t equals = line.find('='); equals != std::string_view::npos;
         equals = line.find('=', equals + 1)) {
      std::size_t begin = equals;
      while (begin > 0 && is_word(line[begin - 1])) {
        --begin;
      }
      if (begin < equals) {
        outputs.names.emplace(line.substr(begin, equals - begin));
        found = true;
      }
    }
    outputs.any = outputs.any || !found;
  }
}

/// The checks, over a workflow that loads. One use.
class Linter {
 public:
  Linter(const Workflow& workflow, Problems& problems) : workflow_(workflow), problems_(problems) {
    for (const Task& task : workflow.tasks) {
      for (const Text* script : scripts_of(task)) {
        find_set_outputs(script->text, outputs_);
        find_output_file(script->text, outputs_);
      }
    }
    for (const Param& param : workflow.params) {
      params_.insert(param.name);
    }
    params_.insert(workflow.required_params.begin(), workflow.required_params.end());
    for (const Variable& variable : workflow.variables) {
      variables_.insert(variable.name);
    }
    variables_.insert(kBuiltins.begin(), kBuiltins.end());
  }

  void run() {
    check_cron();
    check_fields({workflow_.skip_if, nullptr, false});
    for (const Variable& variable : workflow_.variables) {
      check_variable(variable, nullptr);
    }
    for (const Task& task : workflow_.tasks) {
      check_task(task);
    }
  }

 private:
  struct Use {
    const Text& text;
    const Task* task;
    bool script;
  };

  static std::string subject(const Task* task) {
    return task == nullptr ? std::string() : concat("tasks.", task->name.view());
  }

  bool is_constant(std::string_view name, const Task* task) const {
    if (task != nullptr) {
      for (const Variable& variable : task->variables) {
        if (variable.name == name) {
          return true;
        }
      }
    }
    return variables_.contains(name);
  }

  bool is_output(std::string_view name) const {
    return outputs_.names.contains(name) || name.find("_ArtifactURL_") != std::string_view::npos;
  }

  void check_fields(const Use& use) {
    if (!templates::has_actions(use.text.text)) {
      return;
    }
    const auto parsed = parse_template(use.text.text);
    if (!parsed.ok()) {
      return;  // an error of loading
    }
    Names seen;
    for (const templates::FieldReference& field : parsed->referenced_fields()) {
      if (!seen.insert(field.name).second || is_constant(field.name, use.task)) {
        continue;
      }
      const Position position = in_file(use.text.position, field.position);
      const bool known = params_.contains(field.name) || is_output(field.name);
      if (use.script && field.spliced) {
        report_spliced(field.name, position, use.task);
      }
      if (!known && !field.optional && !outputs_.any) {
        report_undefined(field.name, position, use.task);
      }
    }
  }

  void report_spliced(const std::string& name, Position position, const Task* task) {
    const std::string quoted = concat("{{ shellquote .", name, " }}");
    problems_.warning(
        "spliced-text",
        position,
        subject(task),
        concat("the text of \"", name, "\" becomes part of the script: it can run commands"),
        is_environment_name(name) ? concat("use \"$", name, "\" from the environment, or ", quoted)
                                  : concat("use ", quoted)
    );
  }

  void report_undefined(const std::string& name, Position position, const Task* task) {
    std::vector<std::string> candidates(variables_.begin(), variables_.end());
    candidates.insert(candidates.end(), params_.begin(), params_.end());
    candidates.insert(candidates.end(), outputs_.names.begin(), outputs_.names.end());
    const std::string near = nearest(name, candidates);
    const bool native = workflow_.format == Format::Native;
    problems_.warning(
        "undefined-variable",
        position,
        subject(task),
        concat("\"", name, "\" is no variable, parameter or output of this document"),
        !near.empty() ? concat("did you mean \"", near, "\"?")
        : native      ? std::string("declare it in spec.params or spec.variables")
                      : std::string("give it in job_variables or at submission")
    );
  }

  void check_variable(const Variable& variable, const Task* task) {
    if (!variable.value.is_string()) {
      return;
    }
    const Text text{variable.value.as_string(), variable.position};
    check_fields({text, task, false});
    check_named_secret(variable.name, text, task);
  }

  void check_task(const Task& task) {
    for (const Text* script : scripts_of(task)) {
      check_fields({*script, &task, true});
      check_secret_shapes(*script, &task);
    }
    for (const Text* text : other_texts_of(task)) {
      check_fields({*text, &task, false});
    }
    for (const Variable& variable : task.variables) {
      check_variable(variable, &task);
    }
    for (const auto& [name, text] : task.environment) {
      check_named_secret(name, text, &task);
    }
    check_timeout(task);
  }

  void check_timeout(const Task& task) {
    if (!task.timeout.empty() || task.method == Method::Noop) {
      return;
    }
    const std::string limit = format_duration(kTaskTimeoutDefault);
    problems_.warning(
        "no-timeout",
        task.position,
        subject(&task),
        task.always_run
            ? concat("runs always and has no timeout: it can hold the end up for ", limit)
            : concat("has no timeout: it may run for ", limit),
        "add one, such as \"timeout: 10m\""
    );
  }

  void report_secret(std::string_view what, Position position, const Task* task) {
    problems_.warning(
        "hard-coded-secret",
        position,
        subject(task),
        concat("looks like ", what, " in the document"),
        "pass it as a parameter or through the environment of the host"
    );
  }

  bool check_secret_shapes(const Text& text, const Task* task) {
    const std::string_view body = text.text;
    bool found = false;
    if (problems_.full()) {
      return found;
    }
    for (const auto& [prefix, what] : kSecretShapes) {
      for (std::size_t at = body.find(prefix); at != std::string_view::npos;
           at = problems_.full() ? std::string_view::npos : body.find(prefix, at + 1)) {
        std::size_t end = at + prefix.size();
        while (end < body.size() && (is_word(body[end]) || body[end] == '-' || body[end] == ' ')) {
          if (body[end] == ' ' && prefix.front() != '-') {
            break;
          }
          ++end;
        }
        const bool starts_word = at == 0 || !(is_word(body[at - 1]) || body[at - 1] == '-');
        const bool key = prefix.front() == '-' &&
                         body.substr(at, end - at).find("PRIVATE KEY") != std::string_view::npos;
        const bool token = prefix.front() != '-' && end - at - prefix.size() >= kSecretTailMin;
        if (starts_word && (key || token)) {
          report_secret(what, place_of(text, at), task);
          found = true;
        }
      }
    }
    return found;
  }

  void check_named_secret(const std::string& name, const Text& text, const Task* task) {
    if (check_secret_shapes(text, task) || text.text.size() < kSecretValueMin ||
        text.text.find("{{") != std::string::npos || text.text.find('$') != std::string::npos) {
      return;
    }
    const std::string upper = to_upper(name);
    for (const std::string_view word :
         {"PASSWORD", "SECRET", "API_KEY", "APIKEY", "_TOKEN", "ACCESS_KEY"}) {
      const bool named = upper.ends_with(word) || upper == word.substr(word.find_first_not_of('_'));
      if (named && text.text.find_first_of(" /") == std::string::npos) {
        report_secret("a secret", text.position, task);
        return;
      }
    }
  }

  void check_cron() {
    for (const Trigger& trigger : workflow_.triggers) {
      if (const auto* cron = std::get_if<CronTrigger>(&trigger.source)) {
        check_cron(cron->expression);
      }
    }
  }

  void check_cron(std::string_view expression) {
    const std::string_view cron = trim(expression);
    if (cron.empty() || cron.starts_with('@') || templates::has_actions(cron)) {
      return;
    }
    std::size_t fields = 0;
    for (const std::string_view word : split(cron, ' ')) {
      fields += trim(word).empty() ? 0U : 1U;
    }
    if (fields == 6) {
      problems_.warning(
          "cron-six-fields",
          {},
          "cron_trigger",
          concat("\"", cron, "\" has six fields: the sixth is the year, there are no seconds"),
          "write five fields, or seven with seconds first"
      );
    } else if (fields < 5 || fields > 7) {
      problems_.warning(
          "cron-fields",
          {},
          "cron_trigger",
          concat("\"", cron, "\" has ", fields, " fields, a cron expression has 5, 6 or 7"),
          "write minute, hour, day of the month, month, day of the week"
      );
    }
  }

  const Workflow& workflow_;
  Problems& problems_;
  Outputs outputs_;
  Names params_;
  Names variables_;
};

}  // namespace

std::vector<Problem> lint(std::string_view text, const LoadOptions& options) {
  Problems problems(options.file);
  const auto workflow = load_into(text, options, problems);
  if (workflow != nullptr) {
    Linter(*workflow, problems).run();
  }
  return std::move(problems).take();
}

}  // namespace reeve::workflow
