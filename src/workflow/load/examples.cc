#include "workflow/load/examples.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.h"
#include "workflow/load/numbers.h"

namespace reeve::workflow {

namespace {

using document::Node;
using document::Style;

struct Example {
  /// The last name of a path, or its last two where one name means two things. List items count
  /// as their list.
  std::string_view field;
  std::string_view text;
};

constexpr Example kHeadExamples[] = {
    {"apiVersion", "apiVersion: reeve.dev/v1"},
    {"kind", "kind: Workflow"},
    {"metadata", "metadata: {name: nightly-build}"},
    {"metadata.name", "name: nightly-build"},
    {"labels", "labels: {team: web}"},
    {"annotations", "annotations: {owner: web}"},
    {"spec", "spec: {tasks: [{name: build, script: make}]}"},
    {"description", "description: what it is for"},
    {"version", "version: '1.0'"},
    {"params", "params: {who: {default: world}}"},
    {"variables", "variables: {color: blue}"},
    {"spec.tasks", "tasks: [{name: build, script: make}]"},
    {"maxConcurrency", "maxConcurrency: 2"},
    {"pauseTime", "pauseTime: 1m"},
    {"priority", "priority: 10"},
    {"schedule", "schedule: '0 3 * * *'"},
    {"triggers", "triggers: [{name: nightly, cron: {schedule: '0 3 * * *'}}]"},
    {"triggers.name", "name: nightly"},
    {"triggers.params", "params: {who: world}"},
    {"triggers.channel", "channel: {channel: builds}"},
    {"cron", "cron: {schedule: '0 3 * * *'}"},
    {"webhook", "webhook: {auth: github, secret: webhook-secret}"},
    {"auth", "auth: github"},
    {"objects", "objects: {bucket: incoming}"},
    {"bucket", "bucket: incoming"},
    {"pollInterval", "pollInterval: 1m"},
    {"inbox", "inbox: {glob: '*.csv'}"},
    {"glob", "glob: '*.csv'"},
    {"missed", "missed: runOnce"},
    {"rateLimit", "rateLimit: {max: 10, window: 1h}"},
    {"rateLimit.max", "max: 10"},
    {"window", "window: 1h"},
};

constexpr Example kTaskExamples[] = {
    {"name", "name: build"},
    {"method", "method: SHELL"},
    {"beforeScript", "beforeScript: ./prepare.sh"},
    {"script", "script: make"},
    {"afterScript", "afterScript: ./clean-up.sh"},
    {"environment", "environment: {LANG: C}"},
    {"workingDir", "workingDir: src"},
    {"container", "container: {image: 'debian:12'}"},
    {"image", "image: 'debian:12'"},
    {"needs", "needs: [build]"},
    {"dependencies", "dependencies: [build]"},
    {"retry", "retry: {max: 3}"},
    {"max", "max: 3"},
    {"delay", "delay: 10s"},
    {"backoff", "backoff: {min: 1s, max: 1m}"},
    {"backoff.max", "max: 1m"},
    {"min", "min: 1s"},
    {"factor", "factor: 2"},
    {"timeout", "timeout: 10m"},
    {"onExitCode", "onExitCode: {3: notify}"},
    {"onCompleted", "onCompleted: test"},
    {"onFailed", "onFailed: notify"},
    {"skipIf", "skipIf: '{{ not .who }}'"},
    {"artifacts", "artifacts: {paths: [report.txt]}"},
    {"paths", "paths: [report.txt]"},
    {"when", "when: onFailure"},
    {"expiresAfter", "expiresAfter: 24h"},
    {"artifactIds", "artifactIds: ['{{ .report }}']"},
    {"cache", "cache: {paths: [node_modules], key: v1}"},
    {"keyPaths", "keyPaths: [package-lock.json]"},
    {"key", "key: v1"},
    {"compensate", "compensate: {script: ./undo.sh}"},
    {"credentials", "credentials: {GITHUB_TOKEN: github}"},
    {"tags", "tags: [gpu]"},
    {"semaphores", "semaphores: [{pool: models, units: 1}]"},
    {"pool", "pool: models"},
    {"units", "units: 1"},
    {"sandbox", "sandbox: isolated"},
    {"level", "level: isolated"},
    {"processesMax", "processesMax: 200"},
    {"memoryBytesMax", "memoryBytesMax: 1073741824"},
    {"fileBytesMax", "fileBytesMax: 1073741824"},
    {"tempBytesMax", "tempBytesMax: 268435456"},
    {"diskBytesMax", "diskBytesMax: 10737418240"},
    {"readable", "readable: [/srv/models]"},
    {"permissions", "permissions: [mission.extend]"},
    {"fanOut", "fanOut: {over: [a, b]}"},
    {"foreach", "foreach: {over: [a, b]}"},
    {"over", "over: [a, b]"},
    {"as", "as: item"},
    {"parallel", "parallel: 4"},
    {"policy", "policy: failFast"},
    {"failuresAllowed", "failuresAllowed: 1"},
};

constexpr Example kBlockExamples[] = {
    {"gate", "gate: {prompt: 'Deploy it?'}"},
    {"prompt", "prompt: 'Deploy it?'"},
    {"approvals", "approvals: 2"},
    {"users", "users: [ada]"},
    {"groups", "groups: [leads]"},
    {"context", "context: {summary: '{{ .summary }}'}"},
    {"require", "require: [summary]"},
    {"deadline", "deadline: 24h"},
    {"remindAfter", "remindAfter: 4h"},
    {"escalate", "escalate: [{after: 8h, to: [leads]}]"},
    {"after", "after: 8h"},
    {"to", "to: [leads]"},
    {"revises", "revises: build"},
    {"revisionsMax", "revisionsMax: 3"},
    {"mission", "mission: {workflow: nightly-build}"},
    {"workflow", "workflow: nightly-build"},
    {"mission.params", "params: {who: world}"},
    {"outputs", "outputs: {total: count}"},
    {"http.outputs", "outputs: {id: /data/0/id}"},
    {"webSocket.outputs", "outputs: {id: /data/0/id}"},
    {"await", "await: {tasks: [start]}"},
    {"await.tasks", "tasks: [start]"},
    {"message", "message: {channel: builds}"},
    {"escalate.message", "message: please decide"},
    {"channel", "channel: builds"},
    {"agent", "agent: {name: coder, prompt: 'Fix the build'}"},
    {"agent.name", "name: coder"},
    {"agent.prompt", "prompt: 'Fix the build'"},
    {"agent.outputs", "outputs: {verdict: /verdict}"},
    {"session", "session: '{{ index . \"build-session-id\" }}'"},
    {"validates", "validates: build"},
    {"http", "http: {url: 'https://example.org'}"},
    {"http.method", "method: POST"},
    {"webSocket", "webSocket: {url: 'wss://example.org'}"},
    {"url", "url: 'https://example.org'"},
    {"webSocket.url", "url: 'wss://example.org'"},
    {"headers", "headers: {Accept: text/plain}"},
    {"query", "query: {page: '1'}"},
    {"redirects", "redirects: {max: 5}"},
    {"responseBytesMax", "responseBytesMax: 1048576"},
    {"expireArtifacts", "expireArtifacts: true"},
    {"form", "form: true"},
};

/// Of Formicary only what a job needs.
constexpr Example kFormicaryExamples[] = {
    {"job_type", "job_type: nightly-build"},
    {"job_variables", "job_variables: {color: blue}"},
    {"tasks", "tasks: [{task_type: build, script: [make]}]"},
    {"task_type", "task_type: build"},
    {"on_exit_code", "on_exit_code: {COMPLETED: test}"},
    {"triggers", "triggers: [{name: builds, type: queue, topic: builds}]"},
    {"triggers.name", "name: builds"},
    {"auth", "auth: {method: github, secret_config: webhook-secret}"},
    {"auth.method", "method: github"},
    {"await_forked_tasks", "await_forked_tasks: [start]"},
    {"fan_out", "fan_out: {source: '[1, 2, 3]'}"},
    {"source", "source: '[1, 2, 3]'"},
    {"resources", "resources: {resource_type: models}"},
    {"resource_type", "resource_type: models"},
    {"topic", "topic: builds"},
    {"type", "type: queue"},
    {"secret_config", "secret_config: webhook-secret"},
    {"bucket", "bucket: incoming"},
};

/// How others call what a native document has under another name. Close spellings are not here.
struct OtherName {
  std::string_view theirs;
  std::string_view ours;
};

constexpr OtherName kOtherNames[] = {
    {"approvers", "users"},
    {"artifact_ids", "artifactIds"},
    {"attempts", "max"},
    {"command", "script"},
    {"commands", "script"},
    {"cron_trigger", "schedule"},
    {"cwd", "workingDir"},
    {"delay_between_retries", "retry"},
    {"dependsOn", "needs"},
    {"depends_on", "needs"},
    {"entrypoint", "script"},
    {"env", "environment"},
    {"env", "variables"},
    {"environment", "variables"},
    {"for_each", "foreach"},
    {"id", "name"},
    {"if", "skipIf"},
    {"image", "container"},
    {"inputs", "params"},
    {"job_variables", "variables"},
    {"jobs", "tasks"},
    {"matrix", "fanOut"},
    {"on_exit_code", "onExitCode"},
    {"onError", "onFailed"},
    {"onFailure", "onFailed"},
    {"on_failure", "onFailed"},
    {"onSuccess", "onCompleted"},
    {"on_success", "onCompleted"},
    {"parameters", "params"},
    {"pre_script", "beforeScript"},
    {"post_script", "afterScript"},
    {"quorum", "approvals"},
    {"required_params", "params"},
    {"retries", "retry"},
    {"run", "script"},
    {"schedule", "cron"},
    {"secrets", "credentials"},
    {"skip_if", "skipIf"},
    {"steps", "tasks"},
    {"task_type", "name"},
    {"title", "description"},
    {"vars", "variables"},
    {"when", "skipIf"},
    {"working_directory", "workingDir"},
};

/// Maps whose keys the author of a document chooses.
constexpr std::array<std::string_view, 13> kFreeMaps = {
    "labels",
    "annotations",
    "params",
    "variables",
    "environment",
    "onExitCode",
    "credentials",
    "context",
    "outputs",
    "headers",
    "query",
    "job_variables",
    "on_exit_code"};

/// `path` without its last name, and that name without the numbers of list items.
struct Split {
  std::string_view rest;
  std::string_view last;
};

Split split_last(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? path : path.substr(dot + 1);
  return {
      dot == std::string_view::npos ? std::string_view() : path.substr(0, dot),
      last.substr(0, last.find('['))};
}

/// The example for `field` in `examples`; one that names the parent, too, is the better one.
void find(
    std::span<const Example> examples,
    std::string_view parent,
    std::string_view field,
    std::string_view& found
) {
  for (const Example& example : examples) {
    const Split names = split_last(example.field);
    if (names.last == field && (names.rest.empty() ? found.empty() : names.rest == parent)) {
      found = example.text;
    }
  }
}

std::string without_example(std::string_view expected) {
  if (expected.starts_with("text")) {
    return "write one value; put it in quotes if it holds a colon or begins with a bracket";
  }
  if (expected.starts_with("a map")) {
    return "write \"key: value\" lines below it, indented by two spaces";
  }
  if (expected.starts_with("a list")) {
    return "write a list: [a, b]";
  }
  if (expected.starts_with("a duration")) {
    return "write 500ms, 30s, 5m, 2h or 1h30m";
  }
  return concat("write ", expected);
}

/// What somebody meant who wrote `text` for true or false.
std::string_view meant_flag(std::string_view text) {
  const std::string word = to_lower(text);
  constexpr std::array<std::string_view, 5> kYes = {"true", "yes", "on", "y", "1"};
  constexpr std::array<std::string_view, 5> kNo = {"false", "no", "off", "n", "0"};
  if (std::find(kYes.begin(), kYes.end(), word) != kYes.end()) {
    return "true";
  }
  return std::find(kNo.begin(), kNo.end(), word) != kNo.end() ? "false" : "";
}

/// `text`, words between commas, as a list in brackets; empty if it cannot stand there as it is.
std::string as_list(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view piece : split(text, ',')) {
    const std::string_view word = trim(piece);
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return is_ascii_alnum(c) || c == '-' || c == '_' || c == '.' || c == '/';
    });
    if (!plain) {
      return {};
    }
    words.emplace_back(word);
  }
  return concat("[", join(words, ", "), "]");
}

}  // namespace

