#include "base/strings.h"
#include "workflow/lint/checks.h"

namespace reeve::lint {

namespace {

/// Whether a shell takes `first` and `next` for one command or a list of them, also in one line.
bool goes_on(std::string_view first, std::string_view next) {
  for (const std::string_view sign : {"|", "&&", ";"}) {
    if (first.ends_with(sign) || next.starts_with(sign)) {
      return true;
    }
  }
  return first.ends_with("||") || next.starts_with("||");
}

/// Scripts that are another text than the one that is written down.
class ScriptCheck {
 public:
  ScriptCheck(const Facts& facts, Findings& findings) : facts_(facts), findings_(findings) {}

  void run() {
    for (const Task& task : facts_.workflow().tasks) {
      for (const Text* script : scripts_of(task)) {
        if (is_folded(*script)) {
          report(task, *script);
        }
      }
    }
  }

 private:
  /// Whether YAML has joined lines that look like commands of their own: neither `|` nor `>` says
  /// how they are meant.
  bool is_folded(const Text& script) const {
    const Source& source = facts_.source();
    const Position place = script.position;
    if (place.line <= 0 || place.column <= 0 || script.text.find('\n') != std::string::npos) {
      return false;
    }
    const std::string_view line = source.line(place.line);
    const std::size_t begin = static_cast<std::size_t>(place.column) - 1;
    const std::string_view first = begin < line.size() ? trim(line.substr(begin)) : "";
    const std::string_view rest = std::string_view(script.text).substr(0, first.size());
    const bool joined = !first.empty() && rest == first && script.text.size() > first.size() &&
                        script.text[first.size()] == ' ';
    if (!joined || trim(source.line(place.line - 1)).find('>') != std::string_view::npos) {
      return false;
    }
    return !goes_on(first, trim(source.line(place.line + 1)));
  }

  void report(const Task& task, const Text& script) {
    findings_.add(
        {.rule = "folded-script",
         .position = script.position,
         .field = facts_.field(&task, "script", "script"),
         .message = "YAML joins these lines with spaces: they are one command",
         .fix = {}}
    );
  }

  const Facts& facts_;
  Findings& findings_;
};

}  // namespace

void check_scripts(const Facts& facts, Findings& findings) {
  ScriptCheck(facts, findings).run();
}

}  // namespace reeve::lint
