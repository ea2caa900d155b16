#include "cli/tool_programs.h"

#include <filesystem>
#include <utility>

#include "host/attend.h"

namespace reeve::cli {

namespace {

/// What this process was started from, also after an upgrade.
constexpr const char* kThisProgram = "/proc/self/exe";

}  // namespace

gateway::StartProgram program_starter(const DataDir& dir) {
  return [root = std::filesystem::absolute(dir.root)](
             gateway::ToolProgramOrder order, const std::filesystem::path& directory
         ) -> Result<gateway::StartedProgram> {
    host::ProgramOrder wanted;
    wanted.argv = std::move(order.argv);
    wanted.environment = std::move(order.environment);
    wanted.sandbox = std::move(order.sandbox);
    wanted.data_dir = root;
    wanted.directory = directory;
    REEVE_TRY(host::Program program, host::attend(kThisProgram, wanted));
    gateway::StartedProgram started;
    started.in = std::move(program.in);
    started.out = std::move(program.out);
    started.err = std::move(program.err);
    started.control = std::move(program.control);
    started.life = std::move(program.life);
    started.outcome = [](const std::string& told) {
      host::ProgramOutcome outcome = host::outcome_of(told);
      return gateway::ToolProgramEnd{
          .started = outcome.started, .how = std::move(outcome.how), .said = {}};
    };
    started.reap = [attendant = program.attendant] {
      return host::reap_attendant(attendant);
    };
    return started;
  };
}

}  // namespace reeve::cli
