#include "coord/bundle/bundle.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::bundle {
namespace {

constexpr std::string_view kWhole = R"({
  "metadata": {"created_at": "2026-01-01T00:00:00Z", "phase": "build"},
  "mission": {"goal": "ship it", "success_criteria": ["tests pass"], "constraints": []},
  "current_state": {"completed": ["plan"], "in_progress": ["code"], "pending": ["review"]},
  "decisions": [{"decision": "use SQLite", "rationale": "one file", "alternatives_rejected": ["a server"]}],
  "open_questions": [{"question": "which port?", "impact": "small", "need_answer_by": "friday"}],
  "context": {"key_files": [{"path": "a.cc", "summary": "the core"}], "key_concepts": ["fences"],
              "external_resources": [{"url": "https://x", "summary": "manual"}]},
  "next_actions": [{"action": "write the code", "estimated_time": "1h", "dependencies": ["plan"]}]
})";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string faults_of(std::string_view text) {
  std::vector<Fault> faults;
  const auto bundle = Bundle::parse(text, faults);
  EXPECT_NE(bundle.ok(), !faults.empty());
  std::string all;
  for (const Fault& fault : faults) {
    all += (all.empty() ? "" : "\n") + fault.describe();
  }
  return all;
}

TEST(Bundle, TakesEverySection) {
  std::vector<Fault> faults;
  const auto bundle = Bundle::parse(kWhole, faults);
  ASSERT_TRUE(bundle.ok()) << bundle.error().describe();
  EXPECT_EQ(Bundle::parse(bundle->text(), faults)->text(), bundle->text());
  EXPECT_EQ(bundle->tokens(), (bundle->text().size() + 3) / 4);
}

TEST(Bundle, NeedsNextActions) {
  EXPECT_EQ(faults_of("{}"), "next_actions: is missing");
  EXPECT_EQ(faults_of(R"({"next_actions": []})"), "next_actions: must not be empty");
  EXPECT_EQ(faults_of(R"({"next_actions": [{"action": "go"}]})"), "");
}

TEST(Bundle, ListsEveryFaultWithItsField) {
  EXPECT_EQ(
      faults_of(R"({"decisions": [{"rationale": 1}], "mission": {"aim": "x"}, "notes": "y",
                    "next_actions": [{"action": " "}, 7], "current_state": {"pending": [2]}})"),
      "decisions[0].rationale: must be a text\n"
      "decisions[0].decision: is missing\n"
      "mission.aim: no such member; there are goal, success_criteria, constraints\n"
      "notes: no such section; there are metadata, mission, current_state, decisions, "
      "open_questions, context, next_actions\n"
      "next_actions[0].action: must not be empty\n"
      "next_actions[1]: must be an object\n"
      "current_state.pending[0]: must be a text"
  );
}

TEST(Bundle, MayCostTwoThousandTokensAndNoMore) {
  const std::string frame = R"({"next_actions":[{"action":""}]})";
  const auto with = [&](std::size_t bytes) {
    std::string text = frame;
    return text.insert(frame.size() - 4, std::string(bytes - frame.size(), 'x'));
  };
  EXPECT_EQ(faults_of(with(kTokensMax * kBytesPerToken)), "");
  EXPECT_EQ(
      faults_of(with(kTokensMax * kBytesPerToken + 1)),
      "is estimated at 2001 tokens; at most 2000 are allowed"
  );
}

TEST(Bundle, IsNotReadWhenItIsNoJsonOrTooLong) {
  EXPECT_TRUE(faults_of("next: actions").starts_with("is no JSON object: "));
  EXPECT_EQ(faults_of("[]"), "must be an object");
  EXPECT_TRUE(faults_of(std::string(kSourceBytesMax, ' ') + "{}").starts_with("is no JSON object"));
}

TEST(Bundle, ReportsABoundedNumberOfFaults) {
  std::string text = R"({"next_actions": [1)";
  for (int i = 0; i < 100; ++i) {
    text += ", 1";
  }
  std::vector<Fault> faults;
  EXPECT_FALSE(Bundle::parse(text + "]}", faults).ok());
  EXPECT_EQ(faults.size(), kFaultsMax);
}

TEST(Bundle, IsRenderedInTheOrderOfReading) {
  std::vector<Fault> faults;
  const auto bundle = Bundle::parse(kWhole, faults);
  ASSERT_TRUE(bundle.ok());
  const std::string text = bundle->render();
  EXPECT_TRUE(contains(
      text,
      "## Decisions\n- use SQLite\n  rationale: one file\n"
      "  alternatives rejected: a server\n"
  )) << text;
  EXPECT_TRUE(contains(text, "## Next actions\n- write the code\n")) << text;
  EXPECT_TRUE(contains(text, "key files:\n- a.cc\n  summary: the core\n")) << text;
  EXPECT_LT(text.find("## Mission"), text.find("## Next actions"));
}

}  // namespace
}  // namespace reeve::bundle
