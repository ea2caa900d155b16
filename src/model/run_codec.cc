#include <limits>

#include "base/strings.h"
#include "model/run.h"

namespace reeve::model {

namespace {

Error field_error(ErrorCode code, std::string message, std::string field) {
  return make_error(code, std::move(message), std::move(field));
}

/// Reads the members of one JSON object strictly. Every getter leaves its target alone if the
/// member is absent; the first thing that is wrong is kept and handed out by `finish`, which also
/// refuses the members that nobody asked for.
class Members {
 public:
  Members(const Json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json_.is_object()) {
      fail(ErrorCode::Invalid, "must be an object", path_);
    }
  }

  std::string field(std::string_view name) const {
    return path_.empty() ? std::string(name) : concat(path_, ".", name);
  }

  void fail(ErrorCode code, std::string message, std::string where) {
    if (!error_) {
      error_ = field_error(code, std::move(message), std::move(where));
    }
  }

  void fail(Error error, std::string_view name) {
    if (!error_) {
      if (error.subject.empty()) {
        error.subject = field(name);
      }
      error_ = std::move(error);
    }
  }

  const Json* take(std::string_view name, bool required = false) {
    known_.emplace_back(name);
    const Json* member = json_.find(name);
    if (member == nullptr && required) {
      fail(ErrorCode::Invalid, "is missing", field(name));
    }
    return error_ ? nullptr : member;
  }

  void string(std::string_view name, std::string& out, bool required = false) {
    if (const Json* member = take(name, required)) {
      if (member->is_string()) {
        out = member->as_string();
      } else {
        fail(ErrorCode::Invalid, "must be a string", field(name));
      }
    }
  }

  std::optional<std::int64_t> integer(
      std::string_view name, std::int64_t low, std::int64_t high, bool required = false
  ) {
    const Json* member = take(name, required);
    if (member == nullptr) {
      return std::nullopt;
    }
    if (!member->is_int()) {
      fail(ErrorCode::Invalid, "must be a whole number", field(name));
      return std::nullopt;
    }
    const std::int64_t number = member->as_int();
    if (number < low || number > high) {
      fail(ErrorCode::Invalid, concat("must be between ", low, " and ", high), field(name));
      return std::nullopt;
    }
    return number;
  }

  void bytes(std::string_view name, std::uint64_t& out, bool required = false) {
    if (const auto number = integer(name, 0, std::numeric_limits<std::int64_t>::max(), required)) {
      out = static_cast<std::uint64_t>(*number);
    }
  }

  std::optional<Duration> millis(std::string_view name) {
    constexpr std::int64_t kMillisMax = std::int64_t{1} << 53U;
    const auto number = integer(name, 0, kMillisMax);
    return number ? std::optional(Duration(*number)) : std::nullopt;
  }

  std::optional<Timestamp> timestamp(std::string_view name, bool required = false) {
    std::string text;
    if (json_.find(name) == nullptr && !required) {
      known_.emplace_back(name);
      return std::nullopt;
    }
    string(name, text, required);
    if (error_) {
      return std::nullopt;
    }
    auto parsed = parse_timestamp(text);
    if (!parsed.ok()) {
      fail(std::move(parsed).error(), name);
      return std::nullopt;
    }
    return *parsed;
  }

  template <class Enum>
  void name(
      std::string_view member,
      Enum& out,
      Result<Enum> (*parse)(std::string_view),
      bool required = false
  ) {
    std::string text;
    if (json_.find(member) == nullptr && !required) {
      known_.emplace_back(member);
      return;
    }
    string(member, text, required);
    if (error_) {
      return;
    }
    auto parsed = parse(text);
    if (parsed.ok()) {
      out = *parsed;
    } else {
      fail(std::move(parsed).error(), member);
    }
  }

  /// Reads a list, item by item, with `read(json, path of the item) -> Result<Item>`.
  template <class Item, class Read>
  void list(std::string_view name, std::vector<Item>& out, std::size_t items_max, Read read) {
    const Json* member = take(name);
    if (member == nullptr) {
      return;
    }
    if (!member->is_array()) {
      fail(ErrorCode::Invalid, "must be a list", field(name));
      return;
    }
    const Json::Array& items = member->as_array();
    if (items.size() > items_max) {
      fail(ErrorCode::LimitExceeded, concat("has more than ", items_max, " items"), field(name));
      return;
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      Result<Item> item = read(items[i], concat(field(name), "[", i, "]"));
      if (!item.ok()) {
        fail(std::move(item).error(), name);
        return;
      }
      out.push_back(std::move(item).value());
    }
  }

