#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/strings.h"
#include "cli/object_table.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/quota_commands.h"
#include "cli/resource_path.h"
#include "engine/meter_ledger.h"

/// `reeve cost`: what calls of models have used, by whom.
namespace reeve::cli {

namespace {

constexpr int kPageItems = 500;

/// A line: something and what it has used.
struct Line {
  std::string ns;
  std::string subject;
  engine::UsageSum sum;
};

Result<engine::UsageSum> sum_of(const Json& status) {
  const auto count = [&](std::string_view name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, status.get_int(name)));
  };
  engine::UsageSum sum;
  sum.calls = count("calls");
  sum.input_tokens = count("inputTokens");
  sum.output_tokens = count("outputTokens");
  sum.cache_read_tokens = count("cacheReadTokens");
  sum.cache_write_tokens = count("cacheWriteTokens");
  REEVE_TRY(sum.costs, engine::costs_from_json(status.get_object("costs")));
  return sum;
}

/// The tenant of each namespace that has one.
Result<std::map<std::string, std::string>> tenants(ApiClient& client) {
  REEVE_TRY(const auto* type, find_type("namespaces"));
  REEVE_TRY(
      const Json list,
      whole_list(
          client, concat(collection_path(*type, {}), "?limit=", kPageItems), "application/json"
      )
  );
  std::map<std::string, std::string> found;
  for (const Json& one : list.get_array("items")) {
    const Json& metadata = one.get_object("metadata");
    found[metadata.get_string("name")] = metadata.get_object("labels").get_string("tenant");
  }
  return found;
}

/// What is asked for, one line for each row of usage.
Result<std::vector<Line>> rows(const Common& common, const CostArgs& args) {
  const bool by_namespace = args.by == "namespace";
  const bool by_tenant = args.by == "tenant";
  REEVE_TRY(const auto* type, find_type("budgetusages"));
  REEVE_TRY(Api api, open_api(common, args.connection));
  std::map<std::string, std::string> tenant_of;
  if (by_tenant) {
    REEVE_TRY(tenant_of, tenants(*api.client));
  }
  const bool everywhere = common.all_namespaces || by_tenant || (by_namespace && common.ns.empty());
  // Every call counts in one of the days of its namespace.
  const std::string of = by_namespace || by_tenant ? std::string("day") : args.by;
  const std::string path = concat(
      collection_path(*type, everywhere ? std::string() : api.ns),
      "?limit=",
      kPageItems,
      "&fieldSelector=",
      percent_encoded(concat("spec.of=", of))
  );
  REEVE_TRY(const Json list, whole_list(*api.client, path, "application/json"));
  std::vector<Line> lines;
  for (const Json& item : list.get_array("items")) {
    Line line;
    line.ns = item.get_object("metadata").get_string("namespace");
    line.subject = item.get_object("spec").get_string("subject");
    REEVE_TRY(line.sum, sum_of(item.get_object("status")));
    if (by_namespace || by_tenant) {
      const auto tenant = tenant_of.find(line.ns);
      const bool known = tenant != tenant_of.end() && !tenant->second.empty();
      line.subject = by_namespace ? line.ns : known ? tenant->second : std::string("(none)");
      line.ns.clear();
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

/// The dearest first; days in their order.
void arrange(std::vector<Line>& lines, const CostArgs& args) {
  std::map<std::pair<std::string, std::string>, engine::UsageSum> sums;
  for (const Line& line : lines) {
    sums[{line.ns, line.subject}].add(line.sum);
  }
  lines.clear();
  for (auto& [what, sum] : sums) {
    lines.push_back({.ns = what.first, .subject = what.second, .sum = std::move(sum)});
  }
  const auto dearest = [](const engine::UsageSum& sum) {
    Money most;
    for (const auto& [currency, amount] : sum.costs) {
      most = std::max(most, amount);
    }
    return std::pair(most, sum.tokens());
  };
  if (args.by != "day") {
    std::sort(lines.begin(), lines.end(), [&](const Line& a, const Line& b) {
      const auto of_a = dearest(a.sum);
      const auto of_b = dearest(b.sum);
      return of_a != of_b ? of_a > of_b : std::tie(a.ns, a.subject) < std::tie(b.ns, b.subject);
    });
  }
  if (args.limit > 0 && lines.size() > args.limit) {
    // Of days the last ones count.
    const auto more = static_cast<std::ptrdiff_t>(lines.size() - args.limit);
    if (args.by == "day") {
      lines.erase(lines.begin(), lines.begin() + more);
    } else {
      lines.erase(lines.end() - more, lines.end());
    }
  }
}

std::string cost_text(const engine::Costs& costs) {
  std::vector<std::string> texts;
  for (const auto& [currency, amount] : costs) {
    texts.push_back(concat(amount.text(), " ", currency));
  }
  return texts.empty() ? std::string("0.00") : join(texts, ", ");
}

Json json_of(const engine::UsageSum& sum) {
  Json json = Json::object();
  json.set("calls", sum.calls).set("tokens", sum.tokens());
  json.set("inputTokens", sum.input_tokens).set("outputTokens", sum.output_tokens);
  json.set("cacheReadTokens", sum.cache_read_tokens);
  json.set("cacheWriteTokens", sum.cache_write_tokens);
  json.set("costs", engine::to_json(sum.costs));
  return json;
}

std::string as_json(
    const std::vector<Line>& lines, const engine::UsageSum& total, const CostArgs& args
) {
  Json items = Json::array();
  for (const Line& line : lines) {
    Json item = json_of(line.sum);
    item.set(args.by, line.subject);
    if (!line.ns.empty() && args.by != "namespace") {
      item.set("namespace", line.ns);
    }
    items.push(std::move(item));
  }
  Json all = Json::object();
  all.set("by", args.by).set("items", std::move(items)).set("total", json_of(total));
  return all.pretty();
}

std::string as_table(
    const Common& common,
    const std::vector<Line>& lines,
    const engine::UsageSum& total,
    const CostArgs& args
) {
  Json columns = Json::array();
  for (const std::string_view name :
       {std::string_view(args.by),
        std::string_view("calls"),
        std::string_view("input"),
        std::string_view("output"),
        std::string_view("cached"),
        std::string_view("cost")}) {
    columns.push(table_column(name));
  }
  const auto cells = [](std::string name, const engine::UsageSum& sum) {
    return table_row(
        {std::move(name),
         std::to_string(sum.calls),
         std::to_string(sum.input_tokens),
         std::to_string(sum.output_tokens),
         std::to_string(sum.cache_read_tokens + sum.cache_write_tokens),
         cost_text(sum.costs)}
    );
  };
  Json::Array rows;
  for (const Line& line : lines) {
    const bool where = common.all_namespaces && !line.ns.empty();
    rows.push_back(cells(where ? concat(line.ns, "/", line.subject) : line.subject, line.sum));
  }
  rows.push_back(cells("total", total));
  return table_text(columns, rows, {});
}

Result<void> show(const Common& common, const CostArgs& args) {
  REEVE_TRY(std::vector<Line> lines, rows(common, args));
  engine::UsageSum total;
  for (const Line& line : lines) {
    total.add(line.sum);
  }
  arrange(lines, args);
  print(
      common.output == Output::Json ? as_json(lines, total, args)
                                    : as_table(common, lines, total, args)
  );
  return {};
}

}  // namespace

int show_cost(const Common& common, const CostArgs& args) {
  return finished(show(common, args));
}

}  // namespace reeve::cli
