#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/api_client.h"
#include "cli/metrics_text.h"
#include "cli/process_table.h"

/// What `reeve top` sees at one moment, and what comes of two of them. Private to cli.
namespace reeve::cli {

/// Namespace and name.
using RunKey = std::pair<std::string, std::string>;

struct TopSample {
  /// Monotonic.
  Duration at{};
  /// Of the missions and runs that are not over: objects of the API.
  Json::Array missions;
  Json::Array runs;
  Json::Array hosts;
  /// Empty: whoever asks may not read them.
  std::vector<MetricSample> metrics;
  /// Of runs whose processes are on this machine.
  std::map<RunKey, TreeUsage> usage;
};

struct TopQuestion {
  /// Empty: all namespaces.
  std::string ns;
  /// Where runs keep their files, if that is on this machine; empty: elsewhere.
  std::string missions_dir;
};

/// Asks the server and looks at processes. Errors: those of ApiClient.
Result<TopSample> take_sample(ApiClient& client, const TopQuestion& question);

/// One thing that uses something.
struct UsageRow {
  std::string ns;
  std::string name;
  std::string state;
  /// Of a run: its task. Of a mission: what it waits for.
  std::string detail;
  /// Of a mission.
  std::size_t runs = 0;
  /// UTC; empty: it has not begun.
  std::string since;
  /// 1: one processor. Absent: nothing of it runs here, or it was not there before.
  std::optional<double> cpu;
  /// Absent: nothing of it runs here.
  std::optional<TreeUsage> usage;
};

struct HostRow {
  std::string name;
  /// "True", "False", "Unknown".
  std::string ready;
  std::int64_t slots = 0;
  std::int64_t slots_used = 0;
};

struct TopView {
  std::map<std::string, std::size_t> missions_by_state;
  /// Empty: who asks may not see them.
  std::vector<HostRow> hosts;
  /// Runs that have a slot.
  std::size_t runs_active = 0;
  /// Runs that are to begin and have no slot yet.
  std::size_t runs_pending = 0;
  /// In a second, between the two samples; absent: not known.
  std::optional<double> requests_rate;
  std::optional<double> errors_rate;
  /// Of the server: 1 is one processor.
  std::optional<double> server_cpu;
  std::optional<double> server_memory_bytes;
  std::optional<double> server_descriptors;
  /// Who uses most comes first.
  std::vector<UsageRow> missions;
  std::vector<UsageRow> runs;
};

/// Pure.
TopView compare(const TopSample& before, const TopSample& now);

}  // namespace reeve::cli
