#include "sim/workload.h"

#include "base/strings.h"
#include "sim/behaviour.h"
#include "workflow/load/load.h"

namespace reeve::sim {

namespace {

constexpr std::uint64_t kTasksMax = 7;

std::string task_name(std::uint64_t index) {
  return concat("t", index);
}

/// What one execution does. Mostly it succeeds: a workload of failures only would not get far.
std::string random_item(Random& random) {
  const std::uint64_t dice = random.below(100);
  if (dice < 70) {
    return "0";
  }
  if (dice < 86) {
    return std::to_string(random.between(1, 4));
  }
  if (dice < 89) {
    return "hang";
  }
  if (dice < 92) {
    return "kill-supervisor";
  }
  if (dice < 95) {
    return "nolaunch";
  }
  return dice < 98 ? "sig9" : "oom";
}

std::string random_script(Random& random) {
  std::string script = "exit ";
  const std::uint64_t items = random.between(1, 4);
  for (std::uint64_t i = 0; i < items; ++i) {
    script += concat(i == 0 ? "" : ",", random_item(random));
  }
  if (random.percent(60)) {
    script += concat("; slow ", random.between(0, 20), "s");
  }
  if (random.percent(5)) {
    script += concat("; slow ", random.between(30, 120), "s");
  }
  if (random.percent(30)) {
    script += "; out";
  }
  return script;
}

std::string random_seconds(Random& random, std::uint64_t low, std::uint64_t high) {
  return concat(random.between(low, high), "s");
}

/// `retry:` of the native form, as one line.
std::string random_retry(Random& random, std::uint64_t retries_max) {
  std::string retry = concat("{max: ", random.between(0, retries_max));
  if (random.percent(50)) {
    retry += concat(", delay: ", random_seconds(random, 0, 10));
  } else if (random.percent(50)) {
    retry += concat(
        ", backoff: {min: ",
        random_seconds(random, 1, 3),
        ", max: 20s, jitter: ",
        random.percent(50) ? "true" : "false",
        "}"
    );
  }
  return retry + "}";
}

/// A task to go to, or an action. No route leads to the first task: it is where the walk begins.
std::string random_target(Random& random, std::uint64_t tasks) {
  static const std::vector<std::string> kActions = {
      "COMPLETED",
      "FAILED",
      "FATAL",
      "EXECUTING",
      "RESTART_TASK",
      "RESTART_JOB",
      "PAUSE_JOB",
      "ERR_SIMULATED"};
  return tasks > 1 && random.percent(55) ? task_name(random.between(1, tasks - 1))
                                         : random.pick(kActions);
}

class NativeWriter {
 public:
  NativeWriter(Random& random, const std::string& name) : random_(random) {
    tasks_ = random_.between(1, kTasksMax);
    walk_ = random_.percent(45);
    add("apiVersion: reeve.dev/v1");
    add("kind: Workflow");
    add(concat("metadata: {name: ", name, "}"));
    add("spec:");
    add("  params: {skip: \"no\"}");
    add(concat("  timeout: ", random_seconds(random_, 120, 900)));
    add(concat("  pauseTime: ", random_seconds(random_, 1, 40)));
    if (random_.percent(35)) {
      add(concat("  retry: ", random_retry(random_, 2)));
    }
    if (random_.percent(4)) {
      add("  skipIf: \"{{ eq .skip \\\"yes\\\" }}\"");
    }
    add("  tasks:");
    for (std::uint64_t i = 0; i < tasks_; ++i) {
      task(i);
    }
    if (random_.percent(40)) {
      cleanup();
    }
  }

  std::string text() && { return std::move(text_); }

 private:
  void add(std::string_view line) { text_ += concat(line, "\n"); }

  void task(std::uint64_t index) {
    add(concat("  - name: ", task_name(index)));
    if (random_.percent(14)) {
      gate(index);
      return;
    }
    if (random_.percent(12)) {
      add("    method: NOOP");
    } else {
      add(concat("    script: \"", random_script(random_), "\""));
      add(concat("    timeout: ", random_seconds(random_, 5, 60)));
      if (random_.percent(50)) {
        add(concat("    retry: ", random_retry(random_, 3)));
      }
      if (random_.percent(40)) {
        compensation();
      }
    }
    if (walk_) {
      routes(index);
    } else {
      needs(index);
    }
    if (random_.percent(15)) {
      add("    allowFailure: true");
    }
    if (random_.percent(10)) {
      add("    skipIf: \"{{ eq .skip \\\"yes\\\" }}\"");
    }
  }

