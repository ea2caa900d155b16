#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::workflow {

/// A document after its structural templates were carried out.
struct Shaped {
  std::string text;
  /// For line n of `text`, at n - 1: the line of the document it came from.
  std::vector<int> lines;
};

/// Whether `text` has lines that only templates can be: `{{range …}}`, `{{if …}}`, `{{end}}`.
bool has_structure(std::string_view text);

/// The constants of a Formicary document's `job_variables`, read without parsing the document:
/// an object; entries with templates are left out.
Json read_job_variables(std::string_view text);

/// `params` laid over `variables`. A param that came as text takes the type of the variable it
/// replaces if it reads as one ("3" over 1).
Json overlay(Json variables, const Json& params);

/// Carries out the templates that shape the document: those on lines of their own, and values
/// that use what they declare (loop variables, the dot of a loop). All others are kept for the
/// time of the run.
/// Invalid: a template fails or needs a value that `data` does not have; with the position in
/// `text`.
Result<Shaped> shape(std::string_view text, const Json& data);

}  // namespace reeve::workflow
