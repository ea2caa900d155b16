#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/handlers.h"
#include "api/listing.h"
#include "api/services.h"
#include "base/strings.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

namespace {

constexpr int kOk = 200;
/// Objects of an answer to whoever gives no limit.
constexpr std::size_t kItemsMax = 500'000;

struct Listed {
  std::vector<view::ProjectedPtr> items;
  resource::ListPage page;
};

/// The query for the first page.
resource::Outcome<view::ListQuery> first_query(
    const Call& call, const resource::ListOptions& options, const Selection& selection
) {
  view::ListQuery query;
  query.type = *call.type->view;
  query.selector = selection.selector;
  const bool unlimited = options.limit == 0;
  query.limit = unlimited ? view::kPageItemsMax : static_cast<std::uint32_t>(options.limit);
  if (!options.continue_token.empty()) {
    REEVE_TRY(query.from, open_position(call, selection, options.continue_token));
    return query;
  }
  const std::uint64_t version = options.resource_version.value_or(0);
  const bool legacy_exact =
      options.version_match == resource::VersionMatch::Unset && !unlimited && version != 0;
  if (options.version_match == resource::VersionMatch::Exact || legacy_exact) {
    query.exactly = Revision(version);
  }
  return query;
}

/// The pages that follow are of a state that is not kept any more. The words are those of
/// Kubernetes.
resource::Outcome<Listed> page_expired(
    const Call& call, const Selection& selection, view::Position rest
) {
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

resource::Outcome<Listed> list_problem(
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

resource::Outcome<Listed> collect(
    const Call& call, const resource::ListOptions& options, const Selection& selection
) {
  REEVE_TRY(view::ListQuery query, first_query(call, options, selection));
  Listed listed;
  const auto wanted = options.limit == 0 ? kItemsMax : static_cast<std::size_t>(options.limit);
  while (true) {
    Result<view::Page> page = call.services->view.list(query);
    if (!page) {
      return list_problem(call, selection, query, page.error());
    }
    for (view::ProjectedPtr& item : page->items) {
      listed.items.push_back(std::move(item));
    }
    listed.page.resource_version = std::to_string(page->revision.value());
    if (!page->next) {
      return listed;
    }
    if (listed.items.size() >= wanted) {
      REEVE_TRY(const std::string token, [&]() -> resource::Outcome<std::string> {
        Result<std::string> sealed = seal_position(call, selection, *page->next);
        if (!sealed) {
          return resource::from_error(sealed.error(), call.resource(), {});
        }
        return std::move(*sealed);
      }());
      listed.page.continue_token = token;
      if (page->remaining) {
        listed.page.remaining_item_count = static_cast<std::int64_t>(*page->remaining);
      }
      return listed;
    }
    query.from = std::move(page->next);
    query.exactly.reset();
    query.limit = static_cast<std::uint32_t>(
        std::min<std::size_t>(wanted - listed.items.size(), view::kPageItemsMax)
    );
  }
}

/// The list as text, put together from the texts of its objects.
std::string list_text(const Call& call, const Listed& listed) {
  const Json head = resource::object_list(call.resource(), listed.page, {});
  std::string out = head.dump();
  // The empty list of items is the last member.
  out.resize(out.rfind(']'));
  bool first = true;
  for (const view::ProjectedPtr& item : listed.items) {
    if (!first) {
      out.push_back(',');
    }
    first = false;
    out += *item->text();
  }
  out += "]}";
  return out;
}

Json::Array objects_of(const Listed& listed) {
  Json::Array objects;
  objects.reserve(listed.items.size());
  for (const view::ProjectedPtr& item : listed.items) {
    objects.push_back(item->object);
  }
  return objects;
}

/// Plain lists, the most frequent ones, are put together from texts that are there.
void answer_list(const CallPtr& call, const resource::ListOptions& options, const Listed& listed) {
  const bool shaped = call->shape.shape == resource::Shape::Table ||
                      call->shape.shape == resource::Shape::PartialMetadata;
  if (shaped || options.pretty) {
    answer_objects(call, listed.page, objects_of(listed), options.include_object);
  } else {
    answer(call, kOk, "application/json", list_text(*call, listed));
  }
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
  const resource::Outcome<Selection> selection = select(*call, *options);
  if (!selection) {
    answer(call, selection.error());
    return;
  }
  const resource::Outcome<Listed> listed = collect(*call, *options, *selection);
  if (!listed) {
    answer(call, listed.error());
    return;
  }
  answer_list(call, *options, *listed);
}

}  // namespace reeve::api
