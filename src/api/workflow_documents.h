#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/types.h"
#include "base/json.h"
#include "store/ports.h"

namespace reeve::api {

/// The documents of workflow versions, read from the store when somebody looks at a workflow. A
/// version never changes, so the last ones are kept.
///
/// Threading: any thread.
class WorkflowDocuments {
 public:
  explicit WorkflowDocuments(store::Reader& reader) : reader_(reader) {}

  /// As WorkflowDocument.
  std::shared_ptr<const Json> find(std::string_view ns, std::string_view row_name);

 private:
  std::shared_ptr<const Json> read(std::string_view ns, std::string_view row_name);

  store::Reader& reader_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Json>, std::less<>> kept_;
  std::deque<std::string> order_;
};

}  // namespace reeve::api
