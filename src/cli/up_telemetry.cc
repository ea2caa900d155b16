#include "cli/up_telemetry.h"

#include <utility>

#include "cli/cli.h"
#include "cli/span_sender.h"
#include "telemetry/process_metrics.h"

namespace reeve::cli {

UpTelemetry::UpTelemetry(
    const configuration::ServerSettings::Telemetry& settings,
    telemetry::LogHub& log,
    telemetry::MetricRegistry& metrics
)
    : log_(log), metrics_(metrics), accepts_otlp_(settings.accept_otlp) {
  log_.set_redaction(redaction_.function());
  if (!settings.otlp_endpoint.empty()) {
    start_exporter(settings);
  }
  observer_ = std::make_unique<telemetry::Observer>(
      log_,
      metrics_,
      telemetry::Observer::Options{.spans = exporter_.get(), .sample_ratio = sample_ratio_}
  );
  if (accepts_otlp_) {
    intake_ = std::make_unique<OtlpIntake>(log_, metrics_);
  }
  lasting_.push_back(metrics_.callback(
      telemetry::MetricType::Gauge,
      {.name = "reeve_log_unmasked_credentials",
       .help = "Credentials whose values the log does not mask"},
      std::function<double()>([this] { return static_cast<double>(redaction_.unmasked()); })
  ));
}

UpTelemetry::~UpTelemetry() {
  stop();
  // Its last attempt to send.
  *ending_ = true;
}

void UpTelemetry::start_exporter(const configuration::ServerSettings::Telemetry& settings) {
  const telemetry::Logger log = log_.logger("telemetry");
  Result<telemetry::SendSpans> sender = make_span_sender(
      {.endpoint = settings.otlp_endpoint,
       .headers = settings.otlp_headers,
       .log = log,
       .ending = ending_}
  );
  if (!sender) {
    log.error("spans are not sent", {{"problem", sender.error()}});
    return;
  }
  telemetry::ExportOptions options;
  options.resource = {
      {"service.name", std::string("reeve")},
      {"service.version", std::string(kVersion)},
      {"host.name", platform::host_name()}};
  exporter_ =
      std::make_unique<telemetry::SpanExporter>(random_, *std::move(sender), std::move(options));
  sample_ratio_ = settings.sample_ratio;
  for (telemetry::MetricCallback& each : telemetry::register_span_metrics(metrics_, *exporter_)) {
    lasting_.push_back(std::move(each));
  }
  lasting_.push_back(metrics_.callback(
      telemetry::MetricType::Counter,
      {.name = "reeve_spans_skipped_missions_total",
       .help = "Missions without spans, because too many were traced at the same time"},
      std::function<double()>([this] {
        return observer_ == nullptr ? 0.0 : static_cast<double>(observer_->spans_skipped());
      })
  ));
}

void UpTelemetry::join(SessionOptions& options) {
  options.sample_ratio = sample_ratio_;
  options.on_commit = [this, before = std::move(options.on_commit)](const store::Commit& commit) {
    if (before) {
      before(commit);
    }
    for (const store::Row& row : commit.rows) {
      if (row.key.kind == journal::Kind::Credential) {
        redaction_.changed();
      }
    }
    observer_->committed(commit);
  };
  options.on_reload = [this, before = std::move(options.on_reload)] {
    if (before) {
      before();
    }
    if (const Result<void> loaded = observer_->load(*reader_); !loaded) {
      log_.logger("telemetry").error("the store was not read", {{"problem", loaded.error()}});
    }
  };
  options.on_effect = [this](const model::Effect& effect) {
    observer_->asked(effect);
  };
  options.on_report = [this](const model::Report& report) {
    observer_->reported(report);
  };
  options.on_measured = [this](const telemetry::CommitFigures& figures) {
    observer_->measured(figures);
  };
}

Result<void> UpTelemetry::load(store::Reader& reader, api::Environment::Reveal reveal) {
  reader_ = &reader;
  redaction_.attach(reader, std::move(reveal));
  return observer_->load(reader);
}

void UpTelemetry::serve(api::Environment& environment) {
  environment.spans = exporter_.get();
  environment.sample_ratio = sample_ratio_;
  if (intake_ != nullptr) {
    environment.take_otlp = [this](api::OtlpPost post) {
      return intake_->take(std::move(post));
    };
  }
}

void UpTelemetry::start(kernel::Loop& kernel) {
  gauges_ = observer_->metrics().register_gauges(
      [&kernel] { return kernel.statistics(); },
      [&kernel] { return kernel.health().healthy; },
      [] { return platform::SystemClock().now(); }
  );
}

void UpTelemetry::stop() {
  if (intake_ != nullptr) {
    intake_->stop();
  }
  gauges_.clear();
  redaction_.detach();
}

}  // namespace reeve::cli
