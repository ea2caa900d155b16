#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "workflow/document/yaml.h"
#include "workflow/load/conditions.h"
#include "workflow/load/draft.h"
#include "workflow/load/problems.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

/// A value in the source that was decided while loading: put there so that loading the source
/// again decides the same.
struct Patch {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;
};

/// Variables of a document or task.
inline constexpr std::size_t kVariablesMax = 1000;
/// Values of a document that may hold templates carried out while loading.
inline constexpr std::size_t kLateValuesMax = 10'000;

/// `source` with the patches applied.
std::string apply_patches(std::string_view source, std::vector<Patch> patches);

/// What both front ends read from: the document's text, and what is known while loading it.
struct DecodeContext {
  Format format = Format::Native;
  /// The text that was parsed.
  std::string_view source;
  /// Column of quotes that were put in by `quote_bare_templates`, by line.
  std::map<int, int> quote_columns;
  /// Constants of the document overlaid by the params: what templates may use while loading.
  Json data = Json::object();
};

/// Entries of a list or map of words.
inline constexpr std::size_t kWordsMax = 1000;

using TextMap = std::vector<std::pair<std::string, Text>>;
using WordMap = std::vector<std::pair<std::string, std::string>>;

/// Codes of processes; those of requests are statuses.
inline constexpr std::int64_t kExitCodeMax = 255;
inline constexpr std::int64_t kStatusMax = 999;

/// Reads values out of nodes. Every function reports what is wrong, with position and field path,
/// and returns something harmless then. One thread.
class Decoder {
 public:
  Decoder(DecodeContext context, Problems& problems)
      : context_(std::move(context)), problems_(problems) {}

  Problems& problems() { return problems_; }

  const std::vector<Patch>& patches() const { return patches_; }

  /// What templates may use while loading.
  const Json& data() const { return context_.data; }

  /// Reports that `node` is of the wrong type. Without a `hint`, it shows how the field is written.
  void wrong(
      const document::Node& node,
      std::string_view path,
      std::string_view expected,
      std::string hint = {}
  );

  /// Reports that a limit is exceeded.
  void too_much(
      std::string_view rule,
      const document::Node& node,
      std::string_view path,
      std::string message,
      std::string hint
  );

  /// Text that may keep templates; their syntax is checked.
  Text text(const document::Node& node, std::string_view path);

  /// Text with its templates carried out now.
  std::optional<std::string> literal(const document::Node& node, std::string_view path);

  /// A name by the rule of workflows and tasks.
  std::string name(const document::Node& node, std::string_view path);

  /// A name that may be a template; a constant one is checked.
  Text name_text(const document::Node& node, std::string_view path);

  std::string description(const document::Node& node, std::string_view path);
  bool flag(const document::Node& node, std::string_view path, bool fallback);
  std::uint32_t count(
      const document::Node& node, std::string_view path, std::uint32_t max, std::uint32_t fallback
  );
  /// A whole number in [min, max].
  std::int64_t integer(
      const document::Node& node,
      std::string_view path,
      std::int64_t min,
      std::int64_t max,
      std::int64_t fallback
  );
  double number(
      const document::Node& node, std::string_view path, double min, double max, double fallback
  );
  Duration duration(const document::Node& node, std::string_view path, Duration fallback);

  /// A duration longer than nothing.
  Duration positive(const document::Node& node, std::string_view path, Duration fallback);

  /// A duration that may be a template; a constant one is checked.
  Text duration_text(const document::Node& node, std::string_view path);

  /// One text or a list of texts. In Formicary documents conditions may stand between the items;
  /// see `defer_conditions`.
  std::vector<Text> texts(const document::Node& node, std::string_view path);

  /// A list of names.
  std::vector<Ref> refs(const document::Node& node, std::string_view path);
  Ref ref(const document::Node& node, std::string_view path);

  TextMap environment(const document::Node& node, std::string_view path);

  /// One of `words`, or nothing if it is none of them. In Formicary documents in upper or lower
  /// case.
  std::optional<std::size_t> choice(
      const document::Node& node, std::string_view path, std::span<const std::string_view> words
  );

  /// What becomes of a word that is not known while loading.
  enum class Unknown : std::uint8_t { Refuse, LeaveOut };

  /// A list of words; Formicary: or words separated by commas. Left-out words are warned of.
  std::vector<std::string> words(
      const document::Node& node, std::string_view path, Unknown unknown = Unknown::Refuse
  );

  /// Whether `node` can be decided while loading; if not, warns that it is left out.
  bool known_now(const document::Node& node, std::string_view path);

  /// A map of names of any kind to texts.
  TextMap text_map(const document::Node& node, std::string_view path);

  /// A map of names of any kind to words that are known while loading.
  WordMap word_map(const document::Node& node, std::string_view path);

  /// Any value without templates, as JSON text; of a text, the text itself.
  Text json_text(const document::Node& node, std::string_view path);

  /// A map, or (Formicary) a list of {name, value}.
  std::vector<Variable> variables(const document::Node& node, std::string_view path);

  /// `{min, max, factor, jitter}`.
  std::optional<Backoff> backoff(const document::Node& node, std::string_view path);

  /// `{max, window}`.
  RateLimit rate_limit(const document::Node& node, std::string_view path);

  /// Code → target. Codes are upper-cased words, or numbers up to `code_max`.
  std::vector<RawRoute> routes(
      const document::Node& node, std::string_view path, std::int64_t code_max
  );

  std::vector<Text> artifact_paths(const document::Node& node, std::string_view path);
  model::ArtifactWhen artifact_when(const document::Node& node, std::string_view path);
  Text working_dir(const document::Node& node, std::string_view path);

  /// Reports that there is no method `value`.
  void unknown_method(
      const document::Node& node,
      std::string_view path,
      std::string_view value,
      const std::vector<std::string>& known
  );

  bool native() const { return context_.format == Format::Native; }

 private:
  Position content(const document::Node& node) const;

  /// Whether a list or map is within kWordsMax.
  bool fits(const document::Node& node, std::string_view path);

  /// Whether a key is short enough for a name.
  bool is_word(const document::Node& key, std::string_view path);
  Position in_scalar(const document::Node& node, Position place) const;
  void check_templates(const document::Node& node, std::string_view path);

  /// One text of a list.
  Text item(const document::Node& node, std::string_view path);

  /// The text of an item that YAML reads as a map because of a `: ` in it; null if it is none.
  std::optional<Text> unquoted(const document::Node& node, std::string_view path);
  std::vector<Text> guarded_items(const document::Node& list, std::string_view path);
  void check_guards(const Guards& guards, const document::Node& node, std::string_view path);
  void remember(const document::Node& node, const std::string& text);
  std::optional<Duration> parse(
      const document::Node& node, std::string_view path, const std::string& text
  );
  void check_json_templates(const document::Node& node, std::string_view path);

  /// Reports a duration that is not longer than nothing.
  void too_short(const document::Node& node, std::string_view path);

  DecodeContext context_;
  Problems& problems_;
  std::vector<Patch> patches_;
  std::size_t late_values_ = 0;
  std::size_t guard_bytes_ = 0;
};

/// Whether `name` can name an environment variable.
bool is_environment_name(std::string_view name);

/// Why `name` cannot name a workflow or task; empty if it can.
std::string name_fault(std::string_view name);

/// A name like `name` that can name one, as the way out.
std::string name_hint(std::string_view name);

}  // namespace reeve::workflow
