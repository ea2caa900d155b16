#include "cli/doctor_server.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

#include <sys/stat.h>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/doctor_files.h"
#include "cli/metrics_text.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "configuration/configuration.h"
#include "platform/posix/lock_owner.h"
#include "platform/posix/system.h"
#include "security/identity/served_certificate.h"

namespace reeve::cli {

namespace {

constexpr Duration kQuestionTimeout = std::chrono::seconds(5);
/// Certificates that end within this time are worth a word.
constexpr Duration kExpirySoon = std::chrono::hours(14 * 24);
/// Times in tokens and certificates are compared with clocks.
constexpr Duration kClockWarn = std::chrono::seconds(5);
constexpr Duration kClockFail = std::chrono::minutes(5);
/// Descriptors besides those of connections: store, logs, runs.
constexpr std::int64_t kOtherDescriptors = 256;

ServerFinding ok(std::string name, std::string detail) {
  return {.name = std::move(name), .detail = std::move(detail), .fix = {}};
}

ServerFinding warn(std::string name, std::string detail, std::string fix) {
  return {
      .name = std::move(name),
      .verdict = Verdict::Warn,
      .detail = std::move(detail),
      .fix = std::move(fix)};
}

ServerFinding fail(std::string name, std::string detail, std::string fix) {
  return {
      .name = std::move(name),
      .verdict = Verdict::Fail,
      .detail = std::move(detail),
      .fix = std::move(fix)};
}

/// Somebody has said which server; else it is that of the data directory.
bool is_named(const ConnectionArgs& args) {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  return !args.server.empty() || !args.kubeconfig.empty() || is_set("REEVE_SERVER") ||
         is_set("REEVE_KUBECONFIG");
}

/// Whether a process carries out the work of the data directory.
bool is_owned(const Common& common) {
  const auto owner = owner_of(DataDir{.root = common.data_dir});
  return owner && owner->has_value() && (*owner)->state != platform::OwnerState::Dead;
}

/// One server, question by question.
class Examination {
 public:
  Examination(std::unique_ptr<ApiClient> client, const Common& common, bool local)
      : client_(std::move(client)), common_(common), local_(local) {}

  std::vector<ServerFinding> carry_out() {
    if (!reach()) {
      look_at_tls();
      return std::move(findings_);
    }
    look_at_tls();
    look_at_version();
    look_at_health();
    look_at_descriptors();
    return std::move(findings_);
  }

 private:
  const std::string& url() const { return client_->connection().server; }

  bool is_https() const { return url().starts_with("https://"); }

  ApiRequest question(std::string path) const {
    ApiRequest request;
    request.path = std::move(path);
    request.timeout = kQuestionTimeout;
    request.any_status = true;
    return request;
  }

  bool reach() {
    const Duration before = platform::monotonic_now();
    const Result<std::string> answer = client_->ask_text(question("/livez"));
    const Duration spent = platform::monotonic_now() - before;
    if (!answer) {
      findings_.push_back(
          fail("server-address", concat(url(), ": ", answer.error().message), reach_fix())
      );
      return false;
    }
    findings_.push_back(ok("server-address", concat(url(), " answers in ", format_duration(spent)))
    );
    return true;
  }

  std::string reach_fix() const {
    return local_ ? "look at what reeve up says; server.listen in reeve config show is its address"
                  : "check the address, that the server runs, and what is between: firewalls, "
                    "proxies, DNS";
  }

  void look_at_tls() {
    constexpr auto kName = "server-tls";
    if (!is_https()) {
      findings_.push_back(warn(
          kName,
          "none: tokens and answers can be read on the way",
          "set server.tls to auto or files"
      ));
      return;
    }
    const auto seen = identity::look_at_certificate(url(), client_->connection().authority);
    if (!seen) {
      findings_.push_back(fail(kName, seen.error().message, "check what listens at that address"));
      return;
    }
    const std::string who = concat(seen->protocol, ", ", seen->subject, " by ", seen->issuer);
    findings_.push_back(
        seen->problem.empty()
            ? ok(kName, who)
            : fail(
                  kName,
                  concat(who, ": ", seen->problem),
                  "give the authority that has signed it (--certificate-authority, reeve "
                  "kubeconfig), and a name of server.advertise as the address"
              )
    );
    look_at_expiry(*seen);
  }

  void look_at_expiry(const identity::ServedCertificate& seen) {
    constexpr auto kName = "server-certificate";
    const Timestamp now = platform::SystemClock().now();
    const std::string until = format_timestamp(seen.not_after);
    const std::string fix =
        "replace the files of server.tls.cert; those that reeve up makes are made anew when it "
        "starts";
    findings_.push_back(
        seen.not_after <= now                 ? fail(kName, concat("ended at ", until), fix)
        : seen.not_after <= now + kExpirySoon ? warn(kName, concat("ends at ", until), fix)
                                              : ok(kName, concat("valid until ", until))
    );
  }

  void look_at_version() {
    constexpr auto kName = "server-version";
    const Result<Json> answer = client_->ask(question("/version"));
    const std::string version = answer ? answer->get_string("reeve") : std::string();
    if (version.empty()) {
      findings_.push_back(fail(kName, "it is no Reeve", "check the address"));
    } else if (version != kVersion) {
      findings_.push_back(warn(
          kName,
          concat("the server is ", version, ", this program ", kVersion),
          "use the program of the server's version; docs/operating/upgrade.md"
      ));
    } else {
      findings_.push_back(ok(kName, version));
    }
  }

