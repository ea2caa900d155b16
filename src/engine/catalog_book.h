#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/book.h"
#include "engine/catalog.h"
#include "workflow/trigger/evaluate.h"
#include "workflow/workflow.h"

namespace reeve::engine {

/// All deployed workflows of all namespaces: their versions, whether they are enabled, and their
/// triggers. What triggers wait for, and what they make, is of their namespace. Commands:
///
/// Runs may only fire.
///
///     apply    {source}                       deploys a text; the same text again changes nothing
///     disable, enable  {}                     a disabled workflow makes no missions
///     delete   {}                             it is deployed no more, its triggers rest; its
///                                             versions stay for the missions that use them
///     fire     {trigger, data, at?, key?, message?}
///                                             something happened that a trigger waits for; the
///                                             message of a channel ({channel, group, sequence,
///                                             token}) is acknowledged in the same commit; an
///                                             error if the trigger or the submission failed, or
///                                             if it came too early for the rate limit
///
/// A tick of a cron trigger is a timer of the workflow. The turn that takes it makes the mission
/// and arms the next tick, so that both are stored or none.
///
/// Threading: engine loop, or one thread for an audit.
class CatalogBook final : public Book {
 public:
  journal::Kind kind() const override { return journal::Kind::Workflow; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;
  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;

  /// The version that is deployed, or the one of that version (or of digests that begin like that)
  /// if one is given. Disabled ones too.
  std::optional<Digest> deployed(
      const Namespace& ns, std::string_view workflow, std::string_view version
  ) const override;

  bool is_disabled(const Namespace& ns, std::string_view workflow) const override;

  const Deployed* find(const Namespace& ns, std::string_view workflow) const;

 private:
  const Deployed* find(const journal::ObjectKey& key) const { return find(key.ns, key.name); }

  const Deployed& at(const journal::ObjectKey& key) const {
    return deployed_.at(key.ns).at(key.name);
  }

  Result<Reply> apply_text(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> set_enabled(const ObjectCommand& command, bool enabled, BookTurn& turn);
  Result<Reply> remove(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> fire(const ObjectCommand& command, BookTurn& turn);
  Result<const Deployed*> deployed_by(const journal::ObjectKey& key) const;
  void arm_all(const journal::ObjectKey& key, BookTurn& turn);
  void arm(
      const journal::ObjectKey& key,
      const std::string& trigger,
      std::optional<Timestamp> due,
      BookTurn& turn
  );
  void disarm_all(const journal::ObjectKey& key, BookTurn& turn);
  void emit(const journal::ObjectKey& key, const CatalogEvent& event, BookTurn& turn);
  trigger::Outcome make_mission(
      const journal::ObjectKey& key,
      const std::shared_ptr<const workflow::Workflow>& workflow,
      const workflow::Trigger& trigger,
      const trigger::Occurrence& occurrence,
      std::optional<Timestamp> tick,
      BookTurn& turn,
      std::string* mission
  );

  void drop(const journal::ObjectKey& key);

  std::map<Namespace, std::map<std::string, Deployed, std::less<>>> deployed_;
  /// Those that were deleted, until their last rows are stored.
  std::map<journal::ObjectKey, Uid> deleted_;
};

}  // namespace reeve::engine
