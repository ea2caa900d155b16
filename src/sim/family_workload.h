#pragma once

#include <cstdint>
#include <string>

#include "sim/random.h"

/// Workflows that have to do with each other: they make missions, fan out, share places and pools,
/// ask for missions in their templates, and grow.
namespace reeve::sim {

/// How many pools they share (pool_name), and workflows that are deployed to be made by others
/// (leaf_name).
inline constexpr std::uint64_t kPools = 3;
inline constexpr std::uint64_t kLeaves = 3;
/// Units of a pool that any of them wants at the same time.
inline constexpr std::uint64_t kUnitsWantedMax = 2;

std::string pool_name(std::uint64_t index);
std::string leaf_name(std::uint64_t index);

/// A workflow to be made by others. The last of them makes missions of the ones before it.
std::string leaf_workflow(Random& random, std::uint64_t index);

/// A workflow that makes missions of the leaves.
std::string family_workflow(Random& random, const std::string& name);

}  // namespace reeve::sim
