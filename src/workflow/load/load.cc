#include "workflow/load/load.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "workflow/document/lines.h"
#include "workflow/document/yaml.h"
#include "workflow/load/actions.h"
#include "workflow/load/bare.h"
#include "workflow/load/conditions.h"
#include "workflow/load/decode.h"
#include "workflow/load/extension.h"
#include "workflow/load/formicary.h"
#include "workflow/load/loader.h"
#include "workflow/load/native.h"
#include "workflow/load/problems.h"
#include "workflow/load/shape.h"
#include "workflow/load/templates.h"
#include "workflow/part.h"

namespace reeve::workflow {

namespace {

using document::Node;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Marks {
  bool native = false;
  bool formicary = false;
  bool dynamic = false;
};

bool is_key(std::string_view line, std::string_view key) {
  if (line.starts_with('"') || line.starts_with('\'')) {
    line.remove_prefix(1);
  }
  if (!line.starts_with(key)) {
    return false;
  }
  line.remove_prefix(key.size());
  if (line.starts_with('"') || line.starts_with('\'')) {
    line.remove_prefix(1);
  }
  return trim(line).starts_with(':');
}

/// Which front end a text belongs to, told before it is parsed: the two are prepared differently.
Marks find_marks(std::string_view text) {
  Marks marks;
  for (const document::Line& line : document::scan_lines(text, is_structural_line)) {
    if (line.in_block || line.indent > 0) {
      continue;
    }
    marks.formicary = marks.formicary || is_key(line.text, "job_type");
    marks.native = marks.native || is_key(line.text, "kind") || is_key(line.text, "apiVersion");
    marks.dynamic = marks.dynamic || (is_key(line.text, "dynamic_template_tasks") &&
                                      line.text.find("true") != std::string_view::npos);
  }
  return marks;
}

using Made = std::shared_ptr<const Workflow>;

/// Where a document is loaded to, and what goes with it.
struct Job {
  const LoadOptions& options;
  /// Documents that extend it.
  std::vector<SourceDocument> extensions;
  Problems& problems;
};

Made finish(
    Draft draft,
    Decoder& decoder,
    std::string_view parsed,
    std::string_view original,
    const Job& job
) {
  std::string source =
      decoder.patches().empty() ? std::string(original) : apply_patches(parsed, decoder.patches());
  draft.added_from = draft.tasks.size();
  Extender extender(decoder.data(), draft, job.problems);
  for (const SourceDocument& extension : job.extensions) {
    extender.add(extension, source);
  }
  auto workflow = assemble(std::move(draft), job.problems);
  if (workflow == nullptr) {
    return nullptr;
  }
  workflow->source = std::move(source);
  workflow->digest = sha256(workflow->source);
  return workflow;
}

Made load_native(std::string_view text, const Job& job) {
  Problems& problems = job.problems;
  Quoted quoted = quote_bare_templates(text, false);
  report_bare_templates(quoted, 0, problems);
  auto root = document::parse_yaml(quoted.text, {.size_bytes_max = 2 * kSourceBytesMax});
  if (!root.ok()) {
    problems.error("yaml", std::move(root).error());
    return nullptr;
  }
  DecodeContext context{
      .format = Format::Native,
      .source = quoted.text,
      .quote_columns = quoted.columns,
      .data = overlay(native_data(*root), job.options.params)};
  Decoder decoder(std::move(context), problems);
  Draft draft = decode_native(*root, decoder);
  return finish(std::move(draft), decoder, quoted.text, text, job);
}

/// Templates among the variables themselves, carried out as far as they can be. All of them
/// together may take no more steps than a few honest ones do: whoever sends a document has proved
/// nothing yet.
Json render_variables(Json data) {
  constexpr std::size_t kStepsOfAll = 200'000;
  const auto with_actions = static_cast<std::size_t>(std::count_if(
      data.as_object().begin(),
      data.as_object().end(),
      [](const Json::Member& each) {
        return each.second.is_string() && templates::has_actions(each.second.as_string());
      }
  ));
  const std::size_t steps_max = kStepsOfAll / std::max<std::size_t>(with_actions, 1);
  for (auto& [name, value] : data.as_object()) {
    if (value.is_string() && templates::has_actions(value.as_string())) {
      auto rendered = render_now(value.as_string(), data, MissingValue::Error, steps_max);
      if (rendered.ok()) {
        value = Json(std::move(rendered).value());
      }
    }
  }
  return data;
}

/// The parts of `job_variables` that can be used while loading.
Json formicary_data(const Node& root, const LoadOptions& options) {
  Json data = Json::object();
  const Node* variables = root.find("job_variables");
  if (variables != nullptr && variables->members.size() + variables->items.size() > kVariablesMax) {
    return data;  // the decoder refuses the document
  }
  if (variables != nullptr && variables->is_map()) {
    data = document::to_json(*variables);
  } else if (variables != nullptr && variables->is_sequence()) {
    for (const Node& item : variables->items) {
      const Node* name = item.find("name");
      const Node* value = item.find("value");
      if (name != nullptr && value != nullptr) {
        data.set(name->text, document::to_json(*value));
      }
    }
  }
  return render_variables(overlay(std::move(data), options.params));
}

/// The text of a document that is a template itself, without its structural lines.
std::optional<std::string> carry_out_structure(
    std::string_view text, const LoadOptions& options, Problems& problems
) {
  const Json data = overlay(read_job_variables(text), options.params);
  Deferred deferred = defer_conditions(text, data);
  for (const EarlyCondition& early : deferred.early) {
    problems.warning(
        "early-condition",
        early.position,
        {},
        concat("this condition is decided at submission, when \"", early.name, "\" is not known"),
        "give it in job_variables or as a parameter"
    );
  }
  if (!has_structure(deferred.text)) {
    return std::move(deferred.text);
  }
  auto shaped = shape(deferred.text, data);
  if (!shaped.ok()) {
    Error error = std::move(shaped).error();
    if (error.hint.empty()) {
      error.hint = "lines of this kind are decided at submission, from job_variables and params";
    }
    problems.error("template", std::move(error));
    return std::nullopt;
  }
  problems.set_lines(std::move(shaped->lines));
  return std::move(shaped->text);
}

Made load_formicary(std::string_view text, bool dynamic, const Job& job) {
  Problems& problems = job.problems;
  const document::Limits limits{.size_bytes_max = 2 * kSourceBytesMax};
  std::string shaped_text;
  std::string_view original = text;
  Quoted quoted = quote_bare_templates(text, true);
  auto root = document::parse_yaml(quoted.text, limits);
  const bool templated = text.find("{{") != std::string_view::npos;
  if (templated && (dynamic || (!root.ok() && has_structure(text)))) {
    auto shaped = carry_out_structure(text, job.options, problems);
    if (!shaped) {
      return nullptr;
    }
    // The caller's text may be gone before the workflow is made.
    shaped_text = *std::move(shaped);
    original = shaped_text;
    quoted = quote_bare_templates(shaped_text, true);
    root = document::parse_yaml(quoted.text, limits);
  }
  if (!root.ok()) {
    problems.error("yaml", std::move(root).error());
    return nullptr;
  }
  DecodeContext context{
      .format = Format::Formicary,
      .source = quoted.text,
      .quote_columns = quoted.columns,
      .data = formicary_data(*root, job.options)};
  Decoder decoder(std::move(context), problems);
  Draft draft = decode_formicary(*root, decoder);
  return finish(std::move(draft), decoder, quoted.text, original, job);
}

/// A text that shows neither key at the start of a line: find out why, or what it is.
Made load_unmarked(std::string_view text, const Job& job) {
  auto root = document::parse_yaml(text);
  if (!root.ok()) {
    job.problems.error("yaml", std::move(root).error());
    return nullptr;
  }
  if (root->find("job_type") != nullptr) {
    return load_formicary(text, false, job);
  }
  if (root->find("kind") != nullptr || root->find("apiVersion") != nullptr) {
    return load_native(text, job);
  }
  std::string hint = "begin with \"apiVersion: reeve.dev/v1\" and \"kind: Workflow\"";
  for (const document::Member& member : root->members) {
    const std::string near = nearest(member.key.text, {"job_type", "kind", "apiVersion"});
    if (!near.empty()) {
      hint = concat("did you mean \"", near, "\" instead of \"", member.key.text, "\"?");
    }
  }
  job.problems.error(
      "not-a-workflow",
      root->position,
      {},
      "this is no workflow: it has neither \"kind: Workflow\" nor \"job_type\"",
      std::move(hint)
  );
  return nullptr;
}

/// The workflow of one document and those that extend it.
Made load_documents(
    std::string_view text,
    std::vector<SourceDocument> extensions,
    const LoadOptions& options,
    Problems& problems
) {
  const Job job{options, std::move(extensions), problems};
  const Marks marks = find_marks(text);
  if (marks.native && marks.formicary) {
    problems.error(
        "two-formats",
        {1, 1},
        {},
        "has both \"kind\" and \"job_type\"",
        "remove \"job_type\" from a native workflow, \"kind\" and \"apiVersion\" from a Formicary "
        "job"
    );
    return nullptr;
  }
  if (marks.formicary) {
    return load_formicary(text, marks.dynamic, job);
  }
  if (marks.native) {
    return load_native(text, job);
  }
  return load_unmarked(text, job);
}

Made load_stored(std::string_view text, const LoadOptions& options, Problems& problems) {
  std::vector<SourceDocument> documents = split_source(text);
  if (documents.size() > kExtensionsMax + 1) {
    problems.error(
        "too-many-extensions",
        make_error(
            ErrorCode::LimitExceeded,
            concat("has been extended more than ", kExtensionsMax, " times")
        )
    );
    return nullptr;
  }
  const std::string_view base = documents.front().text;
  documents.erase(documents.begin());
  return load_documents(base, std::move(documents), options, problems);
}

Made take_part(const Made& whole, const PartSource& part, Problems& problems) {
  if (whole == nullptr) {
    return nullptr;
  }
  const auto task = whole->find(part.task);
  if (!task) {
    problems.error(
        "unknown-task",
        {1, 1},
        {},
        concat("is a part for the task \"", part.task, "\", which is not there")
    );
    return nullptr;
  }
  auto made = part_of(*whole, *task);
  if (!made.ok()) {
    problems.error("part", std::move(made).error());
    return nullptr;
  }
  return *made;
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::Error:
      return "error";
    case Severity::Warning:
      return "warning";
    case Severity::Info:
      return "info";
  }
  return "error";
}

const Error& Loaded::first_error() const {
  for (const Problem& problem : problems) {
    if (problem.severity == Severity::Error) {
      return problem.error;
    }
  }
  REEVE_ASSERT(false && "a document without errors has no first error");
  std::abort();
}

std::shared_ptr<const Workflow> load_into(
    std::string_view text, const LoadOptions& options, Problems& problems
) {
  const std::optional<PartSource> part = part_source(text);
  if (part && options.origin == Origin::Submitted) {
    problems.error(
        "part",
        {1, 1},
        {},
        "the source of a part of a workflow cannot be submitted",
        "remove the first line to submit the whole"
    );
    return nullptr;
  }
  text = part ? part->whole : text;
  auto readable = document::check_text(text, {.size_bytes_max = kSourceBytesMax});
  if (!readable.ok()) {
    problems.error(
        readable.error().code == ErrorCode::LimitExceeded ? "too-large" : "not-text",
        readable.error()
    );
    return nullptr;
  }
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  if (options.origin == Origin::Submitted) {
    return load_documents(text, {}, options, problems);
  }
  Made whole = load_stored(text, options, problems);
  return part ? take_part(whole, *part, problems) : whole;
}

Loaded load(std::string_view text, const LoadOptions& options) {
  Problems problems(options.file);
  auto workflow = load_into(text, options, problems);
  return {std::move(workflow), std::move(problems).take()};
}

Result<std::shared_ptr<const Workflow>> load_source(std::string_view source) {
  Loaded loaded = load(source, {.file = "workflow", .origin = Origin::Stored, .params = {}});
  if (!loaded.ok()) {
    return loaded.first_error();
  }
  return std::move(loaded.workflow);
}

Result<std::string> extend_source(std::string_view base, std::string_view extension) {
  if (part_source(base)) {
    Error error = make_error(ErrorCode::Invalid, "a part of a workflow cannot be extended");
    error.hint = "extend the mission that it belongs to";
    return error;
  }
  Loaded loaded = load(
      join_source(base, extension), {.file = "extension", .origin = Origin::Stored, .params = {}}
  );
  if (!loaded.ok()) {
    Error error = loaded.first_error();
    error.position.line = line_in_extension(base, extension, error.position.line);
    return error;
  }
  return loaded.workflow->source;
}

}  // namespace reeve::workflow
