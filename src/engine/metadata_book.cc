#include "engine/metadata_book.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/collector.h"

namespace reeve::engine {

namespace {

using journal::Kind;

struct NamedKind {
  Kind kind;
  std::string_view name;
};

constexpr std::array<NamedKind, 4> kDescribedKinds = {
    NamedKind{Kind::Workflow, "Workflow"},
    NamedKind{Kind::Mission, "Mission"},
    NamedKind{Kind::Credential, "Credential"},
    NamedKind{Kind::Channel, "Channel"}};

constexpr std::string_view kApiVersion = "reeve.dev/v1";

/// What people may say, in the order of rows.
constexpr std::array<std::string_view, 5> kGiven = {
    "labels", "annotations", "finalizers", "ownerReferences", "managedFields"};

/// What the server decides: it may be said, and is not listened to.
constexpr std::array<std::string_view, 9> kServerSays = {
    "name",
    "namespace",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds"};

template <class List>
bool lists(const List& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool has_texts_only(const Json& map) {
  const Json::Object& members = map.as_object();
  return std::all_of(members.begin(), members.end(), [](const Json::Member& member) {
    return member.second.is_string();
  });
}

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_object() && value.as_object().empty()) ||
         (value.is_array() && value.as_array().empty());
}

}  // namespace

std::string_view metadata_kind_name(Kind kind) {
  for (const NamedKind& known : kDescribedKinds) {
    if (known.kind == kind) {
      return known.name;
    }
  }
  return {};
}

journal::ObjectKey metadata_key(const journal::ObjectKey& object) {
  return {
      .kind = Kind::Metadata,
      .ns = object.ns,
      .name = concat(metadata_kind_name(object.kind), "/", object.name)};
}

Result<journal::ObjectKey> object_of_metadata(const journal::ObjectKey& key) {
  const std::size_t slash = key.name.find('/');
  for (const NamedKind& known : kDescribedKinds) {
    if (slash != std::string::npos && slash + 1 < key.name.size() &&
        std::string_view(key.name).substr(0, slash) == known.name) {
      return journal::ObjectKey{
          .kind = known.kind, .ns = key.ns, .name = key.name.substr(slash + 1)};
    }
  }
  Error error = make_error(
      ErrorCode::Invalid, concat("\"", key.name, "\" names no object with metadata"), "name"
  );
  error.hint = "Workflow/NAME, Mission/NAME, Credential/NAME or Channel/NAME";
  return error;
}

Result<Json> given_metadata(const Json& metadata) {
  if (!metadata.is_object()) {
    return make_error(ErrorCode::Invalid, "must be an object", "metadata");
  }
  for (const Json::Member& member : metadata.as_object()) {
    if (!lists(kGiven, member.first) && !lists(kServerSays, member.first)) {
      return make_error(
          ErrorCode::Invalid, "there is no such member", concat("metadata.", member.first)
      );
    }
  }
  Json given = Json::object();
  for (const std::string_view name : kGiven) {
    const Json* value = metadata.find(name);
    if (value == nullptr || is_empty(*value)) {
      continue;
    }
    const bool map = name == "labels" || name == "annotations";
    if (map ? !value->is_object() || !has_texts_only(*value) : !value->is_array()) {
      return make_error(
          ErrorCode::Invalid,
          map ? "must be an object of texts" : "must be a list",
          concat("metadata.", name)
      );
    }
    given.set(std::string(name), *value);
  }
  REEVE_CHECK(links_from(given));
  const std::size_t size = given.dump().size();
  if (size > kMetadataBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("takes ", size, " bytes as JSON, at most ", kMetadataBytesMax, " are allowed"),
        "metadata"
    );
  }
  return given;
}

// --- rows and events ----------------------------------------------------------------------------

const Metadata* MetadataBook::find(const journal::ObjectKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() || found->second.deleted ? nullptr : &found->second;
}

Result<void> MetadataBook::put(const journal::ObjectKey& key, const Json& metadata, Metadata row) {
  Result<ObjectLinks> links = links_from(metadata);
  if (!links || row.object.empty() || row.uid.empty()) {
    return corrupt(links ? "it names no object" : links.error().describe(), key.name);
  }
  row.links = std::move(*links);
  row.text = metadata.dump();
  rows_.insert_or_assign(key, std::move(row));
  return {};
}

Result<void> MetadataBook::load(const journal::ObjectKey& key, const Json& row) {
  return load_at(key, row, Revision());
}

Result<void> MetadataBook::load_at(
    const journal::ObjectKey& key, const Json& row, Revision revision
) {
  const Json* metadata = row.find("metadata");
  const Json* spec = row.find("spec");
  const Json* content = spec == nullptr ? nullptr : spec->find("metadata");
  if (metadata == nullptr || content == nullptr || !content->is_object() ||
      metadata->get_string("name") != key.name ||
      metadata->get_string("namespace") != key.ns.view() || !object_of_metadata(key)) {
    return corrupt("its row is not one of metadata", key.name);
  }
  Metadata loaded;
  loaded.uid = Uid(metadata->get_string("uid"));
  loaded.object = Uid(spec->get_string("uid"));
  loaded.revision = revision;
  loaded.archived = spec->get_bool("archived");
  return put(key, *content, std::move(loaded));
}

