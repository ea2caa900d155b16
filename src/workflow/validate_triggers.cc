#include "workflow/validate_triggers.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/strings.h"
#include "workflow/cron/schedule.h"

namespace reeve::workflow {

namespace {

bool is_zone_name(std::string_view name) {
  return name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  std::string_view("_+-/").find(c) != std::string_view::npos;
         });
}

/// What to add for those who count seconds and get a year.
std::string_view fields_hint(std::string_view expression) {
  std::size_t fields = 0;
  for (const std::string_view field : split(expression, ' ')) {
    fields += trim(field).empty() ? 0 : 1;
  }
  return fields == 6
             ? "; the last of six fields is the year: write five, or seven with seconds first"
             : "";
}

class TriggerChecker {
 public:
  TriggerChecker(const Workflow& workflow, std::vector<GraphProblem>& problems)
      : workflow_(workflow), problems_(problems) {}

  void check(const Trigger& trigger) {
    trigger_ = &trigger;
    std::visit([this](const auto& source) { check_source(source); }, trigger.source);
    if (trigger.rate_limit &&
        (trigger.rate_limit->max == 0 || trigger.rate_limit->window.count() <= 0)) {
      add("trigger", "the rate limit lets nothing pass", "give \"max\" and \"window\"");
    }
    if (workflow_.format == Format::Native) {
      check_params();
    }
  }

 private:
  void add(std::string_view rule, std::string message, std::string hint = {}) {
    Error error =
        make_error(ErrorCode::Invalid, std::move(message), concat("triggers.", trigger_->name));
    error.position = trigger_->position;
    error.hint = std::move(hint);
    problems_.push_back({std::string(rule), std::move(error)});
  }

  void need(const std::string& value, std::string_view what) {
    if (value.empty()) {
      add("trigger", concat("the trigger has no ", what), concat("add \"", what, "\""));
    }
  }

  void check_source(const CronTrigger& cron) {
    const auto schedule = cron::Schedule::parse(cron.expression);
    if (!schedule.ok()) {
      const Error& error = schedule.error();
      const std::string what = concat(error.subject, ": ", error.message);
      add("cron",
          concat("\"", cron.expression, "\" is no schedule: ", what),
          concat(error.hint, fields_hint(cron.expression)));
    }
    if (!is_zone_name(cron.time_zone)) {
      add("cron",
          concat("\"", cron.time_zone, "\" is no time zone"),
          "use a name such as Europe/Berlin; without one it is UTC");
    }
  }

  void check_source(const WebhookTrigger& webhook) {
    const bool by_header =
        webhook.auth == WebhookAuth::HmacSha256 || webhook.auth == WebhookAuth::ApiKey;
    if (webhook.auth != WebhookAuth::None) {
      need(webhook.secret, workflow_.format == Format::Native ? "secret" : "secret_config");
    } else if (!webhook.secret.empty()) {
      add("trigger", "a secret proves nothing without \"auth\"", "say how it is used");
    }
    if (by_header) {
      need(webhook.header, "header");
    } else if (!webhook.header.empty() && workflow_.format == Format::Native) {
      add("trigger", "\"header\" has no use with this \"auth\"", "remove it");
    }
  }

  void check_source(const ObjectTrigger& objects) {
    need(objects.bucket, "bucket");
    if (objects.poll_interval.count() <= 0) {
      add("trigger", "the time between two polls must be longer than nothing", "for example \"1m\""
      );
    }
  }

  void check_source(const ChannelTrigger& channel) {
    need(channel.channel, workflow_.format == Format::Native ? "channel" : "topic");
  }

  void check_source(const InboxTrigger& inbox) {
    need(inbox.glob, "glob");
    if (inbox.glob.find('/') != std::string::npos) {
      add("trigger",
          "\"glob\" is of the name of a file, which holds no \"/\"",
          "for example \"*.csv\"");
    }
  }

  /// A mission with unknown or missing params would be refused each time.
  void check_params() {
    std::vector<std::string> declared;
    for (const Param& param : workflow_.params) {
      declared.push_back(param.name);
      if (param.required && !gives(param.name)) {
        add("trigger",
            concat("the trigger does not give the required param \"", param.name, "\""),
            "add it to \"params\" of the trigger");
      }
    }
    for (const auto& [name, text] : trigger_->params) {
      if (std::find(declared.begin(), declared.end(), name) == declared.end()) {
        const std::string near = nearest(name, declared);
        add("trigger",
            concat("the trigger gives \"", name, "\", which is no param of the workflow"),
            near.empty() ? "declare it in \"params\"" : concat("did you mean \"", near, "\"?"));
      }
    }
  }

  bool gives(std::string_view name) const {
    return std::any_of(trigger_->params.begin(), trigger_->params.end(), [name](const auto& param) {
      return param.first == name;
    });
  }

  const Workflow& workflow_;
  std::vector<GraphProblem>& problems_;
  const Trigger* trigger_ = nullptr;
};

}  // namespace

void validate_triggers(const Workflow& workflow, std::vector<GraphProblem>& problems) {
  const auto add = [&](const Trigger& trigger, ErrorCode code, std::string message, std::string hint
                   ) {
    Error error = make_error(code, std::move(message), concat("triggers.", trigger.name));
    error.position = trigger.position;
    error.hint = std::move(hint);
    problems.push_back({"trigger", std::move(error)});
  };
  if (workflow.triggers.size() > kTriggersMax) {
    add(workflow.triggers.back(),
        ErrorCode::LimitExceeded,
        concat("has more than ", kTriggersMax, " triggers"),
        "use filters, or make two workflows of it");
    return;
  }
  TriggerChecker checker(workflow, problems);
  std::map<std::string_view, const Trigger*> known;
  for (const Trigger& trigger : workflow.triggers) {
    if (!known.emplace(trigger.name, &trigger).second) {
      add(trigger,
          ErrorCode::Invalid,
          concat("there are two triggers named \"", trigger.name, "\""),
          "rename one of them");
    }
    checker.check(trigger);
  }
}

}  // namespace reeve::workflow
