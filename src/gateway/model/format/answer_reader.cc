#include "gateway/model/format/answer_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/hash.h"
#include "gateway/model/format/request_scan.h"
#include "gateway/model/format/usage.h"

namespace reeve::gateway::model {

namespace {

/// Members of what a model says that it has not made.
bool is_plain(std::string_view key) {
  constexpr std::array<std::string_view, 12> kNames = {
      "type",
      "id",
      "role",
      "status",
      "call_id",
      "index",
      "object",
      "finish_reason",
      "stop_reason",
      "stop_sequence",
      "signature",
      "encrypted_content"};
  return std::find(kNames.begin(), kNames.end(), key) != kNames.end();
}

bool is_client_call(std::string_view type) {
  constexpr std::array<std::string_view, 7> kNames = {
      "tool_use",
      "function_call",
      "custom_tool_call",
      "local_shell_call",
      "shell_call",
      "apply_patch_call",
      "computer_call"};
  return std::find(kNames.begin(), kNames.end(), type) != kNames.end();
}

bool is_hosted_call(std::string_view type) {
  constexpr std::array<std::string_view, 7> kNames = {
      "server_tool_use",
      "mcp_tool_use",
      "web_search_call",
      "file_search_call",
      "code_interpreter_call",
      "mcp_call",
      "image_generation_call"};
  return std::find(kNames.begin(), kNames.end(), type) != kNames.end();
}

}  // namespace

std::vector<std::optional<std::uint64_t>*> RawUsage::parts() {
  return {
      &input,
      &output,
      &cached,
      &cache_written,
      &cache_read,
      &cache_creation,
      &cache_creation_long,
      &hosted_calls};
}

bool keep_largest(RawUsage& kept, RawUsage& next) {
  bool smaller = false;
  kept.faults |= next.faults;
  const auto old_parts = kept.parts();
  const auto new_parts = next.parts();
  for (std::size_t i = 0; i < old_parts.size(); ++i) {
    if (!*new_parts[i]) {
      continue;
    }
    smaller = smaller || (*old_parts[i] && **new_parts[i] < **old_parts[i]);
    *old_parts[i] = std::max(old_parts[i]->value_or(0), **new_parts[i]);
  }
  return smaller;
}

void AnswerReader::reset() {
  frames_.clear();
  event_ = {};
  iterations_ = {};
  has_iterations_ = false;
  in_iteration_ = false;
}

AnswerReader::Role AnswerReader::root_child(std::string_view key, bool object) const {
  if (object) {
    return key == "usage"                ? Role::Usage
           : key == "error"              ? Role::Error
           : key == "message"            ? Role::Message
           : key == "response"           ? Role::Response
           : key == "delta"              ? Role::Delta
           : key == "content_block"      ? Role::Item
           : key == "item"               ? Role::Item
           : key == "incomplete_details" ? Role::Incomplete
                                         : Role::Other;
  }
  if (key == "choices") {
    return Role::Choices;
  }
  const bool items = (key == "content" && operation_ == Operation::Messages) ||
                     (key == "output" && operation_ == Operation::Responses);
  return items ? Role::Items : Role::Other;
}

AnswerReader::Role AnswerReader::usage_child(std::string_view key, bool object) {
  if (!object) {
    return key == "iterations" ? Role::Iterations : Role::Other;
  }
  return key == "prompt_tokens_details" || key == "input_tokens_details" ? Role::Details
         : key == "cache_creation"                                       ? Role::CacheCreation
         : key == "server_tool_use"                                      ? Role::ServerTools
                                                                         : Role::Other;
}

AnswerReader::Frame AnswerReader::child(const Frame& parent, bool object) const {
  Frame made;
  made.text = parent.text && !parent.plain_key;
  const std::string& key = parent.key;
  switch (parent.role) {
    case Role::Root:
      made.role = root_child(key, object);
      made.text = made.role == Role::Delta || (made.role == Role::Item && key == "content_block");
      break;
    case Role::Message:
    case Role::Response:
      made.role = object && key == "usage"                ? Role::Usage
                  : object && key == "error"              ? Role::Error
                  : object && key == "incomplete_details" ? Role::Incomplete
                                                          : Role::Other;
      break;
    case Role::Choices:
      made.role = object ? Role::Choice : Role::Other;
      break;
    case Role::Choice:
      made.text = object && (key == "delta" || key == "message");
      made.role = made.text ? Role::Delta : Role::Other;
      break;
    case Role::Items:
      made.role = object ? Role::Item : Role::Other;
      made.text = true;
      break;
    case Role::Delta:
      made.role = !object && key == "tool_calls" ? Role::ToolCalls : Role::Other;
      break;
    case Role::ToolCalls:
      made.role = object ? Role::ToolCall : Role::Other;
      break;
    case Role::Usage:
    case Role::Iteration:
      made.role = usage_child(key, object);
      break;
    case Role::Iterations:
      made.role = object ? Role::Iteration : Role::Other;
      break;
    case Role::Other:
    case Role::Error:
    case Role::Incomplete:
    case Role::ToolCall:
    case Role::Item:
    case Role::Details:
    case Role::CacheCreation:
    case Role::ServerTools:
      break;
  }
  return made;
}

void AnswerReader::on_begin(bool object, std::size_t /*at*/) {
  Frame made;
  if (frames_.empty()) {
    made.role = object ? Role::Root : Role::Other;
  } else {
    made = child(frames_.back(), object);
  }
  if (made.role == Role::Choices) {
    event_.has_choices = true;
    event_.choices_empty = true;
  } else if (made.role == Role::Choice) {
    event_.choices_empty = false;
  } else if (made.role == Role::Usage) {
    event_.has_usage = true;
  } else if (made.role == Role::Iteration) {
    iteration_ = {};
    in_iteration_ = true;
  } else if (made.role == Role::Error) {
    event_.failed = true;
  }
  frames_.push_back(std::move(made));
}

void AnswerReader::on_end(bool /*object*/, std::size_t /*end*/) {
  const Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.role == Role::Item) {
    end_item(frame);
  } else if (frame.role == Role::Iteration) {
    in_iteration_ = false;
    has_iterations_ = true;
    iterations_.faults |= iteration_.faults;
    const auto sums = iterations_.parts();
    const auto parts = iteration_.parts();
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (*parts[i]) {
        *sums[i] = std::min(sums[i]->value_or(0) + **parts[i], kRequestTokensMax);
      }
    }
  } else if (frame.role == Role::Usage) {
    end_usage();
  }
}

