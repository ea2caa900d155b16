#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "gateway/model/format/request_scan.h"

namespace reeve::gateway::model {

namespace {

/// Where a limit is put if nobody says otherwise.
std::string_view usual_limit_member(Operation operation) {
  switch (operation) {
    case Operation::ChatCompletions:
      return "max_completion_tokens";
    case Operation::Responses:
      return "max_output_tokens";
    case Operation::Messages:
      return "max_tokens";
    case Operation::Embeddings:
    case Operation::CountTokens:
    case Operation::Models:
    case Operation::Model:
      return "";
  }
  return "";
}

Splice usage_splice(const RequestScan& scan, std::string& inserted) {
  if (scan.include_usage_at) {
    return {.at = *scan.include_usage_at, .text = "true"};
  }
  if (scan.stream_options_at && !scan.stream_options_null) {
    const std::size_t at = scan.stream_options_at->begin + 1;
    return {
        .at = {at, at},
        .text = scan.stream_options_empty ? R"("include_usage":true)" : R"("include_usage":true,)"};
  }
  if (scan.stream_options_at) {
    return {.at = *scan.stream_options_at, .text = R"({"include_usage":true})"};
  }
  inserted += R"("stream_options":{"include_usage":true},)";
  return {};
}

/// What the edits other than redactions change.
std::vector<Splice> own_splices(
    Operation operation, const RequestScan& scan, const RequestEdits& edits
) {
  std::vector<Splice> splices;
  std::string inserted;
  if (edits.model && scan.model_at.size() > 0) {
    Splice splice{.at = scan.model_at, .text = {}};
    append_json_string(splice.text, *edits.model);
    splices.push_back(std::move(splice));
  }
  if (edits.ask_for_usage && operation == Operation::ChatCompletions && scan.stream &&
      !scan.include_usage) {
    Splice splice = usage_splice(scan, inserted);
    if (!splice.text.empty()) {
      splices.push_back(std::move(splice));
    }
  }
  const std::string_view usual = usual_limit_member(operation);
  if (edits.output_limit && !scan.output_limit() && !usual.empty()) {
    const std::string_view member =
        edits.output_limit_member.empty() ? usual : std::string_view(edits.output_limit_member);
    const auto null =
        std::find_if(scan.null_limits.begin(), scan.null_limits.end(), [&](const auto& each) {
          return each.first == member;
        });
    if (null != scan.null_limits.end()) {
      splices.push_back({.at = null->second, .text = concat(*edits.output_limit)});
    } else {
      inserted += concat('"', member, "\":", *edits.output_limit, ',');
    }
  }
  if (!inserted.empty()) {
    if (scan.empty_object) {
      inserted.pop_back();
    }
    splices.push_back({.at = {scan.members_at, scan.members_at}, .text = std::move(inserted)});
  }
  return splices;
}

}  // namespace

std::optional<std::string> edit_request(
    Operation operation, std::string_view body, const RequestScan& scan, const RequestEdits& edits
) {
  std::vector<Splice> splices = own_splices(operation, scan, edits);
  const std::size_t own = splices.size();
  for (const Splice& each : edits.splices) {
    const bool touches = std::any_of(
        splices.begin(),
        splices.begin() + static_cast<std::ptrdiff_t>(own),
        [&](const Splice& other) {
          return each.at.begin < other.at.end && other.at.begin < each.at.end;
        }
    );
    if (!touches) {
      splices.push_back(each);
    }
  }
  if (splices.empty()) {
    return std::nullopt;
  }
  std::sort(splices.begin(), splices.end(), [](const Splice& a, const Splice& b) {
    return std::pair(a.at.begin, a.at.end) < std::pair(b.at.begin, b.at.end);
  });
  std::string out;
  std::size_t at = 0;
  for (const Splice& each : splices) {
    const std::size_t begin = std::max(each.at.begin, at);
    if (each.at.end < begin || each.at.end > body.size()) {
      continue;
    }
    out += body.substr(at, begin - at);
    out += each.text;
    at = each.at.end;
  }
  out += body.substr(at);
  return out;
}

}  // namespace reeve::gateway::model
