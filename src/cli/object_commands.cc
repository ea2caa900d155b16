#include <set>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/field_places.h"
#include "cli/object_documents.h"
#include "cli/object_table.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/scope.h"
#include "cli/server_commands.h"
#include "cli/yaml.h"
#include "resource/schema/contract.h"

/// `reeve get`, `describe`, `delete` and `apply -f`: objects of the API.
namespace reeve::cli {

namespace {

using resource::schema::ResourceType;

constexpr std::string_view kTable = "application/json;as=Table;v=v1;g=meta.k8s.io";
constexpr int kPageItems = 500;
constexpr std::string_view kFieldManager = "reeve";

std::string with_selectors(std::string path, const ObjectsArgs& args) {
  path += path.find('?') == std::string::npos ? '?' : '&';
  path += concat("limit=", kPageItems);
  if (!args.labels.empty()) {
    path += concat("&labelSelector=", percent_encoded(args.labels));
  }
  if (!args.fields.empty()) {
    path += concat("&fieldSelector=", percent_encoded(args.fields));
  }
  return path;
}

Json::Array* rows_of(Json& answer) {
  Json* rows = answer.find("rows");
  rows = rows == nullptr ? answer.find("items") : rows;
  return rows != nullptr && rows->is_array() ? &rows->as_array() : nullptr;
}

std::string names_text(const Target& target, const Json& answer) {
  const auto line = [&](const Json& object) {
    const Json* metadata = object.find("metadata");
    return concat(
        qualified_singular(*target.type),
        "/",
        metadata == nullptr ? std::string() : metadata->get_string("name"),
        "\n"
    );
  };
  const Json* items = answer.find("items");
  if (items == nullptr || !items->is_array()) {
    return line(answer);
  }
  std::string text;
  for (const Json& item : items->as_array()) {
    text += line(item);
  }
  return text;
}

bool is_table(Output output) {
  return output == Output::Text || output == Output::Wide;
}

std::string shown(const Common& common, const Target& target, Json answer) {
  hide_managed_fields(answer);
  switch (common.output) {
    case Output::Json:
      return answer.pretty();
    case Output::Yaml:
      return to_yaml(answer);
    case Output::Name:
      return names_text(target, answer);
    case Output::Text:
    case Output::Wide:
      break;
  }
  const Json* definitions = answer.find("columnDefinitions");
  const Json::Array* rows = rows_of(answer);
  return table_text(
      definitions == nullptr ? Json() : *definitions,
      rows == nullptr ? Json::Array() : *rows,
      {.wide = common.output == Output::Wide,
       .namespaces = common.all_namespaces && target.type->namespaced}
  );
}

/// Prints what the lines of a watch bring.
class WatchPrinter {
 public:
  WatchPrinter(const Common& common, const Target& target) : common_(common), target_(target) {}

  bool take(std::string_view line) {
    if (trim(line).empty()) {
      return true;
    }
    const Result<Json> event = parse_json(line);
    const Json* object = event ? event->find("object") : nullptr;
    if (object == nullptr) {
      failed_ = make_error(ErrorCode::Unavailable, "the server sent something that is no event");
      return false;
    }
    const std::string type = event->get_string("type");
    if (type == "ERROR") {
      failed_ = error_of_answer(static_cast<int>(object->get_int("code")), object->dump());
      return false;
    }
    if (type != "BOOKMARK") {
      print_object(*object);
    }
    return wait_with_reader(0);
  }

  const std::optional<Error>& failed() const { return failed_; }

 private:
  void print_object(Json object) {
    if (!is_table(common_.output)) {
      hide_managed_fields(object);
      print(
          common_.output == Output::Json   ? concat(object.dump(), "\n")
          : common_.output == Output::Yaml ? concat("---\n", to_yaml(object))
                                           : names_text(target_, object)
      );
      return;
    }
    const Json* definitions = object.find("columnDefinitions");
    if (definitions != nullptr && definitions->is_array() && !definitions->as_array().empty()) {
      definitions_ = *definitions;
    }
    const Json::Array* rows = rows_of(object);
    print(table_text(
        definitions_,
        rows == nullptr ? Json::Array() : *rows,
        {.wide = common_.output == Output::Wide,
         .namespaces = common_.all_namespaces && target_.type->namespaced,
         .header = std::exchange(header_, false)}
    ));
  }

