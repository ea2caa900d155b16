#include "owner/control_server.h"

#include <iterator>
#include <poll.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "base/strings.h"
#include "platform/posix/system.h"
#include "platform/posix/unix_socket.h"

namespace reeve::owner {

namespace {

constexpr int kBacklog = 128;
/// Deadlines are looked at this often.
constexpr int kTickMillis = 1000;
/// How long answers may take to leave when the server stops.
constexpr Duration kFarewell{2000};

Timestamp monotonic() {
  return Timestamp(platform::monotonic_now());
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(ControlOptions options) {
  REEVE_TRY(
      platform::FileDescriptor listener,
      platform::listen_at(options.data_dir, kControlSocket, kBacklog)
  );
  auto outbox = std::make_shared<Outbox>();
  outbox->wake.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!outbox->wake) {
    return platform::errno_error("eventfd", options.data_dir);
  }
  std::unique_ptr<ControlServer> server(
      new ControlServer(std::move(options), std::move(listener), std::move(outbox))
  );
  server->thread_ = std::thread([raw = server.get()] { raw->run(); });
  return server;
}

ControlServer::ControlServer(
    ControlOptions options, platform::FileDescriptor listener, std::shared_ptr<Outbox> outbox
)
    : options_(std::move(options)), listener_(std::move(listener)), outbox_(std::move(outbox)) {}

ControlServer::~ControlServer() {
  stop();
}

void ControlServer::stop() {
  if (!thread_.joinable()) {
    return;
  }
  // First the name: who looks for the owner from now on finds nobody.
  ::unlink((options_.data_dir / kControlSocket).c_str());
  {
    const std::scoped_lock lock(outbox_->mutex);
    outbox_->stopping = true;
  }
  const std::uint64_t one = 1;
  (void)!::write(outbox_->wake.get(), &one, sizeof one);
  thread_.join();
}

Timestamp ControlServer::deadline_from_now() const {
  return monotonic() + options_.line_timeout;
}

void ControlServer::run() {
  bool stopping = false;
  Timestamp farewell;
  while (true) {
    const bool asked_to_stop = wait();
    if (asked_to_stop && !stopping) {
      stopping = true;
      farewell = monotonic() + kFarewell;
      listener_.reset();
    }
    if (!stopping) {
      accept_all();
    }
    take_answers();
    const Timestamp now = monotonic();
    for (auto item = connections_.begin(); item != connections_.end();) {
      Connection& connection = item->second;
      const bool idle = stopping && connection.phase != Phase::Writing;
      const bool late = connection.phase != Phase::Answering && connection.deadline <= now;
      const bool over = late || idle || !serve(item->first, connection);
      item = over ? connections_.erase(item) : std::next(item);
    }
    if (stopping && (connections_.empty() || now >= farewell)) {
      return;
    }
  }
}

/// Until something can be done. Returns whether the server is asked to stop.
bool ControlServer::wait() {
  std::vector<pollfd> fds;
  fds.push_back({.fd = outbox_->wake.get(), .events = POLLIN, .revents = 0});
  if (listener_ && !out_of_descriptors_) {
    fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  }
  for (const auto& [id, connection] : connections_) {
    // While an answer is awaited nothing is read, not even that the other end has gone.
    if (connection.phase != Phase::Answering) {
      const short events = connection.phase == Phase::Writing ? POLLOUT : POLLIN;
      fds.push_back({.fd = connection.fd.get(), .events = events, .revents = 0});
    }
  }
  ::poll(fds.data(), fds.size(), kTickMillis);
  std::uint64_t count = 0;
  (void)!::read(outbox_->wake.get(), &count, sizeof count);
  const std::scoped_lock lock(outbox_->mutex);
  return outbox_->stopping;
}

void ControlServer::accept_all() {
  for (int i = 0; i < kBacklog; ++i) {
    Result<platform::FileDescriptor> fd = platform::accept_from(listener_.get());
    // They wait in the backlog until some are free again, and we do not look at them all the time.
    out_of_descriptors_ = !fd;
    if (!fd || !*fd) {
      return;
    }
    Connection connection;
    connection.fd = std::move(*fd);
    connection.deadline = deadline_from_now();
    Result<platform::Peer> peer = platform::peer_of(connection.fd.get());
    Result<Caller> caller =
        peer ? identify(*peer, options_.data_dir) : Result<Caller>(peer.error());
    if (caller && connections_.size() < options_.connections_max) {
      connection.caller = std::move(*caller);
    } else {
      const Error error =
          caller ? make_error(
                       ErrorCode::Unavailable,
                       concat(connections_.size(), " connections are open, which is the limit"),
                       "control socket"
                   )
                 : caller.error();
      connection.close_after_write = true;
      start_writing(connection, protocol::encode(protocol::Response(error)));
      // Tried once: who is refused has no claim on our patience.
      write_more(connection);
      continue;
    }
    connections_.emplace(next_id_++, std::move(connection));
  }
}

void ControlServer::take_answers() {
  std::vector<std::pair<std::uint64_t, std::string>> lines;
  {
    const std::scoped_lock lock(outbox_->mutex);
    lines.swap(outbox_->lines);
  }
  for (auto& [id, line] : lines) {
    const auto found = connections_.find(id);
    if (found != connections_.end() && found->second.phase == Phase::Answering) {
      start_writing(found->second, std::move(line));
    }
  }
}

/// Does what can be done without waiting. False: the connection is over.
bool ControlServer::serve(std::uint64_t id, Connection& connection) {
  while (true) {
    if (connection.phase == Phase::Reading) {
      const Result<bool> open =
          platform::receive_some(connection.fd.get(), connection.in, protocol::kLineBytesMax);
      take_request(id, connection);
      if (connection.phase == Phase::Reading) {
        return open && *open;
      }
    }
    if (connection.phase == Phase::Answering) {
      return true;
    }
    if (!write_more(connection)) {
      return false;
    }
    if (connection.phase == Phase::Writing) {
      return true;
    }
  }
}

void ControlServer::take_request(std::uint64_t id, Connection& connection) {
  const std::size_t end = connection.in.find('\n');
  if (end == std::string::npos) {
    if (connection.in.size() > protocol::kLineBytesMax) {
      connection.close_after_write = true;
      start_writing(
          connection,
          protocol::encode(protocol::Response(make_error(
              ErrorCode::LimitExceeded,
              concat("a request has at most ", protocol::kLineBytesMax, " bytes"),
              "request"
          )))
      );
    }
    return;
  }
  Result<protocol::Request> request =
      protocol::decode_request(std::string_view(connection.in).substr(0, end));
  connection.in.erase(0, end + 1);
  connection.phase = Phase::Answering;
  if (!request) {
    start_writing(connection, protocol::encode(protocol::Response(request.error())));
    return;
  }
  Respond respond = [outbox = outbox_, id](const protocol::Response& response) {
    std::string line = protocol::encode(response);
    const std::scoped_lock lock(outbox->mutex);
    outbox->lines.emplace_back(id, std::move(line));
    const std::uint64_t one = 1;
    (void)!::write(outbox->wake.get(), &one, sizeof one);
  };
  options_.handler(std::move(*request), connection.caller, std::move(respond));
}

void ControlServer::start_writing(Connection& connection, std::string line) {
  connection.out = std::move(line);
  connection.phase = Phase::Writing;
  connection.deadline = deadline_from_now();
}

/// False: the connection is over.
bool ControlServer::write_more(Connection& connection) {
  while (!connection.out.empty()) {
    const Result<std::size_t> sent = platform::send_some(connection.fd.get(), connection.out);
    if (!sent || *sent == 0) {
      return sent.ok();
    }
    connection.out.erase(0, *sent);
  }
  connection.phase = Phase::Reading;
  connection.deadline = deadline_from_now();
  return !connection.close_after_write;
}

}  // namespace reeve::owner
