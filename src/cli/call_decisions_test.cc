#include "cli/call_decisions.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::cli {
namespace {

Json call_with(const std::string& path) {
  Json call =
      *parse_json(R"({"metadata":{"name":"tc-1","namespace":"default"},)"
                  R"("spec":{"agent":"coder","server":"files","tool":"write","mission":"m"},)"
                  R"("status":{"state":"PENDING","due":"2026-11-21T10:30:00Z"}})");
  call.find("spec")->set("arguments", Json::object().set("path", path));
  return call;
}

TEST(CallDecisions, SayWhatIsWantedAndUntilWhen) {
  const std::string text = tool_call_text({.data_dir = {}}, call_with("a.txt"));
  EXPECT_NE(text.find("toolcall/tc-1  coder wants to use files/write"), std::string::npos) << text;
  EXPECT_NE(text.find("expires: 2026-11-21T10:30:00Z"), std::string::npos) << text;
}

TEST(CallDecisions, CutArgumentsBetweenCharacters) {
  for (std::size_t i = 0; i < 3; ++i) {
    std::string path(i, 'x');
    for (int j = 0; j < 200; ++j) {
      path += "ä";
    }
    const std::string text = tool_call_text({.data_dir = {}}, call_with(path));
    EXPECT_TRUE(is_utf8(text)) << i;
    EXPECT_EQ(text.find("\\x"), std::string::npos) << text;
    EXPECT_LT(text.size(), 400U);
  }
}

}  // namespace
}  // namespace reeve::cli
