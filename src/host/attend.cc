#include "host/attend.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <spawn.h>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/attend_order.h"
#include "host/attendant.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

extern "C" char** environ;  // NOLINT: the C library's name

/// Descriptors are moved here first, so that placing one cannot overwrite another.
constexpr int kHighFd = 10;
constexpr mode_t kPrivate = 0700;

/// Variables of ours that programs have as well: how to speak, and where programs are.
constexpr std::array<std::string_view, 4> kShown = {"PATH", "LANG", "LANGUAGE", "TZ"};
constexpr std::string_view kUsualPath = "/usr/local/bin:/usr/bin:/bin";

bool is_shown(std::string_view name) {
  return name.starts_with("LC_") || std::find(kShown.begin(), kShown.end(), name) != kShown.end();
}

struct Ends {
  FileDescriptor ours;
  FileDescriptor theirs;
};

Result<Ends> placed(FileDescriptor ours, FileDescriptor theirs) {
  FileDescriptor high(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kHighFd));
  if (!high) {
    return platform::errno_error("duplicate a descriptor of", "a pipe");
  }
  return Ends{.ours = std::move(ours), .theirs = std::move(high)};
}

/// `reads`: they read what we write.
Result<Ends> make_pipe(bool reads) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return platform::errno_error("pipe", {});
  }
  FileDescriptor read(fds[0]);
  FileDescriptor write(fds[1]);
  return reads ? placed(std::move(write), std::move(read))
               : placed(std::move(read), std::move(write));
}

using Variables = std::map<std::string, Secret, std::less<>>;

/// All of its environment. Invalid: a variable that cannot be.
Result<Variables> variables_of(const ProgramOrder& order, const fs::path& work) {
  Variables variables;
  variables.emplace("PATH", Secret(kUsualPath));
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && is_shown(text.substr(0, equals))) {
      variables.insert_or_assign(
          std::string(text.substr(0, equals)), Secret(text.substr(equals + 1))
      );
    }
  }
  const bool kept = order.sandbox.active();
  variables.emplace("HOME", Secret(kept ? std::string_view("/tmp/home") : work.native()));
  variables.emplace("TMPDIR", Secret(kept ? std::string_view("/tmp") : work.native()));
  for (const Secret& given : order.environment) {
    const std::size_t equals = given.view().find('=');
    if (equals == std::string_view::npos || equals == 0 ||
        given.view().find('\0') != std::string_view::npos) {
      return make_error(ErrorCode::Invalid, "a variable has an impossible name or value");
    }
    variables.insert_or_assign(
        std::string(given.view().substr(0, equals)), Secret(given.view().substr(equals + 1))
    );
  }
  return variables;
}

bool is_program(const std::string& path) {
  struct stat info {};

  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

/// The file that a first word means.
Result<std::string> find_program(const std::string& word, std::string_view path) {
  if (word.find('/') != std::string::npos) {
    if (word.front() != '/') {
      return make_error(ErrorCode::Invalid, "must be an absolute path, or a name", word);
    }
    return word;
  }
  for (const std::string_view directory : split(path, ':')) {
    std::string found = concat(directory, "/", word);
    if (directory.starts_with('/') && is_program(found)) {
      return found;
    }
  }
  Error error = make_error(ErrorCode::NotFound, "there is no such program in PATH", word);
  error.hint = concat("PATH is ", path);
  return error;
}

/// A directory that is empty, with one to work in.
Result<void> make_anew(const fs::path& directory) {
  REEVE_CHECK(platform::remove_tree(directory));
  return platform::make_directories(directory / kProgramWorkDir, kPrivate);
}

struct Attachments {
  int in = -1;
  int out = -1;
  int err = -1;
  int order = -1;
  int control = -1;
  int life = -1;
};

/// Starts the attendant in a session of its own; it inherits exactly what is attached.
Result<int> spawn(const fs::path& attendant, const Attachments& attached) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, attached.in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, attached.out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, attached.err, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, attached.order, kAttendOrderFd);
  ::posix_spawn_file_actions_adddup2(&actions, attached.control, kAttendControlFd);
  ::posix_spawn_file_actions_adddup2(&actions, attached.life, kAttendLifeFd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kAttendLifeFd + 1);
  sigset_t set;
  ::sigfillset(&set);
  ::posix_spawnattr_setsigdefault(&attributes, &set);
  ::sigemptyset(&set);
  ::posix_spawnattr_setsigmask(&attributes, &set);
  ::posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
  );
  std::array<std::string, 2> words = {"reeve", "attend"};
  std::array<char*, 3> argv = {words[0].data(), words[1].data(), nullptr};
  std::array<char*, 1> nothing = {nullptr};
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, attendant.c_str(), &actions, &attributes, argv.data(), nothing.data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    errno = failed;
    return platform::errno_error("start", attendant);
  }
  return pid;
}

