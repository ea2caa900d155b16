#include "telemetry/log.h"

#include <condition_variable>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"
#include "telemetry/fakes.h"

namespace reeve::telemetry {
namespace {

constexpr Duration kLong{20'000};

/// What the sinks below share with the test.
struct Paper {
  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  bool open = true;
  /// The call that fails; 0: none.
  std::size_t broken_call = 0;
  /// Bytes that one call takes.
  std::size_t piece = 1'000'000;
  std::size_t calls = 0;

  std::string read() {
    const std::lock_guard lock(mutex);
    return text;
  }

  void set_open(bool value) {
    const std::lock_guard lock(mutex);
    open = value;
    changed.notify_all();
  }

  void wait_for_call() {
    std::unique_lock lock(mutex);
    const std::size_t seen = calls;
    ASSERT_TRUE(changed.wait_for(lock, kLong, [&] { return calls > seen; }));
  }
};

class PaperSink final : public LogSink {
 public:
  explicit PaperSink(Paper& paper) : paper_(paper) {}

  Result<std::size_t> write(std::string_view lines, Duration patience) override {
    std::unique_lock lock(paper_.mutex);
    ++paper_.calls;
    paper_.changed.notify_all();
    if (paper_.calls == paper_.broken_call) {
      return make_error(ErrorCode::Io, "no space");
    }
    if (!paper_.changed.wait_for(lock, patience, [this] { return paper_.open; })) {
      return std::size_t{0};
    }
    const std::size_t size = std::min(lines.size(), paper_.piece);
    paper_.text.append(lines.substr(0, size));
    return size;
  }

 private:
  Paper& paper_;
};

std::unique_ptr<LogSink> sink_to(Paper& paper) {
  return std::make_unique<PaperSink>(paper);
}

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) {
      continue;
    }
    auto json = parse_json(line);
    EXPECT_TRUE(json.ok()) << line;
    lines.push_back(json.ok() ? std::move(json).value() : Json());
  }
  return lines;
}

TEST(Log, WritesOneObjectOfJsonPerRecord) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper));
  const Logger log =
      hub.logger("api/view")
          .with(Correlation{
              .id = CorrelationId("req-1"),
              .trace = {.trace_id = {1, 2}, .span_id = {3}, .sampled = true, .state = {}},
              .principal = Principal("user:alice")});
  log.info("listening\n\"here\"", {{"port", 7070}, {"tls", true}, {"took", Duration{1500}}});
  ASSERT_TRUE(hub.flush(kLong));
  const auto lines = lines_of(paper.read());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].get_string("timestamp"), "2026-11-21T09:30:00.123Z");
  EXPECT_EQ(lines[0].get_string("level"), "info");
  EXPECT_EQ(lines[0].get_string("logger"), "api/view");
  EXPECT_EQ(lines[0].get_string("message"), "listening\n\"here\"");
  EXPECT_EQ(lines[0].get_string("correlation_id"), "req-1");
  EXPECT_EQ(lines[0].get_string("trace_id"), "00000000000000010000000000000002");
  EXPECT_EQ(lines[0].get_string("span_id"), "0000000000000003");
  EXPECT_EQ(lines[0].get_string("principal"), "user:alice");
  EXPECT_EQ(lines[0].get_int("process_id"), ::getpid());
  EXPECT_EQ(lines[0].get_int("thread_id"), ::gettid());
  ASSERT_NE(lines[0].find("fields"), nullptr);
  EXPECT_EQ(lines[0].find("fields")->dump(), R"({"port":7070,"tls":true,"took":"1.5s"})");
  EXPECT_EQ(hub.counters().written, 1U);
}

TEST(Log, FieldsMayHaveAnyNameAndTheLastOfOneNameCounts) {
  LogRecord record;
  record.fields = {
      {"level", "x"},
      {"n", 1},
      {"n", 2},
      {"nan", std::numeric_limits<double>::quiet_NaN()},
      {"big", std::uint64_t{18'446'744'073'709'551'615U}},
      {"half", 0.5}};
  const auto lines = lines_of(encode_log_record(record, LogFormat::Json, {}));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].find("fields")->get_string("level"), "x");
  EXPECT_EQ(lines[0].find("fields")->get_int("n"), 2);
  EXPECT_EQ(lines[0].find("fields")->get_string("nan"), "NaN");
  EXPECT_EQ(lines[0].find("fields")->find("half")->as_double(), 0.5);
}

TEST(Log, TextIsOneLineThatCannotForgeAnother) {
  LogRecord record;
  record.at = from_unix_millis(FakeClock::kStartMillis);
  record.level = Level::Warn;
  record.module = "net";
  record.message = "hello\n\x1b[2J\x7f\xC2\x9B é";
  record.fields = {{"path", "a b\"c"}, {"n", 3}, {"none", ""}};
  EXPECT_EQ(
      encode_log_record(record, LogFormat::Text, {}),
      "2026-11-21T09:30:00.123Z WARN  net: hello\\n\\x1b[2J\\x7f\\x9b é path=\"a b\\\"c\" n=3 "
      "none=\"\"\n"
  );
}

