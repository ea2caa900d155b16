#include "owner/inbox.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include <sys/stat.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "owner/identity.h"
#include "protocol/commands.h"
#include "workflow/load/load.h"
#include "workflow/trigger/occurrence.h"

namespace reeve::owner {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDone = "done";
constexpr const char* kFailed = "failed";
constexpr std::string_view kParamsSuffix = ".params.json";
constexpr std::string_view kErrorSuffix = ".error.txt";
constexpr mode_t kPrivate = 0700;
constexpr std::size_t kReadBytes = std::size_t{1} << 20U;
/// Files of one name that may lie in `done` or `failed`.
constexpr int kSameNameMax = 10'000;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kNanosPerMilli = 1'000'000;

bool is_document(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

/// `build.yaml` → `build.params.json`
std::string params_name(const std::string& name) {
  return concat(fs::path(name).stem().string(), kParamsSuffix);
}

/// What can go right later is left where it is.
bool may_pass(const Error& error) {
  return error.retryable() || error.code == ErrorCode::Cancelled || error.code == ErrorCode::Io ||
         error.code == ErrorCode::Ambiguous;
}

Result<std::string> digest_of(int fd, const fs::path& path) {
  Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  std::uint64_t total = 0;
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return platform::errno_error("read", path);
    }
    if (count == 0) {
      const Sha256Bytes bytes = hash.finish();
      return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    total += static_cast<std::uint64_t>(count);
    if (total > kInboxFileBytesMax) {
      return make_error(
          ErrorCode::LimitExceeded, concat("has more than ", kInboxFileBytesMax, " bytes"), path
      );
    }
    hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
  }
}

/// The params of a JSON object: texts as they are, other values as JSON.
Result<std::vector<model::NamedValue>> read_params(const fs::path& path) {
  Result<std::string> text = platform::read_file(path, kInboxParamsBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) {
    return std::vector<model::NamedValue>();
  }
  REEVE_TRY(const std::string content, std::move(text));
  const Result<Json> json = parse_json(content);
  if (!json || !json->is_object()) {
    return make_error(
        ErrorCode::Invalid,
        json ? std::string("must be an object of params") : json.error().describe(),
        path.filename()
    );
  }
  std::vector<model::NamedValue> params;
  for (const Json::Member& member : json->as_object()) {
    params.emplace_back(
        member.first, member.second.is_string() ? member.second.as_string() : member.second.dump()
    );
  }
  return params;
}

/// `a.csv`, `a.2.csv`, `a.3.csv` …
std::string numbered(const std::string& name, int number) {
  if (number == 1) {
    return name;
  }
  const fs::path path(name);
  return concat(path.stem().string(), ".", number, path.extension().string());
}

}  // namespace

Result<Inbox> Inbox::open(const fs::path& data_dir, InboxPorts ports) {
  fs::path directory = data_dir / "inbox";
  for (const fs::path& path : {directory, directory / kDone, directory / kFailed}) {
    REEVE_CHECK(platform::make_directories(path, kPrivate));
  }
  return Inbox(std::move(directory), std::move(ports));
}

std::vector<std::string> Inbox::names() const {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(directory_, failed)) {
    const std::string name = entry.path().filename().string();
    const bool companion = name.ends_with(kParamsSuffix);
    if (!name.starts_with('.') && !companion && !entry.is_directory(failed)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min(names.size(), kInboxFilesPerScanMax));
  return names;
}

std::vector<std::string> Inbox::scan(const std::set<std::string>& closed) {
  std::vector<std::string> news;
  const std::vector<std::string> found = names();
  for (const std::string& name : found) {
    if (!is_complete(name, closed.contains(name))) {
      continue;
    }
    const Result<void> taken = take(name);
    if (!taken && !may_pass(taken.error())) {
      refuse(name, taken.error());
      news.push_back(concat("inbox: ", name, " was refused: ", taken.error().describe()));
    }
  }
  std::erase_if(seen_, [&](const auto& item) {
    return !std::binary_search(found.begin(), found.end(), item.first);
  });
  return news;
}

