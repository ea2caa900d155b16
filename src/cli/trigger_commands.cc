#include <algorithm>
#include <filesystem>
#include <memory>

#include <sys/stat.h>

#include "base/hash.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/session.h"
#include "owner/deployed_triggers.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "platform/posix/zone_files.h"
#include "workflow/cron/schedule.h"
#include "workflow/functions.h"
#include "workflow/load/load.h"
#include "workflow/trigger/evaluate.h"
#include "workflow/trigger/objects.h"
#include "workflow/trigger/occurrence.h"
#include "workflow/trigger/webhook.h"

namespace reeve::cli {

namespace {

using workflow::Trigger;
using workflow::Workflow;

constexpr int kTicksShown = 5;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{64} << 20U;
constexpr std::int64_t kNanosPerMilli = 1'000'000;

/// The workflow of a file, or a deployed one.
Result<std::shared_ptr<const Workflow>> find_workflow(
    const Common& common, const TriggerTestArgs& args
) {
  std::error_code ignored;
  if (std::filesystem::exists(args.workflow, ignored)) {
    REEVE_TRY(const std::string text, read_document(args.workflow));
    workflow::LoadOptions options;
    options.file = args.workflow;
    const workflow::Loaded loaded = workflow::load(text, options);
    for (const workflow::Problem& problem : loaded.problems) {
      print_problem(problem);
    }
    if (!loaded.ok()) {
      return loaded.first_error();
    }
    return loaded.workflow;
  }
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  owner::DeployedTriggers deployed(*store, workflow_loader());
  return deployed.find(namespace_of(common), args.workflow);
}

Result<const Trigger*> find_trigger(const Workflow& workflow, const std::string& name) {
  std::vector<std::string> names;
  for (const Trigger& trigger : workflow.triggers) {
    if (trigger.name == name) {
      return &trigger;
    }
    names.push_back(trigger.name);
  }
  Error error = make_error(
      ErrorCode::NotFound, concat("workflow \"", workflow.name, "\" has no trigger \"", name, "\"")
  );
  error.hint = names.empty() ? std::string("it has none") : concat("it has ", join(names, ", "));
  return error;
}

Result<std::string> body_of(const TriggerTestArgs& args) {
  return args.body.empty() ? Result<std::string>(std::string()) : read_input(args.body);
}

/// Makes what the trigger waits for, out of the arguments, and says what comes of it.
class Trial {
 public:
  Trial(
      const Workflow& workflow, const Trigger& trigger, const TriggerTestArgs& args, Timestamp now
  )
      : workflow_(workflow),
        trigger_(trigger),
        args_(args),
        now_(now),
        functions_(workflow::make_functions(stable_hash(workflow.name), now)) {}

  Result<trigger::Outcome> operator()(const workflow::CronTrigger& cron) const {
    REEVE_TRY(const cron::Schedule schedule, cron::Schedule::parse(cron.expression));
    platform::ZoneFiles zones;
    REEVE_TRY(const cron::Zone zone, zones.find(cron.time_zone));
    const std::optional<Timestamp> tick = schedule.next(now_, zone);
    if (!tick) {
      return make_error(ErrorCode::Invalid, "it never fires again", trigger_.name);
    }
    return evaluate(trigger::tick_occurrence(*tick, zone));
  }

  /// The sender's proof is not asked for: who tests has the workflow, not the secret.
  Result<trigger::Outcome> operator()(const workflow::WebhookTrigger& webhook) const {
    trigger::WebhookRequest request;
    request.headers.assign(args_.headers.begin(), args_.headers.end());
    request.query.assign(args_.query.begin(), args_.query.end());
    REEVE_TRY(request.body, body_of(args_));
    Trigger open = trigger_;
    workflow::WebhookTrigger source = webhook;
    source.auth = workflow::WebhookAuth::None;
    open.source = source;
    return trigger::receive_webhook(
        {.workflow = workflow_, .trigger = open, .functions = functions_},
        request,
        nullptr,
        now_,
        {}
    );
  }

  Result<trigger::Outcome> operator()(const workflow::ObjectTrigger& objects) const {
    if (args_.key.empty()) {
      return make_error(ErrorCode::Invalid, "is needed for a trigger of objects", "--key");
    }
    const trigger::ObjectInfo object{
        .key = args_.key, .size_bytes = 0, .etag = {}, .modified_at = now_};
    if (!trigger::object_matches(objects, args_.key)) {
      return unwanted("the key does not have the trigger's prefix and suffix");
    }
    return evaluate(trigger::object_occurrence(objects.bucket, object, now_));
  }

  Result<trigger::Outcome> operator()(const workflow::ChannelTrigger& channel) const {
    trigger::ChannelMessage message{
        .channel = channel.channel, .id = "1", .body = {}, .properties = {}};
    REEVE_TRY(message.body, body_of(args_));
    message.properties.assign(args_.headers.begin(), args_.headers.end());
    return evaluate(trigger::message_occurrence(message, now_));
  }

