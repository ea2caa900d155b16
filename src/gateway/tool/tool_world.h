#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "api/objects/objects.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/engine.h"
#include "engine/small_workflow.h"
#include "gateway/tool/service.h"
#include "net/fake_exchange.h"

namespace reeve::gateway {

/// A program of a test.
struct FakeProgram {
  ToolProgramOrder order;
  ToolProgramEvents events;
  /// Whether somebody holds it: it was not ended.
  bool held = true;
  std::size_t unsent = 0;
  bool reads = true;
  std::vector<Json> heard;

  void say(const std::string& text) const {
    if (held && events.output) {
      events.output(text);
    }
  }

  void say(const Json& message) const { say(message.dump() + "\n"); }

  void end(const std::string& how, const std::string& said = {}, bool cut = false) const {
    if (held && events.end) {
      const auto ended = events.end;
      ended({.started = true, .how = how, .said = said, .cut = cut});
    }
  }

  std::string variable(std::string_view name) const {
    for (const Secret& entry : order.environment) {
      if (entry.view().starts_with(concat(name, "="))) {
        return std::string(entry.view().substr(name.size() + 1));
      }
    }
    return {};
  }
};

/// The service with a real engine, a run of a live mission, and servers that a test writes. For
/// unit tests: time passes when the test says so, commands are carried out by `settle`.
class ToolWorld {
 public:
  ToolWorld() : engine_(engine::Limits{}, "test", {}) {
    ports_.command = [this](engine::Command command, Principal who, ToolPorts::Reply reply) {
      commands_.push_back([this, command = std::move(command), who, reply] {
        reply(carry_out(command, who));
      });
    };
    ports_.after = [this](Duration delay, std::function<void()> then) {
      const std::uint64_t id = ++timer_;
      timers_[id] = {now_ + delay, std::move(then)};
      return [this, id] {
        timers_.erase(id);
      };
    };
    ports_.now = [this] {
      return now_;
    };
    ports_.object = [this](std::string_view plural, const Namespace& ns, std::string_view name) {
      return object(plural, ns, name);
    };
    ports_.objects = [this](std::string_view plural, const Namespace& ns, std::size_t /*max*/) {
      std::vector<ObjectPtr> found;
      const engine::Book* book = engine_.book_of({.kind = kind_of(plural), .ns = ns, .name = {}});
      for (const journal::ObjectKey& key : book->keys_in(ns)) {
        if (ObjectPtr each = object(plural, ns, key.name)) {
          found.push_back(std::move(each));
        }
      }
      return found;
    };
    ports_.reveal = [this](std::string_view /*ns*/, std::string_view credential) -> Result<Secret> {
      return Secret(concat(value_of, credential));
    };
    ports_.send = [this](net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink) {
      requests.push_back(request);
      sinks_.push_back(sink);
      if (upstream) {
        commands_.push_back([this, request = std::move(request), sink] { upstream(request, *sink); }
        );
      }
      return std::shared_ptr<net::ClientCall>(new Call(*this));
    };
    ports_.start = [this](
                       ToolProgramOrder order, ToolProgramEvents told
                   ) -> Result<std::unique_ptr<ToolProgram>> {
      if (!program) {
        return make_error(ErrorCode::NotFound, "there is no such program in PATH", order.argv[0]);
      }
      auto made = std::make_shared<FakeProgram>();
      made->order = std::move(order);
      made->events = std::move(told);
      programs.push_back(made);
      return std::unique_ptr<ToolProgram>(new HeldProgram(*this, std::move(made)));
    };
    ports_.random_hex = [this](std::size_t bytes) {
      std::string text = concat(++random_);
      return std::string(2 * bytes - std::min(2 * bytes, text.size()), '0') + text;
    };
    ports_.warn = [this](const std::string& message) {
      warnings.push_back(message);
    };
    ports_.workspace = [this](
                           const Namespace&, std::string_view, std::string_view
                       ) -> Result<std::filesystem::path> {
      return workspace;
    };
    submit();
    service_ = std::make_unique<ToolService>(ports_);
  }

  /// Makes the run that of an agent whose spec is this.
  void agent(std::string_view spec) {
    Json made = Json::object();
    made.set("spec", *parse_json(spec));
    agent_ = std::make_shared<const Json>(std::move(made));
    asker.agent = "coder";
  }

