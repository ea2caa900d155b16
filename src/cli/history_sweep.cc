#include "cli/history_sweep.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/strings.h"
#include "engine/metadata_book.h"
#include "engine/object_metadata.h"
#include "platform/posix/system.h"

namespace reeve::cli {

namespace {

struct Candidate {
  journal::ObjectKey mission;
  Uid uid;
};

/// Goes through the missions from the newest to the oldest.
class Scan {
 public:
  Scan(store::Reader& reader, const HistoryLimits& limits, Timestamp now)
      : reader_(reader), limits_(limits), now_(now) {}

  /// The oldest ones beyond the limits, newest of them first.
  Result<std::deque<Candidate>> run() {
    store::RowQuery query;
    while (true) {
      REEVE_TRY(const std::vector<store::ListedRow> page, reader_.list(query));
      for (const store::ListedRow& listed : page) {
        REEVE_CHECK(look(listed.row));
        query.before = listed.created;
      }
      if (page.size() < query.limit) {
        return std::move(found_);
      }
    }
  }

 private:
  Result<void> look(const store::Row& row) {
    if (row.live || engine::is_deleted_row(row.body)) {
      return {};
    }
    ++ended_;
    const bool too_many = limits_.missions_max > 0 && ended_ > limits_.missions_max;
    if (!too_many && limits_.age <= Duration(0)) {
      return {};
    }
    REEVE_TRY(const Json mission, parse_json(row.body));
    if (!too_many && !is_too_old(mission)) {
      return {};
    }
    REEVE_TRY(const bool needed, has_live_parent(row.key.ns, mission));
    if (!needed) {
      found_.push_back({.mission = row.key, .uid = row.uid});
    }
    if (found_.size() > kHistoryDeletesMax) {
      found_.pop_front();
    }
    return {};
  }

  bool is_too_old(const Json& mission) const {
    const Json* status = mission.find("status");
    const Result<Timestamp> ended =
        parse_timestamp(status == nullptr ? std::string() : status->get_string("endedAt"));
    return ended && now_ - *ended > limits_.age;
  }

  Result<bool> has_live_parent(const Namespace& ns, const Json& mission) const {
    const Json* spec = mission.find("spec");
    const Json* parent = spec == nullptr ? nullptr : spec->find("parent");
    if (parent == nullptr) {
      return false;
    }
    const journal::ObjectKey key{
        .kind = journal::Kind::Mission, .ns = ns, .name = parent->get_string("mission")};
    REEVE_TRY(const std::optional<store::Row> row, reader_.get(key));
    return row && row->live;
  }

  store::Reader& reader_;
  HistoryLimits limits_;
  Timestamp now_;
  std::int64_t ended_ = 0;
  std::deque<Candidate> found_;
};

}  // namespace

Result<std::size_t> trim_history(
    store::Reader& reader, const HistoryLimits& limits, Timestamp now, const DeleteMission& remove
) {
  if (!limits.any()) {
    return std::size_t{0};
  }
  REEVE_TRY(const std::deque<Candidate> found, Scan(reader, limits, now).run());
  for (auto candidate = found.rbegin(); candidate != found.rend(); ++candidate) {
    REEVE_CHECK(remove(candidate->mission, candidate->uid));
  }
  return found.size();
}

HistorySweeper::HistorySweeper(
    kernel::Loop& kernel, store::Reader& reader, HistoryLimits limits, Sweeper::Tell tell
)
    : kernel_(kernel), reader_(reader), limits_(limits) {
  if (limits_.any()) {
    sweeper_.emplace(
        std::vector<Sweeper::Sweep>{[this] {
          return sweep();
        }},
        std::move(tell),
        kHistoryPeriod
    );
  }
}

HistorySweeper::~HistorySweeper() {
  stop();
}

void HistorySweeper::stop() {
  stopping_ = true;
  if (sweeper_) {
    sweeper_->stop();
  }
}

Result<std::string> HistorySweeper::sweep() const {
  const Result<std::size_t> deleted = trim_history(
      reader_,
      limits_,
      platform::SystemClock().now(),
      [this](const journal::ObjectKey& mission, const Uid& uid) { return remove(mission, uid); }
  );
  if (!deleted) {
    // The rest comes with the next owner of the directory.
    return stopping_ ? Result<std::string>(std::string()) : deleted.error();
  }
  return *deleted == 0 ? std::string() : concat(std::uint64_t{*deleted}, " missions");
}

Result<void> HistorySweeper::remove(const journal::ObjectKey& mission, const Uid& uid) const {
  constexpr Duration kTimeout{30'000};
  if (stopping_) {
    return make_error(ErrorCode::Cancelled, "the owner stops");
  }
  Json body = Json::object();
  // What belongs to it has limits of its own.
  body.set("uid", uid.str()).set("propagationPolicy", "Orphan");
  kernel::Input input;
  input.principal = Principal("system:history");
  input.command = engine::ObjectCommand{
      .object = engine::metadata_key(mission), .verb = "delete", .body = std::move(body)};
  const Result<engine::Reply> reply = kernel_.call(std::move(input), kTimeout);
  const bool gone = !reply && reply.error().code == ErrorCode::NotFound;
  return reply || gone ? Result<void>() : reply.error();
}

}  // namespace reeve::cli
