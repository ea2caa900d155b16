#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "journal/event.h"
#include "kernel/loop.h"
#include "owner/deployed_triggers.h"
#include "owner/inbox.h"
#include "platform/posix/files.h"
#include "store/ports.h"

namespace reeve::owner {

struct PumpOptions {
  std::filesystem::path data_dir;
  engine::WorkflowLoader loader;
  std::function<Timestamp()> now;
  /// A line for the person who looks after this process; the pump's thread.
  std::function<void(std::string_view)> tell;
};

/// Carries to the kernel what triggers wait for outside of it: files of the inbox and messages of
/// channels. Whatever it is interrupted at, nothing is carried twice: a message is acknowledged in
/// the commit that makes its mission, and each file and each message is one input of a fixed id,
/// which the kernel remembers for 24 h (CoreOptions::input_memory).
///
/// In each round every trigger gets a turn, so that none waits for the end of another's work, nor
/// for its trouble. Where a rate limit leaves no room, messages and files wait where they are.
///
/// Threading: one thread of its own; `changed` any thread.
class TriggerPump {
 public:
  /// `kernel` and `reader` outlive it.
  static Result<std::unique_ptr<TriggerPump>> start(
      kernel::Loop& kernel, store::Reader& reader, PumpOptions options
  );

  ~TriggerPump();
  TriggerPump(const TriggerPump&) = delete;
  TriggerPump& operator=(const TriggerPump&) = delete;

  /// Something was committed that may concern a trigger; must not block.
  void changed(std::span<const journal::Event> events);

  /// Looks at everything anew: `changed` may not have been told of what was committed before.
  void look_again();

  /// Ends the thread. Idempotent.
  void stop();

 private:
  /// Files of one inbox that were closed or moved there.
  using Closed = std::map<Namespace, std::set<std::string>>;

  TriggerPump(kernel::Loop& kernel, store::Reader& reader, PumpOptions options);

  void run();
  Closed wait(int millis);
  void wake();
  Result<void> open_inbox(const Namespace& ns);
  void open_inboxes();
  Result<std::vector<DeployedTrigger>> current();
  bool pump_channels();
  Result<bool> pump_channel(const DeployedTrigger& trigger, const workflow::ChannelTrigger& source);
  Result<void> hand_on(
      const DeployedTrigger& trigger,
      const workflow::ChannelTrigger& source,
      const Uid& channel,
      const Json& message
  );
  Result<engine::Reply> ask(
      const journal::ObjectKey& object, std::string verb, Json body, InputId id = {}
  );
  void tell_once(const std::string& subject, const Result<void>& outcome);

  kernel::Loop& kernel_;
  PumpOptions options_;
  DeployedTriggers triggers_;
  /// What `triggers_` last said; asked again after a workflow was deployed or switched.
  std::vector<DeployedTrigger> current_;
  std::atomic<bool> stale_ = true;
  std::map<Namespace, Inbox> inboxes_;
  platform::FileDescriptor wake_;
  platform::FileDescriptor watch_;
  /// Whose inbox a watch is about.
  std::map<int, Namespace> watched_;
  std::atomic<bool> stopping_ = false;
  /// What was last told about a workflow or a trigger.
  std::map<std::string, std::string> told_;
  std::thread thread_;
};

}  // namespace reeve::owner
