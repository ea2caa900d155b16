#include <algorithm>
#include <filesystem>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/print.h"
#include "workflow/lint/formats.h"
#include "workflow/lint/lint.h"

namespace reeve::cli {

namespace {

namespace fs = std::filesystem;

using lint::FileReport;
using lint::Severity;

/// Files looked at by one command.
constexpr std::size_t kLintFilesMax = 10'000;

/// A file to look at. Others than workflows are passed over in directories.
struct Candidate {
  std::string path;
  bool listed = true;
};

/// All YAML files below a directory by name; hidden ones and symbolic links are left out.
Result<void> collect_directory(const fs::path& directory, std::vector<Candidate>& files) {
  std::error_code failed;
  fs::recursive_directory_iterator at(directory, failed);
  std::vector<std::string> found;
  while (!failed && at != fs::recursive_directory_iterator()) {
    const fs::path& path = at->path();
    const bool hidden = path.filename().string().starts_with('.');
    const fs::file_status status = at->symlink_status(failed);
    if (failed) {
      break;
    }
    if (fs::is_directory(status) && hidden) {
      at.disable_recursion_pending();
    } else if (fs::is_regular_file(status) && !hidden && (path.extension() == ".yaml" || path.extension() == ".yml")) {
      found.push_back(path.string());
    }
    if (files.size() + found.size() > kLintFilesMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("there are more than ", kLintFilesMax, " files"),
          directory.string()
      );
    }
    at.increment(failed);
  }
  if (failed) {
    return make_error(
        ErrorCode::Io, concat("cannot read the directory: ", failed.message()), directory.string()
    );
  }
  std::sort(found.begin(), found.end());
  for (std::string& path : found) {
    files.push_back({.path = std::move(path), .listed = false});
  }
  return {};
}

/// "no-timeout=off" as a rule and its level; the complaint if it is none.
std::string parse_level(const std::string& text, lint::Options& options) {
  const std::size_t equals = text.find('=');
  const std::string rule = text.substr(0, equals);
  const std::string level = equals == std::string::npos ? std::string() : text.substr(equals + 1);
  if (lint::find_rule(rule) == nullptr) {
    std::vector<std::string> ids;
    for (const lint::Rule& known : lint::all_rules()) {
      ids.emplace_back(known.id);
    }
    const std::string near = nearest(rule, ids);
    return concat(
        "there is no rule \"", rule, "\"", near.empty() ? "" : concat("; did you mean ", near, "?")
    );
  }
  if (level == "off") {
    options.levels[rule] = std::nullopt;
    return {};
  }
  for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Info}) {
    if (level == to_string(severity)) {
      options.levels[rule] = severity;
      return {};
    }
  }
  return concat(
      "write it as ", rule, "=off, ", rule, "=info, ", rule, "=warning or ", rule, "=error"
  );
}

int usage(const std::string& message) {
  print_error_text(concat("reeve: ", printable(message), "\nSee reeve lint --help.\n"));
  return static_cast<int>(ExitCode::Usage);
}

/// Whether a file of a directory is something else than a workflow.
bool is_foreign(const lint::Report& report) {
  return std::any_of(
      report.findings.begin(),
      report.findings.end(),
      [](const lint::Finding& finding) {
        return finding.rule == "not-a-workflow" || finding.rule == "kind" ||
               finding.rule == "api-version";
      }
  );
}

std::string counted(std::size_t count, std::string_view noun) {
  return concat(count, " ", noun, count == 1 ? "" : "s");
}

/// "2 errors, 1 warning".
std::string summary_of(const lint::Report& report) {
  std::string text = concat(
      counted(report.count(Severity::Error), "error"),
      ", ",
      counted(report.count(Severity::Warning), "warning")
  );
  if (const std::size_t infos = report.count(Severity::Info); infos > 0) {
    text += concat(", ", counted(infos, "note"));
  }
  if (report.suppressed > 0) {
    text += concat(" (", report.suppressed, " turned off by comments)");
  }
  return text;
}

/// One run of the command.
class LintRun {
 public:
  LintRun(std::string format, lint::Options options, bool strict)
      : format_(std::move(format)), options_(std::move(options)), strict_(strict) {}

  void look_at(const Candidate& candidate) {
    Result<std::string> text = read_input(candidate.path);
    if (!text) {
      fail(text.error());
      return;
    }
    FileReport file{.file = input_name(candidate.path), .text = *std::move(text), .report = {}};
    options_.load.file = file.file;
    file.report = lint::check(file.text, options_);
    if (!candidate.listed && is_foreign(file.report)) {
      return;
    }
    const bool bad = file.report.count(Severity::Error) > 0 ||
                     (strict_ && file.report.count(Severity::Warning) > 0);
    failed_ = failed_ || bad;
    if (format_ == "text") {
      print_error_text(printable(lint::to_text(file)));
      print(concat(printable(file.file), ": ", summary_of(file.report), "\n"));
    }
    if (format_ == "sarif") {
      reports_.push_back(std::move(file));
      return;
    }
    for (const lint::Finding& finding : file.report.findings) {
      problems_.push(lint::to_json(finding));
    }
    suppressed_ += file.report.suppressed;
    ++files_;
  }

  void fail(const Error& error) {
    const int code = report(error);
    code_ = std::max(code_, code);
  }

  int finish() {
    if (format_ == "json") {
      Json result = Json::object();
      result.set("ok", !failed_ && code_ == 0).set("files", static_cast<std::int64_t>(files_));
      result.set("suppressed", static_cast<std::int64_t>(suppressed_));
      result.set("problems", std::move(problems_));
      print(result.pretty());
    } else if (format_ == "sarif") {
      print(lint::to_sarif(reports_, kVersion).pretty());
    }
    if (code_ != 0) {
      return code_;
    }
    return static_cast<int>(failed_ ? ExitCode::WorkFailed : ExitCode::Done);
  }

 private:
  std::string format_;
  lint::Options options_;
  bool strict_;
  bool failed_ = false;
  int code_ = 0;
  std::size_t files_ = 0;
  std::size_t suppressed_ = 0;
  Json problems_ = Json::array();
  std::vector<FileReport> reports_;
};

}  // namespace

int lint_files(const Common& common, const LintArgs& args) {
  lint::Options options;
  for (const std::string& rule : args.rules) {
    if (const std::string complaint = parse_level(rule, options); !complaint.empty()) {
      return usage(concat("--rule ", rule, ": ", complaint));
    }
  }
  std::string format = args.format;
  if (common.output == Output::Json) {
    if (!format.empty() && format != "json") {
      return usage(concat("-o json and --format ", format, " are two things"));
    }
    format = "json";
  }
  LintRun run(format.empty() ? "text" : format, std::move(options), args.strict);
  std::vector<Candidate> files;
  for (const std::string& path : args.paths) {
    std::error_code ignored;
    if (path != "-" && fs::is_directory(path, ignored)) {
      if (const Result<void> collected = collect_directory(path, files); !collected) {
        run.fail(collected.error());
      }
    } else {
      files.push_back({.path = path, .listed = true});
    }
  }
  for (const Candidate& file : files) {
    run.look_at(file);
  }
  return run.finish();
}

}  // namespace reeve::cli
