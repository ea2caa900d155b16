#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reeve::sim {

/// What one execution of a virtual process does in the end.
enum class Ending : std::uint8_t {
  Exit,            ///< ends with `code`
  Signal,          ///< is killed by signal `code`
  Hang,            ///< until its deadline
  DoneThenHang,    ///< its work is done, and it hangs all the same
  KillSupervisor,  ///< its supervisor vanishes
  LaunchFailed,    ///< it cannot be started at all
  OutOfMemory,
};

struct Execution {
  Ending ending = Ending::Exit;
  int code = 0;
};

/// The behaviour of a task, written as its script: clauses separated by ';'.
///
///   exit 1,1,0          one item for each execution of the task, the last one for all that follow;
///                       an item is a code, `hang`, `done-hang`, `kill-supervisor`, `nolaunch`,
///                       `oom` or `sig9`
///   slow 40s            how long each execution takes
///   out                 publishes the number of the execution as output `n`
///   asks 2              calls tools about which people decide, one after the other, before it
///   works;
///                       an execution that would have to wait for long ends, and says so (AgentSim)
///   extend good         an execution that ends with code 0 asks for further tasks (extension_of):
///                       `good` ones, or `bad` ones that no workflow can take
///
/// `hang`, `done-hang`, `kill-supervisor`, `signal 9`, `nolaunch` and `oom` may also be clauses of
/// their own.
struct Behaviour {
  std::vector<Execution> executions{Execution{}};
  Duration time{1000};
  bool publishes = false;
  std::uint32_t asks = 0;
  /// The further tasks that it asks for, or empty.
  std::string extension;

  /// Execution number `number`, from 1.
  const Execution& at(std::uint32_t number) const;

  /// Invalid: names the clause it does not know.
  static Result<Behaviour> parse(std::string_view script);
};

/// The document of further tasks called `kind`, or nothing.
std::optional<std::string> extension_of(std::string_view kind);

}  // namespace reeve::sim
