#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

/// Kinds of `fractal.ai/v1alpha1` in terms of ours. Pure; any thread.
///
/// | Fractal | Ours |
/// |---|---|
/// | Shard | a Mission of one task, which carries out the deployed Workflow that the agent is
/// called | | ShardRun | a Run; read only | | BudgetQuota | a BudgetQuota; amounts have a `$` there
/// | | BlackboardEntry | a BlackboardEntry; who wrote it, and when, is said by the system |
namespace reeve::api::fractal {

inline constexpr std::string_view kGroup = "fractal.ai";
inline constexpr std::string_view kVersion = "v1alpha1";

/// Missions that are Shards have this label.
inline constexpr std::string_view kKindLabel = "fractal.ai/kind";

struct Kind {
  std::string_view kind;
  std::string_view plural;
  std::string_view singular;
  std::string_view our_kind;
  std::string_view our_plural;
  bool read_only = false;
};

/// Null: none of ours.
const Kind* find_kind(std::string_view plural);

/// Of a kind that Fractal has and we have not: what to use instead. Empty: Fractal has none either.
std::string_view instead_of(std::string_view plural);

/// The object as it is written here. Invalid: something that has no counterpart; the subject is the
/// field.
Result<Json> to_ours(const Kind& kind, const Json& object);

Json from_ours(const Kind& kind, const Json& object);

/// A list of ours as one of theirs.
Json list_from_ours(const Kind& kind, const Json& list);

/// What the group serves: an APIResourceList.
Json resources();

/// The group with its version: an APIGroup.
Json group();

}  // namespace reeve::api::fractal
