#include "owner/identity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "base/strings.h"
#include "host/process_tree.h"
#include "host/run_dir.h"
#include "model/scoped_name.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::owner {

namespace fs = std::filesystem;

namespace {

/// Longer trees of processes do not exist; bounds the walk if one changes under our feet.
constexpr int kAncestorsMax = 4096;
constexpr std::uint64_t kProcFileBytesMax = std::uint64_t{4} << 20U;
constexpr std::size_t kAccountBytes = std::size_t{16} << 10U;
constexpr std::size_t kGroupsMax = 1024;

/// `<data>/missions/<mission>/runs/<run>`: levels between a run's directory and the data directory.
constexpr int kRunDirDepth = 4;

constexpr std::string_view kRunPrefix = "run:";

std::string proc_file(int pid, std::string_view name) {
  return concat("/proc/", pid, "/", name);
}

/// The words of a file whose items end with a zero byte.
std::vector<std::string_view> items_of(std::string_view text) {
  std::vector<std::string_view> items = split(text, '\0');
  if (!items.empty() && items.back().empty()) {
    items.pop_back();
  }
  return items;
}

std::string value_of(const std::vector<std::string_view>& environment, std::string_view name) {
  for (const std::string_view entry : environment) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1));
    }
  }
  return {};
}

bool same_directory(const fs::path& a, const fs::path& b) {
  std::error_code failed;
  return fs::equivalent(a, b, failed) && !failed;
}

/// The run whose shim the process is, if it is one of this data directory.
std::string run_of_shim(int pid, const fs::path& data_dir) {
  const Result<std::string> text =
      platform::read_file(proc_file(pid, "cmdline"), kProcFileBytesMax);
  if (!text) {
    return {};
  }
  const std::vector<std::string_view> words = items_of(*text);
  if (words.size() < 3 || words[1] != "shim" || !words[2].starts_with('/')) {
    return {};
  }
  const fs::path run_dir(words[2]);
  fs::path root = run_dir;
  for (int i = 0; i < kRunDirDepth; ++i) {
    root = root.parent_path();
  }
  return same_directory(root, data_dir) ? run_dir.filename().string() : std::string();
}

/// The run that the process was started for, if it is one of this data directory.
std::string run_of_mark(int pid, const fs::path& data_dir) {
  const Result<std::string> text =
      platform::read_file(proc_file(pid, "environ"), kProcFileBytesMax);
  if (!text) {
    return {};
  }
  const std::vector<std::string_view> environment = items_of(*text);
  const std::string mark = value_of(environment, host::kMarkVariable);
  const std::string run = value_of(environment, "REEVE_RUN");
  // The name of a run says which namespace its mission is of.
  const std::string mission =
      model::qualify(model::namespace_of(run), value_of(environment, "REEVE_MISSION")).str();
  const auto plain = [](const std::string& name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos;
  };
  if (mark.empty() || !plain(run) || !plain(mission)) {
    return {};
  }
  const Result<host::SpecRecord> spec =
      host::read_spec(data_dir / "missions" / mission / "runs" / run);
  return spec && spec->mark == mark ? run : std::string();
}

/// 0: there is no such process, or nothing above it.
int parent_of(int pid) {
  const Result<std::string> text = platform::read_file(proc_file(pid, "stat"), kProcFileBytesMax);
  const std::size_t name_end = text ? text->rfind(')') : std::string::npos;
  if (name_end == std::string::npos || name_end + 4 > text->size()) {
    return 0;
  }
  // ") S PPID …"
  const std::string_view rest = std::string_view(*text).substr(name_end + 4);
  int parent = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), parent);
  return parent;
}

/// The outermost shim among the process and its ancestors says which run it is: what lies below is
/// of that run's making, so that no run passes for another. Marks count where there is no shim.
std::string run_of(int pid, const fs::path& data_dir) {
  std::string of_shim;
  std::string of_mark;
  for (int i = 0; i < kAncestorsMax && pid > 0; ++i) {
    if (std::string run = run_of_shim(pid, data_dir); !run.empty()) {
      of_shim = std::move(run);
    }
    if (std::string run = run_of_mark(pid, data_dir); !run.empty()) {
      of_mark = std::move(run);
    }
    pid = parent_of(pid);
  }
  return of_shim.empty() ? of_mark : of_shim;
}

struct Account {
  std::string login;
  std::vector<std::string> groups;
};

std::string group_name(gid_t gid) {
  std::array<char, kAccountBytes> buffer;
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    return found->gr_name;
  }
  return {};
}

/// An account without a name is called by its number.
Account account_of(uid_t uid) {
  std::array<char, kAccountBytes> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return {.login = std::to_string(uid), .groups = {}};
  }
  Account account{.login = found->pw_name, .groups = {}};
  std::array<gid_t, kGroupsMax> gids;
  int count = kGroupsMax;
  if (::getgrouplist(found->pw_name, found->pw_gid, gids.data(), &count) < 0) {
    count = kGroupsMax;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    if (std::string name = group_name(gids[i]); !name.empty()) {
      account.groups.push_back(std::move(name));
    }
  }
  std::sort(account.groups.begin(), account.groups.end());
  return account;
}

}  // namespace

bool is_run(const Principal& principal) {
  return principal.view().starts_with(kRunPrefix);
}

Result<Caller> identify(const platform::Peer& peer, const fs::path& data_dir) {
  if (peer.uid != ::geteuid() && peer.uid != 0) {
    return make_error(
        ErrorCode::PermissionDenied,
        concat("user ", account_of(peer.uid).login, " does not own this data directory"),
        data_dir
    );
  }
  const std::string run = run_of(peer.pid, data_dir);
  // Asked last: what has been read above is then known to be about this process.
  if (platform::process_start_time(peer.pid) == 0) {
    return make_error(ErrorCode::Unavailable, "the process that asked has gone", "caller");
  }
  if (!run.empty()) {
    return Caller{.principal = Principal(concat(kRunPrefix, run)), .groups = {}};
  }
  return user_of(peer.uid);
}

Caller user_of(std::uint32_t uid) {
  Account account = account_of(uid);
  return Caller{
      .principal = Principal(concat("user:", account.login)), .groups = std::move(account.groups)};
}

Principal inbox_of(std::uint32_t uid) {
  return Principal(concat("inbox:", account_of(uid).login));
}

Result<Caller> identify_self(const fs::path& data_dir) {
  return identify({.pid = ::getpid(), .uid = ::geteuid(), .gid = ::getegid()}, data_dir);
}

}  // namespace reeve::owner
