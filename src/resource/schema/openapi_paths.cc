#include "resource/schema/openapi_paths.h"

#include <span>
#include <utility>

#include "base/strings.h"

namespace reeve::resource::schema {

namespace {

struct Parameter {
  const char* name;
  const char* type;
  const char* description;
};

constexpr Parameter kRead[] = {
    {"resourceVersion", "string", "The answer is not older than this."},
    {"pretty", "string", "\"true\": for people."}};

constexpr Parameter kList[] = {
    {"labelSelector", "string", "Only objects with these labels."},
    {"fieldSelector", "string", "Only objects with these values of fields."},
    {"limit", "integer", "Objects in one answer."},
    {"continue", "string", "From an earlier answer: the next page."},
    {"resourceVersion", "string", "Of the list, or where the watch begins."},
    {"resourceVersionMatch", "string", "Exact or NotOlderThan."},
    {"watch", "boolean", "Changes as they happen, instead of a list."},
    {"allowWatchBookmarks", "boolean", "Tell now and then how far the watch is."},
    {"sendInitialEvents", "boolean", "Begin the watch with the present state."},
    {"timeoutSeconds", "integer", "How long the watch lasts."}};

constexpr Parameter kWrite[] = {
    {"dryRun", "string", "\"All\": check and answer, but keep nothing."},
    {"fieldManager", "string", "Who sets the fields."},
    {"fieldValidation", "string", "What is done about unknown fields: Strict, Warn or Ignore."}};

constexpr Parameter kApply[] = {
    {"dryRun", "string", "\"All\": check and answer, but keep nothing."},
    {"fieldManager", "string", "Who sets the fields. Needed by server-side apply."},
    {"fieldValidation", "string", "What is done about unknown fields: Strict, Warn or Ignore."},
    {"force", "boolean", "Of server-side apply: take fields from their managers."}};

constexpr Parameter kDelete[] = {
    {"dryRun", "string", "\"All\": check and answer, but keep nothing."},
    {"propagationPolicy",
     "string",
     "What becomes of dependents: Background, Foreground or Orphan."},
    {"gracePeriodSeconds", "integer", "Accepted from Kubernetes' clients."}};

constexpr Parameter kLog[] = {
    {"follow", "boolean", "Go on until it ends."},
    {"tailLines", "integer", "Only the last lines."},
    {"sinceSeconds", "integer", "Only what is not older."},
    {"sinceTime", "string", "Only what is not older."},
    {"timestamps", "boolean", "Begin each line with its time."},
    {"limitBytes", "integer", "At most so much."}};

constexpr const char* kPatchTypes[] = {
    "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"};
constexpr const char* kBodyTypes[] = {"application/json", "application/yaml"};

/// What one operation does.
struct Operation {
  const char* action;
  std::span<const Parameter> parameters;
  std::span<const char* const> consumes;
  /// Of the body and of the answer; null: none.
  Json body;
  Json answer;
  const char* produces = "application/json";
  const char* code = "200";
};

Json parameter_json(const Parameter& parameter, const char* in, Dialect dialect) {
  Json json = Json::object();
  json.set("name", parameter.name).set("in", in).set("description", parameter.description);
  if (std::string_view(in) == "path") {
    json.set("required", true);
  }
  if (dialect == Dialect::V2) {
    json.set("type", parameter.type).set("uniqueItems", true);
  } else {
    json.set("schema", Json::object().set("type", parameter.type).set("uniqueItems", true));
  }
  return json;
}

Json content_of(std::span<const char* const> types, const Json& schema) {
  Json content = Json::object();
  for (const char* type : types) {
    content.set(type, Json::object().set("schema", schema));
  }
  return content;
}

class PathMaker {
 public:
  PathMaker(const ResourceType& type, Dialect dialect) : type_(type), dialect_(dialect) {}

