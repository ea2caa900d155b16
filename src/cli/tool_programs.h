#pragma once

#include "cli/session.h"
#include "gateway/tool/programs.h"

namespace reeve::cli {

/// How the server starts the programs that tool servers are: each with an attendant.
gateway::StartProgram program_starter(const DataDir& dir);

}  // namespace reeve::cli
