#include "api/list_answer.h"

#include <algorithm>
#include <utility>

#include "api/access.h"
#include "api/services.h"
#include "net/server.h"
#include "platform/posix/system.h"

namespace reeve::api {

namespace {

constexpr int kOk = 200;
/// A list that is no longer is answered at once, as an object is.
constexpr std::size_t kWholeBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kPieceBytes = std::size_t{128} << 10U;
/// What waits for the reader when the next piece is written.
constexpr std::size_t kUntakenBytesMax = kPieceBytes;
/// What one step looks at before others have their turn.
constexpr view::ListStep kStep{
    .objects_max = 500, .stems_max = 1000, .stem_bytes_max = std::uint64_t{256} << 10U};
/// As long as a list is not taken, its state is kept.
constexpr Duration kListTimeMax{5 * 60'000};
constexpr Duration kTickPeriod{10'000};

ListForm form_of(const Call& call, const resource::ListOptions& options) {
  return {
      .resource = call.resource(),
      .columns = call.type->columns,
      .shape = call.shape,
      .table =
          {.version = call.shape.version,
           .include_object = options.include_object,
           .now = call.services->now()},
      .pretty = options.pretty};
}

}  // namespace

ListAnswer::ListAnswer(
    CallPtr call, const resource::ListOptions& options, Selection selection, view::Lister lister
)
    : call_(std::move(call)),
      selection_(std::move(selection)),
      lister_(std::move(lister)),
      form_(form_of(*call_, options)),
      began_at_(platform::monotonic_now()) {
  if (options.limit > 0) {
    room_ = static_cast<std::size_t>(options.limit);
  }
}

bool ListAnswer::tick() {
  if (over_) {
    return false;
  }
  if (platform::monotonic_now() - began_at_ <= kListTimeMax) {
    return true;
  }
  call_->services->log.with(call_->correlation)
      .warn(
          "a list was broken off: its reader takes too long",
          {{"resource", call_->resource().qualified_plural()}, {"user", call_->identity.user}}
      );
  end();
  return false;
}

void ListAnswer::end() {
  over_ = true;
  stream_.reset();
}

void ListAnswer::step() {
  if (over_) {
    return;
  }
  if (stream_ != nullptr && !stream_->open()) {
    finish();
    return;
  }
  if (!complete_ && (stream_ == nullptr || unwritten() < kPieceBytes)) {
    read();
  }
  if (stream_ == nullptr) {
    if (complete_ && text_.size() <= kWholeBytesMax) {
      answer_whole();
      return;
    }
    if (text_.size() <= kWholeBytesMax) {
      step_soon();
      return;
    }
    start();
    return;
  }
  write();
}

void ListAnswer::step_soon() {
  call_->services->server->post([self = shared_from_this()] { self->step(); });
}

void ListAnswer::read() {
  view::ListStep step = kStep;
  step.objects_max = std::min(step.objects_max, room_.value_or(step.objects_max));
  const std::vector<view::ProjectedPtr> objects = lister_.next(step);
  for (const view::ProjectedPtr& object : objects) {
    if (!empty_) {
      text_ += form_.separator();
    }
    empty_ = false;
    text_ += form_.object(*object);
  }
  if (room_) {
    *room_ -= objects.size();
  }
  complete_ = lister_.at_end() || room_ == std::size_t{0};
}

/// What is told of the list itself, once all its objects are known.
resource::Outcome<resource::ListPage> ListAnswer::page() const {
  resource::ListPage page;
  page.resource_version = std::to_string(lister_.revision().value());
  if (lister_.at_end()) {
    return page;
  }
  const view::ListRest rest = call_->services->view.keep(lister_);
  Result<std::string> token = seal_position(*call_, selection_, rest.next);
  if (!token) {
    return resource::from_error(token.error(), call_->resource(), {});
  }
  page.continue_token = std::move(*token);
  if (rest.remaining) {
    page.remaining_item_count = static_cast<std::int64_t>(*rest.remaining);
  }
  return page;
}

void ListAnswer::answer_whole() {
  const resource::Outcome<resource::ListPage> page = this->page();
  if (!page) {
    answer(call_, page.error());
    return;
  }
  std::string whole = form_.opening(&*page);
  whole += text_;
  whole += form_.closing(nullptr, empty_);
  answer(call_, kOk, "application/json", std::move(whole));
}

void ListAnswer::start() {
  stream_ = start_stream(call_, "application/json");
  if (stream_ == nullptr) {
    return;
  }
  // What has no limit has no page after it: its metadata are known.
  resource::ListPage all;
  all.resource_version = std::to_string(lister_.revision().value());
  text_.insert(0, form_.opening(room_ ? nullptr : &all));
  Streams& streams = *call_->services->streams;
  streams.add(shared_from_this(), kTickPeriod, while_allowed(call_));
  write();
}

void ListAnswer::write() {
  if (complete_ && !closed_) {
    const resource::Outcome<resource::ListPage> page = this->page();
    if (!page) {
      // There is no way back: whoever reads can tell that the end is missing.
      finish();
      return;
    }
    text_ += form_.closing(room_ ? &*page : nullptr, empty_);
    closed_ = true;
  }
  if (!closed_ && unwritten() < kPieceBytes) {
    step_soon();
    return;
  }
  const std::size_t size = std::min(unwritten(), kPieceBytes);
  if (!stream_->write(text_.substr(written_, size))) {
    finish();
    return;
  }
  written_ += size;
  if (closed_ && unwritten() == 0) {
    stream_->close();
    finish();
    return;
  }
  if (written_ >= kPieceBytes || unwritten() == 0) {
    // A new text: the old one would keep its room, however little is left in it.
    text_ = text_.substr(written_);
    written_ = 0;
  }
  stream_->on_drained(kUntakenBytesMax, [weak = weak_from_this()] {
    if (const std::shared_ptr<ListAnswer> self = weak.lock()) {
      self->step();
    }
  });
}

void ListAnswer::finish() {
  end();
  call_->services->streams->remove(shared_from_this());
}

}  // namespace reeve::api
