#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/handlers.h"
#include "api/list_answer.h"
#include "api/listing.h"
#include "api/services.h"
#include "base/strings.h"
#include "resource/query.h"

namespace reeve::api {

namespace {

constexpr int kOk = 200;

/// What is to be listed, and of which state.
resource::Outcome<view::ListQuery> query_of(
    const Call& call, const resource::ListOptions& options, const Selection& selection
) {
  view::ListQuery query;
  query.type = *call.type->view;
  query.selector = selection.selector;
  if (!options.continue_token.empty()) {
    REEVE_TRY(query.from, open_position(call, selection, options.continue_token));
    return query;
  }
  const std::uint64_t version = options.resource_version.value_or(0);
  const bool legacy_exact =
      options.version_match == resource::VersionMatch::Unset && options.limit != 0 && version != 0;
  if (options.version_match == resource::VersionMatch::Exact || legacy_exact) {
    query.exactly = Revision(version);
  }
  return query;
}

/// The pages that follow are of a state that is not kept any more. The words are those of
/// Kubernetes.
resource::Status page_expired(const Call& call, const Selection& selection, view::Position rest) {
  rest.revision = Revision(0);
  Result<std::string> token = seal_position(call, selection, rest);
  if (!token) {
    return resource::from_error(token.error(), call.resource(), {});
  }
  resource::Status status = resource::expired(
      "The provided continue parameter is too old to display a consistent list result. You can "
      "start a new list without the continue parameter, or use the continue token in this response "
      "to retrieve the remainder of the results. Continuing with the provided token results in an "
      "inconsistent list - objects that were created, modified, or deleted between the time the "
      "first chunk was returned and now may show up in the list."
  );
  status.continue_token = std::move(*token);
  return status;
}

resource::Status list_problem(
    const Call& call, const Selection& selection, const view::ListQuery& query, const Error& error
) {
  if (!view::is_expired(error)) {
    return resource::from_error(error, call.resource(), {});
  }
  if (query.from) {
    return page_expired(call, selection, *query.from);
  }
  return resource::expired("The resourceVersion for the provided list is too old.");
}

}  // namespace

void get_object(const CallPtr& call) {
  const resource::Outcome<resource::GetOptions> options =
      resource::parse_get_options(call->request().query);
  if (!options) {
    answer(call, options.error());
    return;
  }
  if (const auto problem = check_version(*call, options->resource_version)) {
    answer(call, *problem);
    return;
  }
  const view::ProjectedPtr found =
      call->services->view.get(*call->type->view, call->route.ns, call->route.name);
  if (found == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  if (call->shape.shape == resource::Shape::Object && !options->pretty) {
    answer(call, kOk, "application/json", found->text());
    return;
  }
  answer_object(call, kOk, found->object, options->include_object);
}

void list_objects(const CallPtr& call) {
  const resource::Outcome<resource::ListOptions> options =
      resource::parse_list_options(call->request().query);
  if (!options) {
    answer(call, options.error());
    return;
  }
  if (const auto problem = check_version(*call, options->resource_version)) {
    answer(call, *problem);
    return;
  }
  resource::Outcome<Selection> selection = select(*call, *options);
  if (!selection) {
    answer(call, selection.error());
    return;
  }
  const resource::Outcome<view::ListQuery> query = query_of(*call, *options, *selection);
  if (!query) {
    answer(call, query.error());
    return;
  }
  Result<view::Lister> lister = call->services->view.begin_list(*query);
  if (!lister) {
    answer(call, list_problem(*call, *selection, *query, lister.error()));
    return;
  }
  std::make_shared<ListAnswer>(call, *options, std::move(*selection), std::move(*lister))->begin();
}

}  // namespace reeve::api
