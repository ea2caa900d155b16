#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflow/document/yaml.h"

/// Files that describe objects of the API. Private to cli.
namespace reeve::cli {

inline constexpr std::size_t kDocumentsMax = 10'000;

/// One object and where it was written.
struct ObjectDocument {
  std::string file;
  int line = 1;  ///< of its first line
  Json object;
  /// As it was written; its lines are counted from `lines_before` on. Null: not known.
  std::shared_ptr<const document::Node> node = nullptr;
  int lines_before = 0;

  /// Where a member was written, see place_of_field.
  Position place_of(std::string_view field) const;
};

/// Each document of `text`: those between lines that begin with `---`, empty ones left out; lists
/// (kind: List) are taken apart. Invalid: no YAML, with file and line. LimitExceeded: too many.
Result<std::vector<ObjectDocument>> split_documents(std::string_view text, const std::string& file);

/// The documents of files, directories (their *.yaml, *.yml and *.json, in order) and "-".
Result<std::vector<ObjectDocument>> read_documents(const std::vector<std::string>& paths);

}  // namespace reeve::cli
