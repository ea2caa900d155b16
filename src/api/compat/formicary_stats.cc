#include "api/compat/formicary_stats.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "api/compat/formicary.h"

namespace reeve::api::formicary {

namespace {

const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kNone : *found;
}

std::string name_of(const Json& mission) {
  return member(mission, "metadata").get_string("name");
}

std::string type_of(const Json& mission) {
  return member(member(mission, "status"), "workflow").get_string("name");
}

std::string created_at(const Json& mission) {
  return member(mission, "metadata").get_string("creationTimestamp");
}

/// Milliseconds from the start to the end; nothing: it has not ended, or never began.
std::optional<std::int64_t> latency_of(const Json& mission) {
  const Json& status = member(mission, "status");
  const auto from = parse_timestamp(status.get_string("startedAt"));
  const auto to = parse_timestamp(status.get_string("endedAt"));
  if (!from || !to || *to < *from) {
    return {};
  }
  return (*to - *from).count();
}

struct Latencies {
  std::int64_t count = 0;
  std::int64_t measured = 0;
  std::int64_t sum = 0;
  std::int64_t least = 0;
  std::int64_t most = 0;

  void add(std::optional<std::int64_t> latency) {
    ++count;
    if (latency) {
      least = measured == 0 ? *latency : std::min(least, *latency);
      most = std::max(most, *latency);
      sum += *latency;
      ++measured;
    }
  }

  double average() const {
    return measured == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(measured);
  }
};

/// All missions of one workflow.
struct Stats {
  Latencies succeeded;
  Latencies failed;
  std::int64_t executing = 0;
  std::int64_t pending = 0;
  std::int64_t paused = 0;
  std::string first_at;
  std::string last_at;

  void add(const Json& mission) {
    const std::string state = job_state(mission);
    if (state == "COMPLETED") {
      succeeded.add(latency_of(mission));
    } else if (state == "FAILED") {
      failed.add(latency_of(mission));
    } else if (state == "EXECUTING" || state == "READY") {
      ++executing;
    } else if (state == "PENDING") {
      ++pending;
    } else if (state == "PAUSED" || state == "MANUAL_APPROVAL_REQUIRED") {
      ++paused;
    }
    const std::string at = created_at(mission);
    first_at = first_at.empty() ? at : std::min(first_at, at);
    last_at = std::max(last_at, at);
  }

  Json json(const std::string& type) const {
    constexpr std::int64_t kHundred = 100;
    const std::int64_t ended = succeeded.count + failed.count;
    Json key = Json::object();
    key.set("job_type", type);
    Json made = Json::object();
    made.set("job_key", std::move(key)).set("job_type", type);
    made.set("first_job_at", first_at).set("last_job_at", last_at);
    made.set("succeeded_jobs", succeeded.count).set("failed_jobs", failed.count);
    made.set("succeeded_jobs_percentage", ended == 0 ? 0 : succeeded.count * kHundred / ended);
    made.set("succeeded_jobs_average_latency", succeeded.average());
    made.set("succeeded_jobs_min_latency", succeeded.least);
    made.set("succeeded_jobs_max_latency", succeeded.most);
    made.set("failed_jobs_average_latency", failed.average());
    made.set("failed_jobs_min_latency", failed.least);
    made.set("failed_jobs_max_latency", failed.most);
    made.set("executing_jobs", executing).set("pending_jobs", pending).set("paused_jobs", paused);
    return made;
  }
};

std::map<std::string, Stats> stats_of(const Json::Array& missions) {
  std::map<std::string, Stats> stats;
  for (const Json& mission : missions) {
    if (const std::string type = type_of(mission); !type.empty()) {
      stats[type].add(mission);
    }
  }
  return stats;
}

/// The more urgent one first, then the older one.
auto order_of(const Json& mission) {
  return std::tuple(
      -member(mission, "spec").get_int("priority"), created_at(mission), name_of(mission)
  );
}

}  // namespace

Json job_stats(const Json::Array& missions) {
  Json list = Json::array();
  for (const auto& [type, stats] : stats_of(missions)) {
    list.push(stats.json(type));
  }
  return list;
}

Json wait_estimate(
    const Json& mission, const Json::Array& missions, std::size_t slots, Timestamp now
) {
  const std::string type = type_of(mission);
  std::vector<const Json*> waiting;
  for (const Json& other : missions) {
    if (job_state(other) == "PENDING") {
      waiting.push_back(&other);
    }
  }
  std::sort(waiting.begin(), waiting.end(), [](const Json* left, const Json* right) {
    return order_of(*left) < order_of(*right);
  });
  Json made = Json::object();
  Json ids = Json::array();
  std::int64_t number = -1;
  for (const Json* each : waiting) {
    if (name_of(*each) == name_of(mission)) {
      number = static_cast<std::int64_t>(ids.as_array().size());
    }
    ids.push(name_of(*each));
  }
  const std::map<std::string, Stats> stats = stats_of(missions);
  const auto own = stats.find(type);
  const double average = own == stats.end() ? 0 : own->second.succeeded.average();
  const Json& spec = member(mission, "spec");
  Duration wait(static_cast<Duration::rep>(
      average * static_cast<double>(std::max<std::int64_t>(number, 0)) /
      static_cast<double>(std::max<std::size_t>(slots, 1))
  ));
  if (const auto at = parse_timestamp(spec.get_string("notBefore")); at && *at > now) {
    wait = std::max(wait, *at - now);
  }
  made.set("job_request", job_request(mission));
  made.set("job_stats", own == stats.end() ? Json() : own->second.json(type));
  made.set("pending_job_ids", std::move(ids))
      .set("queue_number", std::max<std::int64_t>(number, 0));
  // Nanoseconds, as Go writes durations.
  made.set("estimated_wait", std::chrono::nanoseconds(wait).count());
  made.set("scheduled_at", spec.get_string("notBefore", created_at(mission)));
  made.set("error_message", number < 0 ? "it is not pending but " + job_state(mission) : "");
  return made;
}

Json dead_ids(const Json::Array& missions) {
  Json ids = Json::array();
  for (const Json& mission : missions) {
    if (state_matches(job_state(mission), "DONE")) {
      ids.push(name_of(mission));
    }
  }
  return ids;
}

}  // namespace reeve::api::formicary
