#include "executor/agent/cli_plan.h"

#include <array>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::executor::agent {

namespace fs = std::filesystem;

namespace {

/// Variable in which command lines find the token that they present.
constexpr std::string_view kTokenVariable = "REEVE_AGENT_TOKEN";
/// How long command lines wait for a tool or a reply: as long as a person may be waited for, a
/// week. The gateways watch over those who do not answer.
constexpr std::string_view kHoldMillis = "604800000";
constexpr std::string_view kHoldSeconds = "604800";

Json object_with(std::string name, Json value) {
  Json json = Json::object();
  json.set(std::move(name), std::move(value));
  return json;
}

class Planner {
 public:
  Planner(
      const Work& work,
      const Fence& fence,
      const Places& places,
      const std::vector<model::NamedValue>& environment
  )
      : work_(work), cli_(*work.cli), fence_(fence), places_(places) {
    for (const model::NamedValue& entry : environment) {
      if (!is_withheld(entry.first)) {
        set_value(plan_.environment, entry.first, entry.second);
      }
    }
    for (const auto& [name, value] : work.environment) {
      set_value(plan_.environment, name, value);
    }
  }

  Result<CliPlan> plan() {
    add_common();
    plan_.argv = cli_.argv;
    switch (cli_.arguments) {
      case Dialect::Claude:
        plan_claude();
        break;
      case Dialect::Codex:
        plan_codex();
        break;
      case Dialect::OpenCode:
        REEVE_CHECK(plan_opencode());
        break;
      case Dialect::Text:
        plan_custom();
        break;
    }
    return std::move(plan_);
  }

 private:
  void set(std::string_view name, std::string_view value) {
    set_value(plan_.environment, name, std::string(value));
  }

  void add(std::string_view argument) { plan_.argv.emplace_back(argument); }

  void add(std::string_view name, std::string_view value) {
    add(name);
    add(value);
  }

  void add_own_arguments() {
    plan_.argv.insert(plan_.argv.end(), cli_.args.begin(), cli_.args.end());
  }

  /// The program, unless `argv` names another.
  void begin_with(std::string_view program) {
    if (plan_.argv.empty()) {
      add(program);
    }
  }

  std::string file(std::string_view name, std::string text) {
    const fs::path path = places_.files / name;
    plan_.files.push_back({path, std::move(text)});
    return path.native();
  }

  std::string directory(std::string_view name) {
    const fs::path path = places_.sessions / name;
    plan_.directories.push_back(path);
    return path.native();
  }

  std::string openai() const { return concat(fence_.api, "/llm/openai/v1"); }

  std::string tools() const { return concat(fence_.api, "/mcp"); }

  /// What every command line gets, whatever it speaks.
  void add_common() {
    const std::string_view token = fence_.token.view();
    set("REEVE_AGENT", work_.agent);
    set(kTokenVariable, token);
    set("ANTHROPIC_BASE_URL", concat(fence_.api, "/llm/anthropic"));
    set("ANTHROPIC_AUTH_TOKEN", token);
    set("OPENAI_BASE_URL", openai());
    set("OPENAI_API_KEY", token);
    set("REEVE_MCP_URL", tools());
    if (!fence_.socket.empty()) {
      set("ANTHROPIC_UNIX_SOCKET", fence_.socket);
      // Others may not know the variable.
      if (cli_.arguments == Dialect::Claude) {
        set("ANTHROPIC_BASE_URL", concat(kSocketApi, "/llm/anthropic"));
      }
    }
    if (!fence_.ca_file.empty()) {
      set("NODE_EXTRA_CA_CERTS", fence_.ca_file);
      set("CODEX_CA_CERTIFICATE", fence_.ca_file);
      set("SSL_CERT_FILE", fence_.ca_file);
    }
    set("MCP_TOOL_TIMEOUT", kHoldMillis);
    if (!places_.working_dir.empty()) {
      set("PWD", places_.working_dir.native());
    }
    add_telemetry();
  }

