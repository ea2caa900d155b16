#include <algorithm>
#include <filesystem>
#include <tuple>
#include <unistd.h>
#include <vector>

#include "base/strings.h"
#include "cli/children_view.h"
#include "cli/commands.h"
#include "cli/mission_text.h"
#include "cli/print.h"
#include "cli/recovery_view.h"
#include "cli/remote.h"
#include "cli/scope.h"
#include "cli/session.h"
#include "cli/view.h"
#include "cli/yaml.h"
#include "engine/object_metadata.h"
#include "host/run_log.h"
#include "model/scoped_name.h"
#include "platform/posix/system.h"

namespace reeve::cli {

namespace {

constexpr int kPollMillis = 200;
constexpr std::uint32_t kEventPage = 500;
/// Rows read at once for a list that leaves children out, and rows looked at for one page.
constexpr std::uint32_t kRowsAtOnce = 200;
constexpr std::size_t kLookedAtMax = 100'000;
constexpr std::size_t kLogReadBytes = std::size_t{1} << 20U;

Result<std::unique_ptr<store::Store>> open_store(const Common& common) {
  return open_for_reading(DataDir{.root = common.data_dir});
}

std::string pad(std::string_view text, std::size_t width) {
  return text.size() >= width ? std::string(text)
                              : concat(text, std::string(width - text.size(), ' '));
}

/// Whether it ended before it began because its condition said so.
bool was_skipped(const Json& mission) {
  const Json& status = *mission.find("status");
  return status.get_string("state") == "ABORTED" && status.get_string("reason") == "skipped";
}

struct ListedMission {
  std::string name;
  Json mission;
};

/// A page of the list, newest first.
struct Page {
  std::vector<ListedMission> missions;
  /// Where the next page begins; nothing: this is the last.
  std::optional<Revision> next;
};

/// Programs get everything; people neither children nor skipped missions unless they ask for them.
bool is_shown(const Json& mission, const Common& common, const StatusArgs& args) {
  return args.all || common.output == Output::Json || !(is_child(mission) || was_skipped(mission));
}

Result<Page> read_page(store::Reader& reader, const Common& common, const StatusArgs& args) {
  Page page;
  store::RowQuery query;
  query.ns = listed_namespace(common);
  query.before = Revision(args.before);
  for (std::size_t looked_at = 0; looked_at < kLookedAtMax;) {
    // One more than the page holds tells whether there is another page.
    query.limit = std::max(args.limit + 1, kRowsAtOnce);
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& listed : rows) {
      REEVE_TRY(Json mission, parse_json(listed.row.body));
      if (!engine::is_deleted_row(listed.row.body) && is_shown(mission, common, args)) {
        if (page.missions.size() == args.limit) {
          page.next = query.before;
          return page;
        }
        page.missions.push_back({.name = listed.row.key.name, .mission = std::move(mission)});
      }
      query.before = listed.created;
    }
    if (rows.size() < query.limit) {
      return page;
    }
    looked_at += rows.size();
  }
  page.next = query.before;
  return page;
}

int show_list(store::Reader& reader, const Common& common, const StatusArgs& args) {
  Result<Page> page = read_page(reader, common, args);
  if (!page) {
    return report(page.error());
  }
  Json items = Json::array();
  std::string table;
  if (common.output == Output::Text || common.output == Output::Wide) {
    table = concat(
        namespace_column(common, "NAMESPACE"),
        pad("NAME", 32),
        pad("STATE", 14),
        pad("CREATED", 26),
        "\n"
    );
  }
  for (ListedMission& listed : page->missions) {
    const Json& mission = listed.mission;
    const Json& metadata = *mission.find("metadata");
    if (common.output == Output::Json) {
      items.push(std::move(listed.mission));
    } else if (common.output == Output::Name) {
      table += concat("mission/", listed.name, "\n");
    } else {
      table += concat(
          namespace_column(common, metadata.get_string("namespace")),
          pad(listed.name, 31),
          " ",
          pad(mission.find("status")->get_string("state"), 14),
          pad(metadata.get_string("creationTimestamp"), 26),
          printable(explain_mission(mission)),
          common.output == Output::Wide ? concat("  ", metadata.get_string("uid")) : "",
          "\n"
      );
    }
  }
  if (common.output == Output::Json) {
    Json list = Json::object();
    list.set("apiVersion", "reeve.dev/v1").set("kind", "MissionList");
    Json metadata = Json::object();
    if (page->next) {
      metadata.set("continue", std::to_string(page->next->value()));
    }
    list.set("metadata", std::move(metadata)).set("items", std::move(items));
    print(list.pretty());
    return 0;
  }
  print(table);
  if (page->next && common.output != Output::Name) {
    print(concat(
        "(more: reeve status ",
        common.all_namespaces ? "-A " : "",
        args.all ? "--all " : "",
        "--continue ",
        page->next->value(),
        ")\n"
    ));
  }
  return 0;
}

struct RunDir {
  std::int64_t epoch = 0;
  std::string task;
  std::int64_t attempt = 0;
  std::filesystem::path path;

