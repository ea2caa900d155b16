#include "api/write.h"

#include <utility>

#include "api/access.h"
#include "api/built_in.h"
#include "api/handlers.h"
#include "api/services.h"
#include "base/strings.h"
#include "engine/object_metadata.h"
#include "engine/quota.h"
#include "model/scoped_name.h"
#include "net/server.h"
#include "resource/causes.h"
#include "resource/json_patch.h"
#include "resource/managed_fields.h"
#include "resource/merge_patch.h"
#include "resource/object_rules.h"
#include "resource/schema/validator.h"

namespace reeve::api {

namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
/// So often a patch that names no revision is tried when others write at the same time, and a name
/// is made up when somebody has it.
constexpr int kAttempts = 10;

/// One write of one request, which may take several attempts.
struct Attempt {
  CallPtr call;
  resource::WriteOptions options;
  resource::BodyFormat format = resource::BodyFormat::Json;
  Json body;
  int attempts_left = kAttempts;
};

using AttemptPtr = std::shared_ptr<Attempt>;

resource::FieldWriter writer_of(const Attempt& attempt) {
  const Call& call = *attempt.call;
  std::string manager = attempt.options.field_manager;
  if (manager.empty()) {
    manager = resource::default_manager(call.request().headers.get("User-Agent"));
  }
  return {
      .manager = std::move(manager),
      .api_version = call.resource().api_version(),
      .subresource = call.route.subresource,
      .time = engine::format_seconds(call.services->now())};
}

std::string random_suffix(platform::Random& random) {
  // Without vowels and what looks alike, as Kubernetes has it.
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  std::uint64_t bits = random.next();
  for (std::size_t i = 0; i < resource::kGeneratedSuffixBytes; ++i) {
    suffix.push_back(kLetters[bits % kLetters.size()]);
    bits /= kLetters.size();
  }
  return suffix;
}

std::string random_uid(platform::Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uid = "00000000-0000-4000-8000-000000000000";
  constexpr int kDigitsOfWord = 16;
  std::uint64_t bits = 0;
  int left = 0;
  for (char& digit : uid) {
    if (digit != '0') {
      continue;
    }
    if (left == 0) {
      bits = random.next();
      left = kDigitsOfWord;
    }
    digit = kDigits[bits % kDigits.size()];
    bits /= kDigits.size();
    --left;
  }
  return uid;
}

std::string text_at(const Json& object, std::string_view section, std::string_view member) {
  const Json* found = object.find(section);
  return found == nullptr ? std::string() : found->get_string(member);
}

Revision revision_of(const Json& object) {
  const std::string text = text_at(object, "metadata", "resourceVersion");
  const resource::Outcome<std::uint64_t> revision = resource::parse_resource_version(text);
  return Revision(revision ? *revision : 0);
}

void set_version(Json& object, Revision revision) {
  if (Json* metadata = object.find("metadata")) {
    metadata->set("resourceVersion", std::to_string(revision.value()));
  }
}

/// Without what is accepted and never shown.
Json shown(const Call& call, Json object) {
  resource::schema::hide_write_only(*call.type->contract->schema, object);
  return object;
}

/// The object after a command, as the client gets it.
void answer_written(
    const CallPtr& call, int code, const std::string& name, const engine::Reply& reply
) {
  const bool whole = call->type->storage == Storage::Plain && !engine::is_quota(call->type->kind);
  if (whole && reply.detail.is_object()) {
    Json object = call->type->shape == nullptr
                      ? reply.detail
                      : fractal::from_ours(*call->type->shape, reply.detail);
    set_version(object, reply.revision);
    answer_object(call, code, shown(*call, std::move(object)));
    return;
  }
  if (const view::ProjectedPtr found = current(*call, name)) {
    answer_object(call, code, found->object);
    return;
  }
  answer(call, resource::not_found(call->resource(), name));
}

// --- create -------------------------------------------------------------------------------------

resource::Outcome<Json> prepare_new(const Attempt& attempt, Json body) {
  Call& call = *attempt.call;
  REEVE_CHECK(check_contract(call, body, attempt.options.field_validation, nullptr));
  platform::Random& random = call.services->random;
  const resource::CreateSeeds seeds{
      .uid = random_uid(random),
      .time = engine::format_seconds(call.services->now()),
      .suffix = [&random] {
        return random_suffix(random);
      }};
  return resource::prepare_create(call.type->place(call.route.ns, {}), std::move(body), seeds);
}

/// Of an object that does not exist yet, what is not found is something that it names.
resource::Status creation_problem(const Call& call, const std::string& name, const Error& error) {
  if (error.code != ErrorCode::NotFound) {
    return resource::from_error(error, call.resource(), name);
  }
  const Error no_namespace = engine::namespace_not_found(Namespace(call.route.ns));
  if (error.message == no_namespace.message) {
    return resource::not_found(
        call.services->types.of(journal::Kind::Namespace).name, call.route.ns
    );
  }
  std::vector<resource::Cause> causes;
  causes.push_back(
      {.reason = "FieldValueNotFound",
       .message = concat("Not found: ", error.describe()),
       .field = "spec"}
  );
  return resource::invalid(call.resource(), name, std::move(causes));
}

void create_once(const AttemptPtr& attempt);

/// Whether the name was made up and somebody happened to have it: another one may be free.
bool may_rename(Attempt& attempt, const Error& error) {
  return error.code == ErrorCode::AlreadyExists &&
         text_at(attempt.body, "metadata", "name").empty() && --attempt.attempts_left > 0;
}

/// Of a dry run: what the engine would say about the namespace of a new object.
Result<void> check_namespace(const Call& call) {
  const Namespace ns(call.route.ns);
  if (!call.type->namespaced()) {
    return {};
  }
  const ApiType& namespaces = call.services->types.of(journal::Kind::Namespace);
  const view::ProjectedPtr found = call.services->view.get(*namespaces.view, "", ns.view());
  if (found == nullptr) {
    return engine::namespace_not_found(ns);
  }
  const bool deleting = found->object.find("metadata")->find("deletionTimestamp") != nullptr;
  return deleting ? engine::namespace_terminating(ns) : Result<void>();
}

void answer_dry_creation(const CallPtr& call, const std::string& name, Json object) {
  if (const Result<void> open = check_namespace(*call); !open) {
    answer(call, creation_problem(*call, name, open.error()));
  } else if (current(*call, name) != nullptr) {
    answer(call, resource::already_exists(call->resource(), name));
  } else {
    answer_object(call, kCreated, shown(*call, std::move(object)));
  }
}

void store_new(const AttemptPtr& attempt, Json object) {
  const CallPtr& call = attempt->call;
  const std::string name = text_at(object, "metadata", "name");
  if (const auto denied = check_escalation(*call, object)) {
    answer(call, *denied);
    return;
  }
  if (const auto denied = check_command(*call, nullptr, object)) {
    answer(call, *denied);
    return;
  }
  Write write;
  write.after = attempt->options.dry_run ? object : std::move(object);
  resource::Outcome<engine::Command> command = command_for(*call, write);
  if (!command) {
    answer(call, command.error());
    return;
  }
  if (attempt->options.dry_run) {
    answer_dry_creation(call, name, std::move(object));
    return;
  }
  if (is_built_in(*call, name)) {
    answer(call, resource::already_exists(call->resource(), name));
    return;
  }
  send(call, std::move(*command), [attempt, name](Result<engine::Reply> reply) {
    const CallPtr& call = attempt->call;
    if (!reply && may_rename(*attempt, reply.error())) {
      create_once(attempt);
      return;
    }
    if (!reply) {
      answer(call, creation_problem(*call, name, reply.error()));
      return;
    }
    std::string made = name;
    if (!reply->subject.empty()) {
      made = reply->subject;
    } else if (!reply->mission.empty()) {
      // Another one than was asked for: a repeat gets the first name, a user key what lives.
      made = model::plain(reply->mission);
    }
    answer_written(call, reply->existing ? kOk : kCreated, made, *reply);
  });
}

/// Checks and stores an object that is not there yet.
void create_once(const AttemptPtr& attempt) {
  const CallPtr& call = attempt->call;
  const resource::ObjectPlace place = call->type->place(call->route.ns, {});
  if (resource::Outcome<void> same = resource::check_identity(place, attempt->body); !same) {
    answer(call, same.error());
    return;
  }
  resource::Outcome<Json> object = prepare_new(*attempt, attempt->body);
  if (object) {
    object = resource::track_update(
        call->resource(), nullptr, std::move(*object), writer_of(*attempt), call->type->list_types
    );
  }
  if (object) {
    store_new(attempt, std::move(*object));
  } else {
    answer(call, object.error());
  }
}

// --- update -------------------------------------------------------------------------------------

void store_update(const AttemptPtr& attempt, const Json& before, Json after);

/// The object changed between reading and writing.
void try_again(const AttemptPtr& attempt);

void store_update(const AttemptPtr& attempt, const Json& before, Json after) {
  const CallPtr& call = attempt->call;
  forget_same_hidden(*call, after);
  if (resource::same_object(before, after)) {
    answer_object(call, kOk, before);
    return;
  }
  if (const auto refused = check_built_in(*call, call->route.name)) {
    answer(call, *refused);
    return;
  }
  if (const auto denied = check_escalation(*call, after)) {
    answer(call, *denied);
    return;
  }
  if (const auto denied = check_command(*call, &before, after)) {
    answer(call, *denied);
    return;
  }
  if (attempt->options.dry_run) {
    answer_object(call, kOk, shown(*call, std::move(after)));
    return;
  }
  // Without its last finalizer it goes: this is the last that is seen of it.
  const Json last = text_at(after, "metadata", "deletionTimestamp").empty() ? Json() : after;
  Write write;
  write.before = &before;
  write.after = std::move(after);
  write.subresource = call->route.subresource;
  write.expected = revision_of(before);
  resource::Outcome<engine::Command> command = command_for(*call, write);
  if (!command) {
    answer(call, command.error());
    return;
  }
  // Refusals are not remembered: another attempt may have the same idempotency key.
  send(call, std::move(*command), [attempt, last](Result<engine::Reply> reply) {
    const CallPtr& asked = attempt->call;
    if (reply && reply->gone && !last.is_null()) {
      answer_object(asked, kOk, shown(*asked, last));
    } else if (reply) {
      answer_written(asked, kOk, asked->route.name, *reply);
    } else if (reply.error().code == ErrorCode::Conflict) {
      try_again(attempt);
    } else {
      answer(asked, reply.error());
    }
  });
}

/// Who writes what is booked, and what must not change is put back.
resource::Outcome<Json> prepare_changed(
    const Attempt& attempt, const Json& before, Json after, resource::UpdateVerb verb
) {
  Call& call = *attempt.call;
  const resource::ObjectPlace place = call.type->place(call.route.ns, call.route.name);
  REEVE_CHECK(resource::check_identity(place, after));
  if (call.type->shape != nullptr) {
    fractal::put_back(*call.type->shape, before, after);
  }
  REEVE_CHECK(settle_source(call, before, after));
  REEVE_CHECK(check_contract(call, after, attempt.options.field_validation, &before));
  if (call.route.subresource == "status") {
    REEVE_TRY(after, resource::prepare_status_update(place, before, after, verb));
  } else {
    REEVE_TRY(after, resource::prepare_update(place, before, std::move(after), verb));
  }
  return resource::track_update(
      call.resource(), &before, std::move(after), writer_of(attempt), call.type->list_types
  );
}

void update_once(const AttemptPtr& attempt) {
  const CallPtr& call = attempt->call;
  const view::ProjectedPtr before = current(*call, call->route.name);
  if (before == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  resource::Outcome<Json> after =
      prepare_changed(*attempt, before->object, attempt->body, resource::UpdateVerb::Put);
  if (!after) {
    answer(call, after.error());
    return;
  }
  store_update(attempt, before->object, std::move(*after));
}

resource::Outcome<Json> patched(const Attempt& attempt, const Json& before) {
  switch (attempt.format) {
    case resource::BodyFormat::JsonPatch:
      return resource::json_patch(before, attempt.body);
    case resource::BodyFormat::StrategicMergePatch:
      return resource::strategic_merge_patch(before, attempt.body);
    case resource::BodyFormat::MergePatch:
    case resource::BodyFormat::Json:
    case resource::BodyFormat::Yaml:
    case resource::BodyFormat::Protobuf:
    case resource::BodyFormat::ApplyPatch:
      return resource::merge_patch(before, attempt.body);
  }
  return before;
}

/// Whether the patch itself says which revision it is for: then somebody else's write is its end.
bool names_revision(const Attempt& attempt) {
  return attempt.body.is_object() && !text_at(attempt.body, "metadata", "resourceVersion").empty();
}

void patch_once(const AttemptPtr& attempt) {
  const CallPtr& call = attempt->call;
  const view::ProjectedPtr before = current(*call, call->route.name);
  if (before == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  resource::Outcome<Json> after = patched(*attempt, before->object);
  if (after) {
    after =
        prepare_changed(*attempt, before->object, std::move(*after), resource::UpdateVerb::Patch);
  }
  if (!after) {
    answer(call, after.error());
    return;
  }
  store_update(attempt, before->object, std::move(*after));
}

// --- server-side apply --------------------------------------------------------------------------

/// Who applies an object that is not there makes it, and must be allowed to.
bool may_create(const CallPtr& call) {
  access::Attributes attributes = attributes_of(*call);
  attributes.verb = "create";
  attributes.name.clear();
  if (const auto refused = call->services->access.authorize(*call, attributes)) {
    answer(call, *refused);
    return false;
  }
  if (!call->type->contract->has_verb("create")) {
    answer(call, resource::method_not_allowed(call->resource(), "create"));
    return false;
  }
  return true;
}

/// What an apply has made of an object, checked. Who owns what is settled already.
resource::Outcome<Json> prepare_applied(const Attempt& attempt, const Json& before, Json applied) {
  Call& call = *attempt.call;
  const resource::ObjectPlace place = call.type->place(call.route.ns, call.route.name);
  REEVE_CHECK(settle_source(call, before, applied));
  REEVE_CHECK(check_contract(call, applied, attempt.options.field_validation, &before));
  const auto verb = resource::UpdateVerb::Patch;
  REEVE_TRY(
      Json after,
      call.route.subresource == "status"
          ? resource::prepare_status_update(place, before, applied, verb)
          : resource::prepare_update(place, before, applied, verb)
  );
  Json* metadata = after.find("metadata");
  const Json* fields = applied.find("metadata")->find("managedFields");
  if (metadata != nullptr && fields != nullptr) {
    metadata->set("managedFields", *fields);
  }
  return after;
}

void apply_once(const AttemptPtr& attempt) {
  const CallPtr& call = attempt->call;
  const view::ProjectedPtr before = current(*call, call->route.name);
  const resource::ObjectPlace place = call->type->place(call->route.ns, call->route.name);
  if (before == nullptr && !call->route.subresource.empty()) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  if (before == nullptr && !may_create(call)) {
    return;
  }
  if (resource::Outcome<void> same = resource::check_identity(place, attempt->body); !same) {
    answer(call, same.error());
    return;
  }
  // Nobody owns what is not kept.
  if (const auto known = check_fields(*call, attempt->body, attempt->options.field_validation);
      !known) {
    answer(call, known.error());
    return;
  }
  const resource::ApplyRequest request{
      .writer = writer_of(*attempt), .force = attempt->options.force};
  resource::Outcome<Json> applied = resource::apply_object(
      call->resource(),
      before == nullptr ? nullptr : &before->object,
      attempt->body,
      request,
      call->type->list_types
  );
  if (!applied) {
    answer(call, applied.error());
    return;
  }
  if (before == nullptr) {
    resource::Outcome<Json> made = prepare_new(*attempt, std::move(*applied));
    if (!made) {
      answer(call, made.error());
    } else {
      store_new(attempt, std::move(*made));
    }
    return;
  }
  if (call->type->shape != nullptr) {
    fractal::put_back(*call->type->shape, before->object, *applied);
  }
  resource::Outcome<Json> after = prepare_applied(*attempt, before->object, std::move(*applied));
  if (after) {
    store_update(attempt, before->object, std::move(*after));
  } else {
    answer(call, after.error());
  }
}

void try_again(const AttemptPtr& attempt) {
  const CallPtr& call = attempt->call;
  const bool put = call->verb == "update";
  if (put || names_revision(*attempt) || --attempt->attempts_left == 0) {
    answer(call, resource::modified(call->resource(), call->route.name));
  } else if (attempt->format == resource::BodyFormat::ApplyPatch) {
    apply_once(attempt);
  } else {
    patch_once(attempt);
  }
}

/// Reads options and body of a write; answers and gives null if they are wrong.
AttemptPtr begin_attempt(
    const CallPtr& call, resource::WriteVerb verb, resource::BodyFormat format
) {
  resource::Outcome<resource::WriteOptions> options =
      resource::parse_write_options(call->request().query, verb);
  if (!options) {
    answer(call, options.error());
    return nullptr;
  }
  resource::Outcome<Json> body = read_body(*call, format);
  if (!body) {
    answer(call, body.error());
    return nullptr;
  }
  auto attempt = std::make_shared<Attempt>();
  attempt->call = call;
  attempt->options = std::move(*options);
  attempt->format = format;
  attempt->body = std::move(*body);
  return attempt;
}

resource::Outcome<resource::BodyFormat> object_format(const CallPtr& call) {
  return resource::object_body_format(call->request().headers.get("Content-Type"));
}

}  // namespace

void create_object(const CallPtr& call) {
  const resource::Outcome<resource::BodyFormat> format = object_format(call);
  if (!format) {
    answer(call, format.error());
    return;
  }
  const AttemptPtr attempt = begin_attempt(call, resource::WriteVerb::Create, *format);
  if (attempt == nullptr) {
    return;
  }
  create_once(attempt);
}

void create_from(const CallPtr& call, const resource::WriteOptions& options, Json body) {
  auto attempt = std::make_shared<Attempt>();
  attempt->call = call;
  attempt->options = options;
  attempt->body = std::move(body);
  create_once(attempt);
}

void replace_object(const CallPtr& call) {
  const resource::Outcome<resource::BodyFormat> format = object_format(call);
  if (!format) {
    answer(call, format.error());
    return;
  }
  if (const AttemptPtr attempt = begin_attempt(call, resource::WriteVerb::Update, *format)) {
    update_once(attempt);
  }
}

void patch_object(const CallPtr& call) {
  const resource::Outcome<resource::BodyFormat> format =
      resource::patch_body_format(call->request().headers.get("Content-Type"));
  if (!format) {
    answer(call, format.error());
    return;
  }
  const bool apply = *format == resource::BodyFormat::ApplyPatch;
  const AttemptPtr attempt =
      begin_attempt(call, apply ? resource::WriteVerb::Apply : resource::WriteVerb::Patch, *format);
  if (attempt == nullptr) {
    return;
  }
  if (apply) {
    apply_once(attempt);
  } else {
    patch_once(attempt);
  }
}

}  // namespace reeve::api
