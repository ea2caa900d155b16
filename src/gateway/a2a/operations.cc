#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>
#include <vector>

#include "api/submission.h"
#include "base/hash.h"
#include "base/strings.h"
#include "gateway/a2a/a2a_gateway.h"
#include "gateway/a2a/call.h"
#include "gateway/a2a/card.h"
#include "kernel/loop.h"
#include "model/scoped_name.h"

namespace reeve::gateway::a2a {

namespace {

constexpr std::uint32_t kPage = 500;
constexpr std::int64_t kTasksPerPage = 50;

bool may_send(const GatewayRequest& request, std::string_view ns) {
  return request.may("create", "workflows", "submit", ns);
}

/// The mission of a sender is called like one, and belongs to it.
bool belongs_to(const Json& mission, const Principal& sender) {
  return mission.get_object("metadata")
             .get_string("name")
             .starts_with(mission_prefix(sender.view())) &&
         mission.get_object("status").get_string("owner") == sender.view();
}

/// Posts a command for whoever calls; `replied` runs on the network thread.
void post(
    const CallPtr& call,
    engine::Command command,
    InputId id,
    std::string fingerprint,
    std::function<void(const Result<engine::Reply>&)> replied
) {
  kernel::Input input;
  input.id = std::move(id);
  input.fingerprint = std::move(fingerprint);
  input.principal = call->request.principal;
  input.groups = call->request.identity.groups;
  input.correlation = call->request.correlation.id;
  input.command = std::move(command);
  input.done = [call, replied = std::move(replied)](Result<engine::Reply> reply) {
    // A server that stops answers nobody.
    if (call->shared->closed) {
      return;
    }
    call->shared->services.server.post([call, replied, reply = std::move(reply)] {
      if (!call->shared->closed) {
        replied(reply);
      }
    });
  };
  if (const Result<void> posted = call->shared->services.kernel.post(std::move(input)); !posted) {
    call->caller.fail(fault_of(posted.error()));
  }
}

/// Namespace and name of the agent that a message is for. At the installation's address the message
/// says which; if there is only one, that.
std::optional<std::pair<std::string, std::string>> agent_of(
    const Call& call, const Message& message
) {
  if (!call.agent.empty()) {
    return std::pair(call.ns, call.agent);
  }
  if (const std::size_t slash = message.skill.find('/'); slash != std::string::npos) {
    return std::pair(message.skill.substr(0, slash), message.skill.substr(slash + 1));
  }
  const std::vector<Json> all = find_agents(*call.shared, call.request);
  if (all.size() != 1) {
    return std::nullopt;
  }
  const Json& metadata = all.front().get_object("metadata");
  return std::pair(metadata.get_string("namespace"), metadata.get_string("name"));
}

Result<engine::SubmitMission> submission_for(
    const Call& call,
    const Message& message,
    const Json& workflow,
    const std::string& ns,
    const std::string& agent
) {
  REEVE_TRY(Json params, params_of(message, text_param_of(workflow)));
  Json spec = Json::object();
  spec.set("workflow", Json::object().set("name", agent)).set("params", std::move(params));
  REEVE_TRY(
      engine::SubmitMission submission,
      api::submission_of(
          Namespace(ns), mission_name(call.request.principal.view(), ns, agent, message.id), spec
      )
  );
  Json annotations = Json::object();
  annotations.set(std::string(kMessageAnnotation), message.id);
  if (!message.context.empty()) {
    annotations.set(std::string(kContextAnnotation), message.context);
  }
  submission.metadata = Json::object().set("annotations", std::move(annotations));
  return submission;
}

/// A message to a task that is there: nothing here takes more than one.
void refuse_continuation(const Call& call, const Message& message) {
  if (find_task(call, message.task) == nullptr) {
    call.caller.fail(task_not_found(message.task));
    return;
  }
  call.caller.fail(unsupported("a task takes no further messages; send one without taskId"));
}

void follow(const CallPtr& call, const std::string& task, const Message& message, bool streaming) {
  if (streaming) {
    stream_task(call, task);
    return;
  }
  answer_when_over(call, task, message.return_immediately ? Duration(0) : kBlockingMax, true);
}

void submit(
    const CallPtr& call,
    engine::SubmitMission submission,
    const Message& message,
    const std::string& fingerprint,
    bool streaming
) {
  const std::string task = model::scoped(submission.ns, submission.name.view());
  InputId id(concat(task, "-", submission.ns.view()));
  post(
      call,
      engine::Command(std::move(submission)),
      std::move(id),
      fingerprint,
      [call, task, message, streaming](const Result<engine::Reply>& reply) {
        const bool again = !reply && reply.error().code == ErrorCode::AlreadyExists;
        if (!reply && !again) {
          call->caller.fail(fault_of(reply.error()));
          return;
        }
        follow(call, task, message, streaming);
      }
  );
}

/// A mission that is listed: its task is made when it is shown.
struct Found {
  TaskHead head;
  api::view::ProjectedPtr mission;
};

struct Selection {
  explicit Selection(const Json& params)
      : context(params.get_string("contextId")),
        state(params.get_string("status")),
        after(params.get_string("statusTimestampAfter")) {}

