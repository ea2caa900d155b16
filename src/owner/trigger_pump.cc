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
#include "workflow/trigger/occurrence.h"

namespace reeve::owner {

namespace {

/// Without notice the inbox and the channels are looked at this often.
constexpr int kPeriodMillis = 2000;
constexpr Duration kCallTimeout{30'000};
constexpr std::size_t kWatchBytes = std::size_t{64} << 10U;
constexpr std::int64_t kMessagesPerRound = 16;
/// A message whose trigger failed is tried again after this.
constexpr std::string_view kRetryDelay = "30s";

journal::ObjectKey key_of(journal::Kind kind, const std::string& name) {
  return {.kind = kind, .ns = Namespace("default"), .name = name};
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
  InboxPorts ports;
  // Filled in below: the inbox asks for the triggers of the pump that owns it.
  auto owner = std::make_shared<TriggerPump*>(nullptr);
  ports.call = [&kernel](kernel::Input input) {
    return kernel.call(std::move(input), kCallTimeout);
  };
  ports.triggers = [owner] {
    return (*owner)->triggers_.list();
  };
  ports.now = options.now;
  REEVE_TRY(Inbox inbox, Inbox::open(options.data_dir, std::move(ports)));
  std::unique_ptr<TriggerPump> pump(
      new TriggerPump(kernel, reader, std::move(options), std::move(inbox))
  );
  *owner = pump.get();
  pump->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  pump->watch_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!pump->wake_ || !pump->watch_) {
    return platform::errno_error("inotify_init", pump->inbox_.directory());
  }
  // Where there are no watches left, looking every now and then has to do.
  (void)::inotify_add_watch(
      pump->watch_.get(), pump->inbox_.directory().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO
  );
  pump->thread_ = std::thread([raw = pump.get()] { raw->run(); });
  return pump;
}

TriggerPump::TriggerPump(
    kernel::Loop& kernel, store::Reader& reader, PumpOptions options, Inbox inbox
)
    : kernel_(kernel),
      options_(std::move(options)),
      triggers_(reader, options_.loader),
      inbox_(std::move(inbox)) {}

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
    Result<std::vector<DeployedTrigger>> fresh = triggers_.list();
    if (!fresh) {
      stale_ = true;
      return fresh;
    }
    current_ = std::move(*fresh);
  }
  return current_;
}

void TriggerPump::run() {
  std::set<std::string> closed;
  while (!stopping_) {
    for (const std::string& news : inbox_.scan(closed)) {
      options_.tell(news);
    }
    if (const Result<void> pumped = pump_channels(); !pumped) {
      tell_once(pumped.error().describe());
    } else {
      last_problem_.clear();
    }
    closed = wait();
  }
}

void TriggerPump::tell_once(const std::string& problem) {
  if (problem != last_problem_ && !stopping_) {
    last_problem_ = problem;
    options_.tell(concat("triggers: ", problem));
  }
}

/// Until something happens or it is time to look. Returns the files of the inbox that were closed
/// or moved there.
std::set<std::string> TriggerPump::wait() {
  pollfd fds[] = {
      {.fd = wake_.get(), .events = POLLIN, .revents = 0},
      {.fd = watch_.get(), .events = POLLIN, .revents = 0}};
  ::poll(fds, 2, kPeriodMillis);
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  std::set<std::string> closed;
  alignas(inotify_event) std::array<char, kWatchBytes> buffer;
  const ssize_t size = ::read(watch_.get(), buffer.data(), buffer.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    if (event->len > 0) {
      closed.emplace(event->name);
    }
    at += sizeof(inotify_event) + event->len;
  }
  return closed;
}

// --- channels -----------------------------------------------------------------------------------

Result<void> TriggerPump::pump_channels() {
  REEVE_TRY(const std::vector<DeployedTrigger> triggers, current());
  for (const DeployedTrigger& each : triggers) {
    const auto* source = std::get_if<workflow::ChannelTrigger>(&each.trigger->source);
    if (source != nullptr && !stopping_) {
      REEVE_CHECK(pump_channel(each, *source));
    }
  }
  return {};
}

Result<void> TriggerPump::pump_channel(
    const DeployedTrigger& trigger, const workflow::ChannelTrigger& source
) {
  const std::string group = group_of(trigger, source);
  while (!stopping_) {
    Json body = Json::object();
    body.set("group", group).set("consumer", "trigger").set("count", kMessagesPerRound);
    REEVE_TRY(
        const engine::Reply reply,
        ask(key_of(journal::Kind::Channel, source.channel), "receive", std::move(body))
    );
    const Json* messages = reply.detail.find("messages");
    if (messages == nullptr || messages->as_array().empty()) {
      return {};
    }
    for (const Json& message : messages->as_array()) {
      REEVE_CHECK(hand_on(trigger, source, group, message));
    }
  }
  return {};
}

/// Fires the trigger, then says to the channel what came of it.
Result<void> TriggerPump::hand_on(
    const DeployedTrigger& trigger,
    const workflow::ChannelTrigger& source,
    const std::string& group,
    const Json& message
) {
  const trigger::Occurrence occurrence =
      trigger::message_occurrence(message_of(source.channel, message), options_.now());
  const std::string& workflow = trigger.workflow->name;
  Json fire = Json::object();
  fire.set("trigger", trigger.trigger->name).set("data", occurrence.data);
  fire.set("key", occurrence.key);
  const InputId id(concat(
      "channel-",
      sha256(concat(occurrence.key, "\n", group, "\n", workflow, "\n", trigger.trigger->name))
          .view()
  ));
  const Result<engine::Reply> fired =
      ask(key_of(journal::Kind::Workflow, workflow), "fire", std::move(fire), id);
  if (!fired && fired.error().retryable()) {
    // It stays with us until its time is over, and then comes again.
    return fired.error();
  }
  Json done = Json::object();
  done.set("group", group).set("sequence", message.get_int("sequence"));
  done.set("token", message.get_int("token"));
  if (!fired) {
    done.set("delay", kRetryDelay);
  }
  REEVE_CHECK(
      ask(key_of(journal::Kind::Channel, source.channel), fired ? "ack" : "nack", std::move(done))
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
