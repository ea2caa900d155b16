#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "cli/connection_arguments.h"

namespace reeve::cli {

/// How results are printed.
enum class Output : std::uint8_t { Text, Json, Wide, Name, Yaml };

/// Options that every command has.
struct Common {
  std::string data_dir;  ///< absolute: --data, else $REEVE_DATA, else ~/.local/share/reeve
  Output output = Output::Text;
  /// -n, else $REEVE_NAMESPACE; empty: neither, which means `default` (scope.h).
  std::string ns = {};
  /// Of lists.
  bool all_namespaces = false;
  /// Of commands about missions.
  ConnectionArgs connection = {};
  /// They ask a server over HTTP, not the owner of the data directory.
  bool remote = false;
};

struct UpArgs {
  /// `--slots` and `--labels`: other names of the flags of run.slots and run.labels; 0 and empty:
  /// not given.
  std::uint32_t slots = 0;
  std::vector<std::string> labels;
  /// A file with settings; empty: `reeve.yaml` in the data directory, if it is there.
  std::string config;
  /// Settings given as flags: key and text.
  std::vector<std::pair<std::string, std::string>> settings;
};

struct DownArgs {};

using Params = std::vector<std::pair<std::string, std::string>>;

/// What is asked of a mission that is to be made.
struct SubmitArgs {
  std::string workflow;  ///< a file, or the name of a deployed workflow, maybe with @VERSION
  std::string name;
  Params params;
  bool local = false;
  std::optional<std::int32_t> priority;
  std::string user_key;
  std::optional<Timestamp> not_before;
  std::vector<std::string> after;  ///< missions that must complete first
};

struct RunArgs {
  SubmitArgs mission;
  std::optional<std::string> resume;
  std::uint32_t slots = 0;  ///< 0: as many as the default
  std::vector<std::string> labels;
};

struct ApplyArgs {
  std::vector<std::string> files;
};

struct WorkflowsArgs {
  std::string workflow;
};

struct SwitchArgs {
  std::string workflow;
  bool enabled = true;
};

struct LintArgs {
  /// Files, directories, and "-" for standard input.
  std::vector<std::string> paths;
  /// "text", "json", "sarif"; empty: as `-o` says.
  std::string format;
  /// "rule=off", "rule=warning" …
  std::vector<std::string> rules;
  bool strict = false;
};

struct GraphArgs {
  /// A file, "-" for standard input, or a mission.
  std::string subject;
  std::string format = "text";
};

/// What is described: "workflow".
struct SchemaArgs {
  std::string kind;
};

struct StatusArgs {
  std::string mission;
  std::uint32_t limit = 20;
  std::uint64_t before = 0;
  /// Also the missions that tasks of others have started.
  bool all = false;
};

struct LineageArgs {
  std::string mission;
};

struct ReadyArgs {};

struct LogsArgs {
  std::string mission;
  std::string task;
  bool follow = false;
  bool timestamps = false;
};

struct EventsArgs {
  std::string mission;
  bool follow = false;
  std::uint64_t after = 0;
};

struct RetryArgs {
  std::string mission;
  std::string name;
  bool reopen = false;
  std::string message;
  std::string from;
};

struct AbortArgs {
  std::string mission;
  std::string message;
};

struct ReleaseArgs {
  std::string mission;
};

/// `reeve approve|reject|revise`.
struct DecideArgs {
  /// "approve", "reject" or "revise".
  std::string decision;
  /// MISSION, MISSION/TASK or toolcall/NAME.
  std::string gate;
  std::string message;
  /// Of a call: a file with other arguments, `-` for standard input.
  std::string edit;
};

struct ApprovalsArgs {};

/// `reeve trigger test WORKFLOW TRIGGER`.
struct TriggerTestArgs {
  std::string workflow;  ///< a file, or the name of a deployed workflow
  std::string trigger;
  std::string body;  ///< a file; "-": standard input; empty: none
  Params headers;
  Params query;
  std::string file;
  std::string key;
  std::optional<Timestamp> at;
};

/// `reeve channel VERB CHANNEL`.
struct ChannelArgs {
  std::string verb;
  std::string channel;
  /// As the owner takes it, without the message of `send`.
  Json body = Json::object();
  /// The message of `send`; "-": standard input.
  std::string text = {};
  /// `receive`: acknowledge what was printed.
  bool acknowledge = false;
};

struct LockArgs {
  std::string name;
  std::string directory;
  Duration timeout{10'000};
  std::vector<std::string> command;
};

struct ArtifactsArgs {
  enum class Verb : std::uint8_t { List, Get, Put, Expire };

  Verb verb = Verb::List;
  std::string mission;  ///< or a `reeve://` address
  std::string task;
  std::string path;
  std::string target;
  std::string file;
  std::string expires;  ///< a duration; empty: never
};

struct CacheArgs {
  bool clear = false;
  std::string workflow;  ///< empty: all of them
};

struct CredentialArgs {
  enum class Action : std::uint8_t { Set, Allow, List, Delete, Rekey };

  Action action = Action::List;
  std::string name;
  /// Where the value comes from; both empty: standard input. Never the value.
  std::string file;
  std::string variable;
  std::string description;
  std::vector<std::string> workflows;
  bool all = false;
  /// Of `rekey`.
  std::string passphrase_file;
  bool key_file = false;
};

struct ConfigArgs {
  enum class Action : std::uint8_t { Set, Get, List, Unset };

  Action action = Action::List;
  std::string name;
  std::string value;
  /// Empty: of all workflows.
  std::string workflow;
};

struct PoolArgs {
  enum class Action : std::uint8_t { Set, List, Delete };

  Action action = Action::List;
  std::string name;
  std::uint32_t units = 0;
};

struct NamespaceArgs {
  enum class Action : std::uint8_t { Create, List, Delete };

  Action action = Action::List;
  std::string name;
};

/// `reeve task add FILE`.
struct TaskAddArgs {
  std::string file;  ///< "-": standard input
};

struct AuditArgs {};

struct VersionArgs {};

/// A command that knows its arguments already.
struct BoundCommand {
  /// Carries it out and returns the exit code.
  std::function<int(const Common&)> carry_out;
};

using Command = std::variant<
    UpArgs,
    DownArgs,
    SubmitArgs,
    RunArgs,
    ApplyArgs,
    WorkflowsArgs,
    SwitchArgs,
    LintArgs,
    GraphArgs,
    SchemaArgs,
    StatusArgs,
    LineageArgs,
    ReadyArgs,
    LogsArgs,
    EventsArgs,
    RetryArgs,
    AbortArgs,
    ReleaseArgs,
    DecideArgs,
    ApprovalsArgs,
    ChannelArgs,
    TriggerTestArgs,
    LockArgs,
    ArtifactsArgs,
    CacheArgs,
    CredentialArgs,
    ConfigArgs,
    PoolArgs,
    NamespaceArgs,
    TaskAddArgs,
    AuditArgs,
    VersionArgs,
    BoundCommand>;

struct Invocation {
  Common common;
  Command command;
};

/// Parses the arguments. Either what to do, or (help was printed, a flag was wrong) the exit code.
std::variant<Invocation, int> parse_arguments(int argc, char** argv);

}  // namespace reeve::cli
