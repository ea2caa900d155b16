#include "base/strings.h"
#include "configuration/configuration.h"
#include "configuration/values.h"

namespace reeve::configuration {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration of the server

Made from the table of settings (`src/configuration/settings.cc`); `reeve config docs` prints it.

Every setting has one name in four places; the later wins:

1. the default;
2. the file `reeve.yaml`, where each part of the key is a level: `log.level` is

   ```yaml
   log:
     level: debug
   ```

3. the environment: `REEVE_` and the key in capitals, `REEVE_LOG_LEVEL=debug`;
4. the command line: `--log-level debug`.

`reeve config show` prints every value and where it comes from. Before the server opens a port it reads everything, and
tells all that is wrong at once, each with file and line, variable or flag: unknown keys of the file are errors,
unknown variables that begin with `REEVE_` are warnings. A wrong configuration ends the server with status 78.

How values are written:

| Type | In the file | In variables and flags |
|---|---|---|
| text, choice | `key: text` | the text |
| true or false | `key: true` | `true`, `false` |
| whole number, number | `key: 100` | `100` |
| duration | `key: 1h30m` (units ms, s, m, h, d) | the same |
| size | `key: 8MiB` (a number of bytes, or KiB, MiB, GiB) | the same |
| list | `key: [a, b]`, or one entry per line after `-` | `a,b`; a flag may also be repeated |

SIGHUP reads everything again. Settings marked *live* change at once, without dropping connections; a change of the
others is reported and waits for the next start. A configuration that is wrong by then changes nothing. Values of
settings marked *secret* are never shown.
)";

/// `|` would end the cell.
std::string cell(std::string_view text) {
  return replace_all(text, "|", "\\|");
}

std::string default_of(const Setting& setting) {
  return setting.fallback.empty() ? "" : concat('`', cell(setting.fallback), '`');
}

std::string type_of(const Setting& setting) {
  std::string text(to_string(setting.type));
  if (setting.type == Type::Choice) {
    std::vector<std::string> choices;
    for (const std::string_view choice : setting.choices) {
      choices.push_back(concat('`', choice, '`'));
    }
    return join(choices, ", ");
  }
  if (setting.min != 0 || setting.max != 0) {
    text.append(concat(
        ", ",
        write_value(setting, Value(setting.min)),
        " to ",
        write_value(setting, Value(setting.max))
    ));
  }
  return text;
}

std::string row(const Setting& setting) {
  std::vector<std::string> marks;
  if (setting.reloadable) {
    marks.emplace_back("*live*");
  }
  if (setting.secret) {
    marks.emplace_back("*secret*");
  }
  return concat(
      "| `",
      setting.key,
      "` | ",
      type_of(setting),
      " | ",
      default_of(setting),
      " | ",
      cell(setting.description),
      marks.empty() ? "" : "; ",
      join(marks, ", "),
      " | `",
      env_name(setting.key),
      "` |\n"
  );
}

}  // namespace

std::string reference_page() {
  std::string page(kIntroduction);
  std::string_view section;
  for (const Setting& setting : settings()) {
    const std::string_view own = setting.key.substr(0, setting.key.find('.'));
    if (own != section) {
      section = own;
      page.append(concat(
          "\n## ",
          section,
          "\n\n| Setting | Type | Default | What it does | Variable |\n|---|---|---|---|---|\n"
      ));
    }
    page.append(row(setting));
  }
  return page;
}

}  // namespace reeve::configuration