std::string_view example_of(std::string_view path, Format format) {
  const Split names = split_last(path);
  const std::string_view parent = split_last(names.rest).last;
  std::string_view found;
  if (std::find(kFreeMaps.begin(), kFreeMaps.end(), parent) != kFreeMaps.end()) {
    return found;
  }
  if (format == Format::Formicary) {
    find(kFormicaryExamples, parent, names.last, found);
    return found;
  }
  find(kHeadExamples, parent, names.last, found);
  find(kTaskExamples, parent, names.last, found);
  find(kBlockExamples, parent, names.last, found);
  return found;
}

std::vector<std::string_view> all_examples() {
  std::vector<std::string_view> out;
  for (const std::span<const Example> examples :
       {std::span<const Example>(kHeadExamples),
        std::span<const Example>(kTaskExamples),
        std::span<const Example>(kBlockExamples),
        std::span<const Example>(kFormicaryExamples)}) {
    for (const Example& example : examples) {
      out.push_back(example.text);
    }
  }
  return out;
}

std::string_view native_name(std::string_view key, const std::vector<std::string>& known) {
  for (const OtherName& name : kOtherNames) {
    if (name.theirs == key && std::find(known.begin(), known.end(), name.ours) != known.end()) {
      return name.ours;
    }
  }
  return {};
}