/// What was used by all rounds of one answer; their sum may be missing in the numbers above them.
void AnswerReader::end_usage() {
  if (has_iterations_) {
    (void)keep_largest(event_.usage, iterations_);
    iterations_ = {};
    has_iterations_ = false;
  }
}

void AnswerReader::end_item(const Frame& item) {
  // Items of Responses are told when they begin and when they are over.
  const bool counts = event_.type != "response.output_item.added";
  if (counts && is_client_call(item.type)) {
    event_.calls += 1;
  } else if (counts && is_hosted_call(item.type)) {
    event_.hosted_calls += 1;
  } else if (
      item.type == "reasoning" || item.type == "thinking" || item.type == "redacted_thinking"
  ) {
    event_.hidden = true;
  }
}

void AnswerReader::on_key(std::string_view name, ByteRange /*at*/) {
  Frame& frame = frames_.back();
  frame.key = name;
  frame.plain_key = frame.text && is_plain(name);
}

void AnswerReader::on_text(std::string_view piece) {
  if (frames_.empty()) {
    return;
  }
  const Frame& frame = frames_.back();
  const bool text = (frame.text && !frame.plain_key) ||
                    (frame.role == Role::Root && frame.key == "delta") ||
                    (frame.role == Role::Choice && frame.key == "text");
  if (text && on_text_) {
    on_text_(piece);
  }
}

