#include <set>

#include "base/strings.h"
#include "workflow/lint/checks.h"
#include "workflow/load/templates.h"

namespace reeve::lint {

namespace {

using templates::FieldReference;

enum class Quotes : std::uint8_t { None, Single, Double };

bool starts_comment(std::string_view script, std::size_t at) {
  return at == 0 || script[at - 1] == ' ' || script[at - 1] == '\n';
}

/// The quotes that are open at `end` of a shell script; actions of templates count as one word.
Quotes quotes_at(std::string_view script, std::size_t end) {
  Quotes open = Quotes::None;
  for (std::size_t i = 0; i < end && i < script.size(); ++i) {
    const char c = script[i];
    if (script.substr(i).starts_with("{{")) {
      const std::size_t close = script.find("}}", i);
      i = close == std::string_view::npos ? end : close + 1;
    } else if (c == '\\' && open != Quotes::Single) {
      ++i;
    } else if (c == '#' && open == Quotes::None && starts_comment(script, i)) {
      const std::size_t line_end = script.find('\n', i);
      i = line_end == std::string_view::npos ? end : line_end;
    } else if (c == '\'' && open != Quotes::Double) {
      open = open == Quotes::Single ? Quotes::None : Quotes::Single;
    } else if (c == '"' && open != Quotes::Single) {
      open = open == Quotes::Double ? Quotes::None : Quotes::Double;
    }
  }
  return open;
}

/// Whether the script is run by something else than a shell.
bool is_foreign(std::string_view script) {
  if (!script.starts_with("#!")) {
    return false;
  }
  const std::string_view line = script.substr(0, script.find('\n'));
  return line.find("sh") == std::string_view::npos;
}

/// Text from outside that becomes code, or decides whom a request goes to.
class SpliceCheck {
 public:
  SpliceCheck(const Facts& facts, const Names& names, Findings& findings)
      : facts_(facts), names_(names), findings_(findings) {}

  void run() {
    for (const Use& use : facts_.uses()) {
      const bool looked_at = use.role == Role::Script || use.role == Role::Url;
      if (!looked_at || !templates::has_actions(use.text.text) || findings_.full()) {
        continue;
      }
      const auto parsed = workflow::parse_template(use.text.text);
      if (!parsed.ok()) {
        continue;  // an error of loading
      }
      std::set<std::string, std::less<>> seen;
      for (const FieldReference& field : parsed->referenced_fields()) {
        if (!field.spliced || !seen.insert(field.name).second) {
          continue;
        }
        const Name name = names_.resolve(field.name, use.task);
        if (!name.outside && name.origin != Origin::Unknown) {
          continue;
        }
        if (use.role == Role::Script) {
          report_script(use, field);
        } else {
          check_host(use, field);
        }
      }
    }
  }

 private:
  void report_script(const Use& use, const FieldReference& field) {
    const std::string& script = use.text.text;
    const std::size_t at = offset_of(script, field.position);
    const Quotes quotes = quotes_at(script, script.rfind("{{", at));
    const bool foreign = is_foreign(script);
    findings_.add(
        {.rule = "spliced-text",
         .position = place_of(use.text, field.position),
         .field = use.field,
         .message = concat(
             "the text of \"", field.name, "\" becomes part of the script: it can run commands"
         ),
         .fix = way_out(field.name, quotes, foreign),
         .edit = quotes == Quotes::None && !foreign ? quoting(use, field, at) : std::nullopt}
    );
  }

  static std::string way_out(const std::string& name, Quotes quotes, bool foreign) {
    const bool in_environment = is_environment_name(name);
    if (foreign) {
      return in_environment ? concat("read \"", name, "\" from the environment")
                            : std::string("pass it in environment and read it there");
    }
    const std::string variable = in_environment ? concat("$", name) : std::string("$VALUE");
    const std::string source =
        in_environment ? std::string(" from the environment") : std::string(", set in environment");
    switch (quotes) {
      case Quotes::None:
        return in_environment
                   ? concat("use \"", variable, "\"", source, ", or {{ shellquote .", name, " }}")
                   : concat("use {{ shellquote (index . \"", name, "\") }}");
      case Quotes::Double:
        return concat("write ", variable, source, ", which is safe inside these quotes");
      case Quotes::Single:
        return concat("use \"", variable, "\"", source, "; single quotes do not protect");
    }
    return {};
  }

  /// `{{ .x }}` → `{{ shellquote .x }}`.
  std::optional<Edit> quoting(const Use& use, const FieldReference& field, std::size_t at) const {
    const std::string_view script = use.text.text;
    const std::string plain = concat(".", field.name);
    const std::size_t open = script.rfind("{{", at);
    const std::size_t close = script.find("}}", at);
    if (open == std::string_view::npos || close == std::string_view::npos) {
      return std::nullopt;
    }
    if (trim(script.substr(open + 2, close - open - 2)) != plain) {
      return std::nullopt;
    }
    return facts_.source().replace(
        place_of(use.text, field.position), plain, concat("shellquote ", plain)
    );
  }

  void check_host(const Use& use, const FieldReference& field) {
    const std::string& url = use.text.text;
    const std::size_t at = offset_of(url, field.position);
    const std::size_t scheme = url.find("://");
    const std::size_t path =
        scheme == std::string::npos ? std::string::npos : url.find_first_of("/?#", scheme + 3);
    // The action itself may hold a slash only in a text, which is not worth reading exactly.
    if (at >= path) {
      return;
    }
    findings_.add(
        {.rule = "outside-url",
         .position = place_of(use.text, field.position),
         .field = use.field,
         .message = concat("the text of \"", field.name, "\" decides which host is asked"),
         .fix = {}}
    );
  }

  const Facts& facts_;
  const Names& names_;
  Findings& findings_;
};

}  // namespace

void check_splices(const Facts& facts, const Names& names, Findings& findings) {
  SpliceCheck(facts, names, findings).run();
}

}  // namespace reeve::lint
