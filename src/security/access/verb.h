#pragma once

#include <string_view>

namespace reeve::access {

/// What decides the verb of a request for a resource.
struct VerbRequest {
  std::string_view method;
  /// The request names one object.
  bool named = false;
  /// `watch=true` in the query.
  bool watch = false;
};

/// The verb that the rules know: get, list, watch, create, update, patch, delete or
/// deletecollection; "" if the method has none. What is done to a subresource has the verb of its
/// method.
std::string_view verb_of(const VerbRequest& request);

/// The verb for a path that is no resource: get, post, put, patch, delete; "" if there is none.
std::string_view path_verb_of(std::string_view method);

}  // namespace reeve::access
