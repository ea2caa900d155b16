#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "telemetry/log.h"
#include "telemetry/span_exporter.h"

namespace reeve::cli {

struct SpanSenderOptions {
  /// Of the collector, without `/v1/traces`.
  std::string endpoint;
  /// `Name=value`.
  std::vector<std::string> headers;
  telemetry::Logger log;
  /// Set when the process is about to end: after a failure nothing more is tried.
  std::shared_ptr<const std::atomic<bool>> ending;
};

/// Posts spans through libcurl (docs/adr/0014). A failure is told once a minute. For one thread.
///
/// Unsupported: there is no usable libcurl on this machine.
Result<telemetry::SendSpans> make_span_sender(SpanSenderOptions options);

}  // namespace reeve::cli