  Result<trigger::Outcome> operator()(const workflow::InboxTrigger& inbox) const {
    if (args_.file.empty()) {
      return make_error(ErrorCode::Invalid, "is needed for a trigger of the inbox", "--file");
    }
    const std::filesystem::path path(args_.file);
    REEVE_TRY(const std::string content, platform::read_file(path, kFileBytesMax));

    struct stat info {};

    if (::stat(path.c_str(), &info) != 0) {
      return platform::errno_error("stat", path);
    }
    const std::int64_t millis = info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / kNanosPerMilli;
    const trigger::InboxFile file{
        .name = path.filename().string(),
        .path = path.string(),
        .size_bytes = content.size(),
        .modified_at = from_unix_millis(millis),
        .digest = sha256(content).str()};
    if (!glob_match(inbox.glob, file.name)) {
      return unwanted(concat("the name does not match ", inbox.glob));
    }
    return evaluate(trigger::file_occurrence(file, now_));
  }

 private:
  trigger::Outcome evaluate(const trigger::Occurrence& occurrence) const {
    return trigger::evaluate(
        {.workflow = workflow_, .trigger = trigger_, .functions = functions_}, occurrence, {}
    );
  }

  static trigger::Outcome unwanted(std::string why) {
    return {
        .verdict = trigger::Verdict::Filtered,
        .submission = {},
        .error = make_error(ErrorCode::Invalid, std::move(why)),
        .window = {}};
  }

  const Workflow& workflow_;
  const Trigger& trigger_;
  const TriggerTestArgs& args_;
  Timestamp now_;
  templates::FunctionTable functions_;
};

/// The next ticks of a cron trigger; empty for others.
std::vector<std::string> next_ticks(const Trigger& trigger, Timestamp now) {
  std::vector<std::string> ticks;
  const auto* cron = std::get_if<workflow::CronTrigger>(&trigger.source);
  if (cron == nullptr) {
    return ticks;
  }
  const Result<cron::Schedule> schedule = cron::Schedule::parse(cron->expression);
  platform::ZoneFiles zones;
  const Result<cron::Zone> zone = zones.find(cron->time_zone);
  std::optional<Timestamp> tick = now;
  for (int i = 0; schedule && zone && i < kTicksShown; ++i) {
    tick = schedule->next(*tick, *zone);
    if (!tick) {
      break;
    }
    ticks.push_back(format_timestamp(*tick));
  }
  return ticks;
}

Json to_json(const trigger::Outcome& outcome, const std::vector<std::string>& ticks) {
  Json json = Json::object();
  json.set("verdict", to_string(outcome.verdict));
  if (!outcome.error.message.empty()) {
    json.set("message", outcome.error.describe());
  }
  if (outcome.fired()) {
    Json params = Json::object();
    for (const auto& [name, value] : outcome.submission.params) {
      params.set(name, value);
    }
    json.set("params", std::move(params));
    if (!outcome.submission.user_key.empty()) {
      json.set("userKey", outcome.submission.user_key);
    }
  }
  if (!ticks.empty()) {
    Json list = Json::array();
    for (const std::string& tick : ticks) {
      list.push(tick);
    }
    json.set("ticks", std::move(list));
  }
  return json;
}

std::string to_text(
    const trigger::Outcome& outcome, const Trigger& trigger, const std::vector<std::string>& ticks
) {
  std::string text = concat("trigger ", trigger.name, ": ", to_string(outcome.verdict));
  if (!outcome.error.message.empty()) {
    text += concat(": ", printable(outcome.error.describe()));
  }
  text += "\n";
  for (const auto& [name, value] : outcome.submission.params) {
    text += concat("  ", name, "=", printable(value), "\n");
  }
  if (!outcome.submission.user_key.empty()) {
    text += concat("  user key ", printable(outcome.submission.user_key), "\n");
  }
  for (const std::string& tick : ticks) {
    text += concat("  fires ", tick, "\n");
  }
  return text;
}

}  // namespace

int test_trigger(const Common& common, const TriggerTestArgs& args) {
  const Result<std::shared_ptr<const Workflow>> workflow = find_workflow(common, args);
  if (!workflow) {
    return report(workflow.error());
  }
  const Result<const Trigger*> trigger = find_trigger(**workflow, args.trigger);
  if (!trigger) {
    return report(trigger.error());
  }
  const Timestamp now = args.at.value_or(platform::SystemClock().now());
  const Result<trigger::Outcome> outcome =
      std::visit(Trial(**workflow, **trigger, args, now), (*trigger)->source);
  if (!outcome) {
    return report(outcome.error());
  }
  const std::vector<std::string> ticks = next_ticks(**trigger, now);
  print(
      common.output == Output::Json ? to_json(*outcome, ticks).pretty()
                                    : to_text(*outcome, **trigger, ticks)
  );
  const bool wanted = outcome->fired() || outcome->verdict == trigger::Verdict::Filtered;
  return static_cast<int>(wanted ? ExitCode::Done : ExitCode::WorkFailed);
}

}  // namespace reeve::cli
