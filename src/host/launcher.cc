#include "host/launcher.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/strings.h"
#include "coord/bundle/bundle.h"
#include "executor/container/command.h"
#include "executor/container/engine.h"
#include "executor/shell/outputs.h"
#include "host/artifacts.h"
#include "host/inspection.h"
#include "host/process_tree.h"
#include "host/shim.h"
#include "host/spawn.h"
#include "model/scoped_name.h"
#include "platform/posix/system.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr std::uint64_t kShimErrorBytesMax = 4096;
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr int kStaleNamesMax = 1000;

/// Whether `shim` names a process that lives now, in this boot: not one that inherited its number.
bool is_same_process(const ShimRecord& shim) {
  return shim.boot_id == platform::boot_id() && shim.start_time != 0 &&
         platform::process_start_time(shim.pid) == shim.start_time;
}

/// The `::set-output` lines among bytes [begin, end) of an open log.
void scan_range(
    int fd, std::uint64_t begin, std::uint64_t end, executor::shell::OutputCollector& outputs
) {
  executor::shell::SetOutputScanner scanner(outputs);
  std::string buffer(kReadBytes, '\0');
  while (begin < end) {
    const std::size_t size = std::min<std::uint64_t>(buffer.size(), end - begin);
    const ssize_t count = ::pread(fd, buffer.data(), size, static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      outputs.warn("standard output is shorter than recorded: published values may be missing");
      break;
    }
    scanner.feed(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
    begin += static_cast<std::uint64_t>(count);
  }
  scanner.finish();
}

/// Values from standard output of the steps that succeeded.
void collect_set_outputs(
    const fs::path& dir, const ExitRecord& exit, executor::shell::OutputCollector& outputs
) {
  const FileDescriptor log(
      ::open((dir / kStdoutFile).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  );
  for (const StepRecord& step : exit.steps) {
    const bool succeeded = step.end == model::RunEnd::Exited && step.exit_code == 0;
    if (succeeded && step.stdout_end > step.stdout_begin) {
      scan_range(log.get(), step.stdout_begin, step.stdout_end, outputs);
    }
  }
}

/// Values from the file named by $REEVE_OUTPUT, whatever became of the step that wrote them.
void collect_output_file(
    const fs::path& dir, executor::shell::OutputCollector& outputs, model::RunResult& result
) {
  const fs::path path = dir / kOutputFile;

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return;
  }
  // A script may have put anything there; a FIFO would block us.
  if (!S_ISREG(info.st_mode)) {
    add_warning(result, "$REEVE_OUTPUT was ignored: it is no longer a regular file");
    return;
  }
  const auto text = platform::read_file(path, kOutputFileBytesMax);
  if (!text.ok()) {
    add_warning(result, concat("$REEVE_OUTPUT was ignored: ", text.error().describe()));
    return;
  }
  const auto parsed = executor::shell::parse_output_file(*text);
  for (const auto& [name, value] : parsed.values()) {
    outputs.add(name, value, "$REEVE_OUTPUT");
  }
  for (const std::string& warning : parsed.warnings()) {
    add_warning(result, warning);
  }
}

/// Removes what is left of the containers of a run, unless all of its steps ended well: then so did
/// their containers. A client that fails by itself says nothing about its container.
void remove_containers(const SpecRecord& spec, const ExitRecord* exit) {
  const auto ended_well = [](const StepRecord& step) {
    return step.end == model::RunEnd::Exited && step.exit_code == 0;
  };
  if (!spec.spec.container ||
      (exit != nullptr && std::all_of(exit->steps.begin(), exit->steps.end(), ended_well))) {
    return;
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < spec.spec.steps.size(); ++i) {
    if (spec.spec.steps[i].tool.empty()) {
      names.push_back(executor::container::container_name(spec.mark, i));
    }
  }
  const char* search_path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): never set here
  const auto engine = executor::container::find_engine(search_path != nullptr ? search_path : "");
  if (engine.ok()) {
    // Most of them are gone already, which engines call a failure.
    [[maybe_unused]] const auto removed = executor::container::run_quietly(
        executor::container::remove_command(engine->program, names),
        executor::container::kRemoveTimeout
    );
  }
}

/// Tasks that the run asks to add to its mission: the engine judges them.
void collect_tasks_file(const fs::path& dir, model::RunResult& result) {
  const fs::path path = dir / kTasksFile;

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0 || (S_ISREG(info.st_mode) && info.st_size == 0)) {
    return;
  }
  // Left out they would seem to be added: the run has to fail instead.
  if (!S_ISREG(info.st_mode)) {
    result.extension = "$REEVE_TASKS is no longer a regular file";
    return;
  }
  auto text = platform::read_file(path, model::kExtensionBytesMax);
  if (text.ok() && !is_utf8(*text)) {
    result.extension = "$REEVE_TASKS is not UTF-8";
  } else {
    result.extension =
        text.ok() ? std::move(*text) : concat("$REEVE_TASKS: ", text.error().describe());
  }
}