Result<void> MetadataBook::apply(const journal::Event& event) {
  const journal::ObjectKey& key = event.object;
  const Metadata* before = find(key);
  REEVE_TRY(const Json data, parse_json(event.data));
  const bool sets = event.type == "metadata.set" || event.type == "metadata.deletion_requested";
  if (!object_of_metadata(key) || (before == nullptr && !sets)) {
    return corrupt(concat("the event ", event.type, " does not fit"), key.name);
  }
  Metadata next = before == nullptr ? Metadata{} : *before;
  next.revision = event.revision;
  if (event.type == "metadata.archived") {
    next.archived = true;
  } else if (event.type == "metadata.deleted") {
    next.deleted = true;
    next.text.clear();
    next.links = ObjectLinks();
  } else if (sets) {
    const Json* metadata = data.find("metadata");
    if (metadata == nullptr || !metadata->is_object()) {
      return corrupt("the event has no metadata", key.name);
    }
    next.uid = before == nullptr ? event.uid : next.uid;
    next.object = Uid(data.get_string("uid"));
    return put(key, *metadata, std::move(next));
  } else {
    return corrupt(concat("unknown event ", event.type), key.name);
  }
  rows_.insert_or_assign(key, std::move(next));
  return {};
}

bool MetadataBook::encode(const journal::ObjectKey& key, std::string& body) const {
  const Metadata& row = rows_.at(key);
  if (row.deleted) {
    encode_deleted(kApiVersion, "Metadata", key, row.uid, body);
    return false;
  }
  const Result<journal::ObjectKey> object = object_of_metadata(key);
  JsonWriter json(body);
  json.begin_object();
  json.member("apiVersion", kApiVersion);
  json.member("kind", "Metadata");
  json.key("metadata");
  json.begin_object();
  json.member("name", std::string_view(key.name));
  json.member("namespace", key.ns.view());
  json.member("uid", row.uid.view());
  json.end_object();
  json.key("spec");
  json.begin_object();
  json.member("kind", metadata_kind_name(object->kind));
  json.member("name", std::string_view(object->name));
  json.member("uid", row.object.view());
  json.member("metadata", content_of(row));
  if (row.archived) {
    json.member("archived", true);
  }
  json.end_object();
  json.end_object();
  return row.live();
}

Json MetadataBook::content_of(const Metadata& row) {
  Result<Json> content = parse_json(row.text);
  REEVE_ASSERT(content.ok());
  return std::move(*content);
}

Uid MetadataBook::uid_of(const journal::ObjectKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? Uid() : found->second.uid;
}

Revision MetadataBook::revision_of(const journal::ObjectKey& key) const {
  const Metadata* found = find(key);
  return found == nullptr ? Revision() : found->revision;
}

const ObjectLinks* MetadataBook::links_of(const journal::ObjectKey& key) const {
  const Metadata* found = find(key);
  return found == nullptr ? nullptr : &found->links;
}

std::vector<journal::ObjectKey> MetadataBook::keys() const {
  std::vector<journal::ObjectKey> keys;
  for (const auto& [key, row] : rows_) {
    keys.push_back(key);
  }
  return keys;
}

void MetadataBook::forget(const journal::ObjectKey& key) {
  const auto found = rows_.find(key);
  if (found != rows_.end() && !found->second.live()) {
    rows_.erase(found);
  }
}

// --- commands -----------------------------------------------------------------------------------

void MetadataBook::set(
    const journal::ObjectKey& object,
    const Uid& uid,
    Json metadata,
    std::string_view type,
    BookTurn& turn
) {
  const journal::ObjectKey key = metadata_key(object);
  const Metadata* before = find(key);
  const Json::Object& members = metadata.as_object();
  if (members.empty() && before == nullptr) {
    return;
  }
  if (members.empty()) {
    remove(object, turn);
    return;
  }
  Json data = Json::object();
  data.set("kind", metadata_kind_name(object.kind)).set("name", object.name);
  data.set("uid", uid.str()).set("metadata", std::move(metadata));
  const Result<void> emitted =
      before == nullptr ? turn.emit_first(key, type, data) : turn.emit(key, type, data);
  REEVE_ASSERT(emitted.ok());  // it was checked to be small
}

void MetadataBook::remove(const journal::ObjectKey& object, BookTurn& turn) {
  const journal::ObjectKey key = metadata_key(object);
  if (find(key) != nullptr) {
    const Result<void> emitted = turn.emit(key, "metadata.deleted", Json::object());
    REEVE_ASSERT(emitted.ok());
  }
}

void MetadataBook::archive(const journal::ObjectKey& object, BookTurn& turn) {
  const Metadata* row = find(metadata_key(object));
  if (row != nullptr && !row->archived) {
    const Result<void> emitted =
        turn.emit(metadata_key(object), "metadata.archived", Json::object());
    REEVE_ASSERT(emitted.ok());
  }
}

Result<Reply> MetadataBook::turn(const ObjectCommand& command, BookTurn& turn) {
  REEVE_CHECK(refuse_runs(turn.actor(), "metadata and deletion of objects"));
  REEVE_TRY(const journal::ObjectKey object, object_of_metadata(command.object));
  const Json nothing = Json::object();
  const Json& body = command.body.is_null() ? nothing : command.body;
  if (command.verb == "update") {
    return turn.engine().describe_object(object, body, turn.scope());
  }
  if (command.verb == "delete") {
    return turn.engine().delete_object(object, body, turn.scope());
  }
  return make_error(
      ErrorCode::Invalid, concat("metadata has no command \"", command.verb, "\""), "verb"
  );
}

void MetadataBook::on_timer(
    const journal::ObjectKey& /*key*/, std::string_view timer, BookTurn& turn
) {
  turn.engine().on_collector_timer(timer, turn.scope());
}

}  // namespace reeve::engine
