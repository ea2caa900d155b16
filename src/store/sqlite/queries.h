#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "store/ports.h"
#include "store/sqlite/connection.h"

// The reads of the port, each on one connection and one snapshot. Threading: as the connection.
namespace reeve::store::sqlite {

/// As the functions of `Reader` with the same names.
Result<Head> read_head(Connection& connection);
Result<std::optional<Row>> read_row(Connection& connection, const journal::ObjectKey& key);
Result<std::vector<ListedRow>> list_rows(Connection& connection, const RowQuery& query);
Result<std::vector<journal::Event>> read_events(Connection& connection, const EventQuery& query);
Result<void> each_live_row(Connection& connection, const std::function<Result<void>(Row)>& visit);
Result<void> each_row(Connection& connection, const std::function<Result<void>(Row)>& visit);
Result<void> each_timer(Connection& connection, const std::function<Result<void>(Timer)>& visit);
Result<std::optional<InputRecord>> find_input(Connection& connection, const InputId& id);
Result<std::uint64_t> count_ended(Connection& connection, std::string_view tally, Revision up_to);

/// Corrupt: the recorded head is not the last event of the journal.
Result<void> check_head(Connection& connection);

}  // namespace reeve::store::sqlite
