#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/template/template.h"

namespace reeve::templates {

namespace {

Error failure_of(
    std::string_view text, const Json& data = Json::object(), const RenderOptions& options = {}
) {
  auto parsed = Template::parse(text);
  if (!parsed) {
    return std::move(parsed).error();
  }
  auto rendered = parsed->render(data, options);
  EXPECT_FALSE(rendered.ok()) << text << " gives " << (rendered.ok() ? *rendered : "");
  return rendered.ok() ? Error{} : std::move(rendered).error();
}

void expect_limit(
    std::string_view text, Position position, std::size_t steps_max = Limits{}.steps_max
) {
  RenderOptions options;
  options.limits.steps_max = steps_max;
  const Error error = failure_of(text, Json::object(), options);
  EXPECT_EQ(error.code, ErrorCode::LimitExceeded) << text << ": " << error.message;
  EXPECT_EQ(error.position, position) << text << ": " << error.message;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) {
    out += text;
  }
  return out;
}

constexpr RenderOptions kStrict{.limits = {}, .missing = Missing::Error, .functions = nullptr};

}  // namespace

TEST(TemplateErrors, CarryLineAndColumnInCharacters) {
  EXPECT_EQ(failure_of("a\nß {{nope}}").position, (Position{2, 5}));
  EXPECT_EQ(failure_of("a\n\n  {{ .A ").position, (Position{3, 3}));
  EXPECT_EQ(failure_of("{{if true}}\n{{end}}\n{{end}}").position, (Position{3, 3}));
  EXPECT_EQ(failure_of("x{{/* c").position, (Position{1, 2}));
  EXPECT_EQ(failure_of("ab {{printf \"%d\" (index 1 2)}}").position, (Position{1, 25}));
  EXPECT_EQ(failure_of("\n{{if lt 1 \"x\"}}{{end}}").position, (Position{2, 11}));
}

TEST(TemplateErrors, AreRelativeToTheOffset) {
  const auto same_line = Template::parse("ab {{nope}}", {}, {7, 10});
  ASSERT_FALSE(same_line.ok());
  EXPECT_EQ(same_line.error().position, (Position{7, 15}));
  const auto next_line = Template::parse("ab\n {{nope}}", {}, {7, 10});
  ASSERT_FALSE(next_line.ok());
  EXPECT_EQ(next_line.error().position, (Position{8, 4}));
}

TEST(TemplateErrors, NameTheFailingPieceAndTheWayOut) {
  Json data = Json::object();
  data.set("A", "x");
  RenderOptions strict;
  strict.missing = Missing::Error;
  const Error field = failure_of("{{.A.deep.er}}", data);
  EXPECT_EQ(field.subject, ".A.deep.er");
  EXPECT_EQ(
      failure_of("{{uper .A}}").hint, "did you mean upper? a value is written with a dot: .uper"
  );
  EXPECT_EQ(failure_of("{{$count := 1}}{{$cout}}").hint, "did you mean $count?");
  EXPECT_EQ(
      failure_of("{{define \"row\"}}x{{end}}{{template \"rows\"}}").hint, "did you mean row?"
  );
  EXPECT_EQ(failure_of("{{if .A}}x").hint, "add {{end}}");
  EXPECT_EQ(failure_of("{{Add .A 1}}", data).hint, "atoi makes a number of a text");
  EXPECT_EQ(failure_of("{{upper 1}}").hint, "printf \"%v\" makes a text of any value");
  EXPECT_EQ(
      failure_of("{{.nothing}}", data, strict).hint,
      "declare it, or give a value with: default \"…\""
  );
  EXPECT_EQ(failure_of("{{.A}").hint, "close the action with }}");
  EXPECT_EQ(
      failure_of("{{.build-status | upper}}").hint,
      "a name with \"-\" is read by {{ index . \"build-status\" }}"
  );
}

TEST(TemplateErrors, ShortenLongPiecesBetweenCharacters) {
  const Error error = failure_of(
      concat("{{.", repeated("é", 40), ".deep}}"),
      *parse_json(concat("{\"", repeated("é", 40), "\":1}"))
  );
  EXPECT_EQ(error.subject, concat(".", repeated("é", 29), "..."));
}

