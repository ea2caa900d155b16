#include "platform/posix/lock_owner.h"

#include <cerrno>
#include <csignal>
#include <limits>
#include <unistd.h>

#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/system.h"

namespace reeve::platform {

namespace {

/// The identity of one of this process's namespaces ("pid", "time"), "" where there is none.
std::string namespace_of(std::string_view kind) {
  constexpr std::size_t kLinkBytesMax = 64;
  char target[kLinkBytesMax] = {};
  const std::string link = concat("/proc/self/ns/", kind);
  const ssize_t length = readlink(link.c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

Error corrupt(std::string_view what) {
  return make_error(ErrorCode::Corrupt, concat("the owner record of the lock ", what));
}

}  // namespace

std::string LockOwner::describe() const {
  std::string text = concat("process ", pid, " on ", host, " since ", format_timestamp(since));
  if (!purpose.empty()) {
    text += concat(" (", purpose, ")");
  }
  return text;
}

Result<LockOwner> lock_owner_of(int pid) {
  LockOwner owner;
  owner.host = host_name();
  owner.boot_id = boot_id();
  owner.pid_namespace = namespace_of("pid");
  owner.time_namespace = namespace_of("time");
  owner.pid = pid;
  owner.start_time = process_start_time(pid);
  if (owner.start_time == 0) {
    return make_error(ErrorCode::NotFound, concat("there is no process ", pid), "owner_pid");
  }
  return owner;
}

std::string encode_lock_owner(const LockOwner& owner) {
  Json json = Json::object();
  json.set("host", owner.host);
  json.set("bootId", owner.boot_id);
  json.set("pidNamespace", owner.pid_namespace);
  json.set("timeNamespace", owner.time_namespace);
  json.set("pid", owner.pid);
  json.set("startTime", owner.start_time);
  json.set("token", owner.token);
  json.set("since", format_timestamp(owner.since));
  json.set("purpose", owner.purpose);
  return json.pretty();
}

Result<LockOwner> decode_lock_owner(std::string_view text) {
  const auto json = parse_json(text);
  if (!json.ok() || !json->is_object()) {
    return corrupt("is not a JSON object");
  }
  LockOwner owner;
  owner.host = json->get_string("host");
  owner.boot_id = json->get_string("bootId");
  owner.pid_namespace = json->get_string("pidNamespace");
  owner.time_namespace = json->get_string("timeNamespace");
  owner.purpose = json->get_string("purpose");
  const std::int64_t pid = json->get_int("pid");
  const std::int64_t start_time = json->get_int("startTime");
  const std::int64_t token = json->get_int("token");
  if (owner.host.empty() || owner.boot_id.empty() || pid <= 0 ||
      pid > std::numeric_limits<int>::max() || start_time <= 0 || token <= 0) {
    return corrupt("lacks a host, boot, process or token");
  }
  const auto since = parse_timestamp(json->get_string("since"));
  if (!since.ok()) {
    return corrupt("has no readable time");
  }
  owner.pid = static_cast<int>(pid);
  owner.start_time = static_cast<std::uint64_t>(start_time);
  owner.token = static_cast<std::uint64_t>(token);
  owner.since = *since;
  return owner;
}

OwnerState state_of(const LockOwner& owner) {
  if (owner.boot_id != boot_id()) {
    return owner.host == host_name() ? OwnerState::Dead : OwnerState::Unknown;
  }
  // The same boot is the same kernel, whatever the host is called inside a container.
  if (owner.pid_namespace.empty() || owner.pid_namespace != namespace_of("pid")) {
    return OwnerState::Unknown;
  }
  const std::uint64_t start_time = process_start_time(owner.pid);
  if (start_time != 0 && owner.time_namespace != namespace_of("time")) {
    // Start times are told from another zero there: they cannot be compared.
    return OwnerState::Unknown;
  }
  if (start_time != 0) {
    return start_time == owner.start_time ? OwnerState::Alive : OwnerState::Dead;
  }
  if (kill(owner.pid, 0) != 0 && errno == ESRCH) {
    return OwnerState::Dead;
  }
  // It exists, but has no start time: a zombie if we may see it (/proc can be mounted with
  // hidepid).
  const bool visible = access(concat("/proc/", owner.pid, "/stat").c_str(), F_OK) == 0;
  return visible ? OwnerState::Dead : OwnerState::Unknown;
}

}  // namespace reeve::platform
