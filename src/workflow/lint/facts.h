#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/lint/source.h"
#include "workflow/order.h"
#include "workflow/template/template.h"
#include "workflow/workflow.h"

namespace reeve::lint {

using workflow::Task;
using workflow::TaskIndex;
using workflow::Text;
using workflow::Workflow;

/// What becomes of a text when it has been rendered.
enum class Role : std::uint8_t {
  Script,     ///< run by a shell or another interpreter
  Condition,  ///< decides whether something happens; missing values are no error
  Url,
  Value,
};

/// A text of the workflow that may hold templates.
struct Use {
  Text text;
  /// Null for texts of the whole workflow.
  const Task* task = nullptr;
  Role role = Role::Value;
  /// "tasks.build.environment.HOME".
  std::string field;
};

/// What every check needs to know about a workflow. Immutable; refers to the workflow.
class Facts {
 public:
  explicit Facts(const Workflow& workflow);

  const Workflow& workflow() const { return workflow_; }

  const Source& source() const { return source_; }

  bool native() const { return workflow_.format == workflow::Format::Native; }

  /// All texts but those of triggers, in the order of the model.
  const std::vector<Use>& uses() const { return uses_; }

  TaskIndex index_of(const Task& task) const {
    return static_cast<TaskIndex>(&task - workflow_.tasks.data());
  }

  /// Path of a field, in the words of the document's form.
  std::string field(const Task* task, std::string_view native_name, std::string_view formicary_name)
      const;

  /// Whether `first` may have ended before `then` starts; `then` may be null, then nothing has.
  bool runs_before(TaskIndex first, const Task* then) const;

 private:
  void collect(const Task& task);
  void use(const Text& text, const Task* task, Role role, std::string field);
  void use_list(const std::vector<Text>& texts, const Task& task, Role role, std::string field);
  void use_pairs(
      const std::vector<std::pair<std::string, Text>>& pairs, const Task& task, std::string field
  );
  void use_variables(
      const std::vector<workflow::Variable>& variables, const Task* task, const std::string& field
  );
  void collect_methods(const Task& task);

  const Workflow& workflow_;
  Source source_;
  workflow::Order order_;
  std::vector<Use> uses_;
};

/// The place in the file of an offset in a text. Columns count bytes.
Position place_of(const Text& text, std::size_t offset);

/// The offset of a place that a template speaks of, whose columns count characters.
std::size_t offset_of(std::string_view text, Position place);

/// The place in the file of a place that a template speaks of.
inline Position place_of(const Text& text, Position place) {
  return place_of(text, offset_of(text.text, place));
}

/// Letters, digits, underscore.
bool is_word(char c);

/// Whether `name` can name an environment variable.
bool is_environment_name(std::string_view name);

/// The scripts of a task, all four kinds.
std::vector<const Text*> scripts_of(const Task& task);

}  // namespace reeve::lint
