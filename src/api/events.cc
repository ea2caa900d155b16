#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/handlers.h"
#include "api/paced_stream.h"
#include "api/services.h"
#include "api/streams.h"
#include "api/view/event_tail.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/query.h"

namespace reeve::api {

namespace {

constexpr Duration kKeepAlivePeriod{15'000};
constexpr std::size_t kEventsAtOnce = 500;
constexpr int kPagesAtOnce = 4;

/// One event as server-sent events have it (WHATWG HTML, 9.2).
std::string sse_text(const journal::Event& event) {
  Json json = Json::object();
  json.set("revision", event.revision.value()).set("type", event.type);
  json.set("at", format_timestamp(event.at)).set("namespace", event.object.ns.str());
  json.set("kind", journal::to_string(event.object.kind)).set("name", event.object.name);
  json.set("uid", event.uid.str()).set("actor", event.actor.str());
  json.set("correlation", event.correlation.str());
  Result<Json> data = parse_json(event.data);
  if (data && event.object.kind == journal::Kind::Channel && data->is_object()) {
    // Messages are for those who receive them.
    std::erase_if(data->as_object(), [](const Json::Member& member) {
      return member.first == "body" || member.first == "properties";
    });
  }
  json.set("data", data ? *data : Json());
  return concat(
      "id: ", event.revision.value(), "\nevent: ", event.type, "\ndata: ", json.dump(), "\n\n"
  );
}

/// Which events somebody follows.
struct EventFilter {
  std::string ns;
  /// Empty: of all objects.
  std::string mission;
  /// Empty: of all types.
  std::vector<std::string> types;
  /// Goes on with what comes; otherwise it ends with what there is.
  bool follow = true;
  /// What else than missions is told of.
  bool workflows = false;
  bool channels = false;
  bool denials = false;

  bool matches(const journal::Event& event) const {
    if (event.object.ns.view() != ns) {
      return false;
    }
    // What is said about credentials, roles and the like is told by their own resources.
    const journal::Kind kind = event.object.kind;
    const bool told =
        kind == journal::Kind::Mission || (workflows && kind == journal::Kind::Workflow) ||
        (channels && kind == journal::Kind::Channel) || (denials && kind == journal::Kind::Denial);
    if (!told) {
      return false;
    }
    if (!mission.empty() &&
        (event.object.kind != journal::Kind::Mission || event.object.name != mission)) {
      return false;
    }
    if (types.empty()) {
      return true;
    }
    for (const std::string& type : types) {
      if (event.type == type) {
        return true;
      }
    }
    return false;
  }
};

/// Follows the journal for one client.
class EventsTask final : public StreamTask, public std::enable_shared_from_this<EventsTask> {
 public:
  EventsTask(CallPtr call, EventFilter filter, Revision after, std::shared_ptr<net::Stream> stream)
      : call_(std::move(call)),
        filter_(std::move(filter)),
        after_(after),
        stream_(std::move(stream)) {}

  bool concerned(const view::Notice& /*notice*/) const override { return true; }

  bool pump() override {
    for (int pages = 0; stream_.open(); ++pages) {
      if (pages == kPagesAtOnce) {
        // Others are to have their turn.
        stream_.pump_later(*call_->services, shared_from_this());
        return true;
      }
      const auto matches = [this](const journal::Event& event) {
        return filter_.matches(event);
      };
      const Result<view::TailPage> page =
          call_->services->view.events().after(after_, matches, kEventsAtOnce);
      const Told told = page ? tell(*page) : replay();
      if (told == Told::Full) {
        stream_.pump_later(*call_->services, shared_from_this());
        return stream_.open();
      }
      if (told == Told::All && !filter_.follow) {
        stream_.close();
        return false;
      }
      if (told != Told::More) {
        return told == Told::All;
      }
    }
    return false;
  }

  void end() override { stream_.close(); }

  bool tick() override { return stream_.keep_alive(after_); }

 private:
  enum class Told { All, More, Full, Failed };

  bool send(const journal::Event& event) {
    if (!stream_.write(sse_text(event))) {
      return false;
    }
    after_ = event.revision;
    return true;
  }

  Told tell(const view::TailPage& page) {
    for (const auto& event : page.events) {
      if (!send(*event)) {
        return Told::Full;
      }
    }
    after_ = page.through;
    return page.more ? Told::More : Told::All;
  }

  /// What the tail has forgotten is read from the store, a piece at a time.
  Told replay() {
    store::EventQuery query;
    query.after = after_;
    query.limit = kEventsAtOnce;
    if (!filter_.mission.empty()) {
      query.object = journal::ObjectKey{
          .kind = journal::Kind::Mission, .ns = Namespace(filter_.ns), .name = filter_.mission};
    }
    const Result<std::vector<journal::Event>> events = call_->services->reader.events(query);
    if (!events) {
      return Told::Failed;
    }
    for (const journal::Event& event : *events) {
      if (filter_.matches(event) && !send(event)) {
        return Told::Full;
      }
      after_ = event.revision;
    }
    if (events->size() < kEventsAtOnce) {
      after_ = std::max(after_, call_->services->view.events().floor());
    }
    return Told::More;
  }

  CallPtr call_;
  EventFilter filter_;
  Revision after_;
  PacedStream stream_;
};

/// Where to begin: after what the client has seen, or `?from=`, or now.
resource::Outcome<Revision> beginning(const CallPtr& call, Revision fallback) {
  std::string_view asked = call->request().headers.get("Last-Event-ID");
  if (asked.empty()) {
    asked = query_value(call, "from");
  }
  if (asked.empty()) {
    return fallback;
  }
  REEVE_TRY(const std::uint64_t revision, resource::parse_resource_version(asked));
  return Revision(revision);
}

void follow(const CallPtr& call, EventFilter filter, Revision fallback) {
  const resource::Outcome<Revision> after = beginning(call, fallback);
  if (!after) {
    answer(call, after.error());
    return;
  }
  filter.follow = resource::parse_bool(query_value(call, "follow")).value_or(true);
  std::string_view types = query_value(call, "type");
  while (!types.empty()) {
    const std::size_t comma = types.find(',');
    filter.types.emplace_back(types.substr(0, comma));
    types = comma == std::string_view::npos ? std::string_view() : types.substr(comma + 1);
  }
  std::shared_ptr<net::Stream> stream = start_stream(call, "text/event-stream");
  if (stream == nullptr) {
    return;
  }
  // Browsers wait so long before they come back.
  stream->write(std::string("retry: 1000\n\n"));
  const auto task = std::make_shared<EventsTask>(call, std::move(filter), *after, stream);
  Streams& streams = *call->services->streams;
  stream->on_close([&streams, task] { streams.remove(task); });
  streams.add(task, kKeepAlivePeriod, while_allowed(call));
}

/// Each kind of object is told of to those who may watch it.
bool may_watch(const Call& call, const ApiType& type) {
  access::Attributes attributes;
  attributes.verb = "watch";
  attributes.group = type.name.group;
  attributes.resource = type.name.plural;
  attributes.ns = call.route.ns;
  return call.services->access.policy().decide(call.identity, attributes).allowed;
}

}  // namespace

void follow_namespace_events(const CallPtr& call) {
  EventFilter filter;
  filter.ns = call->route.ns;
  filter.workflows = may_watch(*call, call->services->types.of(Storage::Workflow));
  filter.channels = may_watch(*call, call->services->types.of(Storage::Channel));
  filter.denials = may_watch(*call, call->services->types.of(Storage::Event));
  follow(call, std::move(filter), call->services->view.revision());
}

void follow_mission_events(const CallPtr& call) {
  const view::ProjectedPtr mission =
      call->services->view.get(*call->type->view, call->route.ns, call->route.name);
  if (mission == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  // All of it: whoever subscribes late misses nothing.
  EventFilter filter;
  filter.ns = call->route.ns;
  filter.mission = call->route.name;
  follow(call, std::move(filter), Revision(0));
}

}  // namespace reeve::api
