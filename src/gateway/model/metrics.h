#pragma once

#include <cstdint>
#include <string_view>

#include "base/money.h"
#include "base/time.h"

namespace reeve::telemetry {
class Counter;
class Gauge;
class Histogram;
class MetricRegistry;
template <class Metric>
class Family;
}  // namespace reeve::telemetry

namespace reeve::gateway::model {

/// What is counted of calls of models. Labels are names that operators have given (routes,
/// providers, models of routes) and words of ours; never what clients say.
class ModelMetrics {
 public:
  explicit ModelMetrics(telemetry::MetricRegistry& registry);

  /// A request has been answered. `outcome`: "completed", "cached", "replayed", "cut", "failed",
  /// "refused", "limited", "unknown_model", "invalid".
  void request(std::string_view route, std::string_view operation, std::string_view outcome);

  /// A call was settled.
  struct Used {
    std::string_view provider;
    std::string_view model;
    std::uint64_t input = 0;
    std::uint64_t output = 0;
    std::uint64_t cache_read = 0;
    std::uint64_t cache_write = 0;
    Money cost;
    std::string_view currency;
  };

  void used(const Used& used);

  void first_byte(std::string_view provider, Duration time);
  void duration(std::string_view provider, Duration time);

  /// `kind`: "connect", "timeout", "status_4xx", "status_5xx", "rate_limited", "key", "broken".
  void upstream_error(std::string_view provider, std::string_view kind);

  /// 0: closed, 1: open, 2: lets some through to see.
  void breaker(std::string_view provider, int state);

  /// By how much the number of calls changes that are under way.
  void in_flight(double change);

 private:
  telemetry::Family<telemetry::Counter>& requests_;
  telemetry::Family<telemetry::Counter>& tokens_;
  telemetry::Family<telemetry::Counter>& cost_;
  telemetry::Family<telemetry::Counter>& errors_;
  telemetry::Family<telemetry::Histogram>& first_byte_;
  telemetry::Family<telemetry::Histogram>& duration_;
  telemetry::Family<telemetry::Gauge>& breaker_;
  telemetry::Family<telemetry::Gauge>& in_flight_;
};

}  // namespace reeve::gateway::model