void AnswerReader::on_string(std::string_view kept, std::size_t /*size*/, ByteRange /*at*/) {
  if (frames_.empty()) {
    return;
  }
  Frame& frame = frames_.back();
  if (frame.role == Role::Item && frame.key == "type") {
    frame.type = kept;
  } else if (number_of(frame) != nullptr) {
    event_.usage.faults |= kUsageNotNumbers;
  } else {
    text_of_role(frame, kept);
  }
}

void AnswerReader::text_of_role(const Frame& frame, std::string_view kept) {
  const std::string& key = frame.key;
  switch (frame.role) {
    case Role::Root:
    case Role::Message:
    case Role::Response:
      if (key == "type" && frame.role == Role::Root) {
        event_.type = kept;
      } else if (key == "model") {
        event_.model = kept.substr(0, kModelNameBytesMax);
      } else if (key == "status") {
        event_.status = kept;
      } else if (key == "stop_reason") {
        event_.stop_reason = kept;
      } else if (key == "error" && frame.role == Role::Root) {
        event_.failed = true;
      } else if (key == "code" && frame.role == Role::Root) {
        event_.error = kept;
      }
      break;
    case Role::Delta:
      if (key == "stop_reason") {
        event_.stop_reason = kept;
      }
      break;
    case Role::Choice:
      if (key == "finish_reason") {
        event_.stop_reason = kept;
      }
      break;
    case Role::Incomplete:
      if (key == "reason") {
        event_.stop_reason = kept;
      }
      break;
    case Role::Error:
      if (key == "type" || (key == "code" && event_.error.empty())) {
        event_.error = kept;
      }
      break;
    case Role::ToolCall:
      if (key == "id" && !kept.empty() && event_.call_ids.size() < kCallsSeenMax) {
        event_.call_ids.push_back(stable_hash(kept));
      }
      break;
    case Role::Other:
    case Role::Choices:
    case Role::ToolCalls:
    case Role::Items:
    case Role::Item:
    case Role::Usage:
    case Role::Iterations:
    case Role::Iteration:
    case Role::Details:
    case Role::CacheCreation:
    case Role::ServerTools:
      break;
  }
}

std::optional<std::uint64_t>* AnswerReader::number_of(const Frame& frame) {
  const std::string& key = frame.key;
  RawUsage& usage = in_iteration_ ? iteration_ : event_.usage;
  switch (frame.role) {
    case Role::Usage:
    case Role::Iteration:
      return key == "prompt_tokens" || key == "input_tokens"        ? &usage.input
             : key == "completion_tokens" || key == "output_tokens" ? &usage.output
             : key == "cache_read_input_tokens"                     ? &usage.cache_read
             : key == "cache_creation_input_tokens"                 ? &usage.cache_creation
                                                                    : nullptr;
    case Role::Details:
      return key == "cached_tokens"        ? &usage.cached
             : key == "cache_write_tokens" ? &usage.cache_written
                                           : nullptr;
    case Role::CacheCreation:
      return key == "ephemeral_1h_input_tokens" ? &usage.cache_creation_long : nullptr;
    case Role::ServerTools:
      return key == "web_search_requests" || key == "web_fetch_requests" ? &usage.hosted_calls
                                                                         : nullptr;
    case Role::Other:
    case Role::Root:
    case Role::Message:
    case Role::Response:
    case Role::Error:
    case Role::Incomplete:
    case Role::Choices:
    case Role::Choice:
    case Role::Delta:
    case Role::ToolCalls:
    case Role::ToolCall:
    case Role::Items:
    case Role::Item:
    case Role::Iterations:
      return nullptr;
  }
  return nullptr;
}

void AnswerReader::on_literal(std::string_view text, ByteRange /*at*/) {
  if (frames_.empty() || text == "null") {
    return;
  }
  std::optional<std::uint64_t>* place = number_of(frames_.back());
  if (place == nullptr) {
    return;
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range || number > kRequestTokensMax) {
    event_.usage.faults |= kUsageAbsurd;
  } else if (error != std::errc() || end != text.data() + text.size()) {
    event_.usage.faults |= kUsageNotNumbers;
  } else {
    *place = number;
  }
}

}  // namespace reeve::gateway::model
