#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// The one graph that both front ends (native/ and formicary/) produce.
namespace reeve::workflow {

/// A scalar of the document that may contain `{{ }}`, with its place in the file.
struct Text {
  std::string text;
  Position position;

  bool empty() const { return text.empty(); }
};

/// Index of a task in `Workflow::tasks`.
using TaskIndex = std::uint32_t;

/// How a task is carried out.
enum class Method : std::uint8_t {
  Shell,
  Noop,             ///< completes inside the engine, at once
  Docker,           ///< a container method: runs in the local shell under --local
  Kubernetes,       ///< as Docker
  Http,             ///< HTTP_GET, HTTP_POST_JSON, …: one request, see `Task::http`
  WebSocket,        ///< WEBSOCKET: one exchange over a web socket, see `Task::http`
  Gate,             ///< MANUAL: people decide, see `Task::gate`; occupies nothing while it waits
  Mission,          ///< FORK_JOB: a child mission, see `Task::child`
  Await,            ///< AWAIT_FORKED_JOB: waits for children of earlier tasks, see `Task::await`
  Message,          ///< MESSAGING: a message to a channel and its reply, see `Task::message`
  ExpireArtifacts,  ///< EXPIRE_ARTIFACTS: forgets artifacts whose time has come
  Agent,            ///< AGENT: an agent works on a prompt, see `Task::agent`
};

std::string_view to_string(Method method);  ///< "SHELL" …

/// Runs in a container, or under --local in the local shell.
inline bool is_container(Method method) {
  return method == Method::Docker || method == Method::Kubernetes;
}

/// Carried out by a host as processes that a task may say more about; the others happen inside the
/// engine, or (Message) need nothing but the owner of the data directory.
inline bool is_hosted(Method method) {
  return method == Method::Shell || method == Method::Http || method == Method::WebSocket ||
         method == Method::ExpireArtifacts || method == Method::Agent || is_container(method);
}

/// Delay before attempt n+1: min·factorⁿ, at most max; with jitter a value in [min, that].
struct Backoff {
  Duration min{0};
  Duration max{10'000};
  double factor = 2;
  bool jitter = false;
};

/// How often and when to try again. Attempts = 1 + retries.
struct RetryPolicy {
  std::uint32_t retries = 0;
  /// Fixed delay, used when there is no backoff.
  Duration delay{0};
  std::optional<Backoff> backoff;
};

/// The delay before retry number `retry` (0 is the first retry). `seed` decides jitter, so that
/// the same run always gets the same delay.
Duration retry_delay(const RetryPolicy& policy, std::uint32_t retry, std::uint64_t seed);

/// What a route does when it does not lead to a task.
enum class Action : std::uint8_t {
  Complete,     ///< COMPLETED: count the task as completed, go on as completed
  Fail,         ///< FAILED: count the task as failed, go on as failed
  Fatal,        ///< FATAL: failed with ERR_FATAL, no retry of the whole
  Poll,         ///< EXECUTING: run the same task again after its delay
  RestartTask,  ///< RESTART_TASK: an ordinary retry, if one is left
  RestartJob,   ///< RESTART_JOB: run the mission again from its incomplete tasks
  PauseJob,     ///< PAUSE_JOB: hold the mission, then run the same task again
};

/// Fails the task with a user-chosen code `ERR_…`.
struct FailWith {
  std::string code;

  friend bool operator==(const FailWith&, const FailWith&) = default;
};

using Target = std::variant<TaskIndex, Action, FailWith>;

/// `on`: an exit code in decimal, `COMPLETED`, `FAILED`, or any other upper-case word a method
/// reports as exit code (`SKIPPED`, `APPROVED`).
struct Route {
  std::string on;
  Target target;
  Position position;
};

/// A variable: a constant of any JSON type, or a string with a template.
struct Variable {
  std::string name;
  Json value;
  Position position;
};

struct Artifacts {
  std::vector<Text> paths;
  model::ArtifactWhen when = model::ArtifactWhen::Always;
  std::optional<Duration> expires_after;
};

/// What a task finds again from earlier missions of the same workflow: restored before its script,
/// kept after its success unless there is something under that key already.
struct Cache {
  /// Globs relative to the working directory.
  std::vector<Text> paths;
  /// Either a key or files whose content makes the key.
  Text key;
  std::vector<Text> key_paths;
  Duration expires_after{std::chrono::hours(30 * 24)};

