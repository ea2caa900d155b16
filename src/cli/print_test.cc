#include "cli/print.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable("plain\ttext\n"), "plain\ttext\n");
  EXPECT_EQ(
      printable("gr\xc3\xbc\xc3\x9f \xe2\x9c\x93 \xf0\x9f\x90\x9c"),
      "gr\xc3\xbc\xc3\x9f \xe2\x9c\x93 \xf0\x9f\x90\x9c"
  );
  EXPECT_EQ(printable("\xc2\xa0"), "\xc2\xa0") << "the first character after the controls";
}

TEST(Printable, ShowsControlCharactersOfBothSets) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(
      printable("\xc2\x9b"
                "2J"),
      "\\xc2\\x9b2J"
  ) << "U+009B is ESC [ in one character";
  EXPECT_EQ(printable("a\rb\x7f"), "ab");
}

TEST(Printable, ShowsBytesThatAreNoText) {
  EXPECT_EQ(
      printable("\x9b"
                "2J"),
      "\\x9b2J"
  ) << "a command on an 8-bit terminal";
  EXPECT_EQ(printable("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
}

TEST(Report, NamesTheCodeThatHasAPage) {
  Error error = make_error(ErrorCode::NotFound, "there is no mission \"x\"");
  error.hint = "reeve status lists them";
  testing::internal::CaptureStderr();
  EXPECT_EQ(report(error), static_cast<int>(ExitCode::NotFound));
  EXPECT_EQ(
      testing::internal::GetCapturedStderr(),
      "reeve: there is no mission \"x\" (reeve status lists them) [not_found]\n"
  );
}

}  // namespace
}  // namespace reeve::cli
