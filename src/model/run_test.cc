#include "model/run.h"

#include <gtest/gtest.h>

namespace reeve::model {
namespace {

const std::string kDigest(64, 'a');

ArtifactRef some_artifact() {
  ArtifactRef artifact;
  artifact.path = "out/report.html";
  artifact.digest = Digest(kDigest);
  artifact.size_bytes = 5'000'000'000;
  artifact.mode = 0755;
  artifact.expires_at = from_unix_millis(1'800'000'000'123);
  artifact.path_number = 2;
  return artifact;
}

RunSpec some_spec() {
  RunSpec spec;
  spec.steps = {
      {Phase::Before, "make ready"},
      {Phase::Main, "#!/bin/bash\necho \"hi\"\n"},
      {Phase::After, "clean"}};
  spec.environment = {{"A", "1"}, {"A", "2"}, {"ÜBER", "wert"}};
  spec.working_dir = "sub/dir";
  spec.timeout = Duration(90'000);
  spec.grace = Duration(250);
  spec.output_bytes_max = 1024;
  spec.artifact_paths = {"out/**", "*.log"};
  spec.artifact_when = ArtifactWhen::OnFailure;
  spec.artifact_expiry = Duration(86'400'000);
  spec.inputs = {some_artifact()};
  spec.uploads = {kDigest};
  spec.container = Container{.image = "debian:12"};
  spec.credentials = {
      {.part = CredentialPlace::Part::Script, .index = 1, .offset = 12, .credential = "token"},
      {.part = CredentialPlace::Part::Input,
       .index = 2,
       .pointer = "/headers/0/value",
       .offset = 7,
       .percent_encoded = true,
       .credential = "token"},
      {.part = CredentialPlace::Part::Environment, .index = 2, .offset = 4, .credential = "key"}};
  spec.ns = Namespace("prod");
  return spec;
}

RunResult some_result() {
  RunResult result;
  result.end = RunEnd::Signalled;
  result.exit_code = 139;
  result.exit_text = "SEGFAULT";
  result.reason = "killed by SIGSEGV";
  result.outputs = {{"Url", "https://example.org/?a=b"}, {"Count", "3"}};
  result.artifacts = {some_artifact()};
  result.warnings = {"artifact path x matched nothing"};
  result.started_at = from_unix_millis(1'700'000'000'001);
  result.ended_at = from_unix_millis(1'700'000'060'002);
  return result;
}

std::string subject_of(const Result<RunSpec>& result) {
  return result.ok() ? "no error" : result.error().subject;
}

std::string subject_of(const Result<RunResult>& result) {
  return result.ok() ? "no error" : result.error().subject;
}

TEST(RunState, EveryNameIsReadBackAsTheSameState) {
  for (const RunState state :
       {RunState::Pending,
        RunState::Launching,
        RunState::Active,
        RunState::Complete,
        RunState::Failed,
        RunState::Aborted,
        RunState::Lost}) {
    const auto parsed = parse_run_state(to_string(state));
    ASSERT_TRUE(parsed.ok()) << to_string(state);
    EXPECT_EQ(*parsed, state);
  }
  EXPECT_EQ(to_string(RunState::Pending), "PENDING");
}

TEST(RunState, RefusesOtherWords) {
  EXPECT_FALSE(parse_run_state("pending").ok());
  EXPECT_FALSE(parse_run_state("").ok());
}

TEST(RunEnd, EveryNameIsReadBackAsTheSameEnd) {
  for (const RunEnd end :
       {RunEnd::Exited,
        RunEnd::Signalled,
        RunEnd::TimedOut,
        RunEnd::Cancelled,
        RunEnd::OutOfMemory,
        RunEnd::LaunchFailed}) {
    const auto parsed = parse_run_end(to_string(end));
    ASSERT_TRUE(parsed.ok()) << to_string(end);
    EXPECT_EQ(*parsed, end);
  }
  EXPECT_FALSE(parse_run_end("Exited").ok());
}

TEST(Phase, NamesAreReadBack) {
  for (const Phase phase : {Phase::Before, Phase::Main, Phase::After}) {
    EXPECT_EQ(*parse_phase(to_string(phase)), phase);
  }
  EXPECT_EQ(parse_phase("middle").error().hint, "one of before, main, after");
}

TEST(ArtifactWhen, NamesAreReadBack) {
  for (const ArtifactWhen when :
       {ArtifactWhen::Always, ArtifactWhen::OnSuccess, ArtifactWhen::OnFailure}) {
    EXPECT_EQ(*parse_artifact_when(to_string(when)), when);
  }
  EXPECT_FALSE(parse_artifact_when("never").ok());
}

TEST(RunName, NamesMissionEpochTaskAndAttempt) {
  EXPECT_EQ(
      make_run_name(MissionName("nightly-x7"), 2, TaskName("build"), 3).str(),
      "nightly-x7.2.build.3"
  );
}

TEST(RunResult, SucceedsOnlyWhenItExitedWithZero) {
  RunResult result;
  EXPECT_TRUE(result.succeeded());
  result.exit_code = 1;
  EXPECT_FALSE(result.succeeded());
  result.exit_code = 0;
  result.end = RunEnd::Cancelled;
  EXPECT_FALSE(result.succeeded());
}

TEST(RunSpecCodec, KeepsEveryFieldOverARoundTrip) {
  const Json json = to_json(some_spec());
  const auto text = parse_json(json.dump());
  ASSERT_TRUE(text.ok());
  const auto spec = run_spec_from_json(*text);
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  const RunSpec expected = some_spec();
  ASSERT_EQ(spec->steps.size(), 3U);
  EXPECT_EQ(spec->steps[0].phase, Phase::Before);
  EXPECT_EQ(spec->steps[1].phase, Phase::Main);
  EXPECT_EQ(spec->steps[1].script, expected.steps[1].script);
  EXPECT_EQ(spec->steps[2].phase, Phase::After);
  EXPECT_EQ(spec->environment, expected.environment);
  EXPECT_EQ(spec->working_dir, expected.working_dir);
  EXPECT_EQ(spec->timeout, expected.timeout);
  EXPECT_EQ(spec->grace, expected.grace);
  EXPECT_EQ(spec->output_bytes_max, expected.output_bytes_max);
  EXPECT_EQ(spec->artifact_paths, expected.artifact_paths);
  EXPECT_EQ(spec->artifact_when, expected.artifact_when);
  EXPECT_EQ(spec->artifact_expiry, expected.artifact_expiry);
  ASSERT_EQ(spec->inputs.size(), 1U);
  EXPECT_EQ(spec->inputs[0].size_bytes, 5'000'000'000U);
  EXPECT_EQ(spec->credentials, expected.credentials);
  EXPECT_EQ(spec->ns, expected.ns);
  EXPECT_EQ(to_json(*spec), json);
}

TEST(SandboxCodec, ReadsAWordAndEveryField) {
  const auto word = sandbox_from_json(Json("isolated"));
  ASSERT_TRUE(word.ok());
  EXPECT_EQ(word->level, SandboxLevel::Isolated);
  EXPECT_EQ(word->processes_max, Sandbox{}.processes_max);
  Sandbox sandbox;
  sandbox.level = SandboxLevel::Workspace;
  sandbox.processes_max = 9;
  sandbox.memory_bytes_max = 1'000'000;
  sandbox.file_bytes_max = 2'000'000;
  sandbox.temp_bytes_max = 3'000'000;
  sandbox.disk_bytes_max = 4'000'000;
  sandbox.readable = {"/srv/models"};
  const auto again = sandbox_from_json(to_json(sandbox));
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(*again, sandbox);
  RunSpec spec = some_spec();
  spec.sandbox = sandbox;
  const auto whole = run_spec_from_json(to_json(spec));
  ASSERT_TRUE(whole.ok()) << whole.error().describe();
  EXPECT_EQ(whole->sandbox, sandbox);
}

TEST(SandboxCodec, RefusesWhatIsNoSandbox) {
  for (const char* text :
       {R"("cage")",
        R"({})",
        R"({"level": "isolated", "roof": true})",
        R"({"level": "isolated", "processesMax": 3})",
        R"({"level": "isolated", "fileBytesMax": 0})",
        R"({"level": "isolated", "memoryBytesMax": 100})",
        R"({"level": "isolated", "readable": ["relative"]})",
        R"({"level": "isolated", "readable": ["/a/../b"]})",
        R"({"level": "isolated", "readable": ["/"]})"}) {
    const auto json = parse_json(text);
    ASSERT_TRUE(json.ok());
    EXPECT_FALSE(sandbox_from_json(*json).ok()) << text;
  }
}

TEST(RunSpecCodec, RefusesPlacesOfCredentialsThatAreNotInTheRun) {
  for (const CredentialPlace& place : std::vector<CredentialPlace>{
           {.part = CredentialPlace::Part::Script, .index = 3},
           {.part = CredentialPlace::Part::Script, .index = 0, .offset = 11},
           {.part = CredentialPlace::Part::Environment, .index = 3},
           {.part = CredentialPlace::Part::Environment, .index = 0, .offset = 2}}) {
    RunSpec spec = some_spec();
    spec.credentials = {place};
    EXPECT_EQ(subject_of(run_spec_from_json(to_json(spec))), "credentials[0]");
  }
}

TEST(RunSpecCodec, FillsAbsentMembersWithDefaults) {
  const auto spec = run_spec_from_json(Json(Json::Object{{"steps", Json::array()}}));
  ASSERT_TRUE(spec.ok()) << spec.error().describe();
  EXPECT_EQ(spec->grace, RunSpec{}.grace);
  EXPECT_EQ(spec->output_bytes_max, RunSpec{}.output_bytes_max);
  EXPECT_FALSE(spec->artifact_expiry.has_value());
}

TEST(RunSpecCodec, RefusesUnknownMembersAndProposesTheNearest) {
  Json json = to_json(some_spec());
  json.set("workingDri", "x");
  const auto spec = run_spec_from_json(json);
  ASSERT_FALSE(spec.ok());
  EXPECT_EQ(spec.error().subject, "workingDri");
  EXPECT_NE(spec.error().hint.find("workingDir"), std::string::npos);
}

TEST(RunSpecCodec, NamesTheFieldOfAWrongType) {
  for (const char* field :
       {"steps",
        "environment",
        "workingDir",
        "timeoutMs",
        "graceMs",
        "outputBytesMax",
        "artifactPaths",
        "artifactWhen",
        "artifactExpiryMs",
        "inputs",
        "container",
        "uploads"}) {
    Json json = to_json(some_spec());
    json.set(field, true);
    EXPECT_EQ(subject_of(run_spec_from_json(json)), field);
  }
}

TEST(RunSpecCodec, NamesThePlaceInsideLists) {
  Json json = to_json(some_spec());
  json.find("steps")->as_array()[1].set("phase", "middle");
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "steps[1].phase");
  json = to_json(some_spec());
  json.find("environment")->as_array()[2].set("value", 1);
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "environment[2].value");
  json = to_json(some_spec());
  json.find("inputs")->as_array()[0].set("digest", "abc");
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "inputs[0].digest");
  json = to_json(some_spec());
  json.find("artifactPaths")->as_array()[1] = Json(1);
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "artifactPaths[1]");
}

