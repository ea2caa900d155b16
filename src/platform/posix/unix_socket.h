#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"
#include "base/time.h"
#include "platform/posix/files.h"

/// Local stream sockets with a name in a directory, which may be as deep as any path: the name is
/// looked up in the opened directory, so that the 108 bytes of a socket address always suffice.
namespace reeve::platform {

/// The process at the other end, as the kernel saw it when it connected.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Listens at `directory/name`, mode 0600, never blocking. A socket that is there already is
/// replaced: the caller owns the directory. Invalid: something that is no socket has the name.
Result<FileDescriptor> listen_at(
    const std::filesystem::path& directory, std::string_view name, int backlog
);

/// The next connection, never blocking; an empty descriptor if there is none.
Result<FileDescriptor> accept_from(int listener);

/// Connects to `directory/name`. NotFound: there is no socket, or nobody listens. DeadlineExceeded:
/// the listener did not take the connection in time.
Result<FileDescriptor> connect_to(
    const std::filesystem::path& directory, std::string_view name, Duration timeout
);

Result<Peer> peer_of(int socket);

/// Sends as much of `bytes` as can be sent at once; 0 if nothing can. Unavailable: the other end
/// has closed.
Result<std::size_t> send_some(int socket, std::string_view bytes);

/// Appends to `into` what has arrived, until it has more than `bytes_max` bytes. Returns whether
/// more may come.
Result<bool> receive_some(int socket, std::string& into, std::size_t bytes_max);

/// Sends all of `bytes` within `timeout`. Unavailable: the other end has closed.
Result<void> send_all(int socket, std::string_view bytes, Duration timeout);

/// Reads up to the first line end, which is not part of the result. Unavailable: the other end has
/// closed before. LimitExceeded: the line has more than `bytes_max` bytes.
Result<std::string> receive_line(int socket, std::size_t bytes_max, Duration timeout);

}  // namespace reeve::platform
