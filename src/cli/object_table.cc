#include "cli/object_table.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "cli/print.h"

namespace reeve::cli {

namespace {

constexpr std::size_t kGap = 3;
constexpr std::string_view kNone = "<none>";

/// Characters, not bytes: the start bytes of UTF-8 sequences.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string cell_text(const Json& cell) {
  std::string text = cell.is_null()     ? std::string()
                     : cell.is_string() ? cell.as_string()
                                        : cell.dump();
  const std::size_t end = text.find_first_of("\r\n");
  if (end != std::string::npos) {
    text = concat(text.substr(0, end), "...");
  }
  return text.empty() ? std::string(kNone) : printable(text);
}

std::string namespace_of_row(const Json& row) {
  const Json* object = row.find("object");
  const Json* metadata = object == nullptr ? nullptr : object->find("metadata");
  const std::string ns = metadata == nullptr ? "" : metadata->get_string("namespace");
  return ns.empty() ? std::string(kNone) : ns;
}

using Line = std::vector<std::string>;

std::string aligned(const std::vector<Line>& lines) {
  std::vector<std::size_t> widths;
  for (const Line& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], width_of(line[i]));
    }
  }
  std::string text;
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) {
        text.append(widths[i] - width_of(line[i]) + kGap, ' ');
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace

Json table_column(std::string_view name) {
  Json made = Json::object();
  made.set("name", name).set("type", "string").set("priority", 0);
  return made;
}

Json table_row(std::vector<std::string> cells) {
  Json list = Json::array();
  for (std::string& cell : cells) {
    list.push(std::move(cell));
  }
  return Json::object().set("cells", std::move(list));
}

std::string table_text(
    const Json& definitions, const Json::Array& rows, const TableFormat& format
) {
  std::vector<std::size_t> shown;
  Line header;
  if (format.namespaces) {
    header.emplace_back("NAMESPACE");
  }
  if (definitions.is_array()) {
    for (std::size_t i = 0; i < definitions.as_array().size(); ++i) {
      const Json& column = definitions.as_array()[i];
      if (format.wide || column.get_int("priority") == 0) {
        shown.push_back(i);
        header.push_back(to_upper(column.get_string("name")));
      }
    }
  }
  std::vector<Line> lines;
  if (format.header) {
    lines.push_back(std::move(header));
  }
  for (const Json& row : rows) {
    Line line;
    if (format.namespaces) {
      line.push_back(namespace_of_row(row));
    }
    const Json* cells = row.find("cells");
    for (const std::size_t i : shown) {
      const bool there = cells != nullptr && cells->is_array() && i < cells->as_array().size();
      line.push_back(there ? cell_text(cells->as_array()[i]) : std::string(kNone));
    }
    lines.push_back(std::move(line));
  }
  return aligned(lines);
}

}  // namespace reeve::cli
