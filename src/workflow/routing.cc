#include "workflow/routing.h"

#include "base/strings.h"

namespace reeve::workflow {

namespace {

const Route* find_route(const Task& task, std::string_view on) {
  for (const Route& route : task.routes) {
    if (route.on == on) {
      return &route;
    }
  }
  return nullptr;
}

/// One decision under way: applies routes until nothing more is to be done.
class Router {
 public:
  Router(const Task& task, const Ended& ended) : task_(task), ended_(ended) {}

  Decision run() {
    decision_.outcome = ended_.succeeded ? Decision::Outcome::Completed : Decision::Outcome::Failed;
    if (ended_.timed_out) {
      decision_.outcome = Decision::Outcome::Failed;
      decision_.error_code = "ERR_TASK_TIMED_OUT";
    }
    // The exit code of a run that was ended at its deadline says how it was killed, not what it
    // found out: no route is looked up for it.
    const Route* own = ended_.timed_out ? nullptr : find_route(task_, to_upper(ended_.exit_code));
    if (own != nullptr) {
      apply(*own);
    } else if (decision_.outcome == Decision::Outcome::Failed && ended_.retry_left) {
      decision_.outcome = Decision::Outcome::Retry;
    }
    follow_outcome();
    follow_allowed_failure();
    return std::move(decision_);
  }

 private:
  bool ended_here() const {
    return decision_.outcome == Decision::Outcome::Completed ||
           decision_.outcome == Decision::Outcome::Failed;
  }

  /// The routes of the outcome. An action there may change the outcome (`COMPLETED: FAILED`), so
  /// each of the two is looked at once at most.
  void follow_outcome() {
    bool seen_completed = false;
    bool seen_failed = false;
    while (ended_here() && !decision_.next) {
      const bool completed = decision_.outcome == Decision::Outcome::Completed;
      bool& seen = completed ? seen_completed : seen_failed;
      const Route* route = find_route(task_, completed ? "COMPLETED" : "FAILED");
      if (seen || route == nullptr) {
        return;
      }
      seen = true;
      apply(*route);
      if (restarts_job(*route)) {
        return;
      }
    }
  }

  /// `COMPLETED: RESTART_JOB` begins the walk anew: the task has not failed in a way that its
  /// FAILED route is meant for.
  static bool restarts_job(const Route& route) {
    const auto* action = std::get_if<Action>(&route.target);
    return action != nullptr && *action == Action::RestartJob;
  }

  void follow_allowed_failure() {
    if (!task_.allow_failure || decision_.next || decision_.outcome != Decision::Outcome::Failed) {
      return;
    }
    const Route* route = find_route(task_, "COMPLETED");
    if (route != nullptr && std::holds_alternative<TaskIndex>(route->target)) {
      decision_.next = std::get<TaskIndex>(route->target);
    }
  }

  void apply(const Route& route) {
    if (const auto* next = std::get_if<TaskIndex>(&route.target)) {
      decision_.next = *next;
    } else if (const auto* failure = std::get_if<FailWith>(&route.target)) {
      fail(failure->code);
    } else {
      apply(std::get<Action>(route.target));
    }
  }

  void apply(Action action) {
    switch (action) {
      case Action::Complete:
        decision_.outcome = Decision::Outcome::Completed;
        decision_.error_code.clear();
        return;
      case Action::Fail:
        decision_.outcome = Decision::Outcome::Failed;
        return;
      case Action::Fatal:
        fail("ERR_FATAL");
        return;
      case Action::Poll:
        decision_.outcome = Decision::Outcome::Poll;
        decision_.error_code.clear();
        return;
      case Action::RestartTask:
        fail("ERR_RESTART_TASK");
        if (ended_.retry_left) {
          decision_.outcome = Decision::Outcome::Retry;
        }
        return;
      case Action::RestartJob:
        fail("ERR_RESTART_JOB");
        return;
      case Action::PauseJob:
        decision_.outcome = Decision::Outcome::Pause;
        decision_.error_code = "ERR_PAUSE_JOB";
        return;
    }
  }

  void fail(std::string code) {
    decision_.outcome = Decision::Outcome::Failed;
    decision_.error_code = std::move(code);
  }

  const Task& task_;
  const Ended& ended_;
  Decision decision_;
};

}  // namespace

bool has_route(const Task& task, std::string_view on) {
  return find_route(task, on) != nullptr;
}

Decision decide(const Task& task, const Ended& ended) {
  return Router(task, ended).run();
}

}  // namespace reeve::workflow
