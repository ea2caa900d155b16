#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/event_scope.h"
#include "api/handlers.h"
#include "api/listing.h"
#include "api/objects/objects.h"
#include "api/services.h"
#include "api/streams.h"
#include "api/view/event_tail.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/table.h"

/// Events of core/v1: the journal as kubectl wants to see it.
namespace reeve::api {

namespace {

constexpr Duration kBookmarkPeriod{60'000};
/// Watches without a timeout end after this time, and up to as much again.
constexpr std::int64_t kWatchSecondsMin = 1800;
constexpr std::size_t kEventsAtOnce = 500;

/// A part of the journal, as a client sees it.
struct Listed {
  Json::Array items;
  /// Up to where it was looked at.
  Revision through;
  bool more = false;
};

using Events = std::vector<std::shared_ptr<const journal::Event>>;

/// The next events after `after`; none: there are none. What the tail has forgotten is read from
/// the store.
Result<Events> next_events(const Services& services, Revision after) {
  if (Result<view::TailPage> page = services.view.events().after(after, {}, kEventsAtOnce)) {
    return std::move(page->events);
  }
  store::EventQuery query;
  query.after = after;
  query.limit = kEventsAtOnce;
  REEVE_TRY(std::vector<journal::Event> stored, services.reader.events(query));
  Events events;
  events.reserve(stored.size());
  for (journal::Event& event : stored) {
    events.push_back(std::make_shared<const journal::Event>(std::move(event)));
  }
  return events;
}

/// Events after `after` up to `head`, at most `limit`.
resource::Outcome<Listed> read_journal(
    const Call& call, EventScope& scope, Revision after, Revision head, std::size_t limit
) {
  Listed listed{.items = {}, .through = after, .more = false};
  while (listed.through < head) {
    const Result<Events> events = next_events(*call.services, listed.through);
    if (!events) {
      return resource::from_error(events.error(), call.resource(), {});
    }
    if (events->empty()) {
      return listed;
    }
    for (const auto& event : *events) {
      if (event->revision > head) {
        return listed;
      }
      Json made = scope.show(*event);
      if (!made.is_null()) {
        if (listed.items.size() == limit) {
          listed.more = true;
          return listed;
        }
        listed.items.push_back(std::move(made));
      }
      listed.through = event->revision;
    }
  }
  return listed;
}

Revision first_listed(Revision head) {
  return Revision(head.value() > kListedEventsMax ? head.value() - kListedEventsMax : 0);
}

/// Where a page begins, and where the list ends.
struct PageBounds {
  Revision after;
  Revision head;
};

resource::Outcome<PageBounds> bounds_of(
    const Call& call, const resource::ListOptions& options, const Selection& selection
) {
  const Revision head = call.services->view.revision();
  if (options.continue_token.empty()) {
    return PageBounds{.after = first_listed(head), .head = head};
  }
  REEVE_TRY(const view::Position at, open_position(call, selection, options.continue_token));
  REEVE_TRY(const std::uint64_t after, resource::parse_resource_version(at.stem));
  return PageBounds{.after = Revision(after), .head = at.revision};
}

resource::Outcome<std::string> continue_token(
    const Call& call, const Selection& selection, const Listed& listed, Revision head
) {
  view::Position position;
  position.revision = head;
  position.stem = std::to_string(listed.through.value());
  Result<std::string> sealed = seal_position(call, selection, position);
  if (!sealed) {
    return resource::from_error(sealed.error(), call.resource(), {});
  }
  return std::move(*sealed);
}

resource::Outcome<void> list_page(
    const CallPtr& call, const resource::ListOptions& options, EventScope& scope
) {
  const Selection selection{.selector = {}, .text = scope.text()};
  REEVE_TRY(const PageBounds bounds, bounds_of(*call, options, selection));
  const std::size_t limit =
      options.limit == 0 ? kListedEventsMax : static_cast<std::size_t>(options.limit);
  REEVE_TRY(Listed listed, read_journal(*call, scope, bounds.after, bounds.head, limit));
  resource::ListPage page{
      .resource_version = std::to_string(bounds.head.value()),
      .continue_token = {},
      .remaining_item_count = {}};
  if (listed.more) {
    REEVE_TRY(page.continue_token, continue_token(*call, selection, listed, bounds.head));
  }
  answer_objects(call, page, std::move(listed.items), options.include_object);
  return {};
}

std::string event_line(std::string_view type, const Json& object) {
  return concat(R"({"type":")", type, R"(","object":)", object.dump(), "}\n");
}

/// Follows the journal for one client.
class EventWatch final : public StreamTask {
 public:
  EventWatch(
      CallPtr call,
      resource::ListOptions options,
      EventScope scope,
      Revision after,
      std::shared_ptr<net::Stream> stream
  )
      : call_(std::move(call)),
        options_(std::move(options)),
        scope_(std::move(scope)),
        after_(after),
        stream_(std::move(stream)) {}

  bool concerned(const view::Notice& /*notice*/) const override { return true; }

  /// What was there before the watch began.
  void begin_with(const Json::Array& events) {
    for (const Json& event : events) {
      add(event);
    }
    if (options_.send_initial_events.value_or(false)) {
      send_bookmark(true);
    }
  }

  bool pump() override {
    while (stream_->open()) {
      const Result<view::TailPage> page =
          call_->services->view.events().after(after_, {}, kEventsAtOnce);
      if (!page) {
        expire(*call_, *stream_, after_);
        return false;
      }
      for (const auto& event : page->events) {
        if (const Json made = scope_.show(*event); !made.is_null() && !add(made)) {
          return false;
        }
      }
      after_ = page->through;
      if (!page->more) {
        return stream_->open();
      }
    }
    return false;
  }

  bool tick() override { return !options_.allow_bookmarks || send_bookmark(false); }

  void end() override {
    if (options_.allow_bookmarks) {
      send_bookmark(false);
    }
    stream_->close();
  }

  /// What it would have to tell is no longer known.
  static void expire(const Call& call, net::Stream& stream, Revision asked) {
    const std::uint64_t current = call.services->view.revision().value();
    stream.write(event_line(
        "ERROR", resource::to_json(resource::resource_version_too_old(asked.value(), current))
    ));
    stream.close();
  }

 private:
  resource::TableOptions table_options() const {
    return {
        .version = call_->shape.version,
        .include_object = options_.include_object,
        .now = call_->services->now()};
  }

  /// Only the first table of a watch says what its columns are.
  bool tells_columns() { return !std::exchange(told_columns_, true); }

  bool add(const Json& event) {
    switch (call_->shape.shape) {
      case resource::Shape::Table:
        return stream_->write(event_line(
            "ADDED",
            resource::object_table(call_->type->columns, event, table_options(), tells_columns())
        ));
      case resource::Shape::PartialMetadata:
        return stream_->write(
            event_line("ADDED", resource::partial_metadata(event, call_->shape.version))
        );
      case resource::Shape::Object:
      case resource::Shape::Discovery:
      case resource::Shape::OpenApiProtobuf:
        return stream_->write(event_line("ADDED", event));
    }
    return false;
  }

  bool send_bookmark(bool initial_end) {
    const std::string version = std::to_string(after_.value());
    switch (call_->shape.shape) {
      case resource::Shape::Table:
        return stream_->write(event_line(
            "BOOKMARK",
            resource::table_bookmark(
                call_->type->columns, version, initial_end, table_options(), tells_columns()
            )
        ));
      case resource::Shape::PartialMetadata:
        return stream_->write(event_line(
            "BOOKMARK", resource::partial_bookmark(version, initial_end, call_->shape.version)
        ));
      case resource::Shape::Object:
      case resource::Shape::Discovery:
      case resource::Shape::OpenApiProtobuf:
        return stream_->write(
            event_line("BOOKMARK", resource::bookmark(call_->resource(), version, initial_end))
        );
    }
    return false;
  }

  CallPtr call_;
  resource::ListOptions options_;
  EventScope scope_;
  Revision after_;
  std::shared_ptr<net::Stream> stream_;
  bool told_columns_ = false;
};

Duration duration_of(const Call& call, const resource::ListOptions& options) {
  constexpr std::int64_t kMillis = 1000;
  if (options.timeout_seconds && *options.timeout_seconds > 0) {
    return Duration(*options.timeout_seconds * kMillis);
  }
  const auto extra = static_cast<std::int64_t>(
      call.services->random.next() % static_cast<std::uint64_t>(kWatchSecondsMin)
  );
  return Duration((kWatchSecondsMin + extra) * kMillis);
}

/// Keeps it going until its time is over or the client goes.
void keep(
    const CallPtr& call,
    const std::shared_ptr<EventWatch>& watch,
    const std::shared_ptr<net::Stream>& stream,
    Duration duration
) {
  Streams& streams = *call->services->streams;
  net::TimerHandle timeout = call->services->server->post_after(duration, [&streams, watch] {
    watch->end();
    streams.remove(watch);
  });
  stream->on_close([&streams, watch, timeout]() mutable {
    timeout.cancel();
    streams.remove(watch);
  });
  streams.add(watch, kBookmarkPeriod, while_allowed(call));
}

/// The last events up to `head` about the object that is asked for; absent: about no single one.
resource::Outcome<std::optional<Json::Array>> events_of_object(
    const Call& call, EventScope& scope, Revision head
) {
  Result<std::optional<Json::Array>> known = scope.of_object(*call.services, head);
  if (!known) {
    return resource::from_error(known.error(), call.resource(), {});
  }
  return std::move(*known);
}

/// What a watch that names no revision begins with.
resource::Outcome<Json::Array> initial_events(const Call& call, EventScope& scope, Revision head) {
  REEVE_TRY(std::optional<Json::Array> known, events_of_object(call, scope, head));
  if (known) {
    return std::move(*known);
  }
  REEVE_TRY(Listed listed, read_journal(call, scope, first_listed(head), head, kListedEventsMax));
  return std::move(listed.items);
}

resource::Outcome<void> start_watch(const CallPtr& call, const resource::ListOptions& options) {
  REEVE_TRY(EventScope scope, EventScope::of(*call, options));
  const std::uint64_t asked = options.resource_version.value_or(0);
  const Revision head = call->services->view.revision();
  const bool initial = options.send_initial_events.value_or(asked == 0);
  const Revision after = initial || asked == 0 ? head : Revision(asked);
  Json::Array events;
  if (initial) {
    REEVE_TRY(events, initial_events(*call, scope, head));
  } else {
    // The scope learns where the events of its object end.
    REEVE_CHECK(events_of_object(*call, scope, after));
  }
  std::shared_ptr<net::Stream> stream = start_stream(call, "application/json");
  if (stream == nullptr) {
    return {};
  }
  if (after < call->services->view.events().floor()) {
    EventWatch::expire(*call, *stream, after);
    return {};
  }
  const auto watch = std::make_shared<EventWatch>(call, options, std::move(scope), after, stream);
  watch->begin_with(events);
  keep(call, watch, stream, duration_of(*call, options));
  return {};
}

}  // namespace

void get_event(const CallPtr& call) {
  // `NAME.REVISION`
  const std::string& name = call->route.name;
  const std::size_t dot = name.rfind('.');
  const resource::Outcome<std::uint64_t> revision =
      resource::parse_resource_version(dot == std::string::npos ? "" : name.substr(dot + 1));
  if (revision && *revision > 0) {
    store::EventQuery query;
    query.after = Revision(*revision - 1);
    query.limit = 1;
    const Result<std::vector<journal::Event>> events = call->services->reader.events(query);
    if (!events) {
      answer(call, events.error());
      return;
    }
    if (!events->empty() && is_told(events->front().object.kind) &&
        events->front().object.ns.view() == call->route.ns &&
        events->front().object.name == name.substr(0, dot)) {
      constexpr int kOk = 200;
      answer_object(call, kOk, core_event(events->front()));
      return;
    }
  }
  answer(call, resource::not_found(call->resource(), name));
}

void list_events(const CallPtr& call) {
  const resource::Outcome<resource::ListOptions> options =
      resource::parse_list_options(call->request().query);
  if (!options) {
    answer(call, options.error());
    return;
  }
  resource::Outcome<EventScope> scope = EventScope::of(*call, *options);
  if (!scope) {
    answer(call, scope.error());
    return;
  }
  const Revision head = call->services->view.revision();
  resource::Outcome<std::optional<Json::Array>> known = events_of_object(*call, *scope, head);
  if (!known) {
    answer(call, known.error());
    return;
  }
  if (*known) {
    const resource::ListPage page{
        .resource_version = std::to_string(head.value()),
        .continue_token = {},
        .remaining_item_count = {}};
    answer_objects(call, page, std::move(**known), options->include_object);
    return;
  }
  if (const resource::Outcome<void> listed = list_page(call, *options, *scope); !listed) {
    answer(call, listed.error());
  }
}

void watch_events(const CallPtr& call) {
  const resource::Outcome<resource::ListOptions> options =
      resource::parse_list_options(call->request().query);
  if (!options) {
    answer(call, options.error());
    return;
  }
  if (const resource::Outcome<void> started = start_watch(call, *options); !started) {
    answer(call, started.error());
  }
}

}  // namespace reeve::api
