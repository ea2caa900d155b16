#include "cli/up_notify.h"

#include <utility>

#include "base/strings.h"
#include "cli/incident_reports.h"
#include "cli/notify_transport.h"
#include "engine/incident_book.h"
#include "engine/metadata_book.h"
#include "engine/object_metadata.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kActor = "system:notify";
/// Events that are kept in memory.
constexpr std::size_t kTailMax = 1'024;
constexpr std::uint32_t kRowsPerRead = 500;

Result<std::vector<Json>> read_sinks(store::Reader& reader) {
  std::vector<Json> sinks;
  store::RowQuery query;
  query.kind = journal::Kind::NotificationSink;
  query.live_only = true;
  query.limit = kRowsPerRead;
  while (true) {
    REEVE_TRY(const std::vector<store::ListedRow> rows, reader.list(query));
    for (const store::ListedRow& row : rows) {
      Result<Json> object = parse_json(row.row.body);
      if (object && !engine::is_deleted_row(row.row.body)) {
        object->set("revision", row.row.revision.value());
        sinks.push_back(std::move(*object));
      }
    }
    if (rows.size() < kRowsPerRead) {
      return sinks;
    }
    query.before = rows.back().created;
  }
}

Json row_of(store::Reader& reader, const journal::ObjectKey& key) {
  const Result<std::optional<store::Row>> row = reader.get(key);
  Result<Json> object = row && *row ? parse_json((*row)->body) : Result<Json>(Json::object());
  return object ? std::move(*object) : Json::object();
}

notify::MissionFacts facts_of(
    store::Reader& reader, const Namespace& ns, const std::string& mission
) {
  const journal::ObjectKey key{.kind = journal::Kind::Mission, .ns = ns, .name = mission};
  const Json row = row_of(reader, key);
  notify::MissionFacts facts;
  facts.workflow = row.get_object("spec").get_object("workflow").get_string("name");
  const Json sidecar = row_of(reader, engine::metadata_key(key));
  for (const auto& [name, value] :
       sidecar.get_object("spec").get_object("metadata").get_object("labels").as_object()) {
    facts.labels.emplace_back(name, value.is_string() ? value.as_string() : std::string());
  }
  return facts;
}

/// A credential that is for some workflows only is not for sinks.
Result<void> check_unrestricted(
    store::Reader& reader, const Namespace& ns, const std::string& credential
) {
  const Json row =
      row_of(reader, {.kind = journal::Kind::Credential, .ns = ns, .name = credential});
  const Json* workflows = row.get_object("spec").find("workflows");
  if (workflows != nullptr && workflows->is_array() && !workflows->as_array().empty()) {
    return make_error(
        ErrorCode::PermissionDenied, "it is for some workflows only, not for notifications"
    );
  }
  return {};
}

Json status_of(const SinkReport& report, const std::string& since) {
  Json ready = Json::object();
  ready.set("type", "Ready").set("status", report.ready ? "True" : "False");
  ready.set("reason", report.ready ? "Ready" : "Failing").set("message", report.problem);
  ready.set("lastTransitionTime", since);
  Json conditions = Json::array();
  conditions.push(std::move(ready));
  Json status = Json::object();
  status.set("cursor", report.cursor.value());
  status.set("delivered", report.delivered).set("dead", report.dead);
  if (!report.last_delivery.empty()) {
    status.set("lastDelivery", report.last_delivery);
    status.set("lastDeliveredAt", report.last_delivered_at);
  }
  if (!report.last_dead.empty()) {
    status.set("lastDead", report.last_dead);
  }
  status.set("conditions", std::move(conditions));
  return status;
}

}  // namespace

/// Threading: any thread.
class UpNotify::Tail {
 public:
  void begin(Revision head) {
    const std::lock_guard lock(mutex_);
    if (head > head_) {
      head_ = head;
      floor_ = head;
      events_.clear();
    }
  }

  void add(const store::Commit& commit) {
    const std::lock_guard lock(mutex_);
    for (const journal::Event& event : commit.events) {
      if (head_ == Revision()) {
        floor_ = Revision(event.revision.value() - 1);
      }
      head_ = event.revision;
      if (notify::may_tell(event)) {
        events_.push_back(std::make_shared<const journal::Event>(event));
      }
    }
    while (events_.size() > kTailMax) {
      floor_ = events_.front()->revision;
      events_.pop_front();
    }
  }

