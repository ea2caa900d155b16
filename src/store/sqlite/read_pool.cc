#include "store/sqlite/read_pool.h"

#include <utility>

#include "base/strings.h"

namespace reeve::store::sqlite {

ReadPool::Lease::~Lease() {
  if (connection_ != nullptr) {
    pool_->give_back(std::move(connection_));
  }
}

Result<ReadPool::Lease> ReadPool::lease() {
  std::unique_lock lock(mutex_);
  const bool free = returned_.wait_for(lock, options_.wait, [this] {
    return !idle_.empty() || open_ < options_.connections_max;
  });
  if (!free) {
    return make_error(
        ErrorCode::Unavailable,
        concat("all ", options_.connections_max, " read connections of the store are busy"),
        "store"
    );
  }
  if (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    return Lease(*this, std::move(connection));
  }
  ++open_;
  lock.unlock();
  Result<Connection> opened = Connection::open(options_.path, options_.access, options_.wait);
  if (!opened.ok()) {
    lock.lock();
    --open_;
    returned_.notify_one();
    return std::move(opened).error();
  }
  return Lease(*this, std::make_unique<Connection>(std::move(opened).value()));
}

void ReadPool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

}  // namespace reeve::store::sqlite
