#pragma once

#include <filesystem>
#include <memory>

#include "gateway/model/ports.h"
#include "gateway/model/reply_files.h"
#include "gateway/ports.h"

namespace reeve::gateway {

struct ModelGatewayOptions {
  /// How requests to providers are sent. Empty: over net::Client, which may connect to public
  /// addresses only, and to private ones if `private_addresses`.
  decltype(model::ModelPorts::send) send = {};
  bool private_addresses = false;
  /// Where bodies are kept of routes that say so; empty: nowhere.
  std::filesystem::path captures = {};
  /// Where replies are saved that may be asked for again, and how they are sealed; empty: nowhere.
  std::filesystem::path replies = {};
  model::Sealer sealer = {};
};

/// The gateway to models, below `/llm`.
std::shared_ptr<Gateway> make_model_gateway(ModelGatewayOptions options);

}  // namespace reeve::gateway
