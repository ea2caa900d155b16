#include "api/workflow_documents.h"

#include <optional>
#include <utility>

#include "base/strings.h"
#include "workflow/document/yaml.h"

namespace reeve::api {

namespace {

constexpr std::size_t kDocumentsMax = 256;

/// A native document as a value; any other as its text.
Json document_of(const Json& row) {
  const Json* spec = row.find("spec");
  if (spec == nullptr) {
    return {};
  }
  std::string source = spec->get_string("source");
  if (spec->get_string("format") == "native") {
    if (const Result<document::Node> node = document::parse_yaml(source)) {
      return document::to_json(*node);
    }
  }
  return source;
}

}  // namespace

std::shared_ptr<const Json> WorkflowDocuments::find(
    std::string_view ns, std::string_view row_name
) {
  const std::string key = concat(ns, "/", row_name);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(key); found != kept_.end()) {
      return found->second;
    }
  }
  std::shared_ptr<const Json> document = read(ns, row_name);
  if (document == nullptr) {
    return nullptr;
  }
  const std::lock_guard lock(mutex_);
  if (kept_.emplace(key, document).second) {
    order_.push_back(key);
    if (order_.size() > kDocumentsMax) {
      kept_.erase(order_.front());
      order_.pop_front();
    }
  }
  return document;
}

std::shared_ptr<const Json> WorkflowDocuments::read(
    std::string_view ns, std::string_view row_name
) {
  const Result<std::optional<store::Row>> row = reader_.get(
      {.kind = journal::Kind::Workflow,
       .ns = Namespace(std::string(ns)),
       .name = std::string(row_name)}
  );
  if (!row || !*row) {
    return nullptr;
  }
  const Result<Json> parsed = parse_json((*row)->body);
  return parsed ? std::make_shared<const Json>(document_of(*parsed)) : nullptr;
}

}  // namespace reeve::api
