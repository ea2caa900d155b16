#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unistd.h>

#include "base/strings.h"
#include "cli/object_table.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/server_commands.h"
#include "cli/session.h"
#include "cli/top_sample.h"
#include "platform/posix/system.h"

/// `reeve top`: who uses what, now.
namespace reeve::cli {

namespace {

constexpr Duration kIntervalMin = std::chrono::milliseconds(100);
constexpr Duration kIntervalMax = std::chrono::hours(1);
/// To the upper left, and everything below it away.
constexpr std::string_view kClearScreen = "\x1b[H\x1b[J";
constexpr std::string_view kUnknown = "-";

std::string decimal(double value, int digits) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%.*f", digits, value);
  return {text, static_cast<std::size_t>(std::clamp(length, 0, static_cast<int>(sizeof text) - 1))};
}

std::string percent_text(std::optional<double> share) {
  constexpr double kHundred = 100;
  return share ? concat(decimal(*share * kHundred, 0), "%") : std::string(kUnknown);
}

std::string bytes_text(std::optional<double> bytes) {
  if (!bytes) {
    return std::string(kUnknown);
  }
  constexpr double kStep = 1024;
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double left = *bytes;
  std::size_t unit = 0;
  while (left >= kStep && unit + 1 < std::size(kUnits)) {
    left /= kStep;
    ++unit;
  }
  constexpr double kOneDigit = 10;
  return concat(decimal(left, unit > 0 && left < kOneDigit ? 1 : 0), kUnits[unit]);
}

std::string rate_text(std::optional<double> rate) {
  return rate ? concat(decimal(*rate, 1), "/s") : std::string(kUnknown);
}

std::string age_text(const std::string& since, Timestamp now) {
  const Result<Timestamp> from = parse_timestamp(since);
  if (!from || *from > now) {
    return std::string(kUnknown);
  }
  return format_duration(std::chrono::duration_cast<std::chrono::seconds>(now - *from));
}

std::optional<double> memory_of(const UsageRow& row) {
  return row.usage ? std::optional(static_cast<double>(row.usage->memory_bytes)) : std::nullopt;
}

Json columns(std::initializer_list<std::string_view> names) {
  Json definitions = Json::array();
  for (const std::string_view name : names) {
    Json definition = Json::object();
    definition.set("name", name).set("type", "string").set("priority", 0);
    definitions.push(std::move(definition));
  }
  return definitions;
}

Json table_row(const UsageRow& row, std::initializer_list<std::string> cells) {
  Json list = Json::array();
  for (const std::string& cell : cells) {
    list.push(cell);
  }
  Json metadata = Json::object();
  metadata.set("namespace", row.ns).set("name", row.name);
  Json object = Json::object();
  object.set("metadata", std::move(metadata));
  Json made = Json::object();
  made.set("cells", std::move(list)).set("object", std::move(object));
  return made;
}

/// One look after the other, and how it is shown.
class Top {
 public:
  Top(const Common& common, const TopArgs& args, Duration interval)
      : common_(common), args_(args), interval_(interval) {}

  Result<void> carry_out() {
    REEVE_TRY(Api api, open_api(common_, args_.connection));
    TopQuestion question;
    question.ns = common_.all_namespaces ? std::string() : api.ns;
    question.missions_dir = DataDir{.root = common_.data_dir}.missions().string();
    url_ = api.client->connection().server;
    REEVE_TRY(TopSample before, take_sample(*api.client, question));
    do {
      if (!wait_with_reader(static_cast<int>(interval_.count()))) {
        return {};
      }
      REEVE_TRY(TopSample now, take_sample(*api.client, question));
      show(compare(before, now));
      before = std::move(now);
    } while (args_.watch);
    return {};
  }

 private:
  bool shows(std::string_view subject) const {
    return args_.subject.empty() || args_.subject == subject;
  }

  void show(const TopView& view) {
    now_ = platform::SystemClock().now();
    if (common_.output == Output::Json) {
      const Json whole = json_of(view);
      print(args_.watch ? concat(whole.dump(), "\n") : whole.pretty());
      return;
    }
    const std::string text = text_of(view);
    if (!args_.watch) {
      print(text);
    } else if (::isatty(STDOUT_FILENO) != 0) {
      print(concat(kClearScreen, text));
    } else {
      print(concat(format_timestamp(now_), "\n", text, "\n"));
    }
  }

  std::string text_of(const TopView& view) const {
    std::string text;
    if (args_.subject.empty()) {
      text += summary(view);
    }
    if (shows("hosts")) {
      text += section(hosts_table(view), view.hosts.size(), "hosts");
    }
    if (shows("missions")) {
      text += section(missions_table(view), view.missions.size(), "missions");
    }
    if (shows("runs")) {
      text += section(runs_table(view), view.runs.size(), "runs");
    }
    return text;
  }

  std::string summary(const TopView& view) const {
    std::string states;
    for (const auto& [state, count] : view.missions_by_state) {
      states += concat(states.empty() ? "" : ", ", count, " ", state);
    }
    return concat(
        "server    ",
        url_,
        "  cpu ",
        percent_text(view.server_cpu),
        "  memory ",
        bytes_text(view.server_memory_bytes),
        "  descriptors ",
        view.server_descriptors ? decimal(*view.server_descriptors, 0) : std::string(kUnknown),
        "\nrequests  ",
        rate_text(view.requests_rate),
        "  errors ",
        rate_text(view.errors_rate),
        "\nruns      ",
        view.runs_active,
        " on hosts, ",
        view.runs_pending,
        " waiting",
        "\nmissions  ",
        states.empty() ? "none that is not over" : states,
        "\n"
    );
  }

