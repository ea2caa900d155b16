#include <cstdlib>
#include <filesystem>
#include <fstream>

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

/// A session whose missions are followed by this process.
struct Followed {
  SignalFeed signals;  // first: threads that start later inherit the blocked signals
  EventFeed feed;
  DataDir dir;
  std::unique_ptr<Session> session;

  Result<void> open(const Common& common, std::uint32_t slots, std::string purpose) {
    dir.root = std::filesystem::absolute(common.data_dir);
    SessionOptions options;
    options.dir = dir;
    options.run_slots = slots;
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

Result<std::string> read_document(const std::string& path) {
  Result<std::string> text = platform::read_file(path, workflow::kSourceBytesMax);
  if (text) {
    return text;
  }
  Error error = std::move(text).error();
  if (error.code == ErrorCode::LimitExceeded) {
    error = make_error(
        ErrorCode::LimitExceeded,
        concat("a workflow file has at most ", workflow::kSourceBytesMax, " bytes"),
        path
    );
  }
  return error;
}

/// Tells which tasks would have run in a container.
void announce_local(const workflow::Workflow& workflow) {
  for (const workflow::Task& task : workflow.tasks) {
    if (is_container(task.method)) {
      const std::string image =
          task.image.empty() ? std::string() : concat(" (image ", task.image.text, ")");
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

int resume_and_follow(const Common& common, const RunArgs& args) {
  if (!std::filesystem::exists(DataDir{.root = common.data_dir}.store())) {
    return report(make_error(ErrorCode::NotFound, "there is no data here yet", common.data_dir));
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
  if (!std::filesystem::exists(DataDir{.root = common.data_dir}.store())) {
    return report(make_error(ErrorCode::NotFound, "there is no data here yet", common.data_dir));
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

}  // namespace

int run_mission(const Common& common, const RunArgs& args) {
  // Tasks find the project they were started for by this variable; their own directory is another.
  std::error_code ignored;
  ::setenv("REEVE_SUBMIT_DIR", std::filesystem::current_path(ignored).c_str(), 1);
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
  // An aborted mission is what was asked for.
  return code == static_cast<int>(ExitCode::WorkFailed) ? static_cast<int>(ExitCode::Done) : code;
}

int release_mission(const Common& common, const ReleaseArgs& args) {
  return command_and_follow(
      common,
      concat("reeve release ", args.mission),
      engine::ResumeMission{.mission = MissionName(args.mission)}
  );
}

}  // namespace reeve::cli
