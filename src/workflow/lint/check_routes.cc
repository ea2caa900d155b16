#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

using workflow::Action;
using workflow::FailWith;
using workflow::Method;
using workflow::Route;

std::optional<long> number_of(std::string_view code) {
  long number = 0;
  const auto [end, failed] = std::from_chars(code.data(), code.data() + code.size(), number);
  if (failed != std::errc() || end != code.data() + code.size()) {
    return std::nullopt;
  }
  return number;
}

/// Why a task of this method never ends with the number; empty if it may.
std::string_view why_never(Method method, long code) {
  switch (method) {
    case Method::Shell:
    case Method::Docker:
    case Method::Kubernetes:
    case Method::ExpireArtifacts:
      return code < 0 || code > 255 ? "exit codes of programs are 0 to 255" : "";
    case Method::Http:
      return code < 100 || code > 599 ? "HTTP statuses are 100 to 599" : "";
    case Method::Noop:
      return "a task that does nothing has no exit code";
    case Method::Gate:
      return "a gate ends with a word such as APPROVED or REJECTED";
    case Method::WebSocket:
    case Method::Mission:
    case Method::Await:
    case Method::Message:
    case Method::Agent:
      return "";
  }
  return "";
}

/// Results that are words, of whatever method.
constexpr std::array<std::string_view, 7> kWords = {
    "COMPLETED", "FAILED", "SKIPPED", "APPROVED", "REJECTED", "REVISE", "EXPIRED"};

/// The result meant by one that is nearly its name; empty if `on` may be meant as it is.
std::string meant_word(std::string_view on) {
  const std::vector<std::string> words(kWords.begin(), kWords.end());
  const bool known = std::find(words.begin(), words.end(), on) != words.end();
  return known || number_of(on) ? std::string() : nearest(on, words);
}

/// Where results lead, and where they cannot.
class RouteCheck {
 public:
  RouteCheck(const Facts& facts, Findings& findings)
      : facts_(facts), workflow_(facts.workflow()), findings_(findings) {}

  void run() {
    for (const Task& task : workflow_.tasks) {
      for (const Route& route : task.routes) {
        check_code(task, route);
        check_restart(task, route);
      }
      check_leaf(task);
    }
    check_loops();
  }

 private:
  static const Route* find_route(const Task& task, std::string_view on) {
    for (const Route& route : task.routes) {
      if (route.on == on) {
        return &route;
      }
    }
    return nullptr;
  }

  static const Route* success_route(const Task& task) {
    const Route* route = find_route(task, "0");
    return route != nullptr ? route : find_route(task, "COMPLETED");
  }

  std::string field_of(const Task& task, const Route& route) const {
    return facts_.field(&task, concat("onExitCode.", route.on), concat("on_exit_code.", route.on));
  }

  void check_code(const Task& task, const Route& route) {
    const std::optional<long> code = number_of(route.on);
    const std::string meant = meant_word(route.on);
    const std::string_view why = code            ? why_never(task.method, *code)
                                 : meant.empty() ? std::string_view()
                                                 : "no result has this name";
    if (why.empty()) {
      return;
    }
    const auto* target = std::get_if<TaskIndex>(&route.target);
    const bool only = target != nullptr && !reached_otherwise(*target, route);
    findings_.add(
        {.rule = "impossible-code",
         .position = facts_.source().place(
             &task, {facts_.native() ? "onExitCode" : "on_exit_code", route.on}, route.position
         ),
         .field = field_of(task, route),
         .message = concat(
             "the task never ends with ",
             route.on,
             ": ",
             why,
             only ? concat("; nothing else leads to \"", workflow_.tasks[*target].name.view(), "\"")
                  : std::string()
         ),
         .fix = meant.empty() ? std::string() : concat("did you mean ", meant, "?")}
    );
  }

  bool reached_otherwise(TaskIndex target, const Route& except) const {
    const Task& reached = workflow_.tasks[target];
    if (!reached.needs.empty() || reached.always_run) {
      return true;
    }
    for (const Task& task : workflow_.tasks) {
      for (const Route& route : task.routes) {
        const auto* to = std::get_if<TaskIndex>(&route.target);
        if (&route != &except && to != nullptr && *to == target) {
          return true;
        }
      }
    }
    return false;
  }