/// Whether nobody writes to it any more, as far as can be seen.
bool Inbox::is_complete(const std::string& name, bool closed) {
  struct stat info {};

  if (::lstat((directory_ / name).c_str(), &info) != 0) {
    return false;
  }
  const Sight now{
      .device = info.st_dev,
      .inode = info.st_ino,
      .size_bytes = static_cast<std::uint64_t>(info.st_size),
      .modified_nanos = info.st_mtim.tv_sec * kNanosPerSecond + info.st_mtim.tv_nsec,
      .since = ports_.now()};
  const auto known = seen_.find(name);
  if (known == seen_.end() || !known->second.same_as(now)) {
    seen_[name] = now;
    return closed;
  }
  return closed || now.since - known->second.since >= kInboxQuiet;
}

Result<void> Inbox::take(const std::string& name) {
  platform::FileDescriptor fd;
  REEVE_TRY(Taken taken, open_file(name, fd));
  REEVE_CHECK(place_in_done(taken));
  if (Result<void> handed = hand_on(taken); !handed) {
    if (!may_pass(handed.error()) && !taken.used) {
      ::unlink(taken.done.c_str());
    }
    return handed;
  }
  // What is known of it is stored, so that losing this step costs only one more look.
  if (::unlink((directory_ / name).c_str()) != 0 && errno != ENOENT) {
    return platform::errno_error("unlink", directory_ / name);
  }
  move_companion(name, kDone);
  seen_.erase(name);
  return {};
}

Result<Inbox::Taken> Inbox::open_file(const std::string& name, platform::FileDescriptor& fd) const {
  const fs::path path = directory_ / name;
  fd.reset(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return errno == ELOOP ? make_error(ErrorCode::Invalid, "is a symbolic link", name)
                          : platform::errno_error("open", path);
  }

  struct stat info {};

  if (::fstat(fd.get(), &info) != 0) {
    return platform::errno_error("stat", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return make_error(ErrorCode::Invalid, "is no file", name);
  }
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return make_error(
        ErrorCode::PermissionDenied, "belongs to another user than this process", name
    );
  }
  if (!is_utf8(name)) {
    return make_error(ErrorCode::Invalid, "has a name that is not UTF-8", "inbox");
  }
  Taken taken;
  taken.name = name;
  taken.uid = info.st_uid;
  taken.sight = {
      .device = info.st_dev,
      .inode = info.st_ino,
      .size_bytes = static_cast<std::uint64_t>(info.st_size),
      .modified_nanos = info.st_mtim.tv_sec * kNanosPerSecond + info.st_mtim.tv_nsec,
      .since = {}};
  REEVE_TRY(taken.digest, digest_of(fd.get(), path));
  taken.id = sha256(concat(
                        name,
                        "\n",
                        taken.digest,
                        "\n",
                        taken.sight.device,
                        "\n",
                        taken.sight.inode,
                        "\n",
                        taken.sight.modified_nanos
                    ))
                 .str();
  return taken;
}

/// Gives the file its place in `done`, or finds the one that it had before a crash.
Result<void> Inbox::place_in_done(Taken& taken) const {
  const fs::path path = directory_ / taken.name;
  for (int number = 1; number <= kSameNameMax; ++number) {
    taken.done = directory_ / kDone / numbered(taken.name, number);
    if (::link(path.c_str(), taken.done.c_str()) == 0) {
      return platform::sync_directory(directory_ / kDone);
    }
    if (errno != EEXIST) {
      return platform::errno_error("link", taken.done);
    }

    struct stat info {};

    if (::lstat(taken.done.c_str(), &info) == 0 && info.st_ino == taken.sight.inode &&
        info.st_dev == taken.sight.device) {
      return {};
    }
  }
  return make_error(
      ErrorCode::LimitExceeded,
      concat("more than ", kSameNameMax, " files had this name"),
      taken.name
  );
}

