#include "executor/shell/script.h"

#include <unistd.h>

#include <gtest/gtest.h>

namespace reeve::executor::shell {
namespace {

using Argv = std::vector<std::string>;

TEST(Interpreter, IsTheFallbackShellWithoutShebang) {
  EXPECT_EQ(interpreter("echo hi\n", "/bin/bash"), Argv({"/bin/bash"}));
  EXPECT_EQ(interpreter("", "/bin/sh"), Argv({"/bin/sh"}));
  EXPECT_EQ(interpreter("\n#!/bin/zsh\n", "/bin/sh"), Argv({"/bin/sh"}));
}

TEST(Interpreter, FollowsTheShebangOfTheFirstLine) {
  EXPECT_EQ(interpreter("#!/bin/zsh\necho", "/bin/sh"), Argv({"/bin/zsh"}));
  EXPECT_EQ(
      interpreter("#! /usr/bin/env python3\nx", "/bin/sh"), Argv({"/usr/bin/env", "python3"})
  );
  EXPECT_EQ(interpreter("#!/bin/dash", "/bin/sh"), Argv({"/bin/dash"}));
}

TEST(Interpreter, PassesTheRestOfTheLineAsOneArgument) {
  EXPECT_EQ(
      interpreter("#!/usr/bin/env -S python3 -u  \n", "/bin/sh"),
      Argv({"/usr/bin/env", "-S python3 -u"})
  );
}

TEST(Interpreter, IgnoresCarriageReturnAndEmptyShebang) {
  EXPECT_EQ(interpreter("#!/bin/bash\r\necho\r\n", "/bin/sh"), Argv({"/bin/bash"}));
  EXPECT_EQ(interpreter("#!  \necho", "/bin/sh"), Argv({"/bin/sh"}));
}

TEST(DefaultShell, CanBeExecuted) {
  EXPECT_EQ(::access(default_shell().c_str(), X_OK), 0);
}

}  // namespace
}  // namespace reeve::executor::shell
