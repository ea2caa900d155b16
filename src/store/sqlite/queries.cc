#include "store/sqlite/queries.h"

#include <deque>
#include <limits>
#include <utility>

#include "base/strings.h"

namespace reeve::store::sqlite {

namespace {

#define REEVE_ROW_COLUMNS "kind, namespace, name, uid, revision, live, body, created"
#define REEVE_EVENT_COLUMNS \
  "revision, at, kind, namespace, name, uid, type, actor, correlation, chain, data"

constexpr std::string_view kGetRow =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object WHERE kind = ?1 AND namespace = ?2 AND name = ?3 AND body IS NOT NULL";
// The indexes are named so that the database can never decide to sort a table instead.
constexpr std::string_view kList =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_by_age "
    "WHERE kind = ?1 AND created < ?2 AND body IS NOT NULL ORDER BY created DESC LIMIT ?3";
constexpr std::string_view kListNamespace =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_by_namespace "
    "WHERE kind = ?1 AND created < ?2 AND body IS NOT NULL AND namespace = ?4 "
    "ORDER BY created DESC LIMIT ?3";
constexpr std::string_view kListLive =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_live "
    "WHERE live = 1 AND kind = ?1 AND created < ?2 AND body IS NOT NULL "
    "ORDER BY created DESC LIMIT ?3";
constexpr std::string_view kListLiveNamespace =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_live "
    "WHERE live = 1 AND kind = ?1 AND created < ?2 AND body IS NOT NULL AND namespace = ?4 "
    "ORDER BY created DESC LIMIT ?3";
constexpr std::string_view kEachLiveRow =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_live WHERE live = 1 AND body IS NOT NULL ORDER BY created";
constexpr std::string_view kEachRowOfKind =
    "SELECT " REEVE_ROW_COLUMNS
    " FROM object INDEXED BY object_by_key WHERE kind = ?1 AND body IS NOT NULL "
    "ORDER BY namespace, name";
constexpr std::string_view kEventsAfter =
    "SELECT " REEVE_EVENT_COLUMNS " FROM event WHERE revision > ?1 ORDER BY revision LIMIT ?2";
constexpr std::string_view kEventAt =
    "SELECT " REEVE_EVENT_COLUMNS " FROM event WHERE revision = ?1";
constexpr std::string_view kLastEventOfObject =
    "SELECT last_event FROM object WHERE kind = ?1 AND namespace = ?2 AND name = ?3";
constexpr std::string_view kPreviousEvent = "SELECT previous FROM event WHERE revision = ?1";
constexpr std::string_view kEachTimer =
    "SELECT kind, namespace, name, key, due FROM timer INDEXED BY timer_by_due "
    "ORDER BY due, kind, namespace, name, key";
constexpr std::string_view kFindInput =
    "SELECT revision, expires_at, subject FROM input WHERE id = ?1";
constexpr std::string_view kCountEnded =
    "SELECT count(*) FROM object INDEXED BY object_by_tally "
    "WHERE tally = ?1 AND revision <= ?2 AND live = 0 AND tally IS NOT NULL";
constexpr std::string_view kHead = "SELECT head_revision, head_chain FROM meta WHERE id = 1";
constexpr std::string_view kHeadAndLastEvent =
    "SELECT meta.head_revision, meta.head_chain, event.revision, event.chain FROM meta "
    "LEFT JOIN event ON event.revision = (SELECT max(revision) FROM event) WHERE meta.id = 1";

#undef REEVE_ROW_COLUMNS
#undef REEVE_EVENT_COLUMNS

Error corrupt(std::string message) {
  Error error = make_error(ErrorCode::Corrupt, std::move(message), "store");
  error.hint = "restore the store from a backup";
  return error;
}

Revision revision_in(const Statement& statement, int column) {
  return Revision(static_cast<std::uint64_t>(statement.integer(column)));
}

std::int64_t number(Revision revision) {
  return static_cast<std::int64_t>(revision.value());
}

/// Reads kind, namespace and name from three columns.
Result<journal::ObjectKey> key_in(const Statement& statement, int column) {
  const std::string kind_name = statement.text(column);
  const Result<journal::Kind> kind = journal::parse_kind(kind_name);
  if (!kind.ok()) {
    return corrupt(concat("an object of the unknown kind \"", kind_name, "\" is stored"));
  }
  return journal::ObjectKey{
      .kind = *kind,
      .ns = Namespace(statement.text(column + 1)),
      .name = statement.text(column + 2)};
}

void bind_key(Statement& statement, const journal::ObjectKey& key) {
  statement.bind(1, journal::to_string(key.kind));
  statement.bind(2, key.ns.view());
  statement.bind(3, key.name);
}

Result<Row> row_in(const Statement& statement) {
  REEVE_TRY(journal::ObjectKey key, key_in(statement, 0));
  return Row{
      .key = std::move(key),
      .uid = Uid(statement.text(3)),
      .revision = revision_in(statement, 4),
      .live = statement.integer(5) != 0,
      .body = statement.text(6)};
}

Result<journal::Event> event_in(const Statement& statement) {
  journal::Event event;
  event.revision = revision_in(statement, 0);
  event.at = from_unix_millis(statement.integer(1));
  REEVE_TRY(event.object, key_in(statement, 2));
  event.uid = Uid(statement.text(5));
  event.type = statement.text(6);
  event.actor = Principal(statement.text(7));
  event.correlation = CorrelationId(statement.text(8));
  REEVE_TRY(event.chain, statement.sha256(9));
  event.data = statement.text(10);
  return event;
}

Result<std::vector<journal::Event>> events_after(
    Connection& connection, Revision after, std::uint32_t limit
) {
  REEVE_TRY(Statement * statement, connection.cached(kEventsAfter));
  const StatementScope scope(*statement);
  statement->bind(1, number(after));
  statement->bind(2, static_cast<std::int64_t>(limit));
  std::vector<journal::Event> events;
  for (;;) {
    REEVE_TRY(const bool more, statement->step());
    if (!more) {
      return events;
    }
    REEVE_TRY(journal::Event event, event_in(*statement));
    events.push_back(std::move(event));
  }
}

Result<Revision> last_event_of(Connection& connection, const journal::ObjectKey& key) {
  REEVE_TRY(Statement * statement, connection.cached(kLastEventOfObject));
  const StatementScope scope(*statement);
  bind_key(*statement, key);
  REEVE_TRY(const bool found, statement->step());
  return found ? revision_in(*statement, 0) : Revision(0);
}

Result<Revision> event_before(Connection& connection, Revision revision) {
  REEVE_TRY(Statement * statement, connection.cached(kPreviousEvent));
  const StatementScope scope(*statement);
  statement->bind(1, number(revision));
  REEVE_TRY(const bool found, statement->step());
  if (!found) {
    return corrupt(concat("revision ", revision.value(), " of the journal is missing"));
  }
  const Revision previous = revision_in(*statement, 0);
  if (previous >= revision) {
    return corrupt(
        concat("revision ", revision.value(), " names revision ", previous.value(), " as earlier")
    );
  }
  return previous;
}

/// The first (or last) `limit` revisions of the object after `after`, found from the newest
/// backwards.
Result<std::deque<Revision>> history_of(Connection& connection, const EventQuery& query) {
  std::deque<Revision> found;
  REEVE_TRY(Revision revision, last_event_of(connection, *query.object));
  while (revision > query.after) {
    if (query.newest && found.size() == query.limit) {
      break;
    }
    found.push_front(revision);
    if (found.size() > query.limit) {
      found.pop_back();
    }
    REEVE_TRY(revision, event_before(connection, revision));
  }
  return found;
}

Result<std::vector<journal::Event>> events_of_object(
    Connection& connection, const EventQuery& query
) {
  REEVE_TRY(const ReadTransaction snapshot, ReadTransaction::begin(connection));
  REEVE_TRY(const std::deque<Revision> history, history_of(connection, query));
  std::vector<journal::Event> events;
  events.reserve(history.size());
  REEVE_TRY(Statement * statement, connection.cached(kEventAt));
  for (const Revision revision : history) {
    const StatementScope scope(*statement);
    statement->bind(1, number(revision));
    REEVE_TRY(const bool found, statement->step());
    if (!found) {
      return corrupt(concat("revision ", revision.value(), " of the journal is missing"));
    }
    REEVE_TRY(journal::Event event, event_in(*statement));
    if (event.object != *query.object) {
      return corrupt(concat(
          "revision ",
          revision.value(),
          " is in the history of \"",
          query.object->name,
          "\", but belongs to \"",
          event.object.name,
          "\""
      ));
    }
    events.push_back(std::move(event));
  }
  return events;
}

Result<void> visit_rows(Statement& statement, const std::function<Result<void>(Row)>& visit) {
  const StatementScope scope(statement);
  for (;;) {
    REEVE_TRY(const bool more, statement.step());
    if (!more) {
      return {};
    }
    REEVE_TRY(Row row, row_in(statement));
    REEVE_CHECK(visit(std::move(row)));
  }
}

}  // namespace

Result<Head> read_head(Connection& connection) {
  REEVE_TRY(Statement * statement, connection.cached(kHead));
  const StatementScope scope(*statement);
  REEVE_TRY(const bool found, statement->step());
  if (!found) {
    return corrupt("the table meta is empty");
  }
  REEVE_TRY(const Sha256Bytes chain, statement->sha256(1));
  return Head{.revision = revision_in(*statement, 0), .chain = chain};
}

Result<std::optional<Row>> read_row(Connection& connection, const journal::ObjectKey& key) {
  REEVE_TRY(Statement * statement, connection.cached(kGetRow));
  const StatementScope scope(*statement);
  bind_key(*statement, key);
  REEVE_TRY(const bool found, statement->step());
  if (!found) {
    return std::optional<Row>();
  }
  REEVE_TRY(Row row, row_in(*statement));
  return std::optional<Row>(std::move(row));
}

Result<std::vector<ListedRow>> list_rows(Connection& connection, const RowQuery& query) {
  const std::string_view any = query.live_only ? kListLive : kList;
  const std::string_view one = query.live_only ? kListLiveNamespace : kListNamespace;
  REEVE_TRY(Statement * statement, connection.cached(query.ns.has_value() ? one : any));
  const StatementScope scope(*statement);
  statement->bind(1, journal::to_string(query.kind));
  statement->bind(
      2,
      query.before == Revision(0) ? std::numeric_limits<std::int64_t>::max() : number(query.before)
  );
  statement->bind(3, static_cast<std::int64_t>(query.limit));
  if (query.ns.has_value()) {
    statement->bind(4, query.ns->view());
  }
  std::vector<ListedRow> rows;
  for (;;) {
    REEVE_TRY(const bool more, statement->step());
    if (!more) {
      return rows;
    }
    REEVE_TRY(Row row, row_in(*statement));
    rows.push_back({.row = std::move(row), .created = revision_in(*statement, 7)});
  }
}

Result<std::vector<journal::Event>> read_events(Connection& connection, const EventQuery& query) {
  return query.object.has_value() ? events_of_object(connection, query)
                                  : events_after(connection, query.after, query.limit);
}

Result<void> each_live_row(Connection& connection, const std::function<Result<void>(Row)>& visit) {
  REEVE_TRY(Statement * statement, connection.cached(kEachLiveRow));
  return visit_rows(*statement, visit);
}

Result<void> each_row(Connection& connection, const std::function<Result<void>(Row)>& visit) {
  REEVE_TRY(const ReadTransaction snapshot, ReadTransaction::begin(connection));
  REEVE_TRY(Statement * statement, connection.cached(kEachRowOfKind));
  // Keys are ordered by kind in the order of the enumeration, not of the kinds' names.
  for (const journal::Kind kind : journal::kAllKinds) {
    statement->bind(1, journal::to_string(kind));
    REEVE_CHECK(visit_rows(*statement, visit));
  }
  return {};
}

Result<void> each_timer(Connection& connection, const std::function<Result<void>(Timer)>& visit) {
  REEVE_TRY(Statement * statement, connection.cached(kEachTimer));
  const StatementScope scope(*statement);
  for (;;) {
    REEVE_TRY(const bool more, statement->step());
    if (!more) {
      return {};
    }
    REEVE_TRY(journal::ObjectKey owner, key_in(*statement, 0));
    REEVE_CHECK(visit(
        {.owner = std::move(owner),
         .key = statement->text(3),
         .due = from_unix_millis(statement->integer(4))}
    ));
  }
}

Result<std::optional<InputRecord>> find_input(Connection& connection, const InputId& id) {
  REEVE_TRY(Statement * statement, connection.cached(kFindInput));
  const StatementScope scope(*statement);
  statement->bind(1, id.view());
  REEVE_TRY(const bool found, statement->step());
  if (!found) {
    return std::optional<InputRecord>();
  }
  return std::optional<InputRecord>(InputRecord{
      .id = id,
      .revision = revision_in(*statement, 0),
      .expires_at = from_unix_millis(statement->integer(1)),
      .subject = statement->text(2)});
}

Result<std::uint64_t> count_ended(Connection& connection, std::string_view tally, Revision up_to) {
  REEVE_TRY(Statement * statement, connection.cached(kCountEnded));
  const StatementScope scope(*statement);
  statement->bind(1, tally);
  statement->bind(2, static_cast<std::int64_t>(up_to.value()));
  REEVE_TRY(const bool found, statement->step());
  return found ? static_cast<std::uint64_t>(statement->integer(0)) : 0U;
}

Result<void> check_head(Connection& connection) {
  REEVE_TRY(Statement * statement, connection.cached(kHeadAndLastEvent));
  const StatementScope scope(*statement);
  REEVE_TRY(const bool found, statement->step());
  if (!found) {
    return corrupt("the table meta is empty");
  }
  Head head{.revision = revision_in(*statement, 0), .chain = {}};
  REEVE_TRY(head.chain, statement->sha256(1));
  Head last;
  if (!statement->is_null(2)) {
    last.revision = revision_in(*statement, 2);
    REEVE_TRY(last.chain, statement->sha256(3));
  }
  if (head.revision != last.revision) {
    return corrupt(concat(
        "the journal ends at revision ",
        last.revision.value(),
        ", but its recorded head is revision ",
        head.revision.value()
    ));
  }
  if (head.chain != last.chain) {
    return corrupt(concat(
        "the recorded head does not have the chain value of the last event, revision ",
        last.revision.value()
    ));
  }
  return {};
}

}  // namespace reeve::store::sqlite