  bool empty() const { return paths.empty(); }
};

/// Somebody who is told when nobody has decided for so long.
struct Escalation {
  Duration after{0};
  /// Principals or addresses, as written.
  std::vector<std::string> to;
  std::string message;
};

/// A point at which people decide. Nothing is ever approved by default.
struct Gate {
  /// What is to be decided, for people.
  Text prompt;
  /// Approvals that are needed.
  std::uint32_t approvals = 1;
  /// One rejection rejects, and everybody named in `users` must approve.
  bool unanimous = false;
  /// Who may decide: principals without their kind ("alice"), and groups. Both empty: anybody but
  /// the author.
  std::vector<std::string> users;
  std::vector<std::string> groups;
  /// Whether the owner of the mission may decide too. Its runs never may.
  bool owner_may_approve = false;
  /// What the approver is shown: name → text.
  std::vector<std::pair<std::string, Text>> context;
  /// Names in `context` that must not be empty: otherwise the gate is not opened and fails.
  std::vector<std::string> required;
  /// When it expires, which rejects. None: it waits.
  std::optional<Duration> deadline;
  /// When the approvers are reminded.
  std::optional<Duration> remind_after;
  /// In order of `after`.
  std::vector<Escalation> escalations;
  /// The task that `revise` runs again with the feedback. None: revising is refused.
  std::optional<TaskIndex> revises;
  std::uint32_t revisions_max = 10;
};

/// A child mission of a deployed workflow.
struct Child {
  /// Name of the workflow.
  Text workflow;
  /// A version of it; empty: the one that is deployed.
  std::string version;
  std::vector<std::pair<std::string, Text>> params;
  /// The child's user key: while a live mission has it, no other one is made and that one counts.
  Text user_key;
  /// The task ends with the child; otherwise once the child exists.
  bool wait = true;
  /// Outputs of the child that become outputs of the task: child's name → ours. Empty: all.
  std::vector<std::pair<std::string, std::string>> outputs;
};

/// Waits for the children of other tasks.
struct Await {
  std::vector<TaskIndex> tasks;
  /// As in Child.
  std::vector<std::pair<std::string, std::string>> outputs;
};

/// One run (or child) of the task for each item.
struct FanOut {
  enum class Policy : std::uint8_t {
    All,        ///< every item is carried out; the task fails if one fails
    FailFast,   ///< the first failure cancels the others
    FirstWins,  ///< the first success cancels the others and completes the task
  };

