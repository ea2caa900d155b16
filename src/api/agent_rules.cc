#include "api/agent_rules.h"

#include <algorithm>
#include <iterator>

#include "api/output_schema.h"
#include "base/money.h"
#include "base/strings.h"
#include "base/time.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

/// Questions of the built-in loop; executor/agent/work.h refuses more when it starts.
constexpr std::int64_t kLoopIterationsMax = 50;
/// The same as gateway/tool/service.cc.
constexpr Duration kDecisionWaitMax = std::chrono::hours(1);
constexpr std::size_t kBytesPerToken = 4;

const Json& member(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kEmpty : *found;
}

bool has_text(const Json& list, std::string_view text) {
  return list.is_array() &&
         std::any_of(list.as_array().begin(), list.as_array().end(), [text](const Json& one) {
           return one.is_string() && one.as_string() == text;
         });
}

/// What is replaced in the arguments of a custom command; executor/agent/cli_plan does it.
constexpr std::string_view kPlaces[] = {
    "prompt", "promptFile", "model", "session", "schemaFile", "mcpConfigFile", "lastMessageFile"};

/// Places in the arguments that nothing is put into: `{modle}`.
void check_arguments(const Json& argv, std::vector<resource::Cause>& causes) {
  if (!argv.is_array()) {
    return;
  }
  for (std::size_t i = 0; i < argv.as_array().size(); ++i) {
    const Json& argument = argv.as_array()[i];
    const std::string_view text = argument.is_string() ? argument.as_string() : std::string_view();
    if (text.size() < 3 || text.front() != '{' || text.back() != '}') {
      continue;
    }
    const std::string_view name = text.substr(1, text.size() - 2);
    const bool is_word = std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (is_word && std::find(std::begin(kPlaces), std::end(kPlaces), name) == std::end(kPlaces)) {
      causes.push_back(resource::forbidden_value(
          concat("spec.cli.argv[", i, "]"),
          concat(
              "nothing is put there: there are {",
              join(std::vector<std::string>(std::begin(kPlaces), std::end(kPlaces)), "}, {"),
              "}"
          )
      ));
    }
  }
}

/// As workflows have them; see workflow/load.
bool is_variable(std::string_view name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

void check_environment(const Json& environment, std::vector<resource::Cause>& causes) {
  if (!environment.is_object()) {
    return;
  }
  for (const auto& [name, value] : environment.as_object()) {
    if (!is_variable(name)) {
      causes.push_back(resource::invalid_value(
          concat("spec.environment.", name),
          name,
          "no variable is called so: letters, digits and _, not beginning with a digit"
      ));
    }
  }
}

/// Limits at which a run would stop before it has begun.
void check_limits(const Json& limits, std::vector<resource::Cause>& causes) {
  const std::string time = limits.get_string("duration");
  const Result<Duration> duration = parse_duration(time);
  if (!time.empty() && duration && duration->count() <= 0) {
    causes.push_back(
        resource::invalid_value("spec.limits.duration", time, "must be longer than nothing")
    );
  }
  const std::string amount = limits.get_string("cost");
  const Result<Money> cost = Money::parse(amount);
  if (!amount.empty() && cost && cost->zero()) {
    causes.push_back(
        resource::invalid_value("spec.limits.cost", amount, "must be more than nothing")
    );
  }
}

/// The gateway holds a client no longer that says how long it waits.
void check_decision_wait(const Json& loop, std::vector<resource::Cause>& causes) {
  const std::string wait = loop.get_string("decisionWait");
  const Result<Duration> duration = parse_duration(wait);
  if (!wait.empty() && duration && *duration > kDecisionWaitMax) {
    causes.push_back(resource::invalid_value("spec.loop.decisionWait", wait, "must be at most 1h"));
  }
}

bool is_empty_list(const Json& list) {
  return !list.is_array() || list.as_array().empty();
}

}  // namespace

std::vector<resource::Cause> agent_causes(const Json& object) {
  const Json& spec = member(object, "spec");
  const Json& limits = member(spec, "limits");
  std::vector<resource::Cause> causes;
  if (has_text(member(spec, "validators"), member(object, "metadata").get_string("name"))) {
    causes.push_back(resource::forbidden_value("spec.validators", "nobody validates their own work")
    );
  }
  if (member(spec, "cli").get_string("command") == "custom" &&
      is_empty_list(member(member(spec, "cli"), "argv"))) {
    causes.push_back(resource::required_value("spec.cli.argv"));
  }
  if (member(spec, "cli").get_string("command") == "custom") {
    check_arguments(member(member(spec, "cli"), "argv"), causes);
  }
  check_limits(limits, causes);
  check_decision_wait(member(spec, "loop"), causes);
  check_environment(member(spec, "environment"), causes);
  if (const Json* schema = spec.find("outputSchema")) {
    std::vector<resource::Cause> found = output_schema_causes(*schema, "spec.outputSchema");
    std::move(found.begin(), found.end(), std::back_inserter(causes));
  }
  if (spec.find("loop") == nullptr) {
    return causes;
  }
  if (spec.get_string("model").empty()) {
    causes.push_back(resource::required_value("spec.model"));
  }
  if (limits.get_int("iterations") > kLoopIterationsMax) {
    causes.push_back(resource::forbidden_value(
        "spec.limits.iterations",
        concat("the built-in loop asks at most ", kLoopIterationsMax, " times")
    ));
  }
  if (!limits.get_string("cost").empty()) {
    causes.push_back(resource::forbidden_value(
        "spec.limits.cost", "the built-in loop knows no prices: use a BudgetQuota, or limit tokens"
    ));
  }
  return causes;
}

std::vector<std::string> agent_warnings(const Json& object) {
  const Json& spec = member(object, "spec");
  std::vector<std::string> warnings;
  const std::size_t tokens = spec.get_string("prompt").size() / kBytesPerToken;
  if (tokens > kAgentPromptTokensMax) {
    warnings.push_back(concat(
        "spec.prompt has about ",
        tokens,
        " tokens; an agent that needs more than ",
        kAgentPromptTokensMax,
        " is better made two"
    ));
  }
  if (has_text(member(spec, "tools"), "*")) {
    warnings.emplace_back("spec.tools allows every tool there is and will be: name those it needs");
  }
  return warnings;
}

}  // namespace reeve::api
