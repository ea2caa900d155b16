#include "telemetry/log.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unistd.h>

#include "base/strings.h"
#include "telemetry/log_encoding.h"
#include "telemetry/quiet_thread.h"

namespace reeve::telemetry {
namespace {

/// Records that the writer takes at once.
constexpr std::size_t kBatchRecords = 256;
/// How long one call of a sink may wait; bounds how late the end is noticed.
constexpr Duration kPatience{50};
constexpr std::size_t kModuleBytesMax = 64;

int thread_number() {
  thread_local const int number = ::gettid();
  return number;
}

std::size_t size_of(const LogRecord& record) {
  std::size_t size = sizeof(LogRecord) + record.message.size();
  for (const Field& field : record.fields) {
    size += sizeof(Field) + field.name.size();
    if (const auto* text = std::get_if<std::string>(&field.value)) {
      size += text->size();
    }
  }
  return size;
}

bool is_module_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
  return !name.empty() && name.size() <= kModuleBytesMax &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

struct Levels {
  Level base = Level::Info;
  std::map<std::string, Level, std::less<>> modules;

  /// That of the longest path that `name` is, or is below.
  Level of(std::string_view name) const {
    for (;;) {
      if (const auto found = modules.find(name); found != modules.end()) {
        return found->second;
      }
      const std::size_t slash = name.rfind('/');
      if (slash == std::string_view::npos) {
        return base;
      }
      name = name.substr(0, slash);
    }
  }
};

Error bad_levels(std::string message, std::string_view piece) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::string(piece));
  error.hint = "write a level, then module=level for exceptions: info,net=debug";
  return error;
}

Result<Levels> parse_levels(std::string_view spec, Level base) {
  Levels levels{.base = base, .modules = {}};
  bool base_given = false;
  for (const std::string_view raw : split(spec, ',')) {
    const std::string_view piece = trim(raw);
    const std::size_t equals = piece.find('=');
    if (equals == std::string_view::npos) {
      auto level = parse_level(piece);
      if (!level) {
        return bad_levels(level.error().message, piece);
      }
      if (base_given) {
        return bad_levels("a second level for all modules", piece);
      }
      levels.base = *level;
      base_given = true;
      continue;
    }
    const std::string_view module = piece.substr(0, equals);
    auto level = parse_level(piece.substr(equals + 1));
    if (!level) {
      return bad_levels(level.error().message, piece);
    }
    if (!is_module_name(module)) {
      return bad_levels("not the name of a module", piece);
    }
    if (levels.modules.size() >= kLogModulesMax) {
      return make_error(ErrorCode::Invalid, "too many levels of modules", "log levels");
    }
    if (!levels.modules.emplace(module, *level).second) {
      return bad_levels("a second level for the same module", piece);
    }
  }
  return levels;
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::Trace:
      return "trace";
    case Level::Debug:
      return "debug";
    case Level::Info:
      return "info";
    case Level::Warn:
      return "warn";
    case Level::Error:
      return "error";
    case Level::Off:
      return "off";
  }
  return "off";
}

Result<Level> parse_level(std::string_view text) {
  for (const Level level :
       {Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Off}) {
    if (text == to_string(level)) {
      return level;
    }
  }
  Error error = make_error(ErrorCode::Invalid, "not a level", std::string(text));
  error.hint = "levels are trace, debug, info, warn, error, off";
  return error;
}

Result<LogFormat> parse_log_format(std::string_view text) {
  if (text == "json") {
    return LogFormat::Json;
  }
  if (text == "text") {
    return LogFormat::Text;
  }
  Error error = make_error(ErrorCode::Invalid, "not a format of the log", std::string(text));
  error.hint = "formats are json and text";
  return error;
}

Field::Field(std::string_view field_name, Duration field_value)
    : name(field_name), value(format_duration(field_value)) {}

Field::Field(std::string_view field_name, const Error& field_value)
    : name(field_name), value(field_value.describe()) {}

