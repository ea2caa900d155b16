#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "api/services.h"
#include "cli/log_redaction.h"
#include "cli/otlp_intake.h"
#include "cli/session.h"
#include "configuration/server_settings.h"
#include "platform/posix/system.h"
#include "telemetry/span_exporter.h"
#include "telemetry/work/observer.h"

namespace reeve::cli {

/// What a server tells of its work: lines about missions and runs, metrics, spans to a collector;
/// and what agents tell it. Outlives session and server.
///
/// Threading: main thread; what it joins to a session is called on the session's threads.
class UpTelemetry {
 public:
  UpTelemetry(
      const configuration::ServerSettings::Telemetry& settings,
      telemetry::LogHub& log,
      telemetry::MetricRegistry& metrics
  );
  ~UpTelemetry();
  UpTelemetry(const UpTelemetry&) = delete;
  UpTelemetry& operator=(const UpTelemetry&) = delete;

  /// Wants to be told what the session does, after those who are told already.
  void join(SessionOptions& options);

  /// Before the kernel writes to the store. Opens credentials to keep them out of the log.
  Result<void> load(store::Reader& reader, api::Environment::Reveal reveal);

  /// What the API takes part in.
  void serve(api::Environment& environment);

  void start(kernel::Loop& kernel);

  /// Masks the values of credentials. Any thread.
  telemetry::Redaction redaction() const { return redaction_.function(); }

  /// Before the session closes. Once is enough.
  void stop();

 private:
  void start_exporter(const configuration::ServerSettings::Telemetry& settings);

  bool traces() const { return exporter_ != nullptr; }

  telemetry::LogHub& log_;
  telemetry::MetricRegistry& metrics_;
  platform::SystemRandom random_;
  double sample_ratio_ = 0;
  bool accepts_otlp_ = false;
  LogRedaction redaction_;
  std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<telemetry::SpanExporter> exporter_;
  std::unique_ptr<telemetry::Observer> observer_;
  std::unique_ptr<OtlpIntake> intake_;
  store::Reader* reader_ = nullptr;
  /// Of the process's life.
  std::vector<telemetry::MetricCallback> lasting_;
  /// Of the session's.
  std::vector<telemetry::MetricCallback> gauges_;
};

}  // namespace reeve::cli