  void check_restart(const Task& task, const Route& route) {
    const auto* action = std::get_if<Action>(&route.target);
    if (action == nullptr) {
      return;
    }
    const bool task_retry = *action == Action::RestartTask && task.retry.retries == 0;
    // Formicary restarts a job whatever its retries are.
    const bool job_retry =
        facts_.native() && *action == Action::RestartJob && workflow_.retry.retries == 0;
    if (!task_retry && !job_retry) {
      return;
    }
    findings_.add(
        {.rule = "restart-without-retry",
         .position = route.position,
         .field = field_of(task, route),
         .message = concat(
             task_retry ? "RESTART_TASK of a task" : "RESTART_JOB of a workflow",
             " without retries: it fails with ",
             task_retry ? "ERR_RESTART_TASK" : "ERR_RESTART_JOB"
         ),
         .fix = job_retry         ? "give the workflow spec.retry: {max: 1} or more"
                : facts_.native() ? "give the task retry: {max: 1} or more"
                                  : "give the task retry: 1 or more"}
    );
  }

  /// What Formicary ends with ERR_INVALID_NEXT_TASK, although the task completed.
  void check_leaf(const Task& task) {
    const bool leads = std::any_of(task.routes.begin(), task.routes.end(), [](const Route& route) {
      return std::holds_alternative<TaskIndex>(route.target);
    });
    const bool has_success =
        success_route(task) != nullptr ||
        std::any_of(task.routes.begin(), task.routes.end(), [&](const Route& route) {
          const std::optional<long> status = number_of(route.on);
          return task.method == Method::Http && status && *status >= 200 && *status < 300;
        });
    if (facts_.native() || !leads || has_success || task.method == Method::Gate) {
      return;
    }
    findings_.add(
        {.rule = "leaf-trap",
         .position = facts_.source().place(&task, {"on_exit_code"}, task.position),
         .field = facts_.field(&task, "onExitCode", "on_exit_code"),
         .message = "has routes, but none for success: the job ends here as completed, and in "
                    "Formicary it fails with ERR_INVALID_NEXT_TASK",
         .fix = "add on_completed, or \"COMPLETED: COMPLETED\" if the job ends here"}
    );
  }

  /// Loops that success keeps running: every task leads back into the loop when it completes, and
  /// no other result leads out of it.
  void check_loops() {
    std::vector<int> seen_in(workflow_.tasks.size(), -1);
    for (std::size_t start = 0; start < workflow_.tasks.size(); ++start) {
      std::vector<TaskIndex> way;
      std::optional<TaskIndex> at = static_cast<TaskIndex>(start);
      while (at && seen_in[*at] < 0) {
        seen_in[*at] = static_cast<int>(start);
        way.push_back(*at);
        const Route* next = success_route(workflow_.tasks[*at]);
        const auto* target = next == nullptr ? nullptr : std::get_if<TaskIndex>(&next->target);
        at = target == nullptr ? std::nullopt : std::optional(*target);
      }
      if (at && seen_in[*at] == static_cast<int>(start)) {
        const auto first = std::find(way.begin(), way.end(), *at);
        report_loop({first, way.end()});
      }
    }
  }

  void report_loop(const std::vector<TaskIndex>& loop) {
    std::vector<std::string> names;
    for (const TaskIndex index : loop) {
      const Task& task = workflow_.tasks[index];
      names.push_back(task.name.str());
      for (const Route& route : task.routes) {
        const auto* target = std::get_if<TaskIndex>(&route.target);
        const bool inside =
            target != nullptr && std::find(loop.begin(), loop.end(), *target) != loop.end();
        const bool certain_failure = route.on == "FAILED";
        if (!inside && !certain_failure) {
          return;  // some result leads out
        }
      }
    }
    constexpr std::size_t kSpelledMax = 8;
    if (names.size() > kSpelledMax) {
      names.resize(kSpelledMax);
      names.emplace_back("…");
    }
    names.push_back(workflow_.tasks[loop.front()].name.str());
    const Task& last = workflow_.tasks[loop.back()];
    findings_.add(
        {.rule = "endless-loop",
         .position = success_route(last)->position,
         .field = field_of(last, *success_route(last)),
         .message = concat("the loop ", join(names, " → "), " is left only when a task fails"),
         .fix = "let an exit code lead out of it: the loop is stopped after a number of starts, as "
                "failed"}
    );
  }

  const Facts& facts_;
  const Workflow& workflow_;
  Findings& findings_;
};

}  // namespace

void check_routes(const Facts& facts, Findings& findings) {
  RouteCheck(facts, findings).run();
}

}  // namespace reeve::lint