std::string unknown_hint(
    std::string_view key, std::string_view near, const std::vector<std::string>& known
) {
  if (!near.empty()) {
    return concat("did you mean \"", near, "\"?");
  }
  if (key.find(' ') != std::string_view::npos) {
    return "if this belongs to the text above it, indent it deeper than the line with the key";
  }
  if (key == "outputs") {
    return "a script publishes values itself: echo \"::set-output name=NAME::VALUE\"";
  }
  return concat("known here: ", join(known, ", "));
}

std::string way_out(
    const document::Node& node, std::string_view path, std::string_view expected, Format format
) {
  const std::string_view field = split_last(path).last;
  const bool quoted = node.is_scalar() && node.style == Style::Quoted;
  if (expected == "true or false" && node.is_scalar()) {
    const std::string_view meant = meant_flag(node.text);
    if (!meant.empty()) {
      return concat("write ", meant, quoted ? " without quotes" : "");
    }
  }
  if (expected.starts_with("a whole number") && quoted && whole(node.text)) {
    return "leave the quotes out";
  }
  if (expected.starts_with("a list of t") && node.is_scalar()) {
    if (const std::string list = as_list(node.text); !list.empty()) {
      return concat("write \"", field, ": ", list, "\"");
    }
  }
  if (expected.starts_with("text") && node.is_map()) {
    return "put quotes around it: the colon makes a map of it";
  }
  const std::string_view example = example_of(path, format);
  return example.empty() ? without_example(expected) : concat("for example \"", example, "\"");
}

}  // namespace reeve::workflow
