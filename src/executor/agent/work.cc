#include "executor/agent/work.h"

#include <algorithm>
#include <array>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

/// The index of `word` among `words`; Invalid: it is none of them.
template <std::size_t N>
Result<std::size_t> choice(
    const std::string& word, const std::array<std::string_view, N>& words, std::string subject
) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) {
    return make_error(
        ErrorCode::Invalid, concat("\"", word, "\" is not known"), std::move(subject)
    );
  }
  return static_cast<std::size_t>(found - words.begin());
}

Result<CliSpec> read_cli(const Json& json) {
  constexpr std::array<std::string_view, 4> kCommands = {"claude", "codex", "opencode", "custom"};
  constexpr std::array<std::string_view, 4> kResults = {"claude", "codex", "opencode", "text"};
  constexpr std::array<std::string_view, 4> kPermissions = {
      "default", "acceptEdits", "plan", "bypass"};
  CliSpec cli;
  Fields fields(json, "cli");
  const std::string command = fields.required_text("command");
  const std::string result = fields.text("result", "text");
  const std::string permission = fields.text("permissionMode", "default");
  cli.argv = fields.text_list("argv");
  cli.args = fields.text_list("args");
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const std::size_t dialect, choice(command, kCommands, "cli.command"));
  REEVE_TRY(const std::size_t printed, choice(result, kResults, "cli.result"));
  REEVE_TRY(const std::size_t mode, choice(permission, kPermissions, "cli.permissionMode"));
  cli.arguments = static_cast<Dialect>(dialect);
  cli.result = cli.arguments == Dialect::Text ? static_cast<Dialect>(printed) : cli.arguments;
  cli.permission = static_cast<Permission>(mode);
  if (cli.arguments == Dialect::Text && cli.argv.empty()) {
    return make_error(ErrorCode::Invalid, "is missing for a custom command", "cli.argv");
  }
  return cli;
}

Result<LoopSpec> read_loop(const Json& json) {
  constexpr std::array<std::string_view, 2> kFormats = {"anthropic", "openai"};
  constexpr std::int64_t kOutputTokensMax = 1'000'000;
  constexpr std::int64_t kHistoryMin = 10;
  constexpr std::int64_t kHistoryMax = 1000;
  constexpr std::int64_t kSchemaRetriesMax = 10;
  LoopSpec loop;
  Fields fields(json, "loop");
  const std::string format = fields.text("format", "anthropic");
  loop.output_tokens_max =
      static_cast<std::uint32_t>(fields.optional_number("maxOutputTokens", 1, kOutputTokensMax)
                                     .value_or(loop.output_tokens_max));
  loop.history_max = static_cast<std::uint32_t>(
      fields.optional_number("historyMax", kHistoryMin, kHistoryMax).value_or(loop.history_max)
  );
  loop.schema_retries = static_cast<std::uint32_t>(
      fields.optional_number("schemaRetries", 0, kSchemaRetriesMax).value_or(loop.schema_retries)
  );
  const std::string decision_wait = fields.text("decisionWait");
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const std::size_t chosen, choice(format, kFormats, "loop.format"));
  loop.format = static_cast<Format>(chosen);
  if (!decision_wait.empty()) {
    REEVE_TRY(loop.decision_wait, parse_duration(decision_wait));
  }
  return loop;
}

Result<Limits> read_limits(const Json& json) {
  constexpr std::int64_t kCliIterationsMax = 1000;
  Limits limits;
  Fields fields(json, "limits");
  limits.iterations = static_cast<std::uint32_t>(fields.number("iterations", 1, kCliIterationsMax));
  limits.tokens = static_cast<std::uint64_t>(fields.number("tokens", 1, INT64_MAX));
  const std::string cost = fields.text("cost");
  const std::string duration = fields.text("duration");
  REEVE_CHECK(fields.finish());
  if (!cost.empty()) {
    REEVE_TRY(limits.cost, Money::parse(cost));
  }
  if (!duration.empty()) {
    REEVE_TRY(limits.duration, parse_duration(duration));
  }
  return limits;
}

/// What cannot be kept is refused, not forgotten.
Result<void> check_loop(const Work& work) {
  if (work.limits.iterations > kIterationsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the built-in loop asks at most ", kIterationsMax, " times"),
        "limits.iterations"
    );
  }
  if (!work.limits.cost.zero()) {
    Error error =
        make_error(ErrorCode::Unsupported, "the built-in loop knows no prices", "limits.cost");
    error.hint = "limit the cost with a BudgetQuota, or limit tokens";
    return error;
  }
  if (work.model.empty()) {
    return make_error(ErrorCode::Invalid, "is missing: the built-in loop asks a model", "model");
  }
  if (!work.session.empty() && work.session != kPreviousSession) {
    return make_error(
        ErrorCode::Unsupported, "the built-in loop has no sessions of others", "session"
    );
  }
  return {};
}

Result<void> read_spec(const Json& json, Work& work) {
  Fields fields(json, "agent.spec");
  const Json* const cli = fields.object("cli");
  const Json* const loop = fields.object("loop");
  const Json* const limits = fields.object("limits");
  const Json* const schema = fields.object("outputSchema");
  work.model = fields.text("model");
  work.system = fields.text("prompt");
  work.tools = fields.text_list("tools");
  work.environment = fields.texts("environment");
  for (const char* elsewhere : {"description", "clearance", "validators", "sandbox"}) {
    fields.skip(elsewhere);
  }
  REEVE_CHECK(fields.finish());
  if ((cli != nullptr) == (loop != nullptr)) {
    return make_error(ErrorCode::Invalid, "has either \"cli\" or \"loop\"", "agent.spec");
  }
  if (schema != nullptr) {
    work.schema = *schema;
  }
  if (limits != nullptr) {
    REEVE_TRY(work.limits, read_limits(*limits));
  }
  if (cli != nullptr) {
    REEVE_TRY(work.cli, read_cli(*cli));
    return {};
  }
  REEVE_TRY(work.loop, read_loop(*loop));
  return check_loop(work);
}

}  // namespace

Result<Work> read_work(const Json& input) {
  Work work;
  Fields fields(input, "agent");
  const Json* const agent = fields.object("agent");
  work.prompt = fields.required_text("prompt");
  work.session = fields.text("session");
  work.mission_uid = fields.text("mission");
  work.outputs = fields.texts("outputs");
  REEVE_CHECK(fields.finish());
  if (agent == nullptr) {
    return make_error(ErrorCode::Invalid, "is missing", "agent");
  }
  Fields named(*agent, "agent");
  work.agent = named.required_text("name");
  work.uid = named.text("uid");
  work.generation = named.number("generation", 0, INT64_MAX);
  const Json* const spec = named.object("spec");
  REEVE_CHECK(named.finish());
  if (spec == nullptr) {
    return make_error(ErrorCode::Invalid, "is missing", "agent.spec");
  }
  REEVE_CHECK(read_spec(*spec, work));
  return work;
}

bool may_call(const std::vector<std::string>& globs, std::string_view tool) {
  return std::any_of(globs.begin(), globs.end(), [tool](const std::string& glob) {
    return glob_match(glob, tool);
  });
}

}  // namespace reeve::executor::agent
