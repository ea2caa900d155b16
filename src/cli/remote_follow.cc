#include <charconv>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>

#include "base/strings.h"
#include "cli/mission_text.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/server_commands.h"
#include "cli/session.h"
#include "cli/view.h"
#include "cli/yaml.h"
#include "platform/posix/system.h"

/// What `reeve run`, `status`, `logs` and `events` print about missions of a server over HTTP.
namespace reeve::cli {

namespace {

/// Where the files of missions are, for people.
const std::string kServersFiles = "the server's missions";
constexpr int kPauseMillis = 1000;
/// Tries after the connection broke, one a second: a server that starts over is back by then.
constexpr int kTriesMax = 60;

/// Ends a mission, or does it not?
bool ends_mission(const journal::Event& event) {
  if (event.type != "mission.transitioned") {
    return false;
  }
  const Result<Json> data = parse_json(event.data);
  const std::string to = data ? data->get_string("to") : std::string();
  return to == "COMPLETE" || to == "FAILED" || to == "ABORTED";
}

Revision revision_of(const Json& mission) {
  std::uint64_t revision = 0;
  const std::string text = mission.find("metadata")->get_string("resourceVersion");
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return Revision(revision);
}

/// Whether the same request may succeed in a moment.
bool may_come_back(const Error& error) {
  return error.code == ErrorCode::Unavailable || error.code == ErrorCode::Ambiguous ||
         error.code == ErrorCode::DeadlineExceeded;
}

/// Goes through a mission's events from `after` to its end, over connections that break.
Result<void> events_to_the_end(
    Remote& remote, const std::string& name, Revision after, const Remote::OnEvent& on_event
) {
  bool ended = false;
  for (int tries = 0; !ended && tries < kTriesMax; ++tries) {
    const Result<void> streamed =
        remote.events(name, after, true, [&](const journal::Event& event) {
          after = event.revision;
          tries = 0;
          ended = ends_mission(event);
          return on_event(event) && !ended;
        });
    if (!streamed && !may_come_back(streamed.error())) {
      return streamed.error();
    }
    if (!ended && !wait_with_reader(kPauseMillis)) {
      return {};
    }
  }
  return ended ? Result<void>()
               : make_error(ErrorCode::Unavailable, "the server does not come back", name);
}

/// Shows one mission as it goes on. Events come on the main thread, output on another one.
class RemoteFollower {
 public:
  RemoteFollower(Remote& remote, Common common, std::string mission, bool from_beginning)
      : remote_(remote),
        common_(std::move(common)),
        mission_(std::move(mission)),
        from_beginning_(from_beginning),
        view_(make_view(common_.output)) {}

  int run() {
    Result<Json> mission = remote_.mission(mission_);
    if (!mission) {
      return report(mission.error());
    }
    std::thread output([this] { show_output(); });
    const Result<void> events = show_events(std::move(*mission));
    if (!events) {
      // The output may go on for as long as nobody answers.
      output.detach();
      const int code = report(events.error());
      print_error_text("reeve: nothing is lost: the mission goes on at the server\n");
      ::_exit(code);
    }
    output.join();
    mission = remote_.mission(mission_);
    if (!mission) {
      return report(mission.error());
    }
    view_->finish(*mission, kServersFiles);
    return exit_code_of_state(mission->find("status")->get_string("state"));
  }

 private:
  Result<void> show_events(Json mission) {
    Result<Remote> asking = Remote::open(common_);
    const auto show = [&](const journal::Event& event) {
      const std::lock_guard lock(mutex_);
      view_->event(event);
      if (Result<Json> now = asking ? asking->mission(mission_) : asking.error(); now) {
        mission = std::move(*now);
      }
      view_->refresh(mission, platform::SystemClock().now());
      return true;
    };
    const bool over = is_over(mission);
    if (over && from_beginning_) {
      return remote_.events(mission_, Revision(0), false, show);
    }
    const Revision after = from_beginning_ ? Revision(0) : revision_of(mission);
    return over ? Result<void>() : events_to_the_end(remote_, mission_, after, show);
  }

