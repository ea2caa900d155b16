#include "telemetry/span_exporter.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/json.h"
#include "telemetry/quiet_thread.h"

namespace reeve::telemetry {
namespace {

constexpr std::size_t kReplyBytesMax = std::size_t{64} << 10U;

}  // namespace

ExportVerdict verdict_of(const ExportReply& reply) {
  constexpr int kTooManyRequests = 429;
  constexpr int kBadGateway = 502;
  constexpr int kUnavailable = 503;
  constexpr int kGatewayTimeout = 504;
  const int status = reply.http_status;
  if (status >= 200 && status < 300) {
    return ExportVerdict::Done;
  }
  if (status == 0 || status == kTooManyRequests || status == kBadGateway ||
      status == kUnavailable || status == kGatewayTimeout) {
    return ExportVerdict::Retry;
  }
  return ExportVerdict::Refused;
}

std::uint64_t rejected_spans(std::string_view body) {
  const auto reply = parse_json(body, {.depth_max = 8, .size_bytes_max = kReplyBytesMax});
  const Json* partial = reply ? reply->find("partialSuccess") : nullptr;
  const Json* rejected = partial != nullptr ? partial->find("rejectedSpans") : nullptr;
  if (rejected == nullptr) {
    return 0;
  }
  if (rejected->is_int()) {
    return rejected->as_int() > 0 ? static_cast<std::uint64_t>(rejected->as_int()) : 0;
  }
  std::uint64_t number = 0;
  if (rejected->is_string()) {
    const std::string& text = rejected->as_string();
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
      return 0;
    }
  }
  return number;
}

Duration export_delay(
    int attempt,
    const std::optional<Duration>& retry_after,
    const ExportOptions& options,
    std::uint64_t random
) {
  Duration whole = options.backoff;
  for (int i = 1; i < attempt && whole < options.backoff_max; ++i) {
    whole *= 2;
  }
  whole = std::min(whole, options.backoff_max);
  const auto half = static_cast<std::uint64_t>(whole.count() / 2);
  Duration delay = whole - Duration(static_cast<std::int64_t>(random % (half + 1)));
  if (retry_after) {
    delay = std::max(delay, *retry_after);
  }
  return std::min(delay, options.backoff_max);
}

struct SpanExporter::State {
  State(platform::Random& the_random, SendSpans the_send, ExportOptions the_options)
      : random(the_random), send(std::move(the_send)), options(std::move(the_options)) {}

  void run();
  bool take(std::vector<SpanRecord>& batch);
  void deliver(const std::vector<SpanRecord>& batch);
  /// Waits before another attempt; false at the end.
  bool pause(Duration delay);
  void settle(std::uint64_t exported, std::uint64_t lost);

  platform::Random& random;
  const SendSpans send;
  const ExportOptions options;

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable progress;
  std::deque<SpanRecord> queue;
  std::uint64_t accepted = 0;
  std::uint64_t handled = 0;
  /// Flushes that wait: the interval is not waited for.
  int hurry = 0;
  bool stopping = false;
  ExportCounters counters;

  std::thread thread;
};

void SpanExporter::State::run() {
  std::vector<SpanRecord> batch;
  while (take(batch)) {
    deliver(batch);
  }
}

bool SpanExporter::State::take(std::vector<SpanRecord>& batch) {
  std::unique_lock lock(mutex);
  handled += batch.size();
  batch.clear();
  progress.notify_all();
  wake.wait(lock, [this] { return stopping || !queue.empty(); });
  // More spans may come along.
  wake.wait_for(lock, options.interval, [this] {
    return stopping || hurry > 0 || queue.size() >= options.batch_spans_max;
  });
  while (!queue.empty() && batch.size() < options.batch_spans_max) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return !batch.empty();
}

bool SpanExporter::State::pause(Duration delay) {
  std::unique_lock lock(mutex);
  return !wake.wait_for(lock, delay, [this] { return stopping; });
}

void SpanExporter::State::settle(std::uint64_t exported, std::uint64_t lost) {
  const std::lock_guard lock(mutex);
  counters.exported += exported;
  counters.dropped += lost;
}

void SpanExporter::State::deliver(const std::vector<SpanRecord>& batch) {
  const std::string body = encode_otlp_spans(options.resource, batch);
  for (int attempt = 1;; ++attempt) {
    const ExportReply reply = send(body);
    const ExportVerdict verdict = verdict_of(reply);
    if (verdict == ExportVerdict::Done) {
      const std::uint64_t rejected =
          std::min<std::uint64_t>(rejected_spans(reply.body), batch.size());
      settle(batch.size() - rejected, rejected);
      return;
    }
    {
      const std::lock_guard lock(mutex);
      ++counters.failures;
    }
    const bool again = verdict == ExportVerdict::Retry && attempt < options.attempts_max &&
                       pause(export_delay(attempt, reply.retry_after, options, random.next()));
    if (!again) {
      settle(0, batch.size());
      return;
    }
  }
}

SpanExporter::SpanExporter(platform::Random& random, SendSpans send, ExportOptions options)
    : state_(std::make_unique<State>(random, std::move(send), std::move(options))) {
  state_->thread = start_quiet_thread([state = state_.get()] { state->run(); });
}

SpanExporter::~SpanExporter() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->thread.join();
}

void SpanExporter::add(SpanRecord span) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping || state_->queue.size() >= state_->options.queue_spans_max) {
      ++state_->counters.dropped;
      return;
    }
    state_->queue.push_back(std::move(span));
    ++state_->accepted;
  }
  state_->wake.notify_one();
}

bool SpanExporter::flush(Duration timeout) {
  std::unique_lock lock(state_->mutex);
  const std::uint64_t target = state_->accepted;
  ++state_->hurry;
  state_->wake.notify_all();
  const bool done = state_->progress.wait_for(lock, timeout, [this, target] {
    return state_->handled >= target;
  });
  --state_->hurry;
  return done;
}

ExportCounters SpanExporter::counters() const {
  const std::lock_guard lock(state_->mutex);
  return state_->counters;
}

}  // namespace reeve::telemetry
