#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "executor/agent/history.h"
#include "executor/agent/work.h"

/// How models are asked, and what they answer: messages (anthropic) and chat completions (openai).
/// Pure.
namespace reeve::executor::agent {

/// Calls in one reply; one with more is refused.
inline constexpr std::size_t kCallsMax = 32;

/// A tool as the gateway lists it.
struct OfferedTool {
  std::string name;
  std::string description;
  /// JSON schema of its arguments.
  Json schema;
};

/// Everything of one question.
struct Question {
  std::string_view model;
  std::string_view system;
  const std::vector<Message>& messages;
  const std::vector<OfferedTool>& tools;
  std::uint32_t output_tokens_max = 0;
};

/// Why a model has stopped.
enum class Stop : std::uint8_t { Done, Tools, Length, Refused };

/// One reply.
struct Reply {
  Message message;
  Stop stop = Stop::Done;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

/// Below the address of the server: `/llm/anthropic/v1/messages`,
/// `/llm/openai/v1/chat/completions`.
std::string_view path_of(Format format);

/// The body of a request.
std::string encode_question(Format format, const Question& question);

/// Invalid: it is no reply of that format. LimitExceeded: more than kCallsMax calls.
Result<Reply> read_reply(Format format, std::string_view body);

/// What is the matter when a request was not answered with 200.
struct Refused {
  /// The budget is used up: asking again does not help.
  bool budget = false;
  std::string message;
};

Refused read_refusal(std::string_view body);

// A reply as a record of the journal.
Json to_json(const Reply& reply);
Result<Reply> reply_from_json(const Json& json);

}  // namespace reeve::executor::agent
