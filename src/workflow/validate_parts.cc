#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "base/strings.h"
#include "workflow/items.h"
#include "workflow/order.h"
#include "workflow/template/template.h"
#include "workflow/validate.h"
#include "workflow/validate_triggers.h"

namespace reeve::workflow {

namespace {

bool is_constant(const Text& text) {
  return !templates::has_actions(text.text);
}

bool is_process(Method method) {
  return method == Method::Shell || is_container(method);
}

/// One task at a time. Positions are those of the text that is wrong, else of the task.
class TaskChecker {
 public:
  TaskChecker(const Workflow& workflow, std::vector<GraphProblem>& problems)
      : workflow_(workflow), problems_(problems) {}

  void check(TaskIndex index) {
    index_ = index;
    task_ = &workflow_.tasks[index];
    check_method();
    if (task_->gate) {
      check_gate(*task_->gate);
    }
    if (task_->await) {
      check_await(*task_->await);
    }
    if (task_->fan_out) {
      check_fan_out(*task_->fan_out);
    }
    if (task_->http) {
      check_http(*task_->http);
    }
    if (task_->agent) {
      check_agent(*task_->agent);
    }
    check_cache(task_->cache);
    check_semaphores(task_->semaphores, concat("tasks.", task_->name.view()), problems_);
  }

  static void check_semaphores(
      const std::vector<Semaphore>& semaphores,
      const std::string& subject,
      std::vector<GraphProblem>& problems
  );

 private:
  void add(std::string_view rule, Position position, std::string message, std::string hint = {}) {
    Error error =
        make_error(ErrorCode::Invalid, std::move(message), concat("tasks.", task_->name.view()));
    error.position = position.line > 0 ? position : task_->position;
    error.hint = std::move(hint);
    problems_.push_back({std::string(rule), std::move(error)});
  }

  std::string name() const { return concat("task \"", task_->name.view(), "\""); }

  std::string name_of(TaskIndex task) const {
    return concat("\"", workflow_.tasks[task].name.view(), "\"");
  }

  void check_method() {
    const Method method = task_->method;
    const bool request = method == Method::Http || method == Method::WebSocket;
    if (task_->gate.has_value() != (method == Method::Gate) ||
        task_->child.has_value() != (method == Method::Mission) ||
        task_->await.has_value() != (method == Method::Await) ||
        task_->message.has_value() != (method == Method::Message) ||
        task_->agent.has_value() != (method == Method::Agent) ||
        task_->http.has_value() != request) {
      add("method",
          task_->position,
          concat(
              name(),
              " lacks what its method ",
              to_string(method),
              " needs, or has what another one needs"
          ),
          "write the block of the method, and no other");
    }
    if (task_->sensor && !is_process(method) && method != Method::Http) {
      add("sensor",
          task_->position,
          concat(name(), " cannot be a sensor: only scripts and requests can be asked again"),
          "remove \"sensor\"");
    }
  }

  void check_gate(const Gate& gate) {
    const Position at = gate.prompt.position;
    if (!gate.users.empty() && gate.groups.empty() && gate.approvals > gate.users.size()) {
      add("gate",
          at,
          concat(
              "the gate needs ",
              gate.approvals,
              " approvals, but only ",
              gate.users.size(),
              gate.users.size() == 1 ? " person" : " people",
              " may give one"
          ),
          "name more people or groups, or ask for fewer approvals");
    }
    for (const std::string& required : gate.required) {
      const bool shown =
          std::any_of(gate.context.begin(), gate.context.end(), [&required](const auto& entry) {
            return entry.first == required;
          });
      if (!shown) {
        add("gate",
            at,
            concat("the gate requires \"", required, "\", which is not in its context"),
            "add it to \"context\"");
      }
    }
    check_times(gate);
    if (gate.revises && *gate.revises == index_) {
      add("gate", at, "a gate cannot revise itself", "name the task that is to be done again");
    } else if (gate.revises && !before(*gate.revises, index_)) {
      add("gate",
          at,
          concat("the gate revises ", name_of(*gate.revises), ", which never runs before it"),
          "name a task that leads to the gate");
    }
  }

