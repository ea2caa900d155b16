#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

class Missions;

/// The setting that gives every script of a Formicary document all credentials that its workflow
/// may use, if it is "true".
inline constexpr std::string_view kAllCredentialsSetting = "REEVE_ALL_CREDENTIALS";

/// The setting that lets requests of a Formicary document ask this machine and private networks, if
/// it is "true". Native tasks say so themselves.
inline constexpr std::string_view kPrivateAddressesSetting = "REEVE_PRIVATE_ADDRESSES";

/// The objects of kind Agent.
class AgentSource {
 public:
  virtual ~AgentSource() = default;

  /// The whole object as JSON text, or null.
  virtual const std::string* agent(const Namespace& ns, std::string_view name) const = 0;
};

/// What was set for workflows apart from any mission. Pointers may be null: nothing was.
struct Configuration {
  using Texts = std::map<std::string, std::string, std::less<>>;
  /// Credential → the workflows that may use it; none: all may.
  using Credentials = std::map<std::string, std::vector<std::string>, std::less<>>;

  /// Of the namespace: lose against everything else.
  const Texts* shared = nullptr;
  /// Of the workflow: win over its variables.
  const Texts* own = nullptr;
  const Credentials* credentials = nullptr;
  const AgentSource* agents = nullptr;
  /// No person stands behind the text of the mission: it gets no credentials.
  bool withheld = false;
};

/// What is known when a task (or a condition) is rendered. Rendering the same context twice gives
/// the same text: nothing else is consulted.
struct RenderContext {
  MissionName mission;
  Namespace ns;
  Uid uid;
  Principal owner;
  std::uint32_t epoch = 1;
  /// How often the mission was paused by a task; counts as a retry of the whole for templates.
  std::uint32_t pauses = 0;
  /// Attempt at this task, from 1.
  std::uint32_t attempt = 1;
  /// Tasks of container methods run in the local shell.
  bool local = false;
  RunName run;
  Fence fence;
  Timestamp mission_started_at;
  Timestamp now;
  /// Given at submission.
  const std::vector<model::NamedValue>* params = nullptr;
  /// Published by earlier tasks (`::set-output`, `<task>-status`), oldest first.
  const std::vector<model::NamedValue>* outputs = nullptr;
  Configuration configuration = {};
  /// What the gate said that sent the task back; REEVE_FEEDBACK in the environment.
  std::optional<std::string> feedback = std::nullopt;
  /// Null: templates cannot ask about other missions.
  Missions* missions = nullptr;
};

/// What a gate shows to those who decide.
struct GateText {
  std::string prompt;
  /// In the order of the workflow; empty fields are left out.
  std::vector<model::NamedValue> context;
};

/// Renders everything of `task` that a host needs. `inputs` of the result is left empty: the
/// engine knows the artifacts.
///
/// Precedence of values, low to high: credentials (Formicary) and settings of the namespace,
/// workflow variables, settings of the workflow, built-ins (JobID, JobType, JobRetry,
/// JobElapsedSecs, TaskType, TaskRetry, Nonce, DateYear …), task variables, params, outputs; while
/// the task's own texts are rendered, task variables win over everything. The environment holds
/// all of these by name (names that are no legal variable names are left out), then the task's
/// `environment`, then REEVE_MISSION, REEVE_TASK, REEVE_RUN, REEVE_ATTEMPT, REEVE_NONCE,
/// REEVE_WORKFLOW, REEVE_NAMESPACE and, for a task that a gate sent back, REEVE_FEEDBACK.
///
/// Values of credentials are not known here. Where one is printed the text has nothing, and
/// `credentials` of the result has the place. A credential is in the environment of a script if the
/// task names it (`credentials`) or, in a Formicary document, if a script mentions `$NAME`.
///
/// Invalid: a template fails or a rendered value has the wrong form; with the position in the
/// workflow's source.
Result<model::RunSpec> render_task(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// Whether `workflow` may use a credential. NotFound, PermissionDenied.
Result<void> check_credential(
    const Configuration& configuration, std::string_view credential, std::string_view workflow
);

/// Whether the text of a script has `$name` or `${name`.
bool mentions_variable(std::string_view script, std::string_view name);

/// The same for the compensation of `task`.
Result<model::RunSpec> render_compensation(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// Renders the prompt and the context of the gate `task`. Without a prompt the task's description
/// is one.
///
/// Invalid: names every field that cannot be rendered, and every required one that is missing or
/// empty. LimitExceeded: the texts are too long.
Result<GateText> render_gate(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// Renders a condition (`skip_if`, `except`): true iff the output contains "true". An empty text
/// is false. `task` may be null for conditions of the whole workflow; one of a Formicary document
/// that fails is false, as there.
Result<bool> render_condition(
    const Workflow& workflow, const Task* task, const Text& condition, const RenderContext& context
);

/// What a fan-out runs over: an array (as JSON, or the name of a value that holds one), or a range
/// "1..10".
/// Invalid: it is none of these. LimitExceeded: more than kFanOutMax items.
Result<std::vector<Json>> render_items(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// A child mission as it is to be made.
struct RenderedChild {
  std::string workflow;
  std::vector<model::NamedValue> params;
  std::string user_key;
};

/// Renders `Task::child`, which must be there.
Result<RenderedChild> render_child(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// The time limit of a task that states one; a task without has none here.
Result<std::optional<Duration>> render_limit(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
);

/// Text of a value in an environment variable or a param: strings as they are, numbers in plain
/// decimals, lists and objects as JSON, null as nothing.
std::string plain_text(const Json& value);

/// Checks params against the workflow's declarations before a mission is made: unknown params of a
/// native workflow, missing required ones. Invalid names the param and the nearest known one. What
/// a Formicary document requires may as well be a setting or a credential.
Result<void> check_params(
    const Workflow& workflow,
    const std::vector<model::NamedValue>& params,
    const Configuration& configuration = {}
);

}  // namespace reeve::workflow
