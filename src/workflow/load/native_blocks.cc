#include <array>

#include "base/strings.h"
#include "workflow/load/native_parts.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::array<std::string_view, 3> kPolicies = {"all", "failFast", "firstWins"};
constexpr std::array<FanOut::Policy, 3> kPolicyValues = {
    FanOut::Policy::All, FanOut::Policy::FailFast, FanOut::Policy::FirstWins};
constexpr std::array<std::string_view, 1> kPermissions = {"mission.extend"};

/// The way out where `variable` or the name of its credential cannot be one.
std::string credential_hint(const Node& node, std::string_view variable, std::string_view name) {
  if (!node.is_map()) {
    return "write a map: {VARIABLE: name}";
  }
  return is_environment_name(variable)
             ? name_hint(name)
             : "use letters, digits and \"_\" for the variable, not beginning with a digit";
}

}  // namespace

std::optional<FanOut> decode_fan_out(Fields& task, Decoder& decoder) {
  const Node* node = task.get("fanOut");
  const Node* same = task.get("foreach");
  if (node != nullptr && same != nullptr) {
    decoder.problems().error(
        "duplicate-name",
        task.key("foreach")->position,
        task.path("foreach"),
        "\"foreach\" means the same as \"fanOut\"",
        "remove one of the two"
    );
  }
  const std::string path = task.path(node != nullptr ? "fanOut" : "foreach");
  node = node != nullptr ? node : same;
  if (node == nullptr) {
    return std::nullopt;
  }
  FanOut fan_out;
  Fields fields(decoder, *node, path);
  if (const Node* over = fields.need("over")) {
    fan_out.over = decoder.json_text(*over, fields.path("over"));
  }
  if (const Node* as = fields.get("as")) {
    fan_out.item = decoder.literal(*as, fields.path("as")).value_or(fan_out.item);
  }
  if (const Node* parallel = fields.get("parallel")) {
    fan_out.parallel = decoder.count(*parallel, fields.path("parallel"), kFanOutMax, 0);
  }
  if (const Node* policy = fields.get("policy")) {
    fan_out.policy =
        kPolicyValues[decoder.choice(*policy, fields.path("policy"), kPolicies).value_or(0)];
  }
  if (const Node* failures = fields.get("failuresAllowed")) {
    fan_out.failures_allowed =
        decoder.count(*failures, fields.path("failuresAllowed"), kFanOutMax, 0);
    if (fan_out.failures_allowed > 0 && fan_out.policy != FanOut::Policy::All) {
      decoder.problems().error(
          "range",
          failures->position,
          fields.path("failuresAllowed"),
          "goes with the policy \"all\" only",
          "remove it, or the policy"
      );
    }
  }
  fields.finish();
  // Without a map, or "over" in it, there is nothing to judge later.
  return fields.key("over") == nullptr ? std::nullopt : std::optional(std::move(fan_out));
}

Cache decode_cache(const Node& node, Decoder& decoder, std::string path) {
  Cache cache;
  Fields fields(decoder, node, std::move(path));
  if (const Node* paths = fields.need("paths")) {
    cache.paths = decoder.artifact_paths(*paths, fields.path("paths"));
  }
  if (const Node* key = fields.get("key")) {
    cache.key = decoder.text(*key, fields.path("key"));
  }
  if (const Node* files = fields.get("keyPaths")) {
    cache.key_paths = decoder.artifact_paths(*files, fields.path("keyPaths"));
  }
  if (const Node* expires = fields.get("expiresAfter")) {
    cache.expires_after =
        decoder.positive(*expires, fields.path("expiresAfter"), cache.expires_after);
  }
  fields.finish();
  return cache;
}

std::vector<Semaphore> decode_semaphores(
    const Node& node, Decoder& decoder, const std::string& path
) {
  std::vector<Semaphore> out;
  if (!node.is_sequence()) {
    decoder.wrong(node, path, "a list of maps");
  }
  for (std::size_t i = 0; i < node.items.size() && i <= kSemaphoresMax; ++i) {
    Semaphore semaphore;
    Fields fields(decoder, node.items[i], concat(path, "[", i, "]"));
    semaphore.position = fields.position();
    if (const Node* pool = fields.need("pool")) {
      semaphore.pool = decoder.name(*pool, fields.path("pool"));
    }
    if (const Node* units = fields.get("units")) {
      semaphore.units = static_cast<std::uint32_t>(
          decoder.integer(*units, fields.path("units"), 1, kSemaphoreUnitsMax, 1)
      );
    }
    fields.finish();
    out.push_back(std::move(semaphore));
  }
  return out;
}

