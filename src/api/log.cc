#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/access.h"
#include "api/handlers.h"
#include "api/objects/objects.h"
#include "api/services.h"
#include "api/streams.h"
#include "base/strings.h"
#include "host/run_log.h"
#include "resource/query.h"

namespace reeve::api {

namespace {

constexpr Duration kLookPeriod{100};
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
/// What waits to be sent before reading stops for a moment.
constexpr std::size_t kAheadBytesMax = std::size_t{768} << 10U;
constexpr std::int64_t kTailLinesMax = 100'000;
constexpr std::size_t kTailBytesMax = std::size_t{16} << 20U;
constexpr std::int64_t kMillis = 1000;
constexpr std::int64_t kSinceSecondsMax = std::int64_t{100} * 366 * 24 * 3600;

struct LogOptions {
  bool follow = false;
  bool timestamps = false;
  std::optional<std::int64_t> tail_lines;
  std::optional<Timestamp> since;
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
  options.timestamps = query_flag(call, "timestamps");
  REEVE_TRY(options.tail_lines, query_count(call, "tailLines"));
  REEVE_TRY(options.limit_bytes, query_count(call, "limitBytes"));
  REEVE_TRY(options.since, since_of(call));
  options.task = query_value(call, "task");
  if (options.tail_lines && *options.tail_lines > kTailLinesMax) {
    return resource::bad_request(concat("tailLines: at most ", kTailLinesMax));
  }
  return options;
}

/// The output of one run, line by line.
class RunOutput {
 public:
  RunOutput(std::string dir, std::string prefix, const LogOptions& options)
      : dir_(std::move(dir)), prefix_(std::move(prefix)), options_(options) {}

  /// What is new, ready to be sent. `ended` when there will be no more.
  std::string read(bool& ended) {
    ended = ended_;
    if (ended_ || !open()) {
      return {};
    }
    Result<host::LogBatch> batch = log_->read(cursor_, kPieceBytes);
    if (!batch) {
      ended = ended_ = true;
      return {};
    }
    std::string text;
    for (const host::LogChunk& chunk : batch->chunks) {
      add(chunk, text);
    }
    caught_up_ = batch->next == cursor_;
    cursor_ = batch->next;
    ended = ended_ = batch->ended;
    return text;
  }

  /// Nothing was there at the last look.
  bool caught_up() const { return caught_up_; }

 private:
  bool open() {
    if (!log_) {
      Result<host::RunLog> log = host::RunLog::open(dir_);
      if (!log) {
        caught_up_ = true;
        return false;
      }
      log_.emplace(std::move(*log));
    }
    return true;
  }

  void add(const host::LogChunk& chunk, std::string& text) {
    if (options_.since && chunk.at < *options_.since) {
      return;
    }
    for (const char c : chunk.bytes) {
      if (at_line_start_) {
        if (options_.timestamps) {
          text += format_timestamp(chunk.at);
          text.push_back(' ');
        }
        text += prefix_;
        at_line_start_ = false;
      }
      text.push_back(c);
      at_line_start_ = c == '\n';
    }
  }

  std::string dir_;
  std::string prefix_;
  LogOptions options_;
  std::optional<host::RunLog> log_;
  host::LogCursor cursor_;
  bool at_line_start_ = true;
  bool caught_up_ = false;
  bool ended_ = false;
};

/// Keeps the last lines of what it is given.
class Tail {
 public:
  explicit Tail(std::int64_t lines) : lines_max_(static_cast<std::size_t>(lines)) {}

  void add(std::string_view text) {
    while (!text.empty()) {
      if (lines_.empty() || lines_.back().ends_with('\n')) {
        lines_.emplace_back();
      }
      const std::size_t end = text.find('\n');
      const std::string_view piece = text.substr(0, end == text.npos ? end : end + 1);
      lines_.back() += piece;
      bytes_ += piece.size();
      text.remove_prefix(piece.size());
      while (lines_.size() > lines_max_ || bytes_ > kTailBytesMax) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
      }
    }
  }

  std::string take() {
    std::string text;
    for (const std::string& line : lines_) {
      text += line;
    }
    lines_.clear();
    return text;
  }

