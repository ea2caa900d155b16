#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "api/access.h"
#include "api/handlers.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "resource/accept.h"

/// Questions about oneself: may I, what may I, who am I.
namespace reeve::api {

namespace {

constexpr int kCreated = 201;

const Json& section(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::object();
  const Json* found = object.find(name);
  return found == nullptr || !found->is_object() ? kEmpty : *found;
}

access::Attributes asked_about(const Json& spec) {
  access::Attributes attributes;
  if (const Json* path = spec.find("nonResourceAttributes"); path != nullptr) {
    attributes.verb = path->get_string("verb");
    attributes.non_resource_path = path->get_string("path", "/");
    return attributes;
  }
  const Json& asked = section(spec, "resourceAttributes");
  attributes.verb = asked.get_string("verb");
  attributes.group = asked.get_string("group");
  attributes.resource = asked.get_string("resource");
  attributes.subresource = asked.get_string("subresource");
  attributes.ns = asked.get_string("namespace");
  attributes.name = asked.get_string("name");
  return attributes;
}

/// Whom a SubjectAccessReview is about.
access::Identity asked_for(const Json& body) {
  const Json& spec = section(body, "spec");
  access::Identity identity;
  identity.user = spec.get_string("user");
  identity.uid = spec.get_string("uid");
  if (const Json* groups = spec.find("groups"); groups != nullptr && groups->is_array()) {
    const Json::Array& asked = groups->as_array();
    const auto counted = std::min(asked.size(), access::kGroupsMax);
    for (const Json& group : std::span(asked).first(counted)) {
      access::add_group(identity, group.is_string() ? group.as_string() : std::string());
    }
  }
  return identity;
}

Json access_status(const Call& call, const access::Identity& identity, const Json& body) {
  const access::Decision decision =
      call.services->access.policy().decide(identity, asked_about(section(body, "spec")));
  Json status = Json::object();
  status.set("allowed", decision.allowed);
  if (!decision.reason.empty()) {
    status.set("reason", decision.reason);
  }
  return status;
}

Json user_info(const access::Identity& identity) {
  Json info = Json::object();
  info.set("username", identity.user);
  if (!identity.uid.empty()) {
    info.set("uid", identity.uid);
  }
  Json groups = Json::array();
  for (const std::string& group : identity.groups) {
    groups.push(group);
  }
  info.set("groups", std::move(groups));
  if (!identity.extra.empty()) {
    Json extra = Json::object();
    for (const auto& [key, values] : identity.extra) {
      Json list = Json::array();
      for (const std::string& value : values) {
        list.push(value);
      }
      extra.set(key, std::move(list));
    }
    info.set("extra", std::move(extra));
  }
  Json status = Json::object();
  status.set("userInfo", std::move(info));
  return status;
}

Json review(const Call& call, const Json& body, Json status) {
  Json answered = Json::object();
  answered.set("kind", call.resource().kind);
  answered.set("apiVersion", concat(call.route.group, "/", call.route.version));
  Json metadata = Json::object();
  metadata.set("creationTimestamp", Json());
  answered.set("metadata", std::move(metadata));
  if (const Json* spec = body.find("spec")) {
    answered.set("spec", *spec);
  }
  answered.set("status", std::move(status));
  return answered;
}

}  // namespace

void answer_review(const CallPtr& call) {
  const resource::Outcome<resource::BodyFormat> format =
      resource::object_body_format(call->request().headers.get("Content-Type"));
  if (!format) {
    answer(call, format.error());
    return;
  }
  const resource::Outcome<Json> body = read_body(*call, *format);
  if (!body) {
    answer(call, body.error());
    return;
  }
  const std::string& kind = call->resource().kind;
  if (kind == "SelfSubjectAccessReview") {
    answer(call, kCreated, review(*call, *body, access_status(*call, call->identity, *body)));
  } else if (kind == "SubjectAccessReview") {
    answer(call, kCreated, review(*call, *body, access_status(*call, asked_for(*body), *body)));
  } else if (kind == "SelfSubjectRulesReview") {
    const std::string ns = section(*body, "spec").get_string("namespace");
    Json status = call->services->access.policy().rules_for(call->identity, ns).to_json();
    answer(call, kCreated, review(*call, *body, std::move(status)));
  } else {
    answer(call, kCreated, review(*call, *body, user_info(call->identity)));
  }
}

}  // namespace reeve::api
