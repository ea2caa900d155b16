#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/model/format/answer_cache.h"
#include "gateway/model/keys.h"
#include "gateway/model/meter.h"
#include "gateway/model/metrics.h"
#include "gateway/model/places.h"
#include "gateway/model/ports.h"
#include "gateway/model/replies.h"
#include "gateway/model/route/breaker.h"
#include "gateway/model/route/choose.h"
#include "telemetry/correlation.h"
#include "telemetry/log.h"

namespace reeve::gateway::model {

/// Who asks a model.
struct Caller {
  Namespace ns;
  /// Empty: it is no run that asks, or no agent's.
  std::string mission = {};
  std::string run = {};
  std::string agent = {};
  /// As in the journal.
  Principal principal;
  telemetry::Correlation correlation = {};
};

/// Calls that go on without a client, so that their replies can be asked for again.
struct Carried {
  std::size_t calls = 0;
  /// Of their answers, in memory.
  std::size_t bytes = 0;
};

/// How a provider of a route has been since the start.
struct ProviderHealth {
  explicit ProviderHealth(BreakerSettings settings) : breaker(settings) {}

  Breaker breaker;
  /// When the state of the breaker changed last.
  std::optional<Timestamp> changed = {};
  /// In one word, as metrics have it; empty: there was none.
  std::string last_error = {};
  std::optional<Timestamp> last_error_at = {};
  std::optional<Timestamp> last_success = {};
};

/// What calls share: what is known of providers, the meter, the cache. Network thread.
class Context {
 public:
  Context(ModelPorts given, telemetry::MetricRegistry& registry, telemetry::Logger& logger)
      : ports(std::move(given)),
        meter(ports),
        places(ports),
        keys(ports),
        metrics(registry),
        replies(ports, logger),
        log(logger) {}

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// How a provider of a route is called here.
  static std::string provider_key(const Route& route, const Provider& provider);

  /// Whether a provider may be asked now.
  Breaker::Permit ask(const Route& route, const Provider& provider);

  /// A request to a provider has failed, in one word.
  void failed(const Route& route, const Provider& provider, std::string_view kind);

  /// Null: nothing was asked since the start.
  const ProviderHealth* health(const Route& route, const Provider& provider) const;

  /// Forgets all others; by their keys.
  void keep_providers(const std::set<std::string>& known);

  /// The outcome of a call that the breaker has let through.
  void report(
      const Route& route, const Provider& provider, Breaker::Permit permit, Breaker::Outcome outcome
  );

  /// How providers are now. `queue`: one without a place may be waited for.
  ProviderStates states(bool queue);

  /// 0 to 1, the end excluded.
  double chance();

  const ModelPorts ports;
  Meter meter;
  Places places;
  Keys keys;
  ModelMetrics metrics;
  AnswerCache cache;
  Replies replies;
  Carried carried;
  telemetry::Logger& log;

 private:
  ProviderHealth& provider(const Route& route, const Provider& provider);
  void changed(
      const Route& route, const Provider& provider, ProviderHealth& health, Breaker::State before
  );

  std::map<std::string, ProviderHealth> providers_;
};

}  // namespace reeve::gateway::model
