// Requests to models: what is read of them, and what is sent after edits.

#include <array>
#include <string>

#include "base/assert.h"
#include "base/json.h"
#include "fuzz.h"
#include "gateway/model/format/cache_key.h"
#include "gateway/model/format/estimate.h"
#include "gateway/model/format/guardrail.h"
#include "gateway/model/format/request_scan.h"

namespace reeve::fuzz {

namespace {

namespace model = reeve::gateway::model;

constexpr std::array kSamples = {
    std::string_view(
        R"({"model":"m","stream":true,"stream_options":{"include_usage":false},"max_tokens":null,)"
        R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":)"
        R"("data:image/png;base64,AAAA"}}]}],"tools":[{"type":"function"}],"n":2})"
    ),
    std::string_view(
        R"({"model":"claude","max_tokens":128000,"system":[{"type":"text","text":"\ud83d\ude00"}],)"
        R"("messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":)"
        R"({"type":"base64","data":"AAAA"}}]}]}],"metadata":{"user_id":"AKIAIOSFODNN7EXAMPLE"}})"
    ),
    std::string_view(
        R"({"model":"gpt","input":[{"type":"function_call_output","output":"x"}],)"
        R"("previous_response_id":"r","tools":[{"type":"namespace","tools":[{"type":"mcp"}]}]})"
    )};

constexpr std::array kOperations = {
    model::Operation::ChatCompletions,
    model::Operation::Responses,
    model::Operation::Messages,
    model::Operation::Embeddings};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  const auto secrets = model::GuardrailSet::secrets();
  for (const model::Operation operation : kOperations) {
    const Result<model::RequestScan> scan = model::scan_request(operation, bytes);
    if (!scan) {
      continue;
    }
    (void)model::worst_case(operation, *scan, {});
    (void)model::cache_key({.ns = "n", .route = "r", .route_state = "1"}, bytes);
    model::RequestEdits edits{.model = "other", .ask_for_usage = true, .output_limit = 10};
    const model::BodyFindings found = model::search_body(*secrets, bytes);
    if (found.action != model::GuardrailAction::Block) {
      for (const model::Finding& each : found.findings) {
        edits.splices.push_back({.at = each.at, .text = model::redaction_of(*secrets, each.rule)});
      }
    }
    // What was a request is one still, and has what it was given.
    const std::string made =
        model::edit_request(operation, bytes, *scan, edits).value_or(std::string(bytes));
    const Result<model::RequestScan> again = model::scan_request(operation, made);
    REEVE_ASSERT(again.ok());
    REEVE_ASSERT(scan->model.empty() || again->model == "other");
    REEVE_ASSERT(
        operation != model::Operation::ChatCompletions || !scan->stream || again->include_usage
    );
    REEVE_ASSERT(operation == model::Operation::Embeddings || again->output_limit().has_value());
  }
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
