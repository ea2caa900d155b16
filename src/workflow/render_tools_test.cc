#include "workflow/render_tools.h"

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

using model::Phase;

Text at_line(std::string text, int line = 1, int column = 1) {
  return Text{std::move(text), {line, column}};
}

/// A workflow with one task "ask" of a method.
class Fixture {
 public:
  explicit Fixture(Method method, Format format = Format::Native) {
    workflow.name = "nightly";
    workflow.format = format;
    workflow.tasks.resize(1);
    task().name = TaskName("ask");
    task().method = method;
    task().position = {5, 7};
    context.mission = MissionName("m");
    context.ns = Namespace("team");
    context.run = RunName("m.1.ask.1");
    context.params = &params;
    context.outputs = &outputs;
  }

  Task& task() { return workflow.tasks[0]; }

  HttpRequest& http() {
    if (!task().http) {
      task().http.emplace();
      task().http->url = at_line("https://example.org/a");
    }
    return *task().http;
  }

  Result<model::RunSpec> render() const { return render_task(workflow, 0, context); }

  /// The input of the only step; an error as text.
  Json input() const {
    const auto spec = render();
    if (!spec.ok()) {
      return Json("error: " + spec.error().describe());
    }
    return spec->steps.size() == 1 ? spec->steps[0].input : Json("not one step");
  }

  Workflow workflow;
  RenderContext context;
  std::vector<model::NamedValue> params;
  std::vector<model::NamedValue> outputs;
};

std::string header(const Json& input, std::string_view name) {
  std::string found = "<none>";
  for (const Json& header : input.find("headers")->as_array()) {
    found = header.get_string("name") == name ? header.get_string("value") : found;
  }
  return found;
}

TEST(RenderHttp, MakesOneStepOfTheHttpTool) {
  Fixture f(Method::Http);
  f.params = {{"Id", "7 & more"}};
  f.http().url = at_line("https://example.org/items/{{.Id | urlquery}}");
  f.http().query = {{"page size", at_line("{{.Id}}")}};
  f.http().headers = {{"Accept", at_line("text/plain")}};
  f.http().outputs = {{"Title", "/title"}};
  f.http().redirects_max = 3;
  f.http().allow_private = true;
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  ASSERT_EQ(spec->steps.size(), 1U);
  EXPECT_EQ(spec->steps[0].phase, Phase::Main);
  EXPECT_EQ(spec->steps[0].tool, "http");
  const Json& input = spec->steps[0].input;
  EXPECT_EQ(input.get_string("verb"), "GET");
  EXPECT_EQ(
      input.get_string("url"), "https://example.org/items/7+%26+more?page%20size=7%20%26%20more"
  );
  EXPECT_EQ(header(input, "Accept"), "text/plain");
  EXPECT_EQ(input.find("body"), nullptr);
  EXPECT_EQ(input.get_int("redirectsMax"), 3);
  EXPECT_TRUE(input.get_bool("verifyTls"));
  EXPECT_TRUE(input.get_bool("allowPrivate"));
  EXPECT_EQ(input.find("outputs")->as_array()[0].get_string("pointer"), "/title");
}

TEST(RenderHttp, PutsTheScriptsOfTheTaskAroundTheRequest) {
  Fixture f(Method::Http);
  f.http();
  f.task().before_script = {at_line("a")};
  f.task().after_script = {at_line("b")};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok());
  ASSERT_EQ(spec->steps.size(), 3U);
  EXPECT_EQ(spec->steps[0].script, "a");
  EXPECT_EQ(spec->steps[1].tool, "http");
  EXPECT_EQ(spec->steps[2].script, "b");
}

TEST(RenderHttp, AJsonBodyWithoutTextHoldsTheDeclaredValuesAndNothingElse) {
  Fixture f(Method::Http);
  f.workflow.variables = {{"Count", Json(3), {}}, {"Deep", Json(Json::Object{{"a", 1}}), {}}};
  f.task().variables = {{"Mine", Json("x"), {}}};
  f.params = {{"Given", "g"}};
  f.outputs = {{"Found", "f"}};
  f.http().verb = HttpVerb::Post;
  f.http().form = HttpBody::Json;
  const Json input = f.input();
  EXPECT_EQ(
      input.get_string("body"), R"({"Count":3,"Deep":{"a":1},"Found":"f","Given":"g","Mine":"x"})"
  );
  EXPECT_EQ(header(input, "Content-Type"), "application/json");
}

TEST(RenderHttp, FormicarySendsEveryValueAsText) {
  Fixture f(Method::Http, Format::Formicary);
  f.workflow.variables = {{"Count", Json(3), {}}, {"On", Json(true), {}}};
  f.http().form = HttpBody::Json;
  EXPECT_EQ(f.input().get_string("body"), R"({"Count":"3","On":"true"})");
}

