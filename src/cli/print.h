#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "cli/cli.h"
#include "workflow/load/load.h"

namespace reeve::cli {

/// Writes to standard output. A reader that went away ends the output quietly.
void print(std::string_view text);

/// Says on standard error that `print` could not write everything (a full disk), and whether so.
bool report_lost_output();

/// Waits for `millis`, but not for a reader of the standard output that has gone. False: it has.
bool wait_with_reader(int millis);

/// Writes to standard error.
void print_error_text(std::string_view text);

/// Prints `reeve: MESSAGE (HINT) [CODE]` to standard error and returns the exit code that fits. The
/// code names a page of docs/errors.
int report(const Error& error);

ExitCode exit_code_of(const Error& error);

/// Prints findings about a document to standard error: `file:line:column: error: … (hint)`.
void print_problem(const workflow::Problem& problem);

/// Whether standard output is a terminal that understands colours (and NO_COLOR is not set).
bool is_terminal_output();

/// Control characters of untrusted text made visible, so that a task cannot move the cursor.
std::string printable(std::string_view text);

/// A mission's exit code: 0 for COMPLETE, 1 for FAILED and ABORTED.
int exit_code_of_state(std::string_view state);

}  // namespace reeve::cli
