#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "api/call.h"
#include "api/list_text.h"
#include "api/listing.h"
#include "api/streams.h"
#include "api/view/lister.h"
#include "net/exchange.h"
#include "resource/query.h"

namespace reeve::api {

/// The answer to a list. A short one is answered at once. A long one is written piece by piece, no
/// faster than its reader takes it, so that it needs no more memory than a short one; all of it
/// shows one state, and one that cannot be finished breaks the connection.
///
/// Threading: the network thread, in steps between which others have their turn.
class ListAnswer final : public StreamTask, public std::enable_shared_from_this<ListAnswer> {
 public:
  ListAnswer(
      CallPtr call, const resource::ListOptions& options, Selection selection, view::Lister lister
  );

  /// Answers now or later.
  void begin() { step(); }

  /// Commits do not concern it: it shows what was.
  bool concerned(const view::Notice& /*notice*/) const override { return false; }

  bool pump() override { return !over_; }

  /// False, and the end of it, if it takes too long.
  bool tick() override;

  bool finite() const override { return true; }

  /// Breaks the connection.
  void end() override;

 private:
  void step();
  void step_soon();
  void read();
  void answer_whole();
  void start();
  void write();
  void finish();
  resource::Outcome<resource::ListPage> page() const;

  /// Bytes that are not written yet.
  std::size_t unwritten() const { return text_.size() - written_; }

  CallPtr call_;
  Selection selection_;
  view::Lister lister_;
  ListText form_;
  /// Objects that may still come; absent: all there are.
  std::optional<std::size_t> room_;
  std::string text_;
  /// Of `text_`.
  std::size_t written_ = 0;
  bool empty_ = true;
  /// All objects are in the text.
  bool complete_ = false;
  /// The end is in the text, too.
  bool closed_ = false;
  /// Null: it has not begun, or is over.
  std::shared_ptr<net::Stream> stream_;
  bool over_ = false;
  Duration began_at_{};
};

}  // namespace reeve::api
