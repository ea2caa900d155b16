#include "owner/control_client.h"

#include <utility>

#include "base/strings.h"
#include "owner/control_server.h"
#include "platform/posix/unix_socket.h"

namespace reeve::owner {

namespace {

constexpr Duration kConnectTimeout{5000};

}  // namespace

Result<Json> ask_owner(
    const std::filesystem::path& data_dir, const protocol::Request& request, Duration timeout
) {
  const std::string line = protocol::encode(request);
  if (line.size() > protocol::kLineBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("a request has at most ", protocol::kLineBytesMax, " bytes"),
        request.verb
    );
  }
  Result<platform::FileDescriptor> socket =
      platform::connect_to(data_dir, kControlSocket, std::min(timeout, kConnectTimeout));
  if (!socket) {
    Error error = std::move(socket).error();
    if (error.code == ErrorCode::NotFound) {
      error.subject = "control socket";
    }
    return error;
  }
  // Who is refused at the door is answered without being asked; so a failure to send is not final.
  const Result<void> sent = platform::send_all(socket->get(), line, timeout);
  const Result<std::string> answer =
      platform::receive_line(socket->get(), protocol::kLineBytesMax, timeout);
  if (!answer) {
    return make_error(
        ErrorCode::Ambiguous,
        concat("the owner of the data directory did not answer: ", answer.error().describe()),
        request.verb
    );
  }
  REEVE_TRY(protocol::Response response, protocol::decode_response(*answer));
  return response;
}

}  // namespace reeve::owner
