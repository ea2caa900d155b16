#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/sqlite/connection.h"

namespace reeve::store::sqlite {

/// A few connections for readers, opened when first needed, so that readers wait neither for the
/// writer nor (up to the size of the pool) for each other.
///
/// Threading: any thread. The pool outlives its leases.
class ReadPool {
 public:
  struct Options {
    std::string path;
    Access access = Access::Read;
    std::uint32_t connections_max = 4;
    /// Longest wait for a connection to become free, and for locks.
    Duration wait{2000};
  };

  explicit ReadPool(Options options) : options_(std::move(options)) {}

  /// Exclusive use of one connection until the lease ends.
  class Lease {
   public:
    Lease(ReadPool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}

    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    Connection& operator*() const { return *connection_; }

    Connection* operator->() const { return connection_.get(); }

   private:
    ReadPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  /// Unavailable: all connections stayed busy.
  Result<Lease> lease();

 private:
  void give_back(std::unique_ptr<Connection> connection);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::uint32_t open_ = 0;
};

}  // namespace reeve::store::sqlite
