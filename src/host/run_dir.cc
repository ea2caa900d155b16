#include "host/run_dir.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/inner_files.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kMarkHexDigits = 24;

std::string_view phase_name(model::Phase phase) {
  switch (phase) {
    case model::Phase::Before:
      return "before";
    case model::Phase::Main:
      return "main";
    case model::Phase::After:
      return "after";
  }
  return "main";
}

Error corrupt(const fs::path& path, std::string_view what) {
  return make_error(ErrorCode::Corrupt, concat("is not a valid record: ", what), path.string());
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

Result<Json> read_json(const fs::path& path) {
  REEVE_TRY(const std::string text, platform::read_file(path, kRecordBytesMax));
  auto json = parse_json(text);
  if (!json.ok()) {
    return corrupt(path, json.error().message);
  }
  if (!json->is_object()) {
    return corrupt(path, "not an object");
  }
  return json;
}

Fence fence_of(const Json& json) {
  return Fence(static_cast<std::uint64_t>(json.get_int("fence")));
}

Result<model::RunResult> result_member(const Json& json, const fs::path& path) {
  const Json* member = json.find("result");
  if (member == nullptr) {
    return corrupt(path, "result is missing");
  }
  auto result = model::run_result_from_json(*member);
  if (!result.ok()) {
    return corrupt(path, result.error().describe());
  }
  return result;
}

Json to_json(const StepRecord& step) {
  Json json = Json::object();
  json.set("phase", phase_name(step.phase));
  json.set("end", to_string(step.end));
  json.set("exitCode", step.exit_code);
  json.set("stdoutBegin", step.stdout_begin);
  json.set("stdoutEnd", step.stdout_end);
  return json;
}

Result<StepRecord> step_from_json(const Json& json, const fs::path& path) {
  StepRecord step;
  const std::string phase = json.get_string("phase");
  for (const model::Phase candidate :
       {model::Phase::Before, model::Phase::Main, model::Phase::After}) {
    if (phase == phase_name(candidate)) {
      step.phase = candidate;
    }
  }
  auto end = model::parse_run_end(json.get_string("end"));
  if (!end.ok() || phase != phase_name(step.phase)) {
    return corrupt(path, "steps");
  }
  step.end = *end;
  step.exit_code = static_cast<int>(json.get_int("exitCode"));
  step.stdout_begin = static_cast<std::uint64_t>(json.get_int("stdoutBegin"));
  step.stdout_end = static_cast<std::uint64_t>(json.get_int("stdoutEnd"));
  return step;
}

/// `text` with every byte that is not printable ASCII replaced, if it is not UTF-8.
std::string clean_text(std::string text) {
  if (!is_utf8(text)) {
    std::replace_if(
        text.begin(),
        text.end(),
        [](char c) { return static_cast<unsigned char>(c) - 0x20U >= 0x5fU; },
        '?'
    );
  }
  return text;
}

}  // namespace

Result<fs::path> run_directory(
    const fs::path& data_dir, const MissionName& mission, const RunName& run
) {
  if (!is_plain_name(mission.view())) {
    return make_error(ErrorCode::Invalid, "is not a plain file name", "mission");
  }
  if (!is_plain_name(run.view())) {
    return make_error(ErrorCode::Invalid, "is not a plain file name", "run");
  }
  return data_dir / "missions" / mission.str() / "runs" / run.str();
}

model::RunSpec with_origin(model::RunSpec spec, const model::Origin& origin) {
  const model::NamedValue variables[] = {
      {kCorrelationVariable, origin.correlation.str()},
      {kTraceParentVariable, origin.trace.parent},
      {kTraceStateVariable, origin.trace.state}};
  for (const model::NamedValue& variable : variables) {
    const bool given = std::any_of(
        spec.environment.begin(),
        spec.environment.end(),
        [&](const model::NamedValue& entry) { return entry.first == variable.first; }
    );
    if (!variable.second.empty() && !given && spec.environment.size() < model::kEnvironmentMax) {
      spec.environment.push_back(variable);
    }
  }
  return spec;
}

std::string make_mark(const fs::path& dir, Fence fence) {
  return sha256(concat(dir.native(), "\n", fence.value())).str().substr(0, kMarkHexDigits);
}

std::string encode(const SpecRecord& record) {
  Json json = Json::object();
  json.set("mission", record.mission.str());
  json.set("task", record.task.str());
  json.set("run", record.run.str());
  json.set("fence", record.fence.value());
  json.set("bootId", record.boot_id);
  json.set("mark", record.mark);
  if (!record.api.empty()) {
    json.set("api", record.api);
    json.set("authorityFile", record.authority_file);
    if (!record.socket.empty()) {
      json.set("socket", record.socket);
    }
  }
  json.set("spec", model::to_json(record.spec));
  return json.pretty();
}

