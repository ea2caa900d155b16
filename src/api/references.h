#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "journal/event.h"

/// Names in objects that mean other objects. Pure; any thread.
namespace reeve::api {

/// What an object refers to by its name.
struct Reference {
  /// `spec.providers[0].credential`
  std::string field;
  /// Plural of its kind: `credentials`. Of `modelroutes` it is a route, or a model of one.
  std::string_view plural;
  std::string name;
};

/// Those of an object in its own namespace. Names that are templates mean nothing yet, and are left
/// out. `object` need not fit its contract.
std::vector<Reference> references_of(journal::Kind kind, const Json& object);

}  // namespace reeve::api
