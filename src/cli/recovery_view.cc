#include "cli/recovery_view.h"

#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"

namespace reeve::cli {

namespace {

/// Where the route of a failed task has led. The engine tells it right after the end of the run:
/// what comes first otherwise is no route.
std::string route_taken(
    const Json& task, const journal::ObjectKey& mission, store::Reader& reader
) {
  store::EventQuery query;
  query.object = mission;
  query.after = Revision(static_cast<std::uint64_t>(task.get_int("endedRevision")));
  query.limit = 1;
  const Result<std::vector<journal::Event>> events = reader.events(query);
  if (!events || events->empty() || events->front().type != "task.reached") {
    return {};
  }
  const Result<Json> data = parse_json(events->front().data);
  return data && data->get_bool("fresh") ? data->get_string("task") : std::string();
}

bool has_completed(const Json::Array& tasks, const std::string& name) {
  for (const Json& task : tasks) {
    if (task.get_string("name") == name) {
      return task.get_string("state") == "COMPLETE";
    }
  }
  return false;
}

}  // namespace

void add_recoveries(Json& mission, store::Reader& reader) {
  Json* status = mission.find("status");
  Json* tasks = status == nullptr ? nullptr : status->find("tasks");
  if (tasks == nullptr) {
    return;
  }
  const journal::ObjectKey key{
      .kind = journal::Kind::Mission,
      .ns = namespace_in(mission),
      .name = mission.find("metadata")->get_string("name")};
  for (Json& task : tasks->as_array()) {
    if (task.get_string("state") != "FAILED") {
      continue;
    }
    std::string next = route_taken(task, key, reader);
    if (has_completed(tasks->as_array(), next)) {
      task.set("recoveredVia", std::move(next));
    }
  }
}

}  // namespace reeve::cli
