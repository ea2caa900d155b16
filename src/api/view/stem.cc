#include "api/view/stem.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace reeve::api::view {

namespace {

template <class Size>
Size checked(std::size_t size) {
  REEVE_ASSERT(size <= std::numeric_limits<Size>::max());
  return static_cast<Size>(size);
}

}  // namespace

struct Stem::Sidecar {
  std::string uid;
  std::string body;
  Revision revision;
  bool live = true;
};

Revision StemUpdate::revision() const {
  Revision highest = at_least;
  for (const store::Row* each : {row, sidecar}) {
    if (each != nullptr) {
      highest = std::max(highest, each->revision);
    }
  }
  return highest;
}

std::shared_ptr<const Stem> Stem::follow(
    journal::Kind kind, const Place& place, const Stem* previous, const StemUpdate& update
) {
  const bool has_row =
      update.row != nullptr ? !update.row_deleted : previous != nullptr && previous->exists_;
  const bool has_sidecar = update.sidecar != nullptr
                               ? !update.sidecar_deleted
                               : previous != nullptr && previous->sidecar_ != nullptr;
  if (!has_row && !has_sidecar) {
    return nullptr;
  }
  return std::make_shared<const Stem>(kind, place, previous, update);
}

Stem::Stem(journal::Kind kind, const Place& place, const Stem* previous, const StemUpdate& update)
    : revision_(update.revision()), kind_(kind) {
  if (previous != nullptr) {
    revision_ = std::max(revision_, previous->revision_);
    sidecar_ = previous->sidecar_;
  }
  if (update.row == nullptr && previous != nullptr) {
    text_ = previous->text_;
    row_revision_ = previous->row_revision_;
    body_size_ = previous->body_size_;
    ns_size_ = previous->ns_size_;
    name_size_ = previous->name_size_;
    uid_size_ = previous->uid_size_;
    exists_ = previous->exists_;
    live_ = previous->live_;
  } else {
    take(place, update.row_deleted ? nullptr : update.row);
  }
  if (update.sidecar_deleted) {
    sidecar_ = nullptr;
  } else if (const store::Row* row = update.sidecar) {
    sidecar_ = std::make_shared<const Sidecar>(Sidecar{
        .uid = row->uid.str(), .body = row->body, .revision = row->revision, .live = row->live});
  }
}

void Stem::take(const Place& place, const store::Row* row) {
  const std::string_view uid = row != nullptr ? row->uid.view() : std::string_view();
  const std::string_view body = row != nullptr ? std::string_view(row->body) : std::string_view();
  ns_size_ = checked<std::uint16_t>(place.ns.size());
  name_size_ = checked<std::uint16_t>(place.name.size());
  uid_size_ = checked<std::uint16_t>(uid.size());
  body_size_ = checked<std::uint32_t>(body.size());
  const auto text = std::make_shared_for_overwrite<char[]>(
      place.ns.size() + place.name.size() + uid.size() + body.size()
  );
  char* out = text.get();
  for (const std::string_view part : {place.ns, place.name, uid, body}) {
    out = std::copy(part.begin(), part.end(), out);
  }
  text_ = text;
  if (row != nullptr) {
    exists_ = true;
    live_ = row->live;
    row_revision_ = row->revision;
  }
}

std::optional<RowView> Stem::row() const {
  if (!exists_) {
    return std::nullopt;
  }
  const std::size_t from = std::size_t{ns_size_} + name_size_;
  return RowView{
      .uid = piece(from, uid_size_),
      .revision = row_revision_,
      .live = live_,
      .body = piece(from + uid_size_, body_size_)};
}

std::optional<RowView> Stem::sidecar() const {
  if (!sidecar_) {
    return std::nullopt;
  }
  return RowView{
      .uid = sidecar_->uid,
      .revision = sidecar_->revision,
      .live = sidecar_->live,
      .body = sidecar_->body};
}

std::size_t Stem::size_bytes() const {
  const std::size_t row = std::size_t{ns_size_} + name_size_ + uid_size_ + body_size_;
  return sidecar_ ? row + sidecar_->uid.size() + sidecar_->body.size() : row;
}

}  // namespace reeve::api::view
