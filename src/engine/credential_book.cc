#include "engine/credential_book.h"

#include <algorithm>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::size_t kDescriptionBytesMax = 1000;

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    list.push(text);
  }
  return list;
}

Result<void> check_workflows(const std::vector<std::string>& workflows) {
  if (workflows.size() > kAllowedWorkflowsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("at most ", kAllowedWorkflowsMax, " workflows can be named"),
        "workflows"
    );
  }
  for (const std::string& name : workflows) {
    if (name.empty() || name.size() > kCredentialNameBytesMax) {
      return make_error(
          ErrorCode::Invalid, concat("\"", name, "\" is no name of a workflow"), "workflows"
      );
    }
  }
  return {};
}

Result<void> check_description(const std::string& description) {
  if (description.size() <= kDescriptionBytesMax) {
    return {};
  }
  return make_error(
      ErrorCode::LimitExceeded,
      concat("is longer than ", kDescriptionBytesMax, " bytes"),
      "description"
  );
}

/// `v1.<key id>.<base64>`: anything else was not sealed, and must not be stored.
Result<void> check_sealed(const std::string& sealed, const std::string& key_id) {
  if (sealed.size() > kSealedBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kSealedBytesMax, " bytes"), "sealed"
    );
  }
  if (key_id.empty() || !sealed.starts_with(concat("v1.", key_id, "."))) {
    return make_error(ErrorCode::Invalid, "is not sealed with the key that it names", "sealed");
  }
  return {};
}

}  // namespace

Result<void> check_credential_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  const bool legal = !name.empty() && name.size() <= kCredentialNameBytesMax &&
                     name.front() != '.' && name.front() != '-' &&
                     std::all_of(name.begin(), name.end(), plain);
  if (!legal) {
    Error error = make_error(
        ErrorCode::Invalid, concat("\"", name, "\" is no name for a credential"), "name"
    );
    error.hint = concat(
        "letters, digits, _ - and . up to ",
        kCredentialNameBytesMax,
        "; the first a letter, digit or _"
    );
    return error;
  }
  return {};
}

// --- rows and events ----------------------------------------------------------------------------

void CredentialBook::put(Credential credential) {
  const journal::ObjectKey key{
      .kind = journal::Kind::Credential, .ns = credential.ns, .name = credential.name};
  if (credential.deleted) {
    allowed_[credential.ns].erase(credential.name);
  } else {
    allowed_[credential.ns].insert_or_assign(credential.name, credential.workflows);
  }
  objects_.insert_or_assign(key, std::move(credential));
}

Result<void> CredentialBook::load(const journal::ObjectKey& key, const Json& row) {
  Fields fields(row, "the row of a credential");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* spec_json = fields.object("spec");
  if (const auto whole = fields.finish();
      !whole || metadata_json == nullptr || spec_json == nullptr) {
    return corrupt("its row is not one of a credential", key.name);
  }
  Credential credential;
  Fields metadata(*metadata_json, "metadata");
  credential.name = metadata.required_text("name");
  credential.ns = Namespace(metadata.required_text("namespace"));
  credential.uid = Uid(metadata.required_text("uid"));
  credential.created_at = metadata.required_time("creationTimestamp");
  Fields spec(*spec_json, "spec");
  credential.sealed = spec.text("sealed");
  credential.key_id = spec.text("keyId");
  credential.description = spec.text("description");
  credential.workflows = spec.text_list("workflows");
  credential.updated_at = spec.required_time("updatedAt");
  credential.revision = Revision(static_cast<std::uint64_t>(spec.number("revision", 0, INT64_MAX)));
  credential.deleted = spec.flag("deleted");
  for (const Fields* part : {&metadata, &spec}) {
    if (Result<void> whole = part->finish(); !whole) {
      return corrupt(whole.error().describe(), key.name);
    }
  }
  if (credential.name != key.name || !(credential.ns == key.ns)) {
    return corrupt("its row belongs to another credential", key.name);
  }
  put(std::move(credential));
  return {};
}

bool CredentialBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Credential& c = objects_.at(key);
  Json metadata = Json::object();
  metadata.set("name", c.name).set("namespace", c.ns.str()).set("uid", c.uid.str());
  metadata.set("creationTimestamp", format_timestamp(c.created_at));
  Json spec = Json::object();
  if (c.deleted) {
    spec.set("deleted", true);
  } else {
    spec.set("sealed", c.sealed).set("keyId", c.key_id);
    if (!c.description.empty()) {
      spec.set("description", c.description);
    }
    if (!c.workflows.empty()) {
      spec.set("workflows", list_of(c.workflows));
    }
  }
  spec.set("updatedAt", format_timestamp(c.updated_at)).set("revision", c.revision.value());
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "Credential");
  row.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  body += row.dump();
  return !c.deleted;
}

Result<void> CredentialBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  const auto found = objects_.find(event.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  Credential next;
  if (exists) {
    next = found->second;
  }
  Fields fields(data, event.type);
  if (event.type == "credential.set") {
    next.sealed = fields.required_text("sealed");
    next.key_id = fields.required_text("keyId");
    next.description = fields.text("description");
    next.workflows = fields.text_list("workflows");
    if (!exists) {
      next.name = event.object.name;
      next.ns = event.object.ns;
      next.uid = event.uid;
      next.created_at = event.at;
    }
  } else if (!exists) {
    return corrupt("there was no such credential before", event.object.name);
  } else if (event.type == "credential.allowed") {
    next.workflows = fields.text_list("workflows");
    next.description = fields.text("description", next.description);
  } else if (event.type == "credential.resealed") {
    next.sealed = fields.required_text("sealed");
    next.key_id = fields.required_text("keyId");
  } else if (event.type == "credential.deleted") {
    next.deleted = true;
    next.sealed.clear();
    next.key_id.clear();
  } else {
    return corrupt(concat("unknown event ", event.type), event.object.name);
  }
  if (Result<void> whole = fields.finish(); !whole) {
    return corrupt(whole.error().describe(), event.object.name);
  }
  next.updated_at = event.at;
  next.revision = event.revision;
  put(std::move(next));
  return {};
}

