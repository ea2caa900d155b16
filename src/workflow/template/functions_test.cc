#include "workflow/template/functions.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/template/template.h"

namespace reeve::templates {

namespace {

Json sample_data() {
  return *parse_json(R"({
    "S": "hello world", "N": 7, "F": 2.5, "W": 4.0, "L": [3, "b", null], "M": {"b": 1, "a": {"c": []}},
    "T": true, "Z": null, "U": "it's", "G": "Ünïcode Ωmega Жук"
  })");
}

std::string render(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) {
    return concat("parse error: ", parsed.error().message);
  }
  auto rendered = parsed->render(sample_data());
  return rendered ? *rendered : concat("error: ", rendered.error().message);
}

std::string formatted(std::string_view arguments) {
  return render(concat("{{printf ", arguments, "}}"));
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

void expect_formats(std::initializer_list<Vector> vectors) {
  for (const Vector& vector : vectors) {
    EXPECT_EQ(formatted(vector.text), vector.result) << vector.text;
  }
}

}  // namespace

TEST(Printf, FormatsIntegers) {
  expect_formats({
      {"\"%d|%5d|%-5d|%05d|%+d|% d\" 42 42 42 42 42 42", "42|   42|42   |00042|+42| 42"},
      {"\"%x|%X|%#x|%#X|%o|%#o|%O|%b|%#b\" 255 255 255 255 8 8 8 5 5",
       "ff|FF|0xff|0XFF|10|010|0o10|101|0b101"},
      {"\"%d|%x|%05d|%.3d|%6.3d|%.0d|\" -42 -255 -42 7 7 0", "-42|-ff|-0042|007|   007||"},
      {"\"%c|%c|%q|%#q|%U|%#U\" 65 9731 65 65 9731 9731", "A|☃|'A'|'A'|U+2603|U+2603 '☃'"},
      {"\"%v|%+v|%#v|%T\" 42 42 42 42", "42|42|42|int"},
      {"\"%3c|%-3c|\" 65 65", "  A|A  |"},
      {"\"%08b|%+.2d|%-+5d|\" 5 3 3", "00000101|+03|+3   |"},
  });
}

TEST(Printf, FormatsDoubles) {
  expect_formats({
      {"\"%v|%v|%v|%v\" 1.5 100000.0 1000000.0 0.0001", "1.5|100000|1e+06|0.0001"},
      {"\"%v|%v|%v\" 0.00001 123456.75 -0.5", "1e-05|123456.75|-0.5"},
      {"\"%f|%.2f|%8.2f|%-8.2f|%08.2f|%+.1f|% .1f\" 1.5 1.5 1.5 1.5 -1.5 1.5 1.5",
       "1.500000|1.50|    1.50|1.50    |-0001.50|+1.5| 1.5"},
      {"\"%e|%E|%.1e|%g|%G|%.3g\" 1234.5 1234.5 1234.5 1e7 1e7 1234.5",
       "1.234500e+03|1.234500E+03|1.2e+03|1e+07|1E+07|1.23e+03"},
      {"\"%.0f|%.0f|%.3g|%#g|%#.0f|%#v\" 2.5 3.5 100.0 1.5 1.0 1.0", "2|4|100|1.50000|1.|1"},
      {"\"%x|%b|%T\" 1.5 1.0 1.5", "0x1.8p+00|4503599627370496p-52|float64"},
  });
}

TEST(Printf, FormatsText) {
  expect_formats({
      {"\"%s|%5s|%-5s|%.2s|%5.1s|\" \"abc\" \"abc\" \"abc\" \"abc\" \"abc\"",
       "abc|  abc|abc  |ab|    a|"},
      {"\"%q|%#q|%+q\" \"a\\\"\\n\" \"a\\\"b\" \"é\"", "\"a\\\"\\n\"|`a\"b`|\"\\u00e9\""},
      {"\"%x|%X|% x|%#x|%# x\" \"hi\" \"hi\" \"hi\" \"hi\" \"hi\"",
       "6869|6869|68 69|0x6869|0x68 0x69"},
      {"\"%v|%#v|%T\" \"a\" \"a\" \"a\"", "a|\"a\"|string"},
      {"\"%q|%q\" \"\\xff\" \"\\u200b\\u0001\"", "\"\\xff\"|\"\\u200b\\x01\""},
      {"\"%3s|%.2s|%q\" \"é\" \"日本語\" \"日本\"", "  é|日本|\"日本\""},
  });
}

