#include "cli/remote.h"

#include <poll.h>
#include <utility>

#include "base/strings.h"
#include "model/scoped_name.h"
#include "platform/posix/system.h"
#include "protocol/commands.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr int kAttempts = 4;
constexpr int kPauseMillis = 500;

std::string fresh_key() {
  platform::SystemRandom random;
  return concat("cli-", random.next(), "-", random.next());
}

Json params_of(const std::vector<model::NamedValue>& params) {
  Json object = Json::object();
  for (const auto& [name, value] : params) {
    object.set(name, value);
  }
  return object;
}

/// What a Mission's spec says besides its workflow.
Json spec_of(const protocol::Submit& submit) {
  Json spec = Json::object();
  if (!submit.params.empty()) {
    spec.set("params", params_of(submit.params));
  }
  if (submit.local) {
    spec.set("local", true);
  }
  if (submit.priority) {
    spec.set("priority", std::int64_t{*submit.priority});
  }
  if (!submit.user_key.empty()) {
    spec.set("userKey", submit.user_key);
  }
  if (submit.not_before) {
    spec.set("notBefore", format_timestamp(*submit.not_before));
  }
  if (!submit.after.empty()) {
    Json after = Json::array();
    for (const std::string& name : submit.after) {
      after.push(name);
    }
    spec.set("after", std::move(after));
  }
  return spec;
}

/// The name of the workflow in the document.
Result<std::string> workflow_in(const protocol::Submit& submit) {
  workflow::LoadOptions options;
  for (const auto& [name, value] : submit.params) {
    options.params.set(name, value);
  }
  const workflow::Loaded loaded = workflow::load(submit.source, options);
  if (!loaded.ok()) {
    return loaded.first_error();
  }
  return loaded.workflow->name;
}

ApiRequest post(std::string path, const Json& body) {
  ApiRequest request;
  request.method = "POST";
  request.path = std::move(path);
  request.body = body.dump();
  request.idempotency_key = fresh_key();
  return request;
}

Json message_body(const std::string& message) {
  Json body = Json::object();
  if (!message.empty()) {
    body.set("message", message);
  }
  return body;
}

/// As the owner of a data directory answers.
Json reply_of(const Json& object) {
  Json reply = Json::object();
  const Json* metadata = object.find("metadata");
  if (metadata == nullptr) {
    return reply;
  }
  if (object.get_string("kind") != "Mission") {
    reply.set("subject", metadata->get_string("name")).set("detail", object);
    return reply;
  }
  reply.set("mission", metadata->get_string("name")).set("uid", metadata->get_string("uid"));
  if (const std::string ns = metadata->get_string("namespace"); ns != model::kDefaultNamespace) {
    reply.set("namespace", ns);
  }
  if (const Json* status = object.find("status")) {
    reply.set("state", status->get_string("state"));
  }
  reply.set("revision", metadata->get_string("resourceVersion"));
  if (const Json* decision = object.find("decision")) {
    reply.set("detail", *decision);
  }
  return reply;
}

/// The event that a `data:` line of the stream carries.
Result<journal::Event> event_of(std::string_view text) {
  REEVE_TRY(const Json json, parse_json(text));
  journal::Event event;
  event.revision = Revision(static_cast<std::uint64_t>(json.get_int("revision")));
  event.type = json.get_string("type");
  REEVE_TRY(event.at, parse_timestamp(json.get_string("at")));
  REEVE_TRY(event.object.kind, journal::parse_kind(json.get_string("kind")));
  event.object.ns = Namespace(json.get_string("namespace"));
  event.object.name = json.get_string("name");
  event.uid = Uid(json.get_string("uid"));
  event.actor = Principal(json.get_string("actor"));
  event.correlation = CorrelationId(json.get_string("correlation"));
  const Json* data = json.find("data");
  event.data = data == nullptr ? "{}" : data->dump();
  return event;
}

}  // namespace

Result<Remote> Remote::open(const Common& common) {
  Remote remote;
  REEVE_TRY(remote.api_, open_api(common, common.connection));
  return remote;
}

std::string Remote::path(std::string_view plural, std::string_view name) const {
  const std::string collection =
      concat("/apis/reeve.dev/v1/namespaces/", percent_encoded(api_.ns), "/", plural);
  return name.empty() ? collection : concat(collection, "/", percent_encoded(name));
}

