#include "owner/deployed_triggers.h"

#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/catalog.h"
#include "engine/object_metadata.h"
#include "model/scoped_name.h"
#include "workflow/trigger/rate_window.h"

namespace reeve::owner {

namespace {

constexpr std::uint32_t kRowPage = 1000;

journal::ObjectKey key_of(const Namespace& ns, std::string name) {
  return {.kind = journal::Kind::Workflow, .ns = ns, .name = std::move(name)};
}

Result<engine::Deployed> decode(const store::Row& row) {
  REEVE_TRY(const Json json, parse_json(row.body));
  return engine::decode_deployed(json);
}

}  // namespace

std::string shown_name(const Namespace& ns, std::string_view name) {
  return ns.view() == model::kDefaultNamespace ? std::string(name)
                                               : concat(name, " of namespace ", ns.view());
}

Result<TriggerList> DeployedTriggers::list() {
  std::map<std::pair<Namespace, std::string>, engine::Deployed> deployed;
  TriggerList listed;
  store::RowQuery query;
  query.kind = journal::Kind::Workflow;
  query.limit = kRowPage;
  bool more = true;
  while (more) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader_.list(query));
    for (const store::ListedRow& each : rows) {
      const journal::ObjectKey& key = each.row.key;
      if (engine::is_workflow_version(each.row.key) || engine::is_deleted_row(each.row.body)) {
        continue;
      }
      Result<engine::Deployed> found = decode(each.row);
      if (!found) {
        listed.problems.emplace_back(shown_name(key.ns, key.name), std::move(found).error());
      } else if (found->enabled && !found->triggers.empty()) {
        deployed.emplace(std::pair(key.ns, key.name), std::move(*found));
      }
    }
    more = rows.size() == kRowPage;
    query.before = more ? rows.back().created : query.before;
  }
  for (const auto& [key, found] : deployed) {
    const auto& [ns, name] = key;
    const auto workflow = version_of(ns, name, found.digest());
    if (!workflow) {
      listed.problems.emplace_back(shown_name(ns, name), workflow.error());
      continue;
    }
    for (const workflow::Trigger& trigger : (*workflow)->triggers) {
      listed.triggers.push_back({.ns = ns, .workflow = *workflow, .trigger = &trigger});
    }
  }
  return listed;
}

Result<Room> DeployedTriggers::room(const DeployedTrigger& trigger, Timestamp now) {
  const std::optional<workflow::RateLimit>& limit = trigger.trigger->rate_limit;
  if (!limit) {
    return Room{};
  }
  REEVE_TRY(const engine::Deployed deployed, read(trigger.ns, trigger.workflow->name));
  const engine::TriggerStatus* status = deployed.find(trigger.trigger->name);
  const std::optional<trigger::RateWindow> next =
      trigger::admit(status == nullptr ? trigger::RateWindow() : status->window, *limit, now);
  if (!next) {
    return Room{.missions = 0, .rests_until = status->window.started_at + limit->window};
  }
  return Room{.missions = limit->max - next->used + 1};
}

Result<std::shared_ptr<const workflow::Workflow>> DeployedTriggers::find(
    const Namespace& ns, const std::string& name
) {
  REEVE_TRY(const engine::Deployed deployed, read(ns, name));
  return version_of(ns, name, deployed.digest());
}

Result<engine::Deployed> DeployedTriggers::read(const Namespace& ns, const std::string& name) {
  REEVE_TRY(const std::optional<store::Row> row, reader_.get(key_of(ns, name)));
  if (row && !engine::is_deleted_row(row->body)) {
    return decode(*row);
  }
  Error error =
      make_error(ErrorCode::NotFound, concat("no workflow \"", name, "\" is deployed"), name);
  error.hint = "reeve apply deploys a workflow, reeve workflows lists them";
  return error;
}

Result<std::shared_ptr<const workflow::Workflow>> DeployedTriggers::version_of(
    const Namespace& ns, const std::string& name, const Digest& digest
) {
  if (const auto known = parsed_.find(digest); known != parsed_.end()) {
    return known->second;
  }
  REEVE_TRY(
      const std::optional<store::Row> row,
      reader_.get(key_of(ns, engine::workflow_row_name(name, digest)))
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
