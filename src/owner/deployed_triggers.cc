#include "owner/deployed_triggers.h"

#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/catalog.h"

namespace reeve::owner {

namespace {

constexpr std::uint32_t kRowPage = 1000;

journal::ObjectKey key_of(std::string name) {
  return {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = std::move(name)};
}

}  // namespace

Result<std::vector<DeployedTrigger>> DeployedTriggers::list() {
  std::map<std::string, engine::Deployed> deployed;
  store::RowQuery query;
  query.kind = journal::Kind::Workflow;
  query.limit = kRowPage;
  bool more = true;
  while (more) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader_.list(query));
    for (const store::ListedRow& listed : rows) {
      if (engine::is_workflow_version(listed.row.key)) {
        continue;
      }
      REEVE_TRY(const Json row, parse_json(listed.row.body));
      REEVE_TRY(engine::Deployed found, engine::decode_deployed(row));
      if (found.enabled && !found.triggers.empty()) {
        deployed.emplace(listed.row.key.name, std::move(found));
      }
    }
    more = rows.size() == kRowPage;
    query.before = more ? rows.back().created : query.before;
  }
  std::vector<DeployedTrigger> triggers;
  for (const auto& [name, found] : deployed) {
    REEVE_TRY(
        const std::shared_ptr<const workflow::Workflow> workflow, version_of(name, found.digest())
    );
    for (const workflow::Trigger& trigger : workflow->triggers) {
      triggers.push_back({.workflow = workflow, .trigger = &trigger});
    }
  }
  return triggers;
}

Result<std::shared_ptr<const workflow::Workflow>> DeployedTriggers::find(const std::string& name) {
  REEVE_TRY(const std::optional<store::Row> row, reader_.get(key_of(name)));
  if (!row) {
    Error error =
        make_error(ErrorCode::NotFound, concat("no workflow \"", name, "\" is deployed"), name);
    error.hint = "reeve apply deploys a workflow, reeve workflows lists them";
    return error;
  }
  REEVE_TRY(const Json json, parse_json(row->body));
  REEVE_TRY(const engine::Deployed deployed, engine::decode_deployed(json));
  return version_of(name, deployed.digest());
}

Result<std::shared_ptr<const workflow::Workflow>> DeployedTriggers::version_of(
    const std::string& name, const Digest& digest
) {
  if (const auto known = parsed_.find(digest); known != parsed_.end()) {
    return known->second;
  }
  REEVE_TRY(
      const std::optional<store::Row> row,
      reader_.get(key_of(engine::workflow_row_name(name, digest)))
  );
  if (!row) {
    return make_error(ErrorCode::Corrupt, "the text of the deployed version is not stored", name);
  }
  REEVE_TRY(const Json json, parse_json(row->body));
  const Json* spec = json.find("spec");
  const std::string source = spec == nullptr ? std::string() : spec->get_string("source");
  REEVE_TRY(std::shared_ptr<const workflow::Workflow> workflow, loader_(source));
  parsed_.emplace(digest, workflow);
  return workflow;
}

}  // namespace reeve::owner
