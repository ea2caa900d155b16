#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "api/access.h"
#include "api/compatible.h"
#include "api/paced_stream.h"
#include "api/services.h"
#include "api/streams.h"
#include "api/view/event_tail.h"
#include "base/strings.h"
#include "resource/query.h"

/// Houston's streams and gates: a mission's events with state and progress, its gates as
/// `gate_created`, `gate_approved`, `gate_rejected`, and the decisions about them.
namespace reeve::api {

namespace {

constexpr Duration kKeepAlivePeriod{15'000};
constexpr std::size_t kEventsAtOnce = 200;

/// The name of a stream's event for one of ours; empty: it is none of this stream.
std::string name_of(const journal::Event& event, const Json& data, bool gates) {
  if (!gates) {
    return event.type;
  }
  if (event.type == "gate.opened") {
    return "gate_created";
  }
  if (event.type == "gate.decided") {
    const std::string state = data.get_string("outcome");
    return state == "granted"                          ? "gate_approved"
           : state == "rejected" || state == "expired" ? "gate_rejected"
                                                       : std::string();
  }
  return {};
}

/// Follows one mission for one client, from its beginning.
class HoustonTask final : public StreamTask, public std::enable_shared_from_this<HoustonTask> {
 public:
  HoustonTask(
      CallPtr call,
      journal::ObjectKey mission,
      bool gates,
      Revision after,
      std::shared_ptr<net::Stream> stream
  )
      : call_(std::move(call)),
        mission_(std::move(mission)),
        gates_(gates),
        after_(after),
        stream_(std::move(stream)) {}

  bool concerned(const view::Notice& /*notice*/) const override { return true; }

  bool pump() override {
    while (stream_.open()) {
      store::EventQuery query;
      query.after = after_;
      query.limit = kEventsAtOnce;
      query.object = mission_;
      const Result<std::vector<journal::Event>> events = call_->services->reader.events(query);
      if (!events) {
        return false;
      }
      for (const journal::Event& event : *events) {
        if (!send(event)) {
          stream_.pump_later(*call_->services, shared_from_this());
          return stream_.open();
        }
        after_ = event.revision;
      }
      if (events->size() < kEventsAtOnce) {
        return true;
      }
    }
    return false;
  }

  void end() override { stream_.close(); }

  bool tick() override { return stream_.keep_alive(after_); }

 private:
  /// False: the reader does not take it now.
  bool send(const journal::Event& event) {
    const Result<Json> parsed = parse_json(event.data);
    const Json data = parsed ? *parsed : Json::object();
    if (event.type == "mission.transitioned") {
      state_ = to_lower(data.get_string("to"));
    }
    const std::string name = name_of(event, data, gates_);
    if (name.empty()) {
      return true;
    }
    Json json = Json::object();
    json.set("mission_id", mission_.name).set("timestamp", format_timestamp(event.at));
    if (gates_) {
      json.set("gate_id", concat(mission_.name, ".", data.get_string("task")));
      json.set("task", data.get_string("task")).set("user", event.actor.str());
    } else {
      json.set("state", state_).set("data", data);
    }
    return stream_.write(
        concat("id: ", event.revision.value(), "\nevent: ", name, "\ndata: ", json.dump(), "\n\n")
    );
  }

  CallPtr call_;
  journal::ObjectKey mission_;
  bool gates_;
  Revision after_;
  std::string state_ = "prep";
  PacedStream stream_;
};

void follow(const CallPtr& call, const std::string& mission, bool gates) {
  const std::string ns = namespace_of(call);
  const ApiType& missions = call->services->types.of(Storage::Mission);
  if (!may(call, missions, "get", ns, mission, "events")) {
    return;
  }
  if (call->services->view.get(*missions.view, ns, mission) == nullptr) {
    answer(call, resource::not_found(missions.name, mission));
    return;
  }
  std::string_view asked = call->request().headers.get("Last-Event-ID");
  if (asked.empty()) {
    asked = query_value(call, "from_seq");
  }
  Revision after(0);
  if (!asked.empty()) {
    const resource::Outcome<std::uint64_t> revision = resource::parse_resource_version(asked);
    if (!revision) {
      answer(call, revision.error());
      return;
    }
    after = Revision(*revision);
  }
  std::shared_ptr<net::Stream> stream = start_stream(call, "text/event-stream");
  if (stream == nullptr) {
    return;
  }
  stream->write(std::string("retry: 1000\n\n"));
  const auto task = std::make_shared<HoustonTask>(
      call,
      journal::ObjectKey{.kind = journal::Kind::Mission, .ns = Namespace(ns), .name = mission},
      gates,
      after,
      stream
  );
  Streams& streams = *call->services->streams;
  stream->on_close([&streams, task] { streams.remove(task); });
  streams.add(task, kKeepAlivePeriod, while_allowed(call));
}

/// A gate is an Approval, `<mission>.<task>`; the name of a mission alone means its only open gate.
void decide(const CallPtr& call, const std::string& gate, const std::string& decision) {
  Json given = Json::object();
  if (!call->request().body.empty()) {
    Result<Json> parsed = parse_json(call->request().body);
    if (!parsed || !parsed->is_object()) {
      answer(call, resource::bad_request("the body is no JSON object"));
      return;
    }
    given = std::move(*parsed);
  }
  const std::string ns = namespace_of(call);
  const ApiType& approvals = call->services->types.of(Storage::Approval);
  const bool approval = call->services->view.get(*approvals.view, ns, gate) != nullptr;
  Json body = Json::object();
  const std::string why = given.get_string("feedback", given.get_string("reason"));
  if (!why.empty()) {
    body.set("message", why);
  }
  const std::string user = call->identity.user;
  const bool approves = decision == "approve";
  forward(
      call,
      {.method = "POST",
       .path = concat(
           "/apis/reeve.dev/v1/namespaces/",
           ns,
           approval ? "/approvals/" : "/missions/",
           gate,
           "/",
           decision
       ),
       .body = std::move(body)},
      [gate, user, approves, why](int /*status*/, const Json& /*answer*/) {
        Json made = Json::object();
        made.set("id", gate).set("status", approves ? "approved" : "rejected");
        made.set(approves ? "approved_by" : "rejected_by", user).set("feedback", why);
        return Translated{.status = 200, .body = std::move(made)};
      }
  );
}

}  // namespace

bool answer_houston(const CallPtr& call) {
  const std::vector<std::string> parts = parts_of(call->request().path);
  const std::string& method = call->request().method;
  if (parts.size() != 3) {
    return false;
  }
  const bool gates = parts[0] == "gates";
  if (method == "GET" && parts[2] == (gates ? "stream" : "events")) {
    follow(call, parts[1], gates);
    return true;
  }
  if (method == "POST" && gates &&
      (parts[2] == "approve" || parts[2] == "reject" || parts[2] == "revise")) {
    decide(call, parts[1], parts[2]);
    return true;
  }
  return false;
}

}  // namespace reeve::api
