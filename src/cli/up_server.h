#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "api/server.h"
#include "base/result.h"
#include "cli/run_sockets.h"
#include "cli/server_certificate.h"
#include "cli/session.h"
#include "cli/up_options.h"
#include "cli/up_telemetry.h"
#include "configuration/server_settings.h"
#include "kernel/loop.h"
#include "platform/ports.h"
#include "telemetry/health.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace reeve::cli {

/// How clients reach the server of a data directory: a kubeconfig (0600).
std::filesystem::path kubeconfig_file(const DataDir& dir);

/// The HTTP API of one session.
///
/// Threading: main thread; `committed` and `reloaded` are for the kernel's threads.
class UpServer {
 public:
  /// Makes keys and certificates at first use. The settings outlive it.
  static Result<std::unique_ptr<UpServer>> create(
      const DataDir& dir,
      const configuration::ServerSettings& settings,
      /// Nobody has said where to listen: if the port is taken, another one will do.
      bool any_port,
      store::Reader& reader,
      platform::Clock& clock,
      telemetry::LogHub& log,
      telemetry::MetricRegistry& metrics,
      api::Environment::Seal seal,
      api::Environment::Reveal reveal,
      UpTelemetry& observation
  );

  Result<void> load() { return server_->load(); }

  void committed(const store::Commit& commit) { server_->committed(commit); }

  void reloaded() { server_->reloaded(); }

  /// Opens the ports and writes the kubeconfig. AlreadyExists: the address is taken.
  Result<void> start(kernel::Loop& kernel);

  /// Uses other settings, as far as they can change while it runs; nothing that goes on ends.
  /// Everything that is wrong with them: nothing has changed then.
  std::vector<Error> change(const configuration::ServerSettings& settings);

  /// Called now and then: makes our certificate anew when it is near its end. True: it was. The
  /// errors of the file system: it will be tried again.
  Result<bool> renew_certificate();

  /// `https://127.0.0.1:7070`
  const std::string& url() const { return url_; }

  /// Of the certificate; empty: one that the machine knows.
  std::filesystem::path authority_file() const;

  /// The sockets of runs; after `start`, and not longer than this.
  std::unique_ptr<RunSockets> run_sockets() const;

  /// No new requests; those in progress get `grace`. Returns whether all ended by themselves.
  bool stop(Duration grace);

 private:
  UpServer() = default;

  Result<void> write_kubeconfig() const;
  Result<void> add_health_checks(kernel::Loop& kernel);
  Result<void> use_authority(std::string authority);

  DataDir dir_;
  platform::Clock* clock_ = nullptr;
  configuration::ServerSettings::Server settings_;
  CertificateWatch certificate_;
  telemetry::MetricCallback certificate_metric_;
  bool any_port_ = false;
  std::string url_;
  std::string authority_;
  bool tls_ = true;
  std::string host_;
  std::unique_ptr<telemetry::HealthRegistry> health_;
  std::unique_ptr<api::Server> server_;
};

}  // namespace reeve::cli
