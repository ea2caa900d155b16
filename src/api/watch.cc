#include "api/view/watch.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/access.h"
#include "api/handlers.h"
#include "api/listing.h"
#include "api/services.h"
#include "api/streams.h"
#include "api/watch_groups.h"
#include "api/watch_lines.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

namespace {

constexpr Duration kBookmarkPeriod{60'000};
/// Watches without a timeout end after this time, and up to as much again.
constexpr std::int64_t kWatchSecondsMin = 1800;

/// A watch that cannot begin, because what it should begin with is forgotten: one event says so.
void answer_expired(const CallPtr& call, const WatchLines& lines, Revision asked) {
  const std::shared_ptr<net::Stream> stream = start_stream(call, "application/json");
  if (stream == nullptr) {
    return;
  }
  stream->write(lines.expired(asked));
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

view::WatchQuery query_of(const Call& call, const resource::ListOptions& options) {
  view::WatchQuery query;
  query.type = *call.type->view;
  const std::uint64_t version = options.resource_version.value_or(0);
  if (!options.send_initial_events.value_or(version == 0)) {
    query.from = version == 0 ? call.services->view.revision() : Revision(version);
  }
  query.initial_bookmark = options.send_initial_events.value_or(false);
  return query;
}

/// Those who are told the same are in one group.
std::string group_of(const Call& call, const Selection& selection, const WatchLines& lines) {
  if (lines.shared_form().empty()) {
    return {};
  }
  return concat(
      static_cast<std::uint32_t>(*call.type->view), "/", lines.shared_form(), "/", selection.text
  );
}

void begin_watch(
    const CallPtr& call, const resource::ListOptions& options, WatchTask::Parts parts
) {
  const std::shared_ptr<net::Stream> stream = start_stream(call, "application/json");
  if (stream == nullptr) {
    return;
  }
  parts.stream = PacedStream(stream);
  parts.bookmarks = options.allow_bookmarks;
  Services& services = *call->services;
  const auto task = std::make_shared<WatchTask>(*services.watch_groups, std::move(parts));
  Streams& streams = *services.streams;
  net::TimerHandle timeout =
      services.server->post_after(duration_of(call, options), [&streams, task] {
        task->end();
        streams.remove(task);
      });
  stream->on_close([&streams, task, timeout]() mutable {
    timeout.cancel();
    task->leave();
    streams.remove(task);
  });
  streams.add(task, kBookmarkPeriod, while_allowed(call));
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
  if (options->send_initial_events.value_or(false)) {
    if (const auto problem = check_version(*call, options->resource_version)) {
      answer(call, *problem);
      return;
    }
  }
  WatchLines lines(*call, *options);
  std::string group = group_of(*call, *selection, lines);
  view::WatchQuery query = query_of(*call, *options);
  query.selector = std::move(selection->selector);
  const Revision from = query.from.value_or(Revision(0));
  Result<std::unique_ptr<view::Watcher>> watcher = call->services->view.watch(std::move(query));
  if (watcher) {
    begin_watch(
        call,
        *options,
        {.watcher = std::move(*watcher),
         .lines = std::move(lines),
         .stream = PacedStream(nullptr),
         .group = std::move(group)}
    );
  } else if (view::is_expired(watcher.error())) {
    answer_expired(call, lines, from);
  } else {
    answer(call, watcher.error());
  }
}

}  // namespace reeve::api