TEST(RenderHttp, AFormHoldsTheDeclaredValuesPercentEncoded) {
  Fixture f(Method::Http);
  f.params = {{"a b", "1&2=3"}, {"Ü", "%"}};
  f.http().form = HttpBody::FormData;
  const Json input = f.input();
  EXPECT_EQ(input.get_string("body"), "a%20b=1%262%3D3&%C3%9C=%25");
  EXPECT_EQ(header(input, "Content-Type"), "application/x-www-form-urlencoded");
}

TEST(RenderHttp, KeepsAContentTypeThatIsGiven) {
  Fixture f(Method::Http);
  f.http().form = HttpBody::Text;
  f.http().body = at_line("<x/>");
  f.http().headers = {{"content-type", at_line("application/xml")}};
  const Json input = f.input();
  EXPECT_EQ(header(input, "content-type"), "application/xml");
  EXPECT_EQ(header(input, "Content-Type"), "<none>");
}

TEST(RenderHttp, RefusesWhatIsNoRequestWithItsPlace) {
  const auto error_of = [](auto change) {
    Fixture f(Method::Http);
    f.params = {{"Evil", "a\r\nHost: b"}};
    change(f.http());
    const auto spec = f.render();
    return spec.ok() ? std::string("no error") : spec.error().describe();
  };
  const auto starts = [](const std::string& text, std::string_view start) {
    EXPECT_EQ(text.substr(0, start.size()), start);
  };
  starts(
      error_of([](HttpRequest& r) { r.url = at_line("ftp://x/y", 9, 3); }),
      "line 9:3: tasks.ask.http.url: an address does not start with \"ftp\""
  );
  starts(
      error_of([](HttpRequest& r) { r.url = at_line("http://x/a b", 9, 3); }),
      "line 9:3: tasks.ask.http.url: has a space"
  );
  starts(
      error_of([](HttpRequest& r) {
        r.headers = {{"A b", at_line("c", 4, 2)}};
      }),
      "line 4:2: tasks.ask.http.headers.A b: is no name for a header"
  );
  starts(
      error_of([](HttpRequest& r) {
        r.headers = {{"A", at_line("{{.Evil}}", 4, 2)}};
      }),
      "line 4:2: tasks.ask.http.headers.A: has a control character"
  );
  starts(
      error_of([](HttpRequest& r) {
        r.form = HttpBody::Json;
        r.body = at_line("{oops", 4, 2);
      }),
      "line 4:2: tasks.ask.http.body: is not JSON"
  );
  starts(
      error_of([](HttpRequest& r) {
        r.form = HttpBody::Text;
        r.body = at_line(std::string(kHttpBodyBytesMax + 1, 'x'), 4, 2);
      }),
      "line 4:2: tasks.ask.http.body: is longer than"
  );
}

TEST(RenderHttp, DoesNotRepeatWhatMayBeSecretInAnAddress) {
  Fixture f(Method::Http);
  f.http().url = at_line("htps://user:secret@example.org/?token=secret");
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().describe().find("secret"), std::string::npos);
}

TEST(RenderWebSocket, MakesOneExchange) {
  Fixture f(Method::WebSocket);
  f.http().url = at_line("wss://example.org/ws");
  f.http().form = HttpBody::Json;
  f.http().body = at_line(R"({"ask":1})");
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->steps[0].tool, "websocket");
  EXPECT_EQ(spec->steps[0].input.get_string("message"), R"({"ask":1})");
  EXPECT_EQ(header(spec->steps[0].input, "Content-Type"), "<none>");
}

TEST(RenderWebSocket, WithoutAnAddressSaysThatItNeedsAServer) {
  Fixture f(Method::WebSocket);
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().code, ErrorCode::Unsupported);
  EXPECT_NE(spec.error().message.find("needs a server"), std::string::npos);
}

TEST(RenderCache, RestoresAfterThePreparationAndSavesAfterTheWork) {
  Fixture f(Method::Shell);
  f.task().before_script = {at_line("prepare")};
  f.task().script = {at_line("work")};
  f.task().after_script = {at_line("clean")};
  f.task().cache.paths = {at_line("node_modules/**")};
  f.task().cache.key = at_line("npm-{{.Os}}");
  f.params = {{"Os", "linux"}};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  ASSERT_EQ(spec->steps.size(), 5U);
  EXPECT_EQ(spec->steps[1].tool, "cache-restore");
  EXPECT_EQ(spec->steps[1].phase, Phase::Before);
  EXPECT_EQ(spec->steps[3].tool, "cache-save");
  EXPECT_EQ(spec->steps[3].phase, Phase::Main);
  const Json& input = spec->steps[1].input;
  EXPECT_EQ(input.get_string("key"), "npm-linux");
  EXPECT_EQ(input.get_string("namespace"), "team");
  EXPECT_EQ(input.get_string("workflow"), "nightly");
  EXPECT_EQ(input, spec->steps[3].input);
}

