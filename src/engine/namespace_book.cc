#include "base/strings.h"
#include "engine/resource_book.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kDefault = "default";
constexpr std::size_t kLabelBytesMax = 63;

void set_phase(Json& object, std::string_view phase) {
  Json* status = object.find("status");
  if (status == nullptr || !status->is_object()) {
    object.set("status", Json::object());
    status = object.find("status");
  }
  status->set("phase", phase);
}

/// RFC 1123.
bool is_dns_label(std::string_view text) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  bool legal = !text.empty() && text.size() <= kLabelBytesMax && alphanumeric(text.front()) &&
               alphanumeric(text.back());
  for (const char c : text) {
    legal = legal && (alphanumeric(c) || c == '-');
  }
  return legal;
}

}  // namespace

journal::ObjectKey namespace_key(const Namespace& ns) {
  return {.kind = journal::Kind::Namespace, .ns = Namespace(), .name = ns.str()};
}

NamespaceBook::NamespaceBook() : ResourceBook(*resource_kind(journal::Kind::Namespace)) {}

void NamespaceBook::recover(BookTurn& turn) {
  const journal::ObjectKey key = namespace_key(Namespace(std::string(kDefault)));
  if (find(key) != nullptr) {
    return;
  }
  Json metadata = Json::object();
  metadata.set("name", kDefault);
  Json object = Json::object();
  object.set("apiVersion", "v1").set("kind", "Namespace").set("metadata", std::move(metadata));
  Json body = Json::object();
  body.set("object", std::move(object));
  const ObjectCommand command{.object = key, .verb = "create", .body = std::move(body)};
  const Result<Reply> made = this->turn(command, turn);
  REEVE_ASSERT(made.ok());
}

Result<void> NamespaceBook::check_open(const Namespace& ns) const {
  if (ns.view() == kDefault) {
    return {};
  }
  const Resource* found = find(namespace_key(ns));
  if (found == nullptr) {
    return namespace_not_found(ns);
  }
  return found->links.deleting ? namespace_terminating(ns) : Result<void>();
}

void NamespaceBook::contents_gone(const Namespace& ns, BookTurn& turn) {
  const journal::ObjectKey key = namespace_key(ns);
  const Resource* found = find(key);
  if (found == nullptr || !found->links.deleting || !found->links.finalizers.empty()) {
    return;
  }
  Result<Json> object = parse_json(found->text);
  REEVE_ASSERT(object.ok());
  remove(key, std::move(*object), turn);
}

Result<void> NamespaceBook::prepare(Json& object, BookTurn& /*turn*/) const {
  const std::string name = object.find("metadata")->get_string("name");
  if (!is_dns_label(name)) {
    Error error = make_error(
        ErrorCode::Invalid, concat("\"", name, "\" is no name for a namespace"), "metadata.name"
    );
    error.hint = concat("lower-case letters, digits and -, at most ", kLabelBytesMax);
    return error;
  }
  object.set("status", Json::object());
  set_phase(object, "Active");
  return {};
}

Result<void> NamespaceBook::check_change(
    const Json& before, Json& after, BookTurn& /*turn*/
) const {
  const bool deleting = before.find("metadata")->find("deletionTimestamp") != nullptr;
  set_phase(after, deleting ? "Terminating" : "Active");
  return {};
}

Result<void> NamespaceBook::check_deletion(
    const journal::ObjectKey& key, const Json& /*object*/
) const {
  if (key.name == kDefault) {
    return make_error(
        ErrorCode::PermissionDenied, "the namespace \"default\" cannot be deleted", key.name
    );
  }
  return {};
}

void NamespaceBook::mark_deleting(Json& object) const {
  set_phase(object, "Terminating");
}

}  // namespace reeve::engine