  const Common& common_;
  const Target& target_;
  Json definitions_;
  bool header_ = true;
  std::optional<Error> failed_;
};

Result<void> watch(const Common& common, Api& api, const Target& target, std::string path) {
  if (!target.names.empty()) {
    path +=
        concat("&fieldSelector=", percent_encoded(concat("metadata.name=", target.names.front())));
  }
  ApiRequest request;
  request.path = path + "&watch=true";
  request.timeout = Duration(0);
  request.accept = is_table(common.output) ? kTable : "application/json";
  WatchPrinter printer(common, target);
  REEVE_CHECK(api.client->stream(request, [&](std::string_view line) { return printer.take(line); })
  );
  return printer.failed() ? Result<void>(*printer.failed()) : Result<void>();
}

Result<void> get(const Common& common, const ObjectsArgs& args) {
  REEVE_TRY(const Target target, target_of(args.words));
  REEVE_TRY(Api api, open_api(common, args.connection));
  const std::string ns = common.all_namespaces ? std::string() : api.ns;
  const std::string_view accept = is_table(common.output) ? kTable : "application/json";
  if (!target.names.empty() &&
      (common.all_namespaces || !args.labels.empty() || !args.fields.empty())) {
    return make_error(
        ErrorCode::Invalid, "a name and -A, -l or --field-selector exclude each other"
    );
  }
  if (args.watch) {
    if (target.names.size() > 1) {
      return make_error(ErrorCode::Invalid, "watches one object, or those of a type", "-w");
    }
    return watch(common, api, target, with_selectors(collection_path(*target.type, ns), args));
  }
  if (target.names.empty()) {
    REEVE_TRY(
        Json list,
        whole_list(*api.client, with_selectors(collection_path(*target.type, ns), args), accept)
    );
    const Json::Array* rows = rows_of(list);
    if (is_table(common.output) && (rows == nullptr || rows->empty())) {
      print_error_text(
          ns.empty() || !target.type->namespaced
              ? concat("No ", target.type->plural, " found.\n")
              : concat("No ", target.type->plural, " found in namespace ", ns, ".\n")
      );
      return {};
    }
    print(shown(common, target, std::move(list)));
    return {};
  }
  Json together;
  for (const std::string& name : target.names) {
    ApiRequest request;
    request.path = object_path(*target.type, ns, name);
    request.accept = std::string(accept);
    REEVE_TRY(Json one, api.client->ask(request));
    if (together.is_null() && (target.names.size() == 1 || is_table(common.output))) {
      together = std::move(one);
    } else if (is_table(common.output)) {
      std::move(rows_of(one)->begin(), rows_of(one)->end(), std::back_inserter(*rows_of(together)));
    } else {
      together = together.is_null() ? Json::object()
                                          .set("apiVersion", "v1")
                                          .set("kind", "List")
                                          .set("items", Json::array())
                                    : std::move(together);
      together.find("items")->push(std::move(one));
    }
  }
  print(shown(common, target, std::move(together)));
  return {};
}

/// What happened to an object, newest last.
std::string events_text(Api& api, const Target& target, const std::string& name) {
  ApiRequest request;
  request.path = concat(
      "/api/v1/namespaces/",
      percent_encoded(api.ns),
      "/events?fieldSelector=",
      percent_encoded(
          concat("involvedObject.kind=", target.type->kind, ",involvedObject.name=", name)
      )
  );
  request.accept = std::string(kTable);
  const Result<Json> events = api.client->ask(request);
  const Json* rows = events ? events->find("rows") : nullptr;
  const Json* definitions = events ? events->find("columnDefinitions") : nullptr;
  if (rows == nullptr || !rows->is_array() || rows->as_array().empty() || definitions == nullptr) {
    return "Events: none\n";
  }
  const std::string table = table_text(*definitions, rows->as_array(), {});
  std::string text = "Events:\n";
  for (const std::string_view line : split(table, '\n')) {
    text += line.empty() ? std::string() : concat("  ", line, "\n");
  }
  return text;
}

Result<void> describe(const Common& common, const ObjectsArgs& args) {
  REEVE_TRY(const Target target, target_of(args.words));
  if (target.names.empty()) {
    Error error = make_error(ErrorCode::Invalid, "which one?", "NAME");
    error.hint = concat("reeve get ", target.type->plural, " lists them");
    return error;
  }
  REEVE_TRY(Api api, open_api(common, args.connection));
  for (const std::string& name : target.names) {
    ApiRequest request;
    request.path = object_path(*target.type, api.ns, name);
    REEVE_TRY(Json object, api.client->ask(request));
    hide_managed_fields(object);
    print(printable(to_yaml(object)));
    print(events_text(api, target, name));
  }
  return {};
}

/// `kind/name verb` of one object.
void say(const ResourceType& type, std::string_view name, std::string_view what) {
  print(concat(qualified_singular(type), "/", printable(name), " ", what, "\n"));
}

Result<void> remove_one(
    Api& api, const ResourceType& type, std::string_view ns, std::string_view name
) {
  ApiRequest request;
  request.method = "DELETE";
  request.path = object_path(type, ns, name);
  REEVE_CHECK(api.client->ask(request));
  say(type, name, "deleted");
  return {};
}

std::string name_in(const Json& object) {
  const Json* metadata = object.find("metadata");
  return metadata == nullptr ? std::string() : metadata->get_string("name");
}

std::string namespace_for(const Api& api, const Common& common, const Json& object) {
  const Json* metadata = object.find("metadata");
  const std::string own = metadata == nullptr ? "" : metadata->get_string("namespace");
  return !common.ns.empty() || own.empty() ? api.ns : own;
}

Error at_document(Error error, const ObjectDocument& document) {
  if (error.file.empty()) {
    error.file = document.file;
    error.position = document.place_of(error.subject);
  }
  return error;
}

Result<void> remove(const Common& common, const ObjectsArgs& args) {
  if (!args.files.empty()) {
    REEVE_TRY(const std::vector<ObjectDocument> documents, read_documents(args.files));
    REEVE_TRY(Api api, open_api(common, args.connection));
    for (const ObjectDocument& document : documents) {
      const auto type = type_of(document.object);
      if (!type) {
        return at_document(type.error(), document);
      }
      REEVE_CHECK(remove_one(
          api, **type, namespace_for(api, common, document.object), name_in(document.object)
      ));
    }
    return {};
  }
  REEVE_TRY(const Target target, target_of(args.words));
  if (target.names.empty()) {
    return make_error(ErrorCode::Invalid, "which one?", "NAME");
  }
  REEVE_TRY(Api api, open_api(common, args.connection));
  for (const std::string& name : target.names) {
    REEVE_CHECK(remove_one(api, *target.type, api.ns, name));
  }
  return {};
}

/// All that is wrong with an object, each with the line of its member.
std::vector<Error> errors_at(const ObjectDocument& document, const ApiAnswer& answer) {
  const Error whole = error_of_answer(answer.status, answer.body);
  std::vector<Error> errors;
  for (FieldNote& fault : faults_in(answer.body, whole)) {
    Error error = whole;
    error.position = document.place_of(fault.field);
    error.file = document.file;
    error.subject = std::move(fault.field);
    error.message = std::move(fault.message);
    errors.push_back(std::move(error));
  }
  return errors;
}

void print_warnings(const ObjectDocument& document, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    const FieldNote note = note_of_warning(warning);
    Error about = make_error(ErrorCode::Invalid, note.message, note.field);
    about.file = document.file;
    about.position = document.place_of(note.field);
    print_error_text(concat("reeve: warning: ", printable(about.describe()), "\n"));
  }
}

/// One object by server-side apply; what is wrong with it.
std::vector<Error> apply_one(
    const Common& common, Api& api, const ObjectDocument& document, bool force
) {
  const auto type = type_of(document.object);
  if (!type) {
    return {at_document(type.error(), document)};
  }
  const std::string name = name_in(document.object);
  if (name.empty()) {
    return {at_document(make_error(ErrorCode::Invalid, "is missing", "metadata.name"), document)};
  }
  ApiRequest request;
  request.method = "PATCH";
  request.content_type = "application/apply-patch+yaml";
  request.path = concat(
      object_path(**type, namespace_for(api, common, document.object), name),
      "?fieldManager=",
      kFieldManager,
      "&fieldValidation=Strict",
      force ? "&force=true" : ""
  );
  request.body = document.object.dump();
  const Result<ApiAnswer> answer = api.client->exchange(request);
  if (!answer) {
    return {at_document(answer.error(), document)};
  }
  print_warnings(document, answer->warnings);
  if (!answer->fine()) {
    return errors_at(document, *answer);
  }
  const Result<Json> object = parse_json(answer->body);
  if (!object) {
    return {at_document(object.error(), document)};
  }
  if (is_table(common.output)) {
    say(**type, name, "applied");
  } else {
    print(shown(common, {.type = *type, .names = {}}, *object));
  }
  return {};
}

bool is_bare(const ObjectDocument& document) {
  return document.object.find("job_type") != nullptr;
}

bool is_workflow(const ObjectDocument& document) {
  return is_bare(document) || document.object.get_string("kind") == "Workflow";
}

/// A workflow as Formicary writes it, by the way that Formicary has for it.
std::vector<Error> apply_bare(const Common& common, Api& api, const ObjectDocument& document) {
  ApiRequest request;
  request.method = "POST";
  request.path = concat("/api/jobs/definitions?namespace=", percent_encoded(api.ns));
  request.body = document.object.dump();
  const Result<Json> answer = api.client->ask(request);
  if (!answer) {
    return {at_document(answer.error(), document)};
  }
  const std::string name = document.object.get_string("job_type");
  print(
      is_table(common.output) ? concat("workflow.reeve.dev/", printable(name), " applied\n")
                              : answer->pretty()
  );
  return {};
}

/// Without a server workflows go to the owner as ever.
int apply_files(const Common& common, const std::vector<ObjectDocument>& documents) {
  ApplyArgs args;
  std::set<std::string> seen;
  for (const ObjectDocument& document : documents) {
    if (!seen.insert(document.file).second) {
      return report(at_document(
          make_error(ErrorCode::Invalid, "one file has one workflow where there is no server"),
          document
      ));
    }
    args.files.push_back(document.file);
  }
  return apply_workflows(common, args);
}

}  // namespace

