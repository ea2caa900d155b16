#include "workflow/template/template.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::templates {

namespace {

Json sample_data() {
  Json data = Json::object();
  data.set("A", "x");
  data.set("N", 3);
  data.set("F", 1.5);
  data.set("Big", 12345678.0);
  data.set("E", "");
  data.set("B", true);
  data.set("L", Json(Json::Array{Json(1), Json("two")}));
  // Not in alphabetical order: printing sorts.
  data.set("M", Json(Json::Object{{"n", Json(1500.0)}, {"k", Json("v")}}));
  data.set("Q", "a\"b<c>&'d'");
  data.set("JobRetry", 2);
  data.set("Null", nullptr);
  data.set("People", *parse_json(R"([{"name":"ann","tags":["a","b"]},{"name":"bob","tags":[]}])"));
  return data;
}

std::string render(std::string_view text, const Json& data = sample_data()) {
  auto parsed = Template::parse(text);
  if (!parsed) {
    return concat("parse error: ", parsed.error().message);
  }
  auto rendered = parsed->render(data);
  return rendered ? *rendered : concat("error: ", rendered.error().message);
}

struct Vector {
  const char* text;
  const char* result;
};

void expect_all(std::initializer_list<Vector> vectors) {
  for (const Vector& vector : vectors) {
    EXPECT_EQ(render(vector.text), vector.result) << vector.text;
  }
}

}  // namespace

TEST(Template, GivesTheResultsOfUpstreamForItsVectors) {
  expect_all({
      {"{{.Missing}}", "<no value>"},
      {"{{.M.zz}}", "<no value>"},
      {"{{index .M \"zz\"}}", "<no value>"},
      {"{{.N}} {{.F}} {{.Big}} {{.B}}", "3 1.5 1.2345678e+07 true"},
      {"{{.L}} {{.M}}", "[1 two] map[k:v n:1500]"},
      {"{{if .E}}t{{else}}f{{end}}", "f"},
      {"{{if .Missing}}t{{else}}f{{end}}", "f"},
      {"{{if lt .JobRetry 4}}y{{end}}", "y"},
      {"{{if eq .A \"x\" \"z\"}}y{{end}}", "y"},
      {"{{if eq .A \"z\" \"x\"}}y{{end}}", "y"},
      {"{{if ne .Missing \"x\"}}ne{{end}}", "ne"},
      {"{{if eq .Missing \"x\"}}a{{else}}b{{end}}", "b"},
      {"{{if eq .Missing nil}}nil{{end}}", "nil"},
      {"{{html .Q}}", "a&#34;b&lt;c&gt;&amp;&#39;d&#39;"},
      {"{{js .Q}}", "a\\\"b\\u003Cc\\u003E\\u0026\\'d\\'"},
      {"{{urlquery .Q}}", "a%22b%3Cc%3E%26%27d%27"},
      {"{{printf \"%q\" .Q}}", "\"a\\\"b<c>&'d'\""},
      {"{{range $i,$v := .L}}{{$i}}={{$v}},{{end}}", "0=1,1=two,"},
      {"{{- range $val := Iterate 3 }}[{{$val}}:{{Add $val 1}}]{{- end}}", "[0:1][1:2][2:3]"},
      {"{{.M.zz | default \"d\"}}", "d"},
      {"{{default \"d\" .Missing}}", "d"},
      {"{{default \"d\" .Missing.deep}}", "d"},
      {"a {{- /* c */ -}} b", "ab"},
      {"{{printf \"%v-%05d-%s\" .N 42 .A}}", "3-00042-x"},
      {"{{print 1 2 \"a\" \"b\" 3}}", "1 2ab3"},
      {"{{not .B}} {{and .A .E}} {{or .E .A}}", "false  x"},
      {"{{slice .A 0 1}}{{len .L}}", "x2"},
      {"{{define \"T\"}}hi {{.}}{{end}}{{template \"T\" .A}}", "hi x"},
      {"{{ .A | printf \"%s-%s\" \"p\" }}", "p-x"},
  });
}

TEST(Template, FailsWhereUpstreamFailsForItsVectors) {
  expect_all({
      {"{{if lt .Missing 4}}", "parse error: unexpected end of template: {{if}} is not closed"},
      {"{{if lt .Missing 4}}y{{end}}", "error: lt: invalid type for comparison"},
      {"{{if lt .A 4}}y{{end}}", "error: lt: incompatible types for comparison"},
      {"{{if eq .N 3.0}}y{{end}}", "error: eq: incompatible types for comparison"},
      {"{{.A.deep}}", "error: can't evaluate field deep in type string"},
      {"{{undefinedFn 1}}", "parse error: function \"undefinedFn\" not defined"},
      {"{{ .A ", "parse error: unclosed action"},
  });
}

