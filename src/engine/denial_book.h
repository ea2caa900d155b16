#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/object_book.h"

namespace reeve::engine {

/// The one object of a namespace, or of the installation (no namespace), to which denials happen.
inline constexpr std::string_view kDenialsName = "denials";
/// Who alone may record them.
inline constexpr std::string_view kDenialsRecorder = "system:api";
/// Different ones of one record; the rest is a number.
inline constexpr std::size_t kDenialsOfRecordMax = 16;
inline constexpr std::size_t kDenialTextBytesMax = 512;

/// The object of a namespace; empty: of the installation.
journal::ObjectKey denials_key(const Namespace& ns);

/// How often somebody was refused, by namespace. What is kept is the number; who, and what they
/// asked for, is in the events.
struct DenialCount {
  Uid uid;
  std::uint64_t total = 0;
  Timestamp created_at;
  Revision revision;
  bool deleted = false;
};

/// Commands:
///
///     record  {from, to, denials: [{user, verb, resource, namespace?, count}], others}
///             `access.denied`, one event however many there were
///     delete  {}  the namespace goes
///
/// Threading: engine loop, or one thread for an audit.
class DenialBook final : public ObjectBook<DenialCount> {
 public:
  journal::Kind kind() const override { return journal::Kind::Denial; }

  /// There is one without a namespace, too.
  bool has_namespaces() const override { return false; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
};

}  // namespace reeve::engine