  Result<void> finish() {
    if (!error_) {
      find_unknown();
    }
    if (error_) {
      return std::move(*error_);
    }
    return {};
  }

 private:
  void find_unknown() {
    for (const Json::Member& member : json_.as_object()) {
      bool known = false;
      for (const std::string& name : known_) {
        known = known || name == member.first;
      }
      if (!known) {
        Error error = field_error(ErrorCode::Invalid, "is not a known member", field(member.first));
        const std::string best = nearest(member.first, known_);
        error.hint = best.empty() ? std::string() : concat("did you mean \"", best, "\"?");
        error_ = std::move(error);
        return;
      }
    }
  }

  const Json& json_;
  std::string path_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
};

bool is_digest(std::string_view text) {
  constexpr std::size_t kHexDigits = 64;
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Relative, without empty, "." or ".." components: nothing that could leave a directory.
bool is_inner_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (const std::string_view component : split(path, '/')) {
    if (component.empty() || component == "." || component == "..") {
      return false;
    }
  }
  return true;
}

Result<std::string> string_from_json(const Json& json, std::string path) {
  if (!json.is_string()) {
    return field_error(ErrorCode::Invalid, "must be a string", std::move(path));
  }
  return json.as_string();
}

Result<std::string> digest_from_json(const Json& json, std::string path) {
  REEVE_TRY(std::string digest, string_from_json(json, path));
  if (!is_digest(digest)) {
    return field_error(
        ErrorCode::Invalid, "is not the lower-case hex of a SHA-256", std::move(path)
    );
  }
  return digest;
}

Result<NamedValue> named_value_from_json(const Json& json, std::string path) {
  NamedValue pair;
  Members members(json, std::move(path));
  members.string("name", pair.first, true);
  members.string("value", pair.second, true);
  REEVE_CHECK(members.finish());
  return pair;
}

Json to_json(const std::vector<NamedValue>& values) {
  Json list = Json::array();
  for (const auto& [name, value] : values) {
    list.push(Json(Json::Object{{"name", name}, {"value", value}}));
  }
  return list;
}

Json to_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    list.push(text);
  }
  return list;
}

Json to_json(const std::vector<ArtifactRef>& artifacts) {
  Json list = Json::array();
  for (const ArtifactRef& artifact : artifacts) {
    list.push(model::to_json(artifact));
  }
  return list;
}

Result<Step> step_from_json(const Json& json, std::string path) {
  Step step;
  const std::string step_path = path;
  Members members(json, std::move(path));
  members.name("phase", step.phase, parse_phase, true);
  members.string("script", step.script);
  members.string("tool", step.tool);
  if (const Json* input = members.take("input", false)) {
    step.input = *input;
  }
  REEVE_CHECK(members.finish());
  const bool scripted = json.find("script") != nullptr;
  if (scripted == !step.tool.empty()) {
    return field_error(ErrorCode::Invalid, "has either a script or a tool", step_path);
  }
  return step;
}

Result<ArtifactRef> artifact_at(const Json& json, std::string path) {
  ArtifactRef artifact;
  Members members(json, std::move(path));
  members.string("path", artifact.path, true);
  std::string digest;
  members.string("digest", digest, true);
  members.bytes("sizeBytes", artifact.size_bytes, true);
  if (const auto mode = members.integer("mode", 0, 07777)) {
    artifact.mode = static_cast<std::uint32_t>(*mode);
  }
  artifact.expires_at = members.timestamp("expiresAt");
  if (const auto number = members.integer("pathNumber", 0, kArtifactsMax)) {
    artifact.path_number = static_cast<std::uint32_t>(*number);
  }
  const std::string path_field = members.field("path");
  const std::string digest_field = members.field("digest");
  REEVE_CHECK(members.finish());
  if (artifact.path.size() > kArtifactPathBytesMax) {
    return field_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kArtifactPathBytesMax, " bytes"),
        path_field
    );
  }
  if (!is_inner_path(artifact.path)) {
    return field_error(
        ErrorCode::Invalid, concat("\"", artifact.path, "\" leaves the directory"), path_field
    );
  }
  if (!is_digest(digest)) {
    return field_error(ErrorCode::Invalid, "is not the lower-case hex of a SHA-256", digest_field);
  }
  artifact.digest = Digest(std::move(digest));
  return artifact;
}

