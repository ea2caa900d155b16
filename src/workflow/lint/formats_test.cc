#include "workflow/lint/formats.h"

#include "workflow/lint/fixture.h"

namespace reeve::lint {
namespace {

FileReport report_of(std::string text, std::string file = "w.yaml") {
  Options options;
  options.load.file = file;
  Report report = check(text, options);
  return {.file = std::move(file), .text = std::move(text), .report = std::move(report)};
}

TEST(TextFormat, ShowsTheLineAndTheFix) {
  EXPECT_EQ(
      to_text(report_of(one("      script: echo {{ .title }}\n", "  params: {title: x}\n"))),
      "w.yaml:9:23: warning: tasks.a.script: the text of \"title\" becomes part of the script: it "
      "can run commands [spliced-text]\n"
      "  9 |       script: echo {{ .title }}\n"
      "    |                       ^\n"
      "  fix: use \"$title\" from the environment, or {{ shellquote .title }}\n"
  );
}

TEST(TextFormat, CutsLongLinesAroundTheirPlace) {
  const std::string text =
      one(concat(
              "      script: echo ",
              std::string(500, 'x'),
              " {{ .title }} äöü ",
              std::string(90, 'y'),
              "\n"
          ),
          "  params: {title: x}\n");
  const std::string out = to_text(report_of(text));
  EXPECT_NE(out.find("| …xxx"), std::string::npos) << out;
  EXPECT_LT(out.size(), 700U);
}

TEST(TextFormat, ManagesWithoutAPlaceAndWithoutText) {
  FileReport file = report_of("");
  file.text.clear();
  EXPECT_NE(to_text(file).find("error: "), std::string::npos);
}

TEST(JsonFormat, HasTheDocumentedMembers) {
  const FileReport file =
      report_of(one("      script: echo {{ .title }}\n", "  params: {title: x}\n"));
  EXPECT_EQ(
      to_json(file.report.findings.front()).dump(),
      R"({"severity":"warning","rule":"spliced-text","file":"w.yaml","line":9,"column":23,)"
      R"("field":"tasks.a.script","message":"the text of \"title\" becomes part of the script: )"
      R"(it can run commands","fix":"use \"$title\" from the environment, or )"
      R"({{ shellquote .title }}","edit":{"line":9,"column":23,"endColumn":29,)"
      R"("text":"shellquote .title"}})"
  );
}

TEST(SarifFormat, HasTheMembersThatReadersRequire) {
  const FileReport files[] = {
      report_of(one("      script: echo {{ .title }}\n", "  params: {title: x}\n"), "a b/w.yaml"),
      report_of("kind: Workflow\n")};
  const Json sarif = to_sarif(files, "1.2.3");
  EXPECT_EQ(sarif.get_string("version"), "2.1.0");
  const Json& run = sarif.find("runs")->as_array().at(0);
  const Json& driver = *run.find("tool")->find("driver");
  EXPECT_EQ(driver.get_string("name"), "reeve lint");
  EXPECT_EQ(driver.get_string("version"), "1.2.3");
  const auto& rules = driver.find("rules")->as_array();
  const auto& results = run.find("results")->as_array();
  ASSERT_FALSE(results.empty());
  for (const Json& result : results) {
    const auto index = static_cast<std::size_t>(result.get_int("ruleIndex", -1));
    ASSERT_LT(index, rules.size());
    EXPECT_EQ(rules[index].get_string("id"), result.get_string("ruleId"));
    EXPECT_TRUE(rules[index].get_string("helpUri").starts_with("https://"));
    EXPECT_FALSE(result.find("message")->get_string("text").empty());
    const Json& place = *result.find("locations")->as_array().at(0).find("physicalLocation");
    EXPECT_FALSE(place.find("artifactLocation")->get_string("uri").empty());
  }
  const Json& first = results.front();
  EXPECT_EQ(first.get_string("level"), "warning");
  const Json& place = *first.find("locations")->as_array().at(0).find("physicalLocation");
  EXPECT_EQ(place.find("artifactLocation")->get_string("uri"), "a%20b/w.yaml");
  EXPECT_EQ(place.find("region")->get_int("startLine"), 9);
  const Json& change =
      first.find("fixes")->as_array().at(0).find("artifactChanges")->as_array().at(0);
  const Json& replacement = change.find("replacements")->as_array().at(0);
  EXPECT_EQ(replacement.find("deletedRegion")->get_int("endColumn"), 29);
  EXPECT_EQ(replacement.find("insertedContent")->get_string("text"), "shellquote .title");
}

TEST(SarifFormat, CountsColumnsInUtf16) {
  const FileReport files[] = {
      report_of(one("      script: echo 'ä😀' {{ .title }}\n", "  params: {title: x}\n"))};
  const Json sarif = to_sarif(files, "1");
  const Json& result = sarif.find("runs")->as_array().at(0).find("results")->as_array().at(0);
  const Json& place = *result.find("locations")->as_array().at(0).find("physicalLocation");
  // 17 before the quote, then ' ä 😀 (two units) ' and a space, then {{ and a space.
  EXPECT_EQ(place.find("region")->get_int("startColumn"), 29);
}

}  // namespace
}  // namespace reeve::lint
