#include "cli/resource_path.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "cli/api_client.h"
#include "resource/schema/contract.h"

namespace reeve::cli {

using resource::schema::Contracts;
using resource::schema::ResourceType;

namespace {

bool is_called(const ResourceType& type, const std::string& word) {
  return word == type.plural || word == type.singular || word == to_lower(type.kind) ||
         std::find(type.short_names.begin(), type.short_names.end(), word) !=
             type.short_names.end();
}

}  // namespace

Result<const ResourceType*> find_type(std::string_view word) {
  const std::string lower = to_lower(word);
  const std::size_t dot = lower.find('.');
  const std::string name = lower.substr(0, dot);
  const std::string group = dot == std::string::npos ? std::string() : lower.substr(dot + 1);
  const ResourceType* found = nullptr;
  std::vector<std::string> names;
  for (const ResourceType& type : Contracts::embedded().types()) {
    names.push_back(type.plural);
    names.push_back(type.singular);
    const bool in_group = dot == std::string::npos || type.group == group ||
                          concat(type.version, ".", type.group) == group;
    // Our own kinds come before Kubernetes' of the same name.
    if (in_group && is_called(type, name) && (found == nullptr || type.group == "reeve.dev")) {
      found = &type;
    }
  }
  if (found != nullptr) {
    return found;
  }
  Error error = make_error(ErrorCode::NotFound, concat("there is no type \"", word, "\""), "TYPE");
  const std::string near = nearest(name, names);
  error.hint = near.empty() ? "reeve api-resources lists them" : concat("did you mean ", near, "?");
  return error;
}

Result<const ResourceType*> type_of(const Json& object) {
  const std::string version = object.get_string("apiVersion");
  const std::string kind = object.get_string("kind");
  if (version.empty() || kind.empty()) {
    return make_error(ErrorCode::Invalid, "has no apiVersion or no kind");
  }
  const std::size_t slash = version.find('/');
  const ResourceType* type = slash == std::string::npos
                                 ? Contracts::embedded().find_kind("", version, kind)
                                 : Contracts::embedded().find_kind(
                                       version.substr(0, slash), version.substr(slash + 1), kind
                                   );
  if (type != nullptr) {
    return type;
  }
  Error error = make_error(ErrorCode::NotFound, concat("there is no kind ", kind, " of ", version));
  error.hint = "reeve api-resources lists them";
  return error;
}

std::string collection_path(const ResourceType& type, std::string_view ns) {
  std::string path = type.group.empty() ? concat("/api/", type.version)
                                        : concat("/apis/", type.group, "/", type.version);
  if (type.namespaced && !ns.empty()) {
    path += concat("/namespaces/", percent_encoded(ns));
  }
  return concat(path, "/", type.plural);
}

std::string object_path(const ResourceType& type, std::string_view ns, std::string_view name) {
  return concat(collection_path(type, ns), "/", percent_encoded(name));
}

std::string qualified_singular(const ResourceType& type) {
  return type.group.empty() ? type.singular : concat(type.singular, ".", type.group);
}

}  // namespace reeve::cli
