#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "security/access/policy.h"

namespace reeve::access {

// Names of the built-in cluster roles.
inline constexpr std::string_view kClusterAdmin = "cluster-admin";
/// All of a namespace, its roles and bindings included.
inline constexpr std::string_view kAdmin = "admin";
/// Work in a namespace, without deciding what waits for an approval.
inline constexpr std::string_view kEdit = "edit";
/// Read a namespace, without credentials and roles.
inline constexpr std::string_view kView = "view";
/// Decide what waits for an approval.
inline constexpr std::string_view kApprover = "reeve:approver";
/// What every run may do in its own namespace, besides reading itself and its mission; bound to
/// `system:runs:<namespace>` everywhere.
inline constexpr std::string_view kRunRole = "reeve:run";
/// What runs need that have work done by others: read the namespace's work, submit missions, use
/// channels and locks. Bound to nobody.
inline constexpr std::string_view kRunWorkRole = "reeve:run-work";
/// Discovery, and asking about oneself; bound to everybody who is authenticated.
inline constexpr std::string_view kDiscovery = "system:discovery";
/// Health and version; bound to everybody.
inline constexpr std::string_view kPublicInfo = "system:public-info-viewer";

/// What a run may do with its own objects, whatever roles there are. Empty: it is no run.
std::vector<Rule> own_rules(const Identity& run);

std::vector<std::pair<PolicyKey, Role>> built_in_roles();

std::vector<std::pair<PolicyKey, Binding>> built_in_bindings();

}  // namespace reeve::access