  /// People decide; most gates have a deadline, the others may wait for ever.
  void gate(std::uint64_t index) {
    static const std::vector<std::string> kPeople = {
        "", ", users: [ann, bob, cid]", ", users: [ann, bob], unanimous: true", ", groups: [crew]"};
    std::string block = concat("    gate: {prompt: proceed, approvals: ", random_.between(1, 2));
    block += random_.pick(kPeople);
    if (random_.percent(75)) {
      block += concat(", deadline: ", random_seconds(random_, 30, 400));
    }
    if (random_.percent(50)) {
      block += concat(", remindAfter: ", random_seconds(random_, 10, 29));
    }
    if (random_.percent(50)) {
      block += concat(
          ", escalate: [{after: ",
          random_seconds(random_, 5, 15),
          ", to: [boss]}, {after: ",
          random_seconds(random_, 16, 29),
          ", to: [chief], message: look}]"
      );
    }
    if (random_.percent(30)) {
      block += ", ownerMayApprove: true";
    }
    const bool revises = index > 0 && random_.percent(60);
    if (revises) {
      block += concat(", revises: ", task_name(index - 1), ", revisionsMax: 2");
    }
    add(block + "}");
    if (!walk_ && revises) {
      add(concat("    needs: [", task_name(index - 1), "]"));
    } else if (!walk_) {
      needs(index, false);
    } else if (index + 1 < tasks_) {
      add(concat("    onCompleted: ", task_name(index + 1)));
    }
    if (random_.percent(30)) {
      add(concat("    onExitCode: {REJECTED: ", random_target(random_, walk_ ? tasks_ : 1), "}"));
    }
  }

  void compensation() {
    add("    compensate:");
    add(concat("      script: \"exit ", random_.percent(25) ? "1,0" : "0", "\""));
    if (random_.percent(8)) {
      text_.insert(text_.size() - 2, ",1,1,1,0");
    }
    add("      timeout: 30s");
    if (random_.percent(40)) {
      add(concat("      retry: ", random_retry(random_, 2)));
    }
  }

  /// Every task can be reached: it leads on to the next one, whatever else it does.
  void routes(std::uint64_t index) {
    if (index + 1 < tasks_) {
      add(concat("    onCompleted: ", task_name(index + 1)));
    }
    if (random_.percent(40)) {
      add(concat("    onFailed: ", random_target(random_, tasks_)));
    }
    if (random_.percent(50)) {
      add("    onExitCode:");
      const std::uint64_t first = random_.between(1, 2);
      add(concat("      \"", first, "\": ", random_target(random_, tasks_)));
      add(concat("      \"", first + 2, "\": ", random_target(random_, tasks_)));
    }
  }

  void needs(std::uint64_t index, bool routes = true) {
    std::string list;
    for (std::uint64_t i = 0; i < index; ++i) {
      if (random_.percent(35)) {
        list += concat(list.empty() ? "" : ", ", task_name(i));
      }
    }
    if (!list.empty()) {
      add(concat("    needs: [", list, "]"));
    }
    if (!routes) {
      return;
    }
    if (random_.percent(20)) {
      static const std::vector<std::string> kActions = {
          "COMPLETED", "FATAL", "EXECUTING", "RESTART_TASK", "RESTART_JOB", "PAUSE_JOB"};
      add("    onExitCode:");
      add(concat("      \"", random_.between(1, 4), "\": ", random_.pick(kActions)));
    }
    if (random_.percent(5)) {
      add("    onFailed: PAUSE_JOB");
    }
  }

