#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/template/template.h"

namespace reeve::templates {
namespace {

const HiddenFields kHidden = {
    {"Token", {.text = "", .holes = {{.offset = 0, .name = "token"}}}},
    {"Header", {.text = "Bearer !", .holes = {{.offset = 7, .name = "token"}}}}};

Result<HoledText> render(std::string_view text) {
  Json data = Json::object();
  data.set("Token", "shadowed");
  data.set("Name", "x");
  data.set("Inner", Json(Json::Object{{"Token", Json("visible")}}));
  auto parsed = Template::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  RenderOptions options;
  options.hidden = &kHidden;
  return parsed->render_holed(data, options);
}

/// The text with the names of its holes in angle brackets.
std::string shown(std::string_view text) {
  const auto rendered = render(text);
  if (!rendered.ok()) {
    return concat("error: ", rendered.error().message);
  }
  std::string out = rendered->text;
  for (auto hole = rendered->holes.rbegin(); hole != rendered->holes.rend(); ++hole) {
    out.insert(hole->offset, concat("<", hole->name, ">"));
  }
  return out;
}

TEST(HiddenFields, LeaveHolesWhereTheyArePrinted) {
  EXPECT_EQ(shown("a {{.Token}} b {{.Token}}"), "a <token> b <token>");
  EXPECT_EQ(shown("{{.Token}}{{.Name}}{{$.Token}}"), "<token>x<token>");
  EXPECT_EQ(shown("H: {{.Header}}"), "H: Bearer <token>!");
  EXPECT_EQ(shown("{{range .Inner}}{{$.Token}}{{end}}"), "<token>");
  EXPECT_EQ(render("{{.Token}}")->text, "");
}

TEST(HiddenFields, GoThroughVariablesTemplatesAndDefault) {
  EXPECT_EQ(shown("{{$t := .Token}}={{$t}}"), "=<token>");
  EXPECT_EQ(shown("{{define \"h\"}}[{{.}}]{{end}}{{template \"h\" .Token}}"), "[<token>]");
  EXPECT_EQ(shown("{{define \"h\"}}[{{.Token}}]{{end}}{{template \"h\" .}}"), "[<token>]");
  EXPECT_EQ(shown("{{.Token | default \"none\"}}{{default \"none\" .Token}}"), "<token><token>");
  EXPECT_EQ(shown("{{(.Token)}}"), "<token>");
}

TEST(HiddenFields, AreRefusedWhereTheirValueWouldMatter) {
  for (const std::string_view text :
       {"{{if .Token}}x{{end}}",
        "{{with .Token}}x{{end}}",
        "{{range .Token}}x{{end}}",
        "{{len .Token}}",
        "{{eq .Token \"x\"}}",
        "{{.Token | upper}}",
        "{{printf \"%s\" .Token}}",
        "{{or .Token .Name}}",
        "{{and .Name .Token | not}}",
        "{{.Token.field}}",
        "{{not .Header}}",
        "{{print (.Token)}}",
        "{{.Token | and .Name}}",
        "{{default .Token .Missing}}"}) {
    const auto rendered = render(text);
    ASSERT_FALSE(rendered.ok()) << text;
    EXPECT_EQ(rendered.error().code, ErrorCode::Invalid) << text;
    EXPECT_NE(rendered.error().message.find("is a credential"), std::string::npos) << text;
    EXPECT_NE(rendered.error().hint.find("environment"), std::string::npos) << text;
  }
}

TEST(HiddenFields, AreThoseOfTheDataOnly) {
  EXPECT_EQ(shown("{{.Inner.Token}}"), "visible");
  EXPECT_EQ(shown("{{with .Inner}}{{.Token}}{{end}}"), "visible");
  EXPECT_EQ(shown("{{.Inner}}"), "map[Token:visible]");
}

TEST(HiddenFields, MakeNoPlacesOutOfTextThatLooksLikeThem) {
  Json data = Json::object();
  data.set("Body", "{{.Token}} <token>");
  RenderOptions options;
  options.hidden = &kHidden;
  const auto rendered = Template::parse("{{.Body}}")->render_holed(data, options);
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(rendered->text, "{{.Token}} <token>");
  EXPECT_TRUE(rendered->holes.empty());
}

TEST(HiddenFields, AreRefusedWhereATextMustBeWhole) {
  RenderOptions options;
  options.hidden = &kHidden;
  const auto rendered = Template::parse("{{.Token}}")->render(Json::object(), options);
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().message, "prints the hidden token");
}

}  // namespace
}  // namespace reeve::templates
