#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "store/ports.h"
#include "store/sqlite/connection.h"

namespace reeve::store::sqlite {

/// Turns commits into transactions on the one connection that writes. One thread at a time.
class CommitWriter {
 public:
  /// Prepares the statements; the schema must be current.
  static Result<CommitWriter> create(Connection connection);

  /// As `Store::commit`.
  Result<void> commit(const Commit& commit);

  /// As `Store::forget_inputs`.
  Result<void> forget_inputs(Timestamp now, std::uint32_t limit);

 private:
  struct KeyHash {
    std::size_t operator()(const journal::ObjectKey* key) const;
  };

  struct KeyEqual {
    bool operator()(const journal::ObjectKey* left, const journal::ObjectKey* right) const {
      return *left == *right;
    }
  };

  /// What the transaction knows of one object it touches.
  struct Touched {
    const journal::ObjectKey* key = nullptr;
    const Row* row = nullptr;
    /// The object's as its last event has it; null without events in this commit.
    const Uid* uid = nullptr;
    /// 0: not in the table yet.
    std::int64_t id = 0;
    Revision last_event;
    Revision created;
    bool was_live = false;
  };

  CommitWriter() = default;

  /// Ends the open transaction after `error`; tells both if that fails as well.
  Error abandon(Error error);
  Result<void> write(const Commit& commit);
  Result<Head> read_head();
  Result<void> write_head(const Head& before, const journal::Event& last);
  /// Index into `touched_`, which has read the object's state from the table.
  Result<std::size_t> touch(const journal::ObjectKey& key);
  Result<void> write_event(const journal::Event& event, Revision previous);
  Result<void> write_object(const Touched& touched);
  Result<void> insert_object(const Touched& touched);
  Result<void> update_object(const Touched& touched);
  Result<void> write_timer(const TimerWrite& timer);
  Result<void> write_input(const InputRecord& input);

  // Destroyed last: the statements belong to it.
  Connection connection_;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement read_head_;
  Statement write_head_;
  Statement find_object_;
  Statement insert_object_;
  Statement update_object_;
  Statement update_object_and_live_;
  Statement update_last_event_;
  Statement insert_event_;
  Statement arm_timer_;
  Statement disarm_timer_;
  Statement upsert_input_;
  Statement forget_inputs_;
  // Kept between commits for their memory; pointers in them are valid within one commit only.
  std::vector<Touched> touched_;
  std::unordered_map<const journal::ObjectKey*, std::size_t, KeyHash, KeyEqual> index_;
};

}  // namespace reeve::store::sqlite
