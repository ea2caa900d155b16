#include "cli/arguments.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include <CLI/CLI.hpp>

#include "base/strings.h"
#include "cli/channel_arguments.h"
#include "cli/cli.h"
#include "cli/configuration_arguments.h"
#include "cli/connection_arguments.h"
#include "cli/kept_arguments.h"
#include "cli/namespace_arguments.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/server_arguments.h"
#include "cli/setting_flags.h"
#include "cli/subcommand.h"
#include "cli/time_argument.h"
#include "cli/trigger_arguments.h"
#include "cli/work_arguments.h"

namespace reeve::cli {

namespace {

std::string default_data_dir() {
  if (const char* data = std::getenv("REEVE_DATA"); data != nullptr && *data != '\0') {
    return data;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    return {};
  }
  return std::string(home) + "/.local/share/reeve";
}

/// Once, at the start: later a relative path would have to be looked up again and could fail, for
/// example in a working directory that somebody has deleted.
std::string make_absolute(std::string& data_dir) {
  if (data_dir.empty()) {
    return "--data: the path is empty";
  }
  std::error_code failed;
  const std::filesystem::path path = std::filesystem::absolute(data_dir, failed);
  if (failed) {
    return "--data " + data_dir + ": the working directory is gone (" + failed.message() +
           "); give an absolute path";
  }
  data_dir = path.string();
  return {};
}

int usage_error(const std::string& message) {
  print_error_text(concat("reeve: ", printable(message), "\nSee reeve --help.\n"));
  return static_cast<int>(ExitCode::Usage);
}

/// All subcommands with the arguments they fill.
class Parser {
 public:
  Parser() : app_("Runs workflows as durable, supervised missions.", "reeve") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", concat("reeve ", kVersion));
    app_.footer(
        "\nExit codes: 0 done, 1 the work failed, 2 usage, 3 refused, 4 not found, 5 unreachable."
    );
    common_.data_dir = default_data_dir();
    add_owner();
    add_workflows();
    add_missions();
    add_views();
    add_origins();
    configuration_.emplace(app_, common_);
    work_.emplace(app_, common_);
    add_tools();
    kept_.add_to(app_, common_);
    channel_.add_to(app_, common_);
    trigger_.add_to(app_, common_);
    namespaces_.add_to(app_, common_);
    server_.add_to(app_, common_);
    add_namespace_options(app_, common_);
    add_remote_options(app_, common_);
  }

  std::variant<Invocation, int> parse(int argc, char** argv) {
    // Everything behind `--` belongs to the command of `reeve lock`.
    std::vector<std::string> words;
    int i = 1;
    for (; i < argc && std::string_view(argv[i]) != "--"; ++i) {
      words.emplace_back(argv[i]);
    }
    for (++i; i < argc; ++i) {
      lock_.command.emplace_back(argv[i]);
    }
    if (std::optional<int> unknown = refuse_unknown_command(words)) {
      return *unknown;
    }
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::ParseError& error) {
      return error.get_exit_code() == 0 ? app_.exit(error) : report_usage(app_, error);
    }
    for (const std::string& problem :
         {make_absolute(common_.data_dir), complete_namespace(common_)}) {
      if (!problem.empty()) {
        return usage_error(problem);
      }
    }
    common_.remote = is_remote(app_, common_.connection);
    return select();
  }

 private:
  void add_owner() {
    up_command_ =
        add(app_,
            "up",
            "Own the data directory: carry out everything in it until it is stopped",
            "reeve up --slots 32",
            common_);
    add_slots(up_command_, up_.slots);
    add_labels(up_command_, up_.labels);
    add_setting_flags(*up_command_, up_);
    down_command_ = add(app_, "down", "Ask reeve up to stop; runs go on", "reeve down", common_);

    submit_command_ =
        add(app_,
            "submit",
            "Submit a mission and return at once; reeve up carries it out",
            "reeve submit build.yaml -p source=jq",
            common_);
    add_submission(submit_command_, submit_);
    add_output(submit_command_, common_, kTextOrJson);
  }

  static void add_slots(CLI::App* command, std::uint32_t& slots) {
    command->add_option("--slots", slots, "Runs at the same time (default: 16)")
        ->check(CLI::Range(1, 1024));
  }

