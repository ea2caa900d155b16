#include "gateway/tool/builtin.h"

#include <array>
#include <utility>

#include "base/strings.h"
#include "gateway/tool/fetch.h"
#include "gateway/tool/workspace_tools.h"
#include "model/scoped_name.h"

namespace reeve::gateway {

namespace {

struct Definition {
  std::string_view set;
  std::string_view name;
  std::string_view description;
  std::string_view schema;
};

constexpr std::array kDefinitions = {
    Definition{
        "workspace",
        "read_file",
        "Reads a text file in the working directory of the run.",
        R"({"type":"object","required":["path"],"additionalProperties":false,"properties":{
        "path":{"type":"string","minLength":1,"maxLength":1024,"description":"Relative to the working directory."}}})"},
    Definition{
        "workspace",
        "write_file",
        "Makes or replaces a text file in the working directory of the run.",
        R"({"type":"object","required":["path","content"],"additionalProperties":false,"properties":{
        "path":{"type":"string","minLength":1,"maxLength":1024,"description":"Relative to the working directory."},
        "content":{"type":"string","maxLength":1048576,"description":"All of the file."}}})"},
    Definition{
        "workspace",
        "delete_file",
        "Removes a file in the working directory of the run.",
        R"({"type":"object","required":["path"],"additionalProperties":false,"properties":{
        "path":{"type":"string","minLength":1,"maxLength":1024,"description":"Relative to the working directory."}}})"},
    Definition{
        "workspace",
        "list_files",
        "Lists a directory in the working directory of the run.",
        R"({"type":"object","additionalProperties":false,"properties":{
        "path":{"type":"string","maxLength":1024,"description":"Relative to the working directory; all of it if absent."}}})"},
    Definition{
        "missions",
        "mission_submit",
        "Submits a mission of a deployed workflow and returns its name.",
        R"({"type":"object","required":["workflow"],"additionalProperties":false,"properties":{
        "workflow":{"type":"string","minLength":1,"maxLength":200,"description":"Name of the workflow."},
        "params":{"type":"object","maxProperties":100,"additionalProperties":{"type":"string","maxLength":65536},"description":"Its parameters."},
        "key":{"type":"string","maxLength":200,"description":"While a live mission has this key, no other one is made."},
        "description":{"type":"string","maxLength":1000,"description":"For people."}}})"},
    Definition{
        "missions",
        "mission_status",
        "Tells where a mission of the namespace stands.",
        R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{
        "name":{"type":"string","minLength":1,"maxLength":200,"description":"Name of the mission."}}})"},
    Definition{
        "approvals",
        "request_approval",
        "Asks a person, and waits for the answer.",
        R"({"type":"object","required":["question"],"additionalProperties":false,"properties":{
        "question":{"type":"string","minLength":1,"maxLength":8192,"description":"What is to be decided."},
        "context":{"type":"string","maxLength":32768,"description":"What one has to know for it."}}})"},
    Definition{
        "http",
        "http_fetch",
        "Reads a page or document from a host that is allowed.",
        R"({"type":"object","required":["url"],"additionalProperties":false,"properties":{
        "url":{"type":"string","minLength":8,"maxLength":2048,"description":"An http or https address."}}})"}};

bool may(
    const ToolCaller& caller,
    std::string_view verb,
    std::string_view resource,
    std::string_view part
) {
  return !caller.run.empty() || (caller.may && caller.may(verb, resource, part));
}

void submit(
    const Json& arguments, const ToolCaller& caller, const ToolPorts& ports, ToolDone done
) {
  if (!may(caller, "create", "workflows", "submit")) {
    done(ToolOutcome{
        .result = text_result(concat("no missions may be submitted in ", caller.ns.view()), true),
        .undo = {}});
    return;
  }
  engine::SubmitMission command;
  command.ns = caller.ns;
  command.deployed = arguments.get_string("workflow");
  command.user_key = arguments.get_string("key");
  command.description = arguments.get_string("description");
  if (const Json* params = arguments.find("params")) {
    for (const auto& [name, value] : params->as_object()) {
      command.params.emplace_back(name, value.as_string());
    }
  }
  ports.command(
      std::move(command),
      caller.principal,
      [done = std::move(done)](const Result<engine::Reply>& reply) {
        if (!reply) {
          done(ToolOutcome{.result = text_result(reply.error().describe(), true), .undo = {}});
          return;
        }
        Json told = Json::object();
        told.set("mission", model::plain(reply->mission)).set("existing", reply->existing);
        Json result = text_result(told.dump());
        result.set("structuredContent", std::move(told));
        done(ToolOutcome{.result = std::move(result), .undo = {}});
      }
  );
}

Json status_of(const Json& arguments, const ToolCaller& caller, const ToolPorts& ports) {
  if (!may(caller, "get", "missions", "")) {
    return text_result(concat("no missions may be looked at in ", caller.ns.view()), true);
  }
  const std::string name = arguments.get_string("name");
  const ObjectPtr mission = ports.object("missions", caller.ns, name);
  if (mission == nullptr) {
    return text_result(concat("there is no mission \"", name, "\""), true);
  }
  Json told = Json::object();
  told.set("mission", name);
  if (const Json* status = mission->find("status")) {
    for (const char* member : {"state", "reason", "message", "outputs"}) {
      if (const Json* found = status->find(member)) {
        told.set(member, *found);
      }
    }
  }
  Json result = text_result(told.dump());
  result.set("structuredContent", std::move(told));
  return result;
}

}  // namespace

Json text_result(std::string text, bool is_error) {
  Json content = Json::array();
  content.push(Json::object().set("type", "text").set("text", std::move(text)));
  Json result = Json::object();
  result.set("content", std::move(content)).set("isError", is_error);
  return result;
}

std::vector<Json> builtin_tools(std::string_view set) {
  std::vector<Json> tools;
  for (const Definition& definition : kDefinitions) {
    if (definition.set == set) {
      Result<Json> schema = parse_json(definition.schema);
      REEVE_ASSERT(schema.ok());
      Json tool = Json::object();
      tool.set("name", definition.name).set("description", definition.description);
      tools.push_back(tool.set("inputSchema", std::move(*schema)));
    }
  }
  return tools;
}

void run_builtin(
    const ToolServer& server,
    std::string_view tool,
    const Json& arguments,
    const ToolCaller& caller,
    bool keep_undo,
    Duration timeout,
    const ToolPorts& ports,
    ToolDone done
) {
  if (server.builtin == "workspace") {
    done(run_workspace_tool(tool, arguments, caller, keep_undo, ports));
  } else if (tool == "mission_submit") {
    submit(arguments, caller, ports, std::move(done));
  } else if (tool == "mission_status") {
    done(ToolOutcome{.result = status_of(arguments, caller, ports), .undo = {}});
  } else if (tool == "http_fetch") {
    fetch(server, arguments.get_string("url"), timeout, ports, std::move(done));
  } else if (tool == "request_approval") {
    // It is carried out only if somebody has approved it.
    done(ToolOutcome{.result = text_result("approved"), .undo = {}});
  } else {
    done(make_error(ErrorCode::NotFound, "there is no such tool", std::string(tool)));
  }
}

}  // namespace reeve::gateway