/// `place` counts among what `spec` has so far.
bool is_within(const CredentialPlace& place, const RunSpec& spec) {
  const std::string* text = nullptr;
  switch (place.part) {
    case CredentialPlace::Part::Script:
      text = place.index < spec.steps.size() ? &spec.steps[place.index].script : nullptr;
      break;
    case CredentialPlace::Part::Input:
      return place.index < spec.steps.size();
    case CredentialPlace::Part::Environment:
      text =
          place.index < spec.environment.size() ? &spec.environment[place.index].second : nullptr;
      break;
  }
  return text != nullptr && place.offset <= text->size();
}

Result<CredentialPlace> credential_place_from_json(const Json& json, std::string path) {
  CredentialPlace place;
  Members members(json, std::move(path));
  members.name("part", place.part, parse_credential_part, true);
  place.index = static_cast<std::uint32_t>(
      members.integer("index", 0, static_cast<std::int64_t>(kEnvironmentMax), true).value_or(0)
  );
  members.string("pointer", place.pointer);
  members.bytes("offset", place.offset, true);
  if (const Json* flag = members.take("percentEncoded")) {
    if (flag->is_bool()) {
      place.percent_encoded = flag->as_bool();
    } else {
      members.fail(ErrorCode::Invalid, "must be true or false", members.field("percentEncoded"));
    }
  }
  members.string("credential", place.credential, true);
  REEVE_CHECK(members.finish());
  return place;
}

Json to_json(const CredentialPlace& place) {
  Json json(Json::Object{{"part", to_string(place.part)}});
  json.set("index", static_cast<std::int64_t>(place.index));
  if (place.part == CredentialPlace::Part::Input) {
    json.set("pointer", place.pointer);
  }
  json.set("offset", place.offset);
  if (place.percent_encoded) {
    json.set("percentEncoded", true);
  }
  json.set("credential", place.credential);
  return json;
}

Result<void> check_limits(const RunResult& result) {
  if (!result.exit_text.empty() && !is_exit_text(result.exit_text)) {
    return field_error(
        ErrorCode::Invalid,
        concat("must be an upper-case word or a number of at most ", kExitTextBytesMax, " bytes"),
        "exitText"
    );
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    const auto& [name, value] = result.outputs[i];
    if (name.empty() || name.size() > kOutputNameBytesMax) {
      return field_error(
          ErrorCode::LimitExceeded,
          concat("name must have 1 to ", kOutputNameBytesMax, " bytes"),
          concat("outputs[", i, "].name")
      );
    }
    if (value.size() > kOutputValueBytesMax) {
      return field_error(
          ErrorCode::LimitExceeded,
          concat("is longer than ", kOutputValueBytesMax, " bytes"),
          concat("outputs[", i, "].value")
      );
    }
    bytes += name.size() + value.size();
  }
  if (bytes > kOutputsBytesMax) {
    return field_error(
        ErrorCode::LimitExceeded,
        concat("are longer than ", kOutputsBytesMax, " bytes together"),
        "outputs"
    );
  }
  for (std::size_t i = 0; i < result.warnings.size(); ++i) {
    if (result.warnings[i].size() > kWarningBytesMax) {
      return field_error(
          ErrorCode::LimitExceeded,
          concat("is longer than ", kWarningBytesMax, " bytes"),
          concat("warnings[", i, "]")
      );
    }
  }
  return {};
}

Result<Json> bundle_from_json(const Json& json) {
  if (!json.is_object()) {
    return field_error(ErrorCode::Invalid, "must be an object", "bundle");
  }
  if (json.dump().size() > kBundleBytesMax) {
    return field_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kBundleBytesMax, " bytes"), "bundle"
    );
  }
  return json;
}

/// An absolute path that a sandbox shows: nothing that could mean another place inside.
bool is_readable_path(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && is_inner_path(path.substr(1));
}

/// Reads a size with the bounds of sandboxes; `zero`: 0 says that there is no limit.
void sandbox_bytes(Members& members, std::string_view name, bool zero, std::uint64_t& out) {
  const auto number = members.integer(name, 0, static_cast<std::int64_t>(kSandboxBytesMax));
  if (!number) {
    return;
  }
  out = static_cast<std::uint64_t>(*number);
  if (out < kSandboxBytesMin && !(zero && out == 0)) {
    members.fail(
        ErrorCode::Invalid, concat("must be at least ", kSandboxBytesMin), members.field(name)
    );
  }
}