TEST(RenderCache, RefusesAnEmptyKey) {
  Fixture f(Method::Shell);
  f.task().script = {at_line("work")};
  f.task().cache.paths = {at_line("x")};
  f.task().cache.key = at_line("{{ if false }}k{{ end }}", 8, 9);
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().position, (Position{8, 9}));
}

TEST(RenderUploads, NamesDigestsAndRefusesEverythingElse) {
  Fixture f(Method::Shell);
  f.task().script = {at_line("work")};
  f.params = {{"Upload", std::string(64, 'c')}};
  f.task().artifact_ids = {at_line("{{.Upload}}"), at_line("")};
  ASSERT_TRUE(f.render().ok());
  EXPECT_EQ(f.render()->uploads, std::vector<std::string>{std::string(64, 'c')});
  f.task().artifact_ids = {at_line("report.pdf", 3, 4)};
  const auto refused = f.render();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().hint, "reeve artifacts put FILE prints it");
}

TEST(RenderExpire, IsOneStepOfItsTool) {
  Fixture f(Method::ExpireArtifacts);
  EXPECT_EQ(f.render()->steps[0].tool, "expire-artifacts");
}

TEST(RenderContainer, PreparationAndWorkShareOneContainer) {
  Fixture f(Method::Docker);
  f.task().image = at_line("gcc:{{.Version}}");
  f.params = {{"Version", "12"}};
  f.task().before_script = {at_line("a")};
  f.task().script = {at_line("echo it's b"), at_line("c")};
  f.task().after_script = {at_line("d")};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->container->image, "gcc:12");
  ASSERT_EQ(spec->steps.size(), 2U);
  EXPECT_EQ(
      spec->steps[0].script,
      "sh -c 'a' || exit $?\nsh -c 'echo it'\\''s b' || exit $?\nsh -c 'c' || exit $?\n"
  );
  EXPECT_EQ(spec->steps[1].script, "d");
  EXPECT_EQ(spec->steps[1].phase, Phase::After);
}

TEST(RenderHttp, AFormicaryDocumentAsksPrivateAddressesIfASettingSaysSo) {
  const Configuration::Texts yes = {{"REEVE_PRIVATE_ADDRESSES", "true"}};
  for (const Format format : {Format::Native, Format::Formicary}) {
    Fixture f(Method::Http, format);
    f.http();
    f.params = {{"REEVE_PRIVATE_ADDRESSES", "true"}};
    EXPECT_FALSE(f.input().get_bool("allowPrivate"));
    f.context.configuration.shared = &yes;
    EXPECT_EQ(f.input().get_bool("allowPrivate"), format == Format::Formicary);
  }
}

TEST(RenderContainer, ACacheComesBetweenPreparationAndWork) {
  Fixture f(Method::Docker);
  f.task().image = at_line("gcc");
  f.task().before_script = {at_line("a")};
  f.task().script = {at_line("b")};
  f.task().cache.paths = {at_line("x")};
  f.task().cache.key = at_line("k");
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok());
  ASSERT_EQ(spec->steps.size(), 4U);
  EXPECT_EQ(spec->steps[0].script, "a");
  EXPECT_EQ(spec->steps[1].tool, "cache-restore");
  EXPECT_EQ(spec->steps[2].script, "b");
}

TEST(RenderContainer, LocallyScriptsAreStepsOfTheirOwn) {
  Fixture f(Method::Docker);
  f.context.local = true;
  f.task().script = {at_line("a"), at_line("b")};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok());
  EXPECT_FALSE(spec->container.has_value());
  EXPECT_EQ(spec->steps.size(), 2U);
}

TEST(RenderContainer, NeedsAnImage) {
  Fixture f(Method::Kubernetes);
  f.task().script = {at_line("a")};
  const auto spec = f.render();
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().hint, "--local runs it in the local shell");
}

TEST(RenderMessage, NamesTheChannelsAndTheBody) {
  Fixture f(Method::Message);
  f.params = {{"Where", "orders"}};
  f.task().message = Message{
      .channel = at_line("{{.Where}}"),
      .reply_channel = at_line("replies"),
      .body = at_line("hello")};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->steps[0].tool, "message");
  EXPECT_EQ(
      spec->steps[0].input.dump(), R"({"channel":"orders","replyChannel":"replies","body":"hello"})"
  );
  f.task().message->body = {};
  EXPECT_EQ(f.render()->steps[0].input.get_string("body"), R"({"Where":"orders"})");
  f.task().message->channel = at_line("  ");
  EXPECT_FALSE(f.render().ok());
}

