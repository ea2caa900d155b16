#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/object_book.h"

namespace reeve::engine {

/// Pools of a namespace, and units of one.
inline constexpr std::size_t kPoolsMax = 10'000;
inline constexpr std::uint32_t kPoolUnitsMax = 1'000'000;

/// A shared resource of which so many units may be in use at the same time.
struct Pool {
  Uid uid;
  std::uint32_t units = 0;
  Timestamp created_at;
  Revision revision;
  bool deleted = false;
};

/// All declared pools of all namespaces. Commands:
///
///     set     {units}   declares one or changes its size; what is taken already stays taken
///     delete  {}        it is as if nobody had declared it: as large as the largest request
///
/// A run may do neither. Threading: engine loop, or one thread for an audit.
class PoolBook final : public ObjectBook<Pool> {
 public:
  journal::Kind kind() const override { return journal::Kind::Pool; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void recover(BookTurn& turn) override;
};

}  // namespace reeve::engine
