#include "api/tool_server_rules.h"

#include "base/strings.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

constexpr std::string_view kHttp = "http";

bool has_items(const Json& spec, std::string_view name) {
  const Json* list = spec.find(name);
  return list != nullptr && list->is_array() && !list->as_array().empty();
}

/// Terms of a tool that nobody may call.
void check_tools(const Json& spec, std::vector<resource::Cause>& causes) {
  const Json* tools = spec.find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return;
  }
  for (std::size_t i = 0; i < tools->as_array().size(); ++i) {
    const Json& tool = tools->as_array()[i];
    const Json* allow = tool.find("allow");
    if (allow != nullptr && allow->is_bool() && !allow->as_bool() && tool.find("approval")) {
      causes.push_back(resource::forbidden_value(
          concat("spec.tools[", i, "].approval"), "nobody may call it: leave out approval, or allow"
      ));
    }
  }
}

}  // namespace

std::vector<resource::Cause> tool_server_causes(const Json& object) {
  std::vector<resource::Cause> causes;
  const Json* found = object.find("spec");
  const Json none = Json::object();
  const Json& spec = found == nullptr ? none : *found;
  const std::string builtin = spec.get_string("builtin");
  const bool has_url = !spec.get_string("url").empty();
  if (!has_url && builtin.empty()) {
    causes.push_back(resource::required_value("spec.url"));
  }
  if (has_url && !builtin.empty()) {
    causes.push_back(resource::forbidden_value("spec.builtin", "stands in place of a url"));
  }
  if (builtin == kHttp && !has_items(spec, "allowedHosts")) {
    causes.push_back(resource::required_value("spec.allowedHosts"));
  }
  if (builtin != kHttp && has_items(spec, "allowedHosts")) {
    causes.push_back(resource::forbidden_value("spec.allowedHosts", "is for builtin: http"));
  }
  check_tools(spec, causes);
  return causes;
}

}  // namespace reeve::api
