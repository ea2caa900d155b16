#include "gateway/tool/calls.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "gateway/tool/tool_world.h"

/// Calls when something comes between: people, clients that go, terms that change, a store that
/// does not take what is told.
namespace reeve::gateway {
namespace {

constexpr std::string_view kAll = R"({"builtin":"workspace","tools":[{"name":"*"}]})";
constexpr std::string_view kCareful =
    R"({"builtin":"workspace","tools":[{"name":"*","approval":{"required":true}}]})";
const std::string kArguments = R"({"path":"a.txt","content":"hello"})";

class CallsTest : public ::testing::Test {
 protected:
  using Fault = ToolWorld::Fault;

  CallsTest() {
    world_.workspace = std::filesystem::temp_directory_path() /
                       concat("reeve-calls-", static_cast<std::int64_t>(::getpid()));
    std::filesystem::create_directories(world_.workspace);
  }

  ~CallsTest() override { std::filesystem::remove_all(world_.workspace); }

  bool written() const { return std::filesystem::exists(world_.workspace / "a.txt"); }

  std::shared_ptr<net::FakeAnswer> write(bool settled = true) {
    return world_.call("files__write_file", kArguments, settled);
  }

  void approve(std::string_view how = "{}") {
    ASSERT_TRUE(world_.decide("approve", how).ok());
    world_.notice();
  }

  /// What is wrong with arguments in place of those of the last call; empty: nothing.
  std::string edited(std::string_view arguments) {
    std::string said = "nothing was said";
    Catalog catalog(world_.ports());
    ToolCalls calls(world_.ports(), catalog);
    calls
        .check_edit(world_.records().back(), *parse_json(arguments), [&](const Result<void>& fits) {
          said = fits ? std::string() : concat(fits.error().subject, ": ", fits.error().message);
        });
    world_.settle();
    return said;
  }

  ToolWorld world_;
};

// --- whose tools --------------------------------------------------------------------------------

TEST_F(CallsTest, AreOfTheToolsThatTheAgentOfTheRunLists) {
  world_.server("files", kAll);
  world_.agent(R"({"tools":["files__read_*"]})");
  (void)write();
  EXPECT_FALSE(written());
  EXPECT_TRUE(world_.records().empty());
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "approve files__read_file");
  (void)world_.call("files__read_file", R"({"path":"a.txt"})");
  EXPECT_EQ(world_.records().at(0).find("spec")->get_string("agent"), "coder");
  // A run that is not there, whatever its token says.
  world_.agent(R"({"tools":["*"]})");
  world_.asker.run = "m.1.build.9";
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "approve");
  world_.asker.agent.clear();
  EXPECT_EQ(ToolWorld::tools_of(world_.list()), "");
  (void)write();
  EXPECT_FALSE(written());
}

TEST_F(CallsTest, OfMissionsAreForThoseWhoMaySubmit) {
  world_.server("work", R"({"builtin":"missions","unlisted":"allow"})");
  const auto ask = [&] {
    return ToolWorld::text_of(world_.call("work__mission_submit", R"({"workflow":"none"})"));
  };
  EXPECT_NE(ask().find("none"), std::string::npos) << "runs may";
  world_.asker.run.clear();
  world_.asker.mission.clear();
  world_.asker.principal = Principal("user:guest");
  EXPECT_EQ(ask(), "no missions may be submitted in default");
  EXPECT_EQ(
      ToolWorld::text_of(world_.call("work__mission_status", R"({"name":"m"})")),
      "no missions may be looked at in default"
  );
  std::string asked;
  world_.asker.may = [&](std::string_view verb, std::string_view resource, std::string_view part) {
    asked = concat(verb, " ", resource, "/", part);
    return true;
  };
  EXPECT_EQ(ask().find("no missions may be"), std::string::npos);
  EXPECT_EQ(asked, "create workflows/submit");
}

