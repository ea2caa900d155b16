#pragma once

#include <memory>

#include "net/exchange.h"

namespace reeve::api {

struct Services;

/// Takes requests: identifies who asks, finds out what for, asks whether that may be, and hands
/// them to whoever answers.
///
/// Threading: the network thread.
class Api {
 public:
  explicit Api(Services& services) : services_(services) {}

  void handle(std::shared_ptr<net::Exchange> exchange);

 private:
  Services& services_;
};

/// What a refusal of the HTTP server looks like to clients of the API.
net::Response refusal_response(int status, std::string_view message);

}  // namespace reeve::api
