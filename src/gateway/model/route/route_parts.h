#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "gateway/model/route/route.h"

/// Parts of a ModelRoute that name nothing else in it. Private to src/gateway/model/route.
namespace reeve::gateway::model {

// Each reads one part; `path` is where it is. Invalid: as read_route.
Result<Provider> read_provider(const Json& json, const std::string& path);
Result<RouteModel> read_model(
    const Json& json, const std::string& path, const std::vector<Provider>& providers
);
Result<RuleMatch> read_match(const Json& json, const std::string& path);
Result<RetrySettings> read_retries(const Json& json, const std::string& path);
Result<std::vector<GuardrailRule>> read_guardrails(const Json& json, const std::string& path);
Result<Duration> read_cache(const Json& json, const std::string& path);
Result<CapturePolicy> read_capture(const Json& json, const std::string& path);

}  // namespace reeve::gateway::model
