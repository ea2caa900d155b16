// Commits per second of the SQLite store, fsync included.
//
//   store_commit [directory]      (default: the current one; what is measured is its disk)
//
// First table: batches of turns with one event and one row each. Second table: batches of whole
// missions, eight events and one new row each; with inputs and timers as the kernel writes them.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/strings.h"
#include "store/sqlite/sqlite_store.h"

namespace {

using namespace reeve;         // NOLINT
using namespace reeve::store;  // NOLINT

constexpr std::size_t kEventDataBytes = 200;
constexpr std::size_t kRowBytes = 700;
constexpr double kSecondsPerRow = 3.0;

struct Shape {
  const char* name;
  std::uint64_t events_per_object;
  /// 0: every commit makes new objects; else this many objects, taken in turn.
  std::uint64_t objects;
  bool inputs_and_timers;
};

std::string json_of(std::size_t size) {
  std::string text = "{\"text\":\"";
  text.append(size - text.size() - 2, 'x');
  text.append("\"}");
  return text;
}

class Load {
 public:
  explicit Load(const Shape& shape) : shape_(shape) {}

  Commit next(std::uint64_t batch) {
    Commit commit;
    commit.events.reserve(batch * shape_.events_per_object);
    for (std::uint64_t index = 0; index < batch; ++index) {
      const std::uint64_t object = shape_.objects == 0 ? turn_ : turn_ % shape_.objects;
      add_turn(commit, object);
      ++turn_;
    }
    return commit;
  }

 private:
  void add_turn(Commit& commit, std::uint64_t object) {
    // Scattered names: neither creation order nor key order of the other.
    const journal::ObjectKey key{
        .kind = journal::Kind::Mission,
        .ns = Namespace("default"),
        .name = concat("m-", object * 7919 % 1'000'003, "-", object)};
    for (std::uint64_t index = 0; index < shape_.events_per_object; ++index) {
      revision_ = revision_.next();
      commit.events.push_back(
          {.revision = revision_,
           .at = from_unix_millis(1'700'000'000'000 + static_cast<std::int64_t>(turn_)),
           .object = key,
           .uid = Uid(concat("0000000000000000", object)),
           .type = "mission.transitioned",
           .actor = Principal("user:alice"),
           .correlation = CorrelationId(concat("request-", turn_)),
           .data = data_,
           .chain = {}}
      );
      chain_.link(commit.events.back());
    }
    commit.rows.push_back(
        {.key = key,
         .uid = Uid(concat("0000000000000000", object)),
         .revision = revision_,
         .live = true,
         .body = body_}
    );
    if (shape_.inputs_and_timers) {
      const Timestamp due = from_unix_millis(1'700'000'000'000 + static_cast<std::int64_t>(turn_));
      commit.timers.push_back({.owner = key, .key = "deadline", .due = due});
      commit.inputs.push_back(
          {.id = InputId(concat("input-", turn_ * 7919 % 1'000'003, "-", turn_)),
           .revision = revision_,
           .expires_at = due,
           .subject = key.name}
      );
    }
  }

  Shape shape_;
  journal::Chain chain_;
  Revision revision_;
  std::uint64_t turn_ = 0;
  const std::string data_ = json_of(kEventDataBytes);
  const std::string body_ = json_of(kRowBytes);
};

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.describe().c_str());
  std::exit(1);
}

void measure(const std::filesystem::path& directory, const Shape& shape, std::uint64_t batch) {
  const std::filesystem::path path = directory / "store_commit_bench.db";
  std::filesystem::remove(path);
  {
    Result<std::unique_ptr<SqliteStore>> store = SqliteStore::open(path.string());
    if (!store.ok()) {
      fail(store.error());
    }
    Load load(shape);
    std::vector<double> times;
    double busy = 0;
    double cpu = 0;
    while (busy < kSecondsPerRow) {
      const Commit commit = load.next(batch);
      const double cpu_before = cpu_seconds();
      const double before = wall_seconds();
      const Result<void> stored = (*store)->commit(commit);
      times.push_back(wall_seconds() - before);
      cpu += cpu_seconds() - cpu_before;
      busy += times.back();
      if (!stored.ok()) {
        fail(stored.error());
      }
    }
    std::sort(times.begin(), times.end());
    const double turns = static_cast<double>(times.size()) * static_cast<double>(batch);
    std::printf(
        "%-28s %6llu %12.0f %10.1f %10.2f %10.2f\n",
        shape.name,
        static_cast<unsigned long long>(batch),
        turns / busy,
        cpu / turns * 1e6,
        times[times.size() / 2] * 1e3,
        times[times.size() * 99 / 100] * 1e3
    );
    std::fflush(stdout);
  }
  std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path directory = argc > 1 ? argv[1] : ".";
  const Shape shapes[] = {
      {"turn: 1 event, 1 row", 1, 10'000, false},
      {"mission: 8 events, new row", 8, 0, false},
      {"mission, input and timer", 8, 0, true},
  };
  std::printf(
      "%-28s %6s %12s %10s %10s %10s\n", "load", "batch", "per second", "CPU us", "p50 ms", "p99 ms"
  );
  for (const Shape& shape : shapes) {
    for (const std::uint64_t batch : {1U, 8U, 64U, 512U}) {
      measure(directory, shape, batch);
    }
  }
  return 0;
}
