#include <fstream>
#include <thread>

#include "base/strings.h"
#include "host_fixture.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::host {
namespace {

namespace fs = std::filesystem;

using Part = model::CredentialPlace::Part;

constexpr std::string_view kValue = "s3cr3t/Value+of \"the\" test";

class FixedCredentials final : public CredentialSource {
 public:
  Result<Secret> value(const Namespace& ns, std::string_view credential) override {
    if (ns.view() != "default" || credential != "token") {
      return make_error(ErrorCode::NotFound, "there is no such credential");
    }
    return Secret(kValue);
  }
};

/// Runs that are given a credential. Afterwards nothing in the data directory may contain its
/// value.
class HostSecrets : public HostTest {
 protected:
  void SetUp() override {
    options().credentials = &credentials_;
    start_host();
  }

  void TearDown() override { EXPECT_EQ(files_with(kValue), ""); }

  /// A script whose $TOKEN is the credential.
  static model::RunSpec with_token(std::string text) {
    model::RunSpec spec = script(std::move(text));
    spec.environment.emplace_back("TOKEN", "");
    spec.credentials.push_back(
        {.part = Part::Environment,
         .index = static_cast<std::uint32_t>(spec.environment.size() - 1),
         .credential = "token"}
    );
    return spec;
  }

  /// Files of the data directory that contain a text, artifacts apart.
  std::string files_with(std::string_view text) const {
    std::string found;
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "data")) {
      if (!entry.is_regular_file()) {
        continue;
      }
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      if (bytes.find(text) != std::string::npos) {
        found += entry.path().string() + "\n";
      }
    }
    return found;
  }

  FixedCredentials credentials_;
};

TEST_F(HostSecrets, TheEnvironmentOfStepsHasTheValueAndTheLogDoesNot) {
  const auto result = carry_out(
      "a",
      with_token("[ \"$TOKEN\" = 's3cr3t/Val''ue+of \"the\" test' ] || exit 3\n"
                 "echo \"plain $TOKEN\"; echo \"$TOKEN\" >&2; printf %s \"$TOKEN\" | base64")
  );
  EXPECT_TRUE(result.succeeded()) << result.reason;
  EXPECT_EQ(content("a", "stdout.log"), "plain [****]\n[****]\n");
  EXPECT_EQ(content("a", "stderr.log"), "[****]\n");
}

TEST_F(HostSecrets, AScriptWithACredentialRunsFromMemory) {
  model::RunSpec spec = script("#!/bin/sh\ncat > got <<'END'\n\nEND\ncmp got want && echo $0");
  spec.steps.insert(
      spec.steps.begin(),
      before("printf 's3cr3t/Val' > want; printf 'ue+of \"the\" test\\n' >> want")
  );
  const std::size_t at = spec.steps[1].script.find("\n\nEND") + 1;
  spec.credentials = {{.part = Part::Script, .index = 1, .offset = at, .credential = "token"}};
  const auto result = carry_out("a", spec);
  EXPECT_TRUE(result.succeeded()) << result.reason << content("a", "stderr.log");
  EXPECT_TRUE(content("a", "stdout.log").starts_with("/proc/self/fd/"));
  EXPECT_EQ(content("a", "steps/1.sh"), spec.steps[1].script);
}

TEST_F(HostSecrets, TheShebangOfAScriptInMemoryIsHonoured) {
  model::RunSpec spec = script("#!/usr/bin/env python3\nv = r''''''\nprint(len(v), v)");
  const std::size_t at = spec.steps[0].script.find("''''''") + 3;
  spec.credentials = {{.part = Part::Script, .index = 0, .offset = at, .credential = "token"}};
  EXPECT_TRUE(carry_out("a", spec).succeeded());
  EXPECT_EQ(content("a", "stdout.log"), concat(kValue.size(), " [****]\n"));
}

