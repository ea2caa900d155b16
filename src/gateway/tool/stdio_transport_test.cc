#include "gateway/tool/stdio_transport.h"

#include <gtest/gtest.h>

#include "gateway/tool/tool_world.h"
#include "gateway/tool/upstream.h"

namespace reeve::gateway {
namespace {

constexpr std::string_view kTool =
    R"({"name":"echo","description":"says it again","inputSchema":{"type":"object",)"
    R"("properties":{"text":{"type":"string"}}}})";

/// Something that a program says of itself, so long.
std::string notification_of(std::size_t bytes) {
  Json params = Json::object();
  params.set("level", "info").set("data", std::string(bytes, 'x'));
  Json message = Json::object();
  message.set("jsonrpc", "2.0").set("method", kLogMethod);
  return message.set("params", std::move(params)).dump() + "\n";
}

/// A server of tools that is a program.
class StdioTest : public ::testing::Test {
 protected:
  StdioTest() {
    world_.allow_programs({"TOKEN=** MODE=** tool ..."});
    world_.program = [this](FakeProgram& program, const Json& message) {
      serve(program, message);
    };
  }

  void declare(std::string_view more = R"("unlisted":"allow")") {
    world_.server(
        "it",
        concat(
            R"({"command":["tool","--stdio"],"environment":{"MODE":"quick"},)",
            R"("credentials":{"TOKEN":"key"},)",
            more,
            "}"
        )
    );
  }

  std::string echo(const std::string& text = "hi") {
    return ToolWorld::text_of(world_.call("it__echo", concat(R"({"text":")", text, R"("})")));
  }

  /// Calls and does not wait.
  std::shared_ptr<net::FakeAnswer> ask(const std::string& text) {
    const auto answer = world_.call("it__echo", concat(R"({"text":")", text, R"("})"), false);
    world_.settle();
    return answer;
  }

  FakeProgram& last() { return *world_.programs.back(); }

  static std::string text_in(const Json& message) {
    return message.get_object("params").get_object("arguments").get_string("text");
  }

  /// The methods that a program was asked for, without answers of ours.
  static std::string asked(const FakeProgram& program) {
    std::vector<std::string> methods;
    for (const Json& message : program.heard) {
      methods.push_back(message.get_string("method"));
    }
    return join(methods, " ");
  }

  void serve(FakeProgram& program, const Json& message) {
    const std::string method = message.get_string("method");
    const Json* id = message.find("id");
    if (id == nullptr || method.empty() || method == silent_) {
      return;
    }
    if (method == deadly_ || (method == deadly_once_ && !deadly_once_.empty())) {
      deadly_once_ = method == deadly_once_ ? std::string() : deadly_once_;
      program.end("exited with code 3", "I do not know that\n");
      return;
    }
    if (method == "tools/call" && on_call_) {
      on_call_(program, message);
      return;
    }
    if ((method == "server/discover") != stateless_ && method != "tools/list" &&
        method != "tools/call") {
      RpcError error;
      error.code = kMethodNotFound;
      error.message = "no such method";
      error.id = *id;
      program.say(error_message(error));
      return;
    }
    Json result = Json::object();
    if (method == "initialize") {
      result.set("protocolVersion", "2025-11-25");
    } else if (method == "tools/list") {
      result.set("tools", Json::array().push(*parse_json(kTool)));
    } else if (method == "tools/call") {
      result = text_result(text_in(message));
    }
    program.say(result_message(*id, std::move(result)));
  }

