#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "platform/ports.h"
#include "telemetry/trace.h"

namespace reeve::telemetry {

/// The collector's answer to one request.
struct ExportReply {
  /// 0: there was none.
  int http_status = 0;
  std::string body;
  std::optional<Duration> retry_after = {};
};

/// Posts a body of type application/json to the collector's /v1/traces. Called on the exporter's
/// thread; may block, but has a timeout of its own.
using SendSpans = std::function<ExportReply(std::string body)>;

struct ExportOptions {
  /// Attributes of the resource: service.name, service.version, host.name.
  std::vector<Attribute> resource = {};
  std::size_t queue_spans_max = 4096;
  std::size_t batch_spans_max = 512;
  Duration interval{5000};
  /// Requests for one batch, the first included.
  int attempts_max = 5;
  Duration backoff{1000};
  Duration backoff_max{30'000};
};

struct ExportCounters {
  std::uint64_t exported = 0;
  /// Spans that found the queue full, were refused by the collector, or were given up.
  std::uint64_t dropped = 0;
  /// Requests that failed.
  std::uint64_t failures = 0;
};

/// What to do after a reply, as the specification of OTLP/HTTP has it: 2xx is success, 429, 502,
/// 503, 504 and no answer at all are tried again, everything else is final.
enum class ExportVerdict : std::uint8_t { Done, Retry, Refused };

ExportVerdict verdict_of(const ExportReply& reply);

/// Spans that a success refused (`partialSuccess.rejectedSpans`); 0 if it does not say.
std::uint64_t rejected_spans(std::string_view body);

/// How long to wait before attempt `attempt + 1` (attempts count from 1): doubled each time,
/// between half and the whole of it by `random`; what the collector asks for, if that is longer;
/// never above `backoff_max`.
Duration export_delay(
    int attempt,
    const std::optional<Duration>& retry_after,
    const ExportOptions& options,
    std::uint64_t random
);

/// Sends spans in batches on its own thread. The queue is bounded: what does not fit is dropped and
/// counted. The destructor tries once to send what is queued.
class SpanExporter final : public SpanSink {
 public:
  SpanExporter(platform::Random& random, SendSpans send, ExportOptions options = {});
  ~SpanExporter() override;

  void add(SpanRecord span) override;

  /// Waits until what was added before is sent or given up; false after `timeout`.
  bool flush(Duration timeout);

  ExportCounters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve::telemetry