  bool has(const TaskHead& head) const {
    return (context.empty() || head.context == context) && (state.empty() || head.state == state) &&
           (after.empty() || head.timestamp > after);
  }

  std::string context;
  std::string state;
  std::string after;
};

/// The caller's missions: their names begin alike, so that nobody else's are looked at.
std::vector<Found> find_tasks(const Call& call, const std::string& ns, const Selection& selection) {
  const std::string prefix = mission_prefix(call.request.principal.view());
  std::vector<Found> tasks;
  std::size_t visited = 0;
  api::view::ListQuery query;
  query.type = call.shared->missions;
  query.selector.ns = ns;
  query.limit = kPage;
  query.from = api::view::Position{.revision = {}, .ns = ns, .stem = prefix, .index = 0};
  while (query.from) {
    const Result<api::view::Page> page = call.shared->services.view.list(query);
    if (!page) {
      return tasks;
    }
    for (const api::view::ProjectedPtr& one : page->items) {
      if (!one->name.starts_with(prefix) || ++visited > kTasksVisitedMax ||
          tasks.size() >= kTasksMax) {
        return tasks;
      }
      const std::string workflow =
          one->object.get_object("status").get_object("workflow").get_string("name");
      if (!belongs_to(one->object, call.request.principal) || workflow != call.agent) {
        continue;
      }
      TaskHead head = head_of(one->object);
      if (selection.has(head)) {
        tasks.push_back({.head = std::move(head), .mission = one});
      }
    }
    query.from = page->next;
  }
  return tasks;
}

Result<std::size_t> page_start(const Json& params) {
  const std::string token = params.get_string("pageToken");
  std::size_t start = 0;
  const auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), start);
  if (!token.empty() && (problem != std::errc() || end != token.data() + token.size())) {
    return make_error(ErrorCode::Invalid, "is no token of a page", "pageToken");
  }
  return start;
}

}  // namespace

std::string base_of(const net::Request& request) {
  return concat(request.tls ? "https://" : "http://", request.host);
}

api::view::ProjectedPtr find_agent(
    const Shared& shared,
    const GatewayRequest& request,
    const std::string& ns,
    const std::string& agent
) {
  if (!may_send(request, ns)) {
    return nullptr;
  }
  api::view::ProjectedPtr workflow = shared.services.view.get(shared.workflows, ns, agent);
  return workflow != nullptr && is_published(workflow->object) ? workflow : nullptr;
}

std::vector<Json> find_agents(const Shared& shared, const GatewayRequest& request) {
  std::vector<Json> agents;
  api::view::ListQuery query;
  query.type = shared.workflows;
  query.selector.labels = [](const api::view::Pairs& labels) {
    const std::string* published = api::view::find_value(labels, kPublishedLabel);
    return published != nullptr && *published == "true";
  };
  query.limit = kPage;
  do {
    const Result<api::view::Page> page = shared.services.view.list(query);
    if (!page) {
      break;
    }
    for (const api::view::ProjectedPtr& one : page->items) {
      if (agents.size() < kSkillsMax && is_published(one->object) && may_send(request, one->ns)) {
        agents.push_back(one->object);
      }
    }
    query.from = page->next;
  } while (query.from && agents.size() < kSkillsMax);
  return agents;
}

api::view::ProjectedPtr find_task(const Call& call, const std::string& task) {
  const model::ScopedName name = model::split(task);
  const bool elsewhere = !call.agent.empty() && name.ns.view() != call.ns;
  if (task.empty() || elsewhere) {
    return nullptr;
  }
  api::view::ProjectedPtr mission =
      call.shared->services.view.get(call.shared->missions, name.ns.view(), name.name);
  if (mission == nullptr || !belongs_to(mission->object, call.request.principal)) {
    return nullptr;
  }
  const std::string workflow =
      mission->object.get_object("status").get_object("workflow").get_string("name");
  return call.agent.empty() || workflow == call.agent ? mission : nullptr;
}