void CredentialBook::configure(
    const Namespace& ns, std::string_view /*workflow*/, workflow::Configuration& configuration
) const {
  const auto found = allowed_.find(ns);
  configuration.credentials = found == allowed_.end() ? nullptr : &found->second;
}

// --- commands -----------------------------------------------------------------------------------

Result<Reply> CredentialBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(refuse_runs(turn.actor(), "credentials"));
  REEVE_CHECK(check_credential_name(command.object.name));
  if (command.verb == "set") {
    return set(command, turn);
  }
  if (command.verb == "allow") {
    return allow(command, turn);
  }
  if (command.verb == "reseal") {
    return reseal(command, turn);
  }
  if (command.verb == "delete") {
    return remove(command, turn);
  }
  return make_error(
      ErrorCode::Invalid, concat("credentials have no command \"", command.verb, "\""), "verb"
  );
}

Result<const Credential*> CredentialBook::existing(const journal::ObjectKey& key) const {
  const auto found = objects_.find(key);
  if (found != objects_.end() && !found->second.deleted) {
    return &found->second;
  }
  Error error = make_error(
      ErrorCode::NotFound, concat("there is no credential \"", key.name, "\""), key.name
  );
  std::vector<std::string> names;
  for (const auto& [known, credential] : objects_) {
    if (!credential.deleted && known.ns == key.ns) {
      names.push_back(known.name);
    }
  }
  const std::string near = nearest(key.name, names);
  error.hint =
      near.empty() ? "reeve credential list shows them" : concat("did you mean \"", near, "\"?");
  return error;
}

Result<Reply> CredentialBook::set(const ObjectCommand& command, BookTurn& turn) {
  const auto known = existing(command.object);
  Fields fields(command.body, "set");
  const std::string sealed = fields.required_text("sealed");
  const std::string key_id = fields.required_text("keyId");
  const std::string description =
      fields.text("description", known.ok() ? (*known)->description : std::string());
  const bool says_who = command.body.find("workflows") != nullptr;
  std::vector<std::string> workflows = fields.text_list("workflows");
  REEVE_CHECK(fields.finish());
  if (!says_who && known.ok()) {
    workflows = (*known)->workflows;
  }
  REEVE_CHECK(check_sealed(sealed, key_id));
  REEVE_CHECK(check_workflows(workflows));
  REEVE_CHECK(check_description(description));
  if (!known.ok() && allowed_[command.object.ns].size() >= kCredentialsMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("there are ", kCredentialsMax, " credentials, which is the limit"),
        command.object.name
    );
  }
  Json data = Json::object();
  data.set("sealed", sealed).set("keyId", key_id);
  if (!description.empty()) {
    data.set("description", description);
  }
  if (!workflows.empty()) {
    data.set("workflows", list_of(workflows));
  }
  REEVE_CHECK(turn.emit(command.object, "credential.set", data));
  Json detail = Json::object();
  detail.set("created", !known.ok());
  return turn.reply(command.object, std::move(detail));
}

Result<Reply> CredentialBook::allow(const ObjectCommand& command, BookTurn& turn) {
  Fields fields(command.body, "allow");
  // An empty list means every workflow: nobody shall mean that by leaving it out.
  if (command.body.find("workflows") == nullptr) {
    Error error = make_error(ErrorCode::Invalid, "is missing", "allow.workflows");
    error.hint = "name the workflows; an empty list allows all";
    return error;
  }
  const std::vector<std::string> workflows = fields.text_list("workflows");
  REEVE_TRY(const Credential* known, existing(command.object));
  const std::string description = fields.text("description", known->description);
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(check_workflows(workflows));
  REEVE_CHECK(check_description(description));
  const bool described = known->description != description;
  if (known->workflows != workflows || described) {
    Json data = Json::object();
    data.set("workflows", list_of(workflows));
    if (described) {
      data.set("description", description);
    }
    REEVE_CHECK(turn.emit(command.object, "credential.allowed", data));
  }
  return turn.reply(command.object);
}

Result<Reply> CredentialBook::reseal(const ObjectCommand& command, BookTurn& turn) {
  Fields fields(command.body, "reseal");
  const std::string from = fields.required_text("from");
  const std::string sealed = fields.required_text("sealed");
  const std::string key_id = fields.required_text("keyId");
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(check_sealed(sealed, key_id));
  REEVE_TRY(const Credential* known, existing(command.object));
  if (known->sealed != from) {
    return make_error(ErrorCode::Conflict, "was set meanwhile; read it again", command.object.name);
  }
  Json data = Json::object();
  data.set("sealed", sealed).set("keyId", key_id);
  REEVE_CHECK(turn.emit(command.object, "credential.resealed", data));
  return turn.reply(command.object);
}

Result<Reply> CredentialBook::remove(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(existing(command.object));
  REEVE_CHECK(turn.emit(command.object, "credential.deleted", Json::object()));
  return turn.reply(command.object);
}

}  // namespace reeve::engine