TEST(TemplateErrors, RefuseWhatIsNotATemplate) {
  const std::pair<const char*, const char*> cases[] = {
      {"{{}}", "missing value for command"},
      {"{{if}}{{end}}", "missing value for if"},
      {"{{.A |}}", "missing command after | in command"},
      {"{{| .A}}", "unexpected \"|\" in command"},
      {"{{.A | .B | 3}}", "non executable command in pipeline stage 3"},
      {"{{(.A}}", "unclosed left paren"},
      {"{{.A)}}", "unexpected right paren"},
      {"{{else}}", "unexpected {{else}}"},
      {"{{if .A}}{{else}}{{else}}{{end}}", "expected {{end}}; found {{else}}"},
      {"{{end}}", "unexpected {{end}}"},
      {"{{if .A}}x{{end .B}}", "unexpected \".B\" in end"},
      {"{{.A\"x\"}}", "bad character U+0022 '\"'"},
      {"{{\"x\"\"y\"}}", "unexpected \"\"y\"\" in operand"},
      {"{{.A # }}", "unrecognized character in action: U+0023 '#'"},
      {"{{“x”}}", "unrecognized character in action: U+201C '“'"},
      {"{{/* c */ x}}", "comment ends before closing delimiter"},
      {"{{template x}}", "unexpected \"x\" in template clause"},
      {"{{range $i, 3 := .L}}{{end}}", "range can only initialize variables"},
      {"{{define \"T\"}}x", "unexpected end of template: {{define}} is not closed"},
      {"{{block \"T\" .}}{{else}}{{end}}", "unexpected {{else}} in block clause"},
      {"{{nil}}", "nil is not a command"},
      {"{{.A 1}}", "can't give argument to non-function .A"},
      {"{{1 | .A}}", "can't give argument to non-function .A"},
  };
  for (const auto& [text, message] : cases) {
    const Error error = failure_of(text);
    EXPECT_EQ(error.code, ErrorCode::Invalid) << text;
    EXPECT_EQ(error.message, message) << text;
    EXPECT_GT(error.position.column, 0) << text;
  }
}

TEST(TemplateErrors, ReportTheFirstMistake) {
  EXPECT_EQ(failure_of("{{nope}} {{ .A ").message, "function \"nope\" not defined");
}

TEST(TemplateErrors, RefuseCallAsUnsupported) {
  const Error error = failure_of("{{call .F}}");
  EXPECT_EQ(error.code, ErrorCode::Unsupported);
  EXPECT_EQ(error.position, (Position{1, 3}));
}

TEST(MissingError, NamesTheKeyAndTheNearest) {
  Json data = Json::object();
  data.set("Branch", "main");
  data.set("M", Json::object());
  const Error error = failure_of("a {{.Brunch}}", data, kStrict);
  EXPECT_EQ(error.code, ErrorCode::Invalid);
  EXPECT_EQ(error.message, "no entry for key \"Brunch\"");
  EXPECT_EQ(error.hint, "did you mean Branch?");
  EXPECT_EQ(error.position, (Position{1, 5}));
  EXPECT_EQ(failure_of("{{index .M \"k\"}}", data, kStrict).message, "no entry for key \"k\"");
  EXPECT_EQ(failure_of("{{if .No}}{{end}}", data, kStrict).message, "no entry for key \"No\"");
  EXPECT_EQ(
      failure_of("{{default (print .No) .M}}", data, kStrict).message, "no entry for key \"No\""
  );
}

TEST(MissingError, IsCaughtByDefault) {
  Json data = Json::object();
  data.set("M", Json::object());
  for (const char* text :
       {"{{default \"d\" .No}}",
        "{{.No | default \"d\"}}",
        "{{default \"d\" .No.deep}}",
        "{{default \"d\" (.M.k)}}",
        "{{(.No).x | default \"d\"}}",
        "{{index .M \"k\" | default \"d\"}}",
        "{{default \"d\" (index .M \"k\")}}",
        "{{.No | default \"\" | default \"d\"}}"}) {
    auto parsed = Template::parse(text);
    ASSERT_TRUE(parsed.ok()) << text;
    auto rendered = parsed->render(data, kStrict);
    ASSERT_TRUE(rendered.ok()) << text << ": " << rendered.error().message;
    EXPECT_EQ(*rendered, "d") << text;
  }
  EXPECT_EQ(failure_of("{{default \"d\" .No}}{{.No}}", data, kStrict).position, (Position{1, 22}));
}

