#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace reeve::document {

/// One line of a YAML text, seen without parsing it.
struct Line {
  /// Without the line end.
  std::string_view text;
  /// Byte offset of its first character.
  std::size_t offset = 0;
  /// From 1.
  int number = 0;
  /// Leading spaces.
  std::size_t indent = 0;
  /// Content of a block scalar (`|`, `>`), blank lines included.
  bool in_block = false;
  /// Nothing but white space.
  bool blank = false;
};

/// Cuts a text into lines and tells which belong to block scalars. Works on texts that do not
/// parse: `is_foreign` names the lines that are no YAML at all (template actions on a line of
/// their own); they neither start nor end a block unless they are indented like its content.
std::vector<Line> scan_lines(
    std::string_view text, bool (*is_foreign)(std::string_view line) = nullptr
);

}  // namespace reeve::document
