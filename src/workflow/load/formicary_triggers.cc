#include <array>

#include "base/strings.h"
#include "workflow/load/formicary_parts.h"
#include "workflow/template/template.h"

namespace reeve::workflow {

namespace {

using document::Node;

void decode_auth(Fields& trigger, Decoder& decoder, WebhookTrigger& webhook) {
  constexpr std::array<std::string_view, 3> kMethods = {
      "hmac_sha256", "bearer_token", "api_key_header"};
  constexpr std::array<WebhookAuth, 3> kValues = {
      WebhookAuth::HmacSha256, WebhookAuth::BearerToken, WebhookAuth::ApiKey};
  const Node* node = trigger.get("auth");
  if (node == nullptr) {
    return;
  }
  Fields auth(decoder, *node, trigger.path("auth"));
  if (const Node* method = auth.need("method")) {
    webhook.auth = kValues[decoder.choice(*method, auth.path("method"), kMethods).value_or(0)];
  }
  webhook.secret = auth.needed_word("secret_config");
  webhook.header = auth.word("header");
  auth.finish();
}

WebhookTrigger decode_webhook(Fields& fields, Decoder& decoder) {
  WebhookTrigger webhook;
  webhook.path = fields.word("path");
  decode_auth(fields, decoder, webhook);
  return webhook;
}

ObjectTrigger decode_bucket(Fields& fields, Decoder& decoder) {
  constexpr std::array<std::string_view, 2> kModes = {"poll", "notification"};
  ObjectTrigger objects;
  if (const Node* mode = fields.get("mode")) {
    objects.poll = decoder.choice(*mode, fields.path("mode"), kModes).value_or(0) == 0;
  }
  objects.bucket = fields.needed_word("bucket");
  objects.prefix = fields.word("prefix");
  objects.suffix = fields.word("suffix");
  if (const Node* interval = fields.get("poll_interval")) {
    objects.poll_interval =
        decoder.positive(*interval, fields.path("poll_interval"), objects.poll_interval);
  }
  return objects;
}

ChannelTrigger decode_queue(Fields& fields, Decoder& decoder) {
  ChannelTrigger channel;
  channel.channel = fields.needed_word("topic");
  channel.group = fields.word("group");
  if (const Node* shared = fields.get("shared")) {
    channel.shared = decoder.flag(*shared, fields.path("shared"), false);
  }
  return channel;
}

Trigger decode_trigger(const Node& node, Decoder& decoder, std::string path) {
  constexpr std::array<std::string_view, 3> kTypes = {"webhook", "s3", "queue"};
  Trigger trigger;
  Fields fields(decoder, node, std::move(path));
  trigger.position = fields.position();
  if (const Node* name = fields.need("name")) {
    trigger.name = decoder.name(*name, fields.path("name"));
  }
  if (const Node* type = fields.need("type")) {
    const auto kind = decoder.choice(*type, fields.path("type"), kTypes);
    if (kind == 0U) {
      trigger.source = decode_webhook(fields, decoder);
    } else if (kind == 1U) {
      trigger.source = decode_bucket(fields, decoder);
    } else if (kind == 2U) {
      trigger.source = decode_queue(fields, decoder);
    }
  }
  if (const Node* filter = fields.get("filter")) {
    trigger.filter = decoder.text(*filter, fields.path("filter"));
  }
  if (const Node* key = fields.get("dedup_key")) {
    trigger.dedup_key = decoder.text(*key, fields.path("dedup_key"));
  }
  if (const Node* params = fields.get("params")) {
    trigger.params = decoder.text_map(*params, fields.path("params"));
  }
  if (const Node* rate = fields.get("rate_limit")) {
    trigger.rate_limit = decoder.rate_limit(*rate, fields.path("rate_limit"));
  }
  fields.finish();
  return trigger;
}

void decode_cron(const Node& node, Decoder& decoder, Workflow& workflow) {
  if (node.is_scalar() && templates::has_actions(node.text)) {
    decoder.problems().warning(
        "cron-template",
        node.position,
        "cron_trigger",
        "a schedule with a template is dropped, as there; the job is not started by time",
        "write the schedule itself"
    );
    return;
  }
  const auto expression = decoder.literal(node, "cron_trigger");
  if (!expression || trim(*expression).empty()) {
    return;
  }
  Trigger trigger;
  trigger.name = "cron";
  trigger.position = node.position;
  trigger.source = CronTrigger{.expression = *expression, .time_zone = {}};
  workflow.triggers.push_back(std::move(trigger));
}

}  // namespace

void decode_formicary_triggers(Fields& job, Decoder& decoder, Workflow& workflow) {
  if (const Node* cron = job.get("cron_trigger")) {
    decode_cron(*cron, decoder, workflow);
  }
  const Node* triggers = job.get("triggers");
  if (triggers == nullptr) {
    return;
  }
  if (!triggers->is_sequence()) {
    decoder.wrong(*triggers, "triggers", "a list of triggers");
  }
  for (std::size_t i = 0; i < triggers->items.size() && i <= kTriggersMax; ++i) {
    workflow.triggers.push_back(
        decode_trigger(triggers->items[i], decoder, concat("triggers[", i, "]"))
    );
  }
}

}  // namespace reeve::workflow
