#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What models are asked and what they answer: read as it passes, never written anew. Pure.
namespace reeve::gateway::model {

/// Whose API is spoken.
enum class Dialect : std::uint8_t { OpenAi, Anthropic };

std::string_view to_string(Dialect dialect);  ///< "openai", "anthropic"

/// What a client may ask.
enum class Operation : std::uint8_t {
  ChatCompletions,
  Responses,
  Embeddings,
  Messages,
  CountTokens,
  /// Lists the models that may be asked.
  Models,
  /// Shows one of them.
  Model,
};

std::string_view to_string(Operation operation);  ///< "chat.completions", "messages", …

/// Whether a model works for it, so that something is reserved before it is sent. Not counting,
/// and not showing models.
bool is_metered(Operation operation);

/// Below the base URL of a provider: "/chat/completions" below `https://api.openai.com/v1`,
/// "/v1/messages" below `https://api.anthropic.com`. Of Models and Model: where they are listed.
std::string_view upstream_path(Operation operation, Dialect dialect);

/// What a request is for.
struct OperationTarget {
  Operation operation = Operation::ChatCompletions;
  Dialect dialect = Dialect::OpenAi;
  /// Of Model: its id, which may contain slashes. As it was written: `%2F` is not decoded.
  std::string id;
};

/// Why a request is for nothing.
enum class TargetProblem : std::uint8_t { None, NotFound, MethodNotAllowed };

/// What was found, or why nothing was.
struct TargetReply {
  std::optional<OperationTarget> target;
  TargetProblem problem = TargetProblem::None;
  /// What to answer in: told by the path even if nothing else is.
  Dialect dialect = Dialect::OpenAi;
  /// Of MethodNotAllowed: the method that it takes.
  std::string_view allow;
};

/// `path` begins with "/llm" and has no query. HEAD counts as GET.
TargetReply find_operation(std::string_view method, std::string_view path);

}  // namespace reeve::gateway::model