  /// What `run` and `submit` say about the mission that they make.
  void add_submission(CLI::App* command, SubmitArgs& args) {
    command->add_option(
        "WORKFLOW",
        args.workflow,
        "A workflow file, native (kind: Workflow) or Formicary (job_type:); or the name of a "
        "deployed workflow, NAME or NAME@VERSION"
    );
    command
        ->add_option(
            "-p,--param", raw_params_, "Parameter of the workflow, key=value; repeat for more"
        )
        ->allow_extra_args(false);
    command->add_option(
        "--name", args.name, "Name of the mission (default: the workflow's name and a number)"
    );
    command->add_flag(
        "--local", args.local, "Run tasks whose method is a container in the local shell"
    );
    command->add_option("--priority", args.priority, "Higher goes first (default: the workflow's)");
    command->add_option(
        "--user-key", args.user_key, "While a mission with this key is not over, make no other"
    );
    command
        ->add_option("--after", args.after, "Start once this mission is COMPLETE; repeat for more")
        ->allow_extra_args(false);
    command->add_option("--at", not_before_, "Start no earlier, such as 2026-12-24T18:00:00Z");
  }

  void add_workflows() {
    apply_command_ =
        add(app_,
            "apply",
            "Deploy workflows: their triggers fire, missions are made by name",
            "reeve apply nightly.yaml",
            common_);
    apply_command_->add_option("FILE", apply_.files, "Workflow files");
    add_output(apply_command_, common_, kTextOrJson);

    workflows_command_ =
        add(app_,
            "workflows",
            "List deployed workflows, their triggers and when they fire next",
            "reeve workflows",
            common_);
    workflows_command_->add_option("WORKFLOW", workflows_.workflow);
    add_output(workflows_command_, common_, kTextOrJson);

    disable_command_ =
        add(app_, "disable", "Let the triggers of a workflow rest", "reeve disable nightly", common_
        );
    disable_command_->add_option("WORKFLOW", disable_.workflow)->required();
    add_output(disable_command_, common_, kTextOrJson);
    enable_command_ = add(app_, "enable", "Let them fire again", "reeve enable nightly", common_);
    enable_command_->add_option("WORKFLOW", enable_.workflow)->required();
    add_output(enable_command_, common_, kTextOrJson);
  }

  void add_missions() {
    run_command_ =
        add(app_,
            "run",
            "Run a workflow and follow it to the end",
            "reeve run build.yaml -p source=jq",
            common_);
    add_submission(run_command_, run_.mission);
    run_command_->add_option(
        "--resume", run_.resume, "Follow this unfinished mission to its end instead"
    );
    add_slots(run_command_, run_.slots);
    add_labels(run_command_, run_.labels);
    add_output(run_command_, common_, kTextOrJson);

    retry_command_ =
        add(app_,
            "retry",
            "Run a failed mission again, reusing its completed tasks",
            "reeve retry build-12",
            common_);
    retry_command_->add_option("MISSION", retry_.mission)->required();
    retry_command_->add_option("--name", retry_.name, "Name of the new mission");
    auto* reopen = retry_command_->add_flag(
        "--reopen", retry_.reopen, "Run a COMPLETE mission again, as a new one"
    );
    auto* why = retry_command_->add_option("-m,--message", retry_.message, "Why it is reopened");
    why->needs(reopen);
    reopen->needs(why);
    retry_command_
        ->add_option("--from", retry_.from, "Reopen from this task on; the ones before it count")
        ->needs(reopen);
    add_output(retry_command_, common_, kTextOrJson);

    abort_command_ =
        add(app_,
            "abort",
            "Stop a mission: cancel, undo, clean up",
            "reeve abort build-12 -m 'wrong branch'",
            common_);
    abort_command_->add_option("MISSION", abort_.mission)->required();
    abort_command_->add_option("-m,--message", abort_.message, "Why");
    add_output(abort_command_, common_, kTextOrJson);

    release_command_ =
        add(app_,
            "release",
            "Let a HELD mission go on: end its pause, try a failed compensation again",
            "reeve release build-12",
            common_);
    release_command_->add_option("MISSION", release_.mission)->required();
    add_output(release_command_, common_, kTextOrJson);
    add_decisions();
  }

