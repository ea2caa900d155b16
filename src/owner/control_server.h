#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "owner/identity.h"
#include "platform/posix/files.h"
#include "protocol/message.h"

namespace reeve::owner {

/// Name of the socket in the data directory.
inline constexpr std::string_view kControlSocket = "control.sock";

/// Takes the answer of one request; called at most once, from any thread, also after the server
/// has stopped.
using Respond = std::function<void(protocol::Response)>;

/// Called on the server's thread for each request; must not block.
using RequestHandler = std::function<void(protocol::Request, Caller, Respond)>;

struct ControlOptions {
  std::filesystem::path data_dir;
  RequestHandler handler;
  /// One more is told so and closed.
  std::size_t connections_max = 64;
  /// From the first byte awaited to the line's end, and from the first byte sent to its end.
  Duration line_timeout{30'000};
};

/// Listens at `<data>/control.sock` and hands requests over. One request of a connection is
/// answered before the next one is read.
///
/// Threading: one thread of its own; `start` and `stop` from the owner's.
class ControlServer {
 public:
  /// The caller holds the lock of the data directory: a socket that is there is a dead owner's.
  static Result<std::unique_ptr<ControlServer>> start(ControlOptions options);

  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Takes no more requests, removes the socket, sends the answers that are there, ends the
  /// thread. Idempotent.
  void stop();

 private:
  enum class Phase : std::uint8_t { Reading, Answering, Writing };

  struct Connection {
    platform::FileDescriptor fd;
    Caller caller;
    Phase phase = Phase::Reading;
    std::string in;
    std::string out;
    Timestamp deadline;
    bool close_after_write = false;
  };

  /// Where answers wait for the thread; outlives the server for the sake of late ones.
  struct Outbox {
    std::mutex mutex;
    std::vector<std::pair<std::uint64_t, std::string>> lines;
    platform::FileDescriptor wake;
    bool stopping = false;
  };

  ControlServer(
      ControlOptions options, platform::FileDescriptor listener, std::shared_ptr<Outbox> outbox
  );

  void run();
  bool wait();
  void accept_all();
  void take_answers();
  bool serve(std::uint64_t id, Connection& connection);
  void take_request(std::uint64_t id, Connection& connection);
  void start_writing(Connection& connection, std::string line);
  bool write_more(Connection& connection);
  Timestamp deadline_from_now() const;

  ControlOptions options_;
  platform::FileDescriptor listener_;
  std::shared_ptr<Outbox> outbox_;
  std::map<std::uint64_t, Connection> connections_;  // server thread only
  std::uint64_t next_id_ = 1;
  bool out_of_descriptors_ = false;
  std::thread thread_;
};

}  // namespace reeve::owner
