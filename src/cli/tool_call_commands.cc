#include <string>
#include <utility>

#include "base/strings.h"
#include "cli/document.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/server_commands.h"

/// `reeve toolcalls`: what agents call, and what people decide about it.
namespace reeve::cli {

namespace {

Result<Json> decision_of(const ToolCallArgs& args) {
  Json body = Json::object();
  if (!args.message.empty()) {
    body.set("message", args.message);
  }
  if (!args.arguments.empty()) {
    REEVE_TRY(const std::string text, read_input(args.arguments));
    REEVE_TRY(Json arguments, parse_json(text));
    if (!arguments.is_object()) {
      return make_error(ErrorCode::Invalid, "must be a JSON object", "--arguments");
    }
    body.set("arguments", std::move(arguments));
  }
  if (!args.tools.empty()) {
    Json tools = Json::array();
    for (const std::string& tool : args.tools) {
      tools.push(tool);
    }
    body.set("tools", std::move(tools));
  }
  return body;
}

Result<void> act_on(const Common& common, const ToolCallArgs& args, std::string_view action) {
  const bool server = action == "accept";
  REEVE_TRY(const auto* type, find_type(server ? "toolservers" : "toolcalls"));
  REEVE_TRY(const Json body, decision_of(args));
  REEVE_TRY(const Api api, open_api(common, args.connection));
  ApiRequest request;
  request.method = "POST";
  request.path = concat(object_path(*type, api.ns, args.name), "/", action);
  request.body = body.dump();
  REEVE_TRY(const Json object, api.client->ask(request));
  const Json* status = object.find("status");
  const std::string state = status == nullptr ? std::string() : status->get_string("state");
  print(concat(printable(args.name), server ? ": accepted\n" : concat(": ", printable(state), "\n"))
  );
  return {};
}

}  // namespace

int list_tool_calls(const Common& common, const ToolCallArgs& args) {
  ObjectsArgs objects;
  objects.connection = args.connection;
  objects.words.emplace_back("toolcalls");
  if (!args.run.empty()) {
    objects.fields = concat("spec.run=", args.run);
  }
  objects.labels = args.labels;
  return get_objects(common, objects);
}

int approve_tool_call(const Common& common, const ToolCallArgs& args) {
  return finished(act_on(common, args, "approve"));
}

int reject_tool_call(const Common& common, const ToolCallArgs& args) {
  return finished(act_on(common, args, "reject"));
}

int roll_back_tool_call(const Common& common, const ToolCallArgs& args) {
  return finished(act_on(common, args, "rollback"));
}

int accept_tools(const Common& common, const ToolCallArgs& args) {
  return finished(act_on(common, args, "accept"));
}

}  // namespace reeve::cli
