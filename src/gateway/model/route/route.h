#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/model/format/capture.h"
#include "gateway/model/format/estimate.h"
#include "gateway/model/format/guardrail.h"
#include "gateway/model/format/operation.h"
#include "gateway/model/format/price.h"

/// Which model of which provider answers, and on which terms. Pure.
namespace reeve::gateway::model {

inline constexpr std::size_t kProvidersMax = 50;
inline constexpr std::size_t kRouteModelsMax = 200;
inline constexpr std::size_t kRulesMax = 100;
inline constexpr std::size_t kTargetsMax = 20;
inline constexpr std::uint32_t kRetriesMax = 10;
inline constexpr Duration kUpstreamTimeMax{24LL * 3'600'000};

/// How long a provider may take. Of a call that is retried, each attempt anew; `total` is for all.
struct ProviderTimeouts {
  Duration connect{5'000};
  Duration first_byte{120'000};
  Duration idle{120'000};
  Duration total{1'800'000};
};

/// When a provider is not asked any more for a while.
struct BreakerSettings {
  /// Failures one after another; 0: never.
  std::uint32_t failures = 5;
  Duration open_for{30'000};
  /// Calls at the same time that try whether it works again; as many have to succeed.
  std::uint32_t probes = 1;
};

/// Who answers.
struct Provider {
  std::string name;
  Dialect kind = Dialect::OpenAi;
  /// Without a slash at the end: `https://api.openai.com/v1`, `https://api.anthropic.com`.
  std::string base_url;
  /// Of the namespace of the route; empty: it needs none.
  std::string credential;
  /// Sent along; never one that carries a secret.
  std::vector<std::pair<std::string, std::string>> headers;
  /// It may be on this machine or in a private network, and be asked without TLS.
  bool allow_private = false;
  /// What it can be asked; empty: all of its kind.
  std::vector<Operation> operations;
  ProviderTimeouts timeouts;
  /// Calls at the same time.
  std::uint32_t concurrency = 64;
  BreakerSettings breaker;

  bool offers(Operation operation) const;
};

/// A model, as clients ask for it and as its provider knows it.
struct RouteModel {
  /// As clients ask; may be a glob if it is nobody's target.
  std::string name;
  /// Index of `Route::providers`.
  std::size_t provider = 0;
  /// As the provider calls it; empty: as it was asked for.
  std::string upstream_name;
  ModelBounds bounds;
  /// Inserted where a client gives no limit of output.
  std::optional<std::uint64_t> output_limit;
  /// The member that says so; empty: the usual one.
  std::string output_limit_member;
  Prices prices;
  bool free = false;
  /// Whether it may think without showing it.
  bool reasoning = true;
};

/// A model that may be used, and how often of all.
struct RouteTarget {
  /// Index of `Route::models`.
  std::size_t model = 0;
  std::uint32_t weight = 1;
};

/// For which requests a rule is. All that is said must hold; nothing said: every one.
struct RuleMatch {
  /// Globs; one of each must fit.
  std::vector<std::string> agents;
  std::vector<std::string> namespaces;
  std::vector<std::string> models;
  /// Labels of the mission; all of them.
  std::vector<std::pair<std::string, std::string>> labels;
  /// About how large the input is (RequestScan::likely_tokens).
  std::optional<std::uint64_t> min_input_tokens;
  std::optional<std::uint64_t> max_input_tokens;
  /// Less than this part of the tightest budget is left: 0.2.
  std::optional<double> budget_left_below;
};

struct RouteRule {
  RuleMatch match;
  std::vector<RouteTarget> use;
  /// Instead of the route's, if any.
  std::vector<std::size_t> fallback;
};

struct RetrySettings {
  /// Beyond the first attempt, over all candidates.
  std::uint32_t max = 2;
  Duration backoff{250};
  Duration max_backoff{5'000};
  /// The part of a pause that is left to chance, 0 to 1.
  double jitter = 0.5;
};

/// A ModelRoute.
struct Route {
  std::string ns;
  std::string name;
  std::string uid;
  /// Of its spec: another one is another route.
  std::int64_t generation = 1;
  std::string currency = "USD";
  std::vector<Provider> providers;
  std::vector<RouteModel> models;
  std::vector<RouteRule> rules;
  /// Models that are asked where the others cannot answer, in order.
  std::vector<std::size_t> fallback;
  /// Asked for under the name of the route; the first model if it is not said.
  std::size_t default_model = 0;
  /// Asked in place of any other where a quota says `downgrade`.
  std::optional<std::size_t> downgrade;
  RetrySettings retries;
  std::vector<GuardrailRule> guardrails;
  /// Both ways, made ready; null: there are none.
  std::shared_ptr<const GuardrailSet> request_patterns;
  std::shared_ptr<const GuardrailSet> response_patterns;
  /// How long answers are given again; 0: they are not.
  Duration cache_ttl{0};
  CapturePolicy capture;
};

/// Reads `metadata` and `spec` of a ModelRoute. Invalid: what is unknown, missing or contradicts
/// itself; `subject` is its path ("spec.models[2].prices"), `hint` the way out.
Result<Route> read_route(const Json& object);

/// The model that answers to a name: one of that name, or else the first glob that fits.
std::optional<std::size_t> find_model(const Route& route, std::string_view name);

/// What the provider is to be asked for.
std::string_view upstream_name(const RouteModel& model, std::string_view asked);

}  // namespace reeve::gateway::model