  void add_telemetry() {
    set("OTEL_EXPORTER_OTLP_ENDPOINT", fence_.api);
    set("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
    set("OTEL_EXPORTER_OTLP_HEADERS", concat("Authorization=Bearer ", fence_.token.view()));
    const std::string run = value_of(plan_.environment, "REEVE_RUN");
    set("OTEL_RESOURCE_ATTRIBUTES", concat("reeve.run=", run, ",reeve.agent=", work_.agent));
    set("OTEL_LOGS_EXPORTER", "otlp");
    set("OTEL_METRICS_EXPORTER", "otlp");
  }

  /// `token`: as it stands in the file.
  std::string mcp_config(std::string_view token) const {
    Json server = Json::object();
    server.set("type", "http").set("url", tools());
    server.set("headers", object_with("Authorization", concat("Bearer ", token)));
    return object_with("mcpServers", object_with(std::string(kMcpServer), std::move(server)))
        .dump();
  }

  /// What the agent is told before the task, for those that have no place of their own for it.
  std::string whole_prompt() const {
    return work_.system.empty() ? work_.prompt : concat(work_.system, "\n\n", work_.prompt);
  }

  void plan_claude() {
    constexpr std::array<std::string_view, 4> kModes = {
        "default", "acceptEdits", "plan", "bypassPermissions"};
    begin_with("claude");
    add("-p");
    add("--output-format", "stream-json");
    add("--verbose");
    add("--strict-mcp-config");
    // It fills in variables of its environment: the token stays in there.
    add("--mcp-config", file("mcp.json", mcp_config(concat("${", kTokenVariable, "}"))));
    add("--setting-sources", "");
    // The gateway decides about its tools itself.
    add("--allowedTools", concat("mcp__", kMcpServer));
    if (places_.approvals) {
      // Without the tool the command line would end at its first call.
      add("--permission-prompt-tool", concat("mcp__", kMcpServer, "__", kApprovalTool));
    }
    add("--permission-mode", kModes.at(static_cast<std::size_t>(cli_.permission)));
    if (!work_.model.empty()) {
      add("--model", work_.model);
    }
    if (!work_.system.empty()) {
      add("--append-system-prompt", work_.system);
    }
    if (work_.limits.iterations > 0) {
      add("--max-turns", concat(work_.limits.iterations));
    }
    if (!work_.limits.cost.zero()) {
      add("--max-budget-usd", work_.limits.cost.text());
    }
    if (!work_.schema.is_null()) {
      add("--json-schema", work_.schema.dump());
    }
    if (!work_.session.empty()) {
      add("--resume", work_.session);
    }
    add_own_arguments();
    plan_.input = work_.prompt;
    set("CLAUDE_CONFIG_DIR", directory("claude"));
    set("CLAUDE_CODE_MAX_RETRIES", "1");
    set("API_TIMEOUT_MS", kHoldMillis);
    set("CLAUDE_CODE_ENABLE_TELEMETRY", "1");
    set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    set("DISABLE_AUTOUPDATER", "1");
    if (cli_.permission == Permission::Bypass && places_.superuser) {
      set("IS_SANDBOX", "1");
    }
  }

  /// `-c name=value`; strings of JSON are strings of TOML.
  void add_setting(std::string_view name, std::string_view value) {
    add("-c", concat(name, "=", value));
  }

  static std::string quoted(std::string_view text) { return Json(text).dump(); }

  void plan_codex() {
    begin_with("codex");
    add("exec");
    add("--json");
    add("--skip-git-repo-check");
    // What the provider looks up costs what nobody can know beforehand.
    add_setting("web_search", quoted("disabled"));
    add_setting("model_provider", quoted("reeve"));
    add_setting(
        "model_providers.reeve",
        concat(
            "{name=\"reeve\",base_url=",
            quoted(openai()),
            ",env_key=",
            quoted(kTokenVariable),
            ",wire_api=\"responses\",request_max_retries=0,stream_max_retries=0,stream_idle_"
            "timeout_ms=",
            kHoldMillis,
            "}"
        )
    );
    add_setting(
        concat("mcp_servers.", kMcpServer),
        concat(
            "{url=",
            quoted(tools()),
            ",bearer_token_env_var=",
            quoted(kTokenVariable),
            ",tool_timeout_sec=",
            kHoldSeconds,
            "}"
        )
    );
    add_codex_permission();
    if (!work_.model.empty()) {
      add("-m", work_.model);
    }
    if (!work_.schema.is_null()) {
      add("--output-schema", file("schema.json", work_.schema.dump()));
    }
    plan_.last_message = places_.files / "last-message.txt";
    add("-o", plan_.last_message.native());
    add_own_arguments();
    if (!work_.session.empty()) {
      add("resume", work_.session);
    }
    add("-");
    plan_.input = whole_prompt();
    set("CODEX_HOME", directory("codex"));
  }

  void add_codex_permission() {
    if (cli_.permission == Permission::Bypass) {
      add("--dangerously-bypass-approvals-and-sandbox");
      return;
    }
    const bool reads = cli_.permission == Permission::Plan;
    add("--sandbox", reads ? "read-only" : "workspace-write");
  }

  Result<void> plan_opencode() {
    if (work_.model.empty()) {
      return make_error(ErrorCode::Invalid, "is missing: opencode has to be told a model", "model");
    }
    begin_with("opencode");
    add("run");
    add("--format", "json");
    add("-m", concat("reeve/", work_.model));
    if (!work_.session.empty()) {
      add("--session", work_.session);
    }
    add_own_arguments();
    plan_.input = whole_prompt();
    // What works here does not decide what may be done here: files of the working directory rank
    // above OPENCODE_CONFIG, and below OPENCODE_CONFIG_CONTENT. They are not read either, as their
    // plugins are programs. Earlier versions fill in variables in files only.
    set("OPENCODE_CONFIG", file("opencode.json", opencode_config(true)));
    set("OPENCODE_CONFIG_CONTENT", opencode_config(false));
    set("OPENCODE_DISABLE_PROJECT_CONFIG", "1");
    set("XDG_DATA_HOME", directory("opencode"));
    set("XDG_CONFIG_HOME", directory("opencode-config"));
    return {};
  }

  std::string opencode_config(bool with_secrets) const {
    const std::string secret = concat("{env:", kTokenVariable, "}");
    Json options = Json::object();
    options.set("baseURL", openai()).set("timeout", false);
    Json server = Json::object();
    server.set("type", "remote").set("url", tools()).set("enabled", true);
    if (with_secrets) {
      options.set("apiKey", secret);
      server.set("headers", object_with("Authorization", concat("Bearer ", secret)));
    }
    Json provider = Json::object();
    provider.set("npm", "@ai-sdk/openai-compatible").set("name", "reeve");
    provider.set("options", std::move(options));
    provider.set("models", object_with(work_.model, Json::object()));
    Json config = Json::object();
    config.set("provider", object_with("reeve", std::move(provider)));
    config.set("model", concat("reeve/", work_.model));
    config.set("mcp", object_with(std::string(kMcpServer), std::move(server)));
    config.set("permission", opencode_permission());
    config.set("autoupdate", false).set("share", "disabled");
    if (!places_.working_dir.empty()) {
      // What a repository says to agents is for the model to read.
      Json told = Json::array();
      told.push((places_.working_dir / "AGENTS.md").native());
      config.set("instructions", std::move(told));
    }
    return config.dump();
  }

  Json opencode_permission() const {
    const bool all = cli_.permission == Permission::Bypass;
    const bool edits = all || cli_.permission == Permission::AcceptEdits;
    Json permission = Json::object();
    permission.set("edit", edits ? "allow" : "deny");
    permission.set("bash", all ? "allow" : "deny");
    permission.set("webfetch", all ? "allow" : "deny");
    return permission;
  }

  void plan_custom() {
    const std::string prompt = whole_prompt();
    const std::array<model::NamedValue, 7> values = {
        {{"{prompt}", prompt},
         {"{promptFile}", (places_.files / "prompt.txt").native()},
         {"{model}", work_.model},
         {"{session}", work_.session},
         {"{schemaFile}", (places_.files / "schema.json").native()},
         {"{mcpConfigFile}", (places_.files / "mcp.json").native()},
         {"{lastMessageFile}", (places_.files / "last-message.txt").native()}}};
    bool takes_prompt = false;
    add_own_arguments();
    for (std::string& argument : plan_.argv) {
      const std::string asked = argument;
      takes_prompt = takes_prompt || asked.find("{prompt") != std::string::npos;
      if (asked.find("{lastMessageFile}") != std::string::npos) {
        plan_.last_message = places_.files / "last-message.txt";
      }
      argument = filled(asked, values);
    }
    file("prompt.txt", prompt);
    file("mcp.json", mcp_config(fence_.token.view()));
    file("schema.json", work_.schema.is_null() ? "{}" : work_.schema.dump());
    plan_.input = takes_prompt ? std::string() : prompt;
  }

  /// One pass: what a value has is not looked at again.
  static std::string filled(std::string_view text, const std::array<model::NamedValue, 7>& values) {
    std::string out;
    while (!text.empty()) {
      bool replaced = false;
      for (const auto& [name, value] : values) {
        if (text.starts_with(name)) {
          out += value;
          text.remove_prefix(name.size());
          replaced = true;
          break;
        }
      }
      if (!replaced) {
        out.push_back(text.front());
        text.remove_prefix(1);
      }
    }
    return out;
  }

  const Work& work_;
  const CliSpec& cli_;
  const Fence& fence_;
  const Places& places_;
  CliPlan plan_;
};

}  // namespace

Result<CliPlan> plan_cli(
    const Work& work,
    const Fence& fence,
    const Places& places,
    const std::vector<model::NamedValue>& environment
) {
  return Planner(work, fence, places, environment).plan();
}

std::string claude_project(const fs::path& working_dir) {
  std::string name = working_dir.native();
  for (char& c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    c = kept ? c : '-';
  }
  return name;
}

}  // namespace reeve::executor::agent
