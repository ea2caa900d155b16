#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/compat/fractal.h"
#include "api/view/types.h"
#include "base/json.h"
#include "resource/field_set.h"
#include "resource/object_rules.h"
#include "resource/schema/contract.h"
#include "resource/table.h"

namespace reeve::api {

/// Where the objects of a type come from, and what writes to them become.
enum class Storage : std::uint8_t {
  Plain,  ///< rows that clients write whole
  Mission,
  Run,       ///< part of its mission
  Approval,  ///< part of its mission
  Workflow,
  Credential,
  Channel,
  ToolCall,   ///< recorded by the tool gateway
  ModelCall,  ///< recorded by the model gateway
  Usage,      ///< sums of what calls have used
  Host,       ///< this process
  Pod,        ///< a Run for clients that know Pods
  Secret,     ///< a Credential for clients that know Secrets
  Event,      ///< events of the journal
  Review,     ///< questions about permissions: answered, not kept
  Refused,    ///< nothing: who writes one is told what to do instead
};

/// A type of the API with all that serving it needs. Immutable; any thread.
struct ApiType {
  const resource::schema::ResourceType* contract = nullptr;
  resource::ResourceName name;
  Storage storage = Storage::Plain;
  /// Absent: not in the view.
  std::optional<view::TypeId> view;
  /// Of the rows.
  journal::Kind kind = journal::Kind::Mission;
  resource::TableColumns columns;
  resource::ListTypes list_types;
  /// Of a kind of Fractal's: how objects of the storage look in its shape; null for our own kinds.
  const fractal::Kind* shape = nullptr;

  bool namespaced() const { return contract->namespaced; }

  /// The place of an object of this type.
  resource::ObjectPlace place(std::string_view ns, std::string_view object) const;
};

/// The document of a version of a workflow as a value (see workflow_object); null: it is gone.
using WorkflowDocument =
    std::function<std::shared_ptr<const Json>(std::string_view ns, std::string_view row_name)>;

/// All types. Immutable; any thread.
class Types {
 public:
  explicit Types(const resource::schema::Contracts& contracts);

  /// Null: nothing is served there.
  const ApiType* find(std::string_view group, std::string_view version, std::string_view plural)
      const;

  /// The type in our own shape.
  const ApiType& of(Storage storage) const;
  /// A plain type in our own shape.
  const ApiType& of(journal::Kind kind) const;
  /// The type of ours that the objects of a type are kept as; itself unless it has a shape.
  const ApiType& kept_as(const ApiType& type) const;

  const std::vector<std::unique_ptr<ApiType>>& all() const { return types_; }

  /// For the view, in the order of their ids.
  std::vector<view::ObjectType> view_types(const WorkflowDocument& document) const;

 private:
  std::vector<std::unique_ptr<ApiType>> types_;
  std::vector<const ApiType*> in_view_;
};

}  // namespace reeve::api
