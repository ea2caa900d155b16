#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

/// Kinds of `fractal.ai/v1alpha1` in terms of ours. Pure; any thread.
///
/// Shard: a Mission of one task, which carries out the deployed Workflow that the agent is called.
/// ShardRun: the last attempt at that task; read only.
/// BudgetQuota: a BudgetQuota; amounts may have a `$` there.
/// BlackboardEntry: a BlackboardEntry; who wrote it, and when, is said by the system.
///
/// What their objects look like is in the contracts, `api/fractal`.
namespace reeve::api::fractal {

inline constexpr std::string_view kGroup = "fractal.ai";
inline constexpr std::string_view kVersion = "v1alpha1";

/// Missions that are Shards have this label. It is not shown.
inline constexpr std::string_view kKindLabel = "fractal.ai/kind";

enum class Shape { Shard, ShardRun, BudgetQuota, BlackboardEntry };

struct Kind {
  Shape shape;
  std::string_view kind;
  std::string_view our_kind;
  std::string_view our_plural;
};

/// Null: no kind of theirs that has a counterpart here.
const Kind* find_kind(std::string_view group, std::string_view kind);

/// Whether what clients have said about a mission makes it a Shard.
bool is_shard(const Json& mission_metadata);

/// The object as it is written here. `current` is ours as it is, null for a new one: what their
/// shape has no word for stays as it is there. Invalid: something that has no counterpart; the
/// subject is the field.
Result<Json> to_ours(const Kind& kind, const Json& object, const Json* current = nullptr);

/// Our object in their shape, metadata included.
Json from_ours(const Kind& kind, const Json& object);

/// Puts what the server says inside of a spec back, as it is in `before`.
void put_back(const Kind& kind, const Json& before, Json& after);

/// Why an object of a kind that has no counterpart is refused, and the field that says that it is
/// one.
struct Refusal {
  std::string_view field;
  std::string_view message;
};

/// Null: the kind is served.
const Refusal* refusal_of(std::string_view group, std::string_view kind);

}  // namespace reeve::api::fractal