TEST(Printf, FormatsListsMapsAndNil) {
  expect_formats({
      {"\"%v|%d|%s\" .L .L .L", "[3 b <nil>]|[3 %!d(string=b) <nil>]|[%!s(int=3) b <nil>]"},
      {"\"%v|%q\" .M .M", "map[a:map[c:[]] b:1]|map[\"a\":map[\"c\":[]] \"b\":'\\x01']"},
      {"\"%#v|%T|%T\" .L .L .M",
       "[]interface {}{3, \"b\", interface {}(nil)}|[]interface {}|map[string]interface {}"},
      {"\"%v|%s|%d|%T\" .Z nil .Missing .Z", "<nil>|%!s(<nil>)|%!d(<nil>)|<nil>"},
      {"\"%t|%v|%5t|%-7t|\" true false true false", "true|false| true|false  |"},
      {"\"%02d\" .L", "[03 %!d(string=0b) <nil>]"},
  });
}

TEST(Printf, WritesMistakesIntoTheOutput) {
  expect_formats({
      {"\"%d\" \"x\"", "%!d(string=x)"},
      {"\"%s\" 5", "%!s(int=5)"},
      {"\"%t\" 1.5", "%!t(float64=1.5)"},
      {"\"%d %d\" 1", "1 %!d(MISSING)"},
      {"\"%d\" 1 2 \"x\" nil", "1%!(EXTRA int=2, string=x, <nil>)"},
      {"\"%z\" 1", "%!z(int=1)"},
      {"\"%☃\" 1", "%!☃(int=1)"},
      {"\"100%\"", "100%!(NOVERB)"},
      {"\"%5\" 1", "%!(NOVERB)%!(EXTRA int=1)"},
      {"\"100%%\"", "100%"},
      {"\"%d\" true", "%!d(bool=true)"},
      {"\"%[5]d\" 1", "%!d(BADINDEX)"},
      {"\"%[x]d\" 1", "%!d(BADINDEX)"},
      {"\"%*d\" \"x\" 1", "%!(BADWIDTH)1"},
      {"\"%.*d\" -3 1", "%!(BADPREC)1"},
  });
}

TEST(Printf, TakesWidthsAndIndexesFromArguments) {
  expect_formats({
      {"\"%[2]d %[1]d\" 1 2", "2 1"},
      {"\"%[1]d %[1]v %d\" 1 2", "1 1 2"},
      {"\"%*d|%-*d|%*d|\" 4 1 4 1 -4 1", "   1|1   |1   |"},
      {"\"%.*f\" 2 1.0", "1.00"},
      {"\"%[3]*.[2]*[1]f|\" 12.0 2 6", " 12.00|"},
      {"\"%2000000d|\" 1", "1|"},
  });
}

TEST(Print, SeparatesNeighboursThatAreNoStrings) {
  expect_all({
      {"{{print}}|{{print 1 2}}|{{print \"a\" 1}}|{{print nil nil}}|{{print .Missing}}",
       "|1 2|a1|<nil> <nil>|<nil>"},
      {"{{println 1 \"a\"}}|{{println}}", "1 a\n|\n"},
      {"{{html nil}} {{html 1 2 \"<\"}} {{urlquery \"a b\" \"/\"}}",
       "&lt;no value&gt; 1 2&lt; a+b%2F"},
      {"{{js \"=\\n\\u2028é\"}}", "\\u003D\\u000A\\u2028é"},
  });
}

