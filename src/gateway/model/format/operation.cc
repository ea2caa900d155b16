#include "gateway/model/format/operation.h"

#include <array>

namespace reeve::gateway::model {

namespace {

constexpr std::string_view kOpenAi = "/llm/openai/v1/";
constexpr std::string_view kAnthropic = "/llm/anthropic/v1/";
constexpr std::string_view kModelsPrefix = "models/";

struct Entry {
  std::string_view path;
  std::string_view method;
  Operation operation;
};

constexpr std::array kOpenAiPaths = {
    Entry{"chat/completions", "POST", Operation::ChatCompletions},
    Entry{"responses", "POST", Operation::Responses},
    Entry{"embeddings", "POST", Operation::Embeddings},
    Entry{"models", "GET", Operation::Models}};
constexpr std::array kAnthropicPaths = {
    Entry{"messages", "POST", Operation::Messages},
    Entry{"messages/count_tokens", "POST", Operation::CountTokens},
    Entry{"models", "GET", Operation::Models}};

template <class Entries>
TargetReply find_in(
    const Entries& entries, Dialect dialect, std::string_view method, std::string_view rest
) {
  TargetReply reply;
  reply.dialect = dialect;
  OperationTarget target;
  target.dialect = dialect;
  std::string_view needed;
  for (const Entry& entry : entries) {
    if (entry.path == rest) {
      needed = entry.method;
      target.operation = entry.operation;
    }
  }
  if (needed.empty() && rest.starts_with(kModelsPrefix) && rest.size() > kModelsPrefix.size()) {
    needed = "GET";
    target.operation = Operation::Model;
    target.id = rest.substr(kModelsPrefix.size());
  }
  if (needed.empty()) {
    reply.problem = TargetProblem::NotFound;
  } else if (method != needed && !(method == "HEAD" && needed == "GET")) {
    reply.problem = TargetProblem::MethodNotAllowed;
    reply.allow = needed;
  } else {
    reply.target = std::move(target);
  }
  return reply;
}

}  // namespace

std::string_view to_string(Dialect dialect) {
  return dialect == Dialect::OpenAi ? "openai" : "anthropic";
}

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::ChatCompletions:
      return "chat.completions";
    case Operation::Responses:
      return "responses";
    case Operation::Embeddings:
      return "embeddings";
    case Operation::Messages:
      return "messages";
    case Operation::CountTokens:
      return "count_tokens";
    case Operation::Models:
      return "models";
    case Operation::Model:
      return "model";
  }
  return "";
}

bool is_metered(Operation operation) {
  return operation == Operation::ChatCompletions || operation == Operation::Responses ||
         operation == Operation::Embeddings || operation == Operation::Messages;
}

std::string_view upstream_path(Operation operation, Dialect dialect) {
  switch (operation) {
    case Operation::ChatCompletions:
      return "/chat/completions";
    case Operation::Responses:
      return "/responses";
    case Operation::Embeddings:
      return "/embeddings";
    case Operation::Messages:
      return "/v1/messages";
    case Operation::CountTokens:
      return "/v1/messages/count_tokens";
    case Operation::Models:
    case Operation::Model:
      return dialect == Dialect::OpenAi ? "/models" : "/v1/models";
  }
  return "";
}

TargetReply find_operation(std::string_view method, std::string_view path) {
  if (path.starts_with(kOpenAi)) {
    return find_in(kOpenAiPaths, Dialect::OpenAi, method, path.substr(kOpenAi.size()));
  }
  if (path.starts_with(kAnthropic)) {
    return find_in(kAnthropicPaths, Dialect::Anthropic, method, path.substr(kAnthropic.size()));
  }
  TargetReply reply;
  reply.problem = TargetProblem::NotFound;
  reply.dialect = path.starts_with("/llm/anthropic") ? Dialect::Anthropic : Dialect::OpenAi;
  return reply;
}

}  // namespace reeve::gateway::model
