#include "workflow/mission_functions.h"

#include <algorithm>

#include "base/strings.h"
#include "workflow/render.h"

/// Template functions that ask about other missions or ask for new ones. Arguments and results are
/// those of the public documents; what is different is said at each.
namespace reeve::workflow {

namespace {

using Arguments = std::span<const Json>;

/// Missions that one list of items may ask for.
constexpr std::size_t kItemsMax = 1000;

Error misuse(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message));
}

Result<Json> count_missions(Missions& missions, Arguments arguments) {
  if (arguments.empty() || !arguments[0].is_string()) {
    return misuse("CountByJobTypeAndState takes the name of a workflow and states");
  }
  std::vector<std::string> states;
  for (const Json& argument : arguments.subspan(1)) {
    if (!argument.is_string()) {
      return misuse("CountByJobTypeAndState: states are texts");
    }
    for (const std::string_view state : split(argument.as_string(), ',')) {
      states.push_back(to_upper(trim(state)));
    }
  }
  return Json(missions.count(arguments[0].as_string(), states));
}

/// `KEY=VALUE` arguments; `_user_key` is the key of the mission, `_parent_id` is known anyway.
Result<void> add_assignments(Submission& submission, Arguments arguments) {
  for (const Json& argument : arguments) {
    const std::string text = plain_text(argument);
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return misuse(concat("\"", text, "\" is not KEY=VALUE"));
    }
    std::string name = text.substr(0, equals);
    std::string value = text.substr(equals + 1);
    if (name == "_user_key") {
      submission.user_key = std::move(value);
    } else if (name != "_parent_id") {
      submission.params.emplace_back(std::move(name), std::move(value));
    }
  }
  return {};
}

/// The name of the mission; as upstream, nothing if it could not be made.
Result<Json> submit_one(Missions& missions, Arguments arguments) {
  if (arguments.size() < 2 || !arguments[0].is_string()) {
    return misuse("SubmitJob takes the name of a workflow, a description and KEY=VALUE texts");
  }
  Submission submission;
  submission.workflow = arguments[0].as_string();
  submission.description = plain_text(arguments[1]);
  REEVE_CHECK(add_assignments(submission, arguments.subspan(2)));
  const Result<std::string> made = missions.submit(submission);
  return Json(made ? *made : std::string());
}

/// One item of a list: its members are params, but for `_description` and `_user_key`. Nested
/// values are JSON text and whole numbers stay exact, which upstream gets wrong.
Result<Submission> submission_of(
    const std::string& workflow, const Json& item, std::size_t number, Arguments extra
) {
  if (!item.is_object()) {
    return misuse(concat("SubmitJobsFromJSON: item ", number, " is no object"));
  }
  Submission submission;
  submission.workflow = workflow;
  submission.description = concat(workflow, " item ", number);
  for (const Json::Member& member : item.as_object()) {
    if (member.first == "_description") {
      submission.description = plain_text(member.second);
    } else if (member.first == "_user_key") {
      submission.user_key = plain_text(member.second);
    } else if (member.first != "_parent_id") {
      submission.params.emplace_back(member.first, plain_text(member.second));
    }
  }
  REEVE_CHECK(add_assignments(submission, extra));
  return submission;
}

/// The names of the missions, one a line. As upstream, what is no list of items makes none, and the
/// first failure ends it with `ERROR:…` as the text.
Result<Json> submit_items(Missions& missions, Arguments arguments) {
  if (arguments.size() < 2 || !arguments[0].is_string()) {
    return misuse("SubmitJobsFromJSON takes the name of a workflow, a JSON array, KEY=VALUE texts");
  }
  const std::string& workflow = arguments[0].as_string();
  Json items = arguments[1];
  if (items.is_string()) {
    Result<Json> parsed = parse_json(trim(items.as_string()));
    items = parsed ? std::move(*parsed) : Json();
  }
  if (!items.is_array()) {
    return Json("");
  }
  if (items.as_array().size() > kItemsMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("SubmitJobsFromJSON takes at most ", kItemsMax, " items")
    );
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < items.as_array().size(); ++i) {
    REEVE_TRY(
        const Submission submission,
        submission_of(workflow, items.as_array()[i], i, arguments.subspan(2))
    );
    const Result<std::string> made = missions.submit(submission);
    if (!made) {
      return Json(concat(
          "ERROR:SubmitJob failed for ", workflow, " item ", i, ": ", made.error().describe()
      ));
    }
    names.push_back(*made);
  }
  return Json(join(names, "\n"));
}

using MissionFunction = Result<Json> (*)(Missions&, Arguments);

}  // namespace

void add_mission_functions(templates::FunctionTable& functions, Missions* missions) {
  const std::pair<const char*, MissionFunction> known[] = {
      {"CountByJobTypeAndState", count_missions},
      {"SubmitJob", submit_one},
      {"SubmitJobsFromJSON", submit_items}};
  for (const auto& entry : known) {
    functions[entry.first] = [entry, missions](Arguments arguments) {
      if (missions == nullptr) {
        return Result<Json>(
            make_error(ErrorCode::Unsupported, concat(entry.first, " has no missions to ask here"))
        );
      }
      return entry.second(*missions, arguments);
    };
  }
}

}  // namespace reeve::workflow
