#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/built_in.h"
#include "api/handlers.h"
#include "api/listing.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "resource/query.h"
#include "resource/table.h"

namespace reeve::api {

namespace {

constexpr int kOk = 200;

resource::Outcome<resource::DeleteOptions> read_options(const CallPtr& call) {
  if (call->request().body.empty()) {
    return resource::parse_delete_options(call->request().query, nullptr);
  }
  REEVE_TRY(
      const resource::BodyFormat format,
      resource::object_body_format(call->request().headers.get("Content-Type"))
  );
  REEVE_TRY(const Json body, read_body(*call, format));
  return resource::parse_delete_options(call->request().query, &body);
}

void answer_deleted(
    const CallPtr& call, const view::ProjectedPtr& before, const engine::Reply& reply
) {
  if (reply.gone) {
    answer(call, resource::deleted(call->resource(), before->name, before->uid.view()));
    return;
  }
  if (const view::ProjectedPtr after = current(*call, before->name)) {
    answer_object(call, kOk, after->object);
    return;
  }
  answer(call, resource::deleted(call->resource(), before->name, before->uid.view()));
}

/// The deletion of what a collection had when it was asked for, object after object.
struct CollectionDeletion {
  CallPtr call;
  resource::DeleteOptions options;
  std::vector<view::ProjectedPtr> items;
  std::size_t next = 0;
};

void delete_next(const std::shared_ptr<CollectionDeletion>& work) {
  const CallPtr& call = work->call;
  if (work->next == work->items.size() || work->options.dry_run) {
    Json::Array deleted;
    for (const view::ProjectedPtr& item : work->items) {
      deleted.push_back(item->object);
    }
    const resource::ListPage page{
        .resource_version = std::to_string(call->services->view.revision().value()),
        .continue_token = {},
        .remaining_item_count = {}};
    answer(call, kOk, resource::object_list(call->resource(), page, std::move(deleted)));
    return;
  }
  const view::ProjectedPtr& item = work->items[work->next];
  ++work->next;
  resource::DeleteOptions options = work->options;
  options.uid = item->uid.str();
  resource::Outcome<engine::Command> command = deletion_command(*call, item->name, options);
  if (!command) {
    answer(call, command.error());
    return;
  }
  send(
      call,
      std::move(*command),
      [work](const Result<engine::Reply>& reply) {
        // Gone already, or another one of that name: nothing is left to do about it.
        const bool fine = reply || reply.error().code == ErrorCode::NotFound ||
                          reply.error().code == ErrorCode::Conflict;
        if (fine) {
          delete_next(work);
        } else {
          answer(work->call, reply.error());
        }
      },
      item->name
  );
}

}  // namespace

void delete_object(const CallPtr& call) {
  const resource::Outcome<resource::DeleteOptions> options = read_options(call);
  if (!options) {
    answer(call, options.error());
    return;
  }
  const view::ProjectedPtr before = current(*call, call->route.name);
  if (before == nullptr) {
    answer(call, resource::not_found(call->resource(), call->route.name));
    return;
  }
  if (const auto refused = check_built_in(*call, call->route.name)) {
    answer(call, *refused);
    return;
  }
  if (!options->uid.empty() && options->uid != before->uid.view()) {
    answer(
        call,
        resource::conflict(
            call->resource(),
            call->route.name,
            concat(
                "Precondition failed: UID in precondition: ",
                options->uid,
                ", UID in object meta: ",
                before->uid.view()
            )
        )
    );
    return;
  }
  if (options->dry_run) {
    answer(call, resource::deleted(call->resource(), before->name, before->uid.view()));
    return;
  }
  resource::Outcome<engine::Command> command = deletion_command(*call, call->route.name, *options);
  if (!command) {
    answer(call, command.error());
    return;
  }
  send(call, std::move(*command), [call, before](const Result<engine::Reply>& reply) {
    if (reply) {
      answer_deleted(call, before, *reply);
    } else {
      answer(call, reply.error());
    }
  });
}

void delete_collection(const CallPtr& call) {
  const resource::Outcome<resource::DeleteOptions> options = read_options(call);
  const resource::Outcome<resource::ListOptions> list =
      resource::parse_list_options(call->request().query);
  if (!options || !list) {
    answer(call, options ? list.error() : options.error());
    return;
  }
  const resource::Outcome<Selection> selection = select(*call, *list);
  if (!selection) {
    answer(call, selection.error());
    return;
  }
  auto work = std::make_shared<CollectionDeletion>();
  work->call = call;
  work->options = *options;
  view::ListQuery query;
  query.type = *call->type->view;
  query.selector = selection->selector;
  query.limit = view::kPageItemsMax;
  while (true) {
    Result<view::Page> page = call->services->view.list(query);
    if (!page) {
      answer(call, page.error());
      return;
    }
    for (const view::ProjectedPtr& item : page->items) {
      if (!is_built_in(*call, item->name)) {
        work->items.push_back(item);
      }
    }
    if (!page->next) {
      break;
    }
    query.from = std::move(page->next);
  }
  delete_next(work);
}

}  // namespace reeve::api
