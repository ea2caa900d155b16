#include "owner/trigger_pump.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "model/scoped_name.h"
#include "workflow/trigger/occurrence.h"

namespace reeve::owner {

namespace {

/// Without notice the inbox and the channels are looked at this often.
constexpr int kPeriodMillis = 2000;
constexpr Duration kCallTimeout{30'000};
constexpr std::size_t kWatchBytes = std::size_t{64} << 10U;
constexpr std::uint32_t kMessagesPerRound = 16;
/// A message whose trigger failed is tried again after this.
constexpr std::string_view kRetryDelay = "30s";

journal::ObjectKey key_of(
    journal::Kind kind, const DeployedTrigger& trigger, const std::string& name
) {
  return {.kind = kind, .ns = trigger.ns, .name = name};
}

std::string group_of(const DeployedTrigger& trigger, const workflow::ChannelTrigger& source) {
  return source.group.empty()
             ? concat("trigger-", trigger.workflow->name, "-", trigger.trigger->name)
             : source.group;
}

trigger::ChannelMessage message_of(const std::string& channel, const Json& json) {
  trigger::ChannelMessage message{
      .channel = channel,
      .id = std::to_string(json.get_int("sequence")),
      .body = json.get_string("body"),
      .properties = {}};
  if (const Json* properties = json.find("properties")) {
    for (const Json::Member& property : properties->as_object()) {
      message.properties.emplace_back(property.first, property.second.as_string());
    }
  }
  return message;
}

}  // namespace

Result<std::unique_ptr<TriggerPump>> TriggerPump::start(
    kernel::Loop& kernel, store::Reader& reader, PumpOptions options
) {
  std::unique_ptr<TriggerPump> pump(new TriggerPump(kernel, reader, std::move(options)));
  pump->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  pump->watch_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!pump->wake_ || !pump->watch_) {
    return platform::errno_error("inotify_init", pump->options_.data_dir);
  }
  REEVE_CHECK(pump->open_inbox(Namespace(std::string(model::kDefaultNamespace))));
  pump->thread_ = std::thread([raw = pump.get()] { raw->run(); });
  return pump;
}

TriggerPump::TriggerPump(kernel::Loop& kernel, store::Reader& reader, PumpOptions options)
    : kernel_(kernel), options_(std::move(options)), triggers_(reader, options_.loader) {}

/// Begins to look at the inbox of a namespace.
Result<void> TriggerPump::open_inbox(const Namespace& ns) {
  InboxPorts ports;
  ports.call = [this](kernel::Input input) {
    return kernel_.call(std::move(input), kCallTimeout);
  };
  ports.triggers = [this] {
    return current();
  };
  ports.room = [this](const DeployedTrigger& trigger) {
    return triggers_.room(trigger, options_.now());
  };
  ports.now = options_.now;
  REEVE_TRY(Inbox inbox, Inbox::open(options_.data_dir, std::move(ports), ns));
  // Where there are no watches left, looking every now and then has to do.
  const int watch =
      ::inotify_add_watch(watch_.get(), inbox.directory().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO);
  if (watch >= 0) {
    watched_[watch] = ns;
  }
  inboxes_.emplace(ns, std::move(inbox));
  return {};
}

/// Those of namespaces that have an inbox now, or a trigger that waits for one.
void TriggerPump::open_inboxes() {
  std::set<Namespace> wanted;
  const Result<std::vector<Namespace>> there = namespaces_with_inbox(options_.data_dir);
  tell_once("inboxes", there ? Result<void>() : there.error());
  if (there) {
    wanted.insert(there->begin(), there->end());
  }
  const Result<std::vector<DeployedTrigger>> triggers = current();
  for (const DeployedTrigger& each : triggers ? *triggers : std::vector<DeployedTrigger>()) {
    if (std::holds_alternative<workflow::InboxTrigger>(each.trigger->source)) {
      wanted.insert(each.ns);
    }
  }
  for (const Namespace& ns : wanted) {
    if (!inboxes_.contains(ns) && inboxes_.size() <= kInboxesMax) {
      tell_once(shown_name(ns, "inbox"), open_inbox(ns));
    }
  }
}

TriggerPump::~TriggerPump() {
  stop();
}

void TriggerPump::stop() {
  stopping_ = true;
  wake();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void TriggerPump::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void TriggerPump::look_again() {
  stale_ = true;
  wake();
}

void TriggerPump::changed(std::span<const journal::Event> events) {
  const auto deploys = [](const journal::Event& event) {
    return event.object.kind == journal::Kind::Workflow && event.type.starts_with("workflow.");
  };
  const auto sends = [](const journal::Event& event) {
    return event.object.kind == journal::Kind::Channel;
  };
  if (std::any_of(events.begin(), events.end(), deploys)) {
    look_again();
  } else if (std::any_of(events.begin(), events.end(), sends)) {
    wake();
  }
}

Result<std::vector<DeployedTrigger>> TriggerPump::current() {
  // Before reading: what is deployed meanwhile is seen the next time.
  if (stale_.exchange(false)) {
    Result<TriggerList> fresh = triggers_.list();
    if (!fresh) {
      stale_ = true;
      return std::move(fresh).error();
    }
    current_ = std::move(fresh->triggers);
    for (const auto& [workflow, problem] : fresh->problems) {
      tell_once(concat("workflow ", workflow), problem);
    }
  }
  return current_;
}

void TriggerPump::run() {
  Closed closed;
  while (!stopping_) {
    open_inboxes();
    for (auto& [ns, inbox] : inboxes_) {
      for (const std::string& news : inbox.scan(closed[ns])) {
        options_.tell(news);
      }
    }
    const bool more = pump_channels();
    closed = wait(more ? 0 : kPeriodMillis);
  }
}

void TriggerPump::tell_once(const std::string& subject, const Result<void>& outcome) {
  if (outcome) {
    told_.erase(subject);
    return;
  }
  std::string problem = outcome.error().describe();
  if (std::string& told = told_[subject]; told != problem && !stopping_) {
    options_.tell(concat("triggers: ", subject, ": ", problem));
    told = std::move(problem);
  }
}

/// Until something happens or it is time to look. Returns the files of inboxes that were closed or
/// moved there.
TriggerPump::Closed TriggerPump::wait(int millis) {
  pollfd fds[] = {
      {.fd = wake_.get(), .events = POLLIN, .revents = 0},
      {.fd = watch_.get(), .events = POLLIN, .revents = 0}};
  ::poll(fds, 2, millis);
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  Closed closed;
  alignas(inotify_event) std::array<char, kWatchBytes> buffer;
  const ssize_t size = ::read(watch_.get(), buffer.data(), buffer.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    const auto inbox = watched_.find(event->wd);
    if (event->len > 0 && inbox != watched_.end()) {
      closed[inbox->second].emplace(event->name);
    }
    at += sizeof(inotify_event) + event->len;
  }
  return closed;
}

// --- channels -----------------------------------------------------------------------------------

/// One batch for each trigger. Returns whether there may be more.
bool TriggerPump::pump_channels() {
  const Result<std::vector<DeployedTrigger>> triggers = current();
  tell_once("all", triggers ? Result<void>() : triggers.error());
  bool more = false;
  for (const DeployedTrigger& each : triggers ? *triggers : std::vector<DeployedTrigger>()) {
    const auto* source = std::get_if<workflow::ChannelTrigger>(&each.trigger->source);
    if (source == nullptr || stopping_) {
      continue;
    }
    const Result<bool> pumped = pump_channel(each, *source);
    tell_once(
        concat(each.trigger->name, " of ", shown_name(each.ns, each.workflow->name)),
        pumped ? Result<void>() : pumped.error()
    );
    more = more || (pumped && *pumped);
  }
  return more;
}

Result<bool> TriggerPump::pump_channel(
    const DeployedTrigger& trigger, const workflow::ChannelTrigger& source
) {
  REEVE_TRY(const Room room, triggers_.room(trigger, options_.now()));
  const auto count = std::min<std::uint32_t>(kMessagesPerRound, room.missions);
  if (count == 0) {
    return false;
  }
  Json body = Json::object();
  body.set("group", group_of(trigger, source)).set("consumer", "trigger");
  body.set("count", std::int64_t{count});
  Result<engine::Reply> reply =
      ask(key_of(journal::Kind::Channel, trigger, source.channel), "receive", std::move(body));
  if (!reply && reply.error().code == ErrorCode::NotFound) {
    // Nobody has sent anything yet: that makes the channel.
    return false;
  }
  REEVE_CHECK(reply);
  const Json* messages = reply->detail.find("messages");
  if (messages == nullptr) {
    return false;
  }
  for (const Json& message : messages->as_array()) {
    REEVE_CHECK(hand_on(trigger, source, reply->uid, message));
  }
  return messages->as_array().size() == count;
}

/// Fires the trigger, which acknowledges the message in the same commit. What is left to say to the
/// channel: that it failed, or that it was done before.
Result<void> TriggerPump::hand_on(
    const DeployedTrigger& trigger,
    const workflow::ChannelTrigger& source,
    const Uid& channel,
    const Json& message
) {
  const std::string group = group_of(trigger, source);
  const trigger::Occurrence occurrence =
      trigger::message_occurrence(message_of(source.channel, message), options_.now());
  const std::string& workflow = trigger.workflow->name;
  Json fire = Json::object();
  fire.set("trigger", trigger.trigger->name).set("data", occurrence.data);
  fire.set("key", occurrence.key);
  Json held = Json::object();
  held.set("group", group).set("sequence", message.get_int("sequence"));
  held.set("token", message.get_int("token"));
  Json of_channel = held;
  fire.set("message", std::move(of_channel.set("channel", source.channel)));
  // A channel that was deleted and made again counts from 1 again, but it is another one.
  const std::string origin = concat(channel.view(), "\n", occurrence.key, "\n", group);
  const InputId id(
      concat("channel-", sha256(concat(origin, "\n", workflow, "\n", trigger.trigger->name)).view())
  );
  const Result<engine::Reply> fired =
      ask(key_of(journal::Kind::Workflow, trigger, workflow), "fire", std::move(fire), id);
  if (!fired && fired.error().retryable()) {
    // It stays with us until its time is over, and then comes again.
    return fired.error();
  }
  if (fired && fired->detail.get_bool("acked")) {
    return {};
  }
  if (!fired) {
    held.set("delay", kRetryDelay);
    options_.tell(concat(
        "triggers: ",
        trigger.trigger->name,
        " of ",
        shown_name(trigger.ns, workflow),
        ": message ",
        message.get_int("sequence"),
        " of channel ",
        source.channel,
        ": ",
        fired.error().describe(),
        "; it comes again, or is put aside after too many tries"
    ));
  }
  REEVE_CHECK(
      ask(key_of(journal::Kind::Channel, trigger, source.channel),
          fired ? "ack" : "nack",
          std::move(held))
  );
  return {};
}

Result<engine::Reply> TriggerPump::ask(
    const journal::ObjectKey& object, std::string verb, Json body, InputId id
) {
  kernel::Input input;
  input.id = std::move(id);
  input.principal = Principal("system:trigger");
  input.correlation = CorrelationId(input.id.str());
  input.command =
      engine::ObjectCommand{.object = object, .verb = std::move(verb), .body = std::move(body)};
  return kernel_.call(std::move(input), kCallTimeout);
}

}  // namespace reeve::owner
