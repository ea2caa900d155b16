#include "cli/task_addition.h"

#include <map>
#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "model/run.h"
#include "workflow/document/yaml.h"
#include "workflow/load/bare.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kExtensionKind = "WorkflowExtension";

Error no_tasks(std::string message) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), "tasks");
  error.hint = "write a task, such as {name: check, script: ./check}, or a list of them";
  return error;
}

/// The tasks of a text, each as an object with a name.
Result<Json::Array> tasks_of(std::string_view text) {
  const workflow::Quoted quoted = workflow::quote_bare_templates(text, false);
  REEVE_TRY(const document::Node root, document::parse_yaml(quoted.text));
  Json document = document::to_json(root);
  if (document.is_object() && document.get_string("kind") == kExtensionKind) {
    const Json* spec = document.find("spec");
    const Json* tasks = spec == nullptr ? nullptr : spec->find("tasks");
    document = tasks == nullptr ? Json() : Json(*tasks);
  }
  Json::Array tasks;
  if (document.is_object()) {
    tasks.push_back(std::move(document));
  } else if (document.is_array()) {
    tasks = document.as_array();
  } else {
    return no_tasks("there is neither a task nor a list of tasks");
  }
  for (const Json& task : tasks) {
    if (!task.is_object()) {
      return no_tasks("an item of the list is not a task");
    }
    if (task.get_string("name").empty()) {
      return no_tasks("a task has no name");
    }
  }
  return tasks;
}

}  // namespace

Result<std::string> merged_tasks(std::string_view present, std::string_view added) {
  Json::Array tasks;
  if (!trim(present).empty()) {
    REEVE_TRY(tasks, tasks_of(present));
  }
  std::map<std::string, std::string> known;
  for (const Json& task : tasks) {
    known.emplace(task.get_string("name"), task.dump());
  }
  REEVE_TRY(Json::Array more, tasks_of(added));
  for (Json& task : more) {
    const std::string name = task.get_string("name");
    const auto [there, is_new] = known.emplace(name, task.dump());
    if (is_new) {
      tasks.push_back(std::move(task));
    } else if (there->second != task.dump()) {
      Error error = make_error(
          ErrorCode::Conflict, concat("another task \"", name, "\" has been added already"), name
      );
      error.hint = "give it another name; the same task again changes nothing";
      return error;
    }
  }
  Json list = Json::array();
  for (Json& task : tasks) {
    list.push(std::move(task));
  }
  std::string text = list.dump();
  if (text.size() > model::kExtensionBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "the tasks take ",
            text.size(),
            " bytes as JSON, a run may add at most ",
            model::kExtensionBytesMax
        ),
        "tasks"
    );
  }
  return text;
}

}  // namespace reeve::cli
