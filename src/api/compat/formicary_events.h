#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

/// Formicary's events of jobs and tasks, as its web socket tells them. Pure; any thread.
namespace reeve::api::formicary {

/// What a client has asked for with a message.
struct Subscription {
  /// "JobExecutionLifecycleEvent", "TaskExecutionLifecycleEvent".
  std::string event_type;
  /// A job request; empty: all.
  std::string job_request_id;
};

/// Invalid: no subscription, or to something that is not told here; the message says what to use.
Result<Subscription> subscription_of(std::string_view message);

/// An event of a mission's journal.
struct MissionEvent {
  std::string type;
  std::string id;
  std::string at;
  /// The mission's name.
  std::string name;
  const Json& data;
};

/// The event in Formicary's words, if it is of that type. `mission`: as it is now; an empty object
/// if it is gone.
std::optional<Json> lifecycle_event(
    std::string_view event_type, const MissionEvent& event, const Json& mission
);

}  // namespace reeve::api::formicary
