#include "api/view/watch.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/handlers.h"
#include "api/listing.h"
#include "api/services.h"
#include "api/streams.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

namespace {

constexpr Duration kBookmarkPeriod{60'000};
/// Watches without a timeout end after this time, and up to as much again.
constexpr std::int64_t kWatchSecondsMin = 1800;
constexpr std::size_t kEventsAtOnce = 500;

std::string event_line(std::string_view type, const Json& object) {
  return concat(R"({"type":")", type, R"(","object":)", object.dump(), "}\n");
}

/// One watch of one client.
class WatchTask final : public StreamTask {
 public:
  WatchTask(
      CallPtr call,
      resource::ListOptions options,
      std::unique_ptr<view::Watcher> watcher,
      std::shared_ptr<net::Stream> stream
  )
      : call_(std::move(call)),
        options_(std::move(options)),
        watcher_(std::move(watcher)),
        stream_(std::move(stream)),
        representation_(representation_word(*call_, options_)) {}

  bool concerned(const view::Notice& notice) const override { return watcher_->concerned(notice); }

  bool pump() override {
    while (true) {
      Result<view::WatchStep> step = watcher_->next(kEventsAtOnce);
      if (!step) {
        expire();
        return false;
      }
      for (const view::WatchEvent& event : step->events) {
        if (!send(event)) {
          return false;
        }
      }
      if (!step->more) {
        return stream_->open();
      }
    }
  }

  bool tick() override { return !options_.allow_bookmarks || send_bookmark(false); }

  /// Also at the end of its time.
  void end() override {
    if (options_.allow_bookmarks) {
      send_bookmark(false);
    }
    stream_->close();
  }

 private:
  resource::TableOptions table_options() const {
    return {
        .version = call_->shape.version,
        .include_object = options_.include_object,
        .now = call_->services->now()};
  }

  Json shaped(const Json& object, bool with_definitions) const {
    switch (call_->shape.shape) {
      case resource::Shape::Table:
        return resource::object_table(
            call_->type->columns, object, table_options(), with_definitions
        );
      case resource::Shape::PartialMetadata:
        return resource::partial_metadata(object, call_->shape.version);
      case resource::Shape::Object:
      case resource::Shape::Discovery:
      case resource::Shape::OpenApiProtobuf:
        return object;
    }
    return object;
  }

  bool send(const view::WatchEvent& event) {
    if (event.type == view::WatchEventType::Bookmark) {
      return send_bookmark_at(event.revision, event.initial_end);
    }
    const bool table = call_->shape.shape == resource::Shape::Table;
    if (table && !told_columns_) {
      told_columns_ = true;
      return stream_->write(
          event_line(view::to_string(event.type), shaped(event.object->object, true))
      );
    }
    return stream_->write(event.encoded(representation_, [this](const view::WatchEvent& what) {
      if (call_->shape.shape == resource::Shape::Object) {
        return concat(
            R"({"type":")",
            view::to_string(what.type),
            R"(","object":)",
            *what.object->text(),
            "}\n"
        );
      }
      return event_line(view::to_string(what.type), shaped(what.object->object, false));
    }));
  }

  bool send_bookmark(bool initial_end) {
    const std::optional<Revision> at = watcher_->bookmark();
    return !at || send_bookmark_at(*at, initial_end);
  }

  bool send_bookmark_at(Revision at, bool initial_end) {
    const std::string version = std::to_string(at.value());
    Json object;
    switch (call_->shape.shape) {
      case resource::Shape::Table:
        object = resource::table_bookmark(
            call_->type->columns,
            version,
            initial_end,
            table_options(),
            !std::exchange(told_columns_, true)
        );
        break;
      case resource::Shape::PartialMetadata:
        object = resource::partial_bookmark(version, initial_end, call_->shape.version);
        break;
      case resource::Shape::Object:
      case resource::Shape::Discovery:
      case resource::Shape::OpenApiProtobuf:
        object = resource::bookmark(call_->resource(), version, initial_end);
        break;
    }
    return stream_->write(event_line("BOOKMARK", object));
  }

  /// What it would have to tell is no longer known.
  void expire() {
    const std::uint64_t asked = watcher_->query().from.value_or(Revision(0)).value();
    const std::uint64_t current = call_->services->view.revision().value();
    stream_->write(
        event_line("ERROR", resource::to_json(resource::resource_version_too_old(asked, current)))
    );
    stream_->close();
  }

  CallPtr call_;
  resource::ListOptions options_;
  std::unique_ptr<view::Watcher> watcher_;
  std::shared_ptr<net::Stream> stream_;
  std::string representation_;
  bool told_columns_ = false;
};

/// A watch that cannot begin, because what it should begin with is forgotten: one event says so.
void answer_expired(const CallPtr& call, std::uint64_t asked) {
  const std::shared_ptr<net::Stream> stream = start_stream(call, "application/json");
  if (stream == nullptr) {
    return;
  }
  const std::uint64_t current = call->services->view.revision().value();
  stream->write(
      event_line("ERROR", resource::to_json(resource::resource_version_too_old(asked, current)))
  );
  stream->close();
}

Duration duration_of(const CallPtr& call, const resource::ListOptions& options) {
  constexpr std::int64_t kMillis = 1000;
  if (options.timeout_seconds && *options.timeout_seconds > 0) {
    return Duration(*options.timeout_seconds * kMillis);
  }
  const auto extra = static_cast<std::int64_t>(
      call->services->random.next() % static_cast<std::uint64_t>(kWatchSecondsMin)
  );
  return Duration((kWatchSecondsMin + extra) * kMillis);
}

void begin_watch(
    const CallPtr& call,
    const resource::ListOptions& options,
    std::unique_ptr<view::Watcher> watcher
) {
  std::shared_ptr<net::Stream> stream = start_stream(call, "application/json");
  if (stream == nullptr) {
    return;
  }
  const auto task = std::make_shared<WatchTask>(call, options, std::move(watcher), stream);
  Streams& streams = *call->services->streams;
  net::TimerHandle timeout =
      call->services->server->post_after(duration_of(call, options), [&streams, task] {
        task->end();
        streams.remove(task);
      });
  stream->on_close([&streams, task, timeout]() mutable {
    timeout.cancel();
    streams.remove(task);
  });
  streams.add(task, kBookmarkPeriod);
}

}  // namespace

void watch_objects(const CallPtr& call) {
  const resource::Outcome<resource::ListOptions> options =
      resource::parse_list_options(call->request().query);
  if (!options) {
    answer(call, options.error());
    return;
  }
  resource::Outcome<Selection> selection = select(*call, *options);
  if (!selection) {
    answer(call, selection.error());
    return;
  }
  view::WatchQuery query;
  query.type = *call->type->view;
  query.selector = std::move(selection->selector);
  const std::uint64_t version = options->resource_version.value_or(0);
  const bool initial = options->send_initial_events.value_or(version == 0);
  if (!initial) {
    query.from = version == 0 ? call->services->view.revision() : Revision(version);
  }
  query.initial_bookmark = options->send_initial_events.value_or(false);
  Result<std::unique_ptr<view::Watcher>> watcher = call->services->view.watch(std::move(query));
  if (!watcher) {
    if (view::is_expired(watcher.error())) {
      answer_expired(call, version);
    } else {
      answer(call, watcher.error());
    }
    return;
  }
  begin_watch(call, *options, std::move(*watcher));
}

}  // namespace reeve::api
