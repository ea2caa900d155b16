#pragma once

#include <string>
#include <string_view>

#include "gateway/tool/builtin.h"

namespace reeve::gateway {

/// GET of an address whose host is allowed. Redirects are told and not followed.
void fetch(
    const ToolServer& server,
    const std::string& url,
    Duration timeout,
    const ToolPorts& ports,
    ToolDone done
);

}  // namespace reeve::gateway
