#include "cli/print.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "base/strings.h"

namespace reeve::cli {

namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text);
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
  print_error_text(concat("reeve: ", printable(error.describe()), "\n"));
  return static_cast<int>(exit_code_of(error));
}

void print_problem(const workflow::Problem& problem) {
  const Error& error = problem.error;
  std::string line = error.file.empty() ? std::string() : concat(error.file, ":");
  if (error.position.line > 0) {
    line += concat(error.position.line, ":", error.position.column, ":");
  }
  line += concat(
      line.empty() ? "" : " ",
      problem.severity == workflow::Severity::Error ? "error: " : "warning: "
  );
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
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20U || c == '\t' || c == '\n') {
      if (byte != 0x7FU) {
        out.push_back(c);
      }
    } else if (c != '\r') {
      out += concat("\\x", to_hex(std::string_view(&c, 1)));
    }
  }
  return out;
}

int exit_code_of_state(std::string_view state) {
  return static_cast<int>(state == "COMPLETE" ? ExitCode::Done : ExitCode::WorkFailed);
}

}  // namespace reeve::cli
