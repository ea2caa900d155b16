#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "workflow/document/yaml.h"
#include "workflow/load/draft.h"
#include "workflow/load/problems.h"

namespace reeve::workflow {

/// One document of a stored source.
struct SourceDocument {
  std::string_view text;
  /// Lines of the source before it.
  int lines_before = 0;
};

/// The documents of a stored source: the workflow, then its extensions. They are separated by lines
/// that begin with `---`; one before the workflow separates nothing.
std::vector<SourceDocument> split_source(std::string_view source);

/// `extension` behind `base`, with a separator.
std::string join_source(std::string_view base, std::string_view extension);

/// The line of `extension` that is line `line` of `join_source(base, extension)`; 0 if it is none.
int line_in_extension(std::string_view base, std::string_view extension, int line);

/// Adds extensions to the draft of a workflow, one after the other.
class Extender {
 public:
  /// `data`: what templates of the workflow may use while it is loaded.
  Extender(const Json& data, Draft& draft, Problems& problems)
      : data_(data), draft_(draft), problems_(problems) {}

  /// Appends the tasks of `document` that are new, and the document to `source` if there are any.
  void add(const SourceDocument& document, std::string& source);

 private:
  /// Whether any task was new.
  bool keep_new(const document::Node& root, std::vector<TaskDraft> tasks);

  const Json& data_;
  Draft& draft_;
  Problems& problems_;
  /// What earlier extensions said, by the name of the task.
  std::map<std::string, Json, std::less<>> known_;
};

}  // namespace reeve::workflow
