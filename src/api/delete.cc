#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/built_in.h"
#include "api/handlers.h"
#include "api/list_answer.h"
#include "api/listing.h"
#include "api/services.h"
#include "api/write.h"
#include "base/strings.h"
#include "net/server.h"
#include "resource/query.h"

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

/// What one step looks at before others have their turn.
constexpr view::ListStep kStep{
    .objects_max = 500, .stems_max = 1000, .stem_bytes_max = std::uint64_t{256} << 10U};

/// The deletion of what a collection had when it was asked for, object after object.
struct CollectionDeletion {
  CallPtr call;
  resource::DeleteOptions options;
  resource::ListOptions form;
  Selection selection;
  /// What there was, for the answer, and what is yet to be deleted of it.
  view::Lister all;
  view::Lister left;
  std::vector<view::ProjectedPtr> items = {};
  std::size_t next = 0;
};

void delete_next(const std::shared_ptr<CollectionDeletion>& work) {
  const CallPtr& call = work->call;
  if (work->next == work->items.size()) {
    if (work->left.at_end() || work->options.dry_run) {
      std::make_shared<ListAnswer>(call, work->form, work->selection, std::move(work->all))
          ->begin();
      return;
    }
    work->items = work->left.next(kStep);
    work->next = 0;
    call->services->server->post([work] { delete_next(work); });
    return;
  }
  const view::ProjectedPtr item = work->items[work->next];
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

/// What is built in cannot be deleted, and is not among what was.
void leave_built_ins(const CallPtr& call, Selection& selection) {
  selection.selector.fields =
      [call, fields = std::move(selection.selector.fields)](const view::Projected& object) {
        return !is_built_in(*call, object.name) && (fields == nullptr || fields(object));
      };
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
  resource::Outcome<Selection> selection = select(*call, *list);
  if (!selection) {
    answer(call, selection.error());
    return;
  }
  leave_built_ins(call, *selection);
  view::ListQuery query;
  query.type = *call->type->view;
  query.selector = selection->selector;
  const Result<view::Lister> lister = call->services->view.begin_list(query);
  if (!lister) {
    answer(call, lister.error());
    return;
  }
  resource::ListOptions form;
  form.include_object = list->include_object;
  form.pretty = list->pretty;
  delete_next(std::make_shared<CollectionDeletion>(CollectionDeletion{
      .call = call,
      .options = *options,
      .form = std::move(form),
      .selection = std::move(*selection),
      .all = *lister,
      .left = *lister}));
}

}  // namespace reeve::api