TEST_F(CallsTest, WithMoreThanCanBeRecordedAreNotLookedAt) {
  world_.server("files", kAll);
  std::string many = R"({"path":"a.txt")";
  for (int i = 0; i < 60'000; ++i) {
    many += concat(",\"a", i, "\":0");
  }
  for (const char* tool : {"files__write_file", "files__no_such_tool"}) {
    EXPECT_NE(
        ToolWorld::text_of(world_.call(tool, concat(many, "}"))).find("larger than can be put"),
        std::string::npos
    );
  }
  EXPECT_NE(
      ToolWorld::text_of(
          world_.call("approve", concat(R"({"tool_name":"Bash","input":)", many, "}}"))
      )
          .find("larger than can be put"),
      std::string::npos
  );
  EXPECT_TRUE(world_.records().empty());
  const std::string long_text =
      concat(R"({"path":"a.txt","content":")", std::string(500'000, 'x'), R"("})");
  EXPECT_EQ(ToolWorld::text_of(world_.call("files__write_file", long_text)), "wrote a.txt");
}

// --- approvals ----------------------------------------------------------------------------------

TEST_F(CallsTest, AreCarriedOutOnTheTermsOfTheDayTheyAreApproved) {
  world_.server("files", kCareful);
  const auto denied = write();
  world_.change_server("files", R"({"builtin":"workspace","tools":[{"name":"read_file"}]})");
  approve();
  EXPECT_EQ(ToolWorld::text_of(denied), "policy does not allow this tool");
  EXPECT_EQ(world_.state_of(0), "FAILED");

  world_.change_server("files", kCareful);
  world_.agent(R"({"tools":["*"]})");
  const auto reduced = write();
  world_.agent(R"({"tools":["files__read_*"]})");
  approve();
  EXPECT_EQ(ToolWorld::text_of(reduced), "the agent may not call the tool any more");

  EXPECT_FALSE(written());
}

TEST_F(CallsTest, AreNotCarriedOutByAnotherServerOfThatName) {
  world_.server("files", kCareful);
  const auto another = write();
  world_.delete_server("files");
  world_.server("files", kCareful);
  approve();
  EXPECT_EQ(ToolWorld::text_of(another), "the tool server is another one now");

  const auto gone = write();
  world_.delete_server("files");
  approve();
  EXPECT_EQ(ToolWorld::text_of(gone), "the tool server is not there any more");
  EXPECT_FALSE(written());
}

TEST_F(CallsTest, OfAnAgentsOwnToolsAreRepeatedWithWhatWasApproved) {
  world_.server(
      "agent", R"({"builtin":"approvals","tools":[{"name":"Bash","approval":{"required":true}}]})"
  );
  world_.meta = R"(,"reeve.dev/idempotencyKey":"c-1")";
  const std::string ask = R"({"tool_name":"Bash","input":{"command":"rm -rf /"}})";
  (void)world_.call("approve", ask);
  approve(R"({"arguments":{"command":"ls"}})");
  world_.restart();
  EXPECT_EQ(
      ToolWorld::text_of(world_.call("approve", ask)),
      R"({"behavior":"allow","updatedInput":{"command":"ls"}})"
  );
  EXPECT_EQ(world_.records().size(), 1U);
}

// --- arguments that people write -----------------------------------------------------------------

TEST_F(CallsTest, AreLookedAtWithTheArgumentsOfAPersonBeforeTheyAreApproved) {
  world_.server("files", kCareful);
  (void)write();
  EXPECT_EQ(edited(R"({"path":"b.txt","content":"safer"})"), "");
  EXPECT_EQ(
      edited(R"({"path":"b.txt","content":7})"),
      R"(arguments.content: must be of the type "string")"
  );
  EXPECT_EQ(edited(R"({"content":"x"})"), "arguments.path: is missing");
  EXPECT_EQ(edited(R"({"path":"b","content":"x","mode":1})"), "arguments.mode: is not known");
  EXPECT_EQ(world_.state_of(0), "PENDING");
  world_.change_server("files", R"({"builtin":"workspace","tools":[{"name":"read_file"}]})");
  EXPECT_EQ(
      edited(R"({"path":"b.txt","content":"x"})"), "arguments: policy does not allow this tool"
  );
  world_.delete_server("files");
  EXPECT_EQ(
      edited(R"({"path":"b.txt","content":"x"})"),
      "arguments: the tool server files is not there any more"
  );
}

TEST_F(CallsTest, OfAnAgentsOwnToolsMayHaveAnyArguments) {
  world_.server(
      "agent", R"({"builtin":"approvals","tools":[{"name":"Bash","approval":{"required":true}}]})"
  );
  (void)world_.call("approve", R"({"tool_name":"Bash","input":{"command":"rm -rf /"}})");
  EXPECT_EQ(edited(R"({"anything":1})"), "");
}