Result<Sandbox> sandbox_at(const Json& json, std::string path) {
  Sandbox sandbox;
  if (json.is_string()) {
    REEVE_TRY(sandbox.level, parse_sandbox_level(json.as_string()));
    return sandbox;
  }
  Members members(json, std::move(path));
  members.name("level", sandbox.level, parse_sandbox_level, true);
  if (const auto number = members.integer("processesMax", 0, kSandboxProcessesMax)) {
    sandbox.processes_max = static_cast<std::uint32_t>(*number);
    if (*number != 0 && *number < kSandboxProcessesMin) {
      members.fail(
          ErrorCode::Invalid,
          concat("must be at least ", kSandboxProcessesMin),
          members.field("processesMax")
      );
    }
  }
  sandbox_bytes(members, "memoryBytesMax", true, sandbox.memory_bytes_max);
  sandbox_bytes(members, "fileBytesMax", false, sandbox.file_bytes_max);
  sandbox_bytes(members, "tempBytesMax", false, sandbox.temp_bytes_max);
  sandbox_bytes(members, "diskBytesMax", true, sandbox.disk_bytes_max);
  members.list("readable", sandbox.readable, kSandboxReadableMax, string_from_json);
  for (const std::string& readable : sandbox.readable) {
    if (!is_readable_path(readable)) {
      members.fail(
          ErrorCode::Invalid,
          concat("\"", readable, "\" is not an absolute path without \"..\""),
          members.field("readable")
      );
    }
  }
  REEVE_CHECK(members.finish());
  return sandbox;
}

}  // namespace

Json to_json(const ArtifactRef& artifact) {
  Json json = Json::object();
  json.set("path", artifact.path);
  json.set("digest", artifact.digest.str());
  json.set("sizeBytes", artifact.size_bytes);
  json.set("mode", static_cast<std::int64_t>(artifact.mode));
  if (artifact.expires_at) {
    json.set("expiresAt", format_timestamp(*artifact.expires_at));
  }
  if (artifact.path_number > 0) {
    json.set("pathNumber", static_cast<std::int64_t>(artifact.path_number));
  }
  return json;
}

Result<ArtifactRef> artifact_from_json(const Json& json) {
  return artifact_at(json, {});
}

Json to_json(const Sandbox& sandbox) {
  Json json = Json::object();
  json.set("level", to_string(sandbox.level));
  json.set("processesMax", static_cast<std::int64_t>(sandbox.processes_max));
  json.set("memoryBytesMax", sandbox.memory_bytes_max);
  json.set("fileBytesMax", sandbox.file_bytes_max);
  json.set("tempBytesMax", sandbox.temp_bytes_max);
  json.set("diskBytesMax", sandbox.disk_bytes_max);
  json.set("readable", to_json(sandbox.readable));
  return json;
}

Result<Sandbox> sandbox_from_json(const Json& json) {
  return sandbox_at(json, {});
}

Json to_json(const RunSpec& spec) {
  Json steps = Json::array();
  for (const Step& step : spec.steps) {
    Json one(Json::Object{{"phase", to_string(step.phase)}});
    if (step.tool.empty()) {
      one.set("script", step.script);
    } else {
      one.set("tool", step.tool);
      one.set("input", step.input);
    }
    steps.push(std::move(one));
  }
  Json json = Json::object();
  json.set("steps", std::move(steps));
  json.set("environment", to_json(spec.environment));
  json.set("workingDir", spec.working_dir);
  json.set("timeoutMs", static_cast<std::int64_t>(spec.timeout.count()));
  json.set("graceMs", static_cast<std::int64_t>(spec.grace.count()));
  json.set("outputBytesMax", spec.output_bytes_max);
  json.set("artifactPaths", to_json(spec.artifact_paths));
  json.set("artifactWhen", to_string(spec.artifact_when));
  if (spec.artifact_expiry) {
    json.set("artifactExpiryMs", static_cast<std::int64_t>(spec.artifact_expiry->count()));
  }
  json.set("inputs", to_json(spec.inputs));
  if (spec.container) {
    json.set("container", Json(Json::Object{{"image", spec.container->image}}));
  }
  if (spec.sandbox.active()) {
    json.set("sandbox", to_json(spec.sandbox));
  }
  if (!spec.uploads.empty()) {
    json.set("uploads", to_json(spec.uploads));
  }
  if (!spec.credentials.empty()) {
    Json places = Json::array();
    for (const CredentialPlace& place : spec.credentials) {
      places.push(to_json(place));
    }
    json.set("credentials", std::move(places));
    json.set("namespace", spec.ns.str());
  }
  if (!spec.bundle.is_null()) {
    json.set("bundle", spec.bundle);
  }
  return json;
}

