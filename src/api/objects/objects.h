#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "journal/event.h"

/// What the API shows, made from what the journal's rows hold. Pure.
namespace reeve::api {

inline constexpr std::string_view kGroup = "reeve.dev";
inline constexpr std::string_view kVersion = "v1";
inline constexpr std::string_view kGroupVersion = "reeve.dev/v1";

/// Labels that the server sets, so that clients can select by them.
inline constexpr std::string_view kWorkflowLabel = "reeve.dev/workflow";
inline constexpr std::string_view kMissionLabel = "reeve.dev/mission";
inline constexpr std::string_view kTaskLabel = "reeve.dev/task";

/// A row of the store, and what clients have said about its object (labels, finalizers, …).
struct Source {
  journal::ObjectKey key;
  Uid uid;
  /// Of the last change to either of the two.
  Revision revision;
  const Json& row;
  /// Null if there is nothing.
  const Json& metadata;
  /// Of a quota: the row of its usage, or null.
  const Json* usage = nullptr;
};

/// One object of the API.
struct ApiObject {
  std::string ns;
  std::string name;
  Uid uid;
  Revision revision;
  Json object;
};

/// A Mission: its intent, its state with conditions, its tasks.
ApiObject mission_object(const Source& mission);

/// Which attempts at tasks are wanted.
enum class Attempts : std::uint8_t {
  OnHosts,  ///< those that a host was asked for
  All,      ///< also those that wait for other missions
};

/// The attempts of a mission's tasks, in the order of tasks and attempts.
std::vector<ApiObject> run_objects(const Source& mission, Attempts attempts);

/// The gates of a mission that have been opened, in the order of tasks.
std::vector<ApiObject> approval_objects(const Source& mission);

/// A deployed Workflow. `document` is the text that is deployed, as a value: a native document, or
/// a string with any other.
ApiObject workflow_object(const Source& workflow, const Json& document);

/// A Credential, without anything of its value.
ApiObject credential_object(const Source& credential);

/// A Channel: its limits and how full it is, without messages.
ApiObject channel_object(const Source& channel);

/// A ToolCall: what was asked for, who decided, what came of it.
ApiObject tool_call_object(const Source& call);

/// A ModelCall: who asked for it, what it might have used and what it has. Never what was said.
ApiObject model_call_object(const Source& call);

/// A BudgetUsage: what something has used.
ApiObject usage_object(const Source& usage);

/// Puts what is used of a quota into the status of its object.
void show_usage(const Source& quota, Json& object);

/// An object that clients write whole.
ApiObject plain_object(const Source& plain, std::string_view api_version, std::string_view kind);

/// A Run as a Pod, for clients that know those only.
Json pod_of_run(const ApiObject& run);

/// A Credential as a Secret without data.
Json secret_of_credential(const ApiObject& credential);

/// An event of the journal as an Event of core/v1, for `kubectl describe`.
Json core_event(const journal::Event& event);

/// The kind that the API shows for a kind of the journal: "Mission".
std::string_view api_kind(journal::Kind kind);

/// `text` where it can be the value of a label; empty otherwise.
std::string label_value(std::string_view text);

}  // namespace reeve::api
