#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "api/services.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/otlp_sink.h"

namespace reeve::cli {

/// Bodies that wait to be read, and their bytes.
inline constexpr std::size_t kOtlpPostsMax = 64;
inline constexpr std::size_t kOtlpBytesMax = std::size_t{16} << 20U;

/// Reads what agents tell by OTLP/HTTP and counts what they used: in metrics, and as a line of the
/// log for each call of a model, with the run that made it.
///
/// Threading: `take` from any thread; reading happens on a thread of its own.
class OtlpIntake {
 public:
  OtlpIntake(telemetry::LogHub& log, telemetry::MetricRegistry& metrics);
  ~OtlpIntake();
  OtlpIntake(const OtlpIntake&) = delete;
  OtlpIntake& operator=(const OtlpIntake&) = delete;

  /// False: too much waits.
  bool take(api::OtlpPost post);

  /// Drops what waits and ends the thread. Once is enough.
  void stop();

 private:
  void run();
  void read(const api::OtlpPost& post);
  void count(const api::OtlpPost& post, const telemetry::OtlpRecord& record);

  telemetry::Logger log_;
  telemetry::Family<telemetry::Counter>& records_;
  telemetry::Family<telemetry::Counter>& rejected_;
  telemetry::Family<telemetry::Counter>& refused_;
  telemetry::Family<telemetry::Counter>& tokens_;
  telemetry::Family<telemetry::Counter>& cost_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<api::OtlpPost> waiting_;
  std::size_t bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace reeve::cli
