#include "kernel/audit.h"

#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/events.h"
#include "engine/mission_codec.h"
#include "engine/mission_machine.h"

namespace reeve::kernel {

namespace {

constexpr std::uint32_t kPage = 5000;

Error corrupt(std::string message, std::string subject) {
  return make_error(ErrorCode::Corrupt, std::move(message), std::move(subject));
}

std::string subject_of(const journal::Event& event) {
  return concat("event ", event.revision.value());
}

std::string subject_of(const journal::ObjectKey& key) {
  return concat(to_string(key.kind), " ", key.ns.view(), "/", key.name);
}

/// Compares the row with its events: the body, and what is kept beside it. A mission that is not
/// marked as live would never be taken up again. A row that nothing has changed since an earlier
/// version wrote it is in the form of that version.
Result<void> check_row(const Fold& fold, const store::Row& row) {
  REEVE_TRY(const std::string expected, fold.body(row.key));
  bool same = expected == row.body;
  if (row.key.kind == journal::Kind::Mission) {
    const MissionName name = engine::mission_of(row.key);
    const model::Mission& mission = *fold.mission(name);
    same = same || fold.earlier_body(name) == row.body;
    same = same && row.uid == mission.uid && row.revision == mission.revision;
  } else {
    // Rows of these kinds do not repeat what stands beside them.
    same = same && fold.is_beside(row);
  }
  same = same && row.live == fold.is_live(row.key);
  return same ? Result<void>()
              : corrupt("the stored row is not what its events give", subject_of(row.key));
}

}  // namespace

Fold::Fold(engine::WorkflowLoader loader)
    : loader_(std::move(loader)), books_(engine::make_books()) {}

Fold::~Fold() = default;

engine::Book* Fold::book_of(const journal::ObjectKey& key) const {
  for (const std::unique_ptr<engine::Book>& book : books_) {
    if (book->kind() == key.kind && !engine::is_workflow_version(key)) {
      return book.get();
    }
  }
  return nullptr;
}

Result<void> Fold::apply(const journal::Event& event) {
  if (engine::Book* book = book_of(event.object)) {
    Result<void> applied = book->apply(event);
    return applied ? applied : corrupt(applied.error().describe(), subject_of(event));
  }
  if (event.object.kind != journal::Kind::Workflow && event.object.kind != journal::Kind::Mission) {
    return corrupt("this program knows no objects of that kind", subject_of(event));
  }
  return event.object.kind == journal::Kind::Workflow ? apply_workflow(event)
                                                      : apply_mission(event);
}

Result<void> Fold::apply_workflow(const journal::Event& event) {
  if (event.type != "workflow.registered") {
    return corrupt(concat("unknown type of event \"", event.type, "\""), subject_of(event));
  }
  REEVE_TRY(const Json row, parse_json(event.data));
  const Json* spec = row.find("spec");
  if (spec == nullptr) {
    return corrupt("the workflow has no spec", subject_of(event));
  }
  REEVE_TRY(
      std::shared_ptr<const workflow::Workflow> workflow, loader_(spec->get_string("source"))
  );
  const std::string digest = spec->get_string("digest");
  if (workflow->digest.view() != digest) {
    return corrupt("the workflow's text does not have its digest", subject_of(event));
  }
  workflows_[Digest(digest)] = std::move(workflow);
  workflow_rows_[event.object] = event.data;
  return {};
}

Result<void> Fold::apply_mission(const journal::Event& event) {
  const MissionName name = engine::mission_of(event.object);
  auto found = missions_.find(name);
  if (event.type == "mission.created") {
    if (found != missions_.end()) {
      return corrupt("the mission was created before", subject_of(event));
    }
    REEVE_TRY(const Json data, parse_json(event.data));
    const auto workflow = workflows_.find(Digest(data.get_string("digest")));
    if (workflow == workflows_.end()) {
      return corrupt("the mission's workflow was not registered before it", subject_of(event));
    }
    Folded folded;
    folded.workflow = workflow->second;
    folded.mission.name = name;
    folded.mission.uid = event.uid;
    folded.mission.correlation = event.correlation;
    found = missions_.emplace(name, std::move(folded)).first;
  }
  if (found == missions_.end() || found->second.mission.deleted) {
    return corrupt("the mission was not created before, or was deleted", subject_of(event));
  }
  Folded& folded = found->second;
  Result<engine::MissionEvent> decoded =
      engine::decode(event.type, event.data, *folded.workflow, event.object.ns);
  if (!decoded) {
    return corrupt(decoded.error().describe(), subject_of(event));
  }
  if (const auto* move = std::get_if<engine::MissionTransitioned>(&*decoded);
      move != nullptr &&
      (move->from != folded.mission.state || !engine::is_legal(move->from, move->to))) {
    return corrupt(
        concat(
            "illegal transition from ", to_string(folded.mission.state), " to ", to_string(move->to)
        ),
        subject_of(event)
    );
  }
  if (std::holds_alternative<engine::MissionDeleted>(*decoded) &&
      !is_terminal(folded.mission.state)) {
    return corrupt("the mission was deleted before it had ended", subject_of(event));
  }
  engine::apply(folded.mission, *decoded, event.revision, event.at);
  if (const auto* extended = std::get_if<engine::MissionExtended>(&*decoded)) {
    const auto workflow = workflows_.find(extended->workflow);
    if (workflow == workflows_.end() ||
        workflow->second->tasks.size() != folded.mission.tasks.size()) {
      return corrupt("the mission was extended by something unknown", subject_of(event));
    }
    folded.workflow = workflow->second;
  }
  return {};
}

Result<std::string> Fold::body(const journal::ObjectKey& key) const {
  if (const engine::Book* book = book_of(key); book != nullptr && !book->uid_of(key).empty()) {
    std::string text;
    book->encode(key, text);
    return text;
  }
  if (key.kind == journal::Kind::Workflow) {
    const auto found = workflow_rows_.find(key);
    if (found != workflow_rows_.end()) {
      return found->second;
    }
  } else {
    const auto found = missions_.find(engine::mission_of(key));
    if (found != missions_.end()) {
      std::string text;
      if (found->second.mission.deleted) {
        engine::encode_deleted("reeve.dev/v1", "Mission", key, found->second.mission.uid, text);
        return text;
      }
      engine::encode_mission(found->second.mission, *found->second.workflow, text);
      return text;
    }
  }
  return make_error(ErrorCode::NotFound, "no event made this object", subject_of(key));
}

std::string Fold::earlier_body(const MissionName& name) const {
  const Folded& folded = missions_.at(name);
  std::string text;
  engine::encode_mission(folded.mission, *folded.workflow, text, engine::RowForm::WithoutPast);
  return text;
}

const model::Mission* Fold::mission(const MissionName& name) const {
  const auto found = missions_.find(name);
  return found == missions_.end() ? nullptr : &found->second.mission;
}

std::set<journal::ObjectKey> Fold::objects() const {
  std::set<journal::ObjectKey> keys;
  for (const auto& [name, folded] : missions_) {
    keys.insert(engine::mission_key(name));
  }
  for (const auto& [key, row] : workflow_rows_) {
    keys.insert(key);
  }
  for (const std::unique_ptr<engine::Book>& book : books_) {
    for (journal::ObjectKey& key : book->keys()) {
      keys.insert(std::move(key));
    }
  }
  return keys;
}

bool Fold::is_live(const journal::ObjectKey& key) const {
  if (key.kind == journal::Kind::Mission) {
    const model::Mission* found = mission(engine::mission_of(key));
    return found != nullptr && !is_terminal(found->state);
  }
  std::string ignored;
  const engine::Book* book = book_of(key);
  return book == nullptr || book->encode(key, ignored);
}

bool Fold::is_beside(const store::Row& row) const {
  const engine::Book* book = book_of(row.key);
  if (book == nullptr || !book->has_links()) {
    return true;
  }
  const Revision revision = book->revision_of(row.key);
  return row.uid == book->uid_of(row.key) && (revision == Revision() || revision == row.revision);
}

std::uint64_t Fold::count(journal::Kind kind) const {
  return kind == journal::Kind::Workflow ? workflow_rows_.size() : missions_.size();
}

Result<AuditReport> audit(store::Reader& reader, const engine::WorkflowLoader& loader) {
  // The end is read first: what is committed meanwhile is left to the next audit.
  REEVE_TRY(const store::Head head, reader.head());
  journal::ChainVerifier verifier;
  Fold fold(loader);
  AuditReport report;
  store::EventQuery query;
  query.limit = kPage;
  while (verifier.last() < head.revision) {
    query.after = verifier.last();
    REEVE_TRY(const std::vector<journal::Event> events, reader.events(query));
    for (const journal::Event& event : events) {
      if (verifier.last() == head.revision) {
        break;
      }
      REEVE_CHECK(verifier.check(event));
      REEVE_CHECK(fold.apply(event));
      ++report.events;
    }
    if (events.empty()) {
      return corrupt(
          concat(
              "the journal ends at event ",
              verifier.last().value(),
              ", the store says ",
              head.revision.value()
          ),
          "journal"
      );
    }
  }
  if (verifier.head() != head.chain) {
    return corrupt(
        "the last event is not the one the store names as its end",
        concat("event ", head.revision.value())
    );
  }
  std::set<journal::ObjectKey> missing = fold.objects();
  REEVE_CHECK(reader.each_row([&](const store::Row& row) -> Result<void> {
    missing.erase(row.key);
    if (row.revision > head.revision) {
      return {};
    }
    return check_row(fold, row);
  }));
  if (!missing.empty()) {
    return corrupt("the row is missing; its events are there", subject_of(*missing.begin()));
  }
  report.missions = fold.count(journal::Kind::Mission);
  report.workflows = fold.count(journal::Kind::Workflow);
  report.last = head.revision;
  report.head = head.chain;
  return report;
}

}  // namespace reeve::kernel
