#include "security/access/verb.h"

namespace reeve::access {

std::string_view verb_of(const VerbRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") {
    if (request.watch) {
      return "watch";
    }
    return request.named ? "get" : "list";
  }
  if (request.method == "POST") {
    return "create";
  }
  if (request.method == "PUT") {
    return "update";
  }
  if (request.method == "PATCH") {
    return "patch";
  }
  if (request.method == "DELETE") {
    return request.named ? "delete" : "deletecollection";
  }
  return {};
}

std::string_view path_verb_of(std::string_view method) {
  if (method == "GET" || method == "HEAD") {
    return "get";
  }
  if (method == "POST") {
    return "post";
  }
  if (method == "PUT") {
    return "put";
  }
  if (method == "PATCH") {
    return "patch";
  }
  if (method == "DELETE") {
    return "delete";
  }
  return {};
}

}  // namespace reeve::access