  void add(Json& paths) const {
    const std::string root = type_.group.empty()
                                 ? concat("/api/", type_.version)
                                 : concat("/apis/", type_.group, "/", type_.version);
    const std::string place = type_.namespaced ? concat(root, "/namespaces/{namespace}") : root;
    const std::string collection = concat(place, "/", type_.plural);
    put(paths, collection, false, collection_operations());
    put(paths, concat(collection, "/{name}"), true, item_operations());
    for (const Subresource& sub : type_.subresources) {
      put(paths, concat(collection, "/{name}/", sub.name), true, sub_operations(sub));
    }
    if (type_.namespaced && type_.has_verb("list")) {
      std::vector<std::pair<const char*, Json>> everywhere;
      everywhere.emplace_back("get", list_operation(true));
      put(paths, concat(root, "/", type_.plural), false, std::move(everywhere));
    }
  }

 private:
  using Operations = std::vector<std::pair<const char*, Json>>;

  Json object() const { return reference_to(component_name(type_), dialect_); }

  Json list() const { return reference_to(concat(component_name(type_), "List"), dialect_); }

  void put(Json& paths, const std::string& path, bool named, Operations operations) const {
    if (operations.empty()) {
      return;
    }
    Json item = Json::object();
    for (auto& [method, operation] : operations) {
      item.set(method, std::move(operation));
    }
    Json parameters = Json::array();
    if (named) {
      parameters.push(parameter_json({"name", "string", "Name of the object."}, "path", dialect_));
    }
    if (path.find("{namespace}") != std::string::npos) {
      parameters.push(parameter_json({"namespace", "string", "Where it is."}, "path", dialect_));
    }
    if (!parameters.as_array().empty()) {
      item.set("parameters", std::move(parameters));
    }
    paths.set(path, std::move(item));
  }

  Json make(const std::string& id, std::string_view description, const Operation& operation) const {
    Json json = Json::object();
    json.set("description", description).set("operationId", id);
    Json parameters = Json::array();
    for (const Parameter& parameter : operation.parameters) {
      parameters.push(parameter_json(parameter, "query", dialect_));
    }
    Json answer = Json::object().set("description", "OK");
    if (dialect_ == Dialect::V2) {
      if (!operation.body.is_null()) {
        add_body_v2(operation, json, parameters);
      }
      json.set("produces", Json::array().push(operation.produces));
      if (!operation.answer.is_null()) {
        answer.set("schema", operation.answer);
      }
    } else {
      if (!operation.body.is_null()) {
        json.set(
            "requestBody",
            Json::object().set("content", content_of(operation.consumes, operation.body))
        );
      }
      if (!operation.answer.is_null()) {
        const char* const types[] = {operation.produces};
        answer.set("content", content_of(types, operation.answer));
      }
    }
    if (!parameters.as_array().empty()) {
      json.set("parameters", std::move(parameters));
    }
    json.set("responses", Json::object().set(operation.code, std::move(answer)));
    json.set("x-kubernetes-action", operation.action);
    json.set(
        "x-kubernetes-group-version-kind",
        group_version_kind(type_.group, type_.version, type_.kind)
    );
    return json;
  }

  static void add_body_v2(const Operation& operation, Json& json, Json& parameters) {
    Json consumes = Json::array();
    for (const char* each : operation.consumes) {
      consumes.push(each);
    }
    json.set("consumes", std::move(consumes));
    Json body = Json::object();
    body.set("name", "body").set("in", "body").set("required", true);
    body.set("schema", operation.body);
    parameters.push(std::move(body));
  }

  std::string id(std::string_view verb, std::string_view suffix = {}) const {
    const std::string group = type_.group.empty() ? "core" : type_.group;
    std::string place;
    for (const std::string_view part : split(group, '.')) {
      place += concat(to_upper(part.substr(0, 1)), part.substr(1));
    }
    return concat(
        verb,
        place,
        to_upper(std::string_view(type_.version).substr(0, 1)),
        std::string_view(type_.version).substr(1),
        type_.namespaced && suffix != "ForAllNamespaces" ? "Namespaced" : "",
        type_.kind,
        suffix
    );
  }

  Json list_operation(bool everywhere) const {
    return make(
        id("list", everywhere ? "ForAllNamespaces" : ""),
        "Lists or watches objects.",
        {.action = "list", .parameters = kList, .consumes = {}, .body = {}, .answer = list()}
    );
  }

