#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/book.h"
#include "engine/engine.h"
#include "engine/object_metadata.h"
#include "engine/small_workflow.h"
#include "gateway/model/service.h"
#include "net/fake_exchange.h"
#include "telemetry/metrics.h"

namespace reeve::gateway::model {

/// A request as it has come to a provider of a test, which answers it when it likes.
class FakeUpstream final : public net::ClientCall {
 public:
  FakeUpstream(
      net::ClientRequest given, std::shared_ptr<net::ResponseSink> to, bool private_allowed
  )
      : request(std::move(given)), allow_private(private_allowed), sink_(std::move(to)) {}

  void cancel() override {
    cancelled = true;
    sink_.reset();
  }

  void pause() override { paused = true; }

  void resume() override { paused = false; }

  void head(int status, std::vector<net::Header> headers = {}) {
    net::Headers made;
    for (net::Header& header : headers) {
      made.add(std::move(header.name), std::move(header.value));
    }
    if (const auto sink = sink_) {
      sink->on_head(status, std::move(made));
    }
  }

  void data(std::string_view piece) {
    if (const auto sink = sink_) {
      sink->on_data(piece);
    }
  }

  void end() {
    if (const auto sink = std::exchange(sink_, nullptr)) {
      sink->on_end();
    }
  }

  void fail(net::ClientStage stage, ErrorCode code = ErrorCode::Unavailable) {
    if (const auto sink = std::exchange(sink_, nullptr)) {
      sink->on_error(stage, make_error(code, "the test says so", "provider"));
    }
  }

  /// A whole answer.
  void answer(int status, std::string_view body, std::vector<net::Header> headers = {}) {
    headers.push_back({"Content-Type", "application/json"});
    head(status, std::move(headers));
    data(body);
    end();
  }

  std::string_view header(std::string_view name) const {
    for (const net::Header& each : request.headers) {
      if (to_lower(each.name) == to_lower(name)) {
        return each.value;
      }
    }
    return {};
  }

  const net::ClientRequest request;
  const bool allow_private;
  bool cancelled = false;
  bool paused = false;

