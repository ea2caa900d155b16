#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.h"
#include "model/mission.h"
#include "telemetry/work/work_metrics.h"

/// Gauges: what there is now, asked for when somebody looks.
namespace reeve::telemetry {

namespace {

double seconds_since(Timestamp from, Timestamp now) {
  constexpr double kMillisPerSecond = 1000;
  return static_cast<double>(std::max(Duration(0), now - from).count()) / kMillisPerSecond;
}

}  // namespace

std::vector<Sample> WorkMetrics::budget_limits() {
  std::vector<Sample> samples;
  const std::scoped_lock lock(mutex_);
  for (const auto& [key, limits] : budgets_) {
    for (const auto& [name, limit] : limits) {
      if (samples.size() < kBudgetSeriesMax) {
        samples.push_back({.labels = {key.first, key.second, name}, .value = limit});
      }
    }
  }
  return samples;
}

std::vector<Sample> WorkMetrics::budget_usage(std::string_view section) {
  std::vector<Sample> samples;
  const auto add = [&](const auto& key, std::string unit, double value) {
    if (samples.size() < kBudgetSeriesMax) {
      samples.push_back({.labels = {key.first, key.second, std::move(unit)}, .value = value});
    }
  };
  // Every commit waits for the lock: rows are read without it.
  std::vector<std::pair<std::pair<std::string, std::string>, std::string>> rows;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, body] : usage_) {
      if (budgets_.contains(key)) {
        rows.emplace_back(key, body);
      }
    }
  }
  for (const auto& [key, body] : rows) {
    const Result<Json> row = parse_json(body);
    const Json* part = row ? row->get_object("status").find(section) : nullptr;
    if (part == nullptr) {
      continue;
    }
    add(key, "tokens", static_cast<double>(part->get_int("tokens")));
    for (const Json::Member& cost : part->get_object("costs").as_object()) {
      double amount = 0;
      const std::string& text = cost.second.as_string();
      std::from_chars(text.data(), text.data() + text.size(), amount);
      add(key, cost.first, amount);
    }
  }
  return samples;
}

std::vector<MetricCallback> WorkMetrics::register_gauges(
    const Statistics& statistics, const Healthy& healthy, std::function<Timestamp()> now
) {
  std::vector<MetricCallback> kept;
  register_kernel(kept, statistics);
  kept.push_back(registry_.callback(
      MetricType::Gauge,
      {.name = "reeve_kernel_healthy", .help = "1 if commits succeed, else 0"},
      std::function<double()>([healthy] { return healthy() ? 1.0 : 0.0; })
  ));
  kept.push_back(registry_.callback(
      MetricType::Gauge,
      {.name = "reeve_budget_limit",
       .help = "What a budget allows: tokens, amounts, runs, or seconds",
       .labels = {"namespace", "budget", "limit"}},
      std::function<std::vector<Sample>()>([this] { return budget_limits(); })
  ));
  kept.push_back(registry_.callback(
      MetricType::Gauge,
      {.name = "reeve_budget_used",
       .help =
           "What is settled in the current period of a budget: tokens, or an amount of a currency",
       .labels = {"namespace", "budget", "unit"}},
      std::function<std::vector<Sample>()>([this] { return budget_usage("period"); })
  ));
  kept.push_back(registry_.callback(
      MetricType::Gauge,
      {.name = "reeve_budget_reserved",
       .help = "What is promised to calls that are under way: tokens, or an amount of a currency",
       .labels = {"namespace", "budget", "unit"}},
      std::function<std::vector<Sample>()>([this] { return budget_usage("promised"); })
  ));
  register_missions(kept, statistics);
  register_channels(kept, statistics, std::move(now));
  return kept;
}

void WorkMetrics::register_kernel(std::vector<MetricCallback>& kept, const Statistics& statistics) {
  using Told = kernel::Statistics;
  const auto add = [&](const char* name, const char* help, std::size_t (*value)(const Told&)) {
    kept.push_back(registry_.callback(
        MetricType::Gauge,
        {.name = name, .help = help},
        std::function<double()>([statistics, value] {
          return static_cast<double>(value(statistics()));
        })
    ));
  };
  add("reeve_run_slots", "Runs that may go on at the same time", [](const Told& told) {
    return told.engine.run_slots;
  });
  add("reeve_run_slots_used", "Runs in the hands of hosts", [](const Told& told) {
    return told.engine.runs_on_hosts;
  });
  add("reeve_runs_waiting", "Runs that wait for a slot or for units", [](const Told& told) {
    return told.engine.runs_waiting;
  });
  add("reeve_kernel_inputs_waiting", "Inputs that wait for their turn", [](const Told& told) {
    return told.inputs_waiting;
  });
  add("reeve_kernel_inputs_max", "Inputs that may wait", [](const Told& told) {
    return told.inputs_max;
  });
  add("reeve_kernel_events_staged", "Events that wait for the store", [](const Told& told) {
    return told.events_staged;
  });
  add("reeve_kernel_timers", "Timers that are armed", [](const Told& told) { return told.timers; });
}

void WorkMetrics::register_missions(
    std::vector<MetricCallback>& kept, const Statistics& statistics
) {
  kept.push_back(registry_.callback(
      MetricType::Gauge,
      {.name = "reeve_missions", .help = "Missions that have not ended", .labels = {"state"}},
      std::function<std::vector<Sample>()>([statistics] {
        const engine::Statistics told = statistics().engine;
        std::vector<Sample> samples;
        for (std::size_t i = 0; i < told.missions.size(); ++i) {
          const auto state = static_cast<model::MissionState>(i);
          if (!model::is_terminal(state)) {
            samples.push_back(
                {.labels = {std::string(model::to_string(state))},
                 .value = static_cast<double>(told.missions[i])}
            );
          }
        }
        return samples;
      })
  ));
}

void WorkMetrics::register_channels(
    std::vector<MetricCallback>& kept, const Statistics& statistics, std::function<Timestamp()> now
) {
  using Channel = engine::ChannelStatistics;
  const auto add = [&](const char* name, const char* help, auto value) {
    kept.push_back(registry_.callback(
        MetricType::Gauge,
        {.name = name, .help = help, .labels = {"namespace", "channel"}},
        std::function<std::vector<Sample>()>([statistics, value] {
          std::vector<Sample> samples;
          for (const Channel& channel : statistics().engine.channels) {
            const bool one = !channel.name.empty();
            samples.push_back(
                {.labels = {one ? channel.ns.str() : "other", one ? channel.name : "other"},
                 .value = static_cast<double>(value(channel))}
            );
          }
          return samples;
        })
    ));
  };
  add("reeve_channel_messages", "Messages that are kept", [](const Channel& channel) {
    return channel.messages;
  });
  add("reeve_channel_dead_letters", "Messages that were put aside", [](const Channel& channel) {
    return channel.dead;
  });
  add("reeve_channel_bytes", "Bytes of the messages that are kept", [](const Channel& channel) {
    return channel.bytes;
  });
  add("reeve_channel_oldest_message_age_seconds",
      "Time since the oldest kept message was sent; 0 without messages",
      [now = std::move(now)](const Channel& channel) {
        return channel.messages == 0 ? 0.0 : seconds_since(channel.oldest_sent_at, now());
      });
}

}  // namespace reeve::telemetry
