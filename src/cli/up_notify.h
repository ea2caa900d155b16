#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/services.h"
#include "cli/notifier.h"
#include "cli/session.h"
#include "kernel/loop.h"
#include "platform/posix/system.h"
#include "store/ports.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace reeve::cli {

/// What a server tells those outside, and the incidents that follow from what happens. Outlives the
/// session.
///
/// Threading: main thread; what it joins to a session is called on the session's threads.
class UpNotify {
 public:
  UpNotify(telemetry::LogHub& log, telemetry::MetricRegistry& metrics);
  ~UpNotify();
  UpNotify(const UpNotify&) = delete;
  UpNotify& operator=(const UpNotify&) = delete;

  /// Wants to be told what is committed, after those who are told already.
  void join(SessionOptions& options);

  /// Begins to tell. The session outlives `stop`.
  Result<void> start(
      Session& session, api::Environment::Reveal reveal, telemetry::Redaction redaction
  );

  /// Before the session closes; waits for what is being told. Idempotent.
  void stop();

 private:
  /// What was committed last, so that the journal need not be read for it.
  class Tail;

  void committed(const store::Commit& commit);
  NotifierPorts ports(
      store::Reader& reader, api::Environment::Reveal reveal, telemetry::Redaction redaction
  );
  void save(const SinkReport& report);
  void trouble(const notify::Sink& sink, const std::string& problem);
  void post(engine::ObjectCommand command, std::string id = {});
  void open_incidents(const store::Commit& commit);

  telemetry::Logger log_;
  telemetry::MetricRegistry& metrics_;
  std::unique_ptr<Tail> tail_;
  platform::SystemRandom random_;
  /// When the condition of a sink became what it is; the notifier's thread only.
  std::map<std::string, std::pair<bool, std::string>> conditions_;
  std::vector<telemetry::MetricCallback> lasting_;

  std::mutex mutex_;
  kernel::Loop* kernel_ = nullptr;
  Notifier* listening_ = nullptr;
  std::unique_ptr<Notifier> notifier_;
};

}  // namespace reeve::cli