  /// A request of the run; what it is answered with.
  std::shared_ptr<net::FakeAnswer> post(
      std::string body, std::vector<net::Header> headers = {}, bool settled = true
  ) {
    net::Request request;
    request.method = "POST";
    request.path = path;
    request.body = std::move(body);
    request.headers.add("Accept", "application/json, text/event-stream");
    for (net::Header& header : headers) {
      request.headers.add(std::move(header.name), std::move(header.value));
    }
    last = std::make_shared<net::FakeExchange>(std::move(request));
    auto answer = last->answer();
    service_->serve(last, asker);
    if (settled) {
      settle();
    }
    return answer;
  }

  /// A call in the stateless era; `arguments` as JSON.
  std::shared_ptr<net::FakeAnswer> call(
      std::string_view tool, std::string_view arguments, bool settled = true
  ) {
    return post(
        concat(
            R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":")",
            tool,
            R"(","arguments":)",
            arguments,
            R"(,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
            R"("io.modelcontextprotocol/clientCapabilities":{},"progressToken":"p",)"
            R"("claudecode/toolUseId":"toolu_1")",
            meta,
            "}}}"
        ),
        {{"MCP-Protocol-Version", "2026-07-28"},
         {"Mcp-Method", "tools/call"},
         {"Mcp-Name", std::string(tool)}},
        settled
    );
  }

  std::shared_ptr<net::FakeAnswer> list() {
    return post(
        R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{)"
        R"("io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
        R"("io.modelcontextprotocol/clientCapabilities":{}}}})",
        {{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}}
    );
  }

  static Json body_of(const std::shared_ptr<net::FakeAnswer>& answer) {
    if (!answer->response) {
      return {};
    }
    const Result<Json> json = parse_json(answer->response->body.view());
    return json ? *json : Json();
  }

  static std::string text_of(const std::shared_ptr<net::FakeAnswer>& answer) {
    const Json body = body_of(answer);
    const Json* result = body.find("result");
    const Json* content = result == nullptr ? nullptr : result->find("content");
    return content == nullptr ? body.dump() : content->as_array().at(0).get_string("text");
  }

  /// Names of the tools in an answer to tools/list, with blanks between them.
  static std::string tools_of(const std::shared_ptr<net::FakeAnswer>& answer) {
    const Json body = body_of(answer);
    std::string names;
    const Json* result = body.find("result");
    const Json* tools = result == nullptr ? nullptr : result->find("tools");
    for (const Json& tool : tools == nullptr ? Json::Array() : tools->as_array()) {
      names += concat(names.empty() ? "" : " ", tool.get_string("name"));
    }
    return names;
  }

  void server(const std::string& name, std::string_view spec) {
    write_server(name, "create", spec);
  }

  /// The same server on other terms.
  void change_server(const std::string& name, std::string_view spec) {
    write_server(name, "update", spec);
  }

  void delete_server(const std::string& name) {
    const auto gone =
        command(journal::Kind::ToolServer, name, "delete", Json::object(), "user:root");
    ASSERT_TRUE(gone.ok()) << gone.error().describe();
  }

  const ToolPorts& ports() const { return ports_; }

  /// Which programs may be started from now on.
  void allow_programs(const std::vector<std::string>& rules) {
    const Result<CommandRules> made = CommandRules::parse(rules, false);
    ASSERT_TRUE(made.ok()) << made.error().describe();
    ports_.commands = *made;
    service_ = std::make_unique<ToolService>(ports_);
  }

  /// What is looked at from time to time.
  void drop_changed() { service_->drop_changed(); }

  Result<engine::Reply> command(
      journal::Kind kind, const std::string& name, std::string verb, Json body, std::string_view who
  ) {
    return run(
        engine::ObjectCommand{
            .object = {.kind = kind, .ns = ns_, .name = name},
            .verb = std::move(verb),
            .body = std::move(body)},
        Principal(std::string(who))
    );
  }

  Result<engine::Reply> decide(
      std::string verb, std::string_view body, std::string_view who = "user:bob"
  ) {
    return command(journal::Kind::ToolCall, only_call(), std::move(verb), *parse_json(body), who);
  }

  /// The records, oldest first.
  std::vector<Json> records() {
    std::vector<Json> found;
    const engine::Book* book =
        engine_.book_of({.kind = journal::Kind::ToolCall, .ns = ns_, .name = {}});
    for (const journal::ObjectKey& key : book->keys_in(ns_)) {
      found.push_back(*object("toolcalls", ns_, key.name));
    }
    return found;
  }

  std::string only_call() {
    const std::vector<Json> found = records();
    EXPECT_FALSE(found.empty());
    return found.empty() ? "" : found.back().find("metadata")->get_string("name");
  }

  std::string state_of(std::size_t index) {
    return records().at(index).find("status")->get_string("state");
  }

  /// Carries out what waits, and what comes of it.
  void settle() {
    while (!commands_.empty()) {
      const std::function<void()> next = std::move(commands_.front());
      commands_.pop_front();
      next();
    }
  }

  /// What the watch of calls would tell.
  void notice() {
    std::vector<ObjectPtr> changed;
    for (const Json& record : records()) {
      changed.push_back(std::make_shared<const Json>(record));
    }
    service_->calls().changed(changed);
    settle();
  }

  void advance(Duration time) {
    const Timestamp end = now_ + time;
    while (true) {
      auto due = timers_.end();
      for (auto at = timers_.begin(); at != timers_.end(); ++at) {
        if (at->second.first <= end &&
            (due == timers_.end() || at->second.first < due->second.first)) {
          due = at;
        }
      }
      if (due == timers_.end()) {
        break;
      }
      now_ = std::max(now_, due->second.first);
      const std::function<void()> then = std::move(due->second.second);
      timers_.erase(due);
      then();
      settle();
    }
    now_ = end;
  }

  std::size_t count_events(std::string_view type) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(),
        events.end(),
        [&](const journal::Event& event) { return event.type == type; }
    ));
  }

  /// As after a restart of the server: nothing is remembered but what is on record.
  void restart() {
    commands_.clear();
    timers_.clear();
    service_ = std::make_unique<ToolService>(ports_);
  }

  /// The same, and the server was killed: the engine looks at what was under way.
  void crash() {
    engine::Scope scope;
    scope.now = now_;
    scope.next = next_;
    engine_.recover(scope);
    next_ = scope.next;
    restart();
  }

  /// Nobody calls any more, and what is still under way comes back to nobody.
  void stop() { service_.reset(); }

  /// What becomes of a command.
  enum class Fault : std::uint8_t {
    Lost,         ///< it is not carried out
    Unconfirmed,  ///< it is, and nobody hears of it
  };

  /// Whoever calls: the run, unless a test says otherwise.
  ToolCaller asker = {
      .ns = Namespace("default"),
      .mission = "m",
      .run = "m.1.build.1",
      .principal = Principal("run:m.1.build.1")};
  /// What happens to the next commands with these verbs.
  std::map<std::string, std::deque<Fault>> faults;
  /// How values of credentials begin; then comes the name.
  std::string value_of = "value-of-";
  std::vector<std::string> warnings;
  /// Where requests go.
  std::string path = "/mcp";
  /// More members for `_meta` of calls: `,"name":"value"`.
  std::string meta;
  std::vector<net::ClientRequest> requests;
  std::size_t cancelled = 0;
  /// Answers a request to a tool server.
  std::function<void(const net::ClientRequest&, net::ResponseSink&)> upstream;
  /// What a program makes of a message; and all programs that were started.
  std::function<void(FakeProgram& program, const Json& message)> program;
  std::vector<std::shared_ptr<FakeProgram>> programs;
  std::vector<journal::Event> events;
  std::filesystem::path workspace;
  std::shared_ptr<net::FakeExchange> last;

 private:
  class Call final : public net::ClientCall {
   public:
    explicit Call(ToolWorld& world) : world_(world) {}

    void cancel() override { ++world_.cancelled; }

    void pause() override {}

    void resume() override {}

   private:
    ToolWorld& world_;
  };

  /// Whoever has started a program has this.
  class HeldProgram final : public ToolProgram {
   public:
    HeldProgram(ToolWorld& world, std::shared_ptr<FakeProgram> program)
        : world_(world), program_(std::move(program)) {}

    ~HeldProgram() override { program_->held = false; }

    HeldProgram(const HeldProgram&) = delete;
    HeldProgram& operator=(const HeldProgram&) = delete;

    void write(std::string text) override {
      program_->heard.push_back(*parse_json(text));
      world_.commands_.push_back(
          [&world = world_, program = program_, at = program_->heard.size()] {
            if (program->held) {
              world.program(*program, program->heard.at(at - 1));
            }
          }
      );
    }

    std::size_t unsent() const override { return program_->unsent; }

    bool reads() const override { return program_->reads; }

   private:
    ToolWorld& world_;
    std::shared_ptr<FakeProgram> program_;
  };

  Result<engine::Reply> carry_out(const engine::Command& command, const Principal& who) {
    const auto* const submitted = std::get_if<engine::SubmitMission>(&command);
    if (submitted != nullptr && submitted->workflow == nullptr) {
      // The kernel looks for it.
      return make_error(
          ErrorCode::NotFound, "there is no such workflow", std::string(submitted->deployed)
      );
    }
    const auto* const named = std::get_if<engine::ObjectCommand>(&command);
    const auto fault = named == nullptr ? faults.end() : faults.find(named->verb);
    if (fault == faults.end() || fault->second.empty()) {
      return run(command, who);
    }
    if (fault->second.front() == Fault::Unconfirmed) {
      (void)run(command, who);
    }
    fault->second.pop_front();
    return make_error(ErrorCode::Unavailable, "the store refused a commit", "store");
  }

  /// A run as the API shows it.
  ObjectPtr run_object(const Namespace& ns, std::string_view name) {
    const journal::ObjectKey key = {
        .kind = journal::Kind::Mission,
        .ns = ns,
        .name = std::string(name.substr(0, name.find('.')))};
    std::string text;
    engine_.encode_row(key, text);
    const Result<Json> row = parse_json(text);
    const Json nothing;
    for (api::ApiObject& each : row ? api::run_objects(
                                          {.key = key,
                         .uid = Uid("u"),
                         .revision = Revision(1),
                         .row = *row,
                         .metadata = nothing},
                                          api::Attempts::OnHosts
                                      )
                                    : std::vector<api::ApiObject>()) {
      if (each.name == name) {
        return std::make_shared<const Json>(std::move(each.object));
      }
    }
    return nullptr;
  }

  void write_server(const std::string& name, std::string verb, std::string_view spec) {
    Json object = Json::object();
    object.set("apiVersion", "reeve.dev/v1").set("kind", "ToolServer");
    object.set("metadata", Json::object().set("name", name).set("namespace", "default"));
    object.set("spec", *parse_json(spec));
    const auto made = command(
        journal::Kind::ToolServer,
        name,
        std::move(verb),
        Json::object().set("object", std::move(object)),
        "user:root"
    );
    ASSERT_TRUE(made.ok()) << made.error().describe();
  }

  static journal::Kind kind_of(std::string_view plural) {
    return plural == "toolservers" ? journal::Kind::ToolServer : journal::Kind::ToolCall;
  }

  ObjectPtr object(std::string_view plural, const Namespace& ns, std::string_view name) {
    if (plural == "runs") {
      return run_object(ns, name);
    }
    if (plural == "agents") {
      return agent_;
    }
    const journal::ObjectKey key = {.kind = kind_of(plural), .ns = ns, .name = std::string(name)};
    const bool known = plural == "toolservers" || plural == "toolcalls";
    if (!known || engine_.book_of(key)->revision_of(key) == Revision()) {
      return nullptr;
    }
    std::string row;
    engine_.encode_row(key, row);
    Json made = *parse_json(row);
    // As the view does it.
    made.find("metadata")
        ->set("resourceVersion", std::to_string(engine_.book_of(key)->revision_of(key).value()));
    return std::make_shared<const Json>(std::move(made));
  }

  Result<engine::Reply> run(const engine::Command& command, const Principal& who) {
    engine::Scope scope;
    scope.now = now_;
    scope.next = next_;
    scope.actor = who;
    auto reply = engine_.turn(command, scope);
    next_ = scope.next;
    events.insert(events.end(), scope.events.begin(), scope.events.end());
    return reply;
  }

  void submit() {
    engine::SubmitMission command;
    command.name = MissionName("m");
    command.workflow = std::make_shared<const workflow::Workflow>(engine::small_workflow());
    const auto made = run(command, Principal("user:alice"));
    EXPECT_TRUE(made.ok()) << (made ? "" : made.error().describe());
  }

  const Namespace ns_{"default"};
  engine::Engine engine_;
  Revision next_{1};
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  ToolPorts ports_;
  std::map<std::uint64_t, std::pair<Timestamp, std::function<void()>>> timers_;
  // These go before the timers, which they may hold.
  std::deque<std::function<void()>> commands_;
  /// Of all requests, so that a test may answer late.
  std::vector<std::shared_ptr<net::ResponseSink>> sinks_;
  ObjectPtr agent_;
  std::uint64_t timer_ = 0;
  std::uint64_t random_ = 0;
  std::unique_ptr<ToolService> service_;
};

}  // namespace reeve::gateway
