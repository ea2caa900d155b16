#include "cli/cli.h"

#include <csignal>

#include "base/strings.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/print.h"

namespace reeve::cli {

namespace {

struct Dispatch {
  const Common& common;

  int operator()(const RunArgs& args) const { return run_mission(common, args); }

  int operator()(const UpArgs& args) const { return run_up(common, args); }

  int operator()(const DownArgs& args) const { return run_down(common, args); }

  int operator()(const SubmitArgs& args) const { return submit_mission(common, args); }

  int operator()(const ApplyArgs& args) const { return apply_workflows(common, args); }

  int operator()(const WorkflowsArgs& args) const { return list_workflows(common, args); }

  int operator()(const SwitchArgs& args) const { return switch_workflow(common, args); }

  int operator()(const LintArgs& args) const { return lint_files(common, args); }

  int operator()(const GraphArgs& args) const { return draw_graph(common, args); }

  int operator()(const SchemaArgs& args) const { return print_schema(common, args); }

  int operator()(const StatusArgs& args) const { return show_status(common, args); }

  int operator()(const LineageArgs& args) const { return show_lineage(common, args); }

  int operator()(const ReadyArgs& /*args*/) const { return show_ready(common); }

  int operator()(const LogsArgs& args) const { return show_logs(common, args); }

  int operator()(const EventsArgs& args) const { return show_events(common, args); }

  int operator()(const RetryArgs& args) const { return retry_mission(common, args); }

  int operator()(const AbortArgs& args) const { return abort_mission(common, args); }

  int operator()(const ReleaseArgs& args) const { return release_mission(common, args); }

  int operator()(const DecideArgs& args) const { return decide_gate(common, args); }

  int operator()(const ApprovalsArgs& /*args*/) const { return show_approvals(common); }

  int operator()(const TriggerTestArgs& args) const { return test_trigger(common, args); }

  int operator()(const ChannelArgs& args) const { return use_channel(common, args); }

  int operator()(const LockArgs& args) const { return run_under_lock(common, args); }

  int operator()(const ArtifactsArgs& args) const { return handle_artifacts(common, args); }

  int operator()(const CacheArgs& args) const { return handle_cache(common, args); }

  int operator()(const CredentialArgs& args) const { return run_credential(common, args); }

  int operator()(const ConfigArgs& args) const { return run_config(common, args); }

  int operator()(const PoolArgs& args) const { return run_pool(common, args); }

  int operator()(const NamespaceArgs& args) const { return run_namespace(common, args); }

  int operator()(const TaskAddArgs& args) const { return add_task(args); }

  int operator()(const AuditArgs& /*args*/) const { return verify_audit(common); }

  int operator()(const BoundCommand& command) const { return command.carry_out(common); }

  int operator()(const VersionArgs& /*args*/) const {
    print(concat("reeve ", kVersion, "\n"));
    return 0;
  }
};

}  // namespace

int run_cli(int argc, char** argv) {
  // A reader of our output that goes away must not end a mission.
  std::signal(SIGPIPE, SIG_IGN);
  const std::variant<Invocation, int> parsed = parse_arguments(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) {
    return *code;
  }
  const auto& invocation = std::get<Invocation>(parsed);
  const int code = std::visit(Dispatch{.common = invocation.common}, invocation.command);
  // What became of a mission counts more than what was printed about it.
  const bool drives = std::holds_alternative<RunArgs>(invocation.command) ||
                      std::holds_alternative<UpArgs>(invocation.command) ||
                      std::holds_alternative<RetryArgs>(invocation.command) ||
                      std::holds_alternative<AbortArgs>(invocation.command) ||
                      std::holds_alternative<ReleaseArgs>(invocation.command) ||
                      std::holds_alternative<DecideArgs>(invocation.command) ||
                      std::holds_alternative<LockArgs>(invocation.command);
  const bool lost = report_lost_output();
  return lost && code == 0 && !drives ? static_cast<int>(ExitCode::Unreachable) : code;
}

}  // namespace reeve::cli