/// What the run leaves for later ones. A bundle that is not valid is a warning for each of its
/// faults: the mission keeps the one it has.
void collect_bundle_file(const fs::path& dir, model::RunResult& result) {
  const fs::path path = dir / kBundleFile;

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0 || (S_ISREG(info.st_mode) && info.st_size == 0)) {
    return;
  }
  if (!S_ISREG(info.st_mode)) {
    add_warning(result, "$REEVE_BUNDLE was refused: it is no longer a regular file");
    return;
  }
  const auto text = platform::read_file(path, model::kBundleBytesMax);
  if (!text.ok()) {
    add_warning(result, concat("$REEVE_BUNDLE was refused: ", text.error().describe()));
    return;
  }
  std::vector<bundle::Fault> faults;
  auto parsed = bundle::Bundle::parse(*text, faults);
  if (parsed.ok()) {
    result.bundle = parsed->json();
  }
  for (const bundle::Fault& fault : faults) {
    add_warning(result, concat("$REEVE_BUNDLE was refused: ", fault.describe()));
  }
}

/// What a supervisor has said that could not begin; empty: it has said nothing.
std::string shim_error(const fs::path& dir) {
  const auto text = platform::read_file(dir / kShimErrorFile, kShimErrorBytesMax);
  const std::string_view line = text.ok() ? trim(*text) : std::string_view{};
  return is_utf8(line) ? std::string(line) : std::string("the supervisor could not begin");
}

/// What the run is to be given, from what it does.
NewRun new_run(const SpecRecord& record) {
  NewRun run{
      .ns = model::namespace_of(record.mission.view()),
      .mission = record.mission,
      .run = record.run,
      .fence = record.fence,
      .timeout = record.spec.timeout};
  for (const model::Step& step : record.spec.steps) {
    if (step.tool != "agent") {
      continue;
    }
    run.socket = SocketUse::Also;
    const Json* agent = step.input.find("agent");
    if (agent != nullptr && run.agent.empty()) {
      run.agent = agent->get_string("name");
    }
  }
  if (record.spec.sandbox.level == model::SandboxLevel::Isolated) {
    run.socket = SocketUse::Only;
  }
  return run;
}

}  // namespace

// ---- answers ------------------------------------------------------------------------------------

model::Report Launcher::finished(const Key& key, model::RunResult result) const {
  // It is good for nothing any more.
  ::unlink((key.dir / kTokenFile).c_str());
  forget(key);
  return model::RunFinished{
      .mission = key.mission, .run = key.run, .fence = key.fence, .result = std::move(result)};
}

model::Report Launcher::lose(const Key& key, std::string detail) const {
  if (!key.dir.empty()) {
    ::unlink((key.dir / kTokenFile).c_str());
  }
  forget(key);
  return model::RunLost{
      .mission = key.mission, .run = key.run, .fence = key.fence, .detail = std::move(detail)};
}

void Launcher::forget(const Key& key) const {
  if (identities_ != nullptr) {
    identities_->ended(key.run, key.fence);
  }
}

/// A run of which nothing was started.
model::Report Launcher::fail(const Key& key, std::string reason) const {
  platform::SystemClock clock;
  model::RunResult result;
  result.end = model::RunEnd::LaunchFailed;
  result.exit_code = kExitNotFound;
  result.reason = std::move(reason);
  result.started_at = clock.now();
  result.ended_at = result.started_at;
  const ResultRecord record{.run = key.run, .fence = key.fence, .result = result};
  const auto written = platform::replace_file(key.dir / kResultFile, encode(record));
  if (!written.ok()) {
    add_warning(result, concat("the result could not be recorded: ", written.error().describe()));
  }
  return finished(key, std::move(result));
}

// ---- launching ----------------------------------------------------------------------------------

Outcome Launcher::launch(const model::LaunchRun& request) const {
  auto dir = run_directory(data_dir_, request.mission, request.run);
  const Key key{
      .dir = dir.ok() ? *dir : fs::path(),
      .mission = request.mission,
      .run = request.run,
      .fence = request.fence};
  if (!dir.ok()) {
    model::RunResult result;
    result.end = model::RunEnd::LaunchFailed;
    result.exit_code = kExitNotFound;
    result.reason = dir.error().describe();
    return finished(key, std::move(result));
  }
  return launch_in(key, request);
}

