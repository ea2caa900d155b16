#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

/// Go's text/template as a pure library: the same text and data give the same output for ever.
namespace reeve::templates {

/// Bounds of one parse or render. Reaching one is ErrorCode::LimitExceeded with a position.
struct Limits {
  /// Nodes walked, loop rounds, calls, and one more per 64 bytes handled by a function.
  std::size_t steps_max = 1'000'000;
  /// Of the result, and of every string made on the way to it.
  std::size_t output_bytes_max = std::size_t{4} << 20U;
  /// Nesting of control structures and parentheses in a text, and of running `{{template}}` calls.
  int depth_max = 100;
};

/// What a key that is not there means.
enum class Missing {
  NoValue,  ///< Go's default: no value, printed as "<no value>"
  Error,    ///< an error that names the key, except below `default`; printing null is one as well
};

/// A function that templates may call. Arguments without a value arrive as null. An error ends the
/// rendering; its position becomes that of the call.
using Function = std::function<Result<Json>(std::span<const Json>)>;

/// A place in a text at which a value belongs that the renderer does not have.
struct Hole {
  /// The byte of the text before which it goes.
  std::size_t offset = 0;
  /// What the value is called where it is known.
  std::string name;

  friend bool operator==(const Hole&, const Hole&) = default;
};

/// A text with holes, in order. Holes are no part of the text: nothing in it can look like one.
struct HoledText {
  std::string text;
  std::vector<Hole> holes;

  friend bool operator==(const HoledText&, const HoledText&) = default;
};

/// Top-level fields of the data whose value is not known, or not whole, by name.
using HiddenFields = std::map<std::string, HoledText, std::less<>>;

/// Functions by name. They win over built-in ones of the same name, except `and` and `or`.
using FunctionTable = std::map<std::string, Function, std::less<>>;

struct RenderOptions {
  Limits limits;
  Missing missing = Missing::NoValue;
  /// Used instead of the functions given to `parse`, if not null. Names that it lacks are taken
  /// from there.
  const FunctionTable* functions = nullptr;
  /// Fields that win over those of the data, if not null. They may be printed, assigned to
  /// variables and passed to templates and to `default`; everything else is Invalid, because it
  /// would have to look at them.
  const HiddenFields* hidden = nullptr;
};

/// One use of a top-level field: `.Name` where the dot is the data itself, `$.Name`, or
/// `index . "Name"`.
struct FieldReference {
  std::string name;
  Position position;
  /// The text copes with the field being absent: it is given to `default`, or is the condition of
  /// an `if` or `with`.
  bool optional = false;
  /// The field's text may reach the output as it is: the action is not a condition and its
  /// pipeline does not end in `shellquote`.
  bool spliced = false;
  /// The action does nothing but print the field: `{{ .Name }}`.
  bool alone = false;
};

/// What is known of a value before anything is rendered.
enum class ValueKind : std::uint8_t { Unknown, Missing, Bool, Int, Float, Text, List, Map };

/// The kind of a top-level field.
using KindOf = std::function<ValueKind(std::string_view name)>;

/// A use of a value that fails whenever it is carried out.
struct TypeFault {
  Position position;
  std::string message;
  /// The field whose kind does not fit.
  std::string name;
  ValueKind kind = ValueKind::Unknown;
};

struct Program;

/// A parsed template. Immutable, cheap to copy, any thread.
class Template {
 public:
  /// Reads `text`. Calls of names that are neither built in nor in `functions` are refused.
  /// `offset` is the place of the first character in a larger file; positions of errors and
  /// references are given relative to that (columns count characters, from 1).
  ///
  /// Invalid: the text is not a template; the message says why, `position` where.
  /// Unsupported: `call`, complex numbers. LimitExceeded: nested deeper than `limits.depth_max`.
  static Result<Template> parse(
      std::string_view text,
      const FunctionTable& functions = {},
      Position offset = {1, 1},
      const Limits& limits = {}
  );

  /// The text with all actions carried out over `data`. Nothing but the arguments is consulted.
  ///
  /// Invalid: an action fails; `subject` is the piece of the template, `position` its place.
  /// LimitExceeded: see Limits. Errors of called functions keep their code.
  Result<std::string> render(const Json& data, const RenderOptions& options = {}) const;

  /// The same where hidden fields are printed: they leave holes.
  Result<HoledText> render_holed(const Json& data, const RenderOptions& options) const;

  /// Every use of a top-level field, in the order of the text. Bodies of `define` count only where
  /// they are called with the data itself.
  const std::vector<FieldReference>& referenced_fields() const;

  /// Calls and loops that can only fail, given the kinds of the fields: comparisons of kinds that
  /// do not compare, `index`, `len` and `range` of what has no parts, fields of what is no map.
  /// Whatever is not known for certain is taken to fit.
  std::vector<TypeFault> find_type_faults(const KindOf& kind_of) const;

 private:
  explicit Template(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  /// Shared because it is immutable and copies of a template are handed around.
  std::shared_ptr<const Program> program_;
};

/// Whether `text` contains an action, comment or stray `{{`: without, rendering changes nothing.
bool has_actions(std::string_view text);

/// Names of all functions that need no FunctionTable, sorted.
std::vector<std::string> builtin_function_names();

}  // namespace reeve::templates
