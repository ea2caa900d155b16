#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "store/ports.h"

namespace reeve::store {

/// One kind of store, as the suite needs it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;

  virtual Store& store() = 0;

  /// Ends the store and opens it again, as a new process would find it.
  virtual void reopen() = 0;
};

/// A name for test output, and how to make one.
struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline journal::ObjectKey mission(std::string name, std::string ns = "default") {
  return {.kind = journal::Kind::Mission, .ns = Namespace(std::move(ns)), .name = std::move(name)};
}

inline journal::ObjectKey workflow(std::string name, std::string ns = "default") {
  return {.kind = journal::Kind::Workflow, .ns = Namespace(std::move(ns)), .name = std::move(name)};
}

/// Builds commits that follow one another, the way the kernel's only writer does.
class JournalWriter {
 public:
  JournalWriter() = default;

  explicit JournalWriter(const Head& head) : chain_(head.chain), last_(head.revision) {}

  /// Adds the next event to `commit` and returns its revision.
  Revision add_event(Commit& commit, const journal::ObjectKey& key, std::string data = "{}") {
    last_ = last_.next();
    commit.events.push_back(
        {.revision = last_,
         .at = from_unix_millis(1'700'000'000'000 + static_cast<std::int64_t>(last_.value())),
         .object = key,
         .uid = Uid(concat("uid-", key.name)),
         .type = "test.happened",
         .actor = Principal("user:alice"),
         .correlation = CorrelationId("request-1"),
         .data = std::move(data),
         .chain = {}}
    );
    chain_.link(commit.events.back());
    return last_;
  }

  /// Adds an event and the row it leads to.
  Revision add(Commit& commit, const journal::ObjectKey& key, std::string body, bool live = true) {
    const Revision revision = add_event(commit, key);
    commit.rows.push_back(
        {.key = key,
         .uid = Uid(concat("uid-", key.name)),
         .revision = revision,
         .live = live,
         .body = std::move(body)}
    );
    return revision;
  }

  Commit one(const journal::ObjectKey& key, std::string body, bool live = true) {
    Commit commit;
    add(commit, key, std::move(body), live);
    return commit;
  }

  Revision last() const { return last_; }

 private:
  journal::Chain chain_;
  Revision last_;
};

/// The suite that every store passes; see store_contract_test.cc.
class StoreContract : public ::testing::TestWithParam<StoreKind> {
 protected:
  StoreContract() : subject_(GetParam().make()) {}

  Store& store() { return subject_->store(); }

  void reopen() { subject_->reopen(); }

  void commit(const Commit& commit) {
    const Result<void> stored = store().commit(commit);
    ASSERT_TRUE(stored.ok()) << stored.error().describe();
  }

  /// Commits one event and one row; returns the revision.
  Revision put(const journal::ObjectKey& key, std::string body = "{}", bool live = true) {
    commit(writer_.one(key, std::move(body), live));
    return writer_.last();
  }

  std::string body_of(const journal::ObjectKey& key) {
    const Result<std::optional<Row>> row = store().get(key);
    EXPECT_TRUE(row.ok());
    return row.ok() && row->has_value() ? (*row)->body : "absent";
  }

  std::vector<std::string> listed(const RowQuery& query) {
    std::vector<std::string> names;
    const Result<std::vector<ListedRow>> rows = store().list(query);
    EXPECT_TRUE(rows.ok()) << rows.error().describe();
    for (const ListedRow& listed : *rows) {
      names.push_back(listed.row.key.name);
    }
    return names;
  }

  std::vector<std::uint64_t> revisions(const EventQuery& query) {
    std::vector<std::uint64_t> found;
    const Result<std::vector<journal::Event>> events = store().events(query);
    EXPECT_TRUE(events.ok()) << events.error().describe();
    for (const journal::Event& event : *events) {
      found.push_back(event.revision.value());
    }
    return found;
  }

  std::vector<std::string> live_names() {
    std::vector<std::string> names;
    const Result<void> scanned = store().each_live_row([&](const Row& row) -> Result<void> {
      names.push_back(row.key.name);
      return {};
    });
    EXPECT_TRUE(scanned.ok());
    return names;
  }

  /// "owner/key@due" in the store's order.
  std::vector<std::string> timers() {
    std::vector<std::string> found;
    const Result<void> scanned = store().each_timer([&](const Timer& timer) -> Result<void> {
      found.push_back(concat(timer.owner.name, "/", timer.key, "@", to_unix_millis(timer.due)));
      return {};
    });
    EXPECT_TRUE(scanned.ok());
    return found;
  }

  void arm(const journal::ObjectKey& owner, std::string key, std::int64_t due) {
    Commit commit;
    commit.timers.push_back({.owner = owner, .key = std::move(key), .due = from_unix_millis(due)});
    this->commit(commit);
  }

  void disarm(const journal::ObjectKey& owner, std::string key) {
    Commit commit;
    commit.timers.push_back({.owner = owner, .key = std::move(key), .due = std::nullopt});
    this->commit(commit);
  }

  JournalWriter& writer() { return writer_; }

 private:
  std::unique_ptr<StoreUnderTest> subject_;
  JournalWriter writer_;
};

}  // namespace reeve::store
