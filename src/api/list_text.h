#pragma once

#include <string>
#include <string_view>

#include "api/view/projected.h"
#include "resource/accept.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

/// What the text of a list depends on besides its objects.
struct ListForm {
  const resource::ResourceName& resource;
  const resource::TableColumns& columns;
  resource::Representation shape;
  resource::TableOptions table;
  /// For people: as `Json::pretty` would write it.
  bool pretty = false;
};

/// Writes a list piece by piece: `opening`, its objects, each after a `separator` but the first,
/// `closing`. The metadata, which say where the list goes on, are with either the first or the last
/// piece: who begins to write before the end is known has them last.
///
/// Threading: values; the form's resource and columns outlive it.
class ListText {
 public:
  explicit ListText(ListForm form) : form_(std::move(form)) {}

  /// With the metadata of `page`, or without if it is null.
  std::string opening(const resource::ListPage* page) const;

  std::string object(const view::Projected& object) const;

  std::string_view separator() const { return ","; }

  /// With the metadata of `page`, or without if it is null. `empty`: there was no object.
  std::string closing(const resource::ListPage* page, bool empty) const;

 private:
  Json head(const resource::ListPage& page) const;

  ListForm form_;
};

}  // namespace reeve::api