  void cleanup() {
    add("  - name: cleanup");
    add("    alwaysRun: true");
    if (random_.percent(15)) {
      add("    method: NOOP");
      return;
    }
    add(concat("    script: \"", random_script(random_), "\""));
    add("    timeout: 30s");
    if (random_.percent(40)) {
      add(concat("    retry: ", random_retry(random_, 2)));
    }
    if (random_.percent(30)) {
      add("    allowFailure: true");
    }
  }

  Random& random_;
  std::uint64_t tasks_ = 0;
  bool walk_ = false;
  std::string text_;
};

std::string formicary_workflow(Random& random, const std::string& name) {
  const std::uint64_t tasks = random.between(1, kTasksMax);
  std::string text = concat("job_type: ", name, "\n");
  text += concat("timeout: ", random_seconds(random, 120, 900), "\n");
  if (random.percent(50)) {
    text += concat(
        "retry: ",
        random.between(0, 3),
        "\ndelay_between_retries: ",
        random_seconds(random, 0, 9),
        "\n"
    );
    text += concat("hard_reset_after_retries: ", random.between(1, 2), "\n");
  }
  text += "tasks:\n";
  for (std::uint64_t i = 0; i < tasks; ++i) {
    text += concat("- task_type: ", task_name(i), "\n  method: SHELL\n");
    text += concat("  script:\n    - \"", random_script(random), "\"\n");
    text += concat("  timeout: ", random_seconds(random, 5, 60), "\n");
    if (random.percent(40)) {
      text += concat("  retry: ", random.between(0, 3), "\n  delay_between_retries: 2s\n");
    }
    if (i + 1 < tasks) {
      text += concat("  on_completed: ", task_name(i + 1), "\n");
    }
    if (random.percent(40)) {
      text += concat("  on_failed: ", random_target(random, tasks), "\n");
    }
    if (random.percent(50)) {
      text += concat("  on_exit_code:\n    \"", random.between(1, 4), "\": ");
      text += concat(random_target(random, tasks), "\n");
    }
    if (random.percent(15)) {
      text += "  allow_failure: true\n";
    }
    if (i > 0 && random.percent(15)) {
      text += "  always_run: true\n";
    }
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<const workflow::Workflow>> WorkflowShelf::load(std::string_view source) {
  const auto known = loaded_.find(source);
  if (known != loaded_.end()) {
    return known->second;
  }
  REEVE_TRY(const auto loaded, workflow::load_source(source));
  for (const workflow::Task& task : loaded->tasks) {
    for (const workflow::Text& step : task.script) {
      REEVE_CHECK(Behaviour::parse(step.text));
    }
    if (task.compensate && !task.compensate->script.empty()) {
      REEVE_CHECK(Behaviour::parse(task.compensate->script.at(0).text));
    }
  }
  loaded_.emplace(source, loaded);
  return loaded;
}

engine::WorkflowLoader WorkflowShelf::loader() {
  return [this](std::string_view source) {
    return load(source);
  };
}

std::string random_workflow(Random& random, const std::string& name) {
  if (random.percent(20)) {
    return formicary_workflow(random, name);
  }
  return NativeWriter(random, name).text();
}

std::string with_questions(Random& random, std::string source) {
  constexpr std::string_view kScript = "\"exit ";
  for (std::size_t at = source.find(kScript); at != std::string::npos;
       at = source.find(kScript, at + kScript.size())) {
    if (random.percent(30)) {
      source.insert(at + 1, concat("asks ", random.between(1, 2), "; "));
    }
  }
  return source;
}

std::string cron_workflow(Random& random, const std::string& name) {
  const std::vector<std::string> expressions = {
      "*/15 * * * * * *", "* * * * *", "*/3 * * * *", "0,20 * * * * * *"};
  // Named, because the order in which arguments are evaluated is nobody's promise.
  const std::string expression = random.pick(expressions);
  const std::string script = random.percent(20) ? "exit 1,0" : "exit 0";
  const std::string time = random_seconds(random, 1, 9);
  return concat(
      "job_type: ",
      name,
      "\ncron_trigger: \"",
      expression,
      "\"\ntimeout: 120s\ntasks:\n- task_type: tick\n  method: SHELL\n  script: [\"",
      script,
      "; slow ",
      time,
      "\"]\n  timeout: 30s\n"
  );
}

}  // namespace reeve::sim
