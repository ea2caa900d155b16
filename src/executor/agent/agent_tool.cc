#include "executor/agent/agent_tool.h"

#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"
#include "executor/agent/child.h"
#include "executor/agent/cli_plan.h"
#include "executor/agent/cli_result.h"
#include "executor/agent/json_schema.h"
#include "executor/agent/mcp.h"
#include "executor/agent/run_files.h"
#include "executor/agent/work.h"
#include "executor/json_pointer.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::executor::agent {

namespace {

constexpr mode_t kPrivate = 0600;
constexpr std::uint64_t kTokenBytesMax = 4096;
constexpr std::uint64_t kLastMessageBytesMax = std::uint64_t{1} << 20U;
/// Of `result`, which is published twice: both fit with everything else.
constexpr std::size_t kResultOutputBytesMax = std::size_t{48} << 10U;
constexpr std::size_t kDenialsShownMax = 10;

/// What makes a loop another one: an attempt at anything else begins anew.
std::string digest_of(const Work& work) {
  Json json = Json::array();
  json.push(work.mission_uid).push(work.uid).push(work.prompt).push(work.system).push(work.model);
  json.push(static_cast<int>(work.loop->format)).push(work.schema);
  for (const std::string& tool : work.tools) {
    json.push(tool);
  }
  return sha256(json.dump()).str();
}

/// Files that are there for one command only; some of them hold its token.
class PlannedFiles {
 public:
  explicit PlannedFiles(const std::vector<PlannedFile>& files) : files_(files) {}

  ~PlannedFiles() {
    for (const PlannedFile& file : files_) {
      std::error_code ignored;
      std::filesystem::remove(file.path, ignored);
    }
  }

  PlannedFiles(const PlannedFiles&) = delete;
  PlannedFiles& operator=(const PlannedFiles&) = delete;

  Result<void> write() const {
    for (const PlannedFile& file : files_) {
      REEVE_CHECK(platform::replace_file(file.path, file.text, kPrivate));
    }
    return {};
  }

 private:
  const std::vector<PlannedFile>& files_;
};

/// One piece of work from its input to its end.
class AgentRun {
 public:
  AgentRun(
      const ToolRequest& request,
      ToolOutput& output,
      const AgentTool::Connect& connect,
      const std::function<void(Duration)>& wait
  )
      : request_(request), output_(output), connect_(connect), wait_(wait) {}

  Result<ToolEnd> run() {
    REEVE_TRY(work_, read_work(request_.input));
    REEVE_TRY(fence_, find_fence(request_.environment));
    REEVE_TRY(std::string token, platform::read_file(fence_.token_file, kTokenBytesMax));
    fence_.token = Secret(trim(token));
    wipe(token);
    REEVE_TRY(files_, make_run_files(request_, work_.mission_uid));
    say(concat("agent ", work_.agent, work_.model.empty() ? "" : concat(", model ", work_.model)));
    REEVE_TRY(AgentResult result, work_.cli ? run_cli() : run_own_loop());
    REEVE_CHECK(look_at_structure(result));
    REEVE_CHECK(publish(result));
    if (result.succeeded()) {
      REEVE_CHECK(publish_wanted(result));
    }
    return ToolEnd{
        .exit_code = result.succeeded() ? 0 : 1,
        .exit_text = result.exit_text,
        .reason = result.reason};
  }

 private:
  void say(std::string_view line) { output_.write(concat(line, "\n")); }

  // --- command lines ----------------------------------------------------------------------------

  /// Whether the tool gateway decides about tools that need consent.
  Result<bool> has_approvals() const {
    REEVE_TRY(const std::unique_ptr<Server> server, connect_(fence_));
    for (std::uint32_t attempt = 1;; ++attempt) {
      std::int64_t last_id = 0;
      const auto tools = list_tools(*server, last_id, [](const std::string&) {});
      if (tools) {
        return std::any_of(tools->begin(), tools->end(), [](const OfferedTool& tool) {
          return tool.name == kApprovalTool;
        });
      }
      if (!tools.error().retryable() || attempt >= kTriesMax) {
        return tools.error();
      }
      wait_(kRetryPause * attempt);
    }
  }

  void look_for_approvals() {
    const Result<bool> found = has_approvals();
    files_.places.approvals = found && *found;
    if (!files_.places.approvals) {
      output_.warn(concat(
          "tools that need consent are refused: the tool gateway has no \"",
          kApprovalTool,
          "\"",
          found ? "" : concat(": ", found.error().message)
      ));
    }
  }

  Result<AgentResult> run_cli() {
    REEVE_TRY(work_.session, session_of(work_, files_));
    if (work_.cli->arguments == Dialect::Claude && !work_.session.empty()) {
      REEVE_CHECK(bring_claude_session(files_.places.sessions, request_.working_dir, work_.session)
      );
    }
    if (work_.cli->arguments == Dialect::Claude) {
      look_for_approvals();
    }
    files_.places.working_dir = request_.working_dir;
    REEVE_TRY(CliPlan plan, plan_cli(work_, fence_, files_.places, request_.environment));
    for (const std::filesystem::path& directory : plan.directories) {
      REEVE_CHECK(platform::make_directories(directory, 0700));
    }
    const PlannedFiles files(plan.files);
    REEVE_CHECK(files.write());
    const std::unique_ptr<ResultReader> reader = make_reader(work_.cli->result);
    const ChildCommand command{
        .argv = std::move(plan.argv),
        .environment = std::move(plan.environment),
        .input = std::move(plan.input),
        .duration = work_.limits.duration};
    REEVE_TRY(const ChildEnd end, run_child(command, kLineBytesMax, [&](std::string_view line) {
                for (const std::string& told : reader->take(line)) {
                  say(told);
                }
              }));
    const Result<std::string> last = platform::read_file(plan.last_message, kLastMessageBytesMax);
    AgentResult result = reader->finish(end.code, last ? std::string_view(*last) : "");
    if (end.timed_out) {
      result.exit_text = kTimedOut;
      result.reason = concat("not done within ", format_duration(work_.limits.duration));
    }
    REEVE_CHECK(keep_session(files_, result.session));
    return result;
  }

