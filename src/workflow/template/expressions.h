#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/template/functions.h"
#include "workflow/template/program.h"
#include "workflow/template/value.h"

namespace reeve::templates {

/// Counts a level of nesting for as long as it lives.
class Level {
 public:
  explicit Level(int& depth) : depth_(depth) { ++depth_; }

  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

  ~Level() { --depth_; }

 private:
  int& depth_;
};

/// An Invalid error at `expression`.
Error error_at(const Expression& expression, std::string message);

/// The variables and budget of one rendering, and what expressions yield with them. Recursion is
/// bounded by kFramesMax; the nesting of a single pipeline by the parser.
class Expressions {
 public:
  /// All arguments must outlive this.
  Expressions(const Program& program, const Json& data, const RenderOptions& options)
      : program_(program),
        data_(data),
        options_(options),
        budget_(options.limits.steps_max),
        strict_(options.missing == Missing::Error) {}

  /// The value of the last command. Variables of the pipeline are declared or set.
  Result<Value> pipeline(const Pipeline& pipeline, const Value& dot);

  /// Takes steps. LimitExceeded at `position` if none are left.
  Result<void> charge(std::size_t steps, Position position);

  /// LimitExceeded if too many levels (see `frames`) are open.
  Result<void> check_frames(Position position) const;

  /// A LimitExceeded error.
  static Error limit(Position position, std::string message);

  /// Invalid: `expression` is a hidden value and `user` would have to look at it.
  static Error refuse_hidden(const Expression& expression, std::string_view user);

  /// Whether a key that is not there is an error here.
  bool strict() const { return strict_; }

  /// Levels of nesting that are open.
  int& frames() { return frames_; }

  /// Sets the innermost variable of that name.
  void set_variable(std::string_view name, const Value& value);

  /// How many variables are visible; `close_scope` forgets the later ones.
  std::size_t open_scope() const { return variables_.size(); }

  void close_scope(std::size_t scope) { variables_.resize(scope); }

  struct Variable {
    /// Within the syntax tree.
    std::string_view name;
    Value value;
  };

  /// Hides all variables behind a new "$"; returns the hidden ones for `leave_template`.
  std::vector<Variable> enter_template(const Value& data);

  void leave_template(std::vector<Variable> hidden) { variables_ = std::move(hidden); }

 private:
  Result<Value> command(const Command& command, const Value& dot, const Value* piped);
  Result<Value> operand(const Expression& expression, const Value& dot);
  Result<Value> fields(const Expression& expression, Value value) const;
  Result<Value> call(
      const Expression& function, const Command& command, const Value& dot, const Value* piped
  );
  const HoledText* hidden_field(const Value& value, std::string_view name) const;
  Result<Value> call_builtin(
      const Expression& function,
      const Builtin* builtin,
      std::span<const Value> arguments,
      std::span<const Position> positions
  );
  Result<Value> call_injected(
      const Expression& function, const Function& injected, std::span<const Value> arguments
  );
  Result<Value> choose(
      const Expression& function, const Command& command, const Value& dot, const Value* piped
  );
  const Value* find_variable(std::string_view name) const;
  const Function* find_injected(std::string_view name) const;

  const Program& program_;
  const Json& data_;
  const RenderOptions& options_;
  Budget budget_;
  /// Switched off below `default`.
  bool strict_;
  std::vector<Variable> variables_;
  int frames_ = 0;
};

}  // namespace reeve::templates
