#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

/// Tables of the API (meta.k8s.io/v1 Table) as text. Private to cli.
namespace reeve::cli {

struct TableFormat {
  bool wide = false;        ///< also columns of a priority above 0
  bool namespaces = false;  ///< a column of namespaces first
  bool header = true;
};

/// A column of text, for a table of our own.
Json table_column(std::string_view name);

/// A row of such a table.
Json table_row(std::vector<std::string> cells);

/// Lines of columns that are three spaces apart, as kubectl prints them. `definitions` are those of
/// the table, which may come without any in the later events of a watch. Control characters of
/// cells are made visible.
std::string table_text(const Json& definitions, const Json::Array& rows, const TableFormat& format);

}  // namespace reeve::cli
