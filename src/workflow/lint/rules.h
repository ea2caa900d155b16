#pragma once

#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "workflow/load/load.h"

/// Every rule about workflow documents, in one place. Each has a section in docs/errors/rules.md
/// (scripts/check.py compares both ways) and a test that it fires and one that it stays silent.
namespace reeve::lint {

using workflow::Severity;

struct Rule {
  /// Stable in all versions, kebab-case; also the anchor in the documentation.
  std::string_view id;
  /// Of its findings, unless a finding is known to be worse or milder, or the user says otherwise.
  Severity severity = Severity::Warning;
  /// What it finds, in one line.
  std::string_view help;
  /// What to do about it in general; findings are more exact where they can be.
  std::string_view fix;
};

/// Where the documentation of the rules is published.
inline constexpr std::string_view kRulesPage = "https://reeve.dev/docs/errors/rules.html";

inline constexpr Rule kRules[] = {
    // Reported while a document is loaded: without these nothing runs, or it runs otherwise.
    {"not-text", Severity::Error, "the file is empty, binary or no UTF-8", "give it a text file"},
    {"too-large", Severity::Error, "the document is larger than the limit", "split the workflow"},
    {"yaml", Severity::Error, "YAML cannot be read", "correct the place that the position names"},
    {"not-a-workflow",
     Severity::Error,
     "neither kind nor job_type was found",
     "begin with \"apiVersion: reeve.dev/v1\" and \"kind: Workflow\""},
    {"two-formats", Severity::Error, "the document has both kind and job_type", "keep one of them"},
    {"api-version",
     Severity::Error,
     "the version is not known",
     "write \"apiVersion: reeve.dev/v1\""},
    {"kind", Severity::Error, "the document is of another kind", "write \"kind: Workflow\""},
    {"unknown-field",
     Severity::Error,
     "there is no such field",
     "take the suggestion, or remove the field"},
    {"missing-field", Severity::Error, "a required field is missing", "add it"},
    {"missing-value", Severity::Error, "a field has no value", "give it one, or remove the line"},
    {"wrong-type",
     Severity::Error,
     "a value is of another type than its field",
     "write what the message says"},
    {"range",
     Severity::Error,
     "a value is outside of what is allowed",
     "stay in the range that the message says"},
    {"too-long", Severity::Error, "a text is longer than the limit", "shorten it"},
    {"too-many-tasks",
     Severity::Error,
     "there are more tasks than the limit",
     "split the workflow"},
    {"name",
     Severity::Error,
     "a name cannot be used",
     "use letters, digits, \".\", \"_\", \"-\", beginning with a letter or digit"},
    {"duration", Severity::Error, "a value is no duration", "write 500ms, 30s, 5m, 2h or 1h30m"},
    {"bare-duration",
     Severity::Warning,
     "a number without a unit counts nanoseconds",
     "write a unit"},
    {"param",
     Severity::Error,
     "the declaration of a param contradicts itself",
     "the message says how"},
    {"duplicate-name", Severity::Error, "a name is declared twice", "rename one"},
    {"part",
     Severity::Error,
     "the first line says that the text is a part of a workflow",
     "remove the line to submit the whole"},
    {"extension-route",
     Severity::Error,
     "a route of an extension leads to a task that was there before",
     "let it lead to a task of the extension"},
    {"too-many-extensions",
     Severity::Error,
     "a mission was extended more often than the limit",
     "add more tasks at once"},
    {"unsupported", Severity::Error, "a field is recognised and not offered", "remove it"},
    {"ignored-field",
     Severity::Warning,
     "a field is accepted and has no effect",
     "nothing, if that is fine"},
    {"delay",
     Severity::Warning,
     "delay of a Formicary task is the time between polls and the length of a pause",
     "use delay_between_retries for the time between retries"},
    {"unknown-method", Severity::Error, "there is no such method", "take the suggestion"},
    {"no-script", Severity::Error, "a task whose method needs a script has none", "add one"},
    {"noop-script",
     Severity::Error,
     "a task with the method NOOP has a script",
     "remove one of the two"},
    {"exit-code",
     Severity::Error,
     "the key of a route is no exit code",
     "use a number, or a word such as COMPLETED"},
    {"duplicate-route", Severity::Error, "two routes for the same result", "remove one"},
    {"duplicate-entry", Severity::Warning, "a task is listed twice", "remove one"},
    {"artifact-path",
     Severity::Error,
     "a path of artifacts leaves the working directory",
     "use a relative path without \"..\""},
    {"working-dir",
     Severity::Error,
     "the path leaves the directory of the run",
     "use a path without \"..\""},
    {"template",
     Severity::Error,
     "a template cannot be parsed",
     "correct the place that the position names"},
    {"unquoted-template",
     Severity::Error,
     "a value that begins with {{ is a map to YAML",
     "quote it"},
    {"late-value",
     Severity::Error,
     "a value must be known at submission and its template needs more",
     "use params and variables only"},
    {"no-tasks", Severity::Error, "there are no tasks", "add one"},
    {"duplicate-task", Severity::Error, "two tasks have the same name", "rename one"},
    {"unknown-task", Severity::Error, "a task is named that does not exist", "take the suggestion"},
    {"self-need", Severity::Error, "a task needs itself", "remove it from its needs"},
    {"cycle", Severity::Error, "needs form a cycle", "for a loop use a route, which may lead back"},
    {"no-entry", Severity::Error, "no task can start", "add a first task that no route leads to"},
    {"unreachable",
     Severity::Error,
     "nothing leads to the task",
     "let a route lead to it, or remove it"},
    {"dependency-order",
     Severity::Error,
     "a dependency can never have run before the task",
     "correct the order, or remove it"},
    {"container-directory",
     Severity::Warning,
     "a container task names a directory of its image",
     "nothing, unless the script relies on what the image has there"},
    {"early-condition",
     Severity::Warning,
     "a structural condition needs a value that is not known at submission",
     "give it in job_variables or as a parameter"},
    {"later-function",
     Severity::Warning,
     "a template calls a function that does nothing here",
     "do without it"},
    {"unquoted-colon",
     Severity::Warning,
     "a script item is a map to YAML because of a colon",
     "quote the item, or write a block"},
    // Legal, but fails or surprises later: reported by lint only.
    {"undefined-variable",
     Severity::Warning,
     "a template uses a name that nothing declares",
     "declare it as a param or variable, or correct the name"},
    {"output-order",
     Severity::Warning,
     "a template uses an output of a task that never runs before",
     "let the task that publishes it run first, or give a default"},
    {"template-type",
     Severity::Warning,
     "a template compares or takes apart a value of the wrong type",
     "convert it with atoi or fromJson, or give it a default of the right type"},
    {"spliced-text",
     Severity::Warning,
     "text from outside becomes part of a script",
     "read it from the environment, or use shellquote"},
    {"hard-coded-secret",
     Severity::Warning,
     "the document contains what looks like a secret",
     "store it with reeve credential and name it in credentials"},
    {"impossible-code",
     Severity::Warning,
     "a route waits for a result that the task cannot have",
     "use a code that occurs, or remove the route"},
    {"leaf-trap",
     Severity::Warning,
     "a task has routes, but none for success: the walk ends there",
     "say where success leads, or COMPLETED: COMPLETED if that is meant"},
    {"endless-loop",
     Severity::Warning,
     "a loop of routes is left only when a task fails",
     "let a route lead out of the loop"},
    {"restart-without-retry",
     Severity::Warning,
     "a route restarts what has no retries: it always fails",
     "give it retries, or route to FAILED"},
    {"empty-dependency",
     Severity::Warning,
     "a dependency has no artifacts to give",
     "add artifacts to it, or remove the dependency"},
    {"artifacts-never",
     Severity::Warning,
     "artifacts are declared where none can come to be",
     "correct \"when\", or remove them"},
    {"no-timeout",
     Severity::Info,
     "a task has no timeout of its own",
     "add one, such as \"timeout: 10m\""},
    {"timeout-order",
     Severity::Warning,
     "a timeout cannot be reached, because the whole ends first",
     "make it shorter, or the timeout of the whole longer"},
    {"no-retry",
     Severity::Info,
     "a task uses the network and is not retried",
     "add retries with a backoff"},
    {"cron-six-fields",
     Severity::Warning,
     "in a cron expression of six fields the sixth is the year",
     "write five fields, or seven with seconds first"},
    {"cron-fields",
     Severity::Warning,
     "a cron expression has five, six or seven fields",
     "write minute, hour, day of the month, month, day of the week"},
    {"gate-quorum",
     Severity::Error,
     "a gate needs more approvals than there are approvers",
     "name more users, a group, or fewer approvals"},
    {"gate-context",
     Severity::Error,
     "a gate requires a field that its context does not have",
     "add it to the context"},
    {"gate-too-late",
     Severity::Warning,
     "a reminder or escalation comes after the deadline",
     "make it come before"},
    {"no-gate-deadline", Severity::Info, "a gate waits for ever", "add a deadline, which rejects"},
    {"self-approval",
     Severity::Info,
     "the owner of a mission may approve it",
     "leave ownerMayApprove out, so that somebody else decides"},
    {"plain-http", Severity::Warning, "a request goes over the network without TLS", "use https"},
    {"tls-not-verified",
     Severity::Warning,
     "whoever is in between can answer a request",
     "trust the authority of the server with caFile instead"},
    {"private-address",
     Severity::Warning,
     "a request may reach this machine and private networks",
     "leave allowPrivate out unless the host is yours"},
    {"outside-url",
     Severity::Warning,
     "the host of a request comes from outside",
     "write the host down, or choose among known ones"},
    {"open-webhook",
     Severity::Warning,
     "anybody who knows the address can start missions",
     "add auth with a secret"},
    {"fan-out-unbounded",
     Severity::Warning,
     "a fan-out of unknown size starts everything at once",
     "limit it with parallel"},
    {"fan-out-size", Severity::Error, "a fan-out has more items than the limit", "split the range"},
    {"semaphore-nested",
     Severity::Warning,
     "a task takes more of a pool that its mission holds already",
     "take it in one of the two places"},
    {"lint-comment",
     Severity::Error,
     "a comment that should turn a rule off does not",
     "write \"# reeve-lint: disable=RULE\" with a rule that exists"},
    {"unused-suppression",
     Severity::Info,
     "a comment turns a rule off that has nothing to say",
     "remove the comment"},
};

/// All rules, in the order of the documentation.
std::span<const Rule> all_rules();

/// Null if there is no such rule.
const Rule* find_rule(std::string_view id);

/// The section of the documentation about a rule.
std::string help_uri(std::string_view id);

/// The id of a rule that exists: anything else does not compile.
class RuleId {
 public:
  consteval RuleId(const char* id) : id_(id) {  // NOLINT: implicit, so that calls read well
    bool known = false;
    for (const Rule& rule : kRules) {
      known = known || rule.id == id_;
    }
    if (!known) {
      throw "no rule of the table has this id";
    }
  }

  std::string_view view() const { return id_; }

 private:
  std::string_view id_;
};

}  // namespace reeve::lint
