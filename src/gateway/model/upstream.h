#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "gateway/model/format/operation.h"
#include "gateway/model/route/route.h"
#include "net/client.h"
#include "net/request.h"

namespace reeve::gateway::model {

/// What goes to a provider.
struct UpstreamRequest {
  const Provider& provider;
  Operation operation = Operation::ChatCompletions;
  /// The client's, for its fields and its query.
  const net::Request& from;
  std::shared_ptr<const std::string> body;
  /// Null: the provider needs none.
  const Secret* key = nullptr;
  Duration time_left{0};
};

/// Invalid: the address of the provider.
Result<net::ClientRequest> make_upstream_request(const UpstreamRequest& request);

}  // namespace reeve::gateway::model