  /// Until the mission is over and all of its output was sent.
  void show_output() {
    Result<Remote> remote = Remote::open(common_);
    const Result<void> streamed = remote ? remote->log(
                                               mission_,
                                               "follow=true",
                                               [this](std::string_view line) {
                                                 show_line(line);
                                                 return true;
                                               }
                                           )
                                         : Result<void>(remote.error());
    if (!streamed) {
      const std::lock_guard lock(mutex_);
      view_->notice(concat(
          "the output of tasks ends here (",
          streamed.error().describe(),
          "); reeve logs ",
          mission_,
          " has all of it"
      ));
    }
  }

  /// `[task] text`
  void show_line(std::string_view line) {
    const std::size_t end = line.find("] ");
    const bool named = line.starts_with('[') && end != std::string_view::npos;
    const std::lock_guard lock(mutex_);
    view_->log_line(
        named ? line.substr(1, end - 1) : std::string_view(),
        false,
        named ? line.substr(end + 2) : line
    );
  }

  Remote& remote_;
  const Common common_;
  const std::string mission_;
  const bool from_beginning_;
  std::mutex mutex_;
  std::unique_ptr<View> view_;
};

void print_event(const Common& common, const journal::Event& event) {
  print(common.output == Output::Json ? event_to_json(event).dump() + "\n" : event_line(event));
}

}  // namespace

int remote_follow(const Common& common, const std::string& mission, bool from_beginning) {
  Result<Remote> remote = Remote::open(common);
  return remote ? RemoteFollower(*remote, common, mission, from_beginning).run()
                : report(remote.error());
}

int show_remote_list(const Common& common, std::string_view type, std::string_view name) {
  ObjectsArgs args;
  args.words.emplace_back(type);
  if (!name.empty()) {
    args.words.emplace_back(name);
  }
  args.connection = common.connection;
  return get_objects(common, args);
}

int show_remote_status(const Common& common, const StatusArgs& args) {
  if (args.mission.empty() || common.output == Output::Name) {
    return show_remote_list(common, "missions", args.mission);
  }
  Result<Remote> remote = Remote::open(common);
  const Result<Json> mission =
      remote ? remote->mission(args.mission) : Result<Json>(remote.error());
  if (!mission) {
    return report(mission.error());
  }
  if (common.output == Output::Json || common.output == Output::Yaml) {
    print(common.output == Output::Json ? mission->pretty() : to_yaml(*mission));
    return static_cast<int>(ExitCode::Done);
  }
  print(summary(*mission, kServersFiles, is_terminal_output(), platform::SystemClock().now()));
  if (!is_over(*mission)) {
    print(concat(printable(explain_mission(*mission)), "\n"));
  }
  return static_cast<int>(ExitCode::Done);
}

int show_remote_logs(const Common& common, const LogsArgs& args) {
  const std::string query = concat(
      "follow=",
      args.follow ? "true" : "false",
      "&timestamps=",
      args.timestamps ? "true" : "false",
      args.task.empty() ? "" : concat("&task=", percent_encoded(args.task))
  );
  Result<Remote> remote = Remote::open(common);
  const Result<Json> mission =
      remote ? remote->mission(args.mission) : Result<Json>(remote.error());
  const Result<void> known =
      mission ? check_task(*mission, args.task) : Result<void>(mission.error());
  if (!known) {
    return report(known.error());
  }
  const auto show = [](std::string_view line) {
    const std::string text = concat(line, "\n");
    print(is_terminal_output() ? printable(text) : text);
    return wait_with_reader(0);
  };
  const Result<void> streamed = remote->log(args.mission, query, show);
  return streamed ? static_cast<int>(ExitCode::Done) : report(streamed.error());
}

int show_remote_events(const Common& common, const EventsArgs& args) {
  Result<Remote> remote = Remote::open(common);
  const Result<Json> mission =
      remote ? remote->mission(args.mission) : Result<Json>(remote.error());
  if (!mission) {
    return report(mission.error());
  }
  Result<void> streamed;
  if (args.follow && !is_over(*mission)) {
    streamed = events_to_the_end(
        *remote,
        args.mission,
        Revision(args.after),
        [&](const journal::Event& event) {
          print_event(common, event);
          return wait_with_reader(0);
        }
    );
  } else {
    streamed =
        remote->events(args.mission, Revision(args.after), false, [&](const journal::Event& event) {
          print_event(common, event);
          return wait_with_reader(0);
        });
  }
  return streamed ? static_cast<int>(ExitCode::Done) : report(streamed.error());
}

}  // namespace reeve::cli