void send_message(const CallPtr& call, const Json& params, bool streaming) {
  const Result<Message> message = message_from(params);
  if (!message) {
    call->caller.fail(invalid_params(message.error().describe()));
    return;
  }
  if (message->wants_push) {
    call->caller.fail(push_not_supported());
    return;
  }
  if (!message->task.empty()) {
    refuse_continuation(*call, *message);
    return;
  }
  const auto agent = agent_of(*call, *message);
  const api::view::ProjectedPtr workflow =
      agent ? find_agent(*call->shared, call->request, agent->first, agent->second) : nullptr;
  if (workflow == nullptr) {
    call->caller.fail(agent_not_found());
    return;
  }
  if ((streaming || !message->return_immediately) && !may_follow(*call)) {
    return;
  }
  Result<engine::SubmitMission> submission =
      submission_for(*call, *message, workflow->object, agent->first, agent->second);
  if (!submission) {
    call->caller.fail(fault_of(submission.error()));
    return;
  }
  constexpr std::size_t kFingerprintDigits = 32;
  const Json* given = params.find("message");
  const Digest digest = sha256(given == nullptr ? std::string() : given->dump());
  submit(
      call,
      *std::move(submission),
      *message,
      std::string(digest.view().substr(digest.view().size() - kFingerprintDigits)),
      streaming
  );
}

void get_task(const CallPtr& call, const Json& params) {
  const std::string id = params.get_string("id");
  const api::view::ProjectedPtr mission = find_task(*call, id);
  if (mission == nullptr) {
    call->caller.fail(task_not_found(id));
    return;
  }
  call->caller.answer(task_of(mission->object));
}

void list_tasks(const CallPtr& call, const Json& params) {
  if (call->agent.empty() ||
      find_agent(*call->shared, call->request, call->ns, call->agent) == nullptr) {
    call->caller.fail(
        call->agent.empty() ? unsupported("tasks are listed at the address of an agent")
                            : agent_not_found()
    );
    return;
  }
  const Result<std::size_t> start = page_start(params);
  const std::int64_t size = params.get_int("pageSize", kTasksPerPage);
  if (!start || size < 1 || size > static_cast<std::int64_t>(kTasksPerPageMax)) {
    call->caller.fail(invalid_params(
        start ? concat("pageSize is 1 to ", kTasksPerPageMax) : start.error().describe()
    ));
    return;
  }
  std::vector<Found> tasks = find_tasks(*call, call->ns, Selection(params));
  // The last one first.
  std::sort(tasks.begin(), tasks.end(), [](const Found& a, const Found& b) {
    return std::tie(a.head.timestamp, a.head.id) > std::tie(b.head.timestamp, b.head.id);
  });
  const bool artifacts = params.get_bool("includeArtifacts");
  Json page = Json::array();
  const std::size_t end = std::min(tasks.size(), *start + static_cast<std::size_t>(size));
  for (std::size_t i = *start; i < end; ++i) {
    page.push(task_of(tasks[i].mission->object, artifacts));
  }
  Json result = Json::object();
  result.set("tasks", std::move(page));
  result.set("nextPageToken", end < tasks.size() ? std::to_string(end) : std::string());
  result.set("pageSize", size).set("totalSize", std::uint64_t{tasks.size()});
  call->caller.answer(std::move(result));
}

void cancel_task(const CallPtr& call, const Json& params) {
  const std::string id = params.get_string("id");
  const api::view::ProjectedPtr mission = find_task(*call, id);
  if (mission == nullptr) {
    call->caller.fail(task_not_found(id));
    return;
  }
  if (is_over(mission->object.get_object("status").get_string("state"))) {
    call->caller.fail(not_cancelable("the task is over"));
    return;
  }
  if (!call->request.may("create", "missions", "abort", mission->ns)) {
    call->caller.fail(not_cancelable("you may not abort missions"));
    return;
  }
  engine::AbortMission abort;
  abort.mission = model::qualify(Namespace(mission->ns), mission->name);
  abort.message = "canceled by its sender";
  post(
      call,
      engine::Command(std::move(abort)),
      {},
      {},
      [call, id](const Result<engine::Reply>& reply) {
        if (!reply) {
          call->caller.fail(
              reply.error().code == ErrorCode::IllegalTransition
                  ? not_cancelable("the task is over")
                  : fault_of(reply.error())
          );
          return;
        }
        answer_when_over(call, id, kCancelMax, false);
      }
  );
}

void subscribe(const CallPtr& call, const Json& params) {
  const std::string id = params.get_string("id");
  const api::view::ProjectedPtr mission = find_task(*call, id);
  if (mission == nullptr) {
    call->caller.fail(task_not_found(id));
    return;
  }
  if (is_over(mission->object.get_object("status").get_string("state"))) {
    call->caller.fail(unsupported("the task is over: GetTask has all of it"));
    return;
  }
  if (may_follow(*call)) {
    stream_task(call, id);
  }
}

}  // namespace reeve::gateway::a2a