  /// A JSON array, or the name of a value that holds one; or a range "1..10".
  Text over;
  /// The value's name in texts of the task.
  std::string item = "item";
  /// At the same time; 0: no limit of its own.
  std::uint32_t parallel = 0;
  Policy policy = Policy::All;
  /// Failures that do not fail the task (policy All).
  std::uint32_t failures_allowed = 0;
};

enum class HttpVerb : std::uint8_t { Get, Head, Post, Put, Patch, Delete };

std::string_view to_string(HttpVerb verb);  ///< "GET" …

/// How the body of a request is made.
enum class HttpBody : std::uint8_t {
  None,
  Text,      ///< `body` as it is
  Json,      ///< `body`, or without one an object of the task's values
  FormData,  ///< the task's values as application/x-www-form-urlencoded
};

/// One HTTP request, or (WebSocket) one exchange of messages.
struct HttpRequest {
  HttpVerb verb = HttpVerb::Get;
  Text url;
  std::vector<std::pair<std::string, Text>> headers;
  std::vector<std::pair<std::string, Text>> query;
  HttpBody form = HttpBody::None;
  Text body;
  std::uint32_t redirects_max = 5;
  /// Also to another host, which never sees credentials of the first.
  bool redirects_cross_host = true;
  bool verify_tls = true;
  /// PEM file of authorities beyond the system's.
  Text ca_file;
  /// Addresses of this machine and of private networks may be asked.
  bool allow_private = false;
  std::uint64_t response_bytes_max = std::uint64_t{10} << 20U;
  /// Output name → JSON pointer (RFC 6901) into the response; empty pointer: the whole.
  std::vector<std::pair<std::string, std::string>> outputs;
};

/// A message to a channel; with a reply channel the task ends when the reply has come.
struct Message {
  Text channel;
  Text reply_channel;
  /// Empty: an object of the task's values.
  Text body;
};

/// A piece of work for an agent: an object of kind Agent, as it is when the run starts.
struct AgentTask {
  Text name;
  Text prompt;
  /// The session of an earlier run that is continued; empty: a new one.
  Text session;
  /// Output name → JSON pointer (RFC 6901) into the result, which then is JSON.
  std::vector<std::pair<std::string, std::string>> outputs;
  /// The task whose result is judged. Nobody judges what is their own: it must be another agent's.
  std::optional<TaskIndex> validates;
};

/// So many units of a pool while something runs.
struct Semaphore {
  std::string pool;
  std::uint32_t units = 1;
  Position position;
};

/// Undoes a completed task (saga). Runs like a task of its own named `<task>~compensate`.
struct Compensation {
  std::vector<Text> script;
  RetryPolicy retry{.retries = 2, .delay = Duration(1000), .backoff = std::nullopt};
  Duration timeout{0};
};

struct Task {
  TaskName name;
  Position position;
  std::string description;
  Method method = Method::Shell;
  std::vector<Text> before_script;
  std::vector<Text> script;
  std::vector<Text> after_script;
  std::vector<std::pair<std::string, Text>> environment;
  std::vector<Variable> variables;
  Text working_dir;
  /// Image of a container method; told to the user when it is run locally instead.
  Text image;
  /// Tasks that must be completed (or skipped) before this one starts. Native form only.
  std::vector<TaskIndex> needs;
  std::vector<Route> routes;
  RetryPolicy retry;
  /// Time between polls and length of a pause; without it polls use the retry delay and pauses the
  /// workflow's `pause_time`.
  std::optional<Duration> pace;
  /// A duration; may be a template. Empty: as long as the whole may take.
  Text timeout;
  bool always_run = false;
  bool allow_failure = false;
  /// Rendered before the task starts; output that contains "true" skips it.
  Text skip_if;
  /// Tasks whose artifacts are put into the working directory.
  std::vector<TaskIndex> dependencies;
  Artifacts artifacts;
  std::optional<Compensation> compensate;
  Cache cache;
  /// Files that were uploaded before: digests.
  std::vector<Text> artifact_ids;
  /// Where its processes are kept; absent: as the workflow says.
  std::optional<model::Sandbox> sandbox;
  /// Environment variable → name of the credential whose value it gets.
  std::vector<std::pair<std::string, std::string>> credentials;
  /// Labels that a host must have.
  std::vector<std::string> tags;
  /// Taken while a run is on a host.
  std::vector<Semaphore> semaphores;
  /// Polls (route EXECUTING) after every failure that has no route of its own.
  bool sensor = false;
  /// What its runs may do beyond their work: "mission.extend".
  std::vector<std::string> permissions;
  /// Present for the method of the same name.
  std::optional<Gate> gate;
  std::optional<Child> child;
  std::optional<Await> await;
  std::optional<HttpRequest> http;
  std::optional<Message> message;
  std::optional<AgentTask> agent;
  /// With any method but Gate and Await.
  std::optional<FanOut> fan_out;
};

/// What is done about ticks of a cron trigger that passed while nobody was there.
enum class MissedTicks : std::uint8_t { Skip, RunOnce };

struct CronTrigger {
  std::string expression;
  /// IANA name; empty: UTC.
  std::string time_zone;
  MissedTicks missed = MissedTicks::Skip;
};

/// How a webhook proves that it comes from whom it says.
enum class WebhookAuth : std::uint8_t { None, HmacSha256, BearerToken, ApiKey, GitHub, GitLab };

struct WebhookTrigger {
  WebhookAuth auth = WebhookAuth::None;
  /// Name of the credential that holds the secret.
  std::string secret;
  /// Where HmacSha256 and ApiKey look.
  std::string header;
  /// Informational.
  std::string path;
};

/// New objects in a bucket.
struct ObjectTrigger {
  bool poll = true;
  std::string bucket;
  std::string prefix;
  std::string suffix;
  Duration poll_interval{60'000};
};

/// Messages of a channel.
struct ChannelTrigger {
  std::string channel;
  std::string group;
  bool shared = false;
};

/// Files that appear in the inbox of the data directory.
struct InboxTrigger {
  /// Of the file's name.
  std::string glob = "*";
};

using TriggerSource =
    std::variant<CronTrigger, WebhookTrigger, ObjectTrigger, ChannelTrigger, InboxTrigger>;

struct RateLimit {
  std::uint32_t max = 0;
  Duration window{0};
};

/// What makes a mission of the workflow without anybody's asking. Its texts are rendered over what
/// came: `.Body .Headers .Query` (webhook), `.Object` (bucket), `.Message .Properties` (channel),
/// `.File` (inbox), `.Tick` (cron).
struct Trigger {
  std::string name;
  TriggerSource source;
  /// Passes if the trimmed output is "true"; empty: everything passes.
  Text filter;
  /// Becomes the mission's user key.
  Text dedup_key;
  std::vector<std::pair<std::string, Text>> params;
  std::optional<RateLimit> rate_limit;
  Position position;
};

/// A declared parameter of a native workflow.
struct Param {
  std::string name;
  std::optional<Json> fallback;
  bool required = false;
  std::string description;
  Position position;
};

enum class Format : std::uint8_t { Native, Formicary };

std::string_view to_string(Format format);  ///< "native", "formicary"

/// A complete, valid workflow. Immutable once made; shared between missions.
struct Workflow {
  std::string name;
  std::string description;
  std::string version;
  Format format = Format::Native;
  std::vector<Param> params;
  /// Formicary's `required_params`: must be given as params (or have a variable).
  std::vector<std::string> required_params;
  std::vector<Variable> variables;
  std::vector<Task> tasks;
  /// Tasks that start at once.
  std::vector<TaskIndex> entries;
  /// Limit of the whole mission.
  Duration timeout{7'200'000};
  RetryPolicy retry;
  /// Full re-run (no task reuse) on every (N+1)th retry of the whole; 0: never.
  std::uint32_t hard_reset_after_retries = 0;
  Duration pause_time{30'000};
  /// Rendered when the mission would start, before anything is allocated; output that contains
  /// "true" skips it.
  Text skip_if;
  std::vector<Trigger> triggers;
  /// Missions of this workflow at the same time; 0: no limit of its own.
  std::uint32_t max_concurrency = 0;
  /// Of its missions, unless they are given one. Higher goes first; see schedule in docs.
  std::int32_t priority = 0;
  /// Held from the first start to the end of a mission.
  std::vector<Semaphore> semaphores;
  /// Of all tasks with processes that say nothing about it.
  model::Sandbox sandbox;
  /// Skipped missions made by cron leave nothing behind.
  bool forget_skipped = false;
  /// One task of a workflow, see part.h: values of the whole reach it as params of any name.
  bool part = false;
  /// SHA-256 of the text it was loaded from, after structural templates were applied.
  Digest digest;
  /// That text; loading it again gives the same workflow.
  std::string source;

  std::optional<TaskIndex> find(std::string_view task_name) const;
};

inline constexpr Duration kUndoTimeoutDefault{3'600'000};
inline constexpr std::size_t kTasksMax = 10'000;
/// Documents that extend one workflow.
inline constexpr std::size_t kExtensionsMax = 1000;
inline constexpr std::size_t kTriggersMax = 20;
inline constexpr std::size_t kFanOutMax = 10'000;
/// Missions of one workflow at the same time that can be asked for.
inline constexpr std::uint32_t kConcurrencyMax = 1'000'000;
/// A priority is between this and its negative.
inline constexpr std::int32_t kPriorityMax = 1000;
/// Semaphores that a task or workflow takes, and units of one of them.
inline constexpr std::size_t kSemaphoresMax = 20;
inline constexpr std::uint32_t kSemaphoreUnitsMax = 1'000'000;
inline constexpr std::size_t kEscalationsMax = 10;
/// Missions that a trigger may make in the window of its rate limit.
inline constexpr std::uint32_t kRateMax = 1'000'000;
inline constexpr std::size_t kNameBytesMax = 100;
inline constexpr std::size_t kDescriptionBytesMax = std::size_t{8} << 10U;
inline constexpr std::size_t kSourceBytesMax = std::size_t{1} << 20U;
inline constexpr std::uint32_t kRetriesMax = 1000;

}  // namespace reeve::workflow
