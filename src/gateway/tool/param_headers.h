#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "net/request.h"

/// Arguments that are repeated in headers, so that whoever stands between can route by them: those
/// of properties with `x-mcp-header: NAME`, as `Mcp-Param-NAME`. Pure; any thread.
namespace reeve::gateway {

/// The headers of a call. `schema`: of the tool's arguments.
std::vector<net::Header> param_headers(const Json& schema, const Json& arguments);

/// How those of a request differ from its arguments; empty: they do not.
std::string param_mismatch(
    const Json& schema, const Json& arguments, const std::vector<net::Header>& headers
);

}  // namespace reeve::gateway
