#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "net/request.h"
#include "security/redaction/redactor.h"

namespace reeve::gateway {

/// What a server may tell about one call before its answer; more, and longer ones, are left out.
inline constexpr std::size_t kUpstreamNotesMax = 200;
inline constexpr std::size_t kUpstreamNoteBytesMax = std::size_t{8} << 10U;

/// What is wanted of a call besides its result.
struct UpstreamListener {
  /// Takes parameters of `notifications/progress` or `notifications/message`. Empty: nothing.
  std::function<void(std::string_view method, const Json& params)> note;
  /// Of the messages that are wanted; empty: none.
  std::string log_level;
  /// Headers that repeat arguments, for servers without sessions.
  std::vector<net::Header> params = {};
};

/// One request on its way to a tool server, whichever way that is: takes what comes for it, and
/// ends once. Network thread.
class UpstreamExchange {
 public:
  using OnResult = std::function<void(Result<Json>)>;
  using Secrets = std::shared_ptr<const redaction::Patterns>;

  UpstreamExchange(Json id, UpstreamListener listener, OnResult done)
      : id_(std::move(id)), listener_(std::move(listener)), done_(std::move(done)) {}

  const Json& id() const { return id_; }

  bool open() const { return done_ != nullptr; }

  /// Whether somebody wants to know what is told before the answer.
  bool listens() const { return open() && listener_.note; }

  /// What nothing that comes may have in it.
  void hide(Secrets secrets) { secrets_ = std::move(secrets); }

  /// Called once at the end, before whoever waits.
  void on_end(std::function<void(const Result<Json>&)> callback) { ended_ = std::move(callback); }

  /// Takes a message of the server: the result, an error, or what is told before. Others are passed
  /// over.
  void take(Json message);

  void end(Result<Json> result);
  void fail(ErrorCode code, std::string message);

  /// Nobody is told how it ends.
  void drop();

 private:
  void note(const Json& message);

  Json id_;
  UpstreamListener listener_;
  OnResult done_;
  Secrets secrets_;
  std::function<void(const Result<Json>&)> ended_;
  std::size_t notes_ = 0;
};

/// Whether a message wants an answer of ours.
bool asks_us(const Json& message);

}  // namespace reeve::gateway
