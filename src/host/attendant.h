#pragma once

namespace reeve::host {

/// Descriptors that an attendant gets, besides the standard streams of its program.
inline constexpr int kAttendOrderFd = 3;
inline constexpr int kAttendControlFd = 4;
inline constexpr int kAttendLifeFd = 5;

/// `reeve attend`: starts the program that descriptor 3 describes, in its sandbox and with the
/// standard streams of this process, and sees to it that nothing of it is left when it has ended,
/// and when nobody holds the other side of descriptor 5 any more. Descriptor 4 is told how it goes.
/// Started by `attend`; takes over a single-threaded process and returns its exit code.
int attendant_main(int argc, char** argv);

}  // namespace reeve::host