Result<void> Inbox::hand_on(Taken& taken) {
  REEVE_TRY(const std::vector<DeployedTrigger> triggers, ports_.triggers());
  bool matched = false;
  for (const DeployedTrigger& each : triggers) {
    const auto* inbox = std::get_if<workflow::InboxTrigger>(&each.trigger->source);
    if (inbox != nullptr && glob_match(inbox->glob, taken.name)) {
      matched = true;
      REEVE_CHECK(fire(taken, each));
      taken.used = true;
    }
  }
  if (matched) {
    return {};
  }
  if (is_document(taken.name)) {
    return submit(taken);
  }
  Error error =
      make_error(ErrorCode::NotFound, "no trigger of a deployed workflow matches", taken.name);
  error.hint = "documents that are to be submitted end with .yaml or .yml";
  return error;
}

Result<void> Inbox::fire(const Taken& taken, const DeployedTrigger& trigger) {
  const trigger::InboxFile file{
      .name = taken.name,
      .path = taken.done,
      .size_bytes = taken.sight.size_bytes,
      .modified_at = from_unix_millis(taken.sight.modified_nanos / kNanosPerMilli),
      .digest = taken.digest};
  const trigger::Occurrence occurrence = trigger::file_occurrence(file, ports_.now());
  Json body = Json::object();
  body.set("trigger", trigger.trigger->name).set("data", occurrence.data);
  body.set("key", occurrence.key);
  const std::string& workflow = trigger.workflow->name;
  kernel::Input input;
  input.id = InputId(
      concat("inbox-", sha256(concat(taken.id, "\n", workflow, "\n", trigger.trigger->name)).view())
  );
  const Caller caller = user_of(taken.uid);
  input.principal = caller.principal;
  input.groups = caller.groups;
  input.correlation = CorrelationId(input.id.str());
  input.command = engine::ObjectCommand{
      .object = {.kind = journal::Kind::Workflow, .ns = Namespace("default"), .name = workflow},
      .verb = "fire",
      .body = std::move(body)};
  REEVE_CHECK(ports_.call(std::move(input)));
  return {};
}

Result<void> Inbox::submit(const Taken& taken) {
  REEVE_TRY(const std::string source, platform::read_file(taken.done, workflow::kSourceBytesMax));
  REEVE_TRY(
      const std::vector<model::NamedValue> params, read_params(directory_ / params_name(taken.name))
  );
  workflow::LoadOptions options;
  options.file = taken.name;
  for (const auto& [name, value] : params) {
    options.params.set(name, value);
  }
  const workflow::Loaded loaded = workflow::load(source, options);
  if (!loaded.ok()) {
    return loaded.first_error();
  }
  engine::SubmitMission command;
  command.workflow = loaded.workflow;
  command.params = params;
  kernel::Input input;
  input.id = InputId(concat("inbox-", taken.id));
  const Caller caller = user_of(taken.uid);
  input.principal = caller.principal;
  input.groups = caller.groups;
  input.correlation = CorrelationId(input.id.str());
  input.command = std::move(command);
  REEVE_CHECK(ports_.call(std::move(input)));
  return {};
}

/// Puts the file aside and says why beside it.
void Inbox::refuse(const std::string& name, const Error& error) {
  const fs::path path = directory_ / name;
  for (int number = 1; number <= kSameNameMax; ++number) {
    const std::string aside = numbered(name, number);
    const fs::path target = directory_ / kFailed / aside;
    if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
      const std::string text = error.describe() + "\n";
      // The refusal is told in any case; a note that cannot be written is no second problem.
      (void)platform::replace_file(directory_ / kFailed / concat(aside, kErrorSuffix), text, 0600)
          .ok();
      break;
    }
    if (errno != EEXIST) {
      break;
    }
  }
  move_companion(name, kFailed);
  seen_.erase(name);
}

void Inbox::move_companion(const std::string& name, const char* folder) const {
  const std::string companion = params_name(name);
  if (is_document(name)) {
    // There may be none.
    (void)::rename((directory_ / companion).c_str(), (directory_ / folder / companion).c_str());
  }
}

}  // namespace reeve::owner
