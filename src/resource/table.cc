#include "resource/table.h"

#include <cmath>
#include <utility>

#include "base/strings.h"
#include "resource/rfc3339.h"

namespace reeve::resource {

namespace {

constexpr std::size_t kColumnsMax = 64;

bool is_column_type(std::string_view type) {
  for (const std::string_view known : {"string", "integer", "number", "boolean", "date"}) {
    if (type == known) {
      return true;
    }
  }
  return false;
}

/// A cell of the column's type; what has another type is not shown.
Json cell(std::string_view type, Json value, Timestamp now) {
  if (value.is_null()) {
    return value;
  }
  if (type == "string") {
    return value.is_string() ? std::move(value) : Json(value.dump());
  }
  if (type == "date") {
    if (!value.is_string()) {
      return {};
    }
    const Result<Timestamp> at = parse_time(value.as_string());
    return at ? human_duration(now - *at) : std::string("<invalid>");
  }
  if (type == "boolean") {
    return value.is_bool() ? std::move(value) : Json();
  }
  if (!value.is_number()) {
    return {};
  }
  // Within this range a double has no fraction that gets lost.
  constexpr double kExactMax = 9007199254740992.0;
  if (type == "integer" && value.is_double()) {
    const double number = value.as_double();
    return std::abs(number) <= kExactMax ? Json(static_cast<std::int64_t>(number)) : Json();
  }
  return value;
}

std::string meta_version(std::string_view version) {
  return concat("meta.k8s.io/", version);
}

Json page_metadata(const ListPage& page) {
  Json metadata = Json::object();
  metadata.set("resourceVersion", page.resource_version);
  if (!page.continue_token.empty()) {
    metadata.set("continue", page.continue_token);
    if (page.remaining_item_count) {
      metadata.set("remainingItemCount", *page.remaining_item_count);
    }
  }
  return metadata;
}

Json table_head(
    const TableColumns& columns, Json metadata, const TableOptions& options, bool with_definitions
) {
  Json table = Json::object();
  table.set("kind", "Table");
  table.set("apiVersion", meta_version(options.version));
  table.set("metadata", std::move(metadata));
  table.set("columnDefinitions", with_definitions ? columns.definitions() : Json());
  return table;
}

Json version_metadata(std::string_view resource_version) {
  Json metadata = Json::object();
  metadata.set("resourceVersion", resource_version);
  return metadata;
}

Json bookmark_metadata(std::string_view resource_version, bool initial_events_end) {
  Json metadata = version_metadata(resource_version);
  if (initial_events_end) {
    Json annotations = Json::object();
    annotations.set(std::string(kInitialEventsEnd), "true");
    metadata.set("annotations", std::move(annotations));
  }
  return metadata;
}

}  // namespace

Result<TableColumns> TableColumns::compile(std::vector<Column> columns) {
  if (columns.empty() || columns.size() > kColumnsMax) {
    return make_error(
        ErrorCode::Invalid, concat("a table has from 1 to ", kColumnsMax, " columns")
    );
  }
  TableColumns table;
  for (const Column& column : columns) {
    if (column.name.empty() || !is_column_type(column.type) || column.priority < 0) {
      return make_error(
          ErrorCode::Invalid,
          "a column has a name, a priority from 0 on, and type string, integer, number, boolean or "
          "date",
          column.name
      );
    }
    Result<JsonPath> path = JsonPath::parse(column.json_path);
    if (!path) {
      Error error = std::move(path).error();
      error.subject = column.name;
      return error;
    }
    table.paths_.push_back(std::move(path).value());
  }
  table.columns_ = std::move(columns);
  return table;
}

Json TableColumns::definitions() const {
  Json definitions = Json::array();
  for (const Column& column : columns_) {
    Json one = Json::object();
    one.set("name", column.name);
    one.set("type", column.type);
    one.set("format", column.format);
    one.set("description", column.description);
    one.set("priority", column.priority);
    definitions.push(std::move(one));
  }
  return definitions;
}

Json TableColumns::cells(const Json& object, Timestamp now) const {
  Json cells = Json::array();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    cells.push(cell(columns_[i].type, paths_[i].evaluate(object), now));
  }
  return cells;
}

Json TableColumns::empty_cells() const {
  return Json(Json::Array(columns_.size()));
}

Json object_list(const ResourceName& resource, const ListPage& page, Json::Array items) {
  Json list = Json::object();
  list.set("kind", concat(resource.kind, "List"));
  list.set("apiVersion", resource.api_version());
  list.set("metadata", page_metadata(page));
  list.set("items", std::move(items));
  return list;
}

Json table(
    const TableColumns& columns,
    const ListPage& page,
    const Json::Array& objects,
    const TableOptions& options
) {
  Json table = table_head(columns, page_metadata(page), options, true);
  Json rows = Json::array();
  for (const Json& object : objects) {
    rows.push(table_row(columns, object, options));
  }
  table.set("rows", std::move(rows));
  return table;
}

Json table_row(const TableColumns& columns, const Json& object, const TableOptions& options) {
  Json row = Json::object();
  row.set("cells", columns.cells(object, options.now));
  switch (options.include_object) {
    case IncludeObject::None:
      row.set("object", Json());
      break;
    case IncludeObject::Metadata:
      row.set("object", partial_metadata(object, options.version));
      break;
    case IncludeObject::Object:
      row.set("object", object);
      break;
  }
  return row;
}

Json object_table(
    const TableColumns& columns,
    const Json& object,
    const TableOptions& options,
    bool with_definitions
) {
  const Json* metadata = object.find("metadata");
  const std::string version =
      metadata == nullptr ? std::string() : metadata->get_string("resourceVersion");
  Json table = table_head(columns, version_metadata(version), options, with_definitions);
  table.set("rows", Json(Json::Array{table_row(columns, object, options)}));
  return table;
}

Json partial_metadata(const Json& object, std::string_view version) {
  const Json* metadata = object.find("metadata");
  Json partial = Json::object();
  partial.set("kind", "PartialObjectMetadata");
  partial.set("apiVersion", meta_version(version));
  partial.set("metadata", metadata == nullptr ? Json::object() : *metadata);
  return partial;
}

Json partial_metadata_list(
    const ListPage& page, const Json::Array& objects, std::string_view version
) {
  Json list = Json::object();
  list.set("kind", "PartialObjectMetadataList");
  list.set("apiVersion", meta_version(version));
  list.set("metadata", page_metadata(page));
  Json items = Json::array();
  for (const Json& object : objects) {
    items.push(partial_metadata(object, version));
  }
  list.set("items", std::move(items));
  return list;
}

Json bookmark(
    const ResourceName& resource, std::string_view resource_version, bool initial_events_end
) {
  Json object = Json::object();
  object.set("kind", resource.kind);
  object.set("apiVersion", resource.api_version());
  object.set("metadata", bookmark_metadata(resource_version, initial_events_end));
  return object;
}

Json partial_bookmark(
    std::string_view resource_version, bool initial_events_end, std::string_view version
) {
  Json object = Json::object();
  object.set("metadata", bookmark_metadata(resource_version, initial_events_end));
  return partial_metadata(object, version);
}

Json table_bookmark(
    const TableColumns& columns,
    std::string_view resource_version,
    bool initial_events_end,
    const TableOptions& options,
    bool with_definitions
) {
  Json table = table_head(columns, version_metadata(resource_version), options, with_definitions);
  Json row = Json::object();
  row.set("cells", columns.empty_cells());
  row.set("object", partial_bookmark(resource_version, initial_events_end, options.version));
  table.set("rows", Json(Json::Array{std::move(row)}));
  return table;
}

}  // namespace reeve::resource