  void add_decisions() {
    const char* const decisions[][3] = {
        {"approve", "Approve at a gate, so that its mission goes on", "reeve approve build-12"},
        {"reject",
         "Reject at a gate: its mission stops, or takes the way for it",
         "reeve reject build-12/review -m 'no rollback plan'"},
        {"revise",
         "Send the work before a gate back with feedback",
         "reeve revise build-12/review -m 'smaller steps, please'"}};
    for (const auto& [name, purpose, example] : decisions) {
      CLI::App* command = add(app_, name, purpose, example, common_);
      command
          ->add_option(
              "GATE",
              decide_.gate,
              "MISSION, MISSION/TASK if several gates are open, or toolcall/NAME"
          )
          ->required();
      const bool approves = std::string_view(name) == "approve";
      command->add_option(
          "-m,--message", decide_.message, approves ? "What the next task is told" : "Why; needed"
      );
      if (approves) {
        command
            ->add_option("--edit", decide_.edit, "Of a call: other arguments, as JSON in this file")
            ->type_name("FILE");
      }
      add_output(command, common_, kTextOrJson);
      decide_commands_.push_back(command);
    }
    approvals_command_ =
        add(app_,
            "approvals",
            "List the gates and calls that wait for people",
            "reeve approvals",
            common_);
    add_output(approvals_command_, common_, kTextOrJson);
  }

  void add_origins() {
    lineage_command_ =
        add(app_,
            "lineage",
            "Show where a mission comes from: ancestors, decisions, artifacts",
            "reeve lineage build-12",
            common_);
    lineage_command_->add_option("MISSION", lineage_.mission)->required();
    add_output(lineage_command_, common_, kTextOrJson);
    ready_command_ =
        add(app_,
            "ready",
            "List missions that could run now, and why others cannot",
            "reeve ready",
            common_);
    add_output(ready_command_, common_, kTextOrJson);
  }

  void add_views() {
    status_command_ =
        add(app_, "status", "List missions, or show one", "reeve status build-12 -o json", common_);
    status_command_->add_option("MISSION", status_.mission);
    status_command_->add_option("--limit", status_.limit, "Missions on a page (default: 20)")
        ->check(CLI::Range(1, 5000));
    status_command_->add_option(
        "--continue", status_.before, "Continue the list (the number a page ends with)"
    );
    status_command_->add_flag(
        "--all",
        status_.all,
        "List child and skipped missions too, which are left out otherwise (-o json has them)"
    );
    add_output(status_command_, common_, kAllOutputs);

    logs_command_ =
        add(app_, "logs", "Print what tasks wrote", "reeve logs build-12 test --follow", common_);
    logs_command_->add_option("MISSION", logs_.mission)->required();
    logs_command_->add_option("TASK", logs_.task);
    logs_command_->add_flag("-f,--follow", logs_.follow, "Go on until the mission ends");
    logs_command_->add_flag("--timestamps", logs_.timestamps, "Begin each line with its time");

    events_command_ =
        add(app_, "events", "Print what happened to a mission", "reeve events build-12", common_);
    events_command_->add_option("MISSION", events_.mission)->required();
    events_command_->add_flag("-f,--follow", events_.follow, "Go on until the mission ends");
    events_command_->add_option("--after", events_.after, "Only events after this revision");
    add_output(events_command_, common_, kTextOrJson);

    lint_command_ =
        add(app_,
            "lint",
            "Check workflow files: every problem, with line and fix",
            "reeve lint --strict build.yaml workflows/",
            common_);
    lint_command_
        ->add_option("FILE", lint_.paths, "Files, directories (all their *.yaml), - for stdin")
        ->required();
    lint_command_->add_option("--format", lint_.format, "text, json, or sarif for code scanning")
        ->check(CLI::IsMember({"text", "json", "sarif"}));
    lint_command_
        ->add_option(
            "--rule", lint_.rules, "How a rule counts: RULE=off|info|warning|error; repeat for more"
        )
        ->allow_extra_args(false);
    lint_command_->add_flag("--strict", lint_.strict, "Warnings count as errors for the exit code");
    add_output(lint_command_, common_, kTextOrJson);

    graph_command_ =
        add(app_,
            "graph",
            "Draw a workflow file, or a mission with the states of its tasks",
            "reeve graph build.yaml --format svg",
            common_);
    graph_command_->add_option("SUBJECT", graph_.subject, "A file, - for stdin, or a mission")
        ->required();
    graph_command_->add_option("--format", graph_.format, "text, svg, mermaid or json")
        ->check(CLI::IsMember({"text", "svg", "mermaid", "json"}));

    schema_command_ =
        add(app_,
            "schema",
            "Print the JSON Schema of a kind of document, for editors",
            "reeve schema workflow > workflow.schema.json",
            common_);
    schema_command_->add_option("KIND", schema_.kind, "workflow")
        ->required()
        ->check(CLI::IsMember({"workflow"}));
  }

