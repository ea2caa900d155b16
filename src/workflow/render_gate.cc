#include <algorithm>

#include "base/strings.h"
#include "model/approval.h"
#include "workflow/render.h"
#include "workflow/values.h"

namespace reeve::workflow {

namespace {

/// What Go's templates, and so Formicary's texts, print for a value that is not there.
constexpr std::string_view kNoValue = "<no value>";

/// Renders the texts of one gate and collects everything that is wrong with them: who mends a gate
/// wants to know all of it.
class GateMaker {
 public:
  GateMaker(const Task& task, const Values& values)
      : task_(task), gate_(*task.gate), values_(values) {}

  Result<GateText> make() {
    add_prompt();
    for (const auto& [name, text] : gate_.context) {
      add_field(name, text);
    }
    for (const std::string& name : gate_.required) {
      const bool given =
          std::any_of(gate_.context.begin(), gate_.context.end(), [&](const auto& field) {
            return field.first == name;
          });
      if (!given) {
        problems_.push_back(concat("context.", name, " is required and missing"));
      }
    }
    if (!problems_.empty()) {
      Error error = make_error(
          ErrorCode::Invalid, concat("the gate cannot be opened: ", join(problems_, "; "))
      );
      error.position = task_.position;
      return error;
    }
    REEVE_CHECK(check_size());
    return std::move(text_);
  }

 private:
  bool required(const std::string& name) const {
    return std::find(gate_.required.begin(), gate_.required.end(), name) != gate_.required.end();
  }

  void add_prompt() {
    const bool own = !gate_.prompt.empty();
    const Text prompt = own ? gate_.prompt : Text{task_.description, task_.position};
    Result<std::string> text = values_.render(prompt, own ? "prompt" : "description");
    if (!text) {
      problems_.push_back(text.error().describe());
      return;
    }
    check_text("prompt", *text);
    text_.prompt = trim(*text);
    if (text_.prompt.empty()) {
      text_.prompt = concat("Gate ", task_.name.view(), ": may the mission go on?");
    }
  }

  void add_field(const std::string& name, const Text& source) {
    const std::string field = concat("context.", name);
    Result<std::string> text = values_.render(source, field);
    if (!text) {
      problems_.push_back(text.error().describe());
      return;
    }
    check_text(field, *text);
    const std::string_view content = trim(*text);
    const bool missing = content.empty() || content == kNoValue;
    if (missing && required(name)) {
      problems_.push_back(
          concat(field, content.empty() ? " is required and empty" : " is required and missing")
      );
    } else if (!missing) {
      text_.context.emplace_back(name, std::string(content));
    }
  }

  /// What is not UTF-8 cannot be written to the journal as it is.
  void check_text(std::string_view field, std::string_view text) {
    if (!is_utf8(text)) {
      problems_.push_back(concat(field, " is not UTF-8 text"));
    }
  }

  Result<void> check_size() const {
    std::size_t bytes = 0;
    for (const auto& [name, text] : text_.context) {
      bytes += name.size() + text.size();
    }
    REEVE_CHECK(check_size("prompt", text_.prompt.size(), model::kGatePromptBytesMax));
    return check_size("context", bytes, model::kGateContextBytesMax);
  }

  Result<void> check_size(std::string_view what, std::size_t bytes, std::size_t limit) const {
    if (bytes <= limit) {
      return {};
    }
    Error error = make_error(
        ErrorCode::LimitExceeded,
        concat(
            "the gate cannot be opened: its ",
            what,
            " has ",
            bytes,
            " bytes, at most ",
            limit,
            " are allowed"
        )
    );
    error.hint = "show a summary and keep the whole as an artifact";
    error.position = task_.position;
    return error;
  }

  const Task& task_;
  const Gate& gate_;
  const Values& values_;
  GateText text_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<GateText> render_gate(
    const Workflow& workflow, TaskIndex task, const RenderContext& context
) {
  REEVE_ASSERT(task < workflow.tasks.size() && workflow.tasks[task].gate);
  const Task& rendered = workflow.tasks[task];
  const auto missing =
      workflow.format == Format::Native ? templates::Missing::Error : templates::Missing::NoValue;
  REEVE_TRY(const Values values, Values::make(workflow, &rendered, context, missing));
  return GateMaker(rendered, values).make();
}

}  // namespace reeve::workflow
