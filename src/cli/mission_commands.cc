#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>
#include <variant>

#include "base/strings.h"
#include "cli/call_decisions.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/follow.h"
#include "cli/gate_view.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "cli/scope.h"
#include "executor/container/engine.h"
#include "protocol/commands.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

/// A link whose missions are followed by this process.
struct Followed {
  /// Before threads are started: they inherit the blocked signals. A server needs none of this.
  std::optional<SignalFeed> signals;
  DataDir dir;
  std::unique_ptr<Link> link;

  /// A server that is reached over HTTP, in place of the link; null: there is none.
  const Common* remote = nullptr;
  bool makes_mission = false;

  Result<void> open(const Common& common, LinkOptions options) {
    if (common.remote) {
      remote = &common;
      return {};
    }
    signals.emplace();
    dir.root = common.data_dir;
    REEVE_TRY(link, Link::open(common, std::move(options)));
    return {};
  }

  Result<Json> send(std::string_view verb, const Json& args) {
    makes_mission = verb == protocol::kSubmit || verb == protocol::kRetry;
    return remote != nullptr ? remote_send(*remote, verb, args) : link->send(verb, args);
  }

  /// Whether this process carries the mission out.
  bool owns() const { return remote == nullptr && link->owns(); }

  int follow(const std::string& mission, Output output) {
    if (remote != nullptr) {
      return remote_follow(*remote, mission, makes_mission);
    }
    const int code = cli::follow(*link, dir, mission, output, *signals);
    if (link->owns()) {
      tell_others(mission);
    }
    link->close();
    return code;
  }

  /// Other missions of this directory may wait for somebody to go on with them.
  void tell_others(const std::string& mission) const {
    store::RowQuery query;
    query.live_only = true;
    query.limit = 5;
    const Result<std::vector<store::ListedRow>> rows = link->reader().list(query);
    if (!rows) {
      return;
    }
    for (const store::ListedRow& listed : *rows) {
      const journal::ObjectKey& key = listed.row.key;
      if (key.name != mission || key.ns != link->ns()) {
        print_error_text(concat(
            "reeve: mission ",
            key.name,
            " is not finished; go on with: reeve run --resume ",
            key.name,
            namespace_option(key.ns),
            "\n"
        ));
      }
    }
  }
};

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

/// Says before anything is stored that containers do not work here.
Result<void> check_containers(const workflow::Workflow& workflow) {
  for (const workflow::Task& task : workflow.tasks) {
    if (!is_container(task.method)) {
      continue;
    }
    const char* search_path = std::getenv("PATH");
    auto engine = executor::container::find_engine(search_path != nullptr ? search_path : "");
    if (engine.ok()) {
      return {};
    }
    Error error = std::move(engine).error();
    error.message = concat(
        "task \"",
        task.name.view(),
        "\" runs in a container (method ",
        to_string(task.method),
        "): ",
        error.message
    );
    error.subject = "method";
    error.position = task.position;
    return error;
  }
  return {};
}

int follow_reply(Followed& followed, const Json& reply, const Common& common) {
  const std::string mission = reply.get_string("mission");
  if (common.output != Output::Json) {
    print(concat("mission ", mission, "\n"));
  }
  return followed.follow(mission, common.output);
}

/// Whether the word on the command line means a file. A file of that name is meant before a
/// deployed workflow, and what looks like a path is one.
bool means_file(const std::string& word) {
  std::error_code ignored;
  return word.find('/') != std::string::npos || word.ends_with(".yaml") || word.ends_with(".yml") ||
         std::filesystem::exists(word, ignored);
}

/// Reads and checks the document, if it is one, and tells every problem: what is to be submitted,
/// or the exit code.
/// `here`: it will be carried out on this machine.
std::variant<protocol::Submit, int> checked_submission(const SubmitArgs& args, bool here) {
  protocol::Submit submit;
  submit.params.assign(args.params.begin(), args.params.end());
  submit.name = args.name;
  submit.local = args.local;
  submit.priority = args.priority;
  submit.user_key = args.user_key;
  submit.after = args.after;
  submit.not_before = args.not_before;
  if (!means_file(args.workflow)) {
    const std::size_t at = args.workflow.find('@');
    submit.workflow = args.workflow.substr(0, at);
    submit.version = at == std::string::npos ? std::string() : args.workflow.substr(at + 1);
    return submit;
  }
  Result<std::string> text = read_document(args.workflow);
  if (!text) {
    return report(text.error());
  }
  workflow::LoadOptions options;
  options.file = args.workflow;
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
  } else if (Result<void> works = here ? check_containers(*loaded.workflow) : Result<void>();
             !works) {
    Error error = std::move(works).error();
    error.file = args.workflow;
    return report(error);
  }
  submit.source = std::move(*text);
  return submit;
}

int report_submission(Error error, const protocol::Submit& submit, const SubmitArgs& args) {
  if (!submit.source.empty()) {
    error.file = error.position.line > 0 ? args.workflow : std::string();
  } else if (error.code == ErrorCode::NotFound && error.subject == submit.workflow) {
    error.hint = "there is no file of this name either; reeve workflows lists what is deployed";
  }
  return report(error);
}

void tell_existing(const Json& reply) {
  if (reply.get_bool("existing")) {
    print_error_text(concat(
        "reeve: mission ",
        reply.get_string("mission"),
        " has this user key and is not over; no other one was made\n"
    ));
  }
}

