#include "api/references.h"

#include <utility>

#include "base/strings.h"

namespace reeve::api {

namespace {

constexpr std::string_view kAgents = "agents";
constexpr std::string_view kChannels = "channels";
constexpr std::string_view kCredentials = "credentials";
constexpr std::string_view kModelRoutes = "modelroutes";
constexpr std::string_view kToolServers = "toolservers";
constexpr std::string_view kWorkflows = "workflows";

class Collector {
 public:
  void add(std::string field, std::string_view plural, const std::string& name) {
    if (!name.empty() && name.find("{{") == std::string::npos) {
      found_.push_back({.field = std::move(field), .plural = plural, .name = name});
    }
  }

  /// Each text of a list.
  void add_all(const Json& object, std::string_view member, std::string_view plural) {
    const Json::Array& list = object.get_array(member);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_string()) {
        add(concat("spec.", member, "[", i, "]"), plural, list[i].as_string());
      }
    }
  }

  std::vector<Reference> take() && { return std::move(found_); }

 private:
  std::vector<Reference> found_;
};

/// The server of a glob of tools: `files` of `files__read_*`; empty: it says none, or many.
std::string server_of(std::string_view tools) {
  const std::size_t end = tools.find("__");
  const std::string_view server = tools.substr(0, end == std::string_view::npos ? 0 : end);
  return server.find_first_of("*?[") == std::string_view::npos ? std::string(server)
                                                               : std::string();
}

void of_agent(const Json& spec, Collector& found) {
  found.add("spec.model", kModelRoutes, spec.get_string("model"));
  found.add_all(spec, "validators", kAgents);
  const Json::Array& tools = spec.get_array("tools");
  for (std::size_t i = 0; i < tools.size(); ++i) {
    if (tools[i].is_string()) {
      found.add(concat("spec.tools[", i, "]"), kToolServers, server_of(tools[i].as_string()));
    }
  }
}

void of_route(const Json& spec, Collector& found) {
  const Json::Array& providers = spec.get_array("providers");
  for (std::size_t i = 0; i < providers.size(); ++i) {
    found.add(
        concat("spec.providers[", i, "].credential"),
        kCredentials,
        providers[i].get_string("credential")
    );
  }
}

void of_sink(const Json& spec, Collector& found) {
  for (const auto& [way, member] :
       {std::pair("webhook", "secretCredential"),
        std::pair("slack", "urlCredential"),
        std::pair("email", "passwordCredential")}) {
    found.add(
        concat("spec.", way, ".", member), kCredentials, spec.get_object(way).get_string(member)
    );
  }
  found.add_all(spec, "workflows", kWorkflows);
}

void of_quota(const Json& spec, Collector& found) {
  const Json& selector = spec.get_object("selector");
  found.add("spec.selector.workflow", kWorkflows, selector.get_string("workflow"));
  found.add("spec.selector.agent", kAgents, selector.get_string("agent"));
  found.add(
      "spec.notifications.channel",
      kChannels,
      spec.get_object("notifications").get_string("channel")
  );
}

/// A list of names, or a map of variables to names.
void of_credentials(const Json& task, const std::string& path, Collector& found) {
  const Json* credentials = task.find("credentials");
  if (credentials != nullptr && credentials->is_object()) {
    for (const auto& [variable, name] : credentials->as_object()) {
      if (name.is_string()) {
        found.add(concat(path, ".credentials.", variable), kCredentials, name.as_string());
      }
    }
    return;
  }
  const Json::Array& names = task.get_array("credentials");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].is_string()) {
      found.add(concat(path, ".credentials[", i, "]"), kCredentials, names[i].as_string());
    }
  }
}

/// The workflow itself is one that its tasks may start.
void of_workflow(const Json& object, const Json& spec, Collector& found) {
  const std::string own = object.get_object("metadata").get_string("name");
  const Json::Array& tasks = spec.get_array("tasks");
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::string path = concat("spec.tasks[", i, "]");
    found.add(
        concat(path, ".agent.name"), kAgents, tasks[i].get_object("agent").get_string("name")
    );
    const std::string child = tasks[i].get_object("mission").get_string("workflow");
    if (child != own) {
      found.add(concat(path, ".mission.workflow"), kWorkflows, child);
    }
    of_credentials(tasks[i], path, found);
  }
  const Json::Array& triggers = spec.get_array("triggers");
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    found.add(
        concat("spec.triggers[", i, "].webhook.secret"),
        kCredentials,
        triggers[i].get_object("webhook").get_string("secret")
    );
  }
}

}  // namespace

std::vector<Reference> references_of(journal::Kind kind, const Json& object) {
  using journal::Kind;
  const Json& spec = object.get_object("spec");
  Collector found;
  if (kind == Kind::Agent) {
    of_agent(spec, found);
  } else if (kind == Kind::ModelRoute) {
    of_route(spec, found);
  } else if (kind == Kind::ToolServer) {
    found.add("spec.credential", kCredentials, spec.get_string("credential"));
  } else if (kind == Kind::NotificationSink) {
    of_sink(spec, found);
  } else if (kind == Kind::BudgetQuota) {
    of_quota(spec, found);
  } else if (kind == Kind::Workflow) {
    of_workflow(object, spec, found);
  }
  return std::move(found).take();
}

}  // namespace reeve::api
