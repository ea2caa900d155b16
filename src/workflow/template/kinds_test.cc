#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/template/template.h"

namespace reeve::templates {
namespace {

ValueKind kind_of(std::string_view name) {
  if (name == "text") {
    return ValueKind::Text;
  }
  if (name == "number") {
    return ValueKind::Int;
  }
  if (name == "flag") {
    return ValueKind::Bool;
  }
  if (name == "map") {
    return ValueKind::Map;
  }
  return name == "missing" ? ValueKind::Missing : ValueKind::Unknown;
}

std::string faults(std::string_view text) {
  const auto parsed = Template::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  std::string out;
  for (const TypeFault& fault : parsed->find_type_faults(kind_of)) {
    out +=
        concat(out.empty() ? "" : "; ", fault.position.column, " ", fault.name, " ", fault.message);
  }
  return out;
}

TEST(TypeFaults, AreFoundWhereAComparisonCanOnlyFail) {
  EXPECT_EQ(
      faults("{{ if lt .missing 4 }}x{{ end }}"),
      "10 missing has no order, \"lt\" fails: it is nothing"
  );
  EXPECT_EQ(faults("{{ gt .text 4 }}"), "7 text is text and does not compare with a whole number");
  EXPECT_EQ(
      faults("{{ 4 | le .text }}"), "11 text is text and does not compare with a whole number"
  );
  EXPECT_EQ(
      faults("{{ eq .number \"4\" }}"), "7 number is a whole number and does not compare with text"
  );
  EXPECT_EQ(
      faults("{{ lt .number 1.5 }}"),
      "7 number is a whole number and does not compare with a number with a point"
  );
  EXPECT_NE(faults("{{ range $i := .unknown }}{{ lt $.text 4 }}{{ end }}"), "");
}

TEST(TypeFaults, AreFoundWhereAValueHasNoParts) {
  EXPECT_EQ(faults("{{ index .number 0 }}"), "10 number cannot be indexed: it is a whole number");
  EXPECT_EQ(faults("{{ .text.a }}"), "4 text has no field \"a\": it is text");
  EXPECT_EQ(faults("{{ len .flag }}"), "8 flag has no length: it is a truth value");
  EXPECT_EQ(faults("{{ range .text }}{{ end }}"), "10 text cannot be ranged over: it is text");
}

TEST(TypeFaults, AreNotSeenInWhatMayFit) {
  for (const char* text :
       {"{{ lt .unknown 4 }}",
        "{{ eq .missing 4 }}",
        "{{ eq .text \"a\" }}",
        "{{ lt (atoi .text) 4 }}",
        "{{ lt .number 4 }}",
        "{{ .map.a.b }}",
        "{{ index .text 0 }}",
        "{{ index . \"a-b\" }}",
        "{{ range .number }}{{ .text.a }}{{ end }}",
        "{{ with .map }}{{ lt .text 4 }}{{ end }}"}) {
    EXPECT_EQ(faults(text), "") << text;
  }
}

TEST(References, IncludeNamesThatOnlyIndexCanReach) {
  const auto parsed =
      Template::parse("{{ index . \"build-status\" }}{{ if index $ \"x\" }}{{ end }}");
  ASSERT_TRUE(parsed.ok());
  const auto& fields = parsed->referenced_fields();
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].name, "build-status");
  EXPECT_TRUE(fields[0].spliced);
  EXPECT_EQ(fields[0].position.column, 12);
  EXPECT_EQ(fields[1].name, "x");
  EXPECT_TRUE(fields[1].optional);
}

}  // namespace
}  // namespace reeve::templates
