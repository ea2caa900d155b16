#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/functions.h"
#include "workflow/trigger/evaluate.h"

/// For the tests of this folder.
namespace reeve::trigger {

inline Timestamp utc(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : Timestamp{};
}

inline const Timestamp kNow = utc("2026-07-07T10:17:23.000Z");

/// A workflow with one trigger.
struct Fixture {
  workflow::Workflow workflow;
  workflow::Trigger trigger;
  templates::FunctionTable functions = workflow::make_functions(1, kNow);

  Fixture() {
    workflow.name = "orders";
    workflow.format = workflow::Format::Formicary;
    trigger.name = "new-order";
  }

  static workflow::Text text(std::string value) {
    return {.text = std::move(value), .position = {7, 3}};
  }

  void param(std::string name, std::string value) {
    trigger.params.emplace_back(std::move(name), text(std::move(value)));
  }

  Context context() const {
    return {.workflow = workflow, .trigger = trigger, .functions = functions};
  }

  /// A message with this body.
  Outcome message(std::string body, const RateWindow& window = {}) const {
    const ChannelMessage message{
        .channel = "orders", .id = "1", .body = std::move(body), .properties = {{"kind", "big"}}};
    return evaluate(context(), message_occurrence(message, kNow), window);
  }
};

/// "fired a=1 b=2 user=k", "filtered", "failed: <error>".
inline std::string shown(const Outcome& outcome) {
  std::string text(to_string(outcome.verdict));
  for (const auto& [name, value] : outcome.submission.params) {
    text += concat(" ", name, "=", value);
  }
  if (!outcome.submission.user_key.empty()) {
    text += concat(" user=", outcome.submission.user_key);
  }
  if (!outcome.error.message.empty()) {
    text += concat(": ", outcome.error.describe());
  }
  return text;
}

}  // namespace reeve::trigger