 private:
  std::size_t lines_max_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

/// Sends the output of one run, or of the runs of a mission as they come.
class LogTask final : public StreamTask {
 public:
  LogTask(CallPtr call, LogOptions options, std::shared_ptr<net::Stream> stream)
      : call_(std::move(call)), options_(std::move(options)), stream_(std::move(stream)) {
    if (options_.tail_lines) {
      tail_.emplace(*options_.tail_lines);
    }
  }

  bool concerned(const view::Notice& /*notice*/) const override { return false; }

  bool tick() override { return pump(); }

  void end() override { stream_->close(); }

  bool pump() override {
    find_runs();
    while (stream_->open()) {
      if (stream_->buffered_bytes() > kAheadBytesMax) {
        return true;
      }
      std::string text;
      bool all_ended = true;
      bool caught_up = true;
      for (auto& [name, output] : outputs_) {
        bool ended = false;
        text += output.read(ended);
        all_ended = all_ended && ended;
        caught_up = caught_up && (ended || output.caught_up());
      }
      if (!text.empty() && !pass_on(std::move(text))) {
        return false;
      }
      if (caught_up || all_ended) {
        return at_the_end(all_ended);
      }
    }
    return false;
  }

 private:
  bool of_mission() const { return call_->type->storage == Storage::Mission; }

  void find_runs() {
    const Services& services = *call_->services;
    const ApiType& runs = services.types.of(Storage::Run);
    if (!of_mission()) {
      if (outputs_.empty()) {
        const view::ProjectedPtr run =
            services.view.get(*runs.view, call_->route.ns, call_->route.name);
        if (run != nullptr) {
          add_run(*run, {});
        }
      }
      return;
    }
    view::ListQuery query;
    query.type = *runs.view;
    query.selector.ns = call_->route.ns;
    query.limit = view::kPageItemsMax;
    query.selector.labels = [mission = call_->route.name](const view::Pairs& labels) {
      const std::string* value = view::find_value(labels, kMissionLabel);
      return value != nullptr && *value == mission;
    };
    if (const Result<view::Page> page = services.view.list(query)) {
      for (const view::ProjectedPtr& run : page->items) {
        const std::string task = run->object.find("spec")->get_string("task");
        if (options_.task.empty()) {
          add_run(*run, concat("[", task, "] "));
        } else if (options_.task == task) {
          add_run(*run, {});
        }
      }
    }
  }

  void add_run(const view::Projected& run, std::string prefix) {
    if (outputs_.contains(run.name)) {
      return;
    }
    const std::string mission = run.object.find("spec")->get_string("mission");
    outputs_.emplace(
        run.name,
        RunOutput(
            call_->services->environment.run_dir(run.ns, mission, run.name),
            std::move(prefix),
            options_
        )
    );
  }

  bool pass_on(std::string text) {
    if (tail_) {
      tail_->add(text);
      return true;
    }
    return write(std::move(text));
  }

  bool write(std::string text) {
    if (options_.limit_bytes) {
      const auto room = static_cast<std::size_t>(*options_.limit_bytes) - sent_;
      if (text.size() >= room) {
        text.resize(room);
        stream_->write(std::move(text));
        stream_->close();
        return false;
      }
    }
    sent_ += text.size();
    return stream_->write(std::move(text));
  }

  /// Everything that is there has been read.
  bool at_the_end(bool all_ended) {
    if (tail_) {
      std::string text = tail_->take();
      tail_.reset();
      if (!text.empty() && !write(std::move(text))) {
        return false;
      }
    }
    if (options_.follow && !(all_ended && is_over())) {
      return true;
    }
    stream_->close();
    return false;
  }

  /// Whether no further run can come.
  bool is_over() const {
    if (!of_mission()) {
      return true;
    }
    const view::ProjectedPtr mission =
        call_->services->view.get(*call_->type->view, call_->route.ns, call_->route.name);
    if (mission == nullptr) {
      return true;
    }
    const std::string state = mission->object.find("status")->get_string("state");
    return state == "COMPLETE" || state == "FAILED" || state == "ABORTED";
  }

  CallPtr call_;
  LogOptions options_;
  std::shared_ptr<net::Stream> stream_;
  std::map<std::string, RunOutput> outputs_;
  std::optional<Tail> tail_;
  std::size_t sent_ = 0;
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
