#include "cli/mission_text.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "cli/children_view.h"
#include "cli/print.h"

namespace reeve::cli {

namespace {

constexpr std::size_t kRevisionColumn = 8;
constexpr std::size_t kTypeColumn = 24;

std::string pad(std::string_view text, std::size_t width) {
  return text.size() >= width ? std::string(text)
                              : concat(text, std::string(width - text.size(), ' '));
}

/// What a mission waits for that has not started anything.
std::string explain_queued(const Json& status) {
  if (const std::string reason = status.get_string("waitsFor"); !reason.empty()) {
    return reason;
  }
  for (const Json& task : status.find("tasks")->as_array()) {
    const std::string reason = task.get_string("message");
    if (task.get_string("state") == "PENDING" && !reason.empty()) {
      return concat(task.get_string("name"), " ", reason);
    }
  }
  return "waits for a free run slot";
}

}  // namespace

std::string explain_mission(const Json& mission) {
  const Json& status = *mission.find("status");
  const std::string state = status.get_string("state");
  if (state == "HELD") {
    std::vector<std::string> reasons;
    for (const Json& hold : status.find("holds")->as_array()) {
      reasons.push_back(concat(hold.get_string("kind"), ": ", hold.get_string("message")));
    }
    return join(reasons, "; ");
  }
  if (state == "QUEUED") {
    return explain_queued(status);
  }
  std::vector<std::string> active;
  for (const Json& task : status.find("tasks")->as_array()) {
    const std::string task_state = task.get_string("state");
    if (task_state == "ACTIVE" || task_state == "LAUNCHING" || task_state == "PENDING") {
      const std::string more =
          task_state == "PENDING" ? task.get_string("message") : children_progress(task);
      active.push_back(
          concat(task.get_string("name"), " ", task_state, more.empty() ? "" : concat(", ", more))
      );
    }
  }
  if (!active.empty()) {
    return join(active, ", ");
  }
  return concat(
      status.get_bool("compensated") ? "compensated; " : "", status.get_string("message")
  );
}

std::string event_line(const journal::Event& event) {
  return concat(
      pad(std::to_string(event.revision.value()), kRevisionColumn),
      format_timestamp(event.at),
      "  ",
      pad(event.type, kTypeColumn),
      printable(event.data),
      "\n"
  );
}

Result<void> check_task(const Json& mission, const std::string& task) {
  if (task.empty()) {
    return {};
  }
  const std::string name = mission.find("metadata")->get_string("name");
  std::vector<std::string> names;
  for (const Json& one : mission.find("status")->find("tasks")->as_array()) {
    names.push_back(one.get_string("name"));
    names.push_back(one.get_string("name") + "~compensate");
  }
  if (std::find(names.begin(), names.end(), task) != names.end()) {
    return {};
  }
  Error error =
      make_error(ErrorCode::NotFound, concat("mission \"", name, "\" has no task \"", task, "\""));
  const std::string near = nearest(task, names);
  error.hint = near.empty() ? concat("reeve status ", name, " lists its tasks")
                            : concat("did you mean \"", near, "\"?");
  return error;
}

}  // namespace reeve::cli
