#include "workflow/trigger/occurrence.h"

#include <chrono>

#include "base/strings.h"

namespace reeve::trigger {

namespace {

/// `2026-07-08T09:30:00`
std::string local_text(cron::LocalSeconds local) {
  const Timestamp shown(local.time_since_epoch());
  return format_timestamp(shown).substr(0, std::string_view("2026-07-08T09:30:00").size());
}

}  // namespace

Occurrence tick_occurrence(Timestamp tick, const cron::Zone& zone) {
  const auto at = std::chrono::floor<std::chrono::seconds>(tick);
  Json fields = Json::object();
  fields.set("Time", format_timestamp(tick));
  fields.set("Local", local_text(zone.to_local(at)));
  fields.set("Zone", zone.name());
  fields.set("Unix", static_cast<std::int64_t>(at.time_since_epoch().count()));
  Occurrence occurrence{.data = Json::object(), .at = tick, .key = format_timestamp(tick)};
  occurrence.data.set("Tick", std::move(fields));
  return occurrence;
}

Occurrence file_occurrence(const InboxFile& file, Timestamp now) {
  Json fields = Json::object();
  fields.set("Name", file.name);
  fields.set("Path", file.path);
  fields.set("Size", Json(file.size_bytes));
  fields.set("Modified", format_timestamp(file.modified_at));
  fields.set("Digest", file.digest);
  Occurrence occurrence{
      .data = Json::object(), .at = now, .key = concat(file.name, "\n", file.digest)};
  occurrence.data.set("File", std::move(fields));
  return occurrence;
}

Occurrence message_occurrence(const ChannelMessage& message, Timestamp now) {
  Occurrence occurrence{
      .data = Json::object(), .at = now, .key = concat(message.channel, "\n", message.id)};
  auto parsed = parse_json(message.body);
  occurrence.data.set("Message", parsed ? std::move(parsed).value() : Json(message.body));
  Json properties = Json::object();
  for (const auto& [name, value] : message.properties) {
    properties.set(name, value);
  }
  occurrence.data.set("Properties", std::move(properties));
  return occurrence;
}

}  // namespace reeve::trigger
