#include "engine/tool_call.h"

#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace reeve::engine {
namespace {

using S = ToolCallState;

std::vector<S> all_states() {
  std::vector<S> states;
  for (std::size_t i = 0; i < kToolCallStates; ++i) {
    states.push_back(static_cast<S>(i));
  }
  return states;
}

TEST(ToolCallTable, HasTheseMovesAndNoOthers) {
  const std::set<std::pair<S, S>> legal = {
      {S::Pending, S::Approved},
      {S::Pending, S::Rejected},
      {S::Pending, S::Expired},
      {S::Approved, S::Executing},
      {S::Approved, S::Expired},
      {S::Approved, S::Failed},
      {S::Executing, S::Completed},
      {S::Executing, S::Failed},
      {S::Executing, S::Unknown},
      {S::Completed, S::RolledBack}};
  for (const S from : all_states()) {
    for (const S to : all_states()) {
      EXPECT_EQ(may_move(from, to), legal.contains({from, to}))
          << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(ToolCallTable, LeadsToExecutionOnceAtMost) {
  for (const S from : all_states()) {
    EXPECT_EQ(may_move(from, S::Executing), from == S::Approved) << to_string(from);
    EXPECT_FALSE(may_move(from, S::Pending)) << to_string(from);
  }
  for (const S state : {S::Rejected, S::Expired, S::Failed, S::RolledBack, S::Unknown}) {
    for (const S to : all_states()) {
      EXPECT_FALSE(may_move(state, to)) << to_string(state) << " to " << to_string(to);
    }
  }
}

TEST(ToolCallTable, HasANameForEachState) {
  for (const S state : all_states()) {
    const auto back = parse_tool_call_state(to_string(state));
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, state);
    EXPECT_EQ(is_open(state), state == S::Pending || state == S::Approved || state == S::Executing);
    EXPECT_EQ(may_begin_as(state), is_open(state) || state == S::Rejected);
  }
  EXPECT_FALSE(parse_tool_call_state("DONE").ok());
}

ToolCall full_call() {
  ToolCall call;
  call.spec =
      *parse_json(R"({"server":"files","tool":"write","argumentsHash":"aa","caller":"run:m.1.a.1",)"
                  R"("mission":"m","run":"m.1.a.1","arguments":{"path":"x"},"untrusted":true})");
  EXPECT_TRUE(read_spec(call).ok());
  call.uid = Uid("u");
  call.created = Revision(3);
  call.revision = Revision(9);
  call.ended = Revision(8);
  call.spiral = Revision(9);
  call.created_at = from_unix_millis(1'800'000'000'000);
  call.sequence = 4;
  call.state = S::Completed;
  call.tainted = true;
  call.decision = {
      .decision = "approve",
      .by = Principal("user:bob"),
      .at = from_unix_millis(1'800'000'001'000),
      .message = "fine"};
  call.edited = *parse_json(R"({"path":"y"})");
  call.approved_hash = Digest("bb");
  call.started_at = from_unix_millis(1'800'000'002'000);
  call.ended_at = from_unix_millis(1'800'000'003'000);
  call.result = *parse_json(R"({"digest":"cc"})");
  call.message = "done";
  call.undo = *parse_json(R"({"tool":"write","arguments":{}})");
  call.rollbacks = 2;
  call.rolled_back_by = "tc-2";
  return call;
}

TEST(ToolCallRow, KeepsEverything) {
  const Namespace ns("default");
  const std::string text = to_row("tc-1", ns, full_call()).dump();
  const auto back = tool_call_from_row("tc-1", ns, *parse_json(text));
  ASSERT_TRUE(back.ok()) << back.error().describe();
  EXPECT_EQ(to_row("tc-1", ns, *back).dump(), text);
  EXPECT_EQ(back->server, "files");
  EXPECT_TRUE(back->untrusted);
}

TEST(ToolCallRow, IsRefusedIfItContradictsItself) {
  const Namespace ns("default");
  const Json row = to_row("tc-1", ns, full_call());
  EXPECT_FALSE(tool_call_from_row("tc-2", ns, row).ok());
  EXPECT_FALSE(tool_call_from_row("tc-1", Namespace("team"), row).ok());
  Json wrong = row;
  wrong.find("status")->set("state", "DONE");
  EXPECT_FALSE(tool_call_from_row("tc-1", ns, wrong).ok());
  wrong = row;
  wrong.find("spec")->set("mission", "");
  EXPECT_FALSE(tool_call_from_row("tc-1", ns, wrong).ok());
  wrong = row;
  wrong.find("spec")->set("more", 1);
  EXPECT_FALSE(tool_call_from_row("tc-1", ns, wrong).ok());
}

}  // namespace
}  // namespace reeve::engine
