#include "api/tool_server_rules.h"

#include "base/strings.h"
#include "model/run.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

constexpr std::string_view kHttp = "http";

bool has_items(const Json& spec, std::string_view name) {
  const Json* list = spec.find(name);
  return list != nullptr && list->is_array() && !list->as_array().empty();
}

/// A name that a variable of a program can have. Ours mean something to ourselves.
bool is_variable(std::string_view name) {
  constexpr std::string_view kOthers = "_0123456789";
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && kOthers.find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         !name.starts_with("REEVE_");
}

/// Variables of a program that it could not have.
void check_variables(
    const Json& spec, const char* field, const Json& others, std::vector<resource::Cause>& causes
) {
  const Json* map = spec.find(field);
  if (map == nullptr || !map->is_object()) {
    return;
  }
  for (const auto& [name, value] : map->as_object()) {
    const std::string path = concat("spec.", field, ".", name);
    if (!is_variable(name)) {
      causes.push_back(resource::forbidden_value(
          path, "a variable has letters, digits and _, no digit first, and no REEVE_ before it"
      ));
    } else if (value.is_string() && value.as_string().find('\0') != std::string::npos) {
      causes.push_back(resource::forbidden_value(path, "no variable holds a zero byte"));
    } else if (others.is_object() && others.find(name) != nullptr) {
      causes.push_back(resource::forbidden_value(path, "it is in spec.environment, too"));
    }
  }
}

/// The contract tells of arguments that are no texts.
void check_arguments(const Json::Array& argv, std::vector<resource::Cause>& causes) {
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (!argv[i].is_string()) {
      continue;
    }
    const std::string& text = argv[i].as_string();
    const bool is_place = text.find('/') != std::string::npos;
    if (i == 0 && (text.empty() || (is_place && text.front() != '/'))) {
      causes.push_back(resource::forbidden_value(
          "spec.command[0]", "must be an absolute path, or a name that is found with PATH"
      ));
    }
    if (text.find('\0') != std::string::npos) {
      causes.push_back(resource::forbidden_value(
          concat("spec.command[", i, "]"), "no argument holds a zero byte"
      ));
    }
  }
}

/// What is said of a program, and what has a meaning without one.
void check_program(const Json& spec, bool has_command, std::vector<resource::Cause>& causes) {
  if (!has_command) {
    for (const char* field : {"environment", "credentials", "sandbox"}) {
      const Json* found = spec.find(field);
      if (found != nullptr && (!found->is_object() || !found->as_object().empty())) {
        causes.push_back(resource::forbidden_value(concat("spec.", field), "is for a command"));
      }
    }
    return;
  }
  check_arguments(spec.get_array("command"), causes);
  if (const Json* sandbox = spec.find("sandbox")) {
    if (const auto read = model::sandbox_from_json(*sandbox); !read) {
      causes.push_back(resource::forbidden_value(
          concat("spec.sandbox", read.error().subject.empty() ? "" : ".", read.error().subject),
          read.error().message
      ));
    }
  }
  if (!spec.get_string("credential").empty()) {
    causes.push_back(resource::forbidden_value(
        "spec.credential", "is for a url: name the variable that gets it in spec.credentials"
    ));
  }
  check_variables(spec, "environment", Json(), causes);
  check_variables(spec, "credentials", spec.get_object("environment"), causes);
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
  const bool has_command = has_items(spec, "command");
  if (!has_url && builtin.empty() && !has_command) {
    causes.push_back(resource::required_value("spec.url"));
  }
  if (has_url && !builtin.empty()) {
    causes.push_back(resource::forbidden_value("spec.builtin", "stands in place of a url"));
  }
  if (has_command && (has_url || !builtin.empty())) {
    causes.push_back(resource::forbidden_value(
        "spec.command", has_url ? "stands in place of a url" : "stands in place of built-in tools"
    ));
  }
  check_program(spec, has_command, causes);
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
