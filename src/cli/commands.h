#pragma once

#include "cli/arguments.h"

/// The commands; each returns the process's exit code. Main thread.
namespace reeve::cli {

int run_up(const Common& common, const UpArgs& args);
int run_down(const Common& common, const DownArgs& args);

int run_mission(const Common& common, const RunArgs& args);
int submit_mission(const Common& common, const SubmitArgs& args);
int retry_mission(const Common& common, const RetryArgs& args);
int abort_mission(const Common& common, const AbortArgs& args);
int release_mission(const Common& common, const ReleaseArgs& args);
int decide_gate(const Common& common, const DecideArgs& args);
int show_approvals(const Common& common);

int apply_workflows(const Common& common, const ApplyArgs& args);
int list_workflows(const Common& common, const WorkflowsArgs& args);
int switch_workflow(const Common& common, const SwitchArgs& args);

int show_status(const Common& common, const StatusArgs& args);
int show_lineage(const Common& common, const LineageArgs& args);
int show_ready(const Common& common);
int show_logs(const Common& common, const LogsArgs& args);
int show_events(const Common& common, const EventsArgs& args);

int lint_files(const Common& common, const LintArgs& args);
int draw_graph(const Common& common, const GraphArgs& args);
int print_schema(const Common& common, const SchemaArgs& args);

int handle_artifacts(const Common& common, const ArtifactsArgs& args);
int handle_cache(const Common& common, const CacheArgs& args);
int test_trigger(const Common& common, const TriggerTestArgs& args);
int use_channel(const Common& common, const ChannelArgs& args);
int run_credential(const Common& common, const CredentialArgs& args);
int run_config(const Common& common, const ConfigArgs& args);
int run_namespace(const Common& common, const NamespaceArgs& args);
int run_pool(const Common& common, const PoolArgs& args);
int add_task(const TaskAddArgs& args);

int run_under_lock(const Common& common, const LockArgs& args);
int verify_audit(const Common& common);

}  // namespace reeve::cli