int submit_and_follow(const Common& common, const RunArgs& args) {
  const std::variant<protocol::Submit, int> checked =
      checked_submission(args.mission, !common.remote);
  if (const int* code = std::get_if<int>(&checked)) {
    return *code;
  }
  const auto& submit = std::get<protocol::Submit>(checked);
  Followed followed;
  LinkOptions options{
      .slots = args.slots,
      .labels = args.labels,
      .purpose = concat("reeve run ", args.mission.workflow),
      .create = !submit.source.empty()};
  if (Result<void> opened = followed.open(common, std::move(options)); !opened) {
    return report_submission(opened.error(), submit, args.mission);
  }
  const Result<Json> reply = followed.send(protocol::kSubmit, to_json(submit));
  if (!reply) {
    return report_submission(reply.error(), submit, args.mission);
  }
  tell_existing(*reply);
  return follow_reply(followed, *reply, common);
}

int resume_and_follow(const Common& common, const RunArgs& args) {
  Followed followed;
  LinkOptions options{
      .slots = args.slots,
      .labels = args.labels,
      .purpose = concat("reeve run --resume ", *args.resume)};
  if (Result<void> opened = followed.open(common, std::move(options)); !opened) {
    return report(opened.error());
  }
  return followed.follow(*args.resume, common.output);
}

/// Sends one command about a mission and follows what comes of it.
int command_and_follow(
    const Common& common, const std::string& subject, std::string_view verb, Json args
) {
  Followed followed;
  LinkOptions options{.purpose = concat("reeve ", verb, " ", subject)};
  if (Result<void> opened = followed.open(common, std::move(options)); !opened) {
    return report(opened.error());
  }
  const Result<Json> reply = followed.send(verb, std::move(args));
  return reply ? follow_reply(followed, *reply, common) : report(reply.error());
}

bool has_ended(const Common& common, const std::string& mission) {
  if (common.remote) {
    Result<Remote> remote = Remote::open(common);
    const Result<Json> object = remote ? remote->mission(mission) : Result<Json>(remote.error());
    return object && is_over(*object);
  }
  const Result<std::unique_ptr<store::Store>> store =
      open_for_reading(DataDir{.root = common.data_dir});
  const Result<Json> row =
      store ? read_mission(**store, namespace_of(common), mission) : Result<Json>(store.error());
  return row && is_over(*row);
}

}  // namespace

int run_mission(const Common& common, const RunArgs& args) {
  return args.resume ? resume_and_follow(common, args) : submit_and_follow(common, args);
}

int submit_mission(const Common& common, const SubmitArgs& args) {
  const std::variant<protocol::Submit, int> checked = checked_submission(args, !common.remote);
  if (const int* code = std::get_if<int>(&checked)) {
    return *code;
  }
  const auto& submit = std::get<protocol::Submit>(checked);
  const LinkOptions options{.purpose = "reeve submit", .create = true, .may_own = false};
  const Result<Json> reply =
      common.remote ? remote_send(common, protocol::kSubmit, to_json(submit))
                    : send_command(common, options, protocol::kSubmit, to_json(submit));
  if (!reply) {
    return report_submission(reply.error(), submit, args);
  }
  tell_existing(*reply);
  print(
      common.output == Output::Json ? reply->dump() + "\n"
                                    : concat("mission ", reply->get_string("mission"), "\n")
  );
  return static_cast<int>(ExitCode::Done);
}

int retry_mission(const Common& common, const RetryArgs& args) {
  const protocol::Retry retry{
      .mission = args.mission,
      .name = args.name,
      .reopen = args.reopen,
      .message = args.message,
      .from = args.from};
  return command_and_follow(common, args.mission, protocol::kRetry, to_json(retry));
}

int abort_mission(const Common& common, const AbortArgs& args) {
  const protocol::Abort abort{
      .mission = args.mission,
      .message = args.message.empty() ? std::string("reeve abort") : args.message};
  const int code = command_and_follow(common, args.mission, protocol::kAbort, to_json(abort));
  // An ended mission is what was asked for. A signal may have stopped us before its end.
  const bool stopped = code == static_cast<int>(ExitCode::WorkFailed);
  return stopped && has_ended(common, args.mission) ? static_cast<int>(ExitCode::Done) : code;
}

int decide_gate(const Common& common, const DecideArgs& args) {
  if (names_tool_call(args.gate)) {
    return decide_tool_call(common, args);
  }
  if (!args.edit.empty()) {
    return report(make_error(ErrorCode::Invalid, "only calls have arguments", "--edit"));
  }
  const std::size_t slash = args.gate.find('/');
  const protocol::Decide decide{
      .mission = args.gate.substr(0, slash),
      .task = slash == std::string::npos ? std::string() : args.gate.substr(slash + 1),
      .decision = args.decision,
      .message = args.message};
  Followed followed;
  LinkOptions options{.purpose = concat("reeve ", args.decision, " ", args.gate)};
  if (Result<void> opened = followed.open(common, std::move(options)); !opened) {
    return report(opened.error());
  }
  const Result<Json> reply = followed.send(protocol::kDecide, to_json(decide));
  if (!reply) {
    return report(reply.error());
  }
  print(
      common.output == Output::Json ? reply->dump() + "\n" : printable(decision_text(*reply)) + "\n"
  );
  // The decision is durable. Whoever owns the mission goes on with it: if that is this process, it
  // must stay.
  return followed.owns() ? followed.follow(decide.mission, common.output)
                         : static_cast<int>(ExitCode::Done);
}

int release_mission(const Common& common, const ReleaseArgs& args) {
  const protocol::Release release{.mission = args.mission};
  return command_and_follow(common, args.mission, protocol::kRelease, to_json(release));
}

}  // namespace reeve::cli