  ToolWorld world_;
  bool stateless_ = false;
  /// Methods that it does not answer, or that end it.
  std::string silent_;
  std::string deadly_;
  std::string deadly_once_;
  std::function<void(FakeProgram&, const Json&)> on_call_;
};

TEST_F(StdioTest, IsStartedWhenItIsAskedAndStays) {
  declare();
  EXPECT_EQ(world_.programs.size(), 0U);
  EXPECT_EQ(echo(), "hi");
  EXPECT_EQ(echo("again"), "again");
  ASSERT_EQ(world_.programs.size(), 1U);
  EXPECT_EQ(join(last().order.argv, " "), "tool --stdio");
  EXPECT_EQ(last().variable("MODE"), "quick");
  EXPECT_EQ(last().variable("TOKEN"), "value-of-key");
  EXPECT_EQ(last().order.sandbox.level, model::SandboxLevel::Workspace);
  EXPECT_EQ(
      asked(last()),
      "server/discover initialize notifications/initialized tools/list tools/call tools/call"
  );
}

TEST_F(StdioTest, SpeaksTheRevisionWithoutSessionsToo) {
  stateless_ = true;
  declare();
  EXPECT_EQ(echo(), "hi");
  EXPECT_EQ(asked(last()), "server/discover tools/list tools/call");
  const Json& meta = last().heard.back().get_object("params").get_object("_meta");
  EXPECT_EQ(meta.get_string(kVersionMeta), kStatelessVersion);
}

TEST_F(StdioTest, MayEndWhenItIsAskedWhatItDoesNotKnow) {
  deadly_ = "server/discover";
  declare();
  EXPECT_EQ(echo(), "hi");
  ASSERT_EQ(world_.programs.size(), 2U);
  EXPECT_EQ(asked(last()), "initialize notifications/initialized tools/list tools/call");
  // It is not asked that again.
  last().end("exited with code 0");
  EXPECT_EQ(echo(), "hi");
  EXPECT_EQ(asked(last()), "initialize notifications/initialized tools/call");
}

TEST_F(StdioTest, MayEndOnceMoreAfterWhatItDoesNotKnow) {
  deadly_ = "server/discover";
  deadly_once_ = "initialize";
  declare();
  EXPECT_NE(echo().find("exited with code 3"), std::string::npos);
  EXPECT_EQ(world_.programs.size(), 2U);
  world_.advance(kToolsRetry + Duration(1));
  EXPECT_EQ(echo("b"), "b");
  EXPECT_EQ(world_.programs.size(), 3U);
  EXPECT_EQ(asked(last()), "initialize notifications/initialized tools/list tools/call");
}

TEST_F(StdioTest, MaySayNothingToWhatItDoesNotKnow) {
  silent_ = "server/discover";
  declare();
  const auto answer = ask("hi");
  world_.advance(kProgramFirstTimeout);
  EXPECT_EQ(ToolWorld::text_of(answer), "hi");
  EXPECT_EQ(world_.programs.size(), 1U);
}

TEST_F(StdioTest, IsNotStartedIfNobodyAllowsIt) {
  world_.allow_programs({});
  declare();
  EXPECT_NE(echo().find("tools.commands"), std::string::npos);
  world_.allow_programs({"tool --stdio"});
  EXPECT_NE(echo().find("have the variable"), std::string::npos);
  EXPECT_EQ(world_.programs.size(), 0U);
}

TEST_F(StdioTest, MayHaveCarriedOutWhatItDiesOf) {
  declare();
  EXPECT_EQ(echo(), "hi");
  deadly_ = "tools/call";
  EXPECT_NE(
      echo().find("exited with code 3; it said: I do not know that; it may have been done"),
      std::string::npos
  );
  EXPECT_EQ(world_.state_of(1), "UNKNOWN");
  deadly_.clear();
  EXPECT_EQ(echo("on"), "on");
  EXPECT_EQ(world_.programs.size(), 2U);
}

TEST_F(StdioTest, IsStartedLessOftenIfItKeepsEnding) {
  deadly_ = "tools/list";
  declare();
  EXPECT_NE(echo().find("exited with code 3"), std::string::npos);
  EXPECT_EQ(world_.programs.size(), 1U);
  for (int i = 0; i < 100; ++i) {
    world_.advance(kToolsRetry + Duration(1));
    (void)world_.list();
  }
  // 500 s: once at once, after 1, 2, 4, 8, 16, 32 and then each 60 s at most.
  EXPECT_LT(world_.programs.size(), 16U);
  EXPECT_GT(world_.programs.size(), 10U);
  deadly_.clear();
  world_.advance(kProgramPauseMax);
  (void)world_.list();
  EXPECT_EQ(echo(), "hi");
}

TEST_F(StdioTest, SaysInItsStatusWhyItCannotBeUsed) {
  deadly_ = "tools/list";
  declare();
  (void)echo();
  const auto status = [&] {
    return *world_.ports().object("toolservers", Namespace("default"), "it")->find("status");
  };
  EXPECT_NE(status().get_string("message").find("exited with code 3"), std::string::npos);
  const std::size_t before = world_.count_events("resource.updated");
  for (int i = 0; i < 5; ++i) {
    world_.advance(kToolsRetry + Duration(1));
    (void)world_.list();
  }
  EXPECT_EQ(world_.count_events("resource.updated"), before) << "not each time";
  deadly_.clear();
  world_.advance(kProgramPauseMax);
  (void)world_.list();
  EXPECT_EQ(echo(), "hi");
  EXPECT_EQ(status().find("message"), nullptr);
}

TEST_F(StdioTest, TellsItsCredentialToNobody) {
  declare();
  on_call_ = [](FakeProgram& program, const Json& message) {
    program.say(result_message(*message.find("id"), text_result("my token is value-of-key")));
  };
  EXPECT_EQ(echo(), "my token is [****]");
  on_call_ = [](FakeProgram& program, const Json&) {
    program.end("exited with code 1", "bad token value-of-key");
  };
  EXPECT_EQ(echo("b").find("value-of-key"), std::string::npos);
  for (const journal::Event& event : world_.events) {
    EXPECT_EQ(event.data.find("value-of-key"), std::string::npos) << event.data;
  }
  for (const std::string& warning : world_.warnings) {
    EXPECT_EQ(warning.find("value-of-key"), std::string::npos) << warning;
  }
}

TEST_F(StdioTest, TellsNoCredentialThatHasLostItsBeginning) {
  declare();
  std::string end = " and then it stopped";
  on_call_ = [&](FakeProgram& program, const Json&) {
    // Of "value-of-key": what is said now was longer.
    program.end("exited with code 1", concat("ue-of-key", end), true);
  };
  std::string said = echo();
  EXPECT_EQ(said.find("of-key"), std::string::npos) << said;
  world_.advance(kProgramPauseMax);
  end = concat(std::string(200, '.'), " value-of-key ", end);
  said = echo("b");
  EXPECT_EQ(said.find("of-key"), std::string::npos) << said;
  EXPECT_NE(said.find("[****]  and then it stopped"), std::string::npos) << said;
}

TEST_F(StdioTest, IsHeardWhateverElseItSays) {
  declare();
  on_call_ = [](FakeProgram& program, const Json& message) {
    const std::string answer = result_message(*message.find("id"), text_result("done")).dump();
    program.say(std::string("starting up\n{\"no\":\n[1]\n7\n\r\n"));
    program.say(std::string(R"({"jsonrpc":"2.0","id":"other","result":{}})"
                            "\n"));
    program.say(std::string(R"({"jsonrpc":"2.0","id":999,"result":{}})"
                            "\n"));
    for (const char c : answer) {
      program.say(std::string(1, c));
    }
    program.say(std::string("\r\n"));
  };
  EXPECT_EQ(echo(), "done");
}

TEST_F(StdioTest, IsToldThatNobodyIsThere) {
  declare();
  on_call_ = [](FakeProgram& program, const Json& message) {
    program.say(
        std::string(R"({"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}})"
                    "\n"
                    R"({"jsonrpc":"2.0","id":"p1","method":"ping"})"
                    "\n")
    );
    program.say(result_message(*message.find("id"), text_result("done")));
  };
  EXPECT_EQ(echo(), "done");
  const std::size_t count = last().heard.size();
  const Json& refusal = last().heard.at(count - 2);
  EXPECT_EQ(refusal.get_string("id"), "s1");
  EXPECT_EQ(refusal.get_object("error").get_int("code"), kMethodNotFound);
  EXPECT_EQ(last().heard.at(count - 1).dump(), R"({"jsonrpc":"2.0","id":"p1","result":{}})");
}