Result<RunSpec> run_spec_from_json(const Json& json) {
  RunSpec spec;
  Members members(json, {});
  members.take("steps", true);
  members.list("steps", spec.steps, kStepsMax, step_from_json);
  members.list("environment", spec.environment, kEnvironmentMax, named_value_from_json);
  members.string("workingDir", spec.working_dir);
  spec.timeout = members.millis("timeoutMs").value_or(spec.timeout);
  spec.grace = members.millis("graceMs").value_or(spec.grace);
  members.bytes("outputBytesMax", spec.output_bytes_max);
  members.list("artifactPaths", spec.artifact_paths, kArtifactsMax, string_from_json);
  members.name("artifactWhen", spec.artifact_when, parse_artifact_when);
  spec.artifact_expiry = members.millis("artifactExpiryMs");
  members.list("inputs", spec.inputs, kInputsMax, artifact_at);
  if (const Json* container = members.take("container")) {
    Members inner(*container, "container");
    inner.string("image", spec.container.emplace().image, true);
    REEVE_CHECK(inner.finish());
  }
  if (const Json* sandbox = members.take("sandbox")) {
    REEVE_TRY(spec.sandbox, sandbox_at(*sandbox, "sandbox"));
  }
  members.list("uploads", spec.uploads, kUploadsMax, digest_from_json);
  members.list("credentials", spec.credentials, kCredentialPlacesMax, credential_place_from_json);
  std::string ns = spec.ns.str();
  members.string("namespace", ns);
  spec.ns = Namespace(std::move(ns));
  if (const Json* bundle = members.take("bundle")) {
    REEVE_TRY(spec.bundle, bundle_from_json(*bundle));
  }
  REEVE_CHECK(members.finish());
  for (std::size_t i = 0; i < spec.credentials.size(); ++i) {
    if (!is_within(spec.credentials[i], spec)) {
      return field_error(
          ErrorCode::Invalid, "is no place in this run", concat("credentials[", i, "]")
      );
    }
  }
  return spec;
}

Json to_json(const RunResult& result) {
  Json json = Json::object();
  json.set("end", to_string(result.end));
  json.set("exitCode", result.exit_code);
  if (!result.exit_text.empty()) {
    json.set("exitText", result.exit_text);
  }
  if (!result.reason.empty()) {
    json.set("reason", result.reason);
  }
  if (!result.outputs.empty()) {
    json.set("outputs", to_json(result.outputs));
  }
  if (!result.artifacts.empty()) {
    json.set("artifacts", to_json(result.artifacts));
  }
  if (!result.extension.empty()) {
    json.set("extension", result.extension);
  }
  if (!result.bundle.is_null()) {
    json.set("bundle", result.bundle);
  }
  if (!result.warnings.empty()) {
    json.set("warnings", to_json(result.warnings));
  }
  json.set("startedAt", format_timestamp(result.started_at));
  json.set("endedAt", format_timestamp(result.ended_at));
  return json;
}

Result<RunResult> run_result_from_json(const Json& json) {
  RunResult result;
  Members members(json, {});
  members.name("end", result.end, parse_run_end, true);
  if (const auto code = members.integer(
          "exitCode", std::numeric_limits<int>::min(), std::numeric_limits<int>::max(), true
      )) {
    result.exit_code = static_cast<int>(*code);
  }
  members.string("exitText", result.exit_text);
  members.string("reason", result.reason);
  members.list("outputs", result.outputs, kOutputsMax, named_value_from_json);
  members.list("artifacts", result.artifacts, kArtifactsMax, artifact_at);
  members.string("extension", result.extension);
  if (const Json* bundle = members.take("bundle")) {
    REEVE_TRY(result.bundle, bundle_from_json(*bundle));
  }
  members.list("warnings", result.warnings, kWarningsMax, string_from_json);
  result.started_at = members.timestamp("startedAt", true).value_or(Timestamp{});
  result.ended_at = members.timestamp("endedAt", true).value_or(Timestamp{});
  REEVE_CHECK(members.finish());
  REEVE_CHECK(check_limits(result));
  return result;
}

}  // namespace reeve::model
