#include "cli/arguments.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cli/cli.h"

namespace reeve::cli {
namespace {

std::variant<Invocation, int> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "reeve");
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  return parse_arguments(static_cast<int>(argv.size()), argv.data());
}

Output output_of(std::vector<std::string> words) {
  const auto parsed = parse(std::move(words));
  const auto* invocation = std::get_if<Invocation>(&parsed);
  EXPECT_NE(invocation, nullptr);
  return invocation == nullptr ? Output::Text : invocation->common.output;
}

TEST(Arguments, ChooseTheOutputByItsNameInAnyCase) {
  EXPECT_EQ(output_of({"status"}), Output::Text);
  EXPECT_EQ(output_of({"status", "-o", "json"}), Output::Json);
  EXPECT_EQ(output_of({"status", "-o", "JSON"}), Output::Json);
  EXPECT_EQ(output_of({"status", "--output=wide"}), Output::Wide);
  EXPECT_EQ(output_of({"status", "-o", "name"}), Output::Name);
}

TEST(Arguments, NameTheChoicesWhenTheOutputIsUnknown) {
  testing::internal::CaptureStderr();
  const auto parsed = parse({"doctor", "-o", "wide"});
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(std::holds_alternative<int>(parsed));
  EXPECT_EQ(std::get<int>(parsed), static_cast<int>(ExitCode::Usage));
  EXPECT_NE(said.find("wide not in {json,text}"), std::string::npos) << said;
}

/// What is said about arguments that are wrong.
std::string complaint(std::vector<std::string> words) {
  testing::internal::CaptureStderr();
  const auto parsed = parse(std::move(words));
  std::string said = testing::internal::GetCapturedStderr();
  const int* code = std::get_if<int>(&parsed);
  EXPECT_TRUE(code != nullptr && *code == static_cast<int>(ExitCode::Usage)) << said;
  return said;
}

TEST(Arguments, SayWhatIsWrongAndWhoseHelpSaysMore) {
  EXPECT_EQ(complaint({}), "reeve: a command is missing\nSee reeve --help.\n");
  EXPECT_EQ(
      complaint({"statsu"}),
      "reeve: there is no command \"statsu\"; did you mean status?\nSee reeve --help.\n"
  );
  EXPECT_EQ(
      complaint({"run", "w.yaml", "--nme", "x"}),
      "reeve: there is no option \"--nme\"; did you mean --name?\nSee reeve run --help.\n"
  );
  EXPECT_EQ(
      complaint({"--nowhere", "status"}),
      "reeve: there is no option \"--nowhere\"\nSee reeve status --help.\n"
  );
  EXPECT_EQ(
      complaint({"status", "a", "b"}),
      "reeve: \"b\" is one argument too many\nSee reeve status --help.\n"
  );
  EXPECT_EQ(complaint({"lint"}), "reeve: FILE is required\nSee reeve lint --help.\n");
  EXPECT_EQ(
      complaint({"config"}),
      "reeve: a command is missing: config has set, get, list, unset, show, check, docs\nSee reeve "
      "config --help.\n"
  );
  EXPECT_EQ(
      complaint({"config", "unste", "x"}),
      "reeve: there is no command \"unste\"; did you mean unset?\nSee reeve config --help.\n"
  );
  EXPECT_EQ(
      complaint({"trigger", "run", "w"}),
      "reeve: there is no command \"run\": trigger has test\nSee reeve trigger --help.\n"
  );
}

TEST(Arguments, KeepTheWordsBehindTheDashesForTheLock) {
  const auto parsed = parse({"lock", "deploy", "--timeout", "2s", "--", "make", "-o", "x"});
  const auto* invocation = std::get_if<Invocation>(&parsed);
  ASSERT_NE(invocation, nullptr);
  const auto& lock = std::get<LockArgs>(invocation->command);
  EXPECT_EQ(lock.name, "deploy");
  EXPECT_EQ(lock.timeout, Duration(2000));
  EXPECT_EQ(lock.command, (std::vector<std::string>{"make", "-o", "x"}));
}

TEST(Arguments, OfACredentialNeverHaveItsValue) {
  testing::internal::CaptureStderr();
  const auto parsed = parse({"credential", "set", "token", "hunter22"});
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(std::holds_alternative<int>(parsed));
  EXPECT_NE(said.find("use standard input, --from-file or --from-env"), std::string::npos) << said;
  EXPECT_EQ(said.find("hunter22"), std::string::npos) << said;
}

TEST(Arguments, OfACredentialNameOneSourceAndSeveralWorkflows) {
  const auto parsed =
      parse({"credential", "set", "token", "--from-env", "T", "--workflow", "a", "--workflow", "b"}
      );
  const auto* invocation = std::get_if<Invocation>(&parsed);
  ASSERT_NE(invocation, nullptr);
  const auto& args = std::get<CredentialArgs>(invocation->command);
  EXPECT_EQ(args.action, CredentialArgs::Action::Set);
  EXPECT_EQ(args.variable, "T");
  EXPECT_EQ(args.workflows, (std::vector<std::string>{"a", "b"}));
  testing::internal::CaptureStderr();
  EXPECT_TRUE(std::holds_alternative<int>(
      parse({"credential", "set", "token", "--from-env", "T", "--from-file", "f"})
  ));
  testing::internal::GetCapturedStderr();
}

}  // namespace
}  // namespace reeve::cli