TEST(Log, CostsNothingWhenTheLevelIsOff) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper));
  const Logger log = hub.logger("net");
  int evaluated = 0;
  const auto expensive = [&] {
    return ++evaluated;
  };
  REEVE_LOG(log, Debug, "no", {"n", expensive()});
  EXPECT_EQ(evaluated, 0);
  REEVE_LOG(log, Warn, "yes", {"n", expensive()});
  EXPECT_EQ(evaluated, 1);
  Logger().error("nobody hears this");
  ASSERT_TRUE(hub.flush(kLong));
  EXPECT_EQ(lines_of(paper.read()).size(), 1U);
}

TEST(Log, ChangesLevelsPerModuleWhileRunning) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper));
  const Logger net = hub.logger("net");
  const Logger tls = hub.logger("net/tls");
  const Logger api = hub.logger("api");
  EXPECT_FALSE(tls.enabled(Level::Debug));
  ASSERT_TRUE(hub.set_levels("warn, net=debug,net/tls=off").ok());
  EXPECT_TRUE(net.enabled(Level::Debug));
  EXPECT_TRUE(hub.logger("net/http/two").enabled(Level::Debug));
  EXPECT_FALSE(tls.enabled(Level::Error));
  EXPECT_FALSE(api.enabled(Level::Info));
  EXPECT_TRUE(api.enabled(Level::Warn));
  ASSERT_TRUE(hub.set_levels("api=trace").ok());
  EXPECT_FALSE(net.enabled(Level::Debug));
  EXPECT_TRUE(net.enabled(Level::Info));
  EXPECT_TRUE(api.enabled(Level::Trace));
  EXPECT_EQ(hub.modules().size(), 4U);
}

TEST(Log, RefusesWrongLevelsAndKeepsTheOldOnes) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper));
  const Logger net = hub.logger("net");
  for (const std::string_view spec :
       {"", "loud", "info,debug", "net=loud", "net=info,net=debug", "=info", "Net=info", "info,"}) {
    const auto result = hub.set_levels(spec);
    ASSERT_FALSE(result.ok()) << spec;
    EXPECT_EQ(result.error().code, ErrorCode::Invalid);
  }
  EXPECT_TRUE(net.enabled(Level::Info));
  EXPECT_FALSE(net.enabled(Level::Debug));
  EXPECT_FALSE(parse_level("INFO").ok());
  EXPECT_FALSE(parse_log_format("xml").ok());
}

TEST(Log, DropsAndCountsInsteadOfWaiting) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper), {.queue_records_max = 10});
  const Logger log = hub.logger("net");
  paper.set_open(false);
  log.info("the writer takes this one and waits");
  paper.wait_for_call();
  for (int i = 0; i < 50; ++i) {
    log.info("more", {{"i", i}});
  }
  EXPECT_EQ(hub.counters().dropped, 40U);
  EXPECT_FALSE(hub.flush(Duration{1}));
  paper.set_open(true);
  ASSERT_TRUE(hub.flush(kLong));
  const auto lines = lines_of(paper.read());
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(lines[11].get_string("logger"), "log");
  EXPECT_EQ(lines[11].find("fields")->get_int("dropped"), 40);
  EXPECT_EQ(hub.counters().written, 12U);
}

TEST(Log, TheQueueIsBoundedByBytesToo) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper), {.queue_bytes_max = 3000});
  const Logger log = hub.logger("net");
  log.info(std::string(4000, 'x'));
  EXPECT_EQ(hub.counters().dropped, 1U);
  log.info("short");
  ASSERT_TRUE(hub.flush(kLong));
  EXPECT_EQ(hub.counters().dropped, 1U);
}

TEST(Log, EndsAlthoughNobodyTakesTheLines) {
  FakeClock clock;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const platform::FileDescriptor reader(ends[0]);
  const platform::FileDescriptor writer(ends[1]);
  ::fcntl(writer.get(), F_SETPIPE_SZ, 4096);
  {
    LogHub hub(clock, descriptor_sink(writer.get()), {.drain_timeout = Duration{50}});
    const Logger log = hub.logger("net");
    for (int i = 0; i < 20; ++i) {
      log.info(std::string(1000, 'x'));
    }
    EXPECT_FALSE(hub.flush(Duration{1}));
  }
  std::string text(8192, '\0');
  const ssize_t size = ::read(reader.get(), text.data(), text.size());
  ASSERT_GT(size, 0);
  text.resize(static_cast<std::size_t>(size));
  EXPECT_EQ(text.back(), '\n');
  EXPECT_FALSE(lines_of(text).empty());
}

TEST(Log, SurvivesAReaderThatWentAway) {
  FakeClock clock;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  platform::FileDescriptor reader(ends[0]);
  const platform::FileDescriptor writer(ends[1]);
  reader.reset();
  LogHub hub(clock, descriptor_sink(writer.get()));
  hub.logger("net").info("nobody reads this");
  ASSERT_TRUE(hub.flush(kLong));
  EXPECT_EQ(hub.counters().failed, 1U);
  EXPECT_EQ(hub.counters().written, 0U);
}

