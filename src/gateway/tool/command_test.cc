#include "gateway/tool/command.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway {
namespace {

ToolCommand command(std::string_view spec) {
  const Result<ToolCommand> read = read_command(*parse_json(spec));
  EXPECT_TRUE(read.ok()) << spec;
  return read ? *read : ToolCommand{};
}

/// What is said of a command by one rule.
std::string said(const std::vector<std::string>& rules, std::string_view spec, bool bare = false) {
  const Result<CommandRules> made = CommandRules::parse(rules, bare);
  EXPECT_TRUE(made.ok()) << made.error().describe();
  return made ? made->objection(command(spec)) : std::string();
}

TEST(ToolCommand, IsKeptInAWorkspaceUnlessItSaysOtherwise) {
  EXPECT_EQ(command(R"({"command":["x"]})").sandbox.level, model::SandboxLevel::Workspace);
  EXPECT_EQ(
      command(R"({"command":["x"],"sandbox":"isolated"})").sandbox.level,
      model::SandboxLevel::Isolated
  );
  EXPECT_TRUE(command(R"({"url":"https://x"})").empty());
  EXPECT_FALSE(read_command(*parse_json(R"({"command":["x"],"sandbox":"some"})")).ok());
}

TEST(CommandRules, AllowNothingByDefault) {
  EXPECT_NE(
      CommandRules().objection(command(R"({"command":["x"]})")).find("tools.commands"),
      std::string::npos
  );
}

TEST(CommandRules, LookAtEachWord) {
  const std::vector<std::string> rules = {
      "/opt/mcp/* stdio", "npx -y @scope/files@1.2.3 /srv/** ..."};
  EXPECT_EQ(said(rules, R"({"command":["/opt/mcp/github","stdio"]})"), "");
  EXPECT_EQ(said(rules, R"({"command":["npx","-y","@scope/files@1.2.3","/srv/a/b"]})"), "");
  EXPECT_EQ(said(rules, R"({"command":["npx","-y","@scope/files@1.2.3","/srv/a","more"]})"), "");
  for (const char* other :
       {R"({"command":["/opt/mcp/github"]})",
        R"({"command":["/opt/mcp/github","stdio","more"]})",
        R"({"command":["/opt/mcp/deep/er","stdio"]})",
        R"({"command":["/opt/mcp/../../bin/sh","stdio"]})",
        R"({"command":["npx","-y","@scope/files@1.2.4","/srv/a"]})",
        R"({"command":["npx","-y","@scope/files@1.2.3","/srv/../etc"]})",
        R"({"command":["npx","-y"]})",
        R"({"command":["sh","-c","x"]})"}) {
    EXPECT_NE(said(rules, other).find("is about this command"), std::string::npos) << other;
  }
}

TEST(CommandRules, LetVariablesBeSetThatTheyName) {
  const std::vector<std::string> rules = {"TOKEN=** LOG_*=info server", "MODE=read server -r"};
  EXPECT_EQ(said(rules, R"({"command":["server"],"credentials":{"TOKEN":"key"}})"), "");
  EXPECT_EQ(said(rules, R"({"command":["server"],"environment":{"TOKEN":"a/b"}})"), "");
  EXPECT_EQ(said(rules, R"({"command":["server","-r"],"environment":{"MODE":"read"}})"), "");
  for (const char* other :
       {R"({"command":["server"],"environment":{"LD_PRELOAD":"/tmp/x.so"}})",
        R"({"command":["server"],"credentials":{"OTHER":"key"}})",
        R"({"command":["server"],"environment":{"LOG_LEVEL":"trace"}})"}) {
    EXPECT_NE(said(rules, other).find("have the variable"), std::string::npos) << other;
  }
  EXPECT_NE(said(rules, R"({"command":["server","-r"],"environment":{"MODE":"write"}})"), "");
}

TEST(CommandRules, TakeACredentialOnlyWhereAnyValueMayBe) {
  const std::vector<std::string> rules = {"ROOT=/srv/** MODE=* KEY=** server"};
  EXPECT_EQ(said(rules, R"({"command":["server"],"credentials":{"KEY":"key"}})"), "");
  for (const char* other :
       {R"({"command":["server"],"credentials":{"ROOT":"key"}})",
        R"({"command":["server"],"credentials":{"MODE":"key"}})"}) {
    EXPECT_NE(said(rules, other).find("from a credential"), std::string::npos) << other;
  }
}

TEST(CommandRules, LetNoValueLeadOutOfADirectory) {
  const std::vector<std::string> rules = {"ROOT=/srv/** UP=../x ANY=** server"};
  EXPECT_EQ(said(rules, R"({"command":["server"],"environment":{"ROOT":"/srv/a..b"}})"), "");
  EXPECT_EQ(said(rules, R"({"command":["server"],"environment":{"UP":"../x"}})"), "");
  EXPECT_EQ(said(rules, R"({"command":["server"],"environment":{"ANY":"a/../b"}})"), "");
  EXPECT_NE(said(rules, R"({"command":["server"],"environment":{"ROOT":"/srv/../etc"}})"), "");
}

TEST(CommandRules, LetNoProgramGoWithoutASandboxUnlessToldSo) {
  constexpr std::string_view kBare = R"({"command":["x"],"sandbox":"none"})";
  EXPECT_NE(said({"x"}, kBare).find("tools.unsandboxed"), std::string::npos);
  EXPECT_EQ(said({"x"}, kBare, true), "");
}

TEST(CommandRules, AreRefusedIfTheyMeanNothing) {
  for (const char* line : {"", "  ", "TOKEN=**", "...", "x ... y"}) {
    EXPECT_FALSE(CommandRules::parse({line}, false).ok()) << line;
  }
  EXPECT_FALSE(CommandRules::parse({replace_all(std::string(300, 'x'), "x", "x ")}, false).ok());
  EXPECT_TRUE(CommandRules::parse({"x ..."}, false).ok());
}

}  // namespace
}  // namespace reeve::gateway
