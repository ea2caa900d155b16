#include "engine/book.h"

#include "base/strings.h"
#include "engine/catalog_book.h"
#include "engine/channel_book.h"
#include "engine/credential_book.h"
#include "engine/pool_book.h"
#include "engine/setting_book.h"

namespace reeve::engine {

bool is_workflow_version(const journal::ObjectKey& key) {
  return key.kind == journal::Kind::Workflow && key.name.find('@') != std::string::npos;
}

Result<void> BookTurn::emit(
    const journal::ObjectKey& object, std::string_view type, const Json& data
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
  const Uid known = book_.uid_of(object);
  event.revision = scope_.next;
  event.at = scope_.now;
  event.object = object;
  event.uid = known.empty() ? engine_.make_uid(scope_.next) : known;
  event.type = type;
  event.actor = scope_.actor;
  event.correlation = scope_.correlation;
  const Result<void> applied = book_.apply(event);
  REEVE_ASSERT(applied.ok());
  scope_.events.push_back(std::move(event));
  scope_.next = scope_.next.next();
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
  return books;
}

}  // namespace reeve::engine
