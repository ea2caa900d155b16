#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/print.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr Duration kCallTimeout{30'000};
/// Descriptors: of a run while it lives (its lock, its process, and one while it starts or ends),
/// and of everything else (database, watches, output).
constexpr rlim_t kFilesPerRun = 4;
constexpr rlim_t kFilesBesides = 64;

/// As many run slots as open files are allowed for. A run that finds no descriptor fails, one that
/// waits for a slot does not. The limit is raised only as far as needed, because tasks inherit it.
std::uint32_t affordable_slots(std::uint32_t wanted) {
  const std::uint32_t slots = wanted > 0 ? wanted : engine::Limits{}.run_slots;
  const rlim_t needed = kFilesBesides + kFilesPerRun * slots;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) {
    return slots;
  }
  limit.rlim_cur = std::min(needed, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) {
    return slots;
  }
  const rlim_t left = limit.rlim_cur > kFilesBesides ? limit.rlim_cur - kFilesBesides : 0;
  const auto affordable = static_cast<std::uint32_t>(std::max<rlim_t>(left / kFilesPerRun, 1));
  print_error_text(concat(
      "reeve: ",
      affordable,
      " runs at the same time instead of ",
      slots,
      ": only ",
      std::uint64_t{limit.rlim_cur},
      " open files are allowed (ulimit -n)\n"
  ));
  return affordable;
}

/// A session whose missions are followed by this process.
struct Followed {
  SignalFeed signals;  // first: threads that start later inherit the blocked signals
  EventFeed feed;
  DataDir dir;
  std::unique_ptr<Session> session;

  Result<void> open(const Common& common, std::uint32_t slots, std::string purpose) {
    // Tasks find the project they were started for by this variable; their own directory is
    // another.
    std::error_code ignored;
    ::setenv("REEVE_SUBMIT_DIR", std::filesystem::current_path(ignored).c_str(), 1);
    dir.root = common.data_dir;
    SessionOptions options;
    options.dir = dir;
    options.run_slots = affordable_slots(slots);
    options.purpose = std::move(purpose);
    options.on_events = [this](std::span<const journal::Event> events) {
      feed.push(events);
    };
    REEVE_TRY(session, Session::open(std::move(options)));
    return {};
  }

  int follow(const std::string& mission, Output output) {
    const int code = cli::follow(*session, dir, mission, output, feed, signals);
    tell_others(mission);
    session->close();
    return code;
  }

  /// Other missions of this directory may wait for somebody to go on with them.
  void tell_others(const std::string& mission) const {
    store::RowQuery query;
    query.live_only = true;
    query.limit = 5;
    const Result<std::vector<store::ListedRow>> rows = session->reader().list(query);
    if (!rows) {
      return;
    }
    for (const store::ListedRow& listed : *rows) {
      if (listed.row.key.name != mission) {
        print_error_text(concat(
            "reeve: mission ",
            listed.row.key.name,
            " is not finished; go on with: reeve run --resume ",
            listed.row.key.name,
            "\n"
        ));
      }
    }
  }
};

/// Unique to this invocation, so that a repeated post has no second effect.
InputId fresh_input_id() {
  platform::SystemRandom random;
  return InputId(concat("cli-", random.next(), "-", random.next()));
}

Result<engine::Reply> send(Session& session, engine::Command command) {
  kernel::Input input;
  input.id = fresh_input_id();
  const char* user = std::getenv("USER");
  input.principal = Principal(concat("user:", user == nullptr || *user == '\0' ? "local" : user));
  input.correlation = CorrelationId(input.id.str());
  input.command = std::move(command);
  return session.kernel().call(std::move(input), kCallTimeout);
}

/// Tells which tasks would have run in a container.
void announce_local(const workflow::Workflow& workflow) {
  for (const workflow::Task& task : workflow.tasks) {
    if (is_container(task.method)) {
      const std::string image =
          task.image.empty() ? std::string() : concat(" (image ", printable(task.image.text), ")");
      print_error_text(concat(
          "reeve: task ",
          task.name.view(),
          " runs in the local shell instead of ",
          to_string(task.method),
          image,
          "\n"
      ));
    }
  }
}

