#include <string>
#include <utility>

#include "base/strings.h"
#include "cli/object_table.h"
#include "cli/object_target.h"
#include "cli/print.h"
#include "cli/resource_path.h"
#include "cli/server_commands.h"
#include "engine/endpoint_book.h"

/// `reeve endpoints` and `reeve incidents`.
namespace reeve::cli {

namespace {

constexpr int kPageItems = 500;

/// All objects of a type that the selectors let through.
Result<Json> list_of(
    const Common& common,
    const ConnectionArgs& connection,
    std::string_view type,
    const std::string& labels,
    const std::string& fields
) {
  REEVE_TRY(const resource::schema::ResourceType* found, find_type(type));
  REEVE_TRY(Api api, open_api(common, connection));
  std::string path =
      concat(collection_path(*found, common.all_namespaces ? "" : api.ns), "?limit=", kPageItems);
  if (!labels.empty()) {
    path += concat("&labelSelector=", percent_encoded(labels));
  }
  if (!fields.empty()) {
    path += concat("&fieldSelector=", percent_encoded(fields));
  }
  REEVE_TRY(Json list, whole_list(*api.client, path, "application/json"));
  hide_managed_fields(list);
  return list;
}

std::string capabilities_of(const Json& spec) {
  std::string text;
  const Json* list = spec.find("capabilities");
  for (const Json& one : list != nullptr && list->is_array() ? list->as_array() : Json::Array()) {
    text += concat(text.empty() ? "" : ",", one.is_string() ? one.as_string() : "");
  }
  return text;
}

std::string place_of(const Common& common, const Json& object) {
  const Json& metadata = object.get_object("metadata");
  const std::string name = metadata.get_string("name");
  return common.all_namespaces ? concat(metadata.get_string("namespace"), "/", name) : name;
}

std::string table(const std::vector<std::string_view>& names, Json::Array rows) {
  Json columns = Json::array();
  for (const std::string_view name : names) {
    columns.push(table_column(name));
  }
  return table_text(columns, rows, {});
}

std::string endpoints_text(const Common& common, const Json& list, std::size_t healthy) {
  Json::Array rows;
  for (const Json& item : list.get_array("items")) {
    const Json& spec = item.get_object("spec");
    rows.push_back(table_row(
        {place_of(common, item),
         item.get_object("status").get_string("state"),
         spec.get_string("agent"),
         spec.get_string("version"),
         capabilities_of(spec),
         spec.get_string("url")}
    ));
  }
  const std::size_t count = rows.size();
  return concat(
      table({"Name", "State", "Agent", "Version", "Capabilities", "Url"}, std::move(rows)),
      count,
      count == 1 ? " endpoint, " : " endpoints, ",
      healthy,
      " healthy\n"
  );
}

std::string incidents_text(const Common& common, const Json& list) {
  Json::Array rows;
  for (const Json& item : list.get_array("items")) {
    const Json& spec = item.get_object("spec");
    const Json& status = item.get_object("status");
    const Json& subject = spec.get_object("subject");
    rows.push_back(table_row(
        {place_of(common, item),
         status.get_string("state"),
         spec.get_string("severity"),
         spec.get_string("reason"),
         concat(subject.get_string("kind"), " ", subject.get_string("name")),
         std::to_string(status.get_int("occurrences")),
         status.get_string("openedAt"),
         spec.get_string("message")}
    ));
  }
  if (rows.empty()) {
    return "nothing is wrong\n";
  }
  return table(
      {"Name", "State", "Severity", "Reason", "Subject", "Times", "Opened", "Message"},
      std::move(rows)
  );
}

int settle_incident(const Common& common, const IncidentsArgs& args) {
  const Result<const resource::schema::ResourceType*> type = find_type("incidents");
  if (!type) {
    return report(type.error());
  }
  Result<Api> api = open_api(common, args.connection);
  if (!api) {
    return report(api.error());
  }
  Json body = Json::object();
  if (!args.message.empty()) {
    body.set("message", args.message);
  }
  ApiRequest request;
  request.method = "POST";
  request.path = concat(object_path(**type, api->ns, args.name), "/", args.action);
  request.body = body.dump();
  const Result<Json> answer = api->client->ask(request);
  if (!answer) {
    return report(answer.error());
  }
  const std::string state = answer->get_object("status").get_string("state");
  print(
      common.output == Output::Json
          ? answer->pretty()
          : printable(concat("incident ", args.name, " is ", state)) + "\n"
  );
  return static_cast<int>(ExitCode::Done);
}

}  // namespace

int show_endpoints(const Common& common, const EndpointsArgs& args) {
  std::string labels;
  for (const std::string& capability : args.capabilities) {
    labels += concat(labels.empty() ? "" : ",", engine::kCapabilityLabel, capability, "=true");
  }
  std::string fields = args.all       ? ""
                       : args.healthy ? "status.healthy=true"
                                      : "status.state!=expired";
  const auto also = [&fields](std::string_view field, const std::string& value) {
    if (!value.empty()) {
      fields += concat(fields.empty() ? "" : ",", field, "=", value);
    }
  };
  also("spec.version", args.version);
  also("spec.agent", args.agent);
  Result<Json> list = list_of(common, args.connection, "endpoints", labels, fields);
  if (!list) {
    return report(list.error());
  }
  std::size_t healthy = 0;
  for (const Json& item : list->get_array("items")) {
    healthy += item.get_object("status").get_bool("healthy") ? 1 : 0;
  }
  if (common.output == Output::Json) {
    list->set("total", std::uint64_t{list->get_array("items").size()});
    list->set("healthy", std::uint64_t{healthy});
    print(list->pretty());
  } else {
    print(endpoints_text(common, *list, healthy));
  }
  return static_cast<int>(ExitCode::Done);
}

int use_incidents(const Common& common, const IncidentsArgs& args) {
  if (args.action == "acknowledge" || args.action == "close") {
    return args.name.empty() ? report(make_error(ErrorCode::Invalid, "which incident?", "NAME"))
                             : settle_incident(common, args);
  }
  const Result<Json> list =
      list_of(common, args.connection, "incidents", {}, args.all ? "" : "status.state!=closed");
  if (!list) {
    return report(list.error());
  }
  print(common.output == Output::Json ? list->pretty() : incidents_text(common, *list));
  return static_cast<int>(ExitCode::Done);
}

}  // namespace reeve::cli
