#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "journal/event.h"
#include "store/ports.h"

namespace reeve::kernel {

/// What an audit found to be in order.
struct AuditReport {
  std::uint64_t events = 0;
  std::uint64_t missions = 0;
  std::uint64_t workflows = 0;
  Revision last;
  Sha256Bytes head{};
};

/// Folds events into rows, from the first event on, without looking at any stored row.
///
/// Threading: one thread.
class Fold {
 public:
  explicit Fold(engine::WorkflowLoader loader);
  ~Fold();

  /// Corrupt: the event is of an unknown type, or does not fit what came before it.
  Result<void> apply(const journal::Event& event);

  /// The row of an object as the events give it; NotFound if no event made it.
  Result<std::string> body(const journal::ObjectKey& key) const;

  /// The row of a mission that there is, as earlier versions wrote it (engine::RowForm).
  std::string earlier_body(const MissionName& name) const;

  /// The mission as the events give it; null if no event made it.
  const model::Mission* mission(const MissionName& name) const;

  /// Every object that some event made.
  std::set<journal::ObjectKey> objects() const;

  /// Whether an object that some event made has a life ahead.
  bool is_live(const journal::ObjectKey& key) const;

  /// Whether the uid and the revision of a row are those that its events give.
  bool is_beside(const store::Row& row) const;

  /// How many objects of a kind there are.
  std::uint64_t count(journal::Kind kind) const;

 private:
  struct Folded {
    model::Mission mission;
    std::shared_ptr<const workflow::Workflow> workflow;
  };

  engine::Book* book_of(const journal::ObjectKey& key) const;
  Result<void> apply_workflow(const journal::Event& event);
  Result<void> apply_mission(const journal::Event& event);

  engine::WorkflowLoader loader_;
  std::map<Digest, std::shared_ptr<const workflow::Workflow>> workflows_;
  std::map<journal::ObjectKey, std::string> workflow_rows_;
  std::map<MissionName, Folded> missions_;
  std::vector<std::unique_ptr<engine::Book>> books_;
};

/// Proves a store: the hash chain of its journal is whole, it ends where the store says it ends,
/// and folding it gives exactly the stored rows.
///
/// Corrupt: names the first bad event or row.
Result<AuditReport> audit(store::Reader& reader, const engine::WorkflowLoader& loader);

}  // namespace reeve::kernel
