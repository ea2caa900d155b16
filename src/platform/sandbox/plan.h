#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/run.h"

/// What a sandbox consists of, decided before anything is done. Pure.
namespace reeve::sandbox {

/// One step of building the file tree that processes in the sandbox see.
struct Mount {
  enum class Kind : std::uint8_t {
    Memory,     ///< an empty tree in memory with a size; `source` is unused
    Visible,    ///< a file or directory of the machine that can be read
    Writable,   ///< one that can be written as well
    Device,     ///< a device of the machine
    Processes,  ///< /proc of the sandbox, which cannot be written
    Terminals,  ///< /dev/pts of its own
    Link,       ///< a symbolic link with `source` as its text
    Directory,  ///< an empty directory
  };

  Kind kind = Kind::Visible;
  std::string source = {};
  /// Absolute, in the sandbox.
  std::string target;
  /// Whether a file is shown, not a directory.
  bool file = false;
  /// Of Memory.
  std::uint64_t bytes_max = 0;
  /// Of Memory: whether its files can be run.
  bool executable = true;

  friend bool operator==(const Mount&, const Mount&) = default;
};

/// What there is at a path of the machine.
struct Fact {
  enum class Kind : std::uint8_t { Absent, File, Directory, Socket, Device, Link };

  Kind kind = Kind::Absent;
  /// Of Link: its text.
  std::string text = {};
  /// Without symbolic links; empty: it leads nowhere.
  std::string resolved = {};
  /// What `resolved` is.
  Kind behind = Kind::Absent;
};

using Facts = std::map<std::string, Fact>;

/// What is asked for.
struct Request {
  model::Sandbox sandbox;
  /// Nothing of it is shown but what is named here.
  std::filesystem::path data_dir;
  /// Of the run: these names in it can be written, and these read. What is absent is left out.
  std::filesystem::path run_dir;
  std::vector<std::string> writable;
  std::vector<std::string> readable;
  /// Where the processes start; outside of the run's directory it can be written.
  std::filesystem::path working_dir;
  /// Other directories that can be written, and files that can be read.
  std::vector<std::string> extra_writable;
  std::vector<std::string> extra_readable;
  /// A unix socket to the gateway, alone in its directory, which is shown where it is: whoever
  /// listens may put another one in its place. Empty: none.
  std::filesystem::path gateway;
};

/// All that the helper process needs to know. The order of mounts is that of their making.
struct Plan {
  model::SandboxLevel level = model::SandboxLevel::Workspace;
  std::vector<Mount> mounts;
  /// Somewhere to begin: any directory of the machine.
  std::string base;
  /// Isolated: connections to this port of 127.0.0.1 are led to the socket `gateway`; 0: none.
  std::uint16_t port = 0;
  std::string gateway = {};

  friend bool operator==(const Plan&, const Plan&) = default;
};

/// Where the gateway is in an isolated sandbox, on 127.0.0.1.
inline constexpr std::uint16_t kGatewayPort = 7070;
/// The home directory of processes in a sandbox.
inline constexpr const char* kHome = "/tmp/home";
inline constexpr std::uint64_t kPlanBytesMax = std::uint64_t{1} << 20U;

/// The paths that `make_plan` wants facts about.
std::vector<std::string> paths_of_interest(const Request& request);

/// Decides. Invalid: a path that is asked for would show the data directory or replace a part of
/// the system. NotFound: it does not exist.
Result<Plan> make_plan(const Request& request, const Facts& facts);

/// Without trailing "/": whether `path` is `directory` or lies in it.
bool is_within(std::string_view path, std::string_view directory);

std::string encode(const Plan& plan);
Result<Plan> decode_plan(std::string_view text);

/// What the helper process tells the one that started it, a line each.
struct Told {
  /// The process that keeps the sandbox, outside of it; 0: not told yet.
  int keeper = 0;
  bool ready = false;
  /// Why there is no sandbox.
  std::string refusal = {};
};

std::string keeper_line(int pid);
std::string ready_line();
std::string refusal_line(std::string_view why);

/// From all that was told so far; lines that are not complete count for nothing.
Told read_told(std::string_view text);

}  // namespace reeve::sandbox