Outcome Launcher::launch_in(const Key& key, const model::LaunchRun& request) const {
  const auto made = platform::make_directories(key.dir);
  if (!made.ok()) {
    return fail(key, made.error().describe());
  }
  auto lock = try_lock(key.dir, true);
  if (!lock.ok()) {
    // Without the lock nobody knows whether it runs: only what was never undertaken has failed.
    const bool undertaken = request.started || ::access((key.dir / kSpecFile).c_str(), F_OK) == 0;
    return undertaken ? Outcome(AskAgain{lock.error().describe()})
                      : Outcome(fail(key, lock.error().describe()));
  }
  if (!*lock) {
    return join(key);
  }
  const auto old = read_spec(key.dir);
  if (old.ok() && old->fence > key.fence) {
    return lose(key, concat("superseded by fence ", old->fence.value()));
  }
  if (old.ok() && old->fence < key.fence) {
    const auto moved = set_aside(key, old->fence);
    return moved.ok() ? Outcome(AskAgain{"an older fence was set aside"})
                      : Outcome(fail(key, moved.error().describe()));
  }
  if (auto obstacle = unreadable(key)) {
    return AskAgain{std::move(*obstacle)};
  }
  if (auto report = concluded(key)) {
    return std::move(*report);
  }
  if (request.started) {
    return lose(key, "it had started, and nothing of it is left on this machine");
  }
  return start(key, request, std::move(*lock));
}

/// Somebody supervises the run already, under this fence or another one.
Outcome Launcher::join(const Key& key) const {
  const auto spec = read_spec(key.dir);
  if (!spec.ok()) {
    return AskAgain{spec.error().describe()};
  }
  if (spec->fence > key.fence) {
    return lose(key, concat("superseded by fence ", spec->fence.value()));
  }
  if (spec->fence < key.fence) {
    kill_live_shim(key);
    return AskAgain{"the supervisor of an older fence has to end first"};
  }
  if (identities_ != nullptr && !spec->socket.empty()) {
    identities_->adopted(key.run, key.fence);
  }
  return adopt(key, spec->spec.grace);
}

Outcome Launcher::adopt(const Key& key, Duration grace) const {
  const auto shim = read_shim(key.dir);
  if (!shim.ok()) {
    return AskAgain{"its supervisor is starting"};
  }
  Watch watch{.dir = key.dir, .pid = 0, .start_time = 0, .pidfd = {}, .ready = {}, .grace = grace};
  FileDescriptor pidfd = open_pidfd(shim->pid);
  // Looked at after the pidfd exists: from here on the number cannot change hands.
  if (is_same_process(*shim)) {
    watch.pid = shim->pid;
    watch.start_time = shim->start_time;
    watch.pidfd = std::move(pidfd);
  }
  return watch;
}

