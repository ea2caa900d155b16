#include "gateway/model/budgets.h"

#include <algorithm>
#include <string_view>

#include "base/money.h"

namespace reeve::gateway::model {

namespace {

const Json& member(const Json& json, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = json.find(name);
  return found == nullptr ? kNone : *found;
}

double part(double used, double limit) {
  return limit <= 0 ? 0 : std::clamp(1 - used / limit, 0.0, 1.0);
}

double money_in(const Json& usage, std::string_view name) {
  const Result<Money> read = Money::parse(usage.get_string(name, "0"));
  return read ? static_cast<double>(read->nanos()) : 0;
}

/// Of one budget; nothing: it has no limit of what is used up.
std::optional<double> left_of(const engine::Quota& quota, const Json& object) {
  const Json& usage = member(member(object, "status"), "currentUsage");
  std::optional<double> left;
  if (quota.limits.total_tokens) {
    const auto used =
        static_cast<double>(usage.get_int("tokens") + usage.get_int("reservedTokens"));
    left = part(used, static_cast<double>(*quota.limits.total_tokens));
  }
  if (quota.limits.total_cost) {
    const double used = money_in(usage, "cost") + money_in(usage, "reservedCost");
    const double cost = part(used, static_cast<double>(quota.limits.total_cost->nanos()));
    left = left ? std::min(*left, cost) : cost;
  }
  return left;
}

std::string tenant_of(const ModelPorts& ports, const Namespace& ns) {
  const SeenObject seen = ports.object("namespaces", Namespace(std::string()), ns.view());
  return seen.object == nullptr
             ? std::string()
             : member(member(*seen.object, "metadata"), "labels").get_string("tenant");
}

}  // namespace

std::optional<double> budget_left(
    const ModelPorts& ports, const engine::Spender& who, const Json* labels
) {
  engine::SpenderFacts facts;
  facts.labels = labels;
  facts.tenant = tenant_of(ports, who.ns);
  std::optional<double> least;
  const auto look = [&](std::string_view plural, journal::Kind kind, const Namespace& ns) {
    for (const SeenObject& seen : ports.objects(plural, ns, kBudgetsMax)) {
      const engine::Quota quota = engine::parse_quota(
          {.kind = kind, .ns = ns, .name = member(*seen.object, "metadata").get_string("name")},
          *seen.object
      );
      if (quota.unreadable || !engine::counts(quota, who, facts)) {
        continue;
      }
      if (const std::optional<double> left = left_of(quota, *seen.object)) {
        least = least ? std::min(*least, *left) : *left;
      }
    }
  };
  look("budgetquotas", journal::Kind::BudgetQuota, who.ns);
  look("clusterbudgetquotas", journal::Kind::ClusterBudgetQuota, Namespace(std::string()));
  return least;
}

}  // namespace reeve::gateway::model