Result<ApiRequest> Remote::submission(const Json& args) const {
  REEVE_TRY(const protocol::Submit submit, protocol::submit_from_json(args));
  Json spec = spec_of(submit);
  std::string workflow = submit.workflow;
  if (submit.source.empty()) {
    Json deployed = Json::object();
    deployed.set("name", submit.workflow);
    if (!submit.version.empty()) {
      deployed.set("version", submit.version);
    }
    spec.set("workflow", std::move(deployed));
  } else {
    spec.set("source", submit.source);
    REEVE_TRY(workflow, workflow_in(submit));
  }
  Json metadata = Json::object();
  if (submit.name.empty()) {
    metadata.set("generateName", concat(workflow, "-"));
  } else {
    metadata.set("name", submit.name);
  }
  Json mission = Json::object();
  mission.set("apiVersion", "reeve.dev/v1").set("kind", "Mission");
  mission.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  return post(path("missions"), mission);
}

/// `reeve enable|disable`.
Result<ApiRequest> Remote::switching(const Json& args) const {
  REEVE_TRY(const protocol::Object object, protocol::object_from_json(args));
  const bool known =
      object.kind == "workflow" && (object.verb == "enable" || object.verb == "disable");
  if (!known) {
    return make_error(ErrorCode::Unsupported, "the API has no such verb", object.verb);
  }
  return post(concat(path("workflows", object.name), "/", object.verb), Json::object());
}

Result<ApiRequest> Remote::request_of(std::string_view verb, const Json& args) const {
  if (verb == protocol::kSubmit) {
    return submission(args);
  }
  if (verb == protocol::kObject) {
    return switching(args);
  }
  if (verb == protocol::kRetry) {
    REEVE_TRY(const protocol::Retry retry, protocol::retry_from_json(args));
    Json body = message_body(retry.message);
    if (retry.reopen) {
      body.set("reopen", true);
    }
    for (const auto& [key, value] : {std::pair("name", retry.name), {"from", retry.from}}) {
      if (!value.empty()) {
        body.set(key, value);
      }
    }
    return post(concat(path("missions", retry.mission), "/retry"), body);
  }
  if (verb == protocol::kAbort) {
    REEVE_TRY(const protocol::Abort abort, protocol::abort_from_json(args));
    return post(concat(path("missions", abort.mission), "/abort"), message_body(abort.message));
  }
  if (verb == protocol::kRelease) {
    REEVE_TRY(const protocol::Release release, protocol::release_from_json(args));
    return post(concat(path("missions", release.mission), "/release"), Json::object());
  }
  if (verb == protocol::kDecide) {
    REEVE_TRY(const protocol::Decide decide, protocol::decide_from_json(args));
    Json body = message_body(decide.message);
    if (!decide.task.empty()) {
      body.set("task", decide.task);
    }
    return post(concat(path("missions", decide.mission), "/", decide.decision), body);
  }
  return make_error(ErrorCode::Unsupported, "the API has no such verb", std::string(verb));
}

Result<Json> Remote::send(std::string_view verb, const Json& args) {
  REEVE_TRY(const ApiRequest request, request_of(verb, args));
  for (int attempt = 1;; ++attempt) {
    const Result<Json> object = api_.client->ask(request);
    if (object) {
      return reply_of(*object);
    }
    if (object.error().code != ErrorCode::Ambiguous || attempt == kAttempts) {
      return object.error();
    }
    ::poll(nullptr, 0, kPauseMillis);
  }
}

Result<Json> Remote::mission(const std::string& name) {
  ApiRequest request;
  request.path = path("missions", name);
  return api_.client->ask(request);
}

Result<void> Remote::events(
    const std::string& name, Revision after, bool follow, const OnEvent& on_event
) {
  ApiRequest request;
  request.path = concat(
      path("missions", name), "/events?from=", after.value(), "&follow=", follow ? "true" : "false"
  );
  request.accept = "text/event-stream";
  request.timeout = follow ? Duration(0) : kAnswerTimeout;
  Result<void> wrong;
  const Result<void> streamed = api_.client->stream(request, [&](std::string_view line) {
    constexpr std::string_view kData = "data: ";
    if (!line.starts_with(kData)) {
      return true;
    }
    const Result<journal::Event> event = event_of(line.substr(kData.size()));
    if (!event) {
      wrong = event.error();
      return false;
    }
    return on_event(*event);
  });
  return wrong ? streamed : wrong;
}

Result<void> Remote::log(
    const std::string& name, const std::string& query, const ApiClient::OnLine& on_line
) {
  ApiRequest request;
  request.path = concat(path("missions", name), "/log?", query);
  request.accept = "*/*";
  request.timeout = Duration(0);
  return api_.client->stream(request, on_line);
}

Result<Json> remote_send(const Common& common, std::string_view verb, const Json& args) {
  REEVE_TRY(Remote remote, Remote::open(common));
  return remote.send(verb, args);
}

}  // namespace reeve::cli
