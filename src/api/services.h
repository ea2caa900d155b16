#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/denials.h"
#include "api/request_metrics.h"
#include "api/types.h"
#include "api/view/view.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "engine/engine.h"
#include "gateway/ports.h"
#include "kernel/loop.h"
#include "platform/ports.h"
#include "resource/schema/openapi.h"
#include "security/identity/sealer.h"
#include "store/ports.h"
#include "telemetry/health.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/otlp_sink.h"
#include "telemetry/trace.h"

namespace reeve::net {
class Server;
}

namespace reeve::api {

class Access;
class FileWork;
class HookWorkflows;
class Streams;
class WatchGroups;

/// A value that only the keyring can open.
struct SealedValue {
  std::string sealed;
  std::string key_id;
};

/// What an agent tells by OTLP/HTTP.
struct OtlpPost {
  telemetry::Signal signal = telemetry::Signal::Metrics;
  std::string content_type;
  /// `gzip`; empty: none.
  std::string encoding;
  std::string body;
  /// Where it belongs, as the sender has proven.
  std::string ns;
  /// The run that sends it; empty: a user does.
  std::string run;
  telemetry::Correlation correlation;
  /// Once, on any thread: the status and the body (JSON) of the answer.
  std::function<void(int status, std::string body)> answered;
};

/// A file that somebody has sent, for the tasks of a namespace.
struct SentFile {
  /// SHA-256 in hex.
  std::string digest = {};
  std::string name = {};
  std::uint64_t size_bytes = 0;
  Timestamp sent_at = {};
  std::optional<Timestamp> expires_at = {};
  /// Who sent it.
  std::string owner = {};
  /// Of the namespace that it was sent to, which may be gone.
  std::string namespace_uid = {};
};

/// What the API asks of the process that it is part of. Any thread, must not block for long.
struct Environment {
  using Seal = std::function<
      Result<SealedValue>(std::string_view ns, std::string_view name, std::string_view value)>;

  /// NotFound: there is no such credential.
  using Reveal = std::function<Result<Secret>(std::string_view ns, std::string_view credential)>;

  /// Seals the value of a credential.
  Seal seal;
  /// The value of a credential; for comparing, never for telling.
  Reveal reveal;
  /// Reads a kept file.
  using Artifact =
      std::function<Result<std::string>(std::string_view digest, std::uint64_t bytes_max)>;

  /// The bytes of a file that a task has kept or somebody has sent, proven. NotFound: it is not
  /// there any more. Corrupt: its bytes have another digest. LimitExceeded: it is longer. Blocks on
  /// the disk (FileWork).
  Artifact artifact;

  /// What was sent for the tasks of namespaces that exist. These block on the disk (FileWork).
  struct SentFiles {
    /// Keeps bytes and says what has become of `file`, whose digest and size are found out.
    /// Invalid: the name is none. LimitExceeded: the namespace has too many.
    std::function<Result<SentFile>(std::string_view ns, SentFile file, std::string_view bytes)>
        keep;
    /// Those that have not expired.
    std::function<Result<std::vector<SentFile>>(std::string_view ns)> list;
    /// One that is not there: nothing happens.
    std::function<Result<void>(std::string_view ns, std::string_view digest)> remove;
  };

  SentFiles sent_files;
  /// Where a run keeps its files.
  std::function<std::string(std::string_view ns, std::string_view mission, std::string_view run)>
      run_dir;
  /// The host of this process as an object without metadata.resourceVersion.
  std::function<Json()> host;
  std::string version;
  /// Why the program that the spec of a ToolServer names may not be started on this machine; "": it
  /// may. Empty: none are.
  std::function<std::string(const Json& spec)> command_objection = {};
  /// Takes the spans of requests; outlives the server. Null: nobody does.
  telemetry::SpanSink* spans = nullptr;
  /// Share of the requests that nobody else traces of which there are spans.
  double sample_ratio = 0;
  /// Takes what agents tell; false: too much waits. Empty: nobody does.
  std::function<bool(OtlpPost post)> take_otlp;
};

/// By the first part of their paths: "llm".
using Gateways = std::map<std::string, std::shared_ptr<gateway::Gateway>, std::less<>>;

/// What serving a request needs. Lives as long as the server; the members outlive it.
struct Services {
  kernel::Loop& kernel;
  store::Reader& reader;
  view::View& view;
  const Types& types;
  const resource::schema::Contracts& contracts;
  const resource::schema::LazyOpenApi& open_api;
  const identity::Sealer& sealer;
  Access& access;
  telemetry::MetricRegistry& metrics;
  RequestMetrics request_metrics;
  telemetry::HealthRegistry& health;
  telemetry::Logger log;
  telemetry::Logger audit;
  platform::Random& random;
  /// Civil time.
  std::function<Timestamp()> now;
  Environment environment;
  /// Set before the first request.
  net::Server* server = nullptr;
  Streams* streams = nullptr;
  WatchGroups* watch_groups = nullptr;
  FileWork* files = nullptr;
  /// Network thread.
  Denials denials = {};
  /// Made when it is first needed.
  std::shared_ptr<HookWorkflows> hooks = nullptr;
  Gateways gateways = {};
};

}  // namespace reeve::api