std::string encode(const ShimRecord& record) {
  Json json = Json::object();
  json.set("pid", record.pid);
  json.set("startTime", record.start_time);
  json.set("bootId", record.boot_id);
  json.set("fence", record.fence.value());
  json.set("cgroup", record.cgroup);
  return json.pretty();
}

std::string encode(const ExitRecord& record) {
  Json steps = Json::array();
  for (const StepRecord& step : record.steps) {
    steps.push(to_json(step));
  }
  Json json = Json::object();
  json.set("run", record.run.str());
  json.set("fence", record.fence.value());
  json.set("result", model::to_json(record.result));
  json.set("steps", std::move(steps));
  return json.pretty();
}

std::string encode(const ResultRecord& record) {
  Json json = Json::object();
  json.set("run", record.run.str());
  json.set("fence", record.fence.value());
  json.set("result", model::to_json(record.result));
  return json.pretty();
}

Result<SpecRecord> read_spec(const fs::path& dir) {
  const fs::path path = dir / kSpecFile;
  REEVE_TRY(const Json json, read_json(path));
  const Json* spec = json.find("spec");
  if (spec == nullptr) {
    return corrupt(path, "spec is missing");
  }
  auto parsed = model::run_spec_from_json(*spec);
  if (!parsed.ok()) {
    return corrupt(path, parsed.error().describe());
  }
  return SpecRecord{
      .mission = MissionName(json.get_string("mission")),
      .task = TaskName(json.get_string("task")),
      .run = RunName(json.get_string("run")),
      .fence = fence_of(json),
      .boot_id = json.get_string("bootId"),
      .mark = json.get_string("mark"),
      .api = json.get_string("api"),
      .authority_file = json.get_string("authorityFile"),
      .socket = json.get_string("socket"),
      .spec = std::move(parsed).value()};
}

Result<ShimRecord> read_shim(const fs::path& dir) {
  const fs::path path = dir / kShimFile;
  REEVE_TRY(const Json json, read_json(path));
  ShimRecord record{
      .pid = static_cast<int>(json.get_int("pid")),
      .start_time = static_cast<std::uint64_t>(json.get_int("startTime")),
      .boot_id = json.get_string("bootId"),
      .fence = fence_of(json),
      .cgroup = json.get_string("cgroup")};
  if (record.pid <= 0) {
    return corrupt(path, "pid");
  }
  return record;
}

Result<ExitRecord> read_exit(const fs::path& dir) {
  const fs::path path = dir / kExitFile;
  REEVE_TRY(const Json json, read_json(path));
  REEVE_TRY(model::RunResult result, result_member(json, path));
  ExitRecord record{
      .run = RunName(json.get_string("run")),
      .fence = fence_of(json),
      .result = std::move(result),
      .steps = {}};
  const Json* steps = json.find("steps");
  if (steps == nullptr || !steps->is_array()) {
    return corrupt(path, "steps is missing");
  }
  for (const Json& item : steps->as_array()) {
    REEVE_TRY(const StepRecord step, step_from_json(item, path));
    record.steps.push_back(step);
  }
  return record;
}

Result<ResultRecord> read_result(const fs::path& dir) {
  const fs::path path = dir / kResultFile;
  REEVE_TRY(const Json json, read_json(path));
  REEVE_TRY(model::RunResult result, result_member(json, path));
  return ResultRecord{
      .run = RunName(json.get_string("run")), .fence = fence_of(json), .result = std::move(result)};
}

std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) {
    return text;
  }
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
    --end;
  }
  return text.substr(0, end);
}

void add_warning(model::RunResult& result, std::string text) {
  text = clean_text(std::move(text));
  if (text.size() > model::kWarningBytesMax) {
    constexpr std::string_view kEllipsis = "...";
    text.resize(cut_text(text, model::kWarningBytesMax - kEllipsis.size()).size());
    text.append(kEllipsis);
  }
  if (result.warnings.size() + 1 < model::kWarningsMax) {
    result.warnings.push_back(std::move(text));
  } else if (result.warnings.size() + 1 == model::kWarningsMax) {
    result.warnings.emplace_back("there were more warnings than are kept");
  }
}

Result<fs::path> working_directory(const fs::path& dir, const model::RunSpec& spec) {
  const fs::path own = dir / kWorkDir;
  if (spec.working_dir.empty() || spec.working_dir == ".") {
    return own;
  }
  std::string path = spec.working_dir;
  if (path.find('\0') != std::string::npos) {
    return make_error(ErrorCode::Invalid, "has a NUL character", "working_dir");
  }
  if (path.front() == '/') {
    return fs::path(path);
  }
  if (path.starts_with("./")) {
    path.erase(0, 2);
  }
  while (path.ends_with('/')) {
    path.pop_back();
  }
  if (!platform::is_inner_path(path)) {
    return make_error(
        ErrorCode::Invalid,
        concat("\"", spec.working_dir, "\" leaves the run's own directory"),
        "working_dir"
    );
  }
  return own / path;
}

}  // namespace reeve::host