  /// Nobody judges what is their own: neither the same agent, nor the same session of another one.
  void check_agent(const AgentTask& agent) {
    if (!agent.validates) {
      return;
    }
    const Position at = agent.name.position;
    const Task& author = workflow_.tasks[*agent.validates];
    if (*agent.validates == index_) {
      add("validator",
          at,
          concat(name(), " cannot validate itself"),
          "name the task whose result is judged");
    } else if (!before(*agent.validates, index_)) {
      add("validator",
          at,
          concat(name(), " validates ", name_of(*agent.validates), ", which never runs before it"),
          "name a task that leads to this one");
    } else if (author.agent && author.agent->name.text == agent.name.text) {
      add("validator",
          at,
          concat(
              "agent \"",
              agent.name.text,
              "\" would judge what it has made in ",
              name_of(*agent.validates)
          ),
          "let another agent judge it");
    } else if (author.agent && !agent.session.empty() &&
               (agent.session.text == author.agent->session.text ||
                agent.session.text.find(concat(author.name.view(), "-session-id")) !=
                    std::string::npos)) {
      add("validator",
          agent.session.position,
          concat(name(), " would judge in the session in which the work was done"),
          "remove \"session\": who judges begins anew");
    }
  }

  void check_times(const Gate& gate) {
    const Position at = gate.prompt.position;
    const auto late = [&gate](Duration after) {
      return gate.deadline && after >= *gate.deadline;
    };
    if (gate.remind_after && late(*gate.remind_after)) {
      add("gate", at, "the approvers would be reminded after the deadline", "remind them sooner");
    }
    if (gate.escalations.size() > kEscalationsMax) {
      add("gate",
          at,
          concat("has more than ", kEscalationsMax, " escalations"),
          "name several people in one \"to\"");
    }
    for (const Escalation& escalation : gate.escalations) {
      if (late(escalation.after)) {
        add("gate", at, "the gate would escalate after its deadline", "escalate sooner");
        return;
      }
    }
  }

  void check_await(const Await& await) {
    for (const TaskIndex awaited : await.tasks) {
      const Task& other = workflow_.tasks[awaited];
      if (other.method != Method::Mission) {
        add("await",
            task_->position,
            concat(name(), " waits for children of ", name_of(awaited), ", which makes none"),
            "name tasks that start missions");
      } else if (other.child && other.child->wait && workflow_.format == Format::Native) {
        add("await",
            task_->position,
            concat(
                name(), " waits for children of ", name_of(awaited), ", which waits for them itself"
            ),
            concat(
                "add \"wait: false\" to the mission of ", name_of(awaited), ", or remove the await"
            ));
      } else if (!task_->always_run && !before(awaited, index_)) {
        add("await",
            task_->position,
            concat(
                name(), " waits for children of ", name_of(awaited), ", which never runs before it"
            ),
            "correct the order");
      }
    }
  }

  void check_fan_out(const FanOut& fan_out) {
    const Position at = fan_out.over.position;
    if (task_->method == Method::Gate || task_->method == Method::Await) {
      add("fan-out", at, concat(name(), " cannot be done once for each item"), "remove it");
    }
    if (!is_value_name(fan_out.item) || fan_out.item.find_first_of("-.") != std::string::npos) {
      add("fan-out",
          at,
          concat("\"", fan_out.item, "\" cannot name an item"),
          "use letters, digits and \"_\", beginning with a letter");
    }
    if (!is_constant(fan_out.over) || is_value_name(fan_out.over.text)) {
      return;
    }
    const auto range = parse_range(fan_out.over.text);
    if (range && range->goes_down()) {
      add("fan-out",
          at,
          concat("the range ", range->first, "..", range->last, " goes down and has no items"),
          concat("write ", range->last, "..", range->first));
      return;
    }
    const auto items = parse_items(fan_out.over.text);
    if (!items.ok()) {
      const bool neither = !fan_out.over.text.starts_with('[') && !range;
      Error error = items.error();
      add("fan-out",
          at,
          concat("cannot be done for each item: ", error.message),
          neither ? "write a list, a range such as 1..10, or the name of a value"
                  : "write a JSON array such as [\"a\", \"b\"]; a fan-out within a child makes "
                    "more items");
      problems_.back().error.code = error.code;
    }
  }

