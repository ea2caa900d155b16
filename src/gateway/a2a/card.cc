#include "gateway/a2a/card.h"

#include <utility>

#include "base/strings.h"
#include "gateway/a2a/message.h"
#include "gateway/a2a/wire.h"

namespace reeve::gateway::a2a {

namespace {

std::string ns_of(const Json& workflow) {
  return workflow.get_object("metadata").get_string("namespace");
}

std::string name_of(const Json& workflow) {
  return workflow.get_object("metadata").get_string("name");
}

std::string description_of(const Json& workflow) {
  const std::string said = workflow.get_object("spec").get_string("description");
  return said.empty() ? concat("The workflow ", name_of(workflow), ".") : said;
}

/// What a message may say, for people and models.
std::string usage_of(const Json& workflow) {
  std::string text = description_of(workflow);
  const std::string param = text_param_of(workflow);
  std::string named;
  for (const Json::Member& one : workflow.get_object("spec").get_object("params").as_object()) {
    named += concat(named.empty() ? "" : ", ", one.first);
  }
  text += concat(" Text becomes the param ", param, ".");
  return named.empty() ? text : concat(text, " Data may have: ", named, ".");
}

Json words(std::initializer_list<std::string_view> list) {
  Json array = Json::array();
  for (const std::string_view word : list) {
    array.push(word);
  }
  return array;
}

Json interface_of(std::string url, std::string_view binding) {
  Json made = Json::object();
  made.set("url", std::move(url)).set("protocolBinding", binding);
  made.set("protocolVersion", kVersion);
  return made;
}

Json skill_of(const Json& workflow, std::string id) {
  Json skill = Json::object();
  skill.set("id", std::move(id)).set("name", name_of(workflow));
  skill.set("description", usage_of(workflow)).set("tags", words({"workflow"}));
  return skill;
}

/// What all cards have.
Json card_with(std::string name, std::string description, std::string_view version) {
  Json capabilities = Json::object();
  capabilities.set("streaming", true).set("pushNotifications", false);
  capabilities.set("extendedAgentCard", false);
  Json bearer = Json::object();
  bearer.set("scheme", "Bearer").set("description", "A token of reeve token create.");
  Json schemes = Json::object();
  schemes.set("bearer", Json::object().set("httpAuthSecurityScheme", std::move(bearer)));
  Json required = Json::object();
  required.set("bearer", Json::object().set("list", Json::array()));
  Json requirements = Json::array();
  requirements.push(Json::object().set("schemes", std::move(required)));
  Json card = Json::object();
  card.set("name", std::move(name)).set("description", std::move(description));
  card.set("version", version).set("capabilities", std::move(capabilities));
  card.set("securitySchemes", std::move(schemes));
  card.set("securityRequirements", std::move(requirements));
  card.set("defaultInputModes", words({"text/plain", "application/json"}));
  card.set("defaultOutputModes", words({"text/plain"}));
  return card;
}

}  // namespace

bool is_published(const Json& workflow) {
  const Json& metadata = workflow.get_object("metadata");
  return metadata.get_object("labels").get_string(kPublishedLabel) == "true" &&
         workflow.get_object("status").get_bool("enabled", true);
}

std::string text_param_of(const Json& workflow) {
  const std::string given =
      workflow.get_object("metadata").get_object("annotations").get_string(kTextParam);
  return given.empty() ? std::string(kDefaultTextParam) : given;
}

Json agent_card(const Json& workflow, std::string_view base, std::string_view version) {
  const std::string own = workflow.get_object("spec").get_string("version");
  Json card = card_with(
      name_of(workflow), description_of(workflow), own.empty() ? version : std::string_view(own)
  );
  const std::string url = concat(base, "/a2a/", ns_of(workflow), "/", name_of(workflow));
  Json interfaces = Json::array();
  interfaces.push(interface_of(url, "JSONRPC"));
  interfaces.push(interface_of(concat(url, "/v1"), "HTTP+JSON"));
  card.set("supportedInterfaces", std::move(interfaces));
  Json skills = Json::array();
  skills.push(skill_of(workflow, name_of(workflow)));
  card.set("skills", std::move(skills));
  return card;
}

Json installation_card(
    const std::vector<Json>& workflows, std::string_view base, std::string_view version
) {
  Json card = card_with(
      "Reeve",
      "Carries out workflows. Each skill is an agent with a card of its own at "
      "/a2a/<skill>/.well-known/agent-card.json; here, metadata.skill of a message says which one.",
      version
  );
  Json interfaces = Json::array();
  interfaces.push(interface_of(concat(base, "/a2a"), "JSONRPC"));
  card.set("supportedInterfaces", std::move(interfaces));
  Json skills = Json::array();
  for (const Json& workflow : workflows) {
    skills.push(skill_of(workflow, concat(ns_of(workflow), "/", name_of(workflow))));
  }
  card.set("skills", std::move(skills));
  return card;
}

}  // namespace reeve::gateway::a2a
