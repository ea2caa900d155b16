#include "base/strings.h"
#include "base/time.h"
#include "workflow/cron/schedule.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

using workflow::Method;

/// Whether a task can last, and nothing but its timeout ends it.
bool can_last(const Task& task) {
  return task.method != Method::Noop && task.method != Method::Gate &&
         task.method != Method::ExpireArtifacts;
}

/// Deadlines and points in time.
class TimeCheck {
 public:
  TimeCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const workflow::Trigger& trigger : facts_.workflow().triggers) {
      if (const auto* cron = std::get_if<workflow::CronTrigger>(&trigger.source)) {
        check_cron(trigger, cron->expression);
      }
    }
    for (const Task& task : facts_.workflow().tasks) {
      check_timeout(task);
    }
  }

 private:
  void check_timeout(const Task& task) {
    if (!can_last(task)) {
      return;
    }
    const std::string limit = format_duration(facts_.workflow().timeout);
    if (task.timeout.empty()) {
      findings_.add(
          {.rule = "no-timeout",
           .position = task.position,
           .field = facts_.field(&task, "timeout", "timeout"),
           .message =
               task.always_run
                   ? concat("runs always and has no timeout: it can hold the end up for ", limit)
                   : concat("has no timeout: it may run for ", limit),
           .fix = {}}
      );
      return;
    }
    const Result<Duration> timeout = parse_duration(task.timeout.text);
    const Duration whole = facts_.workflow().timeout;
    if (timeout.ok() && whole > Duration(0) && *timeout > whole) {
      findings_.add(
          {.rule = "timeout-order",
           .position = task.timeout.position,
           .field = facts_.field(&task, "timeout", "timeout"),
           .message = concat(
               "the timeout of ",
               format_duration(*timeout),
               " is never reached: the mission ends after ",
               format_duration(whole)
           ),
           .fix = concat(
               "make it shorter, or set ",
               facts_.native() ? "spec.timeout" : "the timeout of the job",
               " to more than ",
               format_duration(*timeout)
           )}
      );
    }
  }

  /// That it is a schedule at all is seen while loading.
  void check_cron(const workflow::Trigger& trigger, const std::string& expression) {
    const Result<cron::Schedule> schedule = cron::Schedule::parse(expression);
    if (!schedule.ok()) {
      return;
    }
    const std::string field =
        facts_.native() ? concat("triggers.", trigger.name, ".cron") : std::string("cron_trigger");
    const std::size_t fields = schedule->fields_written();
    if (fields == 6) {
      findings_.add(
          {.rule = "cron-six-fields",
           .position = trigger.position,
           .field = field,
           .message = concat(
               "\"",
               schedule->text(),
               "\" has six fields: the sixth is the year, there are no seconds"
           ),
           .fix = {}}
      );
    } else if (fields > 7) {
      findings_.add(
          {.rule = "cron-fields",
           .position = trigger.position,
           .field = field,
           .message = concat(
               "\"",
               schedule->text(),
               "\" has ",
               fields,
               " fields: what follows the seventh is ignored"
           ),
           .fix = {}}
      );
    }
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_times(const Facts& facts, Findings& findings) {
  TimeCheck(facts, findings).run();
}

}  // namespace reeve::lint