  void add_tools() {
    lock_command_ =
        add(app_,
            "lock",
            "Run a command under a lock that dies with it",
            "reeve lock deploy --timeout 10s -- ./deploy.sh",
            common_);
    lock_command_->add_option("NAME", lock_.name)->required();
    lock_command_->add_option(
        "--timeout", timeout_, "How long to wait for the lock (default: 10s)"
    );
    lock_command_->add_option(
        "--dir", lock_.directory, "Where the locks lie (default: locks/ of the data directory)"
    );

    CLI::App* audit = add(app_, "audit", "Prove the journal", "reeve audit verify", common_);
    audit->require_subcommand(1);
    audit_command_ =
        add(*audit,
            "verify",
            "Check the hash chain and that the state follows from it",
            "reeve audit verify",
            common_);
    add_output(audit_command_, common_, kTextOrJson);

    version_command_ = add(app_, "version", "Print the version", "reeve version", common_);
  }

  /// CLI11 would only say that a command is required.
  std::optional<int> refuse_unknown_command(const std::vector<std::string>& words) {
    if (words.empty() || words.front().starts_with('-')) {
      return std::nullopt;
    }
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands(nullptr)) {
      names.push_back(command->get_name());
    }
    if (std::find(names.begin(), names.end(), words.front()) != names.end()) {
      return std::nullopt;
    }
    const std::string near = nearest(words.front(), names);
    return usage_error(concat(
        "there is no command \"",
        words.front(),
        "\"",
        near.empty() ? std::string() : concat("; did you mean ", near, "?")
    ));
  }

  /// Reads what CLI11 leaves as text. Returns what is wrong with it.
  std::string complete(SubmitArgs& args) const {
    if (!not_before_.empty()) {
      const Result<Timestamp> at = parse_time_argument(not_before_);
      if (!at) {
        return "--at: " + at.error().describe();
      }
      args.not_before = *at;
    }
    return parse_pairs("-p", raw_params_, args.params);
  }

  std::variant<Invocation, int> select_lock() {
    const Result<Duration> timeout = parse_duration(timeout_);
    if (!timeout) {
      return usage_error("--timeout: " + timeout.error().describe());
    }
    lock_.timeout = *timeout;
    if (lock_.command.empty()) {
      return usage_error(
          "lock needs a command after --, such as: reeve lock " + lock_.name + " -- make deploy"
      );
    }
    return Invocation{.common = common_, .command = lock_};
  }

  /// What has a parser of its own and needs no second look.
  std::optional<Invocation> select_other() const {
    const auto invocation = [this](const auto& args) {
      return Invocation{.common = common_, .command = args};
    };
    if (const auto namespaces = namespaces_.selected()) {
      return invocation(*namespaces);
    }
    if (const auto kept = kept_.selected()) {
      return std::visit(invocation, *kept);
    }
    if (const auto server = server_.selected()) {
      return invocation(*server);
    }
    return std::nullopt;
  }

  std::optional<std::variant<Invocation, int>> select_trigger() const {
    const std::variant<TriggerTestArgs, std::string> selected = trigger_.selected();
    if (const auto* args = std::get_if<TriggerTestArgs>(&selected)) {
      return Invocation{.common = common_, .command = *args};
    }
    const std::string& problem = std::get<std::string>(selected);
    return problem.empty() ? std::nullopt
                           : std::optional<std::variant<Invocation, int>>(usage_error(problem));
  }

  std::optional<std::variant<Invocation, int>> select_channel() {
    const std::variant<ChannelArgs, std::string> channel = channel_.selected();
    const auto* problem = std::get_if<std::string>(&channel);
    if (problem == nullptr) {
      return Invocation{.common = common_, .command = std::get<ChannelArgs>(channel)};
    }
    return problem->empty() ? std::nullopt : std::optional(usage_error(*problem));
  }

  std::variant<Invocation, int> select_configuration() {
    if (const auto work = work_->selected()) {
      return std::visit(
          [this](const auto& args) { return Invocation{.common = common_, .command = args}; }, *work
      );
    }
    if (const std::string problem = configuration_->problem(); !problem.empty()) {
      return usage_error(problem);
    }
    if (const auto configured = configuration_->selected()) {
      return std::visit(
          [this](const auto& args) { return Invocation{.common = common_, .command = args}; },
          *configured
      );
    }
    return usage_error("no command");
  }

  /// Of commands that take it in two ways.
  std::optional<int> missing_file() const {
    if (apply_command_->parsed() && apply_.files.empty()) {
      return usage_error("apply needs a FILE, or -f FILE");
    }
    if (submit_command_->parsed() && submit_.workflow.empty()) {
      return usage_error("submit needs a WORKFLOW, or --bulk FILE");
    }
    return {};
  }

  std::variant<Invocation, int> select() {
    if (lock_command_->parsed()) {
      return select_lock();
    }
    if (!lock_.command.empty()) {
      return usage_error("-- and a command belong to reeve lock only");
    }
    if (run_command_->parsed()) {
      if (run_.mission.workflow.empty() == !run_.resume.has_value()) {
        return usage_error("run needs either a WORKFLOW or --resume MISSION");
      }
      if (std::string problem = complete(run_.mission); !problem.empty()) {
        return usage_error(problem);
      }
      return Invocation{.common = common_, .command = run_};
    }
    if (submit_command_->parsed() && !submit_.workflow.empty()) {
      if (std::string problem = complete(submit_); !problem.empty()) {
        return usage_error(problem);
      }
      return Invocation{.common = common_, .command = submit_};
    }
    if (auto channel = select_channel()) {
      return std::move(*channel);
    }
    if (auto trigger = select_trigger()) {
      return std::move(*trigger);
    }
    if (const auto other = select_other()) {
      return *other;
    }
    if (const auto missing = missing_file()) {
      return *missing;
    }
    for (const CLI::App* command : decide_commands_) {
      if (command->parsed()) {
        decide_.decision = command->get_name();
        return Invocation{.common = common_, .command = decide_};
      }
    }
    const std::pair<CLI::App*, Command> choices[] = {
        {up_command_, up_},
        {down_command_, DownArgs{}},
        {apply_command_, apply_},
        {workflows_command_, workflows_},
        {disable_command_, SwitchArgs{.workflow = disable_.workflow, .enabled = false}},
        {enable_command_, enable_},
        {retry_command_, retry_},
        {abort_command_, abort_},
        {release_command_, release_},
        {approvals_command_, ApprovalsArgs{}},
        {status_command_, status_},
        {lineage_command_, lineage_},
        {ready_command_, ReadyArgs{}},
        {logs_command_, logs_},
        {events_command_, events_},
        {lint_command_, lint_},
        {graph_command_, graph_},
        {schema_command_, schema_},
        {audit_command_, AuditArgs{}},
        {version_command_, VersionArgs{}}};
    for (const auto& [command, args] : choices) {
      if (command->parsed()) {
        return Invocation{.common = common_, .command = args};
      }
    }
    return select_configuration();
  }

  CLI::App app_;
  Common common_;
  UpArgs up_;
  SubmitArgs submit_;
  ApplyArgs apply_;
  WorkflowsArgs workflows_;
  SwitchArgs disable_;
  SwitchArgs enable_;
  RunArgs run_;
  std::vector<std::string> raw_params_;
  std::string not_before_;
  RetryArgs retry_;
  AbortArgs abort_;
  ReleaseArgs release_;
  DecideArgs decide_;
  StatusArgs status_;
  LineageArgs lineage_;
  LogsArgs logs_;
  EventsArgs events_;
  LintArgs lint_;
  GraphArgs graph_;
  ChannelParser channel_;
  KeptParser kept_;
  ServerParser server_;
  TriggerParser trigger_;
  NamespaceParser namespaces_;
  SchemaArgs schema_;
  LockArgs lock_;
  std::string timeout_ = "10s";
  std::optional<ConfigurationParser> configuration_;
  std::optional<WorkParser> work_;
  CLI::App* up_command_ = nullptr;
  CLI::App* down_command_ = nullptr;
  CLI::App* submit_command_ = nullptr;
  CLI::App* apply_command_ = nullptr;
  CLI::App* workflows_command_ = nullptr;
  CLI::App* disable_command_ = nullptr;
  CLI::App* enable_command_ = nullptr;
  CLI::App* run_command_ = nullptr;
  CLI::App* retry_command_ = nullptr;
  CLI::App* abort_command_ = nullptr;
  CLI::App* release_command_ = nullptr;
  std::vector<CLI::App*> decide_commands_;
  CLI::App* approvals_command_ = nullptr;
  CLI::App* status_command_ = nullptr;
  CLI::App* lineage_command_ = nullptr;
  CLI::App* ready_command_ = nullptr;
  CLI::App* logs_command_ = nullptr;
  CLI::App* events_command_ = nullptr;
  CLI::App* lint_command_ = nullptr;
  CLI::App* graph_command_ = nullptr;
  CLI::App* schema_command_ = nullptr;
  CLI::App* lock_command_ = nullptr;
  CLI::App* audit_command_ = nullptr;
  CLI::App* version_command_ = nullptr;
};

}  // namespace

std::variant<Invocation, int> parse_arguments(int argc, char** argv) {
  Parser parser;
  return parser.parse(argc, argv);
}

}  // namespace reeve::cli
