#include "platform/sandbox/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/strings.h"

namespace reeve::sandbox {

namespace {

using model::SandboxLevel;

// What of the system is shown: programs, libraries and what they need to know about the machine.
// Configuration is named one by one, because much of it is nobody else's business.
constexpr std::array<std::string_view, 11> kSystem = {
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix",
    "/gnu",
    "/snap/bin"};

constexpr std::array<std::string_view, 45> kConfiguration = {
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/crypto-policies",
    "/etc/debian_version",
    "/etc/default/locale",
    "/etc/ethertypes",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/gitconfig",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/issue",
    "/etc/java",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/locale.conf",
    "/etc/login.defs",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/openssl",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/perl",
    "/etc/php",
    "/etc/pki/tls",
    "/etc/pki/ca-trust",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/protocols",
    "/etc/python3",
    "/etc/resolv.conf",
    "/etc/rpc",
    "/etc/services",
    "/etc/shells",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf"};

constexpr std::array<std::string_view, 6> kDevices = {
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

/// What nobody may be shown over, or as a whole.
constexpr std::array<std::string_view, 14> kOwn = {
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/tmp",
    "/etc",
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/var/run"};

/// Room for the few things that the tree itself consists of.
constexpr std::uint64_t kTreeBytes = std::uint64_t{1} << 20U;
constexpr std::uint64_t kSharedMemoryBytes = std::uint64_t{256} << 20U;

using Kind = Mount::Kind;

const Fact& fact_of(const Facts& facts, const std::string& path) {
  static const Fact kAbsent{};
  const auto found = facts.find(path);
  return found == facts.end() ? kAbsent : found->second;
}

std::string within(const std::filesystem::path& directory, std::string_view name) {
  return (directory / name).native();
}

class Planner {
 public:
  Planner(const Request& request, const Facts& facts) : request_(request), facts_(facts) {}

  Result<Plan> plan() {
    plan_.level = request_.sandbox.level;
    plan_.base = request_.run_dir.native();
    add_frame();
    add_system();
    REEVE_CHECK(add_asked_for());
    add_run();
    REEVE_CHECK(add_working_dir());
    add_gateway();
    sort();
    return std::move(plan_);
  }

 private:
  void add(Mount mount) {
    // The first one who names a target decides about it.
    if (targets_.insert(mount.target).second) {
      plan_.mounts.push_back(std::move(mount));
    }
  }

  void add_memory(std::string target, std::uint64_t bytes, bool executable) {
    add(
        {.kind = Kind::Memory,
         .target = std::move(target),
         .bytes_max = bytes,
         .executable = executable}
    );
  }

  void add_frame() {
    add_memory("/tmp", request_.sandbox.temp_bytes_max, true);
    add({.kind = Kind::Directory, .target = kHome});
    add({.kind = Kind::Directory, .target = "/var/tmp"});
    add({.kind = Kind::Processes, .target = "/proc"});
    add_memory("/dev", kTreeBytes, false);
    for (const std::string_view device : kDevices) {
      if (fact_of(facts_, std::string(device)).kind == Fact::Kind::Device) {
        add(
            {.kind = Kind::Device,
             .source = std::string(device),
             .target = std::string(device),
             .file = true}
        );
      }
    }
    add_memory("/dev/shm", kSharedMemoryBytes, false);
    add({.kind = Kind::Terminals, .target = "/dev/pts"});
    for (const auto& [target, text] :
         {std::pair("/dev/ptmx", "pts/ptmx"),
          std::pair("/dev/fd", "/proc/self/fd"),
          std::pair("/dev/stdin", "/proc/self/fd/0"),
          std::pair("/dev/stdout", "/proc/self/fd/1"),
          std::pair("/dev/stderr", "/proc/self/fd/2")}) {
      add({.kind = Kind::Link, .source = text, .target = target});
    }
  }

  void add_system() {
    for (const std::string_view path : kSystem) {
      add_system_path(std::string(path));
    }
    for (const std::string_view path : kConfiguration) {
      add_visible(std::string(path), fact_of(facts_, std::string(path)));
    }
  }

  /// `/bin` is a directory on some machines and a link to `usr/bin` on others.
  void add_system_path(const std::string& path) {
    const Fact& fact = fact_of(facts_, path);
    if (fact.kind == Fact::Kind::Link) {
      add({.kind = Kind::Link, .source = fact.text, .target = path});
    } else {
      add_visible(path, fact);
    }
  }

  /// What a link leads to is shown in its place: that may lie where nothing else is shown.
  void add_visible(const std::string& path, const Fact& fact, Kind kind = Kind::Visible) {
    if (fact.behind != Fact::Kind::File && fact.behind != Fact::Kind::Directory) {
      return;
    }
    add(
        {.kind = kind,
         .source = fact.resolved,
         .target = path,
         .file = fact.behind == Fact::Kind::File}
    );
  }

  /// Why a path that somebody asks for cannot be shown; empty: it can.
  std::string objection(const std::string& path, const Fact& fact) const {
    const std::string data = request_.data_dir.native();
    for (const std::string& place : {path, fact.resolved}) {
      if (place == "/") {
        return "is the whole machine";
      }
      if (!data.empty() && (is_within(data, place) || is_within(place, data))) {
        return "would show the data directory";
      }
      for (const std::string_view own : kOwn) {
        const bool whole = place == own;
        const bool special = own == "/proc" || own == "/sys" || own == "/dev";
        if (whole || (special && is_within(place, own))) {
          return "is a part of the system that every sandbox has its own of";
        }
      }
    }
    return {};
  }

  Result<void> add_checked(const std::string& path, Kind kind, std::string_view field) {
    const Fact& fact = fact_of(facts_, path);
    if (fact.behind != Fact::Kind::File && fact.behind != Fact::Kind::Directory) {
      return make_error(
          ErrorCode::NotFound,
          concat(path, fact.resolved.empty() ? " does not exist" : " is no file or directory"),
          std::string(field)
      );
    }
    const std::string problem = objection(path, fact);
    if (!problem.empty()) {
      return make_error(ErrorCode::Invalid, concat(path, " ", problem), std::string(field));
    }
    add_visible(path, fact, kind);
    return {};
  }

  Result<void> add_asked_for() {
    for (const std::string& path : request_.sandbox.readable) {
      REEVE_CHECK(add_checked(path, Kind::Visible, "sandbox.readable"));
    }
    return {};
  }

  void add_run() {
    const auto show = [this](const std::string& path, Kind kind) {
      add_visible(path, fact_of(facts_, path), kind);
    };
    for (const std::string& name : request_.writable) {
      show(within(request_.run_dir, name), Kind::Writable);
    }
    for (const std::string& name : request_.readable) {
      show(within(request_.run_dir, name), Kind::Visible);
    }
    for (const std::string& path : request_.extra_writable) {
      show(path, Kind::Writable);
    }
    for (const std::string& path : request_.extra_readable) {
      show(path, Kind::Visible);
    }
  }

  Result<void> add_working_dir() {
    const std::string path = request_.working_dir.native();
    for (const Mount& mount : plan_.mounts) {
      if (mount.kind == Kind::Writable && is_within(path, mount.target)) {
        return {};
      }
    }
    return add_checked(path, Kind::Writable, "workingDir");
  }

  void add_gateway() {
    const std::string directory = request_.gateway.parent_path().native();
    const Fact& fact = fact_of(facts_, directory);
    if (request_.gateway.empty() || fact.behind != Fact::Kind::Directory) {
      return;
    }
    add_visible(directory, fact);
    if (plan_.level == SandboxLevel::Isolated) {
      plan_.gateway = request_.gateway.native();
      plan_.port = kGatewayPort;
    }
  }

  /// What lies in another comes after it.
  void sort() {
    std::sort(plan_.mounts.begin(), plan_.mounts.end(), [](const Mount& one, const Mount& other) {
      return split(one.target, '/') < split(other.target, '/');
    });
  }

  const Request& request_;
  const Facts& facts_;
  Plan plan_;
  std::set<std::string> targets_;
};

constexpr std::array<std::string_view, 8> kKindNames = {
    "memory", "visible", "writable", "device", "processes", "terminals", "link", "directory"};

Result<Mount> mount_from(const Json& json) {
  Mount mount;
  const std::string kind = json.get_string("kind");
  const auto found = std::find(kKindNames.begin(), kKindNames.end(), kind);
  if (found == kKindNames.end()) {
    return make_error(ErrorCode::Corrupt, concat("\"", kind, "\" is no kind of mount"));
  }
  mount.kind = static_cast<Kind>(found - kKindNames.begin());
  mount.source = json.get_string("source");
  mount.target = json.get_string("target");
  mount.file = json.get_bool("file");
  mount.bytes_max = static_cast<std::uint64_t>(json.get_int("bytesMax"));
  mount.executable = json.get_bool("executable");
  if (mount.target.size() < 2 || mount.target.front() != '/' ||
      concat(mount.target, "/").find("/../") != std::string::npos) {
    return make_error(ErrorCode::Corrupt, concat("\"", mount.target, "\" is no place in a tree"));
  }
  return mount;
}

}  // namespace

bool is_within(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory == "/" || path[directory.size()] == '/');
}

std::vector<std::string> paths_of_interest(const Request& request) {
  std::vector<std::string> paths(kSystem.begin(), kSystem.end());
  paths.insert(paths.end(), kConfiguration.begin(), kConfiguration.end());
  paths.insert(paths.end(), kDevices.begin(), kDevices.end());
  for (const auto* names : {&request.writable, &request.readable}) {
    for (const std::string& name : *names) {
      paths.push_back(within(request.run_dir, name));
    }
  }
  for (const auto* more :
       {&request.sandbox.readable, &request.extra_writable, &request.extra_readable}) {
    paths.insert(paths.end(), more->begin(), more->end());
  }
  paths.push_back(request.working_dir.native());
  if (!request.gateway.empty()) {
    paths.push_back(request.gateway.parent_path().native());
  }
  return paths;
}

Result<Plan> make_plan(const Request& request, const Facts& facts) {
  return Planner(request, facts).plan();
}

std::string encode(const Plan& plan) {
  Json mounts = Json::array();
  for (const Mount& mount : plan.mounts) {
    Json one = Json::object();
    one.set("kind", kKindNames[static_cast<std::size_t>(mount.kind)]);
    one.set("source", mount.source).set("target", mount.target).set("file", mount.file);
    one.set("bytesMax", mount.bytes_max).set("executable", mount.executable);
    mounts.push(std::move(one));
  }
  Json json = Json::object();
  json.set("level", model::to_string(plan.level)).set("base", plan.base);
  json.set("mounts", std::move(mounts));
  json.set("port", static_cast<std::int64_t>(plan.port)).set("gateway", plan.gateway);
  return json.dump();
}

Result<Plan> decode_plan(std::string_view text) {
  REEVE_TRY(const Json json, parse_json(text));
  Plan plan;
  REEVE_TRY(plan.level, model::parse_sandbox_level(json.get_string("level")));
  plan.base = json.get_string("base");
  plan.port = static_cast<std::uint16_t>(json.get_int("port"));
  plan.gateway = json.get_string("gateway");
  const Json* const mounts = json.find("mounts");
  if (mounts == nullptr || !mounts->is_array()) {
    return make_error(ErrorCode::Corrupt, "the plan of a sandbox has no mounts");
  }
  for (const Json& one : mounts->as_array()) {
    REEVE_TRY(Mount mount, mount_from(one));
    plan.mounts.push_back(std::move(mount));
  }
  return plan;
}

std::string keeper_line(int pid) {
  return concat("keeper ", pid, "\n");
}

std::string ready_line() {
  return "ready\n";
}

std::string refusal_line(std::string_view why) {
  std::string line = concat("refused ", why);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line + "\n";
}

Told read_told(std::string_view text) {
  Told told;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    constexpr std::string_view kKeeper = "keeper ";
    constexpr std::string_view kRefused = "refused ";
    if (line.starts_with(kKeeper)) {
      std::from_chars(line.data() + kKeeper.size(), line.data() + line.size(), told.keeper);
    } else if (line == "ready") {
      told.ready = true;
    } else if (line.starts_with(kRefused) && told.refusal.empty()) {
      told.refusal = line.substr(kRefused.size());
    }
  }
  return told;
}

}  // namespace reeve::sandbox
