#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "gateway/tool/ports.h"
#include "net/server.h"
#include "platform/posix/files.h"

namespace reeve::gateway {

/// Programs that run at the same time.
inline constexpr std::size_t kProgramsMax = 100;
/// Of its standard error, what is kept of the end.
inline constexpr std::size_t kProgramSaidMax = std::size_t{4} << 10U;

/// A program that was started with somebody who attends it: our ends of its streams, and of what is
/// told about it.
struct StartedProgram {
  platform::FileDescriptor in;
  platform::FileDescriptor out;
  platform::FileDescriptor err;
  /// Ends when nothing of it is left.
  platform::FileDescriptor control;
  /// When it is closed the program is ended.
  platform::FileDescriptor life;
  /// What has been read from `control` to its end, in words.
  std::function<ToolProgramEnd(const std::string& told)> outcome;
  /// Lets go of its process; false: it has not ended yet. Does not block.
  std::function<bool()> reap;
};

/// Starts a program in the directory, which is for it alone.
using StartProgram = std::function<
    Result<StartedProgram>(ToolProgramOrder order, const std::filesystem::path& directory)>;

/// The programs of tool servers, on the network thread of a server.
///
/// Threading: the network thread, but for the constructor.
class Programs {
 public:
  using After = std::function<ToolPorts::Cancel(Duration delay, std::function<void()> then)>;

  /// `directory` is for programs alone: what is in it is of an earlier server.
  Programs(net::Server& server, StartProgram start, After after, std::filesystem::path directory);
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  /// `name` is of the directory of this one.
  Result<std::unique_ptr<ToolProgram>> start(
      ToolProgramOrder order, ToolProgramEvents events, const std::string& name
  );

  /// Ends all of them; nothing is told any more.
  void close();

 private:
  class Live;
  class Handle;

  void let_go(std::function<bool()> process);
  void reap();

  net::Server& server_;
  StartProgram start_;
  After after_;
  std::filesystem::path directory_;
  std::vector<std::weak_ptr<Live>> live_;
  /// Processes that have been told to end.
  std::vector<std::function<bool()>> ending_;
  bool reaping_ = false;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

}  // namespace reeve::gateway
