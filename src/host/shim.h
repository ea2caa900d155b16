#pragma once

#include <csignal>

namespace reeve::host {

// Exit codes of a shim; the run's own are in exit.json.
inline constexpr int kShimDone = 0;
inline constexpr int kShimUsage = 2;
/// Nothing of the run was started; standard error says why.
inline constexpr int kShimNotStarted = 3;
/// The run ended but exit.json could not be put in place.
inline constexpr int kShimUnrecorded = 4;

/// Exit codes of runs that did not end by themselves.
inline constexpr int kExitTimedOut = 124;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;
/// 128 + SIGTERM.
inline constexpr int kExitCancelled = 143;

/// Descriptors a host hands to a shim.
inline constexpr int kShimLockFd = 3;
inline constexpr int kShimReadyFd = 4;
/// Only if the run has credentials.
inline constexpr int kShimSecretsFd = 5;

/// Tells a shim to look whether its run is to stand still (kFrozenFile). By default it is ignored:
/// a shim of an older version, which cannot, goes on.
inline constexpr int kLookSignal = SIGURG;

/// `reeve shim RUNDIR LOCK_FD READY_FD [SECRETS_FD]`: supervises one run from start to end, alone,
/// so that hosts may come and go. LOCK_FD is a descriptor of shim.lock that holds the flock: the
/// lock is held exactly as long as this process (or the one that launches it) lives. One byte is
/// written to READY_FD once the shim is about to start the first step. SECRETS_FD is memory with
/// the values of the run's credentials (RunSecrets). SIGTERM cancels the run; the file `cancel` in
/// RUNDIR may hold the reason. Both signals and descriptors of this process are taken over: call it
/// from main() of a single-threaded process and return what it returns.
int shim_main(int argc, char** argv);

}  // namespace reeve::host