/// With a directory that is there.
Result<Program> start(const fs::path& attendant, const FileDescriptor& described) {
  REEVE_TRY(Ends in, make_pipe(true));
  REEVE_TRY(Ends out, make_pipe(false));
  REEVE_TRY(Ends err, make_pipe(false));
  REEVE_TRY(Ends control, make_pipe(false));
  REEVE_TRY(Ends life, make_pipe(true));
  Attachments attached;
  attached.in = in.theirs.get();
  attached.out = out.theirs.get();
  attached.err = err.theirs.get();
  attached.order = described.get();
  attached.control = control.theirs.get();
  attached.life = life.theirs.get();
  REEVE_TRY(const int pid, spawn(attendant, attached));
  return Program{
      .attendant = pid,
      .in = std::move(in.ours),
      .out = std::move(out.ours),
      .err = std::move(err.ours),
      .control = std::move(control.ours),
      .life = std::move(life.ours)};
}

}  // namespace

Result<Program> attend(const fs::path& attendant, const ProgramOrder& order) {
  const fs::path work = order.directory / kProgramWorkDir;
  if (order.argv.empty() || order.argv.front().empty()) {
    return make_error(ErrorCode::Invalid, "names no program", "argv");
  }
  REEVE_TRY(Variables variables, variables_of(order, work));
  AttendantOrder sent;
  REEVE_TRY(sent.program, find_program(order.argv.front(), variables.at("PATH").view()));
  sent.argv = order.argv;
  sent.sandbox = order.sandbox;
  sent.data_dir = order.data_dir;
  sent.directory = order.directory;
  for (const auto& [name, value] : variables) {
    Secret entry(name.size() + 1 + value.size());
    name.copy(entry.data(), name.size());
    entry.data()[name.size()] = '=';
    value.view().copy(entry.data() + name.size() + 1, value.size());
    sent.environment.push_back(std::move(entry));
  }
  REEVE_TRY(FileDescriptor memory, to_memory(sent));
  REEVE_TRY(const Ends described, placed(FileDescriptor(), std::move(memory)));
  const Result<void> made = make_anew(order.directory);
  Result<Program> program =
      made ? start(attendant, described.theirs) : Result<Program>(made.error());
  if (!program) {
    // There is nobody else who would remove it.
    (void)platform::remove_tree(order.directory);
  }
  return program;
}

ProgramOutcome outcome_of(std::string_view told) {
  constexpr std::string_view kEnded = "ended ";
  constexpr std::string_view kFailed = "failed ";
  ProgramOutcome outcome;
  outcome.how = "gone: nobody says how it ended";
  for (const std::string_view line : split(told, '\n')) {
    outcome.started = outcome.started || line == "started";
    for (const std::string_view word : {kEnded, kFailed}) {
      if (line.starts_with(word)) {
        outcome.how = line.substr(word.size());
      }
    }
  }
  return outcome;
}

bool reap_attendant(int attendant) {
  return ::waitpid(attendant, nullptr, WNOHANG) != 0;
}

}  // namespace reeve::host