/// One agent, "coder", in namespace "team".
class OneAgent final : public AgentSource {
 public:
  const std::string* agent(const Namespace& ns, std::string_view name) const override {
    return ns.view() == "team" && name == "coder" ? &text : nullptr;
  }

  std::string text = R"({"metadata":{"name":"coder","uid":"u1","generation":4},)"
                     R"("spec":{"loop":{},"model":"m"}})";
};

TEST(RenderAgent, GivesTheAgentAsItIsNow) {
  Fixture f(Method::Agent);
  OneAgent agents;
  f.context.configuration.agents = &agents;
  f.context.uid = Uid("u7");
  f.params = {{"Who", "coder"}, {"Issue", "12"}};
  f.task().agent = AgentTask{
      .name = at_line("{{.Who}}"),
      .prompt = at_line("fix {{.Issue}}"),
      .session = {},
      .outputs = {{"verdict", "/verdict"}},
      .validates = {}};
  const auto spec = f.render();
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->steps[0].tool, "agent");
  EXPECT_EQ(
      spec->steps[0].input.dump(),
      R"({"agent":{"name":"coder","uid":"u1","generation":4,"spec":{"loop":{},"model":"m"}},)"
      R"("prompt":"fix 12","session":"","outputs":{"verdict":"/verdict"},)"
      R"("mission":"u7"})"
  );
  f.context.feedback = "not like this";
  EXPECT_NE(f.input().get_string("prompt").find("\n\nnot like this"), std::string::npos);
  f.params = {{"Who", "other"}, {"Issue", "12"}};
  const auto unknown = f.render();
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::NotFound);
  EXPECT_NE(unknown.error().message.find("there is no agent \"other\""), std::string::npos);
  f.context.configuration.agents = nullptr;
  EXPECT_EQ(f.render().error().code, ErrorCode::NotFound);
}

TEST(RenderAgent, IsKeptAtLeastAsItSaysItself) {
  Fixture f(Method::Agent);
  OneAgent agents;
  agents.text = R"({"metadata":{"name":"coder"},"spec":{"loop":{},"model":"m","sandbox":)"
                R"({"level":"workspace","processesMax":77}}})";
  f.context.configuration.agents = &agents;
  f.task().agent = AgentTask{
      .name = at_line("coder"),
      .prompt = at_line("fix it"),
      .session = {},
      .outputs = {},
      .validates = {}};
  for (const auto& [said, level, processes] :
       {std::tuple(model::SandboxLevel::None, model::SandboxLevel::Workspace, 77U),
        std::tuple(model::SandboxLevel::Isolated, model::SandboxLevel::Isolated, 9U)}) {
    f.task().sandbox.emplace();
    f.task().sandbox->level = said;
    f.task().sandbox->processes_max = 9;
    const auto spec = f.render();
    ASSERT_TRUE(spec.ok()) << spec.error().describe();
    EXPECT_EQ(spec->sandbox.level, level);
    EXPECT_EQ(spec->sandbox.processes_max, processes);
  }
  agents.text = R"({"metadata":{"name":"coder"},"spec":{"sandbox":"cage"}})";
  EXPECT_FALSE(f.render().ok());
}

TEST(RenderAgent, AnAgentOrASessionNeverJudgesItself) {
  Fixture f(Method::Agent);
  OneAgent agents;
  f.context.configuration.agents = &agents;
  f.workflow.tasks.resize(2);
  Task& author = f.workflow.tasks[1];
  author.name = TaskName("make");
  author.method = Method::Agent;
  author.agent.emplace();
  author.agent->name = at_line("{{.Author}}");
  f.task().agent = AgentTask{
      .name = at_line("coder"),
      .prompt = at_line("is it good?"),
      .session = at_line("{{.Session}}"),
      .outputs = {},
      .validates = 1};
  f.outputs = {{"make-session-id", "s-1"}};
  const auto outcome = [&f](std::string author_name, std::string session) {
    f.params = {{"Author", std::move(author_name)}, {"Session", std::move(session)}};
    const auto spec = f.render();
    return spec.ok() ? std::string("fine") : spec.error().message;
  };
  EXPECT_EQ(outcome("writer", ""), "fine");
  EXPECT_EQ(outcome("coder", ""), "agent \"coder\" would judge what it has made in \"make\"");
  EXPECT_EQ(outcome("writer", "s-1"), "would judge in the session in which \"make\" was done");
  EXPECT_EQ(outcome("writer", "s-2"), "fine");
}

}  // namespace
}  // namespace reeve::workflow