TEST_F(StdioTest, IsEndedIfItFloods) {
  declare();
  const std::string line = notification_of(4'000);
  on_call_ = [&](FakeProgram& program, const Json&) {
    for (std::size_t said = 0; said <= kUpstreamBytesMax + line.size(); said += line.size()) {
      program.say(line);
    }
  };
  EXPECT_NE(echo().find("says more than is taken"), std::string::npos);
  EXPECT_FALSE(last().held);
  on_call_ = [](FakeProgram& program, const Json&) {
    program.say(std::string(kUpstreamBytesMax + 1, 'x'));
  };
  EXPECT_NE(echo("b").find("says more than is taken"), std::string::npos);
  EXPECT_FALSE(last().held);
  EXPECT_EQ(world_.programs.size(), 2U);
  on_call_ = nullptr;
  world_.advance(kProgramPause);
  EXPECT_EQ(echo("c"), "c");
}

TEST_F(StdioTest, MaySayMuchWhileNobodyAsks) {
  declare();
  EXPECT_EQ(echo(), "hi");
  const std::string line = notification_of(4'000);
  for (std::size_t said = 0; said <= 2 * kUpstreamBytesMax; said += line.size()) {
    last().say(line);
  }
  EXPECT_TRUE(last().held);
  on_call_ = [&](FakeProgram& program, const Json& message) {
    program.say(line);
    program.say(result_message(*message.find("id"), text_result("done")));
  };
  EXPECT_EQ(echo("b"), "done");
  EXPECT_EQ(world_.programs.size(), 1U);
  last().say(std::string(kUpstreamBytesMax + 1, 'x'));
  EXPECT_FALSE(last().held) << "no line is as long";
}

TEST_F(StdioTest, IsEndedIfItHangs) {
  declare(R"("tools":[{"name":"*","timeout":"2s"}])");
  EXPECT_EQ(echo(), "hi");
  silent_ = "tools/call";
  const auto answer = ask("x");
  world_.advance(Duration(2'000));
  EXPECT_NE(answer->body.find("did not answer in time; it may have been done"), std::string::npos)
      << answer->body;
  EXPECT_EQ(world_.state_of(1), "UNKNOWN");
  EXPECT_NE(asked(last()).find("notifications/cancelled ping"), std::string::npos);
  // It knows no ping, which is an answer as well.
  world_.program = [](FakeProgram&, const Json&) {
  };
  const auto other = ask("y");
  world_.advance(kProgramSignTimeout);
  EXPECT_TRUE(last().held) << "it was alive when it was asked";
  world_.advance(kProgramSignTimeout);
  EXPECT_FALSE(last().held);
  EXPECT_NE(other->body.find("it may have been done"), std::string::npos) << other->body;
}

TEST_F(StdioTest, IsNotAskedIfItDoesNotRead) {
  declare();
  EXPECT_EQ(echo(), "hi");
  last().unsent = kProgramUnsentMax + 1;
  EXPECT_NE(echo("b").find("does not read"), std::string::npos);
  EXPECT_EQ(world_.state_of(1), "FAILED");
}

TEST_F(StdioTest, IsNotAskedIfItReadsNothingAnyMore) {
  declare();
  EXPECT_EQ(echo(), "hi");
  silent_ = "tools/call";
  const auto slow = ask("slow");
  last().reads = false;
  EXPECT_NE(echo("b").find("reads nothing any more"), std::string::npos);
  EXPECT_EQ(world_.state_of(2), "FAILED") << "nothing was sent";
  EXPECT_TRUE(last().held) << "it may answer what it was asked before";
  last().say(result_message(*last().heard.back().find("id"), text_result("late")));
  world_.settle();
  EXPECT_EQ(ToolWorld::text_of(slow), "late");
  silent_.clear();
  EXPECT_EQ(echo("c"), "c");
  EXPECT_EQ(world_.programs.size(), 2U);
  EXPECT_FALSE(world_.programs.front()->held);
}

TEST_F(StdioTest, TellsOfItsWorkToWhoCanBeMeant) {
  declare();
  EXPECT_EQ(echo(), "hi");
  silent_ = "tools/call";
  const auto one = ask("1");
  const auto other = ask("2");
  const Json first = *last().heard.at(last().heard.size() - 2).find("id");
  const auto progress = [&](const Json& token) {
    Json params = Json::object();
    params.set("progressToken", token).set("progress", 1).set("message", "half");
    Json message = Json::object();
    message.set("jsonrpc", "2.0").set("method", kProgressMethod);
    last().say(message.set("params", std::move(params)));
  };
  progress(first);
  EXPECT_NE(one->body.find("half"), std::string::npos);
  EXPECT_EQ(other->body.find("half"), std::string::npos);
  last().say(result_message(first, text_result("one")));
  world_.settle();
  EXPECT_NE(one->body.find("one"), std::string::npos);
  EXPECT_FALSE(other->closed);
}

TEST_F(StdioTest, IsEndedWhenNobodyAsksItAnything) {
  declare();
  EXPECT_EQ(echo(), "hi");
  world_.advance(kProgramIdle - Duration(1));
  EXPECT_TRUE(last().held);
  world_.advance(Duration(1));
  EXPECT_FALSE(last().held);
  EXPECT_EQ(echo("again"), "again");
  EXPECT_EQ(world_.programs.size(), 2U);
}

TEST_F(StdioTest, IsEndedWhenItIsTakenAway) {
  declare();
  EXPECT_EQ(echo(), "hi");
  world_.drop_changed();
  EXPECT_TRUE(last().held);
  world_.delete_server("it");
  world_.drop_changed();
  EXPECT_FALSE(last().held);
}

TEST_F(StdioTest, IsAnotherProgramIfItsCommandChanges) {
  declare();
  EXPECT_EQ(echo(), "hi");
  silent_ = "tools/call";
  const auto slow = ask("slow");
  const Json id = *last().heard.back().find("id");
  world_.change_server("it", R"({"command":["tool","--other"],"unlisted":"allow"})");
  world_.drop_changed();
  EXPECT_TRUE(last().held) << "what is under way goes on";
  last().say(result_message(id, text_result("late")));
  world_.settle();
  EXPECT_EQ(ToolWorld::text_of(slow), "late");
  EXPECT_FALSE(last().held);
  silent_.clear();
  EXPECT_EQ(echo("new"), "new");
  EXPECT_EQ(join(last().order.argv, " "), "tool --other");
}

TEST_F(StdioTest, IsStartedAnewWithTheValuesOfToday) {
  declare();
  EXPECT_EQ(echo(), "hi");
  world_.value_of = "new-value-of-";
  EXPECT_EQ(echo("b"), "b");
  ASSERT_EQ(world_.programs.size(), 2U);
  EXPECT_FALSE(world_.programs.front()->held);
  EXPECT_EQ(last().variable("TOKEN"), "new-value-of-key");
  EXPECT_EQ(asked(last()), "initialize notifications/initialized tools/call");
}

TEST_F(StdioTest, TermsMayChangeWhileItRuns) {
  declare();
  EXPECT_EQ(echo(), "hi");
  world_.change_server(
      "it",
      R"({"command":["tool","--stdio"],"environment":{"MODE":"quick"},)"
      R"("credentials":{"TOKEN":"key"},"unlisted":"approval"})"
  );
  world_.drop_changed();
  EXPECT_TRUE(last().held);
  EXPECT_EQ(world_.programs.size(), 1U);
}

TEST_F(StdioTest, ComesBackToNobodyWhenTheServerEnds) {
  declare();
  EXPECT_EQ(echo(), "hi");
  silent_ = "tools/call";
  const auto answer = ask("x");
  world_.stop();
  EXPECT_FALSE(last().held);
  EXPECT_FALSE(answer->closed);
}

TEST_F(StdioTest, HoldsNothingWhenTheServerEndsWhileItBegins) {
  declare();
  silent_ = "server/discover";
  const auto object = world_.ports().object("toolservers", Namespace("default"), "it");
  const Result<ToolServer> server = read_tool_server(*object);
  ASSERT_TRUE(server.ok());
  auto upstream = Upstream::create(*server, world_.ports());
  const std::weak_ptr<Upstream> held = upstream;
  upstream->list([](const Result<std::vector<Json>>& /*tools*/) { FAIL() << "nobody waits"; });
  world_.settle();
  upstream->close(Closing::Silent);
  upstream.reset();
  EXPECT_TRUE(held.expired());
}

}  // namespace
}  // namespace reeve::gateway
