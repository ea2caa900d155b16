#include "workflow/load/bare.h"

#include <string>

#include <gtest/gtest.h>

namespace reeve::workflow {
namespace {

std::string quoted(std::string_view text) {
  return quote_bare_templates(text, true).text;
}

TEST(Bare, QuotesValuesThatBeginWithATemplate) {
  EXPECT_EQ(quoted("a: {{.X}}\n"), "a: '{{.X}}'\n");
  EXPECT_EQ(quoted("  - {{ .X }}\n"), "  - '{{ .X }}'\n");
  EXPECT_EQ(quoted("- k: {{.A}}-{{.B}}s # why\n"), "- k: '{{.A}}-{{.B}}s' # why\n");
  EXPECT_EQ(quoted("a: {{ .M \"it's\" }}\r\n"), "a: '{{ .M \"it''s\" }}'\r\n");
}

TEST(Bare, LeavesEverythingElseAlone) {
  for (const std::string_view text :
       {"a: \"{{.X}}\"\n",
        "a: '{{.X}}'\n",
        "a: x {{.X}}\n",
        "a: {b: c}\n",
        "a: |\n  b: {{.X}}\n",
        "# a: {{.X}}\n",
        "{{ if .X }}\n",
        "{{.K}}: v\n",
        "a: [x]\n",
        "a: {{.X\n"}) {
    EXPECT_EQ(quoted(text), text);
  }
}

TEST(Bare, QuotesWhatYamlWouldCutOnlyIfAsked) {
  EXPECT_EQ(quoted("a: x {{ f \"b: c\" }}\n"), "a: 'x {{ f \"b: c\" }}'\n");
  EXPECT_EQ(quote_bare_templates("a: x {{ f \"b: c\" }}\n", false).text, "a: x {{ f \"b: c\" }}\n");
}

TEST(Bare, TellsPlaceAndTheQuotedForm) {
  const Quoted result = quote_bare_templates("a: 1\nb: {{.X}}\nc: {{ f \"y\" }}\n", false);
  ASSERT_EQ(result.bare.size(), 2U);
  EXPECT_EQ(result.bare[0].position, (Position{2, 4}));
  EXPECT_EQ(result.bare[0].quoted, "\"{{.X}}\"");
  EXPECT_EQ(result.bare[1].quoted, "'{{ f \"y\" }}'");
  EXPECT_EQ(result.columns.at(2), 4);
}

}  // namespace
}  // namespace reeve::workflow
