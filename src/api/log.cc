#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "api/access.h"
#include "api/file_work.h"
#include "api/handlers.h"
#include "api/log_reader.h"
#include "api/services.h"
#include "api/streams.h"
#include "base/strings.h"
#include "resource/query.h"

namespace reeve::api {

namespace {

constexpr Duration kLookPeriod{100};
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
/// What waits for the reader when the next piece is read.
constexpr std::size_t kUntakenBytesMax = kPieceBytes;
constexpr std::int64_t kMillis = 1000;
constexpr std::int64_t kSinceSecondsMax = std::int64_t{100} * 366 * 24 * 3600;

struct LogOptions {
  LogForm form;
  bool follow = false;
  std::optional<std::int64_t> limit_bytes;
  /// Of a mission; empty: all of its tasks.
  std::string task;
};

bool query_flag(const CallPtr& call, std::string_view name) {
  return resource::parse_bool(query_value(call, name)).value_or(false);
}

resource::Outcome<std::optional<std::int64_t>> query_count(
    const CallPtr& call, std::string_view name
) {
  const std::string_view text = query_value(call, name);
  if (text.empty()) {
    return std::optional<std::int64_t>();
  }
  const Result<Json> number = parse_json(text);
  if (!number || !number->is_int() || number->as_int() < 0) {
    return resource::bad_request(concat(name, ": \"", text, "\" is no number of at least 0"));
  }
  return std::optional(number->as_int());
}

/// RFC 3339, with or without a fraction of a second.
resource::Outcome<std::optional<Timestamp>> since_of(const CallPtr& call) {
  REEVE_TRY(const auto seconds, query_count(call, "sinceSeconds"));
  if (seconds) {
    // Longer ago than anything was written.
    const std::int64_t bounded = std::min(*seconds, kSinceSecondsMax);
    return std::optional(call->services->now() - Duration(bounded * kMillis));
  }
  const std::string_view text = query_value(call, "sinceTime");
  if (text.empty()) {
    return std::optional<Timestamp>();
  }
  const Result<Timestamp> at = parse_date_time(text);
  if (!at) {
    return resource::bad_request(concat("sinceTime: ", at.error().message));
  }
  return std::optional(*at);
}

resource::Outcome<LogOptions> log_options(const CallPtr& call) {
  LogOptions options;
  options.follow = query_flag(call, "follow");
  options.form.timestamps = query_flag(call, "timestamps");
  REEVE_TRY(options.form.tail_lines, query_count(call, "tailLines"));
  REEVE_TRY(options.limit_bytes, query_count(call, "limitBytes"));
  REEVE_TRY(options.form.since, since_of(call));
  options.task = query_value(call, "task");
  if (options.form.tail_lines && *options.form.tail_lines > kTailLinesMax) {
    return resource::bad_request(concat("tailLines: at most ", kTailLinesMax));
  }
  return options;
}

/// Sends the output of one run, or of the runs of a mission as they come. Files are read elsewhere,
/// a piece when the reader has taken the last one.
class LogTask final : public StreamTask, public std::enable_shared_from_this<LogTask> {
 public:
  LogTask(CallPtr call, LogOptions options, std::shared_ptr<net::Stream> stream)
      : call_(std::move(call)),
        options_(std::move(options)),
        stream_(std::move(stream)),
        reader_(std::make_shared<LogReader>(options_.form)) {}

  bool concerned(const view::Notice& /*notice*/) const override { return false; }

  bool tick() override { return pump(); }

  bool finite() const override { return !options_.follow; }

  void end() override { stream_->close(); }

  bool pump() override {
    if (!stream_->open()) {
      return false;
    }
    if (reading_ || waiting_) {
      return true;
    }
    if (!text_.empty()) {
      return write();
    }
    if (at_end_) {
      stream_->close();
      return false;
    }
    read();
    return true;
  }

 private:
  bool of_mission() const { return call_->type->storage == Storage::Mission; }

  void read() {
    reading_ = true;
    // Asked first: what is there once it is over is found below.
    const bool over = is_over();
    find_runs();
    const auto piece = std::make_shared<LogReader::Piece>();
    call_->services->files->add(
        [reader = reader_, piece] { *piece = reader->read(kPieceBytes); },
        [weak = weak_from_this(), piece, over] {
          if (const std::shared_ptr<LogTask> self = weak.lock()) {
            self->take(std::move(*piece), over);
          }
        }
    );
  }

  void take(LogReader::Piece piece, bool over) {
    reading_ = false;
    text_ = std::move(piece.text);
    written_ = 0;
    const bool all = (piece.ended && !of_mission()) || (piece.ended_but_missing && over);
    at_end_ = piece.caught_up && (!options_.follow || all);
    if (text_.empty() && piece.caught_up && !at_end_) {
      // What comes is looked for with the next tick.
      return;
    }
    go_on();
  }

  void go_on() {
    if (!pump()) {
      call_->services->streams->remove(shared_from_this());
    }
  }