// --- clients that go ----------------------------------------------------------------------------

TEST_F(CallsTest, WhoseClientGoesBeforeTheyAreRecordedWaitForItToComeBack) {
  world_.server("files", kCareful);
  (void)write(false);
  world_.last->disconnect();
  world_.settle();
  EXPECT_EQ(world_.state_of(0), "PENDING");
  approve();
  EXPECT_FALSE(written()) << "nobody waits for it";
  EXPECT_EQ(ToolWorld::text_of(write()), "wrote a.txt");
  EXPECT_EQ(world_.records().size(), 1U);
}

TEST_F(CallsTest, OfTwoClientsAreAnsweredToTheOneThatStays) {
  world_.server("files", kCareful);
  world_.meta = R"(,"reeve.dev/idempotencyKey":"c-1")";
  (void)write();
  const auto first = world_.last;
  const auto second = write();
  first->disconnect();
  approve();
  EXPECT_EQ(ToolWorld::text_of(second), "wrote a.txt");
  EXPECT_TRUE(written());
  EXPECT_EQ(world_.records().size(), 1U);
}

TEST_F(CallsTest, OfSomebodyElseAreNotFound) {
  world_.server("files", kCareful);
  world_.asker.run.clear();
  world_.asker.mission.clear();
  world_.asker.principal = Principal("user:eve");
  (void)write();
  world_.last->disconnect();
  world_.asker.principal = Principal("user:mallory");
  (void)write();
  EXPECT_EQ(world_.records().size(), 2U);
}

TEST_F(CallsTest, ThatAreOverAreNotWaitedFor) {
  world_.server("files", kCareful);
  (void)write();
  world_.last->disconnect();
  ASSERT_TRUE(world_.decide("reject", R"({"message":"no"})").ok());
  world_.notice();
  (void)write();
  EXPECT_EQ(world_.records().size(), 2U) << "it is asked anew";
}

TEST_F(CallsTest, MayBeLeftWhenTheGatewayIsNoMore) {
  world_.server("files", kAll);
  (void)write(false);
  world_.stop();
  world_.last->disconnect();
  EXPECT_FALSE(written());
}

// --- a store that does not take what it is told --------------------------------------------------

TEST_F(CallsTest, ArePutOnRecordAgainAndAgainUntilTheyAre) {
  world_.server("files", kAll);
  world_.faults["finish"] = {Fault::Lost, Fault::Lost, Fault::Unconfirmed};
  const auto answer = write();
  EXPECT_TRUE(written());
  EXPECT_NE(ToolWorld::text_of(answer).find("that is not on record"), std::string::npos);
  EXPECT_EQ(world_.state_of(0), "EXECUTING");
  world_.advance(kRecordRetryMax);
  EXPECT_EQ(world_.state_of(0), "COMPLETED");
  EXPECT_EQ(world_.count_events("toolcall.recorded"), 1U);
}

TEST_F(CallsTest, ThatMayBeOnRecordAreEndedThere) {
  world_.server("files", kAll);
  world_.faults["record"] = {Fault::Unconfirmed, Fault::Lost};
  world_.faults["finish"] = {Fault::Lost};
  EXPECT_NE(ToolWorld::text_of(write()).find("refused a commit"), std::string::npos);
  world_.advance(kRecordRetryMax);
  EXPECT_EQ(world_.state_of(0), "FAILED");
  EXPECT_NE(ToolWorld::text_of(write()).find("refused a commit"), std::string::npos);
  EXPECT_EQ(world_.records().size(), 1U);
  EXPECT_FALSE(written());
}

TEST_F(CallsTest, WhoseBeginningIsNotConfirmedAreNotCarriedOut) {
  world_.server("files", kCareful);
  world_.faults["begin"] = {Fault::Unconfirmed};
  const auto answer = write();
  approve();
  EXPECT_NE(ToolWorld::text_of(answer).find("it was not carried out"), std::string::npos);
  EXPECT_EQ(world_.state_of(0), "FAILED");
  EXPECT_FALSE(written());
}

}  // namespace
}  // namespace reeve::gateway
