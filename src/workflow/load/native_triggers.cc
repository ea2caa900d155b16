#include <array>

#include "base/strings.h"
#include "workflow/load/native_parts.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::array<std::string_view, 5> kSources = {
    "cron", "webhook", "objects", "channel", "inbox"};
constexpr std::array<std::string_view, 2> kMissed = {"skip", "runOnce"};
constexpr std::array<std::string_view, 6> kAuth = {
    "none", "hmacSha256", "bearerToken", "apiKey", "github", "gitlab"};
constexpr std::array<WebhookAuth, 6> kAuthValues = {
    WebhookAuth::None,
    WebhookAuth::HmacSha256,
    WebhookAuth::BearerToken,
    WebhookAuth::ApiKey,
    WebhookAuth::GitHub,
    WebhookAuth::GitLab};

CronTrigger decode_cron(Fields& fields, Decoder& decoder) {
  CronTrigger cron;
  cron.expression = fields.needed_word("schedule");
  cron.time_zone = fields.word("timeZone");
  if (const Node* missed = fields.get("missed")) {
    cron.missed = decoder.choice(*missed, fields.path("missed"), kMissed).value_or(0) == 0
                      ? MissedTicks::Skip
                      : MissedTicks::RunOnce;
  }
  return cron;
}

WebhookTrigger decode_webhook(Fields& fields, Decoder& decoder) {
  WebhookTrigger webhook;
  if (const Node* auth = fields.need("auth")) {
    webhook.auth = kAuthValues[decoder.choice(*auth, fields.path("auth"), kAuth).value_or(0)];
  }
  webhook.secret = fields.word("secret");
  webhook.header = fields.word("header");
  webhook.path = fields.word("path");
  return webhook;
}

ObjectTrigger decode_objects(Fields& fields, Decoder& decoder) {
  ObjectTrigger objects;
  objects.bucket = fields.needed_word("bucket");
  objects.prefix = fields.word("prefix");
  objects.suffix = fields.word("suffix");
  if (const Node* poll = fields.get("poll")) {
    objects.poll = decoder.flag(*poll, fields.path("poll"), true);
  }
  if (const Node* interval = fields.get("pollInterval")) {
    objects.poll_interval =
        decoder.positive(*interval, fields.path("pollInterval"), objects.poll_interval);
  }
  return objects;
}

ChannelTrigger decode_channel(Fields& fields, Decoder& decoder) {
  ChannelTrigger channel;
  channel.channel = fields.needed_word("channel");
  channel.group = fields.word("group");
  if (const Node* shared = fields.get("shared")) {
    channel.shared = decoder.flag(*shared, fields.path("shared"), false);
  }
  return channel;
}

TriggerSource decode_source(
    std::string_view kind, const Node& node, Decoder& decoder, std::string path
) {
  Fields fields(decoder, node, std::move(path));
  TriggerSource source;
  if (kind == "cron") {
    source = decode_cron(fields, decoder);
  } else if (kind == "webhook") {
    source = decode_webhook(fields, decoder);
  } else if (kind == "objects") {
    source = decode_objects(fields, decoder);
  } else if (kind == "channel") {
    source = decode_channel(fields, decoder);
  } else {
    InboxTrigger inbox;
    if (const Node* glob = fields.get("glob")) {
      inbox.glob = decoder.literal(*glob, fields.path("glob")).value_or(inbox.glob);
    }
    source = std::move(inbox);
  }
  fields.finish();
  return source;
}

void decode_one_source(Fields& fields, Decoder& decoder, Trigger& trigger) {
  std::string_view first;
  for (const std::string_view kind : kSources) {
    const Node* node = fields.get(kind);
    if (node == nullptr) {
      continue;
    }
    if (!first.empty()) {
      decoder.problems().error(
          "trigger",
          fields.key(kind)->position,
          fields.path(kind),
          concat("a trigger has one source, this one has \"", first, "\" already"),
          "make two triggers of it"
      );
      continue;
    }
    first = kind;
    trigger.source = decode_source(kind, *node, decoder, fields.path(kind));
  }
  if (first.empty()) {
    decoder.problems().error(
        "trigger",
        trigger.position,
        fields.path(""),
        "the trigger has no source",
        "add one of cron, webhook, objects, channel and inbox"
    );
  }
}

Trigger decode_trigger(const Node& node, Decoder& decoder, std::string path) {
  Trigger trigger;
  Fields fields(decoder, node, std::move(path));
  trigger.position = fields.position();
  if (const Node* name = fields.need("name")) {
    trigger.name = decoder.name(*name, fields.path("name"));
  }
  decode_one_source(fields, decoder, trigger);
  if (const Node* filter = fields.get("filter")) {
    trigger.filter = decoder.text(*filter, fields.path("filter"));
  }
  if (const Node* key = fields.get("dedupKey")) {
    trigger.dedup_key = decoder.text(*key, fields.path("dedupKey"));
  }
  if (const Node* params = fields.get("params")) {
    trigger.params = decoder.text_map(*params, fields.path("params"));
  }
  if (const Node* rate = fields.get("rateLimit")) {
    trigger.rate_limit = decoder.rate_limit(*rate, fields.path("rateLimit"));
  }
  fields.finish();
  return trigger;
}

}  // namespace

void decode_triggers(Fields& spec, Decoder& decoder, Workflow& workflow) {
  if (const Node* schedule = spec.get("schedule")) {
    Trigger trigger;
    trigger.name = "schedule";
    trigger.position = schedule->position;
    trigger.source = CronTrigger{
        .expression = decoder.literal(*schedule, spec.path("schedule")).value_or(""),
        .time_zone = {}};
    workflow.triggers.push_back(std::move(trigger));
  }
  const Node* triggers = spec.get("triggers");
  if (triggers == nullptr) {
    return;
  }
  const std::string path = spec.path("triggers");
  if (!triggers->is_sequence()) {
    decoder.wrong(*triggers, path, "a list of triggers");
  }
  for (std::size_t i = 0; i < triggers->items.size() && i <= kTriggersMax; ++i) {
    workflow.triggers.push_back(
        decode_trigger(triggers->items[i], decoder, concat(path, "[", i, "]"))
    );
  }
}

}  // namespace reeve::workflow