  // --- the built-in loop ------------------------------------------------------------------------

  /// The state that an attempt before this one has left in the journal, if it was at the same work
  /// and had not come to an end.
  Result<LoopState> state_in(JournalFile& journal) {
    const std::string digest = digest_of(work_);
    Result<std::vector<Record>> records = journal.read();
    // A disk that fails now may work for the next attempt.
    if (!records && records.error().code != ErrorCode::Corrupt &&
        records.error().code != ErrorCode::LimitExceeded) {
      return records.error();
    }
    LoopState state(work_.prompt);
    bool usable = records.ok() && !records->empty();
    for (std::size_t i = 0; usable && i < records->size(); ++i) {
      usable = state.apply((*records)[i]).ok();
    }
    if (usable && !state.ended() && state.digest() == digest) {
      say(concat(
          "goes on after ",
          state.asked(),
          " questions that were asked before (",
          to_string(state.phase()),
          ")"
      ));
      return state;
    }
    if (!usable && (!records.ok() || !records->empty())) {
      REEVE_CHECK(journal.set_aside());
      output_.warn(concat(
          "the journal of an earlier attempt cannot be read: the work begins anew, and what it did "
          "may be done again; the journal is kept as ",
          files_.journal.filename().native(),
          kSetAsideSuffix
      ));
    }
    REEVE_CHECK(journal.clear());
    LoopState fresh(work_.prompt);
    const Record begin = begin_record(files_.key, digest);
    REEVE_CHECK(journal.append(begin));
    REEVE_CHECK(fresh.apply(begin));
    return fresh;
  }

  Result<AgentResult> run_own_loop() {
    REEVE_TRY(JournalFile journal, JournalFile::open(files_.journal));
    REEVE_TRY(LoopState state, state_in(journal));
    REEVE_TRY(const std::unique_ptr<Server> server, connect_(fence_));
    return run_loop(
        work_,
        state,
        {.server = *server,
         .journal = journal,
         .note = [this](std::string_view line) { say(line); },
         .warn = [this](std::string text) { output_.warn(std::move(text)); },
         .wait = wait_,
         .elapsed = platform::monotonic_now}
    );
  }

  // --- what comes of it -------------------------------------------------------------------------

  /// Finds the structured result, and refuses one that has another form than was asked for.
  Result<void> look_at_structure(AgentResult& result) const {
    if (!result.succeeded() || (work_.schema.is_null() && work_.outputs.empty())) {
      return {};
    }
    if (result.structured.is_null()) {
      result.structured = json_in(result.text).value_or(Json());
    }
    if (work_.schema.is_null()) {
      return {};
    }
    const Result<void> fits = check_schema(work_.schema, result.structured);
    if (!fits) {
      result.exit_text = kInvalidOutput;
      result.reason = concat("the result does not fit its schema: ", fits.error().describe());
    }
    return {};
  }

  Result<void> publish(const AgentResult& result) {
    std::string text = result.structured.is_null() ? result.text : result.structured.dump();
    if (text.size() > kResultOutputBytesMax) {
      output_.warn(concat("the result is longer than ", kResultOutputBytesMax, " bytes: it is cut")
      );
      text = cut_text(text, kResultOutputBytesMax);
    }
    const std::vector<model::NamedValue> values = {
        {"result", text},
        {"session-id", result.session},
        {"cost", result.cost},
        {"turns", concat(result.turns)},
        {"tokens", concat(result.input_tokens + result.output_tokens)}};
    for (const auto& [name, value] : values) {
      REEVE_CHECK(output_.publish(name, value));
      if (!files_.task.empty()) {
        REEVE_CHECK(output_.publish(concat(files_.task, "-", name), value));
      }
    }
    if (!result.denied.empty()) {
      std::vector<std::string> denied = result.denied;
      std::sort(denied.begin(), denied.end());
      denied.erase(std::unique(denied.begin(), denied.end()), denied.end());
      denied.resize(std::min(denied.size(), kDenialsShownMax));
      output_.warn(concat("was refused: ", join(denied, ", ")));
    }
    return {};
  }

  Result<void> publish_wanted(const AgentResult& result) {
    for (const auto& [name, pointer] : work_.outputs) {
      REEVE_TRY(const Json* value, resolve_pointer(result.structured, pointer));
      const std::string text = output_text(*value);
      if (text.size() > model::kOutputValueBytesMax) {
        return make_error(
            ErrorCode::LimitExceeded,
            concat("output ", name, " is longer than ", model::kOutputValueBytesMax, " bytes")
        );
      }
      REEVE_CHECK(output_.publish(name, text));
    }
    return {};
  }

  const ToolRequest& request_;
  ToolOutput& output_;
  const AgentTool::Connect& connect_;
  const std::function<void(Duration)>& wait_;
  Work work_;
  Fence fence_;
  RunFiles files_;
};

}  // namespace

Result<ToolEnd> AgentTool::run(const ToolRequest& request, ToolOutput& output) {
  return AgentRun(request, output, connect_, wait_).run();
}

}  // namespace reeve::executor::agent