  Operations collection_operations() const {
    Operations out;
    if (type_.has_verb("list")) {
      out.emplace_back("get", list_operation(false));
    }
    if (type_.has_verb("create")) {
      out.emplace_back(
          "post",
          make(
              id("create"),
              "Makes an object.",
              {.action = "post",
               .parameters = kWrite,
               .consumes = kBodyTypes,
               .body = object(),
               .answer = object(),
               .code = "201"}
          )
      );
    }
    if (type_.has_verb("deletecollection")) {
      out.emplace_back(
          "delete",
          make(
              id("deletecollection"),
              "Deletes the objects that are selected.",
              {.action = "deletecollection",
               .parameters = kDelete,
               .consumes = {},
               .body = {},
               .answer = {}}
          )
      );
    }
    return out;
  }

  Json read_operation(std::string_view suffix) const {
    return make(
        id("read", suffix),
        "Reads an object.",
        {.action = "get", .parameters = kRead, .consumes = {}, .body = {}, .answer = object()}
    );
  }

  Json replace_operation(std::string_view suffix) const {
    return make(
        id("replace", suffix),
        "Replaces an object.",
        {.action = "put",
         .parameters = kWrite,
         .consumes = kBodyTypes,
         .body = object(),
         .answer = object()}
    );
  }

  Json patch_operation(std::string_view suffix) const {
    return make(
        id("patch", suffix),
        "Changes parts of an object.",
        {.action = "patch",
         .parameters = kApply,
         .consumes = kPatchTypes,
         .body = Json::object().set("type", "object").set("description", "The change."),
         .answer = object()}
    );
  }

  Operations item_operations() const {
    Operations out;
    if (type_.has_verb("get")) {
      out.emplace_back("get", read_operation(""));
    }
    if (type_.has_verb("update")) {
      out.emplace_back("put", replace_operation(""));
    }
    if (type_.has_verb("patch")) {
      out.emplace_back("patch", patch_operation(""));
    }
    if (type_.has_verb("delete")) {
      out.emplace_back(
          "delete",
          make(
              id("delete"),
              "Deletes an object.",
              {.action = "delete", .parameters = kDelete, .consumes = {}, .body = {}, .answer = {}}
          )
      );
    }
    return out;
  }

  Operations sub_operations(const Subresource& sub) const {
    Operations out;
    const std::string suffix = concat(to_upper(sub.name.substr(0, 1)), sub.name.substr(1));
    if (sub.has_verb("get")) {
      const bool object_like = sub.name == "status";
      out.emplace_back("get", object_like ? read_operation(suffix) : text_operation(sub, suffix));
    }
    if (sub.has_verb("update")) {
      out.emplace_back("put", replace_operation(suffix));
    }
    if (sub.has_verb("patch")) {
      out.emplace_back("patch", patch_operation(suffix));
    }
    if (sub.has_verb("create")) {
      Operation operation{
          .action = "post",
          .parameters = {},
          .consumes = kBodyTypes,
          .body = sub.body ? published(sub.body_json, dialect_) : Json(),
          .answer = Json::object().set("type", "object"),
          .code = "201"};
      out.emplace_back("post", make(id("create", suffix), sub.description, operation));
    }
    return out;
  }

  Json text_operation(const Subresource& sub, const std::string& suffix) const {
    return make(
        id("read", suffix),
        sub.description,
        {.action = "get",
         .parameters =
             sub.name == "log" ? std::span<const Parameter>(kLog) : std::span<const Parameter>(),
         .consumes = {},
         .body = {},
         .answer = Json::object().set("type", "string"),
         .produces = sub.name == "log" ? "text/plain" : "text/event-stream"}
    );
  }

  const ResourceType& type_;
  Dialect dialect_;
};

}  // namespace

void add_paths(const ResourceType& type, Dialect dialect, Json& paths) {
  PathMaker(type, dialect).add(paths);
}

}  // namespace reeve::resource::schema
