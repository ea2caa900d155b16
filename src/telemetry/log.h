#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "platform/ports.h"
#include "telemetry/correlation.h"

namespace reeve::telemetry {

enum class Level : std::uint8_t { Trace, Debug, Info, Warn, Error, Off };

std::string_view to_string(Level level);  ///< "trace", "debug", "info", "warn", "error", "off"

/// Reads what `to_string` writes. Invalid: anything else.
Result<Level> parse_level(std::string_view text);

/// One line of JSON for each record (for programs), or a line of text (for people).
enum class LogFormat : std::uint8_t { Json, Text };

/// Reads "json" or "text". Invalid: anything else.
Result<LogFormat> parse_log_format(std::string_view text);

// What is longer is cut; the record then says `"truncated":true`.
inline constexpr std::size_t kLogMessageBytesMax = std::size_t{8} << 10U;
inline constexpr std::size_t kLogFieldBytesMax = std::size_t{8} << 10U;
inline constexpr std::size_t kLogFieldsMax = 32;
inline constexpr std::size_t kLogModulesMax = 1000;

/// One named value of a record.
struct Field {
  using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

  Field(std::string_view field_name, bool field_value) : name(field_name), value(field_value) {}

  Field(std::string_view field_name, int field_value)
      : name(field_name), value(static_cast<std::int64_t>(field_value)) {}

  Field(std::string_view field_name, unsigned field_value)
      : name(field_name), value(static_cast<std::uint64_t>(field_value)) {}

  Field(std::string_view field_name, std::int64_t field_value)
      : name(field_name), value(field_value) {}

  Field(std::string_view field_name, std::uint64_t field_value)
      : name(field_name), value(field_value) {}

  Field(std::string_view field_name, double field_value) : name(field_name), value(field_value) {}

  Field(std::string_view field_name, std::string field_value)
      : name(field_name), value(std::move(field_value)) {}

  Field(std::string_view field_name, std::string_view field_value)
      : name(field_name), value(std::string(field_value)) {}

  Field(std::string_view field_name, const char* field_value)
      : name(field_name), value(std::string(field_value)) {}

  /// As `150ms`, `1h30m`.
  Field(std::string_view field_name, Duration field_value);
  /// As `Error::describe` writes it.
  Field(std::string_view field_name, const Error& field_value);

  std::string name;
  Value value;
};

/// What is written down. Made by Logger; seen by encoders.
struct LogRecord {
  Timestamp at;
  Level level = Level::Info;
  std::string module;
  std::string message;
  std::shared_ptr<const Correlation> correlation;
  std::vector<Field> fields;
  /// Of the operating system.
  int process = 0;
  int thread = 0;
  bool truncated = false;
};

/// text → text with everything secret masked. Called on the writer's thread only.
using Redaction = std::function<std::string(std::string_view)>;

/// The record as one line, line end included; `redact` may be empty. Message, names and values of
/// fields, ids and principal go through `redact` before they are encoded, so that the line stays
/// whole; a number that it changes becomes text. Of fields with the same name the last counts.
std::string encode_log_record(const LogRecord& record, LogFormat format, const Redaction& redact);

/// Where lines go. Called on the writer's thread only.
class LogSink {
 public:
  virtual ~LogSink() = default;

  /// Writes some of `lines` and returns how many bytes; 0 if nothing could be written within
  /// `patience`. After an error the lines are given up and counted.
  virtual Result<std::size_t> write(std::string_view lines, Duration patience) = 0;
};

/// A sink for an open descriptor (2: standard error), which stays open. Never blocks for longer
/// than the patience, also where a pipe is full or a terminal is stopped.
std::unique_ptr<LogSink> descriptor_sink(int fd);

/// A sink that appends to the file; created with mode 0640.
Result<std::unique_ptr<LogSink>> file_sink(const std::string& path);

struct LogOptions {
  Level level = Level::Info;
  LogFormat format = LogFormat::Json;
  std::size_t queue_records_max = 8192;
  std::size_t queue_bytes_max = std::size_t{8} << 20U;
  /// How long the end waits for a sink that takes nothing.
  Duration drain_timeout{1000};
};

struct LogCounters {
  std::uint64_t written = 0;
  /// Records that found the queue full, or came after the end.
  std::uint64_t dropped = 0;
  /// Records that the sink refused or did not take before the end.
  std::uint64_t failed = 0;
};

class LogHub;

/// The way to the log for one module. A small value; any thread. The hub outlives it. One that was
/// made without a hub is silent.
class Logger {
 public:
  Logger() = default;

  /// Costs one relaxed load.
  bool enabled(Level level) const {
    return level_ != nullptr &&
           static_cast<std::uint8_t>(level) >= level_->load(std::memory_order_relaxed) &&
           level != Level::Off;
  }

  /// Writes if the level is on. Never blocks: if the queue is full, the record is dropped and
  /// counted. REEVE_LOG does the same without evaluating its arguments when the level is off.
  void write(Level level, std::string_view message, std::initializer_list<Field> fields = {}) const;

  void debug(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::Debug, message, fields);
  }

  void info(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::Info, message, fields);
  }

  void warn(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::Warn, message, fields);
  }

  void error(std::string_view message, std::initializer_list<Field> fields = {}) const {
    write(Level::Error, message, fields);
  }

  /// The same module, for what one request causes.
  Logger with(Correlation correlation) const;

 private:
  friend class LogHub;

  LogHub* hub_ = nullptr;
  const std::atomic<std::uint8_t>* level_ = nullptr;
  const std::string* module_ = nullptr;
  std::shared_ptr<const Correlation> correlation_;
};

/// Takes records from any thread and writes them on its own one.
///
/// The queue is bounded by records and bytes; what does not fit is dropped, counted, and told by a
/// record of the module "log" as soon as there is room. The destructor writes what is queued, but
/// waits no longer than `drain_timeout` for a sink that takes nothing.
class LogHub {
 public:
  LogHub(platform::Clock& clock, std::unique_ptr<LogSink> sink, LogOptions options = {});
  ~LogHub();
  LogHub(const LogHub&) = delete;
  LogHub& operator=(const LogHub&) = delete;

  /// The logger of `module`: a path like "api/view". Any thread. Beyond kLogModulesMax names all
  /// further ones share the module "other".
  Logger logger(std::string_view module);

  /// Replaces all levels: `info`, or `info,net=debug,api/view=trace`. A level of a module counts
  /// for what is below it too; the longest match wins. Takes effect at once. Any thread.
  ///
  /// Invalid: the text; nothing was changed.
  Result<void> set_levels(std::string_view spec);

  /// Modules that asked for a logger, sorted. Any thread.
  std::vector<std::string> modules() const;

  /// From the next record that is written. Any thread.
  void set_redaction(Redaction redact);

  /// Waits until all that was written before has reached the sink; false after `timeout`.
  bool flush(Duration timeout);

  LogCounters counters() const;

 private:
  friend class Logger;
  struct State;

  void submit(LogRecord record);

  std::unique_ptr<State> state_;
};

}  // namespace reeve::telemetry

/// `REEVE_LOG(logger, Info, "listening", {"port", port});`: evaluates message and fields only if
/// the level of the logger is on.
#define REEVE_LOG(logger, level, message, ...)                                        \
  do {                                                                                \
    const auto& reeve_logger = (logger);                                              \
    if (reeve_logger.enabled(::reeve::telemetry::Level::level)) {                     \
      reeve_logger.write(::reeve::telemetry::Level::level, (message), {__VA_ARGS__}); \
    }                                                                                 \
  } while (false)
