#include "gateway/model/metrics.h"

#include <chrono>

#include "telemetry/metrics.h"

namespace reeve::gateway::model {

namespace {

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

/// Models take from milliseconds to minutes.
std::vector<double> model_seconds_buckets() {
  constexpr double kStart = 0.005;
  constexpr double kFactor = 2;
  constexpr std::size_t kCount = 18;
  return telemetry::exponential_buckets(kStart, kFactor, kCount);
}

}  // namespace

ModelMetrics::ModelMetrics(telemetry::MetricRegistry& registry)
    : requests_(registry.counter(
          {.name = "reeve_model_requests_total",
           .help = "Requests to the model gateway that were answered",
           .labels = {"route", "operation", "outcome"}}
      )),
      tokens_(registry.counter(
          {.name = "reeve_model_tokens_total",
           .help = "Tokens of calls of models that were settled",
           .labels = {"provider", "model", "kind"}}
      )),
      cost_(registry.counter(
          {.name = "reeve_model_cost_total",
           .help = "What calls of models cost that were settled, in their currency",
           .labels = {"provider", "model", "currency"}}
      )),
      errors_(registry.counter(
          {.name = "reeve_model_upstream_errors_total",
           .help = "Requests to providers of models that failed",
           .labels = {"provider", "kind"}}
      )),
      first_byte_(registry.histogram(
          {.name = "reeve_model_first_byte_seconds",
           .help = "From a request to a provider to the first byte of its answer",
           .labels = {"provider"}},
          model_seconds_buckets()
      )),
      duration_(registry.histogram(
          {.name = "reeve_model_call_seconds",
           .help = "From a request to a provider to the end of its answer",
           .labels = {"provider"}},
          model_seconds_buckets()
      )),
      breaker_(registry.gauge(
          {.name = "reeve_model_breaker_state",
           .help = "Whether a provider is asked: 0 yes, 1 no, 2 a few requests to see",
           .labels = {"provider"}}
      )),
      in_flight_(registry.gauge(
          {.name = "reeve_model_calls_in_flight", .help = "Calls of models that are under way"}
      )) {}

void ModelMetrics::request(
    std::string_view route, std::string_view operation, std::string_view outcome
) {
  requests_.with({route, operation, outcome}).add();
}

void ModelMetrics::used(const Used& used) {
  const auto add = [&](std::string_view kind, std::uint64_t count) {
    if (count > 0) {
      tokens_.with({used.provider, used.model, kind}).add(static_cast<double>(count));
    }
  };
  add("input", used.input);
  add("output", used.output);
  add("cache_read", used.cache_read);
  add("cache_write", used.cache_write);
  cost_.with({used.provider, used.model, used.currency})
      .add(static_cast<double>(used.cost.nanos()) / static_cast<double>(Money::kNanos));
}

void ModelMetrics::first_byte(std::string_view provider, Duration time) {
  first_byte_.with({provider}).observe(seconds(time));
}

void ModelMetrics::duration(std::string_view provider, Duration time) {
  duration_.with({provider}).observe(seconds(time));
}

void ModelMetrics::upstream_error(std::string_view provider, std::string_view kind) {
  errors_.with({provider, kind}).add();
}

void ModelMetrics::breaker(std::string_view provider, int state) {
  breaker_.with({provider}).set(state);
}

void ModelMetrics::in_flight(double change) {
  in_flight_.get().add(change);
}

}  // namespace reeve::gateway::model