int get_objects(const Common& common, const ObjectsArgs& args) {
  return finished(get(common, args));
}

int describe_object(const Common& common, const ObjectsArgs& args) {
  return finished(describe(common, args));
}

int delete_objects(const Common& common, const ObjectsArgs& args) {
  return finished(remove(common, args));
}

int apply_objects(const Common& common, const ObjectsArgs& args) {
  const auto documents = read_documents(args.files);
  if (!documents) {
    return report(documents.error());
  }
  std::vector<ObjectDocument> bare;
  std::vector<ObjectDocument> objects;
  Result<Api> api = open_api(common, args.connection);
  for (const ObjectDocument& document : *documents) {
    const bool to_owner = !common.remote && (is_bare(document) || (!api && is_workflow(document)));
    (to_owner ? bare : objects).push_back(document);
  }
  if (!objects.empty() && !api) {
    return report(api.error());
  }
  int code = bare.empty() ? static_cast<int>(ExitCode::Done) : apply_files(common, bare);
  for (const ObjectDocument& document : objects) {
    // The others are applied all the same: each is on its own.
    for (const Error& error : is_bare(document) ? apply_bare(common, *api, document)
                                                : apply_one(common, *api, document, args.force)) {
      code = report(error);
    }
  }
  return code;
}

}  // namespace reeve::cli