  Revision head() const {
    const std::lock_guard lock(mutex_);
    return head_;
  }

  /// Nothing: it does not reach back so far.
  std::optional<EventPage> after(Revision revision, std::size_t events_max) const {
    const std::lock_guard lock(mutex_);
    if (revision < floor_) {
      return std::nullopt;
    }
    EventPage page{.events = {}, .through = head_};
    for (const auto& event : events_) {
      if (event->revision <= revision) {
        continue;
      }
      if (page.events.size() == events_max) {
        page.through = page.events.back()->revision;
        break;
      }
      page.events.push_back(event);
    }
    return page;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const journal::Event>> events_;
  /// All that are later are in `events_`.
  Revision floor_;
  Revision head_;
};

UpNotify::UpNotify(telemetry::LogHub& log, telemetry::MetricRegistry& metrics)
    : log_(log.logger("notify")), metrics_(metrics), tail_(std::make_unique<Tail>()) {}

UpNotify::~UpNotify() {
  stop();
}

void UpNotify::join(SessionOptions& options) {
  options.on_commit = [this, before = std::move(options.on_commit)](const store::Commit& commit) {
    if (before) {
      before(commit);
    }
    committed(commit);
  };
}

void UpNotify::committed(const store::Commit& commit) {
  tail_->add(commit);
  bool told = false;
  bool sinks = false;
  for (const journal::Event& event : commit.events) {
    told = told || notify::may_tell(event);
    sinks = sinks ||
            (event.object.kind == journal::Kind::NotificationSink && event.actor.view() != kActor);
  }
  open_incidents(commit);
  const std::lock_guard lock(mutex_);
  if (listening_ != nullptr && sinks) {
    listening_->look_again();
  } else if (listening_ != nullptr && told) {
    listening_->committed();
  }
}

/// What somebody has to look at follows from what has happened. Once for each event: its revision
/// is the id of the input.
void UpNotify::open_incidents(const store::Commit& commit) {
  for (const journal::Event& event : commit.events) {
    const std::optional<IncidentNews> news = incident_of(event);
    if (!news) {
      continue;
    }
    post(
        news->over ? engine::resolve_incident(event.object.ns, news->report)
                   : engine::open_incident(event.object.ns, news->report),
        concat("incident-", event.revision.value())
    );
  }
}

void UpNotify::post(engine::ObjectCommand command, std::string id) {
  kernel::Loop* kernel = nullptr;
  {
    const std::lock_guard lock(mutex_);
    kernel = kernel_;
  }
  if (kernel == nullptr) {
    return;
  }
  kernel::Input input;
  input.id = InputId(std::move(id));
  input.principal = Principal(std::string(kActor));
  const std::string what = concat(command.verb, " ", command.object.name);
  input.command = std::move(command);
  input.done = [](const Result<engine::Reply>& /*reply*/) {
  };
  if (const Result<void> posted = kernel->post(std::move(input)); !posted) {
    log_.warn("not written", {{"what", what}, {"problem", posted.error()}});
  }
}

void UpNotify::save(const SinkReport& report) {
  auto& [ready, since] = conditions_[report.uid];
  if (since.empty() || ready != report.ready) {
    ready = report.ready;
    since = engine::format_seconds(platform::SystemClock().now());
  }
  Json metadata = Json::object();
  metadata.set("name", report.name).set("namespace", report.ns.str()).set("uid", report.uid);
  Json object = Json::object();
  object.set("apiVersion", "reeve.dev/v1").set("kind", "NotificationSink");
  object.set("metadata", std::move(metadata)).set("status", status_of(report, since));
  Json body = Json::object();
  body.set("object", std::move(object)).set("subresource", "status");
  post(
      {.object = {.kind = journal::Kind::NotificationSink, .ns = report.ns, .name = report.name},
       .verb = "update",
       .body = std::move(body)}
  );
}

void UpNotify::trouble(const notify::Sink& sink, const std::string& problem) {
  engine::IncidentReport report;
  report.reason = std::string(notify::kFailingReason);
  report.severity = "warning";
  report.subject_kind = "NotificationSink";
  report.subject = sink.name;
  report.message = problem.empty() ? std::string("messages are taken again") : problem;
  if (problem.empty()) {
    post(engine::resolve_incident(sink.ns, report));
    return;
  }
  log_.warn(
      "a notification was given up",
      {{"namespace", sink.ns.view()}, {"sink", sink.name}, {"problem", problem}}
  );
  post(engine::open_incident(sink.ns, report));
}

NotifierPorts UpNotify::ports(
    store::Reader& reader, api::Environment::Reveal reveal, telemetry::Redaction redaction
) {
  const auto now = [] {
    return platform::SystemClock().now();
  };
  NotifierPorts ports;
  ports.sinks = [&reader] {
    return read_sinks(reader);
  };
  ports.events = [this, &reader](Revision after, std::size_t max) -> Result<EventPage> {
    if (std::optional<EventPage> page = tail_->after(after, max)) {
      return std::move(*page);
    }
    store::EventQuery query;
    query.after = after;
    query.limit = static_cast<std::uint32_t>(max);
    REEVE_TRY(std::vector<journal::Event> stored, reader.events(query));
    EventPage page{.events = {}, .through = after};
    for (journal::Event& event : stored) {
      page.through = event.revision;
      page.events.push_back(std::make_shared<const journal::Event>(std::move(event)));
    }
    return page;
  };
  ports.head = [this] {
    return tail_->head();
  };
  ports.facts = [&reader](const Namespace& ns, const std::string& mission) {
    return facts_of(reader, ns, mission);
  };
  ports.redact = std::move(redaction);
  ports.attempt = make_transport(
      [&reader, reveal = std::move(reveal)](
          const Namespace& ns, const std::string& credential
      ) -> Result<Secret> {
        REEVE_CHECK(check_unrestricted(reader, ns, credential));
        return reveal(ns.view(), credential);
      },
      now
  );
  ports.save = [this](const SinkReport& report) {
    save(report);
  };
  ports.trouble = [this](const notify::Sink& sink, const std::string& problem) {
    trouble(sink, problem);
  };
  ports.now = now;
  ports.jitter = [this] {
    constexpr std::uint64_t kSteps = 1'000;
    return static_cast<double>(random_.next() % kSteps) / static_cast<double>(kSteps);
  };
  return ports;
}

Result<void> UpNotify::start(
    Session& session, api::Environment::Reveal reveal, telemetry::Redaction redaction
) {
  REEVE_TRY(const store::Head head, session.reader().head());
  tail_->begin(head.revision);
  {
    const std::lock_guard lock(mutex_);
    kernel_ = &session.kernel();
  }
  notifier_ = std::make_unique<Notifier>(
      ports(session.reader(), std::move(reveal), std::move(redaction)), NotifierOptions{}
  );
  {
    const std::lock_guard lock(mutex_);
    listening_ = notifier_.get();
  }
  // What was committed meanwhile.
  notifier_->look_again();
  lasting_.push_back(metrics_.callback(
      telemetry::MetricType::Counter,
      {.name = "reeve_notifications_total",
       .help = "Attempts to tell somebody outside, by what became of them",
       .labels = {"outcome"}},
      std::function<std::vector<telemetry::Sample>()>([raw = notifier_.get()] {
        const NotifierFigures figures = raw->figures();
        return std::vector<telemetry::Sample>{
            {.labels = {"taken"}, .value = static_cast<double>(figures.delivered)},
            {.labels = {"again"}, .value = static_cast<double>(figures.retried)},
            {.labels = {"dead"}, .value = static_cast<double>(figures.dead)}};
      })
  ));
  lasting_.push_back(metrics_.callback(
      telemetry::MetricType::Gauge,
      {.name = "reeve_notifications_waiting", .help = "Notifications that wait in memory"},
      std::function<double()>([raw = notifier_.get()] {
        return static_cast<double>(raw->figures().waiting);
      })
  ));
  return {};
}

void UpNotify::stop() {
  lasting_.clear();
  {
    const std::lock_guard lock(mutex_);
    listening_ = nullptr;
  }
  if (notifier_ != nullptr) {
    notifier_->stop();
  }
  {
    const std::lock_guard lock(mutex_);
    kernel_ = nullptr;
  }
  notifier_.reset();
}

}  // namespace reeve::cli
