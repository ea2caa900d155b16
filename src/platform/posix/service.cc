#include "platform/posix/service.h"

#include <cstddef>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "platform/posix/files.h"

namespace reeve::platform {

Result<void> notify_service(std::string_view address, std::string_view state) {
  if (address.empty()) {
    return {};
  }
  sockaddr_un target{};
  if ((address.front() != '/' && address.front() != '@') ||
      address.size() >= sizeof target.sun_path) {
    return make_error(ErrorCode::Invalid, "must be a path or an abstract name", "NOTIFY_SOCKET");
  }
  target.sun_family = AF_UNIX;
  std::memcpy(target.sun_path, address.data(), address.size());
  if (address.front() == '@') {
    target.sun_path[0] = '\0';
  }
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return errno_error("socket", std::string(address));
  }
  const std::size_t size = offsetof(sockaddr_un, sun_path) + address.size();
  const ssize_t sent = ::sendto(
      fd.get(),
      state.data(),
      state.size(),
      MSG_NOSIGNAL | MSG_DONTWAIT,
      reinterpret_cast<const sockaddr*>(&target),
      static_cast<socklen_t>(size)
  );
  return sent < 0 ? errno_error("sendto", std::string(address)) : Result<void>();
}

}  // namespace reeve::platform
