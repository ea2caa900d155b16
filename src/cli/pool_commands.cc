#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "protocol/commands.h"

/// `reeve pool`.
namespace reeve::cli {

namespace {

constexpr std::size_t kNameColumn = 32;
constexpr std::uint32_t kListedMax = 100'000;

Result<std::vector<Json>> read_pools(const Common& common) {
  REEVE_TRY(const auto store, open_for_reading(DataDir{.root = common.data_dir}));
  store::RowQuery query;
  query.kind = journal::Kind::Pool;
  query.ns = listed_namespace(common);
  query.live_only = true;
  query.limit = kListedMax;
  REEVE_TRY(const std::vector<store::ListedRow> rows, store->list(query));
  std::vector<Json> pools;
  for (const store::ListedRow& listed : rows) {
    REEVE_TRY(Json row, parse_json(listed.row.body));
    pools.push_back(std::move(row));
  }
  const auto name = [](const Json& pool) {
    const Json* metadata = pool.find("metadata");
    return std::pair(metadata->get_string("namespace"), metadata->get_string("name"));
  };
  std::sort(pools.begin(), pools.end(), [&](const Json& a, const Json& b) {
    return name(a) < name(b);
  });
  return pools;
}

int list(const Common& common) {
  const Result<std::vector<Json>> pools = read_pools(common);
  if (!pools) {
    return report(pools.error());
  }
  std::string text = concat(
      namespace_column(common, "NAMESPACE"), "NAME", std::string(kNameColumn - 4, ' '), "UNITS\n"
  );
  Json items = Json::array();
  for (const Json& pool : *pools) {
    std::string name = pool.find("metadata")->get_string("name");
    name.resize(std::max(kNameColumn, name.size() + 1), ' ');
    text += concat(
        namespace_column(common, namespace_in(pool).view()),
        name,
        pool.find("spec")->get_int("units"),
        "\n"
    );
    items.push(pool);
  }
  if (common.output == Output::Json) {
    Json all = Json::object();
    all.set("apiVersion", "reeve.dev/v1").set("kind", "PoolList").set("items", std::move(items));
    text = all.pretty();
  }
  print(text);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace

int run_pool(const Common& common, const PoolArgs& args) {
  if (args.action == PoolArgs::Action::List) {
    return list(common);
  }
  const bool sets = args.action == PoolArgs::Action::Set;
  protocol::Object object{
      .kind = std::string(to_string(journal::Kind::Pool)),
      .name = args.name,
      .verb = sets ? "set" : "delete",
      .body = Json::object()};
  if (sets) {
    object.body.set("units", std::uint64_t{args.units});
  }
  const LinkOptions options{
      .purpose = concat("reeve pool ", object.verb, " ", args.name), .create = sets};
  const Result<Json> answer = send_command(common, options, protocol::kObject, to_json(object));
  return answer ? static_cast<int>(ExitCode::Done) : report(answer.error());
}

}  // namespace reeve::cli