  std::string section(const std::string& table, std::size_t all, std::string_view noun) const {
    if (all == 0) {
      return args_.subject.empty() ? std::string() : concat("No ", noun, ".\n");
    }
    const std::string rest = all > args_.rows_max
                                 ? concat("and ", all - args_.rows_max, " more (--rows)\n")
                                 : std::string();
    return concat(args_.subject.empty() ? "\n" : "", table, rest);
  }

  std::size_t shown(const std::vector<UsageRow>& rows) const {
    return std::min(rows.size(), args_.rows_max);
  }

  std::string hosts_table(const TopView& view) const {
    Json::Array rows;
    for (const HostRow& host : view.hosts) {
      const std::initializer_list<std::string> cells = {
          host.name, host.ready, std::to_string(host.slots), std::to_string(host.slots_used)};
      rows.push_back(table_row({}, cells));
    }
    return table_text(columns({"Host", "Ready", "Slots", "Used"}), rows, {});
  }

  std::string missions_table(const TopView& view) const {
    Json::Array rows;
    for (std::size_t i = 0; i < shown(view.missions); ++i) {
      const UsageRow& row = view.missions[i];
      rows.push_back(table_row(
          row,
          {row.name,
           row.state,
           age_text(row.since, now_),
           std::to_string(row.runs),
           percent_text(row.cpu),
           bytes_text(memory_of(row)),
           row.detail.empty() ? std::string(kUnknown) : row.detail}
      ));
    }
    return table_text(
        columns({"Mission", "State", "Age", "Runs", "CPU", "Memory", "Waits For"}), rows, format()
    );
  }

  std::string runs_table(const TopView& view) const {
    Json::Array rows;
    for (std::size_t i = 0; i < shown(view.runs); ++i) {
      const UsageRow& row = view.runs[i];
      rows.push_back(table_row(
          row,
          {row.name,
           row.state,
           age_text(row.since, now_),
           percent_text(row.cpu),
           bytes_text(memory_of(row)),
           row.usage ? std::to_string(row.usage->processes) : std::string(kUnknown)}
      ));
    }
    return table_text(
        columns({"Run", "State", "Age", "CPU", "Memory", "Processes"}), rows, format()
    );
  }

  TableFormat format() const { return {.namespaces = common_.all_namespaces}; }

  static void set_number(Json& object, const char* name, std::optional<double> value) {
    object.set(name, value ? Json(*value) : Json());
  }

  static Json hosts_json(const TopView& view) {
    Json items = Json::array();
    for (const HostRow& host : view.hosts) {
      Json item = Json::object();
      item.set("name", host.name).set("ready", host.ready);
      item.set("slots", host.slots).set("used", host.slots_used);
      items.push(std::move(item));
    }
    return items;
  }

  Json rows_json(const std::vector<UsageRow>& rows, bool of_missions) const {
    Json items = Json::array();
    for (std::size_t i = 0; i < shown(rows); ++i) {
      const UsageRow& row = rows[i];
      Json item = Json::object();
      item.set("namespace", row.ns).set("name", row.name).set("state", row.state);
      item.set("since", row.since).set(of_missions ? "waitsFor" : "task", row.detail);
      if (of_missions) {
        item.set("runs", static_cast<std::int64_t>(row.runs));
      }
      set_number(item, "cpu", row.cpu);
      set_number(item, "memoryBytes", memory_of(row));
      item.set("processes", static_cast<std::int64_t>(row.usage ? row.usage->processes : 0));
      items.push(std::move(item));
    }
    return items;
  }

  Json json_of(const TopView& view) const {
    Json server = Json::object();
    server.set("url", url_);
    set_number(server, "cpu", view.server_cpu);
    set_number(server, "memoryBytes", view.server_memory_bytes);
    set_number(server, "descriptors", view.server_descriptors);
    set_number(server, "requestsPerSecond", view.requests_rate);
    set_number(server, "errorsPerSecond", view.errors_rate);
    server.set("runsActive", static_cast<std::int64_t>(view.runs_active));
    server.set("runsWaiting", static_cast<std::int64_t>(view.runs_pending));
    Json states = Json::object();
    for (const auto& [state, count] : view.missions_by_state) {
      states.set(state, static_cast<std::int64_t>(count));
    }
    Json whole = Json::object();
    whole.set("at", format_timestamp(now_)).set("server", std::move(server));
    whole.set("missionsByState", std::move(states));
    if (shows("hosts")) {
      whole.set("hosts", hosts_json(view));
    }
    if (shows("missions")) {
      whole.set("missions", rows_json(view.missions, true));
    }
    if (shows("runs")) {
      whole.set("runs", rows_json(view.runs, false));
    }
    return whole;
  }

  const Common& common_;
  const TopArgs& args_;
  Duration interval_;
  std::string url_;
  Timestamp now_{};
};

}  // namespace

int show_top(const Common& common, const TopArgs& args) {
  const Result<Duration> interval = parse_duration(args.interval);
  if (!interval || *interval < kIntervalMin || *interval > kIntervalMax) {
    return report(make_error(ErrorCode::Invalid, "must be from 100ms to 1h", "--interval"));
  }
  return finished(Top(common, args, *interval).carry_out());
}

}  // namespace reeve::cli
