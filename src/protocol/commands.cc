#include "protocol/commands.h"

#include <limits>
#include <utility>

#include "base/fields.h"

namespace reeve::protocol {

namespace {

constexpr std::int64_t kPriorityMin = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kPriorityMax = std::numeric_limits<std::int32_t>::max();

/// Members that say nothing are left out.
void set_text(Json& json, const char* name, const std::string& text) {
  if (!text.empty()) {
    json.set(name, text);
  }
}

}  // namespace

Json to_json(const Submit& args) {
  Json json = Json::object();
  set_text(json, "source", args.source);
  set_text(json, "workflow", args.workflow);
  set_text(json, "version", args.version);
  if (!args.params.empty()) {
    Json params = Json::object();
    for (const auto& [name, value] : args.params) {
      params.set(name, value);
    }
    json.set("params", std::move(params));
  }
  set_text(json, "name", args.name);
  if (args.local) {
    json.set("local", true);
  }
  if (args.priority) {
    json.set("priority", static_cast<std::int64_t>(*args.priority));
  }
  set_text(json, "userKey", args.user_key);
  if (args.not_before) {
    json.set("notBefore", format_timestamp(*args.not_before));
  }
  if (!args.after.empty()) {
    Json after = Json::array();
    for (const std::string& mission : args.after) {
      after.push(mission);
    }
    json.set("after", std::move(after));
  }
  return json;
}

Result<Submit> submit_from_json(const Json& args) {
  Fields fields(args, "submit");
  Submit submit;
  submit.source = fields.text("source");
  submit.workflow = fields.text("workflow");
  submit.version = fields.text("version");
  submit.params = fields.texts("params");
  submit.name = fields.text("name");
  submit.local = fields.flag("local");
  if (const auto priority = fields.optional_number("priority", kPriorityMin, kPriorityMax)) {
    submit.priority = static_cast<std::int32_t>(*priority);
  }
  submit.user_key = fields.text("userKey");
  submit.not_before = fields.time("notBefore");
  submit.after = fields.text_list("after");
  REEVE_CHECK(fields.finish());
  if (submit.source.empty() == submit.workflow.empty()) {
    return make_error(
        ErrorCode::Invalid, "needs either the text or the name of a workflow", "submit.source"
    );
  }
  if (submit.workflow.empty() && !submit.version.empty()) {
    return make_error(ErrorCode::Invalid, "belongs to the name of a workflow", "submit.version");
  }
  return submit;
}

Json to_json(const Retry& args) {
  Json json = Json::object();
  json.set("mission", args.mission);
  set_text(json, "name", args.name);
  if (args.reopen) {
    json.set("reopen", true);
  }
  set_text(json, "message", args.message);
  set_text(json, "from", args.from);
  return json;
}

Result<Retry> retry_from_json(const Json& args) {
  Fields fields(args, "retry");
  Retry retry;
  retry.mission = fields.required_text("mission");
  retry.name = fields.text("name");
  retry.reopen = fields.flag("reopen");
  retry.message = fields.text("message");
  retry.from = fields.text("from");
  REEVE_CHECK(fields.finish());
  return retry;
}

Json to_json(const Abort& args) {
  Json json = Json::object();
  json.set("mission", args.mission);
  set_text(json, "message", args.message);
  return json;
}

Result<Abort> abort_from_json(const Json& args) {
  Fields fields(args, "abort");
  Abort abort;
  abort.mission = fields.required_text("mission");
  abort.message = fields.text("message");
  REEVE_CHECK(fields.finish());
  return abort;
}

Json to_json(const Release& args) {
  Json json = Json::object();
  json.set("mission", args.mission);
  return json;
}

Result<Release> release_from_json(const Json& args) {
  Fields fields(args, "release");
  Release release;
  release.mission = fields.required_text("mission");
  REEVE_CHECK(fields.finish());
  return release;
}

Json to_json(const Decide& args) {
  Json json = Json::object();
  json.set("mission", args.mission);
  set_text(json, "task", args.task);
  json.set("decision", args.decision);
  set_text(json, "message", args.message);
  return json;
}

Result<Decide> decide_from_json(const Json& args) {
  Fields fields(args, "decide");
  Decide decide;
  decide.mission = fields.required_text("mission");
  decide.task = fields.text("task");
  decide.decision = fields.required_text("decision");
  decide.message = fields.text("message");
  REEVE_CHECK(fields.finish());
  return decide;
}

Json to_json(const Object& args) {
  Json json = Json::object();
  json.set("kind", args.kind).set("name", args.name).set("verb", args.verb);
  json.set("body", args.body);
  return json;
}

Result<Object> object_from_json(const Json& args) {
  Fields fields(args, "object");
  Object object;
  object.kind = fields.required_text("kind");
  object.name = fields.required_text("name");
  object.verb = fields.required_text("verb");
  if (const Json* body = fields.object("body")) {
    object.body = *body;
  }
  REEVE_CHECK(fields.finish());
  return object;
}

Result<void> expect_no_arguments(const Json& args) {
  return Fields(args, "arguments").finish();
}

}  // namespace reeve::protocol
