#pragma once

#include <string>
#include <string_view>

#include "api/call.h"
#include "api/view/types.h"
#include "resource/accept.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

/// How the events of one watch look: lines of JSON in the shape that the client wants.
///
/// Threading: the network thread.
class WatchLines {
 public:
  WatchLines(const Call& call, const resource::ListOptions& options);

  /// Of any event. The first of a table describes its columns.
  view::Encodings::Bytes line(const view::WatchEvent& event);

  std::string bookmark(Revision at, bool initial_end);

  /// What it would have to tell is no longer known: changes after `asked`.
  std::string expired(Revision asked) const;

  /// Names everything that lines depend on besides the events; empty if that is not all: the first
  /// line of a table is unlike the others.
  std::string_view shared_form() const;

 private:
  bool table() const { return shape_.shape == resource::Shape::Table; }

  resource::TableOptions table_options() const;
  Json shaped(const Json& object, bool with_definitions) const;
  std::string encode(const view::WatchEvent& event) const;

  const Services* services_;
  const ApiType* type_;
  resource::Representation shape_;
  resource::IncludeObject include_;
  std::string representation_;
  bool told_columns_ = false;
};

}  // namespace reeve::api
