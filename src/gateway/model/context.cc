#include "gateway/model/context.h"

#include <cstdint>

#include "base/strings.h"

namespace reeve::gateway::model {

std::string Context::provider_key(const Route& route, const Provider& provider) {
  return concat(route.ns, "/", route.name, "/", provider.name);
}

ProviderHealth& Context::provider(const Route& route, const Provider& provider) {
  const auto [found, made] =
      providers_.try_emplace(provider_key(route, provider), provider.breaker);
  if (made) {
    metrics.breaker(found->first, static_cast<int>(found->second.breaker.state()));
  } else {
    found->second.breaker.change(provider.breaker);
  }
  return found->second;
}

const ProviderHealth* Context::health(const Route& route, const Provider& provider) const {
  const auto found = providers_.find(provider_key(route, provider));
  return found == providers_.end() ? nullptr : &found->second;
}

void Context::keep_providers(const std::set<std::string>& known) {
  std::erase_if(providers_, [&](const auto& entry) { return !known.contains(entry.first); });
}

Breaker::Permit Context::ask(const Route& route, const Provider& asked) {
  ProviderHealth& health = provider(route, asked);
  const Breaker::State before = health.breaker.state();
  const Breaker::Permit permit = health.breaker.ask(ports.elapsed());
  changed(route, asked, health, before);
  return permit;
}

void Context::failed(const Route& route, const Provider& asked, std::string_view kind) {
  metrics.upstream_error(asked.name, kind);
  if (kind == "breaker") {
    // It says nothing new: the error before it does.
    return;
  }
  ProviderHealth& health = provider(route, asked);
  health.last_error = kind;
  health.last_error_at = ports.now();
}

void Context::report(
    const Route& route, const Provider& asked, Breaker::Permit permit, Breaker::Outcome outcome
) {
  ProviderHealth& health = provider(route, asked);
  const Breaker::State before = health.breaker.state();
  health.breaker.report(permit, outcome, ports.elapsed());
  if (outcome == Breaker::Outcome::Success) {
    health.last_success = ports.now();
  }
  changed(route, asked, health, before);
}

void Context::changed(
    const Route& route, const Provider& asked, ProviderHealth& health, Breaker::State before
) {
  const Breaker::State state = health.breaker.state();
  if (state == before) {
    return;
  }
  const std::string key = provider_key(route, asked);
  metrics.breaker(key, static_cast<int>(state));
  health.changed = ports.now();
  if (state == Breaker::State::Open) {
    log.warn("a provider of models is not asked for a while", {{"provider", key}});
  } else if (state == Breaker::State::Closed) {
    log.info("a provider of models works again", {{"provider", key}});
  }
}

ProviderStates Context::states(bool queue) {
  return [this, queue](const Route& route, const Provider& asked) {
    ProviderState state;
    state.closed = provider(route, asked).breaker.would_grant(ports.elapsed());
    state.in_flight =
        queue ? 0 : static_cast<std::uint32_t>(places.taken(provider_key(route, asked)));
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