TEST(Template, LeavesTextWithoutActionsAlone) {
  EXPECT_EQ(render(""), "");
  EXPECT_EQ(render("plain } }} { text\n"), "plain } }} { text\n");
  EXPECT_FALSE(has_actions("plain } }} { text"));
  EXPECT_TRUE(has_actions("a {{.B}}"));
}

TEST(Template, TrimsWhiteSpaceOnlyAtMarkersWithSpace) {
  expect_all({
      {"a \n\t{{- .A -}} \r\n b", "axb"},
      {"a {{- .A}} b", "ax b"},
      {"a {{.A -}} b", "a xb"},
      {"a {{-3}} b", "a -3 b"},
      {"{{.A -}}\n{{- .A}}", "xx"},
      {"a\n{{- /* gone */}}\nb", "a\nb"},
      {"a\n{{/* gone */ -}}\nb", "a\nb"},
      {"a {{/* two\nlines */}} b", "a  b"},
      {"{{.A -}}   ", "x"},
  });
}

TEST(Template, ReadsActionsOverSeveralLines) {
  EXPECT_EQ(render("{{ printf\n  \"%s-%s\"\n  .A\n  .A }}"), "x-x");
}

TEST(Template, ReadsAllKindsOfConstants) {
  expect_all({
      {"{{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}} {{-7}} {{+7}}", "31 5 15 15 1000 -7 7"},
      {"{{1.5}} {{1e3}} {{.5}} {{1.5e-3}} {{0x1p4}} {{1_0.5}}", "1.5 1000 0.5 0.0015 16 10.5"},
      {"{{'a'}} {{'\\n'}} {{'\\''}} {{'\\u00e9'}} {{'\\x41'}}", "97 10 39 233 65"},
      {"{{\"t\\tq\\\"u\\u00e9\\x41\\101\"}}",
       "t\tq\"u\xC3\xA9"
       "AA"},
      {"{{`raw \\n \"x\"`}}", "raw \\n \"x\""},
      {"{{true}} {{false}}", "true false"},
      {"{{9223372036854775807}} {{-9223372036854775808}}",
       "9223372036854775807 -9223372036854775808"},
      {"{{1000000}} {{1000000.0}}", "1000000 1e+06"},
      {"{{\"a}}b\"}}", "a}}b"},
  });
}

TEST(Template, RefusesMalformedConstants) {
  expect_all({
      {"{{08}}", "parse error: bad number syntax: \"08\""},
      {"{{1__0}}", "parse error: bad number syntax: \"1__0\""},
      {"{{1x}}", "parse error: bad number syntax: \"1x\""},
      {"{{0x}}", "parse error: bad number syntax: \"0x\""},
      {"{{9223372036854775808}}", "parse error: 9223372036854775808 overflows int"},
      {"{{1e999}}", "parse error: 1e999 is out of range"},
      {"{{2i}}", "parse error: complex number 2i"},
      {"{{'ab'}}", "parse error: malformed character constant: 'ab'"},
      {"{{''}}", "parse error: malformed character constant: ''"},
      {"{{\"\\d\"}}", "parse error: malformed string: \"\\d\""},
      {"{{\"abc}}", "parse error: unterminated quoted string"},
      {"{{`abc}}", "parse error: unterminated raw quoted string"},
  });
}

TEST(Template, ChoosesBranches) {
  expect_all({
      {"{{if .E}}1{{else if eq .N 3}}2{{else}}3{{end}}", "2"},
      {"{{if .E}}1{{else if .E}}2{{else}}3{{end}}", "3"},
      {"{{if $x := .A}}{{$x}}{{end}}", "x"},
      {"{{with .M}}{{.k}} {{$.A}}{{end}}", "v x"},
      {"{{with .E}}1{{else}}{{.A}}{{end}}", "x"},
      {"{{with .E}}1{{else with .A}}{{.}}{{end}}", "x"},
      {"{{with $m := .M}}{{$m.k}}{{end}}", "v"},
      {"{{if .L}}1{{end}}{{if .M}}2{{end}}{{if .F}}3{{end}}{{if 0}}4{{end}}{{if 0.0}}5{{end}}",
       "123"},
      {"{{if .Null}}1{{else}}2{{end}}", "2"},
  });
}

