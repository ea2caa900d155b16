#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "engine/commands.h"
#include "net/client.h"
#include "telemetry/correlation.h"

/// What the model gateway works with. Everything is called, and calls back, on the network thread.
namespace reeve::gateway::model {

/// An object as the API shows it, and which state of it that is.
struct SeenObject {
  std::shared_ptr<const Json> object;
  std::uint64_t revision = 0;
};

struct ModelPorts {
  using Reply = std::function<void(Result<engine::Reply>)>;
  using Cancel = std::function<void()>;

  /// Hands a command of the gateway's to the kernel, for whom `correlation` is about; `reply` is
  /// called later, when it is durable.
  std::function<
      void(engine::Command command, const telemetry::Correlation& correlation, Reply reply)>
      command;
  /// Calls `then` after a while, unless what is returned is called before.
  std::function<Cancel(Duration delay, std::function<void()> then)> after;
  /// Civil time.
  std::function<Timestamp()> now;
  /// A clock that only moves forward.
  std::function<Duration()> elapsed;
  /// `plural` names the kind. A null object: there is none.
  std::function<SeenObject(std::string_view plural, const Namespace& ns, std::string_view name)>
      object;
  /// Those of a namespace (absent: of all, the empty one: of none), by name, at most `max`.
  std::function<std::vector<SeenObject>(
      std::string_view plural, const std::optional<Namespace>& ns, std::size_t max
  )>
      objects;
  /// May read from the disk.
  std::function<Result<Secret>(std::string_view ns, std::string_view credential)> reveal;
  /// `allow_private`: it may go to private addresses, if the operator allows that at all.
  std::function<std::shared_ptr<net::ClientCall>(
      net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink, bool allow_private
  )>
      send;
  std::function<std::uint64_t()> random;
  /// Keeps a line about what was asked and answered; empty: nothing is kept.
  std::function<Result<void>(const Namespace& ns, std::string_view line)> keep;
  /// Saves a text under a hexadecimal name over restarts, in place of what was there, until it is
  /// dropped; all that are saved, with their names. Unavailable: nothing can be saved until the
  /// next start. Empty, all three of them: nothing is saved.
  std::function<Result<void>(std::string_view name, std::string_view text)> save_reply;
  std::function<void(std::string_view name)> drop_reply;
  std::function<std::vector<std::pair<std::string, std::string>>()> saved_replies;
};

}  // namespace reeve::gateway::model