  friend bool operator<(const RunDir& a, const RunDir& b) {
    return std::tie(a.epoch, a.attempt, a.task) < std::tie(b.epoch, b.attempt, b.task);
  }
};

/// Reads a directory name `<mission>.<epoch>.<task>.<attempt>`; false if it is none (such as the
/// remains of a superseded run).
bool parse_run_dir(const std::string& mission, const std::filesystem::path& path, RunDir& run) {
  const std::string name = path.filename().string();
  if (!name.starts_with(mission + ".")) {
    return false;
  }
  const std::string rest = name.substr(mission.size() + 1);
  const std::size_t first = rest.find('.');
  const std::size_t last = rest.rfind('.');
  if (first == std::string::npos || last == first) {
    return false;
  }
  const std::string epoch = rest.substr(0, first);
  const std::string attempt = rest.substr(last + 1);
  const auto digits = [](const std::string& text) {
    return !text.empty() && text.size() < 10 &&
           text.find_first_not_of("0123456789") == std::string::npos;
  };
  if (!digits(epoch) || !digits(attempt)) {
    return false;
  }
  run.epoch = std::stoll(epoch);
  run.attempt = std::stoll(attempt);
  run.task = rest.substr(first + 1, last - first - 1);
  run.path = path;
  return true;
}

/// The mission's runs in the order in which they began to write.
std::vector<RunDir> run_dirs(
    const DataDir& dir, const std::string& mission, const std::string& task
) {
  std::vector<std::pair<std::filesystem::file_time_type, RunDir>> found;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(dir.missions() / mission / "runs", error)) {
    RunDir run;
    if (parse_run_dir(mission, entry.path(), run) && (task.empty() || run.task == task)) {
      const auto began = std::filesystem::last_write_time(entry.path() / "spec.json", error);
      found.emplace_back(began, std::move(run));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  });
  std::vector<RunDir> runs;
  for (auto& [began, run] : found) {
    runs.push_back(std::move(run));
  }
  return runs;
}

/// Prints the logs of a mission, run by run.
class LogPrinter {
 public:
  LogPrinter(const DataDir& dir, const Namespace& ns, const LogsArgs& args)
      : dir_(dir), args_(args), mission_(model::qualify(ns, args.mission).str()) {}

  /// Prints what is new. Returns whether every run that was seen has been printed to its end.
  Result<bool> pump() {
    bool complete = true;
    for (const RunDir& run : run_dirs(dir_, mission_, args_.task)) {
      State& state = states_[run.path.string()];
      while (!state.ended) {
        Result<host::RunLog> log = host::RunLog::open(run.path);
        if (!log) {
          complete = false;
          break;
        }
        REEVE_TRY(host::LogBatch batch, log->read(state.cursor, kLogReadBytes));
        state.cursor = batch.next;
        state.ended = batch.ended;
        print_chunks(run, state, batch.chunks);
        if (batch.chunks.empty() && !batch.ended) {
          complete = false;
          break;
        }
      }
    }
    return complete;
  }

 private:
  struct State {
    host::LogCursor cursor;
    bool ended = false;
    bool within_line = false;
  };

  void print_chunks(const RunDir& run, State& state, const std::vector<host::LogChunk>& chunks) {
    for (const host::LogChunk& chunk : chunks) {
      if (args_.task.empty() && last_ != run.path) {
        print(concat("==> ", run.task, " (run ", run.epoch, ".", run.attempt, ") <==\n"));
        last_ = run.path;
      }
      // A task must not steer the terminal; a file or a pipe gets the bytes as they are.
      const std::string text =
          args_.timestamps ? with_timestamps(chunk, state.within_line) : chunk.bytes;
      print(is_terminal_output() ? printable(text) : text);
    }
  }

