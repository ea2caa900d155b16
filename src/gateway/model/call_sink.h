#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "gateway/model/call.h"

namespace reeve::gateway::model {

/// Where the answer to one attempt arrives. What belongs to an earlier one is dropped.
class Call::Sink final : public net::ResponseSink {
 public:
  Sink(std::weak_ptr<Call> call, std::uint64_t attempt)
      : call_(std::move(call)), attempt_(attempt) {}

  void on_head(int status, net::Headers headers) override {
    if (const std::shared_ptr<Call> call = current()) {
      call->on_head(status, headers);
    }
  }

  void on_data(std::string_view data) override {
    if (const std::shared_ptr<Call> call = current()) {
      call->on_data(data);
    }
  }

  void on_end() override {
    if (const std::shared_ptr<Call> call = current()) {
      call->on_end();
    }
  }

  void on_error(net::ClientStage stage, Error error) override {
    if (const std::shared_ptr<Call> call = current()) {
      call->on_error(stage, error);
    }
  }

 private:
  std::shared_ptr<Call> current() const {
    std::shared_ptr<Call> call = call_.lock();
    return call != nullptr && call->attempt_ == attempt_ && call->phase_ != Phase::Done ? call
                                                                                        : nullptr;
  }

  std::weak_ptr<Call> call_;
  std::uint64_t attempt_;
};

}  // namespace reeve::gateway::model