TEST(Template, LoopsOverListsMapsAndNumbers) {
  expect_all({
      {"{{range .L}}<{{.}}>{{end}}", "<1><two>"},
      {"{{range $k, $v := .M}}{{$k}}={{$v}};{{end}}", "k=v;n=1500;"},
      {"{{range $v := .M}}{{$v}};{{end}}", "v;1500;"},
      {"{{range 3}}{{.}}{{end}}", "012"},
      {"{{range $i := 3}}{{$i}}{{end}}", "012"},
      {"{{range .Missing}}1{{else}}none{{end}}", "none"},
      {"{{range 0}}1{{else}}none{{end}}", "none"},
      {"{{range .People}}{{.name}}:{{range .tags}}{{.}}{{else}}-{{end}} {{end}}", "ann:ab bob:- "},
      {"{{range $i, $p := .People}}{{range $p.tags}}{{$i}}{{.}}{{end}}{{end}}", "0a0b"},
      {"{{range .A}}{{end}}", "error: range can't iterate over type string"},
      {"{{range $i, $x := 3}}{{end}}",
       "error: can't range over a number with more than one variable"},
  });
}

TEST(Template, LeavesAndContinuesLoops) {
  expect_all({
      {"{{range Iterate 9}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}", "012"},
      {"{{range Iterate 5}}{{if eq . 3}}{{continue}}{{end}}{{.}}{{end}}", "0124"},
      {"{{range Iterate 3}}{{range Iterate 3}}{{if eq . 1}}{{break}}{{end}}{{.}}{{end}};{{end}}",
       "0;0;0;"},
      {"{{range Iterate 1}}{{break}}{{else}}none{{end}}", ""},
      {"{{break}}", "parse error: {{break}} outside {{range}}"},
      {"{{range .L}}{{block \"T\" .}}{{break}}{{end}}{{end}}",
       "parse error: {{break}} outside {{range}}"},
      {"{{range .L}}{{else}}{{continue}}{{end}}", "parse error: {{continue}} outside {{range}}"},
      {"{{range .L}}{{define \"T\"}}{{break}}{{end}}{{end}}",
       "parse error: unexpected {{define}}: it belongs to the top level of the text"},
  });
}