  /// The chunk with its time before each line that begins in it.
  static std::string with_timestamps(const host::LogChunk& chunk, bool& within_line) {
    const std::string prefix = concat(format_timestamp(chunk.at), " ");
    std::string text;
    std::string_view rest = chunk.bytes;
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view line = rest.substr(0, end == std::string_view::npos ? end : end + 1);
      if (!within_line) {
        text += prefix;
      }
      text += line;
      within_line = end == std::string_view::npos;
      rest.remove_prefix(line.size());
    }
    return text;
  }

  const DataDir& dir_;
  const LogsArgs& args_;
  /// As directories are named.
  std::string mission_;
  std::map<std::string, State> states_;
  std::filesystem::path last_;
};

}  // namespace

int show_status(const Common& common, const StatusArgs& args) {
  if (common.remote) {
    return show_remote_status(common, args);
  }
  const Result<std::unique_ptr<store::Store>> store = open_store(common);
  if (!store) {
    return report(store.error());
  }
  if (args.mission.empty()) {
    return show_list(**store, common, args);
  }
  if (common.all_namespaces) {
    return report(make_error(ErrorCode::Invalid, "a mission is one of one namespace", "-A"));
  }
  Result<Json> mission = read_mission(**store, namespace_of(common), args.mission);
  if (!mission) {
    return report(mission.error());
  }
  add_recoveries(*mission, **store);
  const std::filesystem::path missions = DataDir{.root = common.data_dir}.missions();
  switch (common.output) {
    case Output::Json:
      print(mission->pretty());
      break;
    case Output::Yaml:
      print(to_yaml(*mission));
      break;
    case Output::Name:
      print(concat("mission/", args.mission, "\n"));
      break;
    case Output::Text:
    case Output::Wide:
      print(
          summary(*mission, missions.string(), is_terminal_output(), platform::SystemClock().now())
      );
      print(printable(children_list(*mission, **store)));
      if (!is_over(*mission)) {
        print(concat(printable(explain_mission(*mission)), "\n"));
      }
      break;
  }
  return 0;
}

int show_logs(const Common& common, const LogsArgs& args) {
  if (common.remote) {
    return show_remote_logs(common, args);
  }
  const Result<std::unique_ptr<store::Store>> store = open_store(common);
  if (!store) {
    return report(store.error());
  }
  Result<Json> mission = read_mission(**store, namespace_of(common), args.mission);
  if (!mission) {
    return report(mission.error());
  }
  if (const Result<void> known = check_task(*mission, args.task); !known) {
    return report(known.error());
  }
  const DataDir dir{.root = common.data_dir};
  LogPrinter printer(dir, namespace_of(common), args);
  while (true) {
    const bool ended = is_over(*mission);
    const Result<bool> complete = printer.pump();
    if (!complete) {
      return report(complete.error());
    }
    if (!args.follow || (ended && *complete)) {
      return 0;
    }
    if (!wait_with_reader(kPollMillis)) {
      return 0;
    }
    mission = read_mission(**store, namespace_of(common), args.mission);
    if (!mission) {
      return report(mission.error());
    }
  }
}

int show_events(const Common& common, const EventsArgs& args) {
  if (common.remote) {
    return show_remote_events(common, args);
  }
  const Result<std::unique_ptr<store::Store>> store = open_store(common);
  if (!store) {
    return report(store.error());
  }
  store::EventQuery query;
  query.object = journal::ObjectKey{
      .kind = journal::Kind::Mission, .ns = namespace_of(common), .name = args.mission};
  query.after = Revision(args.after);
  query.limit = kEventPage;
  Result<Json> mission = read_mission(**store, namespace_of(common), args.mission);
  while (mission) {
    const bool ended = is_over(*mission);
    const Result<std::vector<journal::Event>> events = (*store)->events(query);
    if (!events) {
      return report(events.error());
    }
    for (const journal::Event& event : *events) {
      query.after = event.revision;
      if (common.output == Output::Json) {
        print(event_to_json(event).dump() + "\n");
      } else {
        print(event_line(event));
      }
    }
    if (events->size() == kEventPage) {
      continue;
    }
    if (!args.follow || ended) {
      return 0;
    }
    if (!wait_with_reader(kPollMillis)) {
      return 0;
    }
    mission = read_mission(**store, namespace_of(common), args.mission);
  }
  return report(mission.error());
}

}  // namespace reeve::cli
