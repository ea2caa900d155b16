#include <utility>
#include <vector>

#include "api/access.h"
#include "api/compat/fractal.h"
#include "api/secret.h"
#include "api/services.h"
#include "api/submission.h"
#include "api/write.h"
#include "base/assert.h"
#include "base/strings.h"
#include "engine/metadata_book.h"
#include "model/scoped_name.h"
#include "resource/causes.h"
#include "resource/schema/validator.h"

namespace reeve::api {

namespace {

const Json& section(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kEmpty : *found;
}

/// What the engine keeps of an object's metadata beside its own row; null: nothing.
Json kept_metadata(const Json& object) {
  const Json& metadata = section(object, "metadata");
  Json kept = Json::object();
  for (const std::string_view name :
       {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"}) {
    if (const Json* found = metadata.find(name)) {
      kept.set(std::string(name), *found);
    }
  }
  return kept.as_object().empty() ? Json() : kept;
}

journal::ObjectKey key_of(const Call& call, std::string_view name) {
  return {
      .kind = call.type->kind,
      .ns = Namespace(call.type->namespaced() ? call.route.ns : std::string()),
      .name = std::string(name)};
}

engine::Command object_command(journal::ObjectKey key, std::string verb, Json body) {
  return engine::ObjectCommand{
      .object = std::move(key), .verb = std::move(verb), .body = std::move(body)};
}

std::string name_of(const Json& object) {
  return section(object, "metadata").get_string("name");
}

resource::Status bad_field(
    const Call& call, const Json& object, std::string field, std::string_view why
) {
  std::vector<resource::Cause> causes;
  causes.push_back(resource::forbidden_value(std::move(field), why));
  return resource::invalid(call.resource(), name_of(object), std::move(causes));
}

resource::Status failure(const Call& call, const Json& object, const Error& error) {
  return resource::from_error(error, call.resource(), name_of(object));
}

/// The write counts only for the object that it was made from, or if there is none yet.
void expect(const Write& write, Json& body) {
  if (write.before == nullptr) {
    body.set("absent", true);
  } else {
    body.set("revision", write.expected.value());
  }
}

// --- plain --------------------------------------------------------------------------------------

engine::Command write_plain(const Call& call, const Write& write) {
  Json object = write.after;
  if (write.before != nullptr) {
    keep_hidden(call, object);
  }
  Json body = Json::object();
  body.set("object", std::move(object));
  if (write.before == nullptr) {
    return object_command(key_of(call, name_of(write.after)), "create", std::move(body));
  }
  body.set("revision", write.expected.value());
  if (!write.subresource.empty()) {
    body.set("subresource", write.subresource);
  }
  return object_command(key_of(call, call.route.name), "update", std::move(body));
}

// --- kinds with a life of their own
// ---------------------------------------------------------------

/// Only what clients may add to the object has changed.
engine::Command write_metadata(const Call& call, const Write& write) {
  Json body = Json::object();
  Json metadata = kept_metadata(write.after);
  body.set("metadata", metadata.is_null() ? Json::object() : std::move(metadata));
  body.set("uid", section(*write.before, "metadata").get_string("uid"));
  body.set("revision", write.expected.value());
  return object_command(
      engine::metadata_key(key_of(call, call.route.name)), "update", std::move(body)
  );
}

bool same_spec(const Write& write) {
  return engine::same_value(section(*write.before, "spec"), section(write.after, "spec"));
}

resource::Outcome<engine::Command> write_mission(const Call& call, const Write& write) {
  if (write.before == nullptr) {
    Result<engine::SubmitMission> submission =
        submission_of(Namespace(call.route.ns), name_of(write.after), section(write.after, "spec"));
    if (!submission) {
      return failure(call, write.after, submission.error());
    }
    submission->metadata = kept_metadata(write.after);
    return engine::Command(std::move(*submission));
  }
  // It is a wish, not a part of what the mission is to do: once it is over, nothing is left of it.
  Write rest = write;
  Json* spec = rest.after.find("spec");
  const bool abort = spec != nullptr && spec->get_bool("abortRequested");
  if (spec != nullptr && spec->is_object()) {
    std::erase_if(spec->as_object(), [](const Json::Member& member) {
      return member.first == "abortRequested";
    });
  }
  if (!same_spec(rest)) {
    return bad_field(
        call, write.after, "spec", "what a mission is to do never changes; make another mission"
    );
  }
  const auto state =
      model::parse_mission_state(section(*write.before, "status").get_string("state"));
  if (!abort || !state || is_terminal(*state)) {
    return write_metadata(call, rest);
  }
  access::Attributes aborting = attributes_of(call);
  aborting.verb = "create";
  aborting.subresource = "abort";
  if (auto refused = call.services->access.authorize(call, aborting)) {
    return std::move(*refused);
  }
  Json metadata = kept_metadata(rest.after);
  return engine::Command(engine::AbortMission{
      .mission = model::qualify(Namespace(call.route.ns), call.route.name),
      .message = {},
      .metadata = metadata.is_null() ? Json::object() : std::move(metadata)});
}

/// The text of a workflow as clients give it: the document itself, or a document in `source`.
std::string workflow_text(const Json& object) {
  const Json& spec = section(object, "spec");
  if (spec.find("source") != nullptr) {
    return spec.get_string("source");
  }
  Json metadata = Json::object();
  metadata.set("name", name_of(object));
  Json document = Json::object();
  document.set("apiVersion", "reeve.dev/v1").set("kind", "Workflow");
  document.set("metadata", std::move(metadata)).set("spec", spec);
  return document.dump();
}

resource::Outcome<engine::Command> write_workflow(const Call& call, const Write& write) {
  if (write.before != nullptr && same_spec(write)) {
    return write_metadata(call, write);
  }
  Json body = Json::object();
  body.set("source", workflow_text(write.after));
  Json metadata = kept_metadata(write.after);
  if (!metadata.is_null()) {
    body.set("metadata", std::move(metadata));
  }
  expect(write, body);
  return object_command(key_of(call, name_of(write.after)), "apply", std::move(body));
}

resource::Outcome<engine::Command> write_credential(const Call& call, const Write& write) {
  const Json& spec = section(write.after, "spec");
  const std::string value = spec.get_string("value");
  if (value.empty() && write.before == nullptr) {
    std::vector<resource::Cause> causes;
    causes.push_back(
        {"FieldValueRequired", "Required value: a credential has a value", "spec.value"}
    );
    return resource::invalid(call.resource(), name_of(write.after), std::move(causes));
  }
  if (value.empty() && same_spec(write)) {
    return write_metadata(call, write);
  }
  Json body = Json::object();
  if (!value.empty()) {
    const Result<SealedValue> sealed =
        call.services->environment.seal(call.route.ns, name_of(write.after), value);
    if (!sealed) {
      return failure(call, write.after, sealed.error());
    }
    body.set("sealed", sealed->sealed).set("keyId", sealed->key_id);
  }
  body.set("description", spec.get_string("description"));
  const Json* workflows = spec.find("workflows");
  body.set("workflows", workflows == nullptr ? Json::array() : *workflows);
  if (Json metadata = kept_metadata(write.after); !metadata.is_null()) {
    body.set("metadata", std::move(metadata));
  }
  expect(write, body);
  const std::string verb = value.empty() ? "allow" : "set";
  return object_command(key_of(call, name_of(write.after)), verb, std::move(body));
}

/// A Secret is a Credential for clients that know Secrets.
resource::Outcome<engine::Command> write_secret(const Call& call, const Write& write) {
  Json before;
  Write as_credential;
  if (write.before != nullptr) {
    before = *write.before;
    before.set("spec", Json::object());
    as_credential.before = &before;
  }
  REEVE_TRY(Json spec, credential_spec(call.resource(), write.after));
  if (write.before == nullptr && spec.as_object().empty()) {
    std::vector<resource::Cause> causes;
    causes.push_back(resource::required_value("data", "a Secret has one value here"));
    return resource::invalid(call.resource(), name_of(write.after), std::move(causes));
  }
  as_credential.after = write.after;
  as_credential.after.set("spec", std::move(spec));
  as_credential.subresource = write.subresource;
  as_credential.expected = write.expected;
  return write_credential(call, as_credential);
}

resource::Outcome<engine::Command> write_channel(const Call& call, const Write& write) {
  if (write.before != nullptr && same_spec(write)) {
    return write_metadata(call, write);
  }
  Json body = section(write.after, "spec");
  if (Json metadata = kept_metadata(write.after); !metadata.is_null()) {
    body.set("metadata", std::move(metadata));
  }
  expect(write, body);
  return object_command(key_of(call, name_of(write.after)), "set", std::move(body));
}

// --- kinds of others ----------------------------------------------------------------------------

resource::Status refuse(const Call& call, const Json& object) {
  const fractal::Refusal* why = fractal::refusal_of(call.resource().group, call.resource().kind);
  REEVE_ASSERT(why != nullptr);
  return bad_field(call, object, std::string(why->field), why->message);
}

/// Our object in place of theirs, as our contract wants it.
resource::Outcome<Json> reshape(const Call& call, const Json& object) {
  namespace schema = resource::schema;
  const ApiType& kept = call.services->types.kept_as(*call.type);
  const view::ProjectedPtr current =
      call.services->view.get(*kept.view, call.route.ns, call.route.name);
  Result<Json> ours =
      fractal::to_ours(*call.type->shape, object, current == nullptr ? nullptr : &current->object);
  if (!ours) {
    return failure(call, object, ours.error());
  }
  schema::apply_defaults(*kept.contract->schema, *ours);
  if (auto causes = schema::validate(*kept.contract->schema, *ours); !causes.empty()) {
    return resource::invalid(call.resource(), name_of(object), std::move(causes));
  }
  return std::move(*ours);
}

/// A write in another shape is the same write in ours.
resource::Outcome<engine::Command> write_reshaped(const Call& call, const Write& write) {
  if (call.type->storage == Storage::Run) {
    return resource::method_not_allowed(call.resource(), call.verb);
  }
  Write made = write;
  REEVE_TRY(made.after, reshape(call, write.after));
  if (call.type->storage == Storage::Plain) {
    return write_plain(call, made);
  }
  // Its contract has seen to it that what a Shard is to do is as it was.
  return write.before == nullptr ? write_mission(call, made) : write_metadata(call, made);
}

}  // namespace

resource::Outcome<void> settle_source(const Call& call, const Json& before, Json& after) {
  Json* spec = after.find("spec");
  const bool given = spec != nullptr && spec->find("source") != nullptr &&
                     section(before, "spec").find("source") == nullptr;
  if (!given) {
    return {};
  }
  const std::string source = spec->get_string("source");
  if (call.type->storage == Storage::Workflow) {
    *spec = Json::object().set("source", source);
    return {};
  }
  if (call.type->storage != Storage::Mission) {
    return {};
  }
  const Result<engine::SubmitMission> same =
      submission_of(Namespace(call.route.ns), {}, Json(*spec).set("workflow", Json()));
  const Json& status = section(before, "status");
  const std::string digest = section(status, "workflow").get_string("digest");
  if (!same || same->workflow == nullptr || same->workflow->digest.view() != digest) {
    return bad_field(
        call, after, "spec.source", "what a mission is to do never changes; make another mission"
    );
  }
  std::erase_if(spec->as_object(), [](const Json::Member& member) {
    return member.first == "source";
  });
  return {};
}

void keep_hidden(const Call& call, Json& object) {
  if (call.type->kind != journal::Kind::Token) {
    return;
  }
  Json* spec = object.find("spec");
  const Json row = stored_row(*call.services, key_of(call, call.route.name));
  const Json* hash = section(row, "spec").find("hash");
  if (spec != nullptr && spec->find("hash") == nullptr && hash != nullptr) {
    spec->set("hash", *hash);
  }
}

void forget_same_hidden(const Call& call, Json& object) {
  Json* spec = object.find("spec");
  if (spec == nullptr || !spec->is_object()) {
    return;
  }
  std::string_view name;
  std::string stored;
  if (call.type->storage == Storage::Credential) {
    name = "value";
    if (const auto value = call.services->environment.reveal(call.route.ns, call.route.name)) {
      stored = std::string(value->view());
    }
  } else if (call.type->kind == journal::Kind::Token) {
    name = "hash";
    const Json row = stored_row(*call.services, key_of(call, call.route.name));
    stored = section(row, "spec").get_string("hash");
  }
  if (!stored.empty() && spec->get_string(name) == stored) {
    std::erase_if(spec->as_object(), [&](const Json::Member& member) {
      return member.first == name;
    });
  }
  wipe(stored);
}

resource::Outcome<engine::Command> command_for(const Call& call, const Write& write) {
  if (call.type->shape != nullptr) {
    return write_reshaped(call, write);
  }
  switch (call.type->storage) {
    case Storage::Plain:
      return write_plain(call, write);
    case Storage::Mission:
      return write_mission(call, write);
    case Storage::Workflow:
      return write_workflow(call, write);
    case Storage::Credential:
      return write_credential(call, write);
    case Storage::Channel:
      return write_channel(call, write);
    case Storage::Secret:
      return write_secret(call, write);
    case Storage::Refused:
      return refuse(call, write.after);
    case Storage::Run:
    case Storage::Approval:
    case Storage::ToolCall:
    case Storage::ModelCall:
    case Storage::Usage:
    case Storage::Host:
    case Storage::Pod:
    case Storage::Event:
    case Storage::Review:
      return resource::method_not_allowed(call.resource(), call.verb);
  }
  return resource::method_not_allowed(call.resource(), call.verb);
}

resource::Outcome<engine::Command> deletion_command(
    const Call& call, std::string_view name, const resource::DeleteOptions& options
) {
  Json body = Json::object();
  if (!options.uid.empty()) {
    body.set("uid", options.uid);
  }
  if (!options.resource_version.empty()) {
    REEVE_TRY(
        const std::uint64_t revision, resource::parse_resource_version(options.resource_version)
    );
    body.set("revision", revision);
  }
  if (options.propagation == resource::Propagation::Foreground) {
    body.set("propagationPolicy", "Foreground");
  } else if (options.propagation == resource::Propagation::Orphan) {
    body.set("propagationPolicy", "Orphan");
  }
  const journal::ObjectKey key = key_of(call, name);
  if (call.type->storage == Storage::Plain) {
    return object_command(key, "delete", std::move(body));
  }
  return object_command(engine::metadata_key(key), "delete", std::move(body));
}

}  // namespace reeve::api