  void check_http(const HttpRequest& request) {
    const bool socket = task_->method == Method::WebSocket;
    const std::string_view url = request.url.text;
    const std::string_view scheme = socket ? "ws" : "http";
    const bool known =
        url.starts_with(concat(scheme, "://")) || url.starts_with(concat(scheme, "s://"));
    if (!url.empty() && !url.starts_with("{{") && !known) {
      add("http",
          request.url.position,
          concat("\"", url.substr(0, kNameBytesMax), "\" is no address"),
          concat("begin with ", scheme, ":// or ", scheme, "s://"));
    }
    for (const auto& [header, value] : request.headers) {
      if (!is_token(header)) {
        add("http",
            value.position,
            concat("\"", header, "\" cannot name a header"),
            "use letters, digits and \"-\"");
      }
    }
    for (const auto& [output, pointer] : request.outputs) {
      if (!is_pointer(pointer)) {
        add("http",
            request.url.position,
            concat("output \"", output, "\": \"", pointer, "\" is no JSON pointer"),
            "write \"/data/0/id\", or \"\" for the whole");
      }
    }
  }

  /// RFC 9110, 5.6.2.
  static bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
  }

  /// RFC 6901.
  static bool is_pointer(std::string_view text) {
    if (!text.empty() && text[0] != '/') {
      return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
        return false;
      }
    }
    return true;
  }

  void check_cache(const Cache& cache) {
    if (cache.paths.empty() && cache.key.empty() && cache.key_paths.empty()) {
      return;
    }
    const Position at = cache.paths.empty() ? task_->position : cache.paths.front().position;
    if (cache.paths.empty()) {
      add("cache", at, "the cache has no paths", "say what is kept");
    } else if (cache.key.empty() && cache.key_paths.empty()) {
      add("cache", at, "the cache has no key", "add \"key\", or \"keyPaths\" for files that make it"
      );
    } else if (!cache.key.empty() && !cache.key_paths.empty()) {
      add("cache", at, "the cache has two keys", "keep one of \"key\" and \"keyPaths\"");
    }
  }

  bool before(TaskIndex first, TaskIndex then) {
    if (!order_) {
      order_.emplace(workflow_);
    }
    return order_->before(first, then);
  }

  const Workflow& workflow_;
  /// Made when it is asked for: most workflows have no use for it.
  std::optional<Order> order_;
  std::vector<GraphProblem>& problems_;
  TaskIndex index_ = 0;
  const Task* task_ = nullptr;
};

void TaskChecker::check_semaphores(
    const std::vector<Semaphore>& semaphores,
    const std::string& subject,
    std::vector<GraphProblem>& problems
) {
  std::set<std::string_view> pools;
  const auto add = [&](const Semaphore& semaphore, std::string message, std::string hint) {
    Error error = make_error(ErrorCode::Invalid, std::move(message), subject);
    error.position = semaphore.position;
    error.hint = std::move(hint);
    problems.push_back({"semaphore", std::move(error)});
  };
  for (const Semaphore& semaphore : semaphores) {
    if (semaphore.units == 0) {
      add(semaphore,
          concat("takes no unit of the pool \"", semaphore.pool, "\""),
          "write 1 or more units");
    }
    if (!semaphore.pool.empty() && !pools.insert(semaphore.pool).second) {
      add(semaphore,
          concat("takes the pool \"", semaphore.pool, "\" twice"),
          "add the units up in one line");
    }
  }
  if (semaphores.size() > kSemaphoresMax) {
    add(semaphores.back(),
        concat("takes more than ", kSemaphoresMax, " semaphores"),
        "put what is taken together into one pool");
  }
}

}  // namespace

std::vector<GraphProblem> validate_parts(const Workflow& workflow) {
  std::vector<GraphProblem> problems;
  TaskChecker checker(workflow, problems);
  for (std::size_t i = 0; i < workflow.tasks.size(); ++i) {
    checker.check(static_cast<TaskIndex>(i));
  }
  TaskChecker::check_semaphores(workflow.semaphores, "semaphores", problems);
  validate_triggers(workflow, problems);
  return problems;
}

}  // namespace reeve::workflow
