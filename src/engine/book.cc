#include "engine/book.h"

#include "base/strings.h"
#include "engine/catalog_book.h"
#include "engine/channel_book.h"
#include "engine/credential_book.h"
#include "engine/denial_book.h"
#include "engine/endpoint_book.h"
#include "engine/incident_book.h"
#include "engine/metadata_book.h"
#include "engine/meter_book.h"
#include "engine/pool_book.h"
#include "engine/resource_book.h"
#include "engine/setting_book.h"
#include "engine/tool_call_book.h"

namespace reeve::engine {

bool is_workflow_version(const journal::ObjectKey& key) {
  return key.kind == journal::Kind::Workflow && key.name.find('@') != std::string::npos;
}

Result<void> BookTurn::emit(
    const journal::ObjectKey& object, std::string_view type, const Json& data
) {
  const Uid known = book_.uid_of(object);
  return emit(object, known.empty() ? engine_.make_uid(scope_.next) : known, type, data);
}

Result<void> BookTurn::emit_first(
    const journal::ObjectKey& object, std::string_view type, const Json& data
) {
  return emit(object, engine_.make_uid(scope_.next), type, data);
}

Result<void> BookTurn::emit(
    const journal::ObjectKey& object, const Uid& uid, std::string_view type, const Json& data
) {
  journal::Event event;
  event.data = data.dump();
  if (event.data.size() > journal::kEventDataBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "takes ",
            event.data.size(),
            " bytes as JSON, at most ",
            journal::kEventDataBytesMax,
            " are allowed"
        ),
        object.name
    );
  }
  event.revision = scope_.next;
  event.at = scope_.now;
  event.object = object;
  event.uid = uid;
  event.type = type;
  event.actor = scope_.actor;
  event.correlation = scope_.correlation;
  const Result<void> applied = book_.apply(event);
  REEVE_ASSERT(applied.ok());
  for (journal::ObjectKey& key : book_.take_also_changed()) {
    scope_.also_changed.emplace_back(std::move(key), event.revision);
  }
  scope_.events.push_back(std::move(event));
  scope_.next = scope_.next.next();
  if (book_.has_links()) {
    engine_.object_changed(object, book_.links_of(object));
  }
  return {};
}

void BookTurn::set_timer(
    const journal::ObjectKey& object, std::string key, std::optional<Timestamp> due
) {
  scope_.timers.push_back({.owner = object, .key = std::move(key), .due = due});
}

Reply BookTurn::reply(const journal::ObjectKey& object, Json detail) const {
  Reply reply;
  reply.subject = object.name;
  reply.uid = book_.uid_of(object);
  reply.revision = Revision(scope_.next.value() - 1);
  reply.detail = std::move(detail);
  return reply;
}

Result<void> Book::load_at(
    const journal::ObjectKey& key, const Json& row, Revision /*revision*/
) {
  return load(key, row);
}

const ObjectLinks* Book::links_of(const journal::ObjectKey& /*key*/) const {
  return nullptr;
}

std::vector<journal::ObjectKey> Book::keys_in(const Namespace& ns) const {
  std::vector<journal::ObjectKey> found;
  for (journal::ObjectKey& key : keys()) {
    if (key.ns == ns) {
      found.push_back(std::move(key));
    }
  }
  return found;
}

void Book::on_timer(
    const journal::ObjectKey& /*key*/, std::string_view /*timer*/, BookTurn& /*turn*/
) {}

std::optional<Digest> Book::deployed(
    const Namespace& /*ns*/, std::string_view /*workflow*/, std::string_view /*version*/
) const {
  return std::nullopt;
}

bool Book::is_disabled(const Namespace& /*ns*/, std::string_view /*workflow*/) const {
  return false;
}

void Book::configure(
    const Namespace& /*ns*/,
    std::string_view /*workflow*/,
    workflow::Configuration& /*configuration*/
) const {}

Result<void> refuse_runs(const Principal& actor, std::string_view what) {
  if (actor.view().starts_with("run:")) {
    Error error =
        make_error(ErrorCode::PermissionDenied, concat("a run may not change ", what), actor.str());
    error.hint = "do it outside of missions";
    return error;
  }
  return {};
}

void Book::recover(BookTurn& /*turn*/) {}

std::vector<std::unique_ptr<Book>> make_books() {
  std::vector<std::unique_ptr<Book>> books;
  books.push_back(std::make_unique<CatalogBook>());
  books.push_back(std::make_unique<ChannelBook>());
  books.push_back(std::make_unique<CredentialBook>());
  books.push_back(std::make_unique<SettingBook>());
  books.push_back(std::make_unique<PoolBook>());
  books.push_back(std::make_unique<DenialBook>());
  books.push_back(std::make_unique<ToolCallBook>());
  const auto ledger = std::make_shared<UsageLedger>();
  books.push_back(std::make_unique<MeterBook>(ledger));
  books.push_back(std::make_unique<UsageBook>(ledger));
  for (const ResourceKind& kind : resource_kinds()) {
    if (kind.kind == journal::Kind::Namespace) {
      books.push_back(std::make_unique<NamespaceBook>());
    } else if (kind.kind == journal::Kind::BlackboardEntry) {
      books.push_back(std::make_unique<BlackboardBook>());
    } else if (kind.kind == journal::Kind::Agent) {
      books.push_back(std::make_unique<AgentBook>());
    } else if (kind.kind == journal::Kind::Endpoint) {
      books.push_back(std::make_unique<EndpointBook>());
    } else if (kind.kind == journal::Kind::Incident) {
      books.push_back(std::make_unique<IncidentBook>());
    } else {
      books.push_back(std::make_unique<ResourceBook>(kind));
    }
  }
  books.push_back(std::make_unique<MetadataBook>());
  return books;
}

}  // namespace reeve::engine