 private:
  std::shared_ptr<net::ResponseSink> sink_;
};

/// The service with a real engine, and providers that a test writes. For unit tests: time passes
/// when the test says so, commands are carried out by `settle`.
class ModelWorld {
 public:
  ModelWorld() : engine_(engine::Limits{}, "test", {}) {
    ports_.command = [this](
                         engine::Command command,
                         const telemetry::Correlation& /*correlation*/,
                         ModelPorts::Reply reply
                     ) {
      commands_.push_back([this, command = std::move(command), reply] {
        if (meter_failure) {
          reply(*meter_failure);
          return;
        }
        reply(run(without_runs ? of_no_run(command) : command, Principal(std::string(kModelsActor)))
        );
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
    ports_.elapsed = [this] {
      return now_.time_since_epoch();
    };
    ports_.object =
        [this](std::string_view plural, const Namespace& /*ns*/, std::string_view name) {
          return object(plural, name);
        };
    ports_.objects =
        [this](std::string_view plural, const std::optional<Namespace>& ns, std::size_t max) {
          std::vector<SeenObject> found;
          for (const auto& [key, seen] : objects_) {
            if (key.first == plural && (!ns || *ns == ns_) && found.size() < max) {
              found.push_back(seen);
            }
          }
          return found;
        };
    ports_.reveal = [this](std::string_view /*ns*/, std::string_view name) -> Result<Secret> {
      ++revealed;
      return Secret(concat("key-of-", name));
    };
    ports_.send =
        [this](
            net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink, bool allow_private
        ) {
          EXPECT_FALSE(request.retry_stale) << "what is sent twice is paid twice";
          upstream.push_back(
              std::make_shared<FakeUpstream>(std::move(request), std::move(sink), allow_private)
          );
          return upstream.back();
        };
    ports_.random = [this] {
      return ++random_;
    };
    ports_.save_reply = [this](std::string_view name, std::string_view text) -> Result<void> {
      saved[std::string(name)] = std::string(text);
      return {};
    };
    ports_.drop_reply = [this](std::string_view name) {
      saved.erase(std::string(name));
    };
    ports_.saved_replies = [this] {
      return std::vector<std::pair<std::string, std::string>>(saved.begin(), saved.end());
    };
    put("credentials", "key", R"({"metadata":{"name":"key"}})");
    restart();
  }

  /// An object as the API would show it, in place of what was there.
  void put(std::string_view plural, std::string_view name, std::string_view text) {
    objects_[{std::string(plural), std::string(name)}] = {
        .object = std::make_shared<const Json>(*parse_json(text)), .revision = ++revision_};
  }

  void drop(std::string_view plural, std::string_view name) {
    objects_.erase({std::string(plural), std::string(name)});
  }

  /// A route called "r" with these members of its spec.
  void route(std::string_view spec) {
    put("modelroutes",
        "r",
        concat(
            R"({"apiVersion":"reeve.dev/v1","kind":"ModelRoute","metadata":{"name":"r",)",
            R"("namespace":"default","uid":"u","generation":)",
            revision_,
            R"(},"spec":)",
            spec,
            "}"
        ));
  }

  /// The same, as an object that the engine has too; `see` shows it.
  void declare_route(std::string_view spec) {
    Json object = *parse_json(concat(
        R"({"apiVersion":"reeve.dev/v1","kind":"ModelRoute","metadata":{"name":"r",)"
        R"("namespace":"default"},"spec":)",
        spec,
        "}"
    ));
    const auto made = run(
        engine::ObjectCommand{
            .object = {.kind = journal::Kind::ModelRoute, .ns = ns_, .name = "r"},
            .verb = "create",
            .body = Json::object().set("object", std::move(object))},
        Principal("user:root")
    );
    ASSERT_TRUE(made.ok()) << made.error().describe();
    see(journal::Kind::ModelRoute, "modelroutes");
  }

  /// Objects of a kind as the engine has them now; they stay so until this is called again.
  void see(journal::Kind kind, std::string_view plural) {
    const engine::Book* book = engine_.book_of({.kind = kind, .ns = ns_, .name = {}});
    for (const journal::ObjectKey& key : book->keys()) {
      std::string row;
      engine_.encode_row(key, row);
      put(plural, key.name, row);
    }
  }

  /// One that was put, or seen.
  Json seen(std::string_view plural, std::string_view name) {
    const SeenObject found = object(plural, name);
    return found.object == nullptr ? Json() : *found.object;
  }

  /// Names of those.
  std::vector<std::string> names(std::string_view plural) const {
    std::vector<std::string> found;
    for (const auto& [key, seen] : objects_) {
      if (key.first == plural) {
        found.push_back(key.second);
      }
    }
    return found;
  }

  /// A budget of the namespace.
  void quota(std::string_view spec) {
    Json object = *parse_json(concat(
        R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q",)"
        R"("namespace":"default"},"spec":)",
        spec,
        "}"
    ));
    const auto made = run(
        engine::ObjectCommand{
            .object = {.kind = journal::Kind::BudgetQuota, .ns = ns_, .name = "q"},
            .verb = "create",
            .body = Json::object().set("object", std::move(object))},
        Principal("user:root")
    );
    ASSERT_TRUE(made.ok()) << made.error().describe();
  }

  /// What somebody asks; `settle` has been called.
  std::shared_ptr<net::FakeAnswer> post(
      std::string path,
      std::string body,
      std::vector<net::Header> headers = {},
      Caller caller = who()
  ) {
    net::Request request;
    request.method = "POST";
    request.target = path;
    request.path = path.substr(0, path.find('?'));
    request.body = std::move(body);
    request.headers.add("Content-Type", "application/json");
    for (net::Header& header : headers) {
      request.headers.add(std::move(header.name), std::move(header.value));
    }
    last = std::make_shared<net::FakeExchange>(std::move(request));
    auto answer = last->answer();
    service_->serve(last, std::move(caller));
    settle();
    return answer;
  }

  std::shared_ptr<net::FakeAnswer> get(std::string path, Caller caller = who()) {
    net::Request request;
    request.method = "GET";
    request.target = path;
    request.path = std::move(path);
    last = std::make_shared<net::FakeExchange>(std::move(request));
    auto answer = last->answer();
    service_->serve(last, std::move(caller));
    settle();
    return answer;
  }

  static Caller who() {
    Caller caller;
    caller.ns = Namespace("default");
    caller.principal = Principal("user:alice");
    return caller;
  }

  static Caller run_of(std::string agent = {}) {
    Caller caller;
    caller.ns = Namespace("default");
    caller.mission = "m";
    caller.run = "m.1.build.1";
    caller.agent = std::move(agent);
    caller.principal = Principal("run:m.1.build.1");
    return caller;
  }

  /// Carries out what waits, and what comes of it.
  void settle() {
    while (!commands_.empty()) {
      const std::function<void()> next = std::move(commands_.front());
      commands_.pop_front();
      next();
    }
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

  /// Records of calls, in the order of their names.
  std::vector<Json> records() {
    std::vector<Json> found;
    const engine::Book* book =
        engine_.book_of({.kind = journal::Kind::ModelCall, .ns = ns_, .name = {}});
    for (const journal::ObjectKey& key : book->keys()) {
      std::string row;
      engine_.encode_row(key, row);
      found.push_back(*parse_json(row));
    }
    return found;
  }

  /// "Settled completed", "Refunded", "Open", in order.
  std::vector<std::string> outcomes() {
    std::vector<std::string> found;
    for (const Json& record : records()) {
      const Json& status = *record.find("status");
      const Json* end = status.find("end");
      found.push_back(concat(
          status.get_string("phase"), end == nullptr ? "" : concat(" ", end->get_string("outcome"))
      ));
    }
    return found;
  }

  std::size_t count_events(std::string_view type) const {
    return static_cast<std::size_t>(std::count_if(
        events.begin(),
        events.end(),
        [&](const journal::Event& event) { return event.type == type; }
    ));
  }

  /// A service that remembers nothing.
  void restart() {
    service_.reset();
    commands_.clear();
    timers_.clear();
    metrics_ = std::make_unique<telemetry::MetricRegistry>();
    service_ = std::make_unique<ModelService>(ports_, *metrics_, log_);
  }

  void close() { service_->close(); }

  ModelService& service() { return *service_; }

  const ModelPorts& ports() const { return ports_; }

  std::string metrics() const { return metrics_->prometheus(); }

  FakeUpstream& asked(std::size_t index) { return *upstream.at(index); }

  std::vector<std::shared_ptr<FakeUpstream>> upstream;
  std::optional<Error> meter_failure;
  /// The engine has no missions; calls of their runs are metered all the same.
  bool without_runs = false;
  std::size_t revealed = 0;
  /// Replies that outlive the service.
  std::map<std::string, std::string> saved;
  std::vector<journal::Event> events;
  std::shared_ptr<net::FakeExchange> last;

 private:
  static engine::Command of_no_run(engine::Command command) {
    if (auto* object = std::get_if<engine::ObjectCommand>(&command)) {
      engine::erase_member(object->body, "mission");
      engine::erase_member(object->body, "run");
    }
    return command;
  }

  SeenObject object(std::string_view plural, std::string_view name) {
    const auto found = objects_.find({std::string(plural), std::string(name)});
    return found == objects_.end() ? SeenObject() : found->second;
  }

  Result<engine::Reply> run(const engine::Command& command, const Principal& principal) {
    engine::Scope scope;
    scope.now = now_;
    scope.next = next_;
    scope.actor = principal;
    auto reply = engine_.turn(command, scope);
    next_ = scope.next;
    events.insert(events.end(), scope.events.begin(), scope.events.end());
    return reply;
  }

  const Namespace ns_{"default"};
  engine::Engine engine_;
  Revision next_{1};
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  ModelPorts ports_;
  std::deque<std::function<void()>> commands_;
  std::map<std::uint64_t, std::pair<Timestamp, std::function<void()>>> timers_;
  std::uint64_t timer_ = 0;
  std::uint64_t random_ = 0;
  std::uint64_t revision_ = 0;
  std::map<std::pair<std::string, std::string>, SeenObject> objects_;
  std::unique_ptr<telemetry::MetricRegistry> metrics_;
  telemetry::Logger log_;
  std::unique_ptr<ModelService> service_;
};

}  // namespace reeve::gateway::model