TEST(RunSpecCodec, RefusesNegativeNumbersAndMissingSteps) {
  Json json = to_json(some_spec());
  json.set("timeoutMs", -1);
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "timeoutMs");
  EXPECT_EQ(subject_of(run_spec_from_json(Json::object())), "steps");
  EXPECT_FALSE(run_spec_from_json(Json(3)).ok());
}

TEST(RunSpecCodec, RefusesTooManySteps) {
  RunSpec spec;
  spec.steps.resize(kStepsMax + 1);
  const auto decoded = run_spec_from_json(to_json(spec));
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code, ErrorCode::LimitExceeded);
}

TEST(ArtifactCodec, RefusesPathsThatLeaveTheDirectory) {
  for (const char* path : {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a"}) {
    Json json = to_json(some_artifact());
    json.set("path", path);
    const auto artifact = artifact_from_json(json);
    ASSERT_FALSE(artifact.ok()) << path;
    EXPECT_EQ(artifact.error().subject, "path");
  }
}

TEST(ArtifactCodec, RefusesOverlongPathsBadModesAndBadTimes) {
  Json json = to_json(some_artifact());
  json.set("path", std::string(kArtifactPathBytesMax + 1, 'x'));
  EXPECT_EQ(artifact_from_json(json).error().code, ErrorCode::LimitExceeded);
  json = to_json(some_artifact());
  json.set("mode", 010000);
  EXPECT_EQ(artifact_from_json(json).error().subject, "mode");
  json = to_json(some_artifact());
  json.set("expiresAt", "tomorrow");
  EXPECT_EQ(artifact_from_json(json).error().subject, "expiresAt");
  json = to_json(some_artifact());
  json.set("digest", std::string(64, 'A'));
  EXPECT_EQ(artifact_from_json(json).error().subject, "digest");
}

TEST(RunResultCodec, KeepsEveryFieldOverARoundTrip) {
  const Json json = to_json(some_result());
  const auto text = parse_json(json.pretty());
  ASSERT_TRUE(text.ok());
  const auto result = run_result_from_json(*text);
  ASSERT_TRUE(result.ok()) << result.error().describe();
  const RunResult expected = some_result();
  EXPECT_EQ(result->end, expected.end);
  EXPECT_EQ(result->exit_code, expected.exit_code);
  EXPECT_EQ(result->reason, expected.reason);
  EXPECT_EQ(result->outputs, expected.outputs);
  EXPECT_EQ(result->warnings, expected.warnings);
  EXPECT_EQ(result->started_at, expected.started_at);
  EXPECT_EQ(result->ended_at, expected.ended_at);
  ASSERT_EQ(result->artifacts.size(), 1U);
  EXPECT_EQ(result->artifacts[0].path, "out/report.html");
  EXPECT_EQ(result->artifacts[0].mode, 0755U);
  EXPECT_EQ(result->artifacts[0].expires_at, expected.artifacts[0].expires_at);
  EXPECT_EQ(to_json(*result), json);
}

TEST(RunResultCodec, RefusesAnExitTextThatIsNoWordOrNumber) {
  EXPECT_TRUE(is_exit_text("404"));
  EXPECT_TRUE(is_exit_text("ERR_X-1"));
  EXPECT_TRUE(is_exit_text(std::string(kExitTextBytesMax, 'A')));
  for (const std::string& text :
       {std::string("approved"),
        std::string("A B"),
        std::string("A\n"),
        std::string(kExitTextBytesMax + 1, 'A')}) {
    Json json = to_json(some_result());
    json.set("exitText", text);
    EXPECT_EQ(subject_of(run_result_from_json(json)), "exitText") << text;
    EXPECT_FALSE(is_exit_text(text));
  }
  EXPECT_FALSE(is_exit_text(""));
}

TEST(RunSpecCodec, RefusesAnUploadThatIsNoDigest) {
  Json json = to_json(some_spec());
  json.find("uploads")->push("../../etc/passwd");
  EXPECT_EQ(subject_of(run_spec_from_json(json)), "uploads[1]");
}

TEST(RunResultCodec, NamesMissingMembers) {
  for (const char* field : {"end", "exitCode", "startedAt", "endedAt"}) {
    Json json = Json::object();
    const Json full = to_json(some_result());
    for (const Json::Member& member : full.as_object()) {
      if (member.first != field) {
        json.set(member.first, member.second);
      }
    }
    EXPECT_EQ(subject_of(run_result_from_json(json)), field);
  }
}

TEST(RunResultCodec, NamesTheFieldOfAWrongTypeAndUnknownMembers) {
  for (const char* field :
       {"end",
        "exitCode",
        "exitText",
        "reason",
        "outputs",
        "artifacts",
        "warnings",
        "startedAt",
        "endedAt",
        "colour"}) {
    Json json = to_json(some_result());
    json.set(field, false);
    EXPECT_EQ(subject_of(run_result_from_json(json)), field);
  }
  Json json = to_json(some_result());
  json.find("artifacts")->as_array()[0].set("owner", "root");
  EXPECT_EQ(subject_of(run_result_from_json(json)), "artifacts[0].owner");
  json = to_json(some_result());
  json.set("exitCode", std::int64_t{1} << 40U);
  EXPECT_EQ(subject_of(run_result_from_json(json)), "exitCode");
  json.set("exitCode", 1.5);
  EXPECT_EQ(subject_of(run_result_from_json(json)), "exitCode");
}

TEST(RunResultCodec, AcceptsAResultAtItsLimits) {
  RunResult result;
  for (std::size_t i = 0; i < kOutputsMax; ++i) {
    result.outputs.emplace_back("k" + std::to_string(i), "v");
  }
  result.warnings.assign(kWarningsMax, std::string(kWarningBytesMax, 'w'));
  EXPECT_EQ(subject_of(run_result_from_json(to_json(result))), "no error");
}

TEST(RunResultCodec, RefusesAResultBeyondItsLimits) {
  const auto code = [](const RunResult& result) {
    const auto decoded = run_result_from_json(to_json(result));
    return decoded.ok() ? ErrorCode::Io : decoded.error().code;
  };
  RunResult result;
  result.outputs.assign(kOutputsMax + 1, {"k", "v"});
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.outputs = {{std::string(kOutputNameBytesMax + 1, 'k'), "v"}};
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.outputs = {{"k", std::string(kOutputValueBytesMax + 1, 'v')}};
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.outputs.assign(5, {"k", std::string(kOutputValueBytesMax, 'v')});
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.outputs.clear();
  result.warnings.assign(kWarningsMax + 1, "w");
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.warnings = {std::string(kWarningBytesMax + 1, 'w')};
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
  result.warnings.clear();
  result.artifacts.assign(kArtifactsMax + 1, some_artifact());
  EXPECT_EQ(code(result), ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace reeve::model
