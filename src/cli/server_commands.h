#pragma once

#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/arguments.h"

/// Commands about the server and its objects; each returns the process's exit code. Main thread.
/// Private to cli.
namespace reeve::cli {

/// `reeve config show|check`.
struct SettingsArgs {
  std::string file;  ///< empty: `reeve.yaml` in the data directory, if it is there
  bool origin = false;
};

int show_settings(const Common& common, const SettingsArgs& args);
int check_settings(const Common& common, const SettingsArgs& args);
int print_settings_reference(const Common& common, const SettingsArgs& args);

/// `reeve kubeconfig`.
struct KubeconfigArgs {
  ConnectionArgs connection;
  std::string user;
  std::vector<std::string> groups;
  bool client_certificate = false;
  std::string expires;  ///< a duration; of a certificate
  std::string to;       ///< a file of 0600; empty: standard output
};

int print_kubeconfig(const Common& common, const KubeconfigArgs& args);

/// `reeve token create|list|revoke`.
struct TokenArgs {
  ConnectionArgs connection;
  std::string name;
  std::string user;
  std::vector<std::string> groups;
  std::string expires;  ///< a duration; empty: never
};

int create_token(const Common& common, const TokenArgs& args);
int list_tokens(const Common& common, const TokenArgs& args);
int revoke_token(const Common& common, const TokenArgs& args);

/// `reeve can-i VERB TYPE [NAME]`.
struct CanIArgs {
  ConnectionArgs connection;
  std::string verb;
  std::string type;  ///< TYPE, TYPE/NAME, TYPE/SUBRESOURCE of one that has it, or /PATH
  std::string name;
  std::string as;
  std::vector<std::string> as_groups;
};

int ask_can_i(const Common& common, const CanIArgs& args);

/// `reeve get`, `describe`, `edit`, `delete`, `explain`, `api-resources`, `apply -f`.
struct ObjectsArgs {
  ConnectionArgs connection;
  /// TYPE, TYPE/NAME, or TYPE NAME…
  std::vector<std::string> words;
  std::vector<std::string> files;
  std::string labels;
  std::string fields;
  bool watch = false;
  bool force = false;
};

int get_objects(const Common& common, const ObjectsArgs& args);
int describe_object(const Common& common, const ObjectsArgs& args);
int edit_object(const Common& common, const ObjectsArgs& args);
int delete_objects(const Common& common, const ObjectsArgs& args);
int explain_type(const Common& common, const ObjectsArgs& args);
int list_types(const Common& common, const ObjectsArgs& args);
int apply_objects(const Common& common, const ObjectsArgs& args);

/// `reeve toolcalls list|approve|reject|rollback|accept`.
struct ToolCallArgs {
  ConnectionArgs connection;
  /// Of a call, or of a tool server.
  std::string name;
  std::string message;
  /// A file with JSON, or -; in place of the arguments that were asked for.
  std::string arguments;
  std::vector<std::string> tools;
  std::string run;
  std::string labels;
};

int list_tool_calls(const Common& common, const ToolCallArgs& args);
int approve_tool_call(const Common& common, const ToolCallArgs& args);
int reject_tool_call(const Common& common, const ToolCallArgs& args);
int roll_back_tool_call(const Common& common, const ToolCallArgs& args);
int accept_tools(const Common& common, const ToolCallArgs& args);

/// `reeve doctor`.
struct DoctorArgs {
  ConnectionArgs connection;
};

int run_doctor(const Common& common, const DoctorArgs& args);

/// `reeve top`.
struct TopArgs {
  ConnectionArgs connection;
  /// "hosts", "missions", "runs"; empty: everything.
  std::string subject;
  bool watch = false;
  /// How long rates are measured; a duration.
  std::string interval = "1s";
  std::size_t rows_max = 20;
};

int show_top(const Common& common, const TopArgs& args);

/// `reeve endpoints`.
struct EndpointsArgs {
  ConnectionArgs connection;
  std::vector<std::string> capabilities;
  std::string version;
  std::string agent;
  bool healthy = false;
  /// Also those that have expired.
  bool all = false;
};

int show_endpoints(const Common& common, const EndpointsArgs& args);

/// `reeve incidents [acknowledge|close NAME]`.
struct IncidentsArgs {
  ConnectionArgs connection;
  /// Empty: they are listed.
  std::string action;
  std::string name;
  std::string message;
  /// Also those that are closed.
  bool all = false;
};

int use_incidents(const Common& common, const IncidentsArgs& args);

/// `reeve submit --bulk`.
struct BulkArgs {
  ConnectionArgs connection;
  std::string file;  ///< missions as YAML documents or JSON lines; "-": standard input
};

int submit_bulk(const Common& common, const BulkArgs& args);

/// `reeve backup`, `restore`, `export`.
struct BackupArgs {
  std::string directory;
  bool with_keys = false;
};

int back_up(const Common& common, const BackupArgs& args);
int restore_backup(const Common& common, const BackupArgs& args);
int export_objects(const Common& common, const BackupArgs& args);

}  // namespace reeve::cli