FileDescriptor Launcher::open_pidfd(int pid) const {
  if (!use_pidfds_ || pid <= 0) {
    return {};
  }
  return FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

/// Ends the shim that holds the lock, if shim.json names it beyond doubt.
bool Launcher::kill_live_shim(const Key& key) const {
  const auto shim = read_shim(key.dir);
  if (!shim.ok()) {
    return false;
  }
  const FileDescriptor pidfd = open_pidfd(shim->pid);
  if (!is_same_process(*shim)) {
    return false;
  }
  if (pidfd) {
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0;
  }
  return ::kill(shim->pid, SIGKILL) == 0;
}

/// Makes room for a newer fence: ends what is left of the old run and renames its directory.
Result<void> Launcher::set_aside(const Key& key, Fence old) const {
  const auto spec = read_spec(key.dir);
  const auto shim = read_shim(key.dir);
  const std::string mark = spec.ok() ? spec->mark : make_mark(key.dir, old);
  const std::size_t left = kill_leftover_tree(mark, shim.ok() ? shim->cgroup : std::string());
  if (spec.ok()) {
    remove_containers(*spec, nullptr);
  }
  if (left > 0) {
    return make_error(
        ErrorCode::Unavailable,
        concat(left, " processes of fence ", old.value(), " cannot be ended")
    );
  }
  fs::path target = key.dir;
  target += concat(".stale-", old.value());
  const std::string base = target.native();
  for (int number = 2; number <= kStaleNamesMax && ::access(target.c_str(), F_OK) == 0; ++number) {
    target = concat(base, "-", number);
  }
  if (::rename(key.dir.c_str(), target.c_str()) != 0) {
    return platform::errno_error("rename", key.dir);
  }
  return {};
}

Outcome Launcher::start(const Key& key, const model::LaunchRun& request, FileDescriptor lock)
    const {
  // First, so that a run that lacks one leaves nothing behind.
  const auto secrets = RunSecrets::resolve(credentials_, request.spec);
  if (!secrets.ok()) {
    return fail(key, secrets.error().describe());
  }
  const auto laid_out = lay_out(key, request);
  if (!laid_out.ok()) {
    return fail(key, laid_out.error().describe());
  }
  auto watch = spawn(key, request.spec, *secrets, std::move(lock));
  if (!watch.ok()) {
    return fail(key, watch.error().describe());
  }
  return std::move(watch).value();
}

Result<void> Launcher::lay_out(const Key& key, const model::LaunchRun& request) const {
  ::unlink((key.dir / kCancelFile).c_str());
  ::unlink((key.dir / kFrozenFile).c_str());
  SpecRecord record{
      .mission = key.mission,
      .task = request.task,
      .run = key.run,
      .fence = key.fence,
      .boot_id = platform::boot_id(),
      .mark = make_mark(key.dir, key.fence),
      .spec = with_origin(request.spec, request.origin)};
  REEVE_CHECK(identify(record, key));
  // Durable before anything runs: with its boot id it tells later whether the run may have started.
  REEVE_CHECK(platform::write_file_atomically(key.dir / kSpecFile, encode(record)));
  REEVE_CHECK(platform::remove_tree(key.dir / kWorkDir));
  REEVE_CHECK(platform::make_directories(key.dir / kWorkDir));
  if (request.spec.inputs.empty() && request.spec.uploads.empty()) {
    return {};
  }
  REEVE_TRY(const fs::path base, working_directory(key.dir, request.spec));
  if (request.spec.working_dir.empty() || request.spec.working_dir.front() != '/') {
    REEVE_CHECK(platform::make_directories(base));
  }
  const Timestamp now = platform::SystemClock().now();
  REEVE_CHECK(place_inputs(blobs_, base, request.spec.inputs, now));
  return place_uploads(
      {.of_namespace = blob::Uploads(data_dir_, blobs_, request.spec.ns),
       .of_machine = blob::Uploads(data_dir_, blobs_)},
      blobs_,
      base,
      request.spec.uploads,
      now
  );
}

/// Gives the run what it proves to the API with which run it is: a file, because everybody of the
/// same account sees arguments and environments.
Result<void> Launcher::identify(SpecRecord& record, const Key& key) const {
  constexpr mode_t kOwnerOnly = 0600;
  ::unlink((key.dir / kTokenFile).c_str());
  if (identities_ == nullptr) {
    return {};
  }
  REEVE_TRY(const std::optional<RunAccess> access, identities_->access(new_run(record)));
  if (!access) {
    return {};
  }
  record.api = access->api;
  record.authority_file = access->authority_file;
  record.socket = access->socket.native();
  return platform::replace_file(key.dir / kTokenFile, access->token.view(), kOwnerOnly);
}

Result<Watch> Launcher::spawn(
    const Key& key, const model::RunSpec& spec, const RunSecrets& secrets, FileDescriptor lock
) const {
  FileDescriptor memory;
  if (!secrets.empty()) {
    REEVE_TRY(memory, secrets.to_memory());
  }
  REEVE_TRY(Spawned spawned, spawn_shim(program_, key.dir, std::move(lock), std::move(memory)));
  Watch watch{
      .dir = key.dir,
      .pid = spawned.pid,
      .start_time = platform::process_start_time(spawned.pid),
      .pidfd = open_pidfd(spawned.pid),
      .ready = std::move(spawned.ready),
      .grace = spec.grace};
  return watch;
}

// ---- cancelling ---------------------------------------------------------------------------------

Outcome Launcher::find(const model::CancelRun& request) const {
  auto dir = run_directory(data_dir_, request.mission, request.run);
  const Key key{
      .dir = dir.ok() ? *dir : fs::path(),
      .mission = request.mission,
      .run = request.run,
      .fence = request.fence};
  auto lock = dir.ok() ? try_lock(key.dir, false) : Result<FileDescriptor>(dir.error());
  if (!lock.ok() && dir.ok() && lock.error().code != ErrorCode::NotFound) {
    return AskAgain{lock.error().describe()};
  }
  if (!lock.ok()) {
    return lose(key, "this host does not know the run");
  }
  const auto spec = read_spec(key.dir);
  if (!spec.ok()) {
    return *lock ? Outcome(lose(key, "it was never started")) : Outcome(AskAgain{"it is starting"});
  }
  if (spec->fence != key.fence) {
    return lose(key, concat("superseded by fence ", spec->fence.value()));
  }
  if (!*lock) {
    return adopt(key, spec->spec.grace);
  }
  if (auto obstacle = unreadable(key)) {
    return AskAgain{std::move(*obstacle)};
  }
  if (auto report = concluded(key)) {
    return std::move(*report);
  }
  return lose(key, "it was never started");
}

// ---- after the end ------------------------------------------------------------------------------

model::Report Launcher::conclude(
    const fs::path& dir, const MissionName& mission, const RunName& run, Fence fence
) const {
  const Key key{.dir = dir, .mission = mission, .run = run, .fence = fence};
  if (auto report = concluded(key)) {
    return std::move(*report);
  }
  // One that cannot begin says why; one that says nothing was killed, which the next one may not
  // be.
  std::string error = shim_error(dir);
  return error.empty() ? lose(key, "its supervisor vanished before it was ready")
                       : fail(key, std::move(error));
}

/// What the directory of a run without supervisor says; nothing: no step was ever started.
/// Why the records of a run cannot be looked at now, if that may pass: a run whose end is on disk
/// must not be taken for lost because descriptors ran out.
std::optional<std::string> Launcher::unreadable(const Key& key) const {
  const auto passing = [](const auto& record) {
    return !record.ok() && (record.error().code == ErrorCode::Io ||
                            record.error().code == ErrorCode::PermissionDenied);
  };
  if (const auto exit = read_exit(key.dir); passing(exit)) {
    return exit.error().describe();
  }
  if (const auto result = read_result(key.dir); passing(result)) {
    return result.error().describe();
  }
  return std::nullopt;
}

std::optional<model::Report> Launcher::concluded(const Key& key) const {
  auto spec = read_spec(key.dir);
  if (auto result = read_result(key.dir); result.ok() && result->fence == key.fence) {
    if (result->result.succeeded()) {
      // A host that died between recording the result and this left it behind.
      const auto removed = platform::remove_tree(key.dir / kWorkDir);
      if (!removed.ok()) {
        add_warning(result->result, removed.error().describe());
      }
    }
    return finished(key, std::move(result->result));
  }
  auto exit = read_exit(key.dir);
  if (spec.ok() && exit.ok() && exit->fence == key.fence) {
    return collect(key, *spec, std::move(*exit));
  }
  const auto shim = read_shim(key.dir);
  const bool never_announced = !shim.ok() && shim.error().code == ErrorCode::NotFound;
  const bool other_boot = spec.ok() && spec->boot_id != platform::boot_id();
  const bool no_exit = !exit.ok() && exit.error().code == ErrorCode::NotFound;
  if (never_announced && no_exit && !other_boot) {
    return std::nullopt;
  }
  const std::string mark = spec.ok() ? spec->mark : make_mark(key.dir, key.fence);
  const std::size_t left = kill_leftover_tree(mark, shim.ok() ? shim->cgroup : std::string());
  if (spec.ok()) {
    remove_containers(*spec, nullptr);
  }
  std::string detail = other_boot ? "the machine restarted before the run ended"
                       : no_exit  ? "its supervisor ended without a record"
                                  : "its record cannot be read";
  if (left > 0) {
    detail += concat("; ", left, " of its processes could not be ended");
  }
  return lose(key, std::move(detail));
}

model::Report Launcher::collect(const Key& key, const SpecRecord& spec, ExitRecord exit) const {
  remove_containers(spec, &exit);
  model::RunResult result = std::move(exit.result);
  executor::shell::OutputCollector outputs;
  collect_set_outputs(key.dir, exit, outputs);
  collect_output_file(key.dir, outputs, result);
  collect_tasks_file(key.dir, result);
  collect_bundle_file(key.dir, result);
  result.outputs = outputs.values();
  for (const std::string& warning : outputs.warnings()) {
    add_warning(result, warning);
  }
  const auto base = working_directory(key.dir, spec.spec);
  if (base.ok()) {
    collect_artifacts(blobs_, *base, spec.spec, result);
  }
  const std::string text =
      encode(ResultRecord{.run = key.run, .fence = key.fence, .result = result});
  // The artifacts' only other trace is the working directory, which is removed next.
  const auto written = result.artifacts.empty()
                           ? platform::replace_file(key.dir / kResultFile, text)
                           : platform::write_file_atomically(key.dir / kResultFile, text);
  if (!written.ok()) {
    add_warning(result, concat("the result could not be recorded: ", written.error().describe()));
  } else if (result.succeeded()) {
    const auto removed = platform::remove_tree(key.dir / kWorkDir);
    if (!removed.ok()) {
      add_warning(result, removed.error().describe());
    }
  }
  return finished(key, std::move(result));
}

}  // namespace reeve::host
