#include "workflow/trigger/evaluate.h"

#include <utility>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::trigger {

namespace {

using workflow::Format;
using workflow::Text;

/// Renders the texts of one trigger over one occurrence.
class Renderer {
 public:
  Renderer(const Context& context, const Occurrence& occurrence)
      : context_(context), data_(occurrence.data) {}

  Result<std::string> render(const Text& text, std::string_view field, templates::Missing missing)
      const {
    std::string out = text.text;
    if (templates::has_actions(text.text)) {
      auto rendered = run(text, missing);
      if (!rendered) {
        return explained(std::move(rendered).error(), field);
      }
      out = std::move(rendered).value();
    }
    return formicary() ? replace_all(out, "&lt;", "<") : out;
  }

  Result<std::string> render(const Text& text, std::string_view field) const {
    return render(
        text, field, formicary() ? templates::Missing::NoValue : templates::Missing::Error
    );
  }

 private:
  bool formicary() const { return context_.workflow.format == Format::Formicary; }

  Result<std::string> run(const Text& text, templates::Missing missing) const {
    const Position place = text.position.line > 0 ? text.position : Position{1, 1};
    REEVE_TRY(const auto parsed, templates::Template::parse(text.text, context_.functions, place));
    templates::RenderOptions options;
    options.missing = missing;
    return parsed.render(data_, options);
  }

  Error explained(Error error, std::string_view field) const {
    if (!error.subject.empty()) {
      error.message = concat("at ", error.subject, ": ", error.message);
    }
    error.subject = concat("triggers.", context_.trigger.name, ".", field);
    return error;
  }

  const Context& context_;
  const Json& data_;
};

Error too_long(const Context& context, std::string_view field, std::size_t bytes_max) {
  Error error = make_error(
      ErrorCode::LimitExceeded,
      concat("longer than ", bytes_max, " bytes"),
      concat("triggers.", context.trigger.name, ".", field)
  );
  error.hint = "pass on a part of what came, or its address";
  return error;
}

Result<std::vector<model::NamedValue>> render_params(
    const Context& context, const Renderer& renderer
) {
  std::vector<model::NamedValue> params;
  std::size_t bytes = 0;
  for (const auto& [name, text] : context.trigger.params) {
    REEVE_TRY(std::string value, renderer.render(text, concat("params.", name)));
    bytes += name.size() + value.size();
    if (bytes > kParamsBytesMax) {
      return too_long(context, "params", kParamsBytesMax);
    }
    params.emplace_back(name, std::move(value));
  }
  return params;
}

Result<Submission> make_submission(
    const Context& context, const Renderer& renderer, const Occurrence& occurrence
) {
  Submission submission;
  REEVE_TRY(submission.params, render_params(context, renderer));
  REEVE_TRY(const std::string user_key, renderer.render(context.trigger.dedup_key, "dedup_key"));
  submission.user_key = std::string(trim(user_key));
  if (submission.user_key.size() > kUserKeyBytesMax) {
    return too_long(context, "dedup_key", kUserKeyBytesMax);
  }
  if (!occurrence.key.empty()) {
    const Digest name =
        sha256(concat(context.workflow.name, "\n", context.trigger.name, "\n", occurrence.key));
    submission.input_key = concat("trigger-", name.view());
  }
  return submission;
}

Outcome failed(Error error, const RateWindow& window) {
  return {
      .verdict = Verdict::Failed, .submission = {}, .error = std::move(error), .window = window};
}

Error rate_limited(const Context& context, const RateWindow& window) {
  const workflow::RateLimit& limit = *context.trigger.rate_limit;
  Error error = make_error(
      ErrorCode::LimitExceeded,
      concat("fired ", limit.max, " times within ", format_duration(limit.window), " already"),
      concat("triggers.", context.trigger.name, ".rate_limit")
  );
  error.hint = concat("fires again from ", format_timestamp(window.started_at + limit.window));
  return error;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Fired:
      return "fired";
    case Verdict::Filtered:
      return "filtered";
    case Verdict::Deduplicated:
      return "deduplicated";
    case Verdict::RateLimited:
      return "rate_limited";
    case Verdict::Unauthorised:
      return "unauthorised";
    case Verdict::BadRequest:
      return "bad_request";
    case Verdict::TooLarge:
      return "too_large";
    case Verdict::Failed:
      return "failed";
  }
  return "failed";
}

Outcome evaluate(const Context& context, const Occurrence& occurrence, const RateWindow& window) {
  const Renderer renderer(context, occurrence);
  Outcome outcome{.verdict = Verdict::Fired, .submission = {}, .error = {}, .window = window};
  if (!context.trigger.filter.empty()) {
    const auto wanted =
        renderer.render(context.trigger.filter, "filter", templates::Missing::NoValue);
    if (!wanted) {
      return failed(wanted.error(), window);
    }
    if (trim(*wanted) != "true") {
      outcome.verdict = Verdict::Filtered;
      return outcome;
    }
  }
  auto submission = make_submission(context, renderer, occurrence);
  if (!submission) {
    return failed(std::move(submission).error(), window);
  }
  if (context.trigger.rate_limit) {
    const auto admitted = admit(window, *context.trigger.rate_limit, occurrence.at);
    if (!admitted) {
      outcome.verdict = Verdict::RateLimited;
      outcome.error = rate_limited(context, window);
      return outcome;
    }
    outcome.window = *admitted;
  }
  outcome.submission = std::move(submission).value();
  return outcome;
}

Outcome after_submission(Outcome fired, const Result<void>& submitted) {
  if (!fired.fired() || submitted) {
    return fired;
  }
  fired.error = submitted.error();
  if (fired.error.code == ErrorCode::AlreadyExists) {
    fired.verdict = Verdict::Deduplicated;
  } else {
    // The workflow itself did not want this mission.
    const bool skipped = fired.error.code == ErrorCode::Cancelled;
    fired.verdict = skipped ? Verdict::Filtered : Verdict::Failed;
  }
  return fired;
}

}  // namespace reeve::trigger