  void look_at_health() {
    const Duration before = platform::monotonic_now();
    const Result<Json> answer = client_->ask(question("/health"));
    const Duration spent = platform::monotonic_now() - before;
    const std::string status = answer ? answer->get_string("status") : std::string();
    if (status != "healthy" && status != "degraded" && status != "unhealthy") {
      const bool refused = answer && answer->get_string("kind") == "Status";
      findings_.push_back(warn(
          "server-health",
          refused ? answer->get_string("message") : std::string("no answer"),
          "ask as somebody who may read /health (docs/operating/health.md)"
      ));
      return;
    }
    const Json* components = answer->find("components");
    for (const Json& each :
         components != nullptr && components->is_array() ? components->as_array() : Json::Array()) {
      add_component(each);
    }
    if (const auto at = parse_timestamp(answer->get_string("timestamp"))) {
      look_at_clock(*at, spent);
    }
  }

  void add_component(const Json& component) {
    const std::string name = concat("health-", component.get_string("name"));
    const std::string status = component.get_string("status");
    const std::string message = component.get_string("message");
    const std::string detail = message.empty() ? status : concat(status, ": ", message);
    const std::string fix = "docs/operating/health.md says what each component needs";
    findings_.push_back(
        status == "healthy"    ? ok(name, detail)
        : status == "degraded" ? warn(name, detail, fix)
                               : fail(name, detail, fix)
    );
  }

  /// The answer was made at some moment of `spent`, and may be a second old (health.md).
  void look_at_clock(Timestamp server, Duration spent) {
    constexpr auto kName = "server-clock";
    constexpr Duration kAnswerAge = std::chrono::seconds(1);
    const Duration apart = platform::SystemClock().now() - server;
    const bool behind = apart > Duration(0);
    const Duration off = behind ? std::max(Duration(0), apart - spent - kAnswerAge) : -apart;
    const std::string detail = concat(
        "the server is ", format_duration(off), behind ? " behind" : " ahead of", " this machine"
    );
    const std::string fix = "keep both clocks with NTP: certificates, tokens and schedules need it";
    findings_.push_back(
        off >= kClockFail  ? fail(kName, detail, fix)
        : off > kClockWarn ? warn(kName, detail, fix)
                           : ok(kName, "as this machine's")
    );
  }

  /// Connections that the settings of this data directory allow; nothing: of a server elsewhere.
  std::optional<std::int64_t> connections_max() const {
    if (!local_) {
      return {};
    }
    const auto sources = setting_sources(common_.data_dir, {}, {});
    if (!sources) {
      return {};
    }
    const configuration::Loaded loaded = configuration::load(*sources);
    return loaded.ok() ? std::optional(loaded.configuration.number("limits.connections_max"))
                       : std::nullopt;
  }

  void look_at_descriptors() {
    constexpr auto kName = "server-descriptors";
    const Result<std::string> text = client_->ask_text(question("/metrics"));
    const auto samples = text ? parse_metrics(*text) : std::vector<MetricSample>();
    const auto limit = metric_sum(samples, "process_max_fds");
    const auto open = metric_sum(samples, "process_open_fds");
    if (!limit || !open) {
      findings_.push_back(warn(
          kName, "not known", "ask as somebody who may read /metrics (docs/operating/metrics.md)"
      ));
      return;
    }
    const auto most = static_cast<std::int64_t>(*limit);
    const auto used = static_cast<std::int64_t>(*open);
    const std::int64_t wanted = connections_max().value_or(used) + kOtherDescriptors;
    const std::string detail = concat(used, " of ", most, " are open");
    if (most >= wanted) {
      findings_.push_back(ok(kName, detail));
      return;
    }
    findings_.push_back(warn(
        kName,
        concat(detail, "; limits.connections_max and the rest need ", wanted),
        concat("raise the limit (LimitNOFILE=", wanted, ", ulimit -n), or lower the setting")
    ));
  }

  std::unique_ptr<ApiClient> client_;
  const Common& common_;
  bool local_;
  std::vector<ServerFinding> findings_;
};

std::vector<ServerFinding> examine_connection(const Common& common, const ConnectionArgs& args) {
  const bool named = is_named(args);
  Result<Connection> connection = find_connection(common.data_dir, args);
  if (!named && !is_owned(common)) {
    // Nobody expects a server here.
    return connection ? std::vector<ServerFinding>{warn(
                            "server-address",
                            concat("no server runs for ", common.data_dir),
                            "reeve up starts one"
                        )}
                      : std::vector<ServerFinding>();
  }
  if (!connection) {
    const Error& error = connection.error();
    const std::string fix = error.hint.empty() ? "reeve kubeconfig makes one" : error.hint;
    return {
        named ? fail("server-connection", error.describe(), fix)
              : warn("server-connection", error.describe(), fix)};
  }
  auto client = ApiClient::connect(std::move(*connection));
  if (!client) {
    return {fail("server-connection", client.error().message, client.error().hint)};
  }
  return Examination(std::move(*client), common, !named).carry_out();
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Ok:
      return "ok";
    case Verdict::Warn:
      return "warn";
    case Verdict::Fail:
      return "fail";
  }
  return "fail";
}

std::vector<ServerFinding> examine_server(const Common& common, const ConnectionArgs& args) {
  std::vector<ServerFinding> findings = examine_connection(common, args);
  add_file_findings(common, args, findings);
  return findings;
}

}  // namespace reeve::cli