struct LogHub::State {
  struct Module {
    std::string name;
    std::atomic<std::uint8_t> level = 0;
  };

  State(platform::Clock& the_clock, std::unique_ptr<LogSink> the_sink, LogOptions the_options)
      : clock(the_clock),
        sink(std::move(the_sink)),
        options(the_options),
        levels{.base = the_options.level, .modules = {}},
        process(::getpid()) {}

  void run();
  bool take(std::deque<LogRecord>& batch, Redaction& redact);
  void write(std::string_view lines);
  LogRecord loss_record(std::uint64_t lost);

  platform::Clock& clock;
  std::unique_ptr<LogSink> sink;
  const LogOptions options;

  std::mutex levels_mutex;
  Levels levels;
  std::map<std::string, Module, std::less<>> modules;

  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable progress;
  std::deque<LogRecord> queue;
  std::size_t queue_bytes = 0;
  std::uint64_t accepted = 0;
  std::uint64_t handled = 0;
  bool stopping = false;
  std::shared_ptr<const Redaction> redaction;

  std::atomic<bool> ending = false;
  std::atomic<std::uint64_t> written = 0;
  std::atomic<std::uint64_t> dropped = 0;
  std::atomic<std::uint64_t> failed = 0;

  // The writer's own.
  std::uint64_t losses_told = 0;
  Duration waited_at_end{};
  /// The last byte that was written is no line end.
  bool within_line = false;
  /// The rest of the last line was given up.
  bool line_is_broken = false;

  const int process;
  std::thread writer;
};

LogRecord LogHub::State::loss_record(std::uint64_t lost) {
  LogRecord record;
  record.at = clock.now();
  record.level = Level::Warn;
  record.module = "log";
  record.message = "records were dropped because the log was not taken fast enough";
  record.fields.emplace_back("dropped", lost);
  record.process = process;
  record.thread = thread_number();
  return record;
}

/// Waits for records and takes some; false at the end.
bool LogHub::State::take(std::deque<LogRecord>& batch, Redaction& redact) {
  std::unique_lock lock(mutex);
  handled += batch.size();
  batch.clear();
  progress.notify_all();
  wake.wait(lock, [this] { return stopping || !queue.empty(); });
  if (queue.empty()) {
    return false;
  }
  while (!queue.empty() && batch.size() < kBatchRecords) {
    queue_bytes -= size_of(queue.front());
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  redact = redaction ? *redaction : Redaction();
  return true;
}

void LogHub::State::run() {
  std::deque<LogRecord> batch;
  Redaction redact;
  while (take(batch, redact)) {
    std::string lines;
    for (const LogRecord& record : batch) {
      lines.append(encode_log_record(record, options.format, redact));
    }
    const std::uint64_t lost = dropped.load();
    if (lost > losses_told) {
      lines.append(encode_log_record(loss_record(lost - losses_told), options.format, redact));
      losses_told = lost;
    }
    write(lines);
  }
}

void LogHub::State::write(std::string_view lines) {
  const auto count = [](std::string_view text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  };
  while (!lines.empty()) {
    // A line that was given up half way must not run into the next one.
    const bool repair = line_is_broken;
    auto taken = sink->write(repair ? std::string_view("\n") : lines, kPatience);
    const bool at_end = ending.load() && waited_at_end >= options.drain_timeout;
    if (!taken || (*taken == 0 && at_end)) {
      failed += count(lines);
      line_is_broken = line_is_broken || within_line;
      return;
    }
    if (*taken == 0) {
      waited_at_end += ending.load() ? kPatience : Duration{0};
    } else if (repair) {
      line_is_broken = false;
      within_line = false;
    } else {
      const std::string_view done = lines.substr(0, *taken);
      written += count(done);
      within_line = done.back() != '\n';
      lines.remove_prefix(done.size());
    }
  }
}

LogHub::LogHub(platform::Clock& clock, std::unique_ptr<LogSink> sink, LogOptions options)
    : state_(std::make_unique<State>(clock, std::move(sink), options)) {
  state_->writer = start_quiet_thread([state = state_.get()] { state->run(); });
}

LogHub::~LogHub() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->ending = true;
  state_->wake.notify_all();
  state_->writer.join();
}

