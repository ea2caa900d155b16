#include "cli/print.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace {

/// The first errno that cost output; set by any thread that prints.
std::atomic<int> lost_output{0};

/// 0, or the errno that kept the rest of the text from being written.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && errno == EAGAIN) {
      // Another process that shares this pipe or terminal has made it non-blocking.
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
      continue;
    }
    if (written <= 0) {
      return written < 0 ? errno : EIO;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Control characters of both sets: terminals take U+009B for ESC [.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) {
    return first < 0x20U && first != '\t' && first != '\n' && first != '\r';
  }
  return first == 0xC2U && static_cast<unsigned char>(character[1]) < 0xA0U;
}

}  // namespace

void print(std::string_view text) {
  const int failed = write_all(STDOUT_FILENO, text);
  // Neither a reader that had enough nor a caller that closed the output has lost anything.
  if (failed != 0 && failed != EPIPE && failed != EBADF) {
    lost_output = failed;
  }
}

bool wait_with_reader(int millis) {
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  if (::poll(&output, 1, millis) > 0 && (output.revents & POLLNVAL) != 0) {
    ::poll(nullptr, 0, millis);  // closed by whoever started us, who wants no output
    return true;
  }
  return (output.revents & POLLERR) == 0;
}

bool report_lost_output() {
  if (lost_output == 0) {
    return false;
  }
  errno = lost_output;
  report(platform::errno_error("write", "standard output"));
  return true;
}

void print_error_text(std::string_view text) {
  write_all(STDERR_FILENO, text);
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::NotFound:
      return ExitCode::NotFound;
    case ErrorCode::Unavailable:
    case ErrorCode::DeadlineExceeded:
    case ErrorCode::Io:
    case ErrorCode::Ambiguous:
      return ExitCode::Unreachable;
    case ErrorCode::Invalid:
    case ErrorCode::AlreadyExists:
    case ErrorCode::Conflict:
    case ErrorCode::IllegalTransition:
    case ErrorCode::StaleFence:
    case ErrorCode::LimitExceeded:
    case ErrorCode::Unsupported:
    case ErrorCode::PermissionDenied:
    case ErrorCode::Cancelled:
    case ErrorCode::Corrupt:
      return ExitCode::Refused;
  }
  return ExitCode::Refused;
}

int report(const Error& error) {
  print_error_text(
      concat("reeve: ", printable(error.describe()), " [", to_string(error.code), "]\n")
  );
  return static_cast<int>(exit_code_of(error));
}

void print_problem(const workflow::Problem& problem) {
  const Error& error = problem.error;
  std::string line = error.file.empty() ? std::string() : concat(error.file, ":");
  if (error.position.line > 0) {
    line += concat(error.position.line, ":", error.position.column, ":");
  }
  line += concat(line.empty() ? "" : " ", to_string(problem.severity), ": ");
  if (!error.subject.empty()) {
    line += concat(error.subject, ": ");
  }
  line += error.message;
  if (!error.hint.empty()) {
    line += concat(" (", error.hint, ")");
  }
  print_error_text(concat(printable(line), " [", problem.rule, "]\n"));
}

bool is_terminal_output() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && term != nullptr &&
         std::string_view(term) != "dumb";
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // What is no UTF-8 goes byte by byte: 0x9B alone begins a command on 8-bit terminals.
    const std::size_t length = utf8_length(text);
    const std::string_view piece = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(piece.size());
    if (length == 0 || is_control(piece)) {
      for (const char& byte : piece) {
        out += concat("\\x", to_hex({&byte, 1}));
      }
    } else if (piece != "\r" && piece != "\x7F") {
      out += piece;
    }
  }
  return out;
}

int exit_code_of_state(std::string_view state) {
  return static_cast<int>(state == "COMPLETE" ? ExitCode::Done : ExitCode::WorkFailed);
}

}  // namespace reeve::cli