TEST(Comparison, FollowsGo) {
  expect_all({
      {"{{eq 1 1}} {{eq 1 2}} {{eq 1 2 3 1}} {{ne 1 2}} {{eq \"a\" \"a\"}}",
       "true false true true true"},
      {"{{lt 1 2}} {{le 2 2}} {{gt 2 1}} {{ge 2 3}} {{lt \"a\" \"b\"}} {{lt 1.5 2.5}}",
       "true true true false true true"},
      {"{{eq true .T}} {{eq .Z nil}} {{eq .M nil}} {{ne .Z \"x\"}}", "true true false true"},
      {"{{eq 1 \"1\"}}", "error: eq: incompatible types for comparison"},
      {"{{eq .L .L}}", "error: eq: non-comparable types []interface {} and []interface {}"},
      {"{{eq .L 1}}", "error: eq: incompatible types for comparison"},
      {"{{eq 1}}", "error: eq: missing argument for comparison"},
      {"{{lt true false}}", "error: lt: invalid type for comparison"},
      {"{{gt .L 1}}", "error: gt: invalid type for comparison"},
      {"{{lt 1}}", "error: wrong number of args for lt: want 2 got 1"},
      {"{{lt 1 2.0}}", "error: lt: incompatible types for comparison"},
  });
}

TEST(Index, ReachesIntoListsMapsAndText) {
  expect_all({
      {"{{index .L 1}} {{index .M \"a\" \"c\"}} {{index .S 0}} {{index .L}}",
       "b [] 104 [3 b <nil>]"},
      {"{{index .L 3}}", "error: index: index out of range: 3"},
      {"{{index .L -1}}", "error: index: index out of range: -1"},
      {"{{index .L \"a\"}}", "error: index: cannot index slice/array with type string"},
      {"{{index .L nil}}", "error: index: cannot index slice/array with nil"},
      {"{{index .M 1}}", "error: index: value has type int; should be string"},
      {"{{index .M nil}}", "error: index: value is nil; should be of type string"},
      {"{{index .Z 1}}", "error: index: index of untyped nil"},
      {"{{index .N 1}}", "error: index: can't index item of type int"},
  });
}

TEST(Slice, CutsListsAndText) {
  expect_all({
      {"{{slice .S 6}} {{slice .S 0 5}} {{slice .L 1 2}} {{slice .L 0 1 2}} {{slice .S}}",
       "world hello [b] [3] hello world"},
      {"{{slice .S 3 2}}", "error: slice: invalid slice index: 3 > 2"},
      {"{{slice .S 99}}", "error: slice: index out of range: 99"},
      {"{{slice .S 0 1 2}}", "error: slice: cannot 3-index slice a string"},
      {"{{slice .Z}}", "error: slice: slice of untyped nil"},
      {"{{slice .N}}", "error: slice: can't slice item of type int"},
  });
}

TEST(Len, CountsBytesAndElements) {
  expect_all({
      {"{{len .S}} {{len .L}} {{len .M}} {{len \"é\"}}", "11 3 2 2"},
      {"{{len nil}}", "error: len: len of nil"},
      {"{{len 3}}", "error: len: len of type int"},
  });
}

TEST(Formicary, WorksOnText) {
  expect_all({
      {"{{trimPrefix .S \"hello \"}}|{{trimSuffix .S \"world\"}}|{{trimPrefix .S \"x\"}}",
       "world|hello |hello world"},
      {"{{hasPrefix .S \"hello\"}} {{hasSuffix .S \"x\"}} {{contains .S \"lo w\"}}",
       "true false true"},
      {"{{replace .S \"o\" \"0\"}} {{replace \"ab\" \"\" \"-\"}} {{replace \"aaa\" \"aa\" \"b\"}}",
       "hell0 w0rld -a-b- ba"},
      {"{{lower .G}} {{upper .G}} {{title .S}}", "ünïcode ωmega жук ÜNÏCODE ΩMEGA ЖУК Hello World"},
      {"{{split \"a,b,,c\" \",\" | len}} {{split \"\" \",\"}} {{split \"äb\" \"\"}}", "4 [] [ä b]"},
      {"{{join .L \"-\"}} {{join (split \"a b\" \" \") \",\"}}", "3-b-<nil> a,b"},
      {"{{Unescape \"<b>\"}}", "<b>"},
      {"{{upper .N}}", "error: upper: wrong type for value; expected string; got int"},
      {"{{contains .S nil}}", "error: contains: invalid value; expected string"},
      {"{{join .S \",\"}}", "error: join: wrong type for value; expected a list; got string"},
  });
}

