#include <algorithm>

#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

using workflow::Method;

/// Programs that ask other machines, with the words that make them do it.
constexpr std::string_view kNetworkCommands[] = {
    "curl ",
    "wget ",
    "git clone",
    "git fetch",
    "git pull",
    "git push",
    "docker pull",
    "podman pull",
    "npm ci",
    "npm install",
    "pip install",
    "apt-get update",
    "apt-get install",
};

bool is_local(std::string_view host) {
  return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
}

/// Whether `word` is a repository on this machine: a path or a bundle, no address, no remote by
/// its name, nothing that only the run knows.
bool is_local_repository(std::string_view word) {
  if (word.ends_with(".bundle") || word.starts_with("file:")) {
    return true;
  }
  return word.find('/') != std::string_view::npos &&
         word.find_first_of(":${") == std::string_view::npos;
}

/// Whether the git command that `command` begins with asks a repository on this machine.
bool stays_here(std::string_view command) {
  const std::string_view line = command.substr(0, command.find_first_of("\n;&|"));
  const std::vector<std::string_view> words = split(line, ' ');
  // "git", what it does, then the first word that is no option.
  for (std::size_t i = 2; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word.empty() || word.starts_with('-')) {
      continue;
    }
    const std::size_t begin = std::min(word.find_first_not_of("\"'"), word.size());
    word = word.substr(begin, word.find_last_not_of("\"'") + 1 - begin);
    return is_local_repository(word);
  }
  return false;
}

std::optional<std::size_t> find_command(std::string_view script) {
  std::optional<std::size_t> first;
  for (const std::string_view command : kNetworkCommands) {
    for (std::size_t at = script.find(command); at != std::string_view::npos;
         at = script.find(command, at + 1)) {
      const bool starts_word =
          at == 0 || !(is_word(script[at - 1]) || script[at - 1] == '-' || script[at - 1] == '/');
      const std::size_t line = script.rfind('\n', at);
      const std::size_t begin = line == std::string_view::npos ? 0 : line + 1;
      const bool comment = trim(script.substr(begin, at - begin)).starts_with('#');
      const bool local = command.starts_with("git ") && stays_here(script.substr(at));
      if (starts_word && !comment && !local && at < first.value_or(script.size())) {
        first = at;
      }
    }
  }
  return first;
}

/// Requests to other machines, and requests from them.
class NetworkCheck {
 public:
  NetworkCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const Use& use : facts_.uses()) {
      if (use.role == Role::Url) {
        check_scheme(use);
      }
    }
    for (const Task& task : facts_.workflow().tasks) {
      if (task.http) {
        check_request(task, *task.http);
      }
      check_retry(task);
    }
    for (const workflow::Trigger& trigger : facts_.workflow().triggers) {
      check_webhook(trigger);
    }
  }

 private:
  void check_scheme(const Use& use) {
    const std::string_view url = use.text.text;
    for (const auto& [plain, secure] :
         {std::pair<std::string_view, std::string_view>{"http://", "https://"},
          {"ws://", "wss://"}}) {
      if (!url.starts_with(plain) || is_local(url.substr(plain.size()))) {
        continue;
      }
      findings_.add(
          {.rule = "plain-http",
           .position = use.text.position,
           .field = use.field,
           .message = concat("goes over the network without TLS (", plain, ")"),
           .fix = concat("use ", secure),
           .edit = facts_.source().replace(use.text.position, plain, std::string(secure))}
      );
    }
  }

  Position place(const Task& task, std::string_view native_key, std::string_view formicary_key)
      const {
    const std::string_view block = task.method == Method::WebSocket ? "webSocket" : "http";
    return facts_.native() ? facts_.source().place(&task, {block, native_key}, task.position)
                           : facts_.source().place(&task, {formicary_key}, task.position);
  }

  void check_request(const Task& task, const workflow::HttpRequest& request) {
    if (!request.verify_tls) {
      findings_.add(
          {.rule = "tls-not-verified",
           .position = place(task, "verifyTls", "verify_tls"),
           .field = facts_.field(&task, "http.verifyTls", "verify_tls"),
           .message = "the certificate of the server is not checked: whoever is in between can "
                      "answer, and read what is sent",
           .fix = {}}
      );
    }
    if (request.allow_private) {
      findings_.add(
          {.rule = "private-address",
           .position = place(task, "allowPrivate", "allow_private"),
           .field = facts_.field(&task, "http.allowPrivate", "allow_private"),
           .message = "may ask this machine and private networks, also by way of a redirect",
           .fix = {}}
      );
    }
  }

  void check_retry(const Task& task) {
    if (task.retry.retries > 0 || task.sensor) {
      return;
    }
    const bool polls =
        std::any_of(task.routes.begin(), task.routes.end(), [](const workflow::Route& route) {
          const auto* action = std::get_if<workflow::Action>(&route.target);
          return action != nullptr && *action == workflow::Action::Poll;
        });
    if (polls) {
      return;
    }
    if (task.method == Method::Http || task.method == Method::WebSocket) {
      report_retry(task, task.position, "is a request");
      return;
    }
    for (const Text* script : scripts_of(task)) {
      if (const auto at = find_command(script->text)) {
        report_retry(task, place_of(*script, *at), "uses the network");
        return;
      }
    }
  }

  void report_retry(const Task& task, Position position, std::string_view what) {
    findings_.add(
        {.rule = "no-retry",
         .position = position,
         .field = facts_.field(&task, "retry", "retry"),
         .message = concat(what, " and is not tried again when it fails"),
         .fix = facts_.native() ? "add \"retry: {max: 2, backoff: {min: 1s, max: 30s}}\""
                                : "add \"retry: 2\" and a retry_backoff_policy"}
    );
  }

  void check_webhook(const workflow::Trigger& trigger) {
    const auto* webhook = std::get_if<workflow::WebhookTrigger>(&trigger.source);
    if (webhook == nullptr || webhook->auth != workflow::WebhookAuth::None) {
      return;
    }
    findings_.add(
        {.rule = "open-webhook",
         .position = trigger.position,
         .field = concat("triggers.", trigger.name, ".auth"),
         .message = "the webhook does not ask who calls: anybody who knows the address can start "
                    "missions",
         .fix = {}}
    );
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_network(const Facts& facts, Findings& findings) {
  NetworkCheck(facts, findings).run();
}

}  // namespace reeve::lint
