#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "resource/schema/contract.h"

/// What clients ask first: which groups, versions and resources there are. Any thread.
namespace reeve::resource::schema {

/// GET /api. `server_address` is host and port as clients reach them.
Json api_versions(std::string_view server_address);

/// GET /apis
Json api_group_list(const Contracts& contracts);

/// GET /apis/GROUP; nothing: there is no such group.
std::optional<Json> api_group(const Contracts& contracts, std::string_view group);

/// GET /apis/GROUP/VERSION, and /api/v1 for the core group (""); nothing: there is none.
std::optional<Json> api_resource_list(
    const Contracts& contracts, std::string_view group, std::string_view version
);

/// Versions of apidiscovery.k8s.io that are spoken.
enum class DiscoveryVersion : std::uint8_t { V2, V2Beta1 };

/// GET /api (core) and GET /apis (not core) for those who ask for an APIGroupDiscoveryList.
Json aggregated_discovery(const Contracts& contracts, bool core, DiscoveryVersion version);

/// The Content-Type of such an answer.
std::string_view aggregated_discovery_type(DiscoveryVersion version);

}  // namespace reeve::resource::schema
