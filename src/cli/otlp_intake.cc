#include "cli/otlp_intake.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "telemetry/gzip.h"

namespace reeve::cli {

namespace {

constexpr int kOk = 200;
constexpr int kBadRequest = 400;
constexpr int kTooLarge = 413;
constexpr int kUnsupportedType = 415;

// Of google.rpc.Code, which OTLP's errors have.
constexpr int kInvalidArgument = 3;

std::string_view to_string(telemetry::Signal signal) {
  switch (signal) {
    case telemetry::Signal::Metrics:
      return "metrics";
    case telemetry::Signal::Logs:
      return "logs";
    case telemetry::Signal::Traces:
      return "traces";
  }
  return "other";
}

int status_of(const Error& error) {
  if (error.code == ErrorCode::LimitExceeded) {
    return kTooLarge;
  }
  return error.code == ErrorCode::Unsupported ? kUnsupportedType : kBadRequest;
}

/// A google.rpc.Status, as OTLP/HTTP asks for.
std::string rpc_status(const Error& error) {
  Json status = Json::object();
  status.set("code", kInvalidArgument);
  status.set("message", error.describe());
  return status.dump();
}

Result<telemetry::OtlpBatch> decode(const api::OtlpPost& post) {
  if (post.encoding.empty() || post.encoding == "identity") {
    return telemetry::decode_otlp(post.signal, post.content_type, post.body);
  }
  if (post.encoding != "gzip") {
    return make_error(
        ErrorCode::Unsupported,
        concat("Content-Encoding \"", post.encoding, "\" is not read; use gzip, or none")
    );
  }
  REEVE_TRY(
      const std::string body, telemetry::gunzip(post.body, telemetry::OtlpLimits{}.body_bytes_max)
  );
  return telemetry::decode_otlp(post.signal, post.content_type, body);
}

}  // namespace

OtlpIntake::OtlpIntake(telemetry::LogHub& log, telemetry::MetricRegistry& metrics)
    : log_(log.logger("agents")),
      records_(metrics.counter(
          {.name = "reeve_otlp_records_total",
           .help = "Data points, log records and spans of agents that were read",
           .labels = {"signal"}}
      )),
      rejected_(metrics.counter(
          {.name = "reeve_otlp_rejected_total",
           .help = "Data points, log records and spans of agents that were wrong or too many",
           .labels = {"signal"}}
      )),
      refused_(metrics.counter(
          {.name = "reeve_otlp_refused_total",
           .help = "Requests with telemetry of agents that were refused as a whole",
           .labels = {"signal"}}
      )),
      tokens_(metrics.counter(
          {.name = "reeve_agent_tokens_total",
           .help = "Tokens that agents say they used",
           .labels = {"namespace", "model", "kind"},
           .series_max = 500}
      )),
      cost_(metrics.counter(
          {.name = "reeve_agent_cost_usd_total",
           .help = "US dollars that agents guess they spent",
           .labels = {"namespace", "model"},
           .series_max = 200}
      )) {
  thread_ = std::thread([this] { run(); });
}

OtlpIntake::~OtlpIntake() {
  stop();
}

bool OtlpIntake::take(api::OtlpPost post) {
  {
    const std::scoped_lock lock(mutex_);
    if (stopping_ || waiting_.size() >= kOtlpPostsMax ||
        bytes_ + post.body.size() > kOtlpBytesMax) {
      refused_.with({to_string(post.signal)}).add();
      return false;
    }
    bytes_ += post.body.size();
    waiting_.push_back(std::move(post));
  }
  wake_.notify_one();
  return true;
}

void OtlpIntake::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wake_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void OtlpIntake::run() {
  while (true) {
    api::OtlpPost post;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) {
        return;
      }
      post = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= post.body.size();
    }
    read(post);
  }
}

void OtlpIntake::read(const api::OtlpPost& post) {
  const std::string_view signal = to_string(post.signal);
  const Result<telemetry::OtlpBatch> batch = decode(post);
  if (!batch) {
    refused_.with({signal}).add();
    post.answered(status_of(batch.error()), rpc_status(batch.error()));
    return;
  }
  records_.with({signal}).add(static_cast<double>(batch->records.size()));
  rejected_.with({signal}).add(static_cast<double>(batch->rejected));
  for (const telemetry::OtlpRecord& record : batch->records) {
    count(post, record);
  }
  post.answered(kOk, telemetry::otlp_response(post.signal, *batch));
}

/// What a call of a model used. The run is the one that has proven who it is; what a user sends
/// is believed to be about the run that it names.
void OtlpIntake::count(const api::OtlpPost& post, const telemetry::OtlpRecord& record) {
  const std::optional<telemetry::AgentUsage> usage = telemetry::usage_of(record);
  if (!usage) {
    return;
  }
  const std::array<std::pair<std::string_view, std::int64_t>, 4> kinds = {{
      {"input", usage->input_tokens},
      {"output", usage->output_tokens},
      {"cache_read", usage->cache_read_tokens},
      {"cache_creation", usage->cache_creation_tokens},
  }};
  for (const auto& [kind, tokens] : kinds) {
    tokens_.with({post.ns, usage->model, kind}).add(static_cast<double>(tokens));
  }
  cost_.with({post.ns, usage->model}).add(usage->cost_usd);
  const bool named = post.run.empty() && record.source != nullptr;
  telemetry::Correlation correlation = post.correlation;
  if (record.trace_id.valid() && record.span_id.valid()) {
    correlation.trace.trace_id = record.trace_id;
    correlation.trace.span_id = record.span_id;
  }
  log_.with(std::move(correlation))
      .info(
          "agent used a model",
          {{"namespace", post.ns},
           {"run", named ? record.source->run : post.run},
           {"session", record.session},
           {"model", usage->model},
           {"input_tokens", usage->input_tokens},
           {"output_tokens", usage->output_tokens},
           {"cache_read_tokens", usage->cache_read_tokens},
           {"cache_creation_tokens", usage->cache_creation_tokens},
           {"cost_usd", usage->cost_usd}}
      );
}

}  // namespace reeve::cli
