#include "cli/object_documents.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/strings.h"
#include "cli/document.h"
#include "cli/field_places.h"
#include "workflow/document/lines.h"
#include "workflow/document/yaml.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

bool is_separator(const document::Line& line) {
  return !line.in_block && line.text.starts_with("---") &&
         (line.text.size() == 3 || line.text[3] == ' ' || line.text[3] == '\t');
}

bool has_content(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view words = trim(line);
    if (!words.empty() && !words.starts_with('#')) {
      return true;
    }
  }
  return false;
}

using NodePtr = std::shared_ptr<const document::Node>;

Result<void> add_objects(
    const NodePtr& node, const std::string& file, int lines_before, std::vector<ObjectDocument>& all
) {
  if (all.size() >= kDocumentsMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("there are more than ", kDocumentsMax, " objects"), file
    );
  }
  const document::Node* kind = node->find("kind");
  const document::Node* items = node->find("items");
  if (kind != nullptr && kind->text == "List" && items != nullptr && items->is_sequence()) {
    for (const document::Node& item : items->items) {
      REEVE_CHECK(add_objects(NodePtr(node, &item), file, lines_before, all));
    }
    return {};
  }
  all.push_back(
      {.file = file,
       .line = node->position.line + lines_before,
       .object = document::to_json(*node),
       .node = node,
       .lines_before = lines_before}
  );
  return {};
}

Result<void> add_document(
    std::string_view text, const std::string& file, int line, std::vector<ObjectDocument>& all
) {
  if (!has_content(text)) {
    return {};
  }
  Result<document::Node> node = document::parse_yaml(text);
  if (!node) {
    Error error = node.error();
    error.file = file;
    error.position.line += line - 1;
    return error;
  }
  return add_objects(std::make_shared<const document::Node>(std::move(*node)), file, line - 1, all);
}

Result<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code failed;
  if (path == "-" || !fs::is_directory(path, failed)) {
    return std::vector<std::string>{path};
  }
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, failed)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") {
      files.push_back(entry.path().string());
    }
  }
  if (failed) {
    return make_error(ErrorCode::Io, concat("cannot be read: ", failed.message()), path);
  }
  if (files.empty()) {
    return make_error(ErrorCode::NotFound, "has no *.yaml, *.yml or *.json", path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Position ObjectDocument::place_of(std::string_view field) const {
  if (node == nullptr) {
    return {.line = line, .column = 0};
  }
  Position place = place_of_field(*node, field);
  place.line += lines_before;
  return place;
}

Result<std::vector<ObjectDocument>> split_documents(
    std::string_view text, const std::string& file
) {
  std::vector<ObjectDocument> all;
  std::size_t begin = 0;
  int first = 1;
  for (const document::Line& line : document::scan_lines(text)) {
    if (!is_separator(line)) {
      continue;
    }
    REEVE_CHECK(add_document(text.substr(begin, line.offset - begin), file, first, all));
    begin = line.offset;
    first = line.number;
  }
  REEVE_CHECK(add_document(text.substr(begin), file, first, all));
  return all;
}

Result<std::vector<ObjectDocument>> read_documents(const std::vector<std::string>& paths) {
  std::vector<ObjectDocument> all;
  for (const std::string& path : paths) {
    REEVE_TRY(const std::vector<std::string> files, files_of(path));
    for (const std::string& file : files) {
      REEVE_TRY(const std::string text, read_input(file));
      REEVE_TRY(std::vector<ObjectDocument> some, split_documents(text, input_name(file)));
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
  }
  if (all.empty()) {
    return make_error(ErrorCode::Invalid, "there are no objects in it", join(paths, ", "));
  }
  return all;
}

}  // namespace reeve::cli
