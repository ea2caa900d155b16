#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "engine/commands.h"
#include "gateway/tool/command.h"
#include "net/client.h"

/// What the tool gateway works with. Everything is called, and calls back, on the network thread.
namespace reeve::gateway {

using ObjectPtr = std::shared_ptr<const Json>;

/// A program that a tool server is. Destroying it ends it, with all that it has started, soon.
class ToolProgram {
 public:
  virtual ~ToolProgram() = default;

  /// Hands text to its standard input; what it does not read waits.
  virtual void write(std::string text) = 0;

  /// Bytes that wait.
  virtual std::size_t unsent() const = 0;

  /// Whether it may read what is written; false: it never will again.
  virtual bool reads() const = 0;
};

struct ToolProgramOrder {
  std::vector<std::string> argv;
  /// NAME=VALUE, besides what every program has.
  std::vector<Secret> environment;
  model::Sandbox sandbox;
};

struct ToolProgramEnd {
  /// False: it has never run.
  bool started = false;
  /// "exited with code 3", "no such file or directory: /x".
  std::string how;
  /// The end of what it has written to its standard error, and whether there was more before.
  std::string said;
  bool cut = false;
};

/// What is told of a program, until it is destroyed; never within a call of its.
struct ToolProgramEvents {
  std::function<void(std::string_view piece)> output;
  /// Once.
  std::function<void(ToolProgramEnd end)> end;
};

struct ToolPorts {
  using Reply = std::function<void(Result<engine::Reply>)>;
  using Cancel = std::function<void()>;

  /// Hands a command to the kernel; `reply` is called later, when it is durable.
  std::function<void(engine::Command command, Principal who, Reply reply)> command;
  /// Calls `then` after a while, unless what is returned is called before.
  std::function<Cancel(Duration delay, std::function<void()> then)> after;
  std::function<Timestamp()> now;
  /// An object as the API shows it; `plural` names its kind. Null: there is none.
  std::function<ObjectPtr(std::string_view plural, const Namespace& ns, std::string_view name)>
      object;
  /// Those of a namespace, by name, at most `max`.
  std::function<
      std::vector<ObjectPtr>(std::string_view plural, const Namespace& ns, std::size_t max)>
      objects;
  std::function<Result<Secret>(std::string_view ns, std::string_view credential)> reveal;
  std::function<std::shared_ptr<net::ClientCall>(
      net::ClientRequest request, std::shared_ptr<net::ResponseSink> sink
  )>
      send;
  /// Starts a program. NotFound: there is none. LimitExceeded: there are too many. Empty: programs
  /// are not started.
  std::function<
      Result<std::unique_ptr<ToolProgram>>(ToolProgramOrder order, ToolProgramEvents events)>
      start = {};
  /// Which programs may be started.
  CommandRules commands = {};
  /// Lower-case hex of that many random bytes.
  std::function<std::string(std::size_t bytes)> random_hex;
  /// Tells whoever operates the server what does not go well. Empty: nobody listens.
  std::function<void(const std::string& message)> warn;
  /// Where the files of a run are. Invalid, NotFound.
  std::function<Result<std::filesystem::path>(
      const Namespace& ns, std::string_view mission, std::string_view run
  )>
      workspace;
};

}  // namespace reeve::gateway
