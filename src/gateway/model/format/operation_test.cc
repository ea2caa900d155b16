#include "gateway/model/format/operation.h"

#include <gtest/gtest.h>

namespace reeve::gateway::model {
namespace {

TEST(Operation, IsFoundByMethodAndPath) {
  const struct {
    std::string_view method;
    std::string_view path;
    Operation operation;
    Dialect dialect;
  } cases[] = {
      {"POST", "/llm/openai/v1/chat/completions", Operation::ChatCompletions, Dialect::OpenAi},
      {"POST", "/llm/openai/v1/responses", Operation::Responses, Dialect::OpenAi},
      {"POST", "/llm/openai/v1/embeddings", Operation::Embeddings, Dialect::OpenAi},
      {"GET", "/llm/openai/v1/models", Operation::Models, Dialect::OpenAi},
      {"HEAD", "/llm/openai/v1/models", Operation::Models, Dialect::OpenAi},
      {"POST", "/llm/anthropic/v1/messages", Operation::Messages, Dialect::Anthropic},
      {"POST",
       "/llm/anthropic/v1/messages/count_tokens",
       Operation::CountTokens,
       Dialect::Anthropic},
      {"GET", "/llm/anthropic/v1/models", Operation::Models, Dialect::Anthropic}};

  for (const auto& each : cases) {
    const TargetReply reply = find_operation(each.method, each.path);
    ASSERT_TRUE(reply.target) << each.path;
    EXPECT_EQ(reply.target->operation, each.operation) << each.path;
    EXPECT_EQ(reply.target->dialect, each.dialect) << each.path;
  }
}

TEST(Operation, TakesTheIdOfAModelWithItsSlashes) {
  const TargetReply reply = find_operation("GET", "/llm/openai/v1/models/qwen/qwen3-coder");
  ASSERT_TRUE(reply.target);
  EXPECT_EQ(reply.target->operation, Operation::Model);
  EXPECT_EQ(reply.target->id, "qwen/qwen3-coder");
}

TEST(Operation, IsNotFoundElsewhere) {
  for (const std::string_view path :
       {"/llm",
        "/llm/openai/v1",
        "/llm/openai/v1/",
        "/llm/openai/v1/models/",
        "/llm/openai/v1/messages",
        "/llm/anthropic/api/hello",
        "/llm/anthropic/v1/chat/completions",
        "/llm/openai/v1/chat/completions/"}) {
    EXPECT_EQ(find_operation("POST", path).problem, TargetProblem::NotFound) << path;
  }
  EXPECT_EQ(find_operation("HEAD", "/llm/anthropic/api/hello").dialect, Dialect::Anthropic);
}

TEST(Operation, TellsWhichMethodItTakes) {
  const TargetReply reply = find_operation("GET", "/llm/openai/v1/responses");
  EXPECT_EQ(reply.problem, TargetProblem::MethodNotAllowed);
  EXPECT_EQ(reply.allow, "POST");
}

TEST(Operation, IsMeteredIfAModelWorksForIt) {
  EXPECT_TRUE(is_metered(Operation::Messages));
  EXPECT_TRUE(is_metered(Operation::Embeddings));
  EXPECT_FALSE(is_metered(Operation::CountTokens));
  EXPECT_FALSE(is_metered(Operation::Models));
}

}  // namespace
}  // namespace reeve::gateway::model
