// Answers of models, whole and in pieces: both ways have to come to the same.

#include <algorithm>
#include <array>
#include <string>

#include "base/assert.h"
#include "fuzz.h"
#include "gateway/model/format/settlement.h"
#include "gateway/model/format/usage.h"

namespace reeve::fuzz {

namespace {

namespace model = reeve::gateway::model;

constexpr std::array kSamples = {
    std::string_view(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"m\","
        "\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: message_delta\r\n"
        "data:{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
        "{\"output_tokens\":3}}\r\n\r\ndata: {\"type\":\"message_stop\"}\n\n"
    ),
    std::string_view(
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"id\":\"1\"}]},"
        "\"finish_reason\":\"stop\"}]}\n\n: ping\n\ndata: {\"choices\":[],\"usage\":"
        "{\"prompt_tokens\":5,\"completion_tokens\":2,\"prompt_tokens_details\":"
        "{\"cached_tokens\":3}}}\n\ndata: [DONE]\n\n"
    ),
    std::string_view(
        "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":"
        "{\"input_tokens\":1,\"output_tokens\":2}}}\n\n"
    ),
    std::string_view(
        R"({"usage":{"input_tokens":1,"output_tokens":2,"iterations":[{"input_tokens":4}]}})"
    )};

struct Seen {
  model::AnswerFacts facts;
  std::string passed;
};

Seen seen(
    model::Operation operation,
    model::WatchOptions options,
    std::string_view bytes,
    std::size_t piece
) {
  Seen result;
  model::AnswerWatch watch(operation, std::move(options));
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    result.passed += watch.feed(bytes.substr(at, piece));
  }
  result.passed += watch.finish(true);
  result.facts = watch.facts();
  return result;
}

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  constexpr model::WorstCase kReserved{.input_tokens = 100, .output_tokens = 10};
  for (const model::Operation operation :
       {model::Operation::ChatCompletions,
        model::Operation::Responses,
        model::Operation::Messages}) {
    for (const model::AnswerForm form : {model::AnswerForm::Events, model::AnswerForm::Json}) {
      for (const bool withhold : {false, true}) {
        model::WatchOptions options{
            .form = form, .withhold_usage = withhold, .reserved = kReserved};
        const Seen whole = seen(operation, options, bytes, std::max<std::size_t>(bytes.size(), 1));
        const Seen pieces = seen(operation, options, bytes, 3);
        REEVE_ASSERT(whole.passed == pieces.passed);
        REEVE_ASSERT(withhold || whole.passed == bytes);
        REEVE_ASSERT(whole.facts.usage == pieces.facts.usage);
        REEVE_ASSERT(whole.facts.usage_final == pieces.facts.usage_final);
        REEVE_ASSERT(whole.facts.complete == pieces.facts.complete);
        REEVE_ASSERT(whole.facts.text_bytes == pieces.facts.text_bytes);
        REEVE_ASSERT(whole.facts.events == pieces.facts.events);
        const model::Settlement settled =
            model::settle(whole.facts, kReserved, {.status = 200, .clean = true});
        REEVE_ASSERT(settled.usage.all_input() <= kReserved.input_tokens);
        REEVE_ASSERT(settled.usage.output <= kReserved.output_tokens);
      }
    }
  }
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
