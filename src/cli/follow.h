#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/link.h"
#include "cli/session.h"
#include "cli/view.h"
#include "host/run_log.h"
#include "platform/posix/files.h"

namespace reeve::cli {

/// SIGINT, SIGTERM and SIGHUP as a descriptor. Make it before any thread starts: threads inherit
/// the blocked signals.
class SignalFeed {
 public:
  SignalFeed();

  int fd() const { return fd_.get(); }

  /// The next signal, 0 if there is none.
  int take();

 private:
  platform::FileDescriptor fd_;
};

/// Prints the output of a mission's runs as it appears. Main thread.
class LogTail {
 public:
  LogTail(std::filesystem::path mission_dir, View& view);

  /// Starts to follow a run.
  void add(const std::string& task, const std::string& run);

  /// Prints what is there. Returns whether every followed run has been printed to its end.
  bool pump();

 private:
  struct Tail {
    std::string task;
    std::filesystem::path dir;
    std::optional<host::RunLog> log;
    host::LogCursor cursor;
    std::string partial_out;
    std::string partial_err;
  };

  bool pump(Tail& tail);
  void print_lines(Tail& tail, bool is_stderr, std::string_view bytes);

  std::filesystem::path mission_dir_;
  View& view_;
  std::vector<Tail> tails_;
};

/// Follows a mission to its end, whoever carries it out; asks about Ctrl-C. Returns the exit code.
int follow(
    Link& link, const DataDir& dir, const std::string& mission, Output output, SignalFeed& signals
);

}  // namespace reeve::cli
