#include <filesystem>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/session.h"
#include "workflow/graph.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

using workflow::GraphFormat;
using workflow::Workflow;

/// What is to be drawn.
struct Drawn {
  std::shared_ptr<const Workflow> workflow;
  workflow::TaskStates states;
};

GraphFormat format_of(const std::string& name) {
  if (name == "svg") {
    return GraphFormat::Svg;
  }
  if (name == "mermaid") {
    return GraphFormat::Mermaid;
  }
  return name == "json" ? GraphFormat::Json : GraphFormat::Text;
}

/// The workflow of a mission as it was submitted, from the row that holds its source.
Result<std::shared_ptr<const Workflow>> workflow_of(store::Reader& reader, const Json& mission) {
  const Json* spec = mission.find("spec");
  const Json* reference = spec == nullptr ? nullptr : spec->find("workflow");
  if (reference == nullptr) {
    return make_error(ErrorCode::Corrupt, "the mission names no workflow");
  }
  const std::string digest = reference->get_string("digest");
  const journal::ObjectKey key{
      .kind = journal::Kind::Workflow,
      .ns = namespace_in(mission),
      .name = engine::workflow_row_name(reference->get_string("name"), Digest(digest))};
  REEVE_TRY(const std::optional<store::Row> row, reader.get(key));
  if (!row) {
    return make_error(ErrorCode::Corrupt, concat("the workflow ", key.name, " is not stored"));
  }
  REEVE_TRY(const Json body, parse_json(row->body));
  const Json* stored = body.find("spec");
  if (stored == nullptr) {
    return make_error(ErrorCode::Corrupt, concat("the workflow ", key.name, " has no source"));
  }
  return workflow::load_source(stored->get_string("source"));
}

/// A task that its mission waits for is shown as HELD, whatever state its run is in.
workflow::TaskStates states_of(const Json& mission) {
  workflow::TaskStates states;
  const Json* status = mission.find("status");
  const Json* tasks = status == nullptr ? nullptr : status->find("tasks");
  if (tasks != nullptr && tasks->is_array()) {
    for (const Json& task : tasks->as_array()) {
      states[task.get_string("name")] = task.get_string("state");
    }
  }
  const Json* holds = status == nullptr ? nullptr : status->find("holds");
  if (holds != nullptr && holds->is_array()) {
    for (const Json& hold : holds->as_array()) {
      const auto held = states.find(hold.get_string("subject"));
      if (held != states.end()) {
        held->second = "HELD";
      }
    }
  }
  return states;
}

Result<Drawn> mission_of(const Common& common, const std::string& name) {
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(const Json mission, read_mission(*store, namespace_of(common), name));
  REEVE_TRY(std::shared_ptr<const Workflow> drawn, workflow_of(*store, mission));
  return Drawn{.workflow = std::move(drawn), .states = states_of(mission)};
}

/// Files come first: they are there to be seen. A name of a mission holds no slash.
bool is_mission_name(const std::string& subject) {
  std::error_code ignored;
  return subject != "-" && subject.find('/') == std::string::npos &&
         !std::filesystem::exists(subject, ignored);
}

int draw_mission(const Common& common, const std::string& name, GraphFormat format) {
  Result<Drawn> drawn = mission_of(common, name);
  if (drawn) {
    print(workflow::draw(*drawn->workflow, format, drawn->states));
    return 0;
  }
  Error error = std::move(drawn).error();
  if (error.code == ErrorCode::NotFound) {
    error.message = concat("there is no file and no mission \"", name, "\"");
  }
  return report(error);
}

}  // namespace

int draw_graph(const Common& common, const GraphArgs& args) {
  const GraphFormat format = format_of(args.format);
  if (is_mission_name(args.subject)) {
    return draw_mission(common, args.subject, format);
  }
  const Result<std::string> text = read_input(args.subject);
  if (!text) {
    return report(text.error());
  }
  workflow::LoadOptions options;
  options.file = input_name(args.subject);
  const workflow::Loaded loaded = workflow::load(*text, options);
  if (!loaded.ok()) {
    for (const workflow::Problem& problem : loaded.problems) {
      print_problem(problem);
    }
    return static_cast<int>(ExitCode::Refused);
  }
  print(workflow::draw(*loaded.workflow, format));
  return 0;
}

}  // namespace reeve::cli