WordMap decode_credentials(const Node& node, Decoder& decoder, const std::string& path) {
  WordMap out;
  if (node.is_map()) {
    out = decoder.word_map(node, path);
  } else if (node.is_sequence()) {
    for (std::string& name : decoder.words(node, path)) {
      out.emplace_back(name, name);
    }
  } else {
    decoder.wrong(node, path, "a list of names, or a map of environment variables to names");
  }
  for (const auto& [variable, name] : out) {
    std::string fault = name_fault(name);
    if (fault.empty() && !is_environment_name(variable)) {
      fault = concat("\"", variable, "\" cannot name an environment variable");
    }
    if (!fault.empty()) {
      decoder.problems().error(
          "name", node.position, path, std::move(fault), credential_hint(node, variable, name)
      );
    }
  }
  return out;
}

namespace {

constexpr std::array<std::string_view, 3> kLevels = {"none", "workspace", "isolated"};
constexpr std::array<model::SandboxLevel, 3> kLevelValues = {
    model::SandboxLevel::None, model::SandboxLevel::Workspace, model::SandboxLevel::Isolated};

std::uint64_t sandbox_bytes(
    Fields& fields, Decoder& decoder, std::string_view name, std::uint64_t fallback
) {
  const Node* node = fields.get(name);
  if (node == nullptr) {
    return fallback;
  }
  const std::int64_t min = fallback == 0 ? 0 : static_cast<std::int64_t>(model::kSandboxBytesMin);
  return static_cast<std::uint64_t>(decoder.integer(
      *node,
      fields.path(name),
      min,
      static_cast<std::int64_t>(model::kSandboxBytesMax),
      static_cast<std::int64_t>(fallback)
  ));
}

void decode_readable(
    const Node& node, Decoder& decoder, const std::string& path, model::Sandbox& sandbox
) {
  for (std::string& readable : decoder.words(node, path)) {
    const bool inner = (concat(readable, "/")).find("/../") == std::string::npos &&
                       (concat(readable, "/")).find("/./") == std::string::npos &&
                       readable.find("//") == std::string::npos;
    if (readable.size() < 2 || readable.front() != '/' || readable.back() == '/' || !inner) {
      decoder.wrong(
          node, path, "a list of absolute paths", "write them from the root, without \"..\""
      );
      return;
    }
    sandbox.readable.push_back(std::move(readable));
  }
  if (sandbox.readable.size() > model::kSandboxReadableMax) {
    decoder.too_much(
        "too-large",
        node,
        path,
        concat("has more than ", model::kSandboxReadableMax, " paths"),
        "name the directory that they are in"
    );
  }
}

}  // namespace

model::Sandbox decode_sandbox(const Node& node, Decoder& decoder, const std::string& path) {
  model::Sandbox sandbox;
  if (node.is_scalar()) {
    sandbox.level = kLevelValues[decoder.choice(node, path, kLevels).value_or(0)];
    return sandbox;
  }
  Fields fields(decoder, node, path);
  if (const Node* level = fields.need("level")) {
    sandbox.level = kLevelValues[decoder.choice(*level, fields.path("level"), kLevels).value_or(0)];
  }
  if (const Node* processes = fields.get("processesMax")) {
    sandbox.processes_max = static_cast<std::uint32_t>(decoder.integer(
        *processes,
        fields.path("processesMax"),
        0,
        model::kSandboxProcessesMax,
        sandbox.processes_max
    ));
  }
  sandbox.memory_bytes_max = sandbox_bytes(fields, decoder, "memoryBytesMax", 0);
  sandbox.file_bytes_max = sandbox_bytes(fields, decoder, "fileBytesMax", sandbox.file_bytes_max);
  sandbox.temp_bytes_max = sandbox_bytes(fields, decoder, "tempBytesMax", sandbox.temp_bytes_max);
  sandbox.disk_bytes_max = sandbox_bytes(fields, decoder, "diskBytesMax", 0);
  if (const Node* readable = fields.get("readable")) {
    decode_readable(*readable, decoder, fields.path("readable"), sandbox);
  }
  fields.finish();
  return sandbox;
}

std::vector<std::string> decode_permissions(
    const Node& node, Decoder& decoder, const std::string& path
) {
  std::vector<std::string> out;
  if (!node.is_sequence()) {
    decoder.wrong(node, path, "a list of permissions");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto known = decoder.choice(node.items[i], concat(path, "[", i, "]"), kPermissions);
    if (!known) {
      return out;  // one complaint says what there is
    }
    out.emplace_back(kPermissions[*known]);
  }
  return out;
}

}  // namespace reeve::workflow
