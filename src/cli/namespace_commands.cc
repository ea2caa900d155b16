#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/session.h"
#include "engine/resource_book.h"
#include "protocol/commands.h"

/// `reeve namespace`.
namespace reeve::cli {

namespace {

constexpr std::size_t kNameColumn = 32;
constexpr std::uint32_t kListedMax = 100'000;

Result<std::vector<Json>> read_namespaces(const Common& common) {
  REEVE_TRY(const auto store, open_for_reading(DataDir{.root = common.data_dir}));
  store::RowQuery query;
  query.kind = journal::Kind::Namespace;
  query.live_only = true;
  query.limit = kListedMax;
  REEVE_TRY(const std::vector<store::ListedRow> rows, store->list(query));
  std::vector<Json> namespaces;
  for (const store::ListedRow& listed : rows) {
    REEVE_TRY(Json row, parse_json(listed.row.body));
    namespaces.push_back(std::move(row));
  }
  const auto name = [](const Json& row) {
    return row.find("metadata")->get_string("name");
  };
  std::sort(namespaces.begin(), namespaces.end(), [&](const Json& a, const Json& b) {
    return name(a) < name(b);
  });
  return namespaces;
}

int list(const Common& common) {
  const Result<std::vector<Json>> namespaces = read_namespaces(common);
  if (!namespaces) {
    return report(namespaces.error());
  }
  std::string text = concat("NAME", std::string(kNameColumn - 4, ' '), "STATUS\n");
  Json items = Json::array();
  for (const Json& row : *namespaces) {
    std::string name = row.find("metadata")->get_string("name");
    name.resize(std::max(kNameColumn, name.size() + 1), ' ');
    const Json* status = row.find("status");
    const std::string phase = status == nullptr ? std::string() : status->get_string("phase");
    text += concat(name, phase, "\n");
    items.push(row);
  }
  if (common.output == Output::Json) {
    Json all = Json::object();
    all.set("apiVersion", "v1").set("kind", "NamespaceList").set("items", std::move(items));
    text = all.pretty();
  }
  print(text);
  return static_cast<int>(ExitCode::Done);
}

Json new_namespace(const std::string& name) {
  Json metadata = Json::object();
  metadata.set("name", name);
  Json object = Json::object();
  object.set("apiVersion", "v1").set("kind", "Namespace").set("metadata", std::move(metadata));
  return object;
}

}  // namespace

int run_namespace(const Common& common, const NamespaceArgs& args) {
  if (args.action == NamespaceArgs::Action::List) {
    return list(common);
  }
  const bool creates = args.action == NamespaceArgs::Action::Create;
  protocol::Object object{
      .kind = std::string(to_string(journal::Kind::Namespace)),
      .name = args.name,
      .verb = creates ? "create" : "delete",
      .body = Json::object()};
  if (creates) {
    object.body.set("object", new_namespace(args.name));
  }
  const LinkOptions options{
      .purpose = concat("reeve namespace ", object.verb, " ", args.name), .create = creates};
  const Result<Json> answer = send_command(common, options, protocol::kObject, to_json(object));
  if (!answer) {
    return report(answer.error());
  }
  print(concat("namespace ", args.name, creates ? " created\n" : " is being deleted\n"));
  return static_cast<int>(ExitCode::Done);
}

}  // namespace reeve::cli
