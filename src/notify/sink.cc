#include "notify/sink.h"

#include <algorithm>
#include <optional>

#include "base/strings.h"

namespace reeve::notify {

namespace {

constexpr std::uint16_t kSubmissionPort = 587;
constexpr std::uint16_t kTlsPort = 465;
constexpr std::uint16_t kPlainPort = 25;

std::vector<std::string> texts(const Json& object, std::string_view name) {
  std::vector<std::string> found;
  const Json* list = object.find(name);
  if (list != nullptr && list->is_array()) {
    for (const Json& item : list->as_array()) {
      if (item.is_string()) {
        found.push_back(item.as_string());
      }
    }
  }
  return found;
}

Error invalid(std::string message, std::string subject, std::string hint) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  error.hint = std::move(hint);
  return error;
}

Result<void> read_template(
    const Json& spec, std::string_view name, std::vector<templates::Template>& out
) {
  const std::string text = spec.get_string(name);
  if (text.empty()) {
    return {};
  }
  Result<templates::Template> parsed = templates::Template::parse(text);
  if (!parsed) {
    return invalid(parsed.error().message, concat("spec.", name), "as {{.title}}; see the guide");
  }
  out.push_back(std::move(*parsed));
  return {};
}

Result<void> read_mail(const Json& email, Sink& sink) {
  MailServer& mail = sink.mail;
  const std::string security = email.get_string("security", "starttls");
  mail.security = security == "tls"    ? MailSecurity::Tls
                  : security == "none" ? MailSecurity::None
                                       : MailSecurity::StartTls;
  const std::uint16_t usual = mail.security == MailSecurity::Tls        ? kTlsPort
                              : mail.security == MailSecurity::StartTls ? kSubmissionPort
                                                                        : kPlainPort;
  mail.host = email.get_string("host");
  mail.port = static_cast<std::uint16_t>(email.get_int("port", usual));
  mail.username = email.get_string("username");
  mail.from = email.get_string("from");
  mail.to = texts(email, "to");
  sink.credential = email.get_string("passwordCredential");
  if (mail.username.empty() != sink.credential.empty()) {
    return invalid(
        "a user and a password come together", "spec.email", "give username and passwordCredential"
    );
  }
  if (!sink.credential.empty() && mail.security == MailSecurity::None) {
    return invalid(
        "a password is not sent without protection", "spec.email.security", "write starttls or tls"
    );
  }
  return {};
}

Result<void> read_means(const Json& spec, Sink& sink) {
  int means = 0;
  const Json* given = nullptr;
  for (const std::string_view name : {"webhook", "slack", "email"}) {
    if (const Json* found = spec.find(name); found != nullptr && found->is_object()) {
      ++means;
      given = found;
      sink.means = name == "webhook" ? Means::Webhook
                   : name == "slack" ? Means::Slack
                                     : Means::Email;
    }
  }
  if (means != 1) {
    return invalid(
        concat(means, " ways to tell"), "spec", "give exactly one of webhook, slack and email"
    );
  }
  sink.allow_private = given->get_bool("allowPrivate");
  switch (sink.means) {
    case Means::Webhook:
      sink.url = given->get_string("url");
      sink.credential = given->get_string("secretCredential");
      return {};
    case Means::Slack:
      sink.credential = given->get_string("urlCredential");
      return {};
    case Means::Email:
      return read_mail(*given, sink);
  }
  return {};
}

bool names(const std::string& pattern, std::string_view event) {
  if (pattern == "*" || pattern == event) {
    return true;
  }
  constexpr std::string_view kAll = ".*";
  return pattern.ends_with(kAll) &&
         event.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

bool has_labels(const Sink& sink, const MissionFacts& facts) {
  return std::all_of(sink.labels.begin(), sink.labels.end(), [&](const auto& wanted) {
    return std::find(facts.labels.begin(), facts.labels.end(), wanted) != facts.labels.end();
  });
}

Json data_of(const Sink& sink, const Notification& notification) {
  Json labels = Json::object();
  for (const auto& [key, value] : notification.facts.labels) {
    labels.set(key, value);
  }
  Json data = Json::object();
  data.set("event", notification.event).set("at", format_timestamp(notification.at));
  data.set("namespace", notification.ns.str()).set("sink", sink.name);
  data.set("kind", notification.subject_kind).set("name", notification.subject);
  data.set("mission", notification.mission).set("workflow", notification.facts.workflow);
  data.set("task", notification.task).set("labels", std::move(labels));
  data.set("title", notification.title).set("text", notification.text);
  data.set("command", notification.command);
  return data;
}

std::string rendered(
    const std::vector<templates::Template>& with,
    const Json& data,
    const std::string& otherwise,
    std::size_t bytes_max
) {
  if (with.empty()) {
    return otherwise;
  }
  templates::RenderOptions options;
  options.limits.steps_max = 10'000;
  options.limits.output_bytes_max = bytes_max * 4;
  const Result<std::string> text = with.front().render(data, options);
  return text ? cut(*text, bytes_max) : otherwise;
}

}  // namespace

Result<Sink> sink_from(const Json& object) {
  const Json& metadata = object.get_object("metadata");
  const Json& spec = object.get_object("spec");
  Sink sink;
  sink.ns = Namespace(metadata.get_string("namespace"));
  sink.name = metadata.get_string("name");
  sink.uid = metadata.get_string("uid");
  sink.generation = metadata.get_int("generation", 1);
  sink.suspended = spec.get_bool("suspended");
  sink.events = texts(spec, "events");
  sink.workflows = texts(spec, "workflows");
  for (const auto& [key, value] : spec.get_object("matchLabels").as_object()) {
    sink.labels.emplace_back(key, value.is_string() ? value.as_string() : std::string());
  }
  REEVE_CHECK(read_template(spec, "title", sink.title));
  REEVE_CHECK(read_template(spec, "text", sink.text));
  REEVE_CHECK(read_means(spec, sink));
  return sink;
}

bool wants(const Sink& sink, const Notification& notification) {
  if (sink.suspended || sink.ns != notification.ns) {
    return false;
  }
  const bool named = std::any_of(sink.events.begin(), sink.events.end(), [&](const auto& pattern) {
    return names(pattern, notification.event);
  });
  if (!named) {
    return false;
  }
  const bool own_trouble =
      notification.subject_kind == "Incident" &&
      notification.title.ends_with(concat(kFailingReason, " of NotificationSink ", sink.name));
  if (own_trouble || notification.mission.empty()) {
    return !own_trouble;
  }
  const MissionFacts& facts = notification.facts;
  const bool workflow = sink.workflows.empty() ||
                        std::find(sink.workflows.begin(), sink.workflows.end(), facts.workflow) !=
                            sink.workflows.end();
  return workflow && has_labels(sink, facts);
}

Words words_for(const Sink& sink, const Notification& notification) {
  const Json data = data_of(sink, notification);
  return {
      .title = rendered(sink.title, data, notification.title, kTitleBytesMax),
      .text = rendered(sink.text, data, notification.text, kTextBytesMax)};
}

}  // namespace reeve::notify
