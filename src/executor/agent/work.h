#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/money.h"
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// What an agent is given to do, as the task was rendered.
namespace reeve::executor::agent {

/// How often a built-in loop asks its model, unless it says so itself, and at most.
inline constexpr std::uint32_t kIterationsDefault = 5;
inline constexpr std::uint32_t kIterationsMax = 50;

/// Whose words a command line speaks.
enum class Dialect : std::uint8_t { Claude, Codex, OpenCode, Text };

/// What a command line may do with its own tools without asking.
enum class Permission : std::uint8_t { Default, AcceptEdits, Plan, Bypass };

/// A command line for agents.
struct CliSpec {
  /// Of its arguments; Text: it has its own, `argv`.
  Dialect arguments = Dialect::Text;
  /// Of what it prints.
  Dialect result = Dialect::Text;
  std::vector<std::string> argv;
  std::vector<std::string> args;
  Permission permission = Permission::Default;
};

enum class Format : std::uint8_t { Anthropic, OpenAi };

/// The loop that is built in.
struct LoopSpec {
  Format format = Format::Anthropic;
  std::uint32_t output_tokens_max = 4096;
  std::uint32_t history_max = 50;
  std::uint32_t schema_retries = 2;
  /// How long a run waits for people to decide about a tool call before it gives up its place.
  Duration decision_wait{60'000};
};

/// Where one run stops; 0: nowhere.
struct Limits {
  std::uint32_t iterations = 0;
  std::uint64_t tokens = 0;
  Money cost;
  Duration duration{0};
};

/// One piece of work. Exactly one of `cli` and `loop` is there.
struct Work {
  std::string agent;
  /// Of the mission: what another one of its name has left is none of ours.
  std::string mission_uid;
  std::string uid;
  std::int64_t generation = 0;
  std::string prompt;
  /// The session that is continued; `kPreviousSession`: that of the attempt before; empty: none.
  std::string session;
  /// Output name → JSON pointer into the result.
  std::vector<model::NamedValue> outputs;
  std::optional<CliSpec> cli;
  std::optional<LoopSpec> loop;
  std::string model;
  /// What the agent is told before every task.
  std::string system;
  /// Globs of `server__tool`.
  std::vector<std::string> tools;
  Limits limits;
  /// JSON schema of the result; null: any text.
  Json schema;
  std::vector<model::NamedValue> environment;
};

inline constexpr std::string_view kPreviousSession = "previous";

/// Reads the input of the tool strictly. Invalid: names what is wrong.
Result<Work> read_work(const Json& input);

/// Whether one of the globs has the name of the tool.
bool may_call(const std::vector<std::string>& globs, std::string_view tool);

}  // namespace reeve::executor::agent
