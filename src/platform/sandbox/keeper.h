#pragma once

namespace reeve::sandbox {

/// `reeve sandbox PLAN_FD TOLD_FD`: makes the namespaces of a sandbox and the file tree of the plan
/// that PLAN_FD holds, says so (Told, plan.h) to TOLD_FD, and stays as the first process of the
/// sandbox until its parent, which is the one that started this program, ends. Steps come in by the
/// way of `enter.h`. Started by a shim; takes the process over and returns its exit code.
int sandbox_main(int argc, char** argv);

}  // namespace reeve::sandbox