TEST(Template, ScopesVariables) {
  expect_all({
      {"{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
      {"{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"},
      {"{{$n := 0}}{{range .L}}{{$n = Add $n 1}}{{end}}{{$n}}", "2"},
      {"{{$m := .M}}{{$m.k}} {{$.M.k}} {{$.A}}", "v v x"},
      {"{{$x := \"\"}}{{range $x = .L}}{{end}}{{$x}}", "two"},
      {"{{if true}}{{$x := 1}}{{end}}{{$x}}", "parse error: undefined variable \"$x\""},
      {"{{$x := $x}}", "parse error: undefined variable \"$x\""},
      {"{{$x = 1}}", "parse error: undefined variable \"$x\""},
      {"{{$x := 1}}{{define \"T\"}}{{$x}}{{end}}", "parse error: undefined variable \"$x\""},
      {"{{$a, $b := .L}}", "parse error: too many declarations"},
      {"{{range $a, $b, $c := .L}}{{end}}", "parse error: too many declarations"},
  });
}

TEST(Template, FollowsFieldsOfGroupsAndResults) {
  expect_all({
      {"{{(index .People 0).name}}", "ann"},
      {"{{(index .People 0).tags | len}}", "2"},
      {"{{(Dict \"a\" (Dict \"b\" 7)).a.b}}", "7"},
      {"{{.Missing.deep.er}}", "<no value>"},
      {"{{$x := .Missing}}{{$x.deep}}", "<no value>"},
      {"{{.Null}}", "<no value>"},
      {"{{.Null.deep}}", "error: nil pointer evaluating interface {}.deep"},
      {"{{.L.x}}", "error: can't evaluate field x in type []interface {}"},
      {"{{\"a\".b}}", "parse error: unexpected . after term \"\"a\"\""},
  });
}

TEST(Template, ShortCircuitsAndOr) {
  expect_all({
      {"{{and .E (index .L 99)}}|{{or .A (index .L 99)}}", "|x"},
      {"{{and .A (index .L 99)}}", "error: index: index out of range: 99"},
      {"{{.A | or .E}} {{and}}", "error: wrong number of args for and: want at least 1"},
      {"{{.A | or .E}}", "x"},
      {"{{.Missing | and .A}}", "<no value>"},
  });
}

TEST(Template, CallsDefinedTemplates) {
  expect_all({
      {"{{block \"T\" .A}}[{{.}}]{{end}}", "[x]"},
      {"{{block \"O\" .}}({{block \"I\" .A}}[{{.}}]{{end}}){{end}}{{template \"I\" .N}}",
       "([x])[3]"},
      {"{{define `T`}}{{$}}{{end}}{{template \"T\" .A}}{{template \"T\"}}", "x<no value>"},
      {"{{template \"late\" .}}{{define \"late\"}}{{.A}}{{end}}", "x"},
      {"{{define \"R\"}}{{if .}}{{len .}}{{template \"R\" slice . 1}}{{end}}{{end}}"
       "{{template \"R\" \"abc\"}}",
       "321"},
      {"{{template \"nope\"}}", "parse error: template \"nope\" not defined"},
      {"{{define \"T\"}}a{{end}}{{define \"T\"}}b{{end}}",
       "parse error: multiple definition of template \"T\""},
      {"{{define \"T\"}} {{end}}{{define \"T\"}}b{{end}}{{template \"T\"}}", "b"},
      {"{{if true}}{{define \"T\"}}{{end}}{{end}}",
       "parse error: unexpected {{define}}: it belongs to the top level of the text"},
  });
}

TEST(Template, HandlesTextBeyondAscii) {
  Json data = Json::object();
  data.set("Größe", "naïve ☃ 😀");
  EXPECT_EQ(render("→ {{.Größe}} ←", data), "→ naïve ☃ 😀 ←");
  EXPECT_EQ(render("{{.Größe | printf \"%.3s|%q\" }}", data), "naï|%!q(MISSING)");
}

TEST(Template, UsesInjectedFunctionsAndLetsRenderingReplaceThem) {
  const Function one = [](std::span<const Json> arguments) -> Result<Json> {
    return Json(static_cast<std::uint64_t>(arguments.size()));
  };
  const Function upper = [](std::span<const Json>) -> Result<Json> {
    return Json("mine");
  };
  const FunctionTable table{{"Count", one}, {"upper", upper}};
  auto parsed = Template::parse("{{Count 1 .M nil}} {{.A | Count}} {{upper .A}}", table);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed->render(sample_data()), "3 1 mine");
  const FunctionTable other{{"Count", upper}};
  EXPECT_EQ(
      *parsed->render(sample_data(), {.limits = {}, .missing = {}, .functions = &other}),
      "mine mine mine"
  );
}

TEST(Template, KeepsTheCodeOfAnInjectedFunctionsError) {
  const FunctionTable table{{"Fail", [](std::span<const Json>) -> Result<Json> {
                               return make_error(ErrorCode::Unavailable, "no luck");
                             }}};
  auto parsed = Template::parse("a\n  {{Fail}}", table);
  ASSERT_TRUE(parsed.ok());
  const auto rendered = parsed->render(sample_data());
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().code, ErrorCode::Unavailable);
  EXPECT_EQ(rendered.error().position, (Position{2, 5}));
}

TEST(Template, ListsReferencesToTopLevelFields) {
  auto parsed = Template::parse(
      "{{.A}} {{if .C}}{{$.D.x}}{{end}}\n{{range .L}}{{.inner}}{{end}}{{default \"x\" .O}}"
      "{{.P | default 1}}{{.S | shellquote}}{{define \"T\"}}{{.Z}}{{end}}"
  );
  ASSERT_TRUE(parsed.ok());
  std::string found;
  for (const FieldReference& field : parsed->referenced_fields()) {
    found += concat(
        field.name,
        "@",
        field.position.line,
        ":",
        field.position.column,
        field.optional ? " optional" : "",
        field.spliced ? " spliced" : "",
        "\n"
    );
  }
  EXPECT_EQ(
      found,
      "A@1:3 spliced\nC@1:13 optional\nD@1:19 spliced\nL@2:9 spliced\n"
      "O@2:44 optional spliced\nP@2:50 optional spliced\nS@2:68\n"
  );
}

TEST(Template, FollowsReferencesIntoTemplatesCalledWithTheData) {
  auto parsed =
      Template::parse("{{define \"T\"}}{{.Z}}{{template \"T\" $}}{{end}}{{template \"T\" .}}");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->referenced_fields().size(), 1U);
  EXPECT_EQ(parsed->referenced_fields()[0].name, "Z");
}

}  // namespace reeve::templates