TEST(MissingError, RefusesToPrintNull) {
  Json data = Json::object();
  data.set("Null", nullptr);
  EXPECT_EQ(failure_of("{{.Null}}", data, kStrict).message, "no value to print");
}

TEST(TemplateLimits, StopHugeLoops) {
  expect_limit("{{range Iterate 1000000000}}x{{end}}", {1, 9});
  expect_limit("{{range 1000000000}}{{end}}", {1, 3}, 10'000);
  expect_limit(
      "{{range Iterate 900}}{{range Iterate 900}}{{range Iterate 900}}{{end}}{{end}}{{end}}",
      {1, 51}
  );
}

TEST(TemplateLimits, StopSelfRecursion) {
  expect_limit("{{define \"T\"}}{{template \"T\" .}}{{end}}\n{{template \"T\" .}}", {1, 17});
  EXPECT_EQ(
      failure_of("{{define \"T\"}}{{template \"T\"}}{{end}}{{template \"T\"}}").message,
      "template calls are nested deeper than 100"
  );
  const std::string nested = concat(
      "{{define \"T\"}}",
      repeated("{{if 1}}", 50),
      "{{template \"T\"}}",
      repeated("{{end}}", 50),
      "{{end}}{{template \"T\"}}"
  );
  EXPECT_EQ(failure_of(nested).code, ErrorCode::LimitExceeded);
}

TEST(TemplateLimits, StopLargeOutput) {
  RenderOptions options;
  options.limits.output_bytes_max = 10;
  EXPECT_EQ(failure_of("0123456789x", {}, options).code, ErrorCode::LimitExceeded);
  const Error action = failure_of("012345\n{{\"6789\"}}", {}, options);
  EXPECT_EQ(action.code, ErrorCode::LimitExceeded);
  EXPECT_EQ(action.position, (Position{2, 1}));
  auto fits = Template::parse("0123456789");
  ASSERT_TRUE(fits.ok());
  EXPECT_TRUE(fits->render({}, options).ok());
}

TEST(TemplateLimits, StopLargeStringsOnTheWay) {
  expect_limit("{{$s := \"ab\"}}{{range Iterate 99}}{{$s = print $s $s}}{{end}}", {1, 42});
  expect_limit(
      "{{$s := \"ab\"}}{{range Iterate 99}}{{$s = replace $s \"\" \"xyz\"}}{{end}}", {1, 42}
  );
  expect_limit("{{len (printf \"%999999d%999999d%999999d%999999d%999999d\" 1 1 1 1 1)}}", {1, 8});
  expect_limit("{{$d := 1}}{{range Iterate 99}}{{$d = Dict \"a\" $d \"b\" $d}}{{end}}", {1, 39});
  expect_limit("{{$d := 1}}{{range Iterate 999}}{{$d = Dict \"a\" $d}}{{end}}", {1, 40});
}

TEST(TemplateLimits, StopDeepNesting) {
  expect_limit(repeated("{{if 1}}", 101), {1, 803});
  expect_limit(concat("{{", repeated("(", 101), "1", repeated(")", 101), "}}"), {1, 103});
  auto fits = Template::parse(concat(repeated("{{if 1}}", 100), "x", repeated("{{end}}", 100)));
  ASSERT_TRUE(fits.ok());
  EXPECT_EQ(*fits->render({}), "x");
  Json deep = 1;
  for (int i = 0; i < 300; ++i) {
    deep = Json(Json::Array{std::move(deep)});
  }
  EXPECT_EQ(failure_of("{{.}}", deep).code, ErrorCode::LimitExceeded);
}

TEST(TemplateLimits, StopHugeTexts) {
  EXPECT_EQ(failure_of(std::string(std::size_t{5} << 20U, 'x')).code, ErrorCode::LimitExceeded);
  EXPECT_EQ(failure_of(repeated("{{.}}", 100'000)).code, ErrorCode::LimitExceeded);
  EXPECT_EQ(failure_of(repeated("{{$x:=1}}", 1'001)).code, ErrorCode::LimitExceeded);
}

}  // namespace reeve::templates
