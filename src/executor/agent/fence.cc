#include "executor/agent/fence.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

constexpr std::array<std::string_view, 22> kPrefixes = {
    "ANTHROPIC_", "OPENAI_",  "AWS_",      "AZURE_",     "GOOGLE_", "GEMINI_",
    "VERTEX_",    "BEDROCK_", "CLAUDE_",   "CLAUDECODE", "CODEX_",  "OPENCODE_",
    "MISTRAL_",   "GROQ_",    "DEEPSEEK_", "COHERE_",    "XAI_",    "OPENROUTER_",
    "HF_",        "HUGGING",  "TOGETHER_", "QWEN_"};

constexpr std::array<std::string_view, 8> kSuffixes = {
    "_API_KEY",
    "_TOKEN",
    "_SECRET",
    "_SECRET_KEY",
    "_ACCESS_KEY",
    "_PRIVATE_KEY",
    "_PASSWORD",
    "_CREDENTIALS"};

constexpr std::array<std::string_view, 3> kProxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"};

}  // namespace

bool is_withheld(std::string_view variable) {
  const std::string name = to_upper(variable);
  const auto begins = [&name](std::string_view prefix) {
    return name.starts_with(prefix);
  };
  const auto ends = [&name](std::string_view suffix) {
    return name.ends_with(suffix);
  };
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), begins) ||
         std::any_of(kSuffixes.begin(), kSuffixes.end(), ends) ||
         std::find(kProxies.begin(), kProxies.end(), name) != kProxies.end();
}

std::string value_of(const std::vector<model::NamedValue>& environment, std::string_view name) {
  std::string found;
  for (const auto& [key, value] : environment) {
    found = key == name ? value : found;
  }
  return found;
}

void set_value(
    std::vector<model::NamedValue>& environment, std::string_view name, std::string value
) {
  std::erase_if(environment, [name](const model::NamedValue& entry) {
    return entry.first == name;
  });
  environment.emplace_back(name, std::move(value));
}

Result<Fence> find_fence(const std::vector<model::NamedValue>& environment) {
  Fence fence;
  fence.api = value_of(environment, "REEVE_API");
  fence.token_file = value_of(environment, "REEVE_TOKEN_FILE");
  fence.ca_file = value_of(environment, "REEVE_CA_FILE");
  fence.socket = value_of(environment, "REEVE_GATEWAY_SOCKET");
  if (fence.api.empty() && !fence.socket.empty()) {
    fence.api = kSocketApi;
  }
  while (fence.api.ends_with('/')) {
    fence.api.pop_back();
  }
  if (fence.api.empty() || fence.token_file.empty()) {
    Error error = make_error(
        ErrorCode::Unsupported, "the run has no server to reach models and tools through"
    );
    error.hint = "start one with `reeve up` and submit the mission to it";
    return error;
  }
  return fence;
}

}  // namespace reeve::executor::agent
