#include "base/strings.h"
#include "engine/resource_book.h"

/// Entries of the blackboard: who has written them is not for the writer to say, and decisions stay
/// as they are.
namespace reeve::engine {

namespace {

const Json* spec_of(const Json& object) {
  const Json* spec = object.find("spec");
  return spec != nullptr && spec->is_object() ? spec : nullptr;
}

bool is_decision(const Json& object) {
  const Json* spec = spec_of(object);
  return spec != nullptr && spec->get_string("type") == "decision";
}

void sign(Json& object, std::string_view author) {
  if (spec_of(object) == nullptr) {
    object.set("spec", Json::object());
  }
  object.find("spec")->set("author", author);
}

Error immutable(const Json& object, std::string_view what) {
  const Json* metadata = object.find("metadata");
  const std::string name = metadata == nullptr ? std::string() : metadata->get_string("name");
  Error error =
      make_error(ErrorCode::IllegalTransition, concat("a decision cannot be ", what), name);
  error.hint = "record another decision";
  return error;
}

}  // namespace

BlackboardBook::BlackboardBook() : ResourceBook(*resource_kind(journal::Kind::BlackboardEntry)) {}

Result<void> BlackboardBook::prepare(Json& object, BookTurn& turn) const {
  sign(object, turn.actor().view());
  if (!is_decision(object)) {
    return {};
  }
  // Nobody could ever take them away again.
  for (const std::string_view name : {"finalizers", "ownerReferences"}) {
    const Json* given = object.find("metadata")->find(name);
    if (given != nullptr && given->is_array() && !given->as_array().empty()) {
      return make_error(
          ErrorCode::Invalid, "a decision goes with its namespace alone", concat("metadata.", name)
      );
    }
  }
  return {};
}

Result<void> BlackboardBook::check_change(const Json& before, Json& after, BookTurn& turn) const {
  const Json* was = spec_of(before);
  const std::string author = was == nullptr ? std::string() : was->get_string("author");
  sign(after, author);
  if (is_decision(before)) {
    return same_value(before, after) ? Result<void>() : immutable(before, "changed");
  }
  if (is_decision(after)) {
    return make_error(
        ErrorCode::Invalid, "an entry that was no decision does not become one", "spec.type"
    );
  }
  if (was == nullptr || !same_value(*was, *spec_of(after))) {
    sign(after, turn.actor().view());
  }
  return {};
}

Result<void> BlackboardBook::check_deletion(const journal::ObjectKey& /*key*/, const Json& object)
    const {
  return is_decision(object) ? immutable(object, "deleted") : Result<void>();
}

}  // namespace reeve::engine
