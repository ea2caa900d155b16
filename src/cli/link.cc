#include "cli/link.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <poll.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "owner/control_client.h"
#include "owner/identity.h"
#include "platform/posix/lock_wait.h"
#include "platform/posix/system.h"
#include "protocol/commands.h"

namespace reeve::cli {

namespace {

constexpr Duration kCallTimeout{30'000};
/// An owner that is just starting or ending can be reached, or replaced, within this time.
constexpr Duration kConnectTimeout{15'000};
constexpr Duration kConnectPause{50};
/// How often a follower looks whether the owner is still there.
constexpr Duration kLookPeriod{1000};
constexpr std::uint32_t kEventPage = 500;

/// Unique to this invocation, so that a repeated request has no second effect.
InputId fresh_input_id() {
  platform::SystemRandom random;
  return InputId(concat("cli-", random.next(), "-", random.next()));
}

/// Whether the same request may find another owner: this one has gone, or is going.
bool owner_is_gone(const Error& error) {
  const bool nobody = error.code == ErrorCode::NotFound && error.subject == "control socket";
  return nobody || error.code == ErrorCode::Cancelled || error.code == ErrorCode::Ambiguous;
}

/// Commands about what exists do not make a data directory.
Result<void> require_data(const DataDir& dir) {
  struct stat info {};

  if (::stat(dir.store().c_str(), &info) == 0) {
    return {};
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return make_error(ErrorCode::NotFound, "there is no data here yet", dir.root.string());
  }
  return platform::errno_error("stat", dir.store());
}

bool is_owned(const DataDir& dir) {
  const Result<std::optional<platform::LockOwner>> owner = owner_of(dir);
  if (!owner) {
    return owner.error().code != ErrorCode::NotFound;
  }
  return (*owner && (*owner)->state != platform::OwnerState::Dead);
}

Error nobody_answers(const DataDir& dir) {
  Error error = make_error(
      ErrorCode::Unavailable, "nobody is there to carry out the work", dir.root.string()
  );
  error.hint = "start reeve up, or use reeve run, which carries it out itself";
  return error;
}

}  // namespace

Link::Link(const Common& common, LinkOptions options)
    : options_(std::move(options)),
      ns_(common.ns),
      read_ns_(namespace_of(common)),
      dir_{.root = common.data_dir},
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Link::~Link() {
  close();
}

Result<std::unique_ptr<Link>> Link::open(const Common& common, LinkOptions options) {
  std::unique_ptr<Link> link(new Link(common, std::move(options)));
  if (!link->options_.create) {
    REEVE_CHECK(require_data(link->dir_));
  }
  REEVE_CHECK(link->find_own_place());
  REEVE_CHECK(link->connect());
  REEVE_TRY(const store::Head head, link->reader().head());
  link->seen_ = head.revision;
  if (link->session_ == nullptr) {
    link->tell_what_is_up_to_the_owner();
  }
  return link;
}

void Link::tell_what_is_up_to_the_owner() const {
  const std::pair<bool, std::string_view> given[] = {
      {options_.slots > 0, "--slots is"}, {!options_.labels.empty(), "--labels are"}};
  for (const auto& [is_given, option] : given) {
    if (is_given) {
      print_error_text(concat(
          "reeve: ", option, " up to \"", owner_purpose_, "\", which owns the data directory\n"
      ));
    }
  }
}

/// A process of a run never owns the directory of its own mission: what it started would inherit
/// the run's environment and end with the run.
Result<void> Link::find_own_place() {
  REEVE_TRY(const owner::Caller self, owner::identify_self(dir_.root));
  if (owner::is_run(self.principal)) {
    options_.may_own = false;
    outlives_owner_ = true;
  }
  return {};
}

/// Finds the owner, or becomes it. One that is just starting or ending is waited for; a run, which
/// outlives its owner, also waits for one that has ended to come back.
Result<void> Link::connect() {
  const platform::Deadline deadline(kConnectTimeout);
  while (true) {
    REEVE_TRY(const bool answered, greet());
    if (answered) {
      if (store_ == nullptr) {
        REEVE_TRY(store_, open_for_reading(dir_));
      }
      return {};
    }
    const bool nobody = !options_.may_own && !outlives_owner_ && !is_owned(dir_);
    Result<void> owned = options_.may_own ? become_owner() : Result<void>(nobody_answers(dir_));
    const bool busy = !owned && owned.error().code == ErrorCode::Unavailable;
    if (nobody || !busy || deadline.remaining().count() == 0) {
      return owned;
    }
    ::poll(nullptr, 0, static_cast<int>(kConnectPause.count()));
  }
}

/// Whether another process answers. Errors are those that no waiting mends.
Result<bool> Link::greet() {
  const protocol::Request hello{
      .verb = std::string(protocol::kHello), .id = {}, .args = Json::object()};
  Result<Json> answer = owner::ask_owner(dir_.root, hello, kConnectTimeout);
  if (answer) {
    owner_purpose_ = answer->get_string("purpose");
    owner_pid_ = answer->get_int("pid");
    return true;
  }
  const ErrorCode code = answer.error().code;
  if (owner_is_gone(answer.error()) || code == ErrorCode::NotFound) {
    return false;
  }
  return std::move(answer).error();
}

Result<void> Link::become_owner() {
  // Tasks find the project they were started for by this variable; their own directory is another.
  std::error_code ignored;
  ::setenv("REEVE_SUBMIT_DIR", std::filesystem::current_path(ignored).c_str(), 1);
  SessionOptions session;
  session.dir = dir_;
  REEVE_TRY(session.ownership, own(dir_, options_.purpose));
  session.run_slots = affordable_slots(options_.slots);
  session.labels = options_.labels;
  session.purpose = options_.purpose;
  session.on_events = [fd = wake_.get()](std::span<const journal::Event>) {
    const std::uint64_t one = 1;
    (void)!::write(fd, &one, sizeof one);
  };
  REEVE_TRY(session_, Session::open(std::move(session)));
  store_.reset();
  if (session_->unreachable()) {
    print_error_text(concat(
        "reeve: other commands cannot reach this one: ", session_->unreachable()->describe(), "\n"
    ));
  }
  return {};
}

Result<Json> Link::send(std::string_view verb, Json args) {
  return send_in(ns_, verb, std::move(args));
}

Result<Json> Link::send_in(const Namespace& ns, std::string_view verb, Json args) {
  const protocol::Request request{
      .verb = std::string(verb), .id = fresh_input_id(), .args = std::move(args), .ns = ns};
  const platform::Deadline deadline(kCallTimeout);
  while (true) {
    Result<Json> answer = owns() ? handle_here(request) : send_to_owner(request);
    if (answer || owns() || !owner_is_gone(answer.error()) || deadline.remaining().count() == 0) {
      return answer;
    }
    REEVE_CHECK(connect());
  }
}

Result<Json> Link::send_to_owner(const protocol::Request& request) {
  return owner::ask_owner(dir_.root, request, kCallTimeout);
}

Result<Json> Link::handle_here(protocol::Request request) {
  REEVE_TRY(const owner::Caller self, owner::identify_self(dir_.root));
  auto promise = std::make_shared<std::promise<protocol::Response>>();
  std::future<protocol::Response> future = promise->get_future();
  session_->handle(std::move(request), self, [promise](protocol::Response response) {
    promise->set_value(std::move(response));
  });
  if (future.wait_for(kCallTimeout) != std::future_status::ready) {
    return make_error(
        ErrorCode::DeadlineExceeded,
        concat("no answer within ", format_duration(kCallTimeout), "; it may still happen")
    );
  }
  return future.get();
}

store::Reader& Link::reader() {
  return session_ != nullptr ? session_->reader() : *store_;
}

int Link::fd() const {
  return session_ != nullptr ? wake_.get() : -1;
}

Result<std::vector<journal::Event>> Link::take_events(const std::string& mission) {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  REEVE_TRY(const store::Head head, reader().head());
  std::vector<journal::Event> taken;
  store::EventQuery query;
  query.object = {.kind = journal::Kind::Mission, .ns = read_ns_, .name = mission};
  query.limit = kEventPage;
  while (seen_ < head.revision) {
    query.after = seen_;
    REEVE_TRY(std::vector<journal::Event> events, reader().events(query));
    // A page that is not full reaches to the head, or beyond where more was committed meanwhile.
    const Revision reached = events.empty() ? seen_ : events.back().revision;
    seen_ = events.size() < kEventPage ? std::max(reached, head.revision) : reached;
    std::move(events.begin(), events.end(), std::back_inserter(taken));
  }
  return taken;
}

bool Link::lost_owner() {
  const Timestamp now(platform::monotonic_now());
  if (owns() || now < next_look_) {
    return false;
  }
  next_look_ = now + kLookPeriod;
  // One that has come back is a new process: it is greeted by `replace_owner`.
  return waiting_ || !is_owned(dir_);
}

std::optional<std::string> Link::replace_owner() {
  if (is_owned(dir_)) {
    const Result<bool> back = greet();
    if (!waiting_ || !back || !*back) {
      return std::nullopt;
    }
    waiting_ = false;
    return "the data directory has an owner again";
  }
  std::string news = concat("\"", owner_purpose_, "\" has ended; waiting for it to come back");
  if (owner_purpose_ != kLongRunningOwner && options_.may_own) {
    const Result<void> owned = become_owner();
    if (owned) {
      waiting_ = false;
      return "the owner of the data directory has ended; going on with the work here";
    }
    if (owned.error().code == ErrorCode::Unavailable) {
      return std::nullopt;
    }
    news = concat("cannot go on with the work here: ", owned.error().describe());
  }
  return std::exchange(waiting_, true) ? std::nullopt : std::optional(std::move(news));
}

std::optional<kernel::Health> Link::health() {
  return session_ != nullptr ? std::optional(session_->kernel().health()) : std::nullopt;
}

void Link::close() {
  if (session_ != nullptr) {
    session_->close();
  }
}

Result<Json> send_command(
    const Common& common, const LinkOptions& options, std::string_view verb, Json args
) {
  REEVE_TRY(const std::unique_ptr<Link> link, Link::open(common, options));
  Result<Json> answer = link->send(verb, std::move(args));
  link->close();
  return answer;
}

}  // namespace reeve::cli
