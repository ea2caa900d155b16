#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/run.h"
#include "platform/posix/files.h"

/// Programs that this process talks to, which do not outlive it.
namespace reeve::host {

/// Of one program, all of its arguments and variables together.
inline constexpr std::size_t kProgramTextsMax = 1'000;
inline constexpr std::size_t kProgramBytesMax = std::size_t{1} << 20U;

/// Once it is to end: from the end of its input to TERM, and from there to KILL.
inline constexpr Duration kProgramOwnTime{500};
inline constexpr Duration kProgramGrace{2'000};

/// What is started, and where it is kept.
struct ProgramOrder {
  /// The first: an absolute path, or a name that is found with PATH.
  std::vector<std::string> argv;
  /// NAME=VALUE, in place of what every program has: PATH, language and time zone of this process,
  /// HOME and TMPDIR of its own. It gets nothing else of our environment.
  std::vector<Secret> environment;
  model::Sandbox sandbox;
  std::filesystem::path data_dir;
  /// For it alone: made empty, where it starts; removed after its end.
  std::filesystem::path directory;
};

/// A program that was started, or will not be: `control` says so.
struct Program {
  /// Of the attendant, a child of this process; wait for it when `control` has ended.
  int attendant = 0;
  /// Our ends of its standard streams.
  platform::FileDescriptor in;
  platform::FileDescriptor out;
  platform::FileDescriptor err;
  /// Lines of the attendant: `started`, then `ended HOW`, or `failed WHY` alone, then its end.
  platform::FileDescriptor control;
  /// When it is closed, by the end of this process too, the program is ended with all that it has
  /// started.
  platform::FileDescriptor life;
};

/// Starts `attendant attend …`, which starts the program in a session of its own. NotFound: there
/// is no such program. Invalid, LimitExceeded: the order cannot be carried out. Any thread.
Result<Program> attend(const std::filesystem::path& attendant, const ProgramOrder& order);

/// How a program has ended, or why it was not started.
struct ProgramOutcome {
  bool started = false;
  /// "exited with code 3", "no such file or directory: /x".
  std::string how;
};

/// From all that `control` has told.
ProgramOutcome outcome_of(std::string_view told);

/// Lets go of an attendant that has ended. False: it has not yet. Any thread.
bool reap_attendant(int attendant);

}  // namespace reeve::host