TEST(Formicary, WorksOnNumbers) {
  expect_all({
      {"{{Add 1 2}} {{Add .N -10}} {{Add .W 1}} {{Iterate 0}}", "3 -3 5 []"},
      {"{{Add .F 1}}", "error: Add: wrong type for value; expected int; got float64"},
      {"{{Add 9223372036854775807 1}}", "error: Add: 9223372036854775807 + 1 overflows int"},
      {"{{Iterate -1}}", "error: Iterate: expected unsigned integer; got -1"},
      {"{{Percent100 1 3}} {{Percent100 5 3}} {{Percent100 0 3}} {{Percent100 1 0}}", "33 100 0 0"},
      {"{{atoi \"42\"}} {{atoi \"-7\"}} {{atoi \"+7\"}} {{atoi \"x\"}} {{atoi \"4x\"}} {{atoi .N}}",
       "42 -7 7 0 0 7"},
      {"{{atof \"1.5\"}} {{atof \"x\"}} {{atof \"1e3\"}}", "1.5 0 1000"},
      {"{{atoi (printf \"%v\" 1234567)}}", "1234567"},
  });
}

TEST(Formicary, MakesMapsAndDefaults) {
  expect_all({
      {"{{Dict \"b\" 1 \"a\" .S}}", "map[a:hello world b:1]"},
      {"{{Dict \"a\"}}", "error: Dict: the last key has no value"},
      {"{{Dict 1 2}}", "error: Dict: wrong type for value; expected string; got int"},
      {"{{default 5 \"\"}} {{default 5 0}} {{default 5 false}} {{default 5 .Z}} {{default nil "
       "\"x\"}}",
       "5 0 false 5 x"},
      {"{{toJson .M}} {{.S | toJson}} {{toJson nil}}",
       "{\"b\":1,\"a\":{\"c\":[]}} \"hello world\" null"},
  });
}

TEST(Formicary, MakesLinksOfMarkdown) {
  expect_all({
      {"{{MarkdownLink \"[a<b](https://x.org/?a&b)\"}}",
       "<a href=\"https://x.org/?a&amp;b\" target=\"_blank\" rel=\"noopener "
       "noreferrer\">a&lt;b</a>"},
      {"{{MarkdownLink \"http://x.org\"}}",
       "<a href=\"http://x.org\" target=\"_blank\" rel=\"noopener noreferrer\">http://x.org</a>"},
      {"{{MarkdownLink \"see http://x.org\"}}", "see http://x.org"},
      {"{{MarkdownLink \"[x](javascript:alert)\"}}", "[x](javascript:alert)"},
      {"{{MarkdownLink \"http://\"}}", "http://"},
      {"{{MarkdownLink \"<i>\"}}", "&lt;i&gt;"},
  });
}

TEST(Shellquote, GivesOneWordPerValue) {
  expect_all({
      {"{{shellquote .U}} {{.S | shellquote}} {{shellquote \"\"}} {{shellquote nil}}",
       "'it'\\''s' 'hello world' '' ''"},
      {"{{shellquote \"$(rm)\" 1 true}}", "'$(rm)' '1' 'true'"},
      {"{{shellquote .L}}", "'3' 'b' ''"},
      {"{{shellquote \"a\\x00b\"}}",
       "error: shellquote: a shell word cannot contain the character NUL"},
  });
}

TEST(BuiltinNames, AreSortedUniqueAndFound) {
  const auto names = builtin_function_names();
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_NE(find_builtin(names[i]), nullptr) << names[i];
    EXPECT_TRUE(i == 0 || names[i - 1] < names[i]) << names[i];
  }
  EXPECT_EQ(find_builtin("call"), nullptr);
}

}  // namespace reeve::templates