TEST(Log, CountsWhatTheSinkRefusedAndGoesOnWithAFreshLine) {
  FakeClock clock;
  Paper paper;
  paper.piece = 10;
  paper.broken_call = 2;
  LogHub hub(clock, sink_to(paper));
  const Logger log = hub.logger("net");
  log.info("first");
  ASSERT_TRUE(hub.flush(kLong));
  EXPECT_EQ(paper.read().size(), 10U);
  EXPECT_EQ(hub.counters().failed, 1U);
  log.info("second");
  ASSERT_TRUE(hub.flush(kLong));
  const std::string text = paper.read();
  ASSERT_EQ(text[10], '\n');
  const auto lines = lines_of(text.substr(11));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].get_string("message"), "second");
  EXPECT_EQ(hub.counters().written, 1U);
}

TEST(Log, AppendsToAFile) {
  FakeClock clock;
  const std::string path = testing::TempDir() + concat("reeve_log_", ::getpid(), ".jsonl");
  for (int i = 0; i < 2; ++i) {
    auto sink = file_sink(path);
    ASSERT_TRUE(sink.ok());
    LogHub hub(clock, std::move(sink).value());
    hub.logger("net").info("line", {{"i", i}});
  }
  const auto text = platform::read_file(path, 1'000'000);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(lines_of(*text).size(), 2U);
  std::filesystem::remove(path);
  EXPECT_FALSE(file_sink("/no/such/directory/log").ok());
}

TEST(Log, RegisteredSecretsNeverAppear) {
  const Redaction redact = [](std::string_view text) {
    return replace_all(replace_all(text, "hunter22", "[****]"), "4711", "[****]");
  };
  LogRecord record;
  record.message = "password is hunter22";
  record.fields = {{"hunter22", "is hunter22"}, {"pin", 4711}, {"fine", 12}};
  record.correlation = std::make_shared<const Correlation>(Correlation{
      .id = CorrelationId("hunter22"), .trace = {}, .principal = Principal("user:hunter22")});
  for (const LogFormat format : {LogFormat::Json, LogFormat::Text}) {
    const std::string line = encode_log_record(record, format, redact);
    EXPECT_EQ(line.find("hunter22"), std::string::npos) << line;
    EXPECT_EQ(line.find("4711"), std::string::npos) << line;
  }
  const auto lines = lines_of(encode_log_record(record, LogFormat::Json, redact));
  EXPECT_EQ(lines[0].find("fields")->get_string("pin"), "[****]");
  EXPECT_EQ(lines[0].find("fields")->get_int("fine"), 12);
}

TEST(Log, CutsLongTextsWithoutLeavingPartsOfSecrets) {
  FakeClock clock;
  Paper paper;
  LogHub hub(clock, sink_to(paper));
  // Its length does not divide that of what is kept, so that the cut goes through one.
  const std::string secret = "0123456789abcdef0123456789abcdef!";
  hub.set_redaction([&](std::string_view text) { return replace_all(text, secret, "*"); });
  std::string text;
  while (text.size() < 20'000) {
    text += secret;
  }
  hub.logger("net").info(text, {{"field", text}});
  hub.logger("net").info(std::string(20'000, 'x') + "é");
  ASSERT_TRUE(hub.flush(kLong));
  const auto lines = lines_of(paper.read());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].get_bool("truncated"));
  EXPECT_EQ(lines[0].get_string("message").find_first_not_of('*'), std::string::npos);
  EXPECT_EQ(lines[0].find("fields")->get_string("field").find_first_not_of('*'), std::string::npos);
  EXPECT_EQ(lines[1].get_string("message"), std::string(kLogMessageBytesMax, 'x'));
}

TEST(Log, CutsBetweenCharacters) {
  LogRecord record;
  record.message = std::string(kLogMessageBytesMax - 1, 'x') + "éé";
  const auto lines = lines_of(encode_log_record(record, LogFormat::Json, {}));
  EXPECT_EQ(lines[0].get_string("message"), std::string(kLogMessageBytesMax - 1, 'x'));
  EXPECT_TRUE(lines[0].get_bool("truncated"));
}

TEST(Log, TakesRecordsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kRecords = 500;
  FakeClock clock;
  Paper paper;
  {
    LogHub hub(clock, sink_to(paper));
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&hub, t] {
        const Logger log = hub.logger(concat("module", t));
        for (int i = 0; i < kRecords; ++i) {
          log.info("x", {{"i", i}});
          if (i % 100 == 0) {
            ASSERT_TRUE(hub.set_levels(i % 200 == 0 ? "info" : "info,net=debug").ok());
          }
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  EXPECT_EQ(lines_of(paper.read()).size(), std::size_t{kThreads} * kRecords);
}

}  // namespace
}  // namespace reeve::telemetry
