#pragma once

#include <string>
#include <vector>

#include "base/json.h"

/// Tables of the API (meta.k8s.io/v1 Table) as text. Private to cli.
namespace reeve::cli {

struct TableFormat {
  bool wide = false;        ///< also columns of a priority above 0
  bool namespaces = false;  ///< a column of namespaces first
  bool header = true;
};

/// Lines of columns that are three spaces apart, as kubectl prints them. `definitions` are those of
/// the table, which may come without any in the later events of a watch. Control characters of
/// cells are made visible.
std::string table_text(const Json& definitions, const Json::Array& rows, const TableFormat& format);

}  // namespace reeve::cli