  /// Writes a part of the text and goes on when it was taken. False: it is over.
  bool write() {
    std::size_t size = std::min(text_.size() - written_, kPieceBytes);
    bool last = false;
    if (options_.limit_bytes) {
      const auto room = static_cast<std::size_t>(*options_.limit_bytes) - sent_;
      last = size >= room;
      size = std::min(size, room);
    }
    sent_ += size;
    if (!stream_->write(text_.substr(written_, size))) {
      return false;
    }
    if (last) {
      stream_->close();
      return false;
    }
    written_ += size;
    if (written_ == text_.size()) {
      text_.clear();
      written_ = 0;
    }
    waiting_ = true;
    stream_->on_drained(kUntakenBytesMax, [weak = weak_from_this()] {
      if (const std::shared_ptr<LogTask> self = weak.lock()) {
        self->waiting_ = false;
        self->go_on();
      }
    });
    return true;
  }

  void find_runs() {
    const Services& services = *call_->services;
    const ApiType& runs = services.types.of(Storage::Run);
    if (!of_mission()) {
      const view::ProjectedPtr run =
          services.view.get(*runs.view, call_->route.ns, call_->route.name);
      if (run != nullptr) {
        add_run(*run, {});
      }
      return;
    }
    view::ListQuery query;
    query.type = *runs.view;
    query.selector.ns = call_->route.ns;
    // They are made of the row of their mission.
    query.from = view::Position{
        .revision = Revision(0), .ns = call_->route.ns, .stem = call_->route.name, .index = 0};
    Result<view::Lister> lister = services.view.begin_list(query);
    if (!lister) {
      return;
    }
    constexpr view::ListStep kOneMission{
        .objects_max = std::numeric_limits<std::size_t>::max(), .stems_max = 1};
    for (const view::ProjectedPtr& run : lister->next(kOneMission)) {
      const Json* spec = run->object.find("spec");
      if (spec->get_string("mission") != call_->route.name) {
        continue;
      }
      const std::string task = spec->get_string("task");
      if (options_.task.empty()) {
        add_run(*run, concat("[", task, "] "));
      } else if (options_.task == task) {
        add_run(*run, {});
      }
    }
  }

  /// Not while somebody reads.
  void add_run(const view::Projected& run, std::string prefix) {
    if (!known_.insert(run.name).second) {
      return;
    }
    const std::string mission = run.object.find("spec")->get_string("mission");
    reader_->add(
        run.name, call_->services->environment.run_dir(run.ns, mission, run.name), std::move(prefix)
    );
  }

  /// Whether no further run, and no further output, can come.
  bool is_over() const {
    const view::ProjectedPtr object =
        call_->services->view.get(*call_->type->view, call_->route.ns, call_->route.name);
    if (object == nullptr) {
      return true;
    }
    const std::string state = object->object.find("status")->get_string("state");
    return state == "COMPLETE" || state == "FAILED" || state == "ABORTED" || state == "LOST";
  }

  CallPtr call_;
  LogOptions options_;
  std::shared_ptr<net::Stream> stream_;
  /// In the hands of whoever reads, while `reading_`.
  std::shared_ptr<LogReader> reader_;
  std::set<std::string> known_;
  std::string text_;
  /// Of `text_`.
  std::size_t written_ = 0;
  std::size_t sent_ = 0;
  bool reading_ = false;
  /// For the client to take what was written.
  bool waiting_ = false;
  /// After the text there is nothing.
  bool at_end_ = false;
};

/// A run that has not started has no output yet.
std::optional<resource::Status> check_started(const CallPtr& call) {
  if (call->type->storage == Storage::Mission) {
    return {};
  }
  const ApiType& runs = call->services->types.of(Storage::Run);
  const view::ProjectedPtr run =
      call->services->view.get(*runs.view, call->route.ns, call->route.name);
  if (run == nullptr) {
    return resource::not_found(call->resource(), call->route.name);
  }
  const std::string state = run->object.find("status")->get_string("state");
  if (state == "PENDING" || state == "LAUNCHING") {
    return resource::bad_request(
        concat("container \"main\" in pod \"", call->route.name, "\" is waiting to start: ", state)
    );
  }
  return {};
}

}  // namespace

void get_log(const CallPtr& call) {
  const resource::Outcome<LogOptions> options = log_options(call);
  if (!options) {
    answer(call, options.error());
    return;
  }
  if (call->services->view.get(*call->type->view, call->route.ns, call->route.name) == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  if (const auto problem = check_started(call)) {
    answer(call, *problem);
    return;
  }
  std::shared_ptr<net::Stream> stream = start_stream(call, "text/plain");
  if (stream == nullptr) {
    return;
  }
  const auto task = std::make_shared<LogTask>(call, *options, stream);
  Streams& streams = *call->services->streams;
  stream->on_close([&streams, task] { streams.remove(task); });
  streams.add(task, kLookPeriod, while_allowed(call));
}

}  // namespace reeve::api
