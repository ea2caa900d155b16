#pragma once

#include <vector>

#include "cli/doctor_server.h"

/// What `reeve doctor` reads in files of this machine. Private to cli.
namespace reeve::cli {

/// Adds whether files with secrets are closed to others, and whether the journal of the data
/// directory ends where it says. Adds nothing for what is not there. Main thread.
void add_file_findings(
    const Common& common, const ConnectionArgs& args, std::vector<ServerFinding>& findings
);

}  // namespace reeve::cli