int submit_and_follow(const Common& common, const RunArgs& args) {
  const Result<std::string> text = read_document(args.file);
  if (!text) {
    return report(text.error());
  }
  workflow::LoadOptions options;
  options.file = args.file;
  for (const auto& [key, value] : args.params) {
    options.params.set(key, value);
  }
  const workflow::Loaded loaded = workflow::load(*text, options);
  for (const workflow::Problem& problem : loaded.problems) {
    print_problem(problem);
  }
  if (!loaded.ok()) {
    return static_cast<int>(ExitCode::Refused);
  }
  if (args.local) {
    announce_local(*loaded.workflow);
  }
  Followed followed;
  if (Result<void> opened = followed.open(common, args.slots, concat("reeve run ", args.file));
      !opened) {
    return report(opened.error());
  }
  engine::SubmitMission submit;
  submit.name = MissionName(args.name);
  submit.workflow = loaded.workflow;
  submit.params.assign(args.params.begin(), args.params.end());
  submit.local = args.local;
  const Result<engine::Reply> reply = send(*followed.session, std::move(submit));
  if (!reply) {
    Error error = reply.error();
    error.file = error.position.line > 0 ? args.file : std::string();
    return report(error);
  }
  if (common.output != Output::Json) {
    print(concat("mission ", reply->mission.view(), "\n"));
  }
  return followed.follow(reply->mission.str(), common.output);
}

/// Commands about a mission that exists do not make a data directory.
Result<void> require_data(const Common& common) {
  const std::filesystem::path store = DataDir{.root = common.data_dir}.store();

  struct stat info {};

  if (::stat(store.c_str(), &info) == 0) {
    return {};
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return make_error(ErrorCode::NotFound, "there is no data here yet", common.data_dir);
  }
  return platform::errno_error("stat", store);
}

int resume_and_follow(const Common& common, const RunArgs& args) {
  if (Result<void> there = require_data(common); !there) {
    return report(there.error());
  }
  Followed followed;
  if (Result<void> opened =
          followed.open(common, args.slots, concat("reeve run --resume ", *args.resume));
      !opened) {
    return report(opened.error());
  }
  return followed.follow(*args.resume, common.output);
}

/// Opens the data directory, sends one command about a mission and follows what comes of it.
int command_and_follow(const Common& common, const std::string& purpose, engine::Command command) {
  if (Result<void> there = require_data(common); !there) {
    return report(there.error());
  }
  Followed followed;
  if (Result<void> opened = followed.open(common, 0, purpose); !opened) {
    return report(opened.error());
  }
  const Result<engine::Reply> reply = send(*followed.session, std::move(command));
  if (!reply) {
    return report(reply.error());
  }
  if (common.output != Output::Json) {
    print(concat("mission ", reply->mission.view(), "\n"));
  }
  return followed.follow(reply->mission.str(), common.output);
}

bool has_ended(const Common& common, const std::string& mission) {
  const Result<std::unique_ptr<store::Store>> store =
      open_for_reading(DataDir{.root = common.data_dir});
  const Result<Json> row = store ? read_mission(**store, mission) : Result<Json>(store.error());
  return row && is_over(*row);
}

}  // namespace

int run_mission(const Common& common, const RunArgs& args) {
  return args.resume ? resume_and_follow(common, args) : submit_and_follow(common, args);
}

int retry_mission(const Common& common, const RetryArgs& args) {
  return command_and_follow(
      common,
      concat("reeve retry ", args.mission),
      engine::RetryMission{.parent = MissionName(args.mission), .name = MissionName(args.name)}
  );
}

int abort_mission(const Common& common, const AbortArgs& args) {
  const std::string message = args.message.empty() ? std::string("reeve abort") : args.message;
  const int code = command_and_follow(
      common,
      concat("reeve abort ", args.mission),
      engine::AbortMission{.mission = MissionName(args.mission), .message = message}
  );
  // An ended mission is what was asked for. A signal may have stopped us before its end.
  const bool stopped = code == static_cast<int>(ExitCode::WorkFailed);
  return stopped && has_ended(common, args.mission) ? static_cast<int>(ExitCode::Done) : code;
}

int release_mission(const Common& common, const ReleaseArgs& args) {
  return command_and_follow(
      common,
      concat("reeve release ", args.mission),
      engine::ResumeMission{.mission = MissionName(args.mission)}
  );
}

}  // namespace reeve::cli
