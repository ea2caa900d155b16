#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "resource/json_path.h"
#include "resource/query.h"
#include "resource/status.h"

namespace reeve::resource {

/// A printer column (metav1.TableColumnDefinition).
struct Column {
  std::string name;
  std::string type;    ///< string, integer, number, boolean, date
  std::string format;  ///< "name" for the first
  std::string description;
  int priority = 0;  ///< above 0: only `-o wide`
  std::string json_path;
};

/// The columns of a kind, ready to print. Values; any thread.
class TableColumns {
 public:
  /// Invalid: no columns, an unknown type, a path that is none.
  static Result<TableColumns> compile(std::vector<Column> columns);

  std::size_t size() const { return columns_.size(); }

  /// `columnDefinitions`.
  Json definitions() const;
  /// `cells`; null where there is nothing. A date is told as its age at `now`.
  Json cells(const Json& object, Timestamp now) const;
  /// `cells` of a bookmark: nulls.
  Json empty_cells() const;

 private:
  std::vector<Column> columns_;
  std::vector<JsonPath> paths_;
};

/// How rows are made.
struct TableOptions {
  std::string version = "v1";  ///< of meta.k8s.io: v1 or v1beta1
  IncludeObject include_object = IncludeObject::Metadata;
  Timestamp now;
};

/// A page of a list, whatever its shape.
struct ListPage {
  std::string resource_version;
  std::string continue_token;                        ///< empty: the last page
  std::optional<std::int64_t> remaining_item_count;  ///< only without selectors
};

/// `{"kind":"MissionList",…,"items":[…]}`.
Json object_list(const ResourceName& resource, const ListPage& page, Json::Array items);

/// A Table of one page of objects.
Json table(
    const TableColumns& columns,
    const ListPage& page,
    const Json::Array& objects,
    const TableOptions& options
);

/// One row of such a Table.
Json table_row(const TableColumns& columns, const Json& object, const TableOptions& options);

/// A Table of one object, for a get and for events of a watch. In a watch only the first event
/// needs the definitions of the columns, the others have null.
Json object_table(
    const TableColumns& columns,
    const Json& object,
    const TableOptions& options,
    bool with_definitions = true
);

/// The metadata of an object as PartialObjectMetadata.
Json partial_metadata(const Json& object, std::string_view version);
/// The metadata of one page of objects.
Json partial_metadata_list(
    const ListPage& page, const Json::Array& objects, std::string_view version
);

/// Annotated on the bookmark that ends the state a watch began with.
inline constexpr std::string_view kInitialEventsEnd = "k8s.io/initial-events-end";

/// The object of a bookmark: "everything up to `resource_version` was sent".
Json bookmark(
    const ResourceName& resource, std::string_view resource_version, bool initial_events_end
);
/// The same for a watch of PartialObjectMetadata.
Json partial_bookmark(
    std::string_view resource_version, bool initial_events_end, std::string_view version
);
/// The same for a watch of tables: one row of nulls.
Json table_bookmark(
    const TableColumns& columns,
    std::string_view resource_version,
    bool initial_events_end,
    const TableOptions& options,
    bool with_definitions
);

}  // namespace reeve::resource
