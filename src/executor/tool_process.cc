#include "executor/tool_process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/strings.h"
#include "executor/tool_record.h"
#include "platform/posix/files.h"

namespace reeve::executor {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivate = 0600;
constexpr std::string_view kOutputVariable = "REEVE_OUTPUT";

extern "C" char** environ;  // NOLINT: the C library's name

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) {
      return false;
    }
    bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  return true;
}

std::vector<model::NamedValue> own_environment() {
  std::vector<model::NamedValue> values;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t split_at = text.find('=', 1);
    if (split_at != std::string_view::npos) {
      values.emplace_back(text.substr(0, split_at), text.substr(split_at + 1));
    }
  }
  return values;
}

std::string value_of(const std::vector<model::NamedValue>& environment, std::string_view name) {
  for (const auto& [key, value] : environment) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

/// A line that `value` does not contain.
std::string delimiter_for(std::string_view value) {
  std::string delimiter = "END";
  for (std::size_t i = 0; value.find(delimiter) != std::string_view::npos; ++i) {
    delimiter = concat("END", i);
  }
  return delimiter;
}

/// Streams of this process and the file of $REEVE_OUTPUT.
class ProcessOutput final : public ToolOutput {
 public:
  explicit ProcessOutput(std::string output_file) : output_file_(std::move(output_file)) {}

  void write(std::string_view bytes) override { write_all(STDOUT_FILENO, bytes); }

  void note(std::string_view line) override { write_all(STDERR_FILENO, concat(line, "\n")); }

  Result<void> publish(std::string_view name, std::string_view value) override {
    if (name.empty() || name.find_first_of("=<\n") != std::string_view::npos) {
      return make_error(ErrorCode::Invalid, concat("\"", name, "\" is no name for an output"));
    }
    std::string text = concat(name, "=", value, "\n");
    if (value.find_first_of("\r\n") != std::string_view::npos) {
      const std::string delimiter = delimiter_for(value);
      text = concat(name, "<<", delimiter, "\n", value, "\n", delimiter, "\n");
    }
    const platform::FileDescriptor file(
        ::open(output_file_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    );
    if (!file || !write_all(file.get(), text)) {
      return platform::errno_error("write", output_file_);
    }
    return {};
  }

  void warn(std::string text) override { warnings_.push_back(std::move(text)); }

  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  std::string output_file_;
  std::vector<std::string> warnings_;
};

/// `<data>/missions/<mission>/runs/<run>`: the data directory, if the run lies in one.
fs::path data_dir_of(const fs::path& run_dir) {
  const fs::path runs = run_dir.parent_path();
  const fs::path missions = runs.parent_path().parent_path();
  const bool in_place = runs.filename() == "runs" && missions.filename() == "missions";
  return in_place ? missions.parent_path() : fs::path();
}

/// `source` is the file, or memory with the same input and the values of credentials in it.
Result<ToolRequest> read_request(const fs::path& file, const fs::path& source) {
  ToolRequest request;
  REEVE_TRY(std::string text, platform::read_file(source, kToolInputBytesMax));
  REEVE_TRY(request.input, parse_json(text));
  wipe(text);
  request.run_dir = file.parent_path().parent_path();
  request.data_dir = data_dir_of(request.run_dir);
  std::error_code failed;
  request.working_dir = fs::current_path(failed);
  if (failed) {
    return make_error(ErrorCode::Io, failed.message(), "the working directory");
  }
  request.environment = own_environment();
  return request;
}

int carry_out(Tool& tool, const fs::path& file, const fs::path& source) {
  ToolRecord record;
  auto request = read_request(file, source);
  ProcessOutput output(request.ok() ? value_of(request->environment, kOutputVariable) : "");
  auto end = request.ok() ? tool.run(*request, output) : Result<ToolEnd>(request.error());
  if (end.ok()) {
    record.end = std::move(end).value();
  } else {
    record.end.exit_code = kToolFailed;
    record.end.reason = end.error().describe();
  }
  if (!record.end.reason.empty()) {
    output.note(concat(tool.name(), ": ", record.end.reason));
  }
  record.warnings = output.take_warnings();
  const auto written = platform::replace_file(tool_end_file(file), encode(record), kPrivate);
  if (!written.ok()) {
    output.note(concat("the end could not be recorded: ", written.error().describe()));
    return record.end.exit_code == 0 ? kToolFailed : record.end.exit_code;
  }
  return record.end.exit_code;
}

}  // namespace

int tool_main(int argc, char** argv, const std::vector<std::unique_ptr<Tool>>& tools) {
  constexpr int kArguments = 4;
  std::signal(SIGPIPE, SIG_IGN);
  if ((argc != kArguments && argc != kArguments + 1) || argv[3][0] != '/') {
    std::fputs("usage: reeve executor TOOL FILE [INPUT] (started by a shim)\n", stderr);
    return kToolUsage;
  }
  for (const std::unique_ptr<Tool>& tool : tools) {
    if (tool->name() == argv[2]) {
      return carry_out(*tool, argv[3], argv[argc - 1]);
    }
  }
  std::fprintf(stderr, "reeve executor: there is no tool %s in this program\n", argv[2]);
  return kToolUsage;
}

}  // namespace reeve::executor
