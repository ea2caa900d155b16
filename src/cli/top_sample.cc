#include "cli/top_sample.h"

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "base/ids.h"
#include "base/strings.h"
#include "cli/object_target.h"
#include "cli/resource_path.h"
#include "host/run_dir.h"
#include "model/scoped_name.h"
#include "platform/posix/system.h"
#include "resource/schema/contract.h"

namespace reeve::cli {

namespace {

constexpr int kPageItems = 500;
constexpr std::string_view kUnfinished =
    "status.state!=COMPLETE,status.state!=FAILED,status.state!=ABORTED";
constexpr std::string_view kLost = ",status.state!=LOST";

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kNone : *found;
}

Result<Json::Array> list(
    ApiClient& client, std::string_view plural, const std::string& ns, const std::string& fields
) {
  REEVE_TRY(const resource::schema::ResourceType* type, find_type(plural));
  std::string path = concat(collection_path(*type, ns), "?limit=", kPageItems);
  if (!fields.empty()) {
    path += concat("&fieldSelector=", percent_encoded(fields));
  }
  REEVE_TRY(const Json answer, whole_list(client, path, "application/json"));
  const Json* items = answer.find("items");
  return items == nullptr || !items->is_array() ? Json::Array() : items->as_array();
}

RunKey key_of(const Json& object) {
  const Json& metadata = member(object, "metadata");
  return {metadata.get_string("namespace"), metadata.get_string("name")};
}

bool may_have_processes(const Json& run) {
  const std::string state = member(run, "status").get_string("state");
  return state == "ACTIVE" || state == "LAUNCHING";
}

void add_usage(const std::string& missions_dir, TopSample& sample) {
  const ProcessTable processes = ProcessTable::read();
  for (const Json& run : sample.runs) {
    const RunKey key = key_of(run);
    const Namespace in(key.first);
    const std::filesystem::path dir = std::filesystem::path(missions_dir) /
                                      model::scoped(in, member(run, "spec").get_string("mission")) /
                                      "runs" / model::scoped(in, key.second);
    if (!may_have_processes(run)) {
      continue;
    }
    // One that has no shim yet, or none on this machine, uses nothing here.
    const Result<host::ShimRecord> shim = host::read_shim(dir);
    const TreeUsage usage = shim ? processes.usage_below(shim->pid, shim->start_time) : TreeUsage();
    if (usage.processes > 0) {
      sample.usage.emplace(key, usage);
    }
  }
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// How much more in a second.
std::optional<double> rate(std::optional<double> before, std::optional<double> now, double passed) {
  if (!before || !now || passed <= 0 || *now < *before) {
    return {};
  }
  return (*now - *before) / passed;
}

std::optional<double> failed_requests(const std::vector<MetricSample>& samples) {
  std::optional<double> sum;
  for (const MetricSample& sample : samples) {
    if (sample.name == "reeve_http_requests_total") {
      sum = sum.value_or(0) + (sample.label("code").starts_with('5') ? sample.value : 0);
    }
  }
  return sum;
}

UsageRow run_row(const Json& run, const TopSample& before, const TopSample& now) {
  const Json& status = member(run, "status");
  const RunKey key = key_of(run);
  UsageRow row{
      .ns = key.first,
      .name = key.second,
      .state = status.get_string("state"),
      .detail = member(run, "spec").get_string("task"),
      .since = status.get_string("startedAt"),
      .cpu = {},
      .usage = {}};
  const auto used = now.usage.find(key);
  if (used == now.usage.end()) {
    return row;
  }
  row.usage = used->second;
  if (const auto earlier = before.usage.find(key); earlier != before.usage.end()) {
    row.cpu =
        rate(seconds(earlier->second.cpu), seconds(used->second.cpu), seconds(now.at - before.at));
  }
  return row;
}

void add_to_mission(const UsageRow& run, UsageRow& mission) {
  ++mission.runs;
  if (run.cpu) {
    mission.cpu = mission.cpu.value_or(0) + *run.cpu;
  }
  if (run.usage) {
    TreeUsage sum = mission.usage.value_or(TreeUsage());
    sum.cpu += run.usage->cpu;
    sum.memory_bytes += run.usage->memory_bytes;
    sum.processes += run.usage->processes;
    mission.usage = sum;
  }
}

void sort_rows(std::vector<UsageRow>& rows) {
  std::sort(rows.begin(), rows.end(), [](const UsageRow& left, const UsageRow& right) {
    const auto order = [](const UsageRow& row) {
      return std::tuple(
          -row.cpu.value_or(-1),
          row.usage ? -static_cast<double>(row.usage->memory_bytes) : 0,
          row.ns,
          row.name
      );
    };
    return order(left) < order(right);
  });
}

void add_missions(const TopSample& now, TopView& view) {
  std::map<RunKey, std::vector<const UsageRow*>> runs;
  std::map<RunKey, std::string> mission_of;
  for (const Json& run : now.runs) {
    mission_of[key_of(run)] = member(run, "spec").get_string("mission");
  }
  for (const UsageRow& run : view.runs) {
    runs[{run.ns, mission_of[{run.ns, run.name}]}].push_back(&run);
  }
  for (const Json& mission : now.missions) {
    const Json& status = member(mission, "status");
    const RunKey key = key_of(mission);
    UsageRow row{
        .ns = key.first,
        .name = key.second,
        .state = status.get_string("state"),
        .detail = status.get_string("waitsFor"),
        .since = member(mission, "metadata").get_string("creationTimestamp"),
        .cpu = {},
        .usage = {}};
    for (const UsageRow* run : runs[key]) {
      add_to_mission(*run, row);
    }
    ++view.missions_by_state[row.state];
    view.missions.push_back(std::move(row));
  }
}

std::string ready_of(const Json& status) {
  const Json& conditions = member(status, "conditions");
  for (const Json& condition : conditions.is_array() ? conditions.as_array() : Json::Array()) {
    if (condition.get_string("type") == "Ready") {
      return condition.get_string("status");
    }
  }
  return "Unknown";
}

void add_hosts(const TopSample& now, TopView& view) {
  std::map<std::string, std::int64_t> used;
  for (const Json& run : now.runs) {
    used[member(run, "status").get_string("host")] += may_have_processes(run) ? 1 : 0;
  }
  for (const Json& host : now.hosts) {
    const Json& status = member(host, "status");
    HostRow row{
        .name = key_of(host).second,
        .ready = ready_of(status),
        .slots = member(status, "capacity").get_int("slots")};
    // Who sees one namespace sees only its runs: the host itself knows better.
    row.slots_used = member(status, "used").get_int("slots", used[row.name]);
    view.hosts.push_back(std::move(row));
  }
}

void add_server(const TopSample& before, const TopSample& now, TopView& view) {
  const double passed = seconds(now.at - before.at);
  const auto rate_of = [&](std::string_view name) {
    return rate(metric_sum(before.metrics, name), metric_sum(now.metrics, name), passed);
  };
  view.requests_rate = rate_of("reeve_http_requests_total");
  view.errors_rate = rate(failed_requests(before.metrics), failed_requests(now.metrics), passed);
  view.server_cpu = rate_of("process_cpu_seconds_total");
  view.server_memory_bytes = metric_sum(now.metrics, "process_resident_memory_bytes");
  view.server_descriptors = metric_sum(now.metrics, "process_open_fds");
}

}  // namespace

Result<TopSample> take_sample(ApiClient& client, const TopQuestion& question) {
  TopSample sample;
  REEVE_TRY(sample.missions, list(client, "missions", question.ns, std::string(kUnfinished)));
  REEVE_TRY(sample.runs, list(client, "runs", question.ns, concat(kUnfinished, kLost)));
  // Who may see missions need not see machines and metrics.
  if (auto hosts = list(client, "hosts", {}, {})) {
    sample.hosts = std::move(*hosts);
  } else if (hosts.error().code != ErrorCode::PermissionDenied) {
    return hosts.error();
  }
  ApiRequest metrics;
  metrics.path = "/metrics";
  if (const auto text = client.ask_text(metrics)) {
    sample.metrics = parse_metrics(*text);
  } else if (text.error().code != ErrorCode::PermissionDenied) {
    return text.error();
  }
  sample.at = platform::monotonic_now();
  if (!question.missions_dir.empty()) {
    add_usage(question.missions_dir, sample);
  }
  return sample;
}

TopView compare(const TopSample& before, const TopSample& now) {
  TopView view;
  for (const Json& run : now.runs) {
    view.runs.push_back(run_row(run, before, now));
    const std::string& state = view.runs.back().state;
    view.runs_pending += state == "PENDING" ? 1U : 0U;
    view.runs_active += may_have_processes(run) ? 1U : 0U;
  }
  add_hosts(now, view);
  add_missions(now, view);
  add_server(before, now, view);
  sort_rows(view.missions);
  sort_rows(view.runs);
  return view;
}

}  // namespace reeve::cli