Logger LogHub::logger(std::string_view module) {
  const std::lock_guard lock(state_->levels_mutex);
  if (!is_module_name(module)) {
    module = "other";
  }
  auto found = state_->modules.find(module);
  if (found == state_->modules.end()) {
    if (state_->modules.size() >= kLogModulesMax) {
      module = "other";
    }
    found = state_->modules.try_emplace(std::string(module)).first;
    found->second.name = std::string(module);
    found->second.level = static_cast<std::uint8_t>(state_->levels.of(module));
  }
  Logger logger;
  logger.hub_ = this;
  logger.level_ = &found->second.level;
  logger.module_ = &found->second.name;
  return logger;
}

Result<void> LogHub::set_levels(std::string_view spec) {
  REEVE_TRY(Levels levels, parse_levels(spec, state_->options.level));
  const std::lock_guard lock(state_->levels_mutex);
  state_->levels = std::move(levels);
  for (auto& [name, module] : state_->modules) {
    module.level = static_cast<std::uint8_t>(state_->levels.of(name));
  }
  return {};
}

std::vector<std::string> LogHub::modules() const {
  const std::lock_guard lock(state_->levels_mutex);
  std::vector<std::string> names;
  for (const auto& [name, module] : state_->modules) {
    names.push_back(name);
  }
  return names;
}

void LogHub::set_redaction(Redaction redact) {
  auto shared = std::make_shared<const Redaction>(std::move(redact));
  const std::lock_guard lock(state_->mutex);
  state_->redaction = std::move(shared);
}

bool LogHub::flush(Duration timeout) {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t target = state_->accepted;
  return state_->progress.wait_for(lock, timeout, [this, target] {
    return state_->handled >= target;
  });
}

LogCounters LogHub::counters() const {
  return {
      .written = state_->written.load(),
      .dropped = state_->dropped.load(),
      .failed = state_->failed.load()};
}

void LogHub::submit(LogRecord record) {
  State& state = *state_;
  record.at = state.clock.now();
  record.process = state.process;
  record.thread = thread_number();
  const std::size_t size = size_of(record);
  {
    const std::lock_guard lock(state.mutex);
    if (state.stopping || state.queue.size() >= state.options.queue_records_max ||
        state.queue_bytes + size > state.options.queue_bytes_max) {
      ++state.dropped;
      return;
    }
    state.queue_bytes += size;
    state.queue.push_back(std::move(record));
    ++state.accepted;
  }
  state.wake.notify_one();
}

void Logger::write(Level level, std::string_view message, std::initializer_list<Field> fields)
    const {
  if (!enabled(level)) {
    return;
  }
  LogRecord record;
  record.level = level;
  record.module = *module_;
  record.message = std::string(cut_utf8(message, kLogMessageBytesMax + kLogSlackBytes));
  record.correlation = correlation_;
  record.truncated = fields.size() > kLogFieldsMax;
  for (const Field& field : fields) {
    if (record.fields.size() == kLogFieldsMax) {
      break;
    }
    Field& kept = record.fields.emplace_back(field);
    const auto shorten = [](std::string& text) {
      text.resize(cut_utf8(text, kLogFieldBytesMax + kLogSlackBytes).size());
    };
    shorten(kept.name);
    if (auto* text = std::get_if<std::string>(&kept.value)) {
      shorten(*text);
    }
  }
  hub_->submit(std::move(record));
}

Logger Logger::with(Correlation correlation) const {
  Logger logger = *this;
  logger.correlation_ = std::make_shared<const Correlation>(std::move(correlation));
  return logger;
}

}  // namespace reeve::telemetry
