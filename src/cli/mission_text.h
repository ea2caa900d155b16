#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "journal/event.h"

/// What people are told of missions in a line. Private to cli.
namespace reeve::cli {

/// What a mission waits for or why it ended. May contain what tasks wrote: make it printable.
std::string explain_mission(const Json& mission);

/// Revision, time, type and data of an event, for people.
std::string event_line(const journal::Event& event);

/// NotFound: the mission has no such task; names the nearest. Empty means all tasks.
Result<void> check_task(const Json& mission, const std::string& task);

}  // namespace reeve::cli
