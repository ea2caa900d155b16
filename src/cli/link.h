#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/arguments.h"
#include "cli/session.h"
#include "journal/event.h"
#include "platform/posix/files.h"
#include "protocol/message.h"
#include "store/ports.h"

namespace reeve::cli {

/// Purpose of the owner that fires triggers and outlives terminals. Nobody takes its place when it
/// ends: it will be back.
inline constexpr std::string_view kLongRunningOwner = "reeve up";

struct LinkOptions {
  /// Of this process, if it becomes the owner; 0: the default.
  std::uint32_t slots = 0;
  std::vector<std::string> labels = {};
  /// Shown to others while this process is the owner.
  std::string purpose;
  /// Whether a data directory that is not there is made.
  bool create = false;
  /// Whether this process may become the owner. If not, somebody else must be. A process of a run
  /// of the data directory never may.
  bool may_own = true;
};

/// The way to whoever owns a data directory: another process, over its control socket, or this one,
/// which becomes the owner if nobody is. If the owner goes, the link finds the next one or takes
/// its place.
///
/// Threading: main thread.
class Link {
 public:
  /// Unavailable: somebody owns the directory and does not answer, or nobody does and this process
  /// may not. NotFound: there is no data.
  static Result<std::unique_ptr<Link>> open(const Common& common, LinkOptions options);

  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Sends a request and waits for its answer. If the owner changes meanwhile, the next one is
  /// asked the same; the request's id keeps it from being carried out twice.
  Result<Json> send(std::string_view verb, Json args);

  /// The same about names of another namespace.
  Result<Json> send_in(const Namespace& ns, std::string_view verb, Json args);

  /// Whether this process is the owner.
  bool owns() const { return session_ != nullptr; }

  /// What has been committed.
  store::Reader& reader();

  /// Readable when there may be new events; -1: look now and then.
  int fd() const;

  /// The namespace that names belong to.
  const Namespace& ns() const { return read_ns_; }

  /// What happened to a mission since the link was opened, or since the last call.
  Result<std::vector<journal::Event>> take_events(const std::string& mission);

  /// Looks now and then whether another process that was the owner has gone. What is read after
  /// this has said so is the last that it did.
  bool lost_owner();

  /// After that: takes its place, or waits for it to come back. Returns what a person should know
  /// about it, once.
  std::optional<std::string> replace_owner();

  /// The kernel's health, if this process is the owner.
  std::optional<kernel::Health> health();

  /// Detaches. Idempotent.
  void close();

 private:
  Link(const Common& common, LinkOptions options);

  void tell_what_is_up_to_the_owner() const;
  Result<void> find_own_place();
  Result<void> connect();
  Result<bool> greet();
  Result<void> become_owner();
  Result<Json> send_to_owner(const protocol::Request& request);
  Result<Json> handle_here(protocol::Request request);

  LinkOptions options_;
  /// What requests are about; empty: the sender's own.
  Namespace ns_;
  /// What is read here.
  Namespace read_ns_;
  DataDir dir_;
  platform::FileDescriptor wake_;
  std::unique_ptr<Session> session_;
  /// For reading while another process is the owner.
  std::unique_ptr<store::Store> store_;
  /// Who the other process is.
  std::string owner_purpose_;
  std::int64_t owner_pid_ = 0;
  Revision seen_;
  Timestamp next_look_;
  bool waiting_ = false;
  /// This process belongs to a run: its owner comes back.
  bool outlives_owner_ = false;
};

/// Opens a link, sends one request, closes the link: for commands that do not follow a mission.
Result<Json> send_command(
    const Common& common, const LinkOptions& options, std::string_view verb, Json args
);

}  // namespace reeve::cli