TEST_F(HostSecrets, AValueThatIsWrittenInPiecesIsMaskedAndTheRestPassesAtOnce) {
  Bell bell(root_ / "bell");
  Bell gate(root_ / "gate");
  const auto launch = request(
      "a",
      with_token(concat(
          "printf 'before '; printf %s \"${TOKEN:0:9}\"; echo 1 > ",
          bell.path(),
          "; read x < ",
          gate.path(),
          "; printf %s \"${TOKEN:9}\"; printf ' after'"
      ))
  );
  submit(launch);
  bell.next();
  const Duration patience = platform::monotonic_now() + Duration(30'000);
  while (content("a", "stdout.log").empty() && platform::monotonic_now() < patience) {
    std::this_thread::yield();
  }
  EXPECT_EQ(content("a", "stdout.log"), "before ");
  gate.ring();
  EXPECT_TRUE(await_finished(launch).succeeded());
  EXPECT_EQ(content("a", "stdout.log"), "before [****] after");
}

TEST_F(HostSecrets, TheValueIsNowhereInTheDataDirectoryWhileTheRunGoesOn) {
  Bell bell(root_ / "bell");
  Bell gate(root_ / "gate");
  model::RunSpec spec =
      with_token(concat("# \necho \"$TOKEN\"; echo 1 > ", bell.path(), "; read x < ", gate.path()));
  spec.credentials.push_back({.part = Part::Script, .index = 1, .offset = 2, .credential = "token"}
  );
  // Cleaned when the step that wrote it has ended.
  spec.steps.insert(spec.steps.begin(), before("echo \"y=$TOKEN\" >> $REEVE_OUTPUT"));
  const auto launch = request("a", spec);
  submit(launch);
  bell.next();
  EXPECT_EQ(files_with(kValue), "");
  EXPECT_EQ(files_with("s3cr3t"), "");
  const std::string shim = concat("/proc/", shim_pid("a"), "/cmdline");
  EXPECT_EQ(platform::read_file(shim, 65536)->find("s3cr3t"), std::string::npos);
  gate.ring();
  const auto result = await_finished(launch);
  EXPECT_EQ(output(result, "y"), "[****]");
}

TEST_F(HostSecrets, OutputsReasonsAndWarningsAreMasked) {
  const auto result = carry_out(
      "a",
      with_token("echo \"::set-output name=A::<$TOKEN>\"; echo \"B=<$TOKEN>\" >> $REEVE_OUTPUT")
  );
  EXPECT_EQ(output(result, "A"), "<[****]>");
  EXPECT_EQ(output(result, "B"), "<[****]>");
}

TEST_F(HostSecrets, AToolGetsTheValueInItsInputAndWhatItSaysIsMasked) {
  model::RunSpec spec;
  model::Step step;
  step.tool = "obedient";
  step.input = Json(Json::Object{
      {"write", "[]"}, {"warn", "w"}, {"reason", "?q="}, {"publish", ""}, {"exitCode", 1}});
  spec.steps.push_back(step);
  const auto place = [](std::string pointer, std::uint64_t offset, bool percent) {
    return model::CredentialPlace{
        .part = Part::Input,
        .pointer = std::move(pointer),
        .offset = offset,
        .percent_encoded = percent,
        .credential = "token"};
  };
  spec.credentials = {
      place("/write", 1, false),
      place("/warn", 1, false),
      place("/reason", 3, true),
      place("/publish", 0, false)};
  const auto result = carry_out("a", spec);
  EXPECT_EQ(content("a", "stdout.log"), "[[****]]");
  EXPECT_EQ(result.reason, "step 1 ?q=[****]");
  EXPECT_EQ(result.warnings, std::vector<std::string>{"w[****]"});
  EXPECT_EQ(output(result, "Value"), "[****]");
  EXPECT_EQ(files_with("s3cr3t"), "");
}

TEST_F(HostSecrets, ARunWhoseCredentialIsMissingFailsBeforeItStarts) {
  model::RunSpec spec = with_token("touch ran");
  spec.credentials[0].credential = "other";
  const auto result = carry_out("a", spec);
  EXPECT_EQ(result.end, model::RunEnd::LaunchFailed);
  EXPECT_EQ(result.reason, "credential \"other\": there is no such credential");
  EXPECT_FALSE(fs::exists(dir_of("a") / "spec.json"));
}

TEST_F(HostSecrets, ATextArtifactWithAValueIsKeptWithAWarning) {
  model::RunSpec spec = with_token("echo \"key: $TOKEN\" > config.txt; echo none > other.txt");
  spec.artifact_paths = {"*.txt"};
  const auto result = carry_out("a", spec);
  EXPECT_EQ(result.artifacts.size(), 2U);
  EXPECT_EQ(
      result.warnings,
      std::vector<std::string>{"artifact config.txt contains the value of a credential"}
  );
  fs::remove_all(root_ / "data" / "blobs");
  fs::remove_all(root_ / "blobs");
}

TEST_F(HostSecrets, ARunGoesOnMaskingWhenItsHostIsReplaced) {
  Bell bell(root_ / "bell");
  Bell gate(root_ / "gate");
  auto launch = request(
      "a",
      with_token(concat("echo 1 > ", bell.path(), "; read x < ", gate.path(), "; echo \"$TOKEN\""))
  );
  submit(launch);
  bell.next();
  stop_host();
  options().credentials = nullptr;
  start_host();
  launch.started = true;
  submit(launch);
  gate.ring();
  EXPECT_TRUE(await_finished(launch).succeeded());
  EXPECT_EQ(content("a", "stdout.log"), "[****]\n");
}

TEST_F(HostSecrets, NoCoreDumpCanContainAValue) {
  carry_out("a", with_token("grep 'core file size' /proc/self/limits | tr -s ' '"));
  EXPECT_EQ(content("a", "stdout.log"), "Max core file size 1 1 bytes \n");
}

TEST_F(HostSecrets, AStepDoesNotInheritWhatAnEarlierOneReadFromMemory) {
  model::RunSpec spec = script("true");
  spec.steps[0].script = "# ";
  spec.credentials = {{.part = Part::Script, .index = 0, .offset = 2, .credential = "token"}};
  spec.steps.push_back(main("ls /proc/self/fd | sort -n | tail -1"));
  EXPECT_TRUE(carry_out("a", spec).succeeded());
  EXPECT_EQ(content("a", "stdout.log"), "3\n");
}

TEST_F(HostTest, ARunMasksTheValuesThatItNames) {
  start_host();
  const auto result = carry_out(
      "a",
      script("echo early-token-1; echo '::add-mask::early-token-1'; echo \"then early-token-1\"\n"
             "printf '::add-'; printf 'mask::second-value'; echo; echo second-value >&2\n"
             "echo '::add-mask::abc'; echo \"::set-output name=T::early-token-1\"")
  );
  EXPECT_EQ(
      content("a", "stdout.log"),
      "early-token-1\n::add-mask::[****]\nthen [****]\n::add-mask::[****]\n::add-mask::[****]\n"
      "::set-output name=T::[****]\n"
  );
  EXPECT_EQ(content("a", "stderr.log"), "[****]\n");
  EXPECT_EQ(output(result, "T"), "[****]");
  EXPECT_EQ(
      result.warnings,
      std::vector<std::string>{"a value of ::add-mask:: is shorter than 4 bytes and is not masked"}
  );
}

TEST_F(HostTest, AMaskLineThatIsTooLongIsNotShownEither) {
  start_host();
  const auto result = carry_out(
      "a", script("printf '::add-mask::'; head -c 100000 /dev/zero | tr '\\0' x; echo; echo next")
  );
  EXPECT_EQ(content("a", "stdout.log"), "::add-mask::[****]\nnext\n");
  EXPECT_EQ(result.warnings.size(), 1U);
}

}  // namespace
}  // namespace reeve::host
