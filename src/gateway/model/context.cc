#include "gateway/model/context.h"

#include <cstdint>

#include "base/strings.h"

namespace reeve::gateway::model {

std::string Context::provider_key(const Route& route, const Provider& provider) {
  return concat(route.ns, "/", route.name, "/", provider.name);
}

Breaker& Context::breaker(const Route& route, const Provider& provider) {
  const auto [found, made] = breakers_.try_emplace(provider_key(route, provider), provider.breaker);
  if (!made) {
    found->second.change(provider.breaker);
  }
  return found->second;
}

void Context::report(
    const Route& route, const Provider& provider, Breaker::Permit permit, Breaker::Outcome outcome
) {
  Breaker& asked = breaker(route, provider);
  const Breaker::State before = asked.state();
  asked.report(permit, outcome, ports.elapsed());
  const std::string key = provider_key(route, provider);
  metrics.breaker(key, static_cast<int>(asked.state()));
  if (asked.state() == before) {
    return;
  }
  if (asked.state() == Breaker::State::Open) {
    log.warn("a provider of models is not asked for a while", {{"provider", key}});
  } else if (asked.state() == Breaker::State::Closed) {
    log.info("a provider of models works again", {{"provider", key}});
  }
}

ProviderStates Context::states(bool queue) {
  return [this, queue](const Route& route, const Provider& provider) {
    ProviderState state;
    state.closed = breaker(route, provider).would_grant(ports.elapsed());
    state.in_flight =
        queue ? 0 : static_cast<std::uint32_t>(places.taken(provider_key(route, provider)));
    return state;
  };
}

double Context::chance() {
  constexpr unsigned kBits = 53;
  constexpr unsigned kWordBits = 64;
  return static_cast<double>(ports.random() >> (kWordBits - kBits)) /
         static_cast<double>(std::uint64_t{1} << kBits);
}

}  // namespace reeve::gateway::model
