#include "workflow/load/actions.h"

#include <string>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::workflow {
namespace {

std::string keywords(std::string_view text) {
  std::string out;
  for (const TemplateAction& action : find_actions(text)) {
    out += concat("[", action.keyword, "|", action.body, "]");
  }
  return out;
}

TEST(Actions, FindsBodiesAndKeywords) {
  EXPECT_EQ(
      keywords("a {{.X}} b {{- if eq .A \"}}\" -}} c {{end}}"), "[|.X][if|if eq .A \"}}\"][end|end]"
  );
  EXPECT_EQ(
      keywords("{{/* a }} b */}}{{ $x := 1 }}{{range $i, $v := .L}}"),
      "[comment|/* a }} b */][declare|$x := 1][range|range $i, $v := .L]"
  );
  EXPECT_EQ(keywords("{{ `a\n}}` }}{{ iffy }}"), "[|`a\n}}`][|iffy]");
  EXPECT_EQ(keywords("{{.A}} {{ \"open }}"), "[|.A]");
}

TEST(Actions, FindsWhatABodyMentions) {
  std::string out;
  for (const Mention& m : find_mentions("printf \".no\" .A.B $.C $ . $x.D (f .E).G 1.5 | upper")) {
    out += concat(m.name, "@", m.offset, " ");
  }
  EXPECT_EQ(out, "printf@0 A@13 C@18 $@22 .@24 $x@26 f@32 E@34 upper@46 ");
}

TEST(Actions, FindsDeclaredNames) {
  EXPECT_EQ(join(declared_names("range $i, $v := .L"), ","), "$i,$v");
  EXPECT_EQ(join(declared_names("with $x := .Y"), ","), "$x");
  EXPECT_EQ(join(declared_names("$a = 1"), ","), "$a");
  EXPECT_TRUE(declared_names("eq $a 1").empty());
  EXPECT_TRUE(declared_names("$a").empty());
}

TEST(Actions, TellsStructuralLines) {
  for (const std::string_view line :
       {"{{range .L}}", "  {{- if .X }}", "{{end}}  ", "{{/* note */}}", "{{end}} {{if .Y}}"}) {
    EXPECT_TRUE(is_structural_line(line)) << line;
  }
  for (const std::string_view line :
       {"{{.X}}", "a: {{if .X}}b{{end}}", "{{if .X}}a{{end}}", "{{ if", ""}) {
    EXPECT_FALSE(is_structural_line(line)) << line;
  }
}

}  // namespace
}  // namespace reeve::workflow
