#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/view/slots.h"
#include "base/ids.h"
#include "journal/event.h"
#include "store/ports.h"

namespace reeve::api::view {

struct Projected;

/// What a stem knows of one row. Valid as long as the stem.
struct RowView {
  std::string_view uid;
  Revision revision;
  bool live = true;
  /// JSON object as compact text.
  std::string_view body;
};

/// Where a stem is found among those of its kind: ordered by namespace, then name, in bytes.
struct Place {
  std::string_view ns;
  std::string_view name;

  friend bool operator==(const Place&, const Place&) = default;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// New values of the rows of one stem; what is absent stays as it was. A row that says its object
/// is deleted takes the stem's row away.
struct StemUpdate {
  const store::Row* row = nullptr;
  bool row_deleted = false;
  const store::Row* sidecar = nullptr;
  bool sidecar_deleted = false;
  /// Of the last change, as far as it is known besides these rows.
  Revision at_least = {};

  /// The highest revision of all.
  Revision revision() const;
};

/// One row of the store with the row of its metadata, if it has one (its sidecar): what objects of
/// the API are made from. Never changes; the next version is another stem.
///
/// Threading: any thread.
class Stem {
 public:
  using Objects = std::vector<std::shared_ptr<const Projected>>;

  /// The version that follows `previous` (null: none). Null if there is no row left.
  static std::shared_ptr<const Stem> follow(
      journal::Kind kind, const Place& place, const Stem* previous, const StemUpdate& update
  );

  Stem(journal::Kind kind, const Place& place, const Stem* previous, const StemUpdate& update);

  journal::Kind kind() const { return kind_; }

  std::string_view ns() const { return piece(0, ns_size_); }

  std::string_view name() const { return piece(ns_size_, name_size_); }

  Place place() const { return {.ns = ns(), .name = name()}; }

  /// Of the last change of either row.
  Revision revision() const { return revision_; }

  /// Whether the object exists. A sidecar may be there before or after its row.
  bool exists() const { return exists_; }

  /// Absent unless `exists()`.
  std::optional<RowView> row() const;
  std::optional<RowView> sidecar() const;

  /// Bytes of text of both rows.
  std::size_t size_bytes() const;

  /// What was made of it, by type; guarded by the cache that fills it.
  const Slots<Objects>& objects() const { return objects_; }

 private:
  struct Sidecar;

  std::string_view piece(std::size_t from, std::size_t size) const {
    return {text_.get() + from, size};
  }

  void take(const Place& place, const store::Row* row);

  /// Namespace, name, uid and body, one after the other; shared by versions with the same row.
  std::shared_ptr<const char[]> text_;
  std::shared_ptr<const Sidecar> sidecar_;
  Slots<Objects> objects_;
  Revision revision_;
  Revision row_revision_;
  std::uint32_t body_size_ = 0;
  std::uint16_t ns_size_ = 0;
  std::uint16_t name_size_ = 0;
  std::uint16_t uid_size_ = 0;
  bool exists_ = false;
  bool live_ = true;
  journal::Kind kind_;
};

using StemPtr = std::shared_ptr<const Stem>;

}  // namespace reeve::api::view
