#include "gateway/tool/programs.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/pipe.h"

namespace reeve::gateway {

namespace {

/// How long what a program has written before its end is waited for: others may hold the pipe.
constexpr Duration kLastWordsMax{1'000};
/// How long one that says nothing any more may take to end by itself, and until it is told how it
/// did: it may have to be ended, and machines may be slow.
constexpr Duration kSilentMax{1'000};
constexpr Duration kOutcomeMax{10'000};
constexpr Duration kReapPeriod{50};
constexpr std::size_t kToldMax = std::size_t{16} << 10U;

}  // namespace

/// A program and what is read of it.
class Programs::Live : public std::enable_shared_from_this<Live> {
 public:
  Live(Programs& programs, ToolProgramEvents events)
      : programs_(&programs), events_(std::move(events)) {}

  void begin(StartedProgram started) {
    outcome_ = std::move(started.outcome);
    reap_ = std::move(started.reap);
    life_ = std::move(started.life);
    net::Server& server = programs_->server_;
    const std::weak_ptr<Live> weak = weak_from_this();
    const auto told = [weak](void (Live::*data)(std::string_view), void (Live::*end)()) {
      return net::PipeReader::Told{
          .data =
              [weak, data](std::string_view piece) {
                if (const auto self = weak.lock()) {
                  ((*self).*data)(piece);
                }
              },
          .end =
              [weak, end] {
                if (const auto self = weak.lock()) {
                  ((*self).*end)();
                }
              }};
    };
    in_.emplace(server, std::move(started.in));
    out_.emplace(server, std::move(started.out), told(&Live::hear, &Live::hear_end));
    err_.emplace(server, std::move(started.err), told(&Live::hear_complaint, &Live::ignore_end));
    control_.emplace(server, std::move(started.control), told(&Live::hear_control, &Live::be_over));
  }

  void write(std::string text) {
    if (in_) {
      in_->write(std::move(text));
    }
  }

  std::size_t unsent() const { return in_ ? in_->unsent() : 0; }

  bool reads() const { return in_ && in_->is_read(); }

  /// Ends the program, if it has not ended.
  void close() {
    events_ = {};
    in_.reset();
    out_.reset();
    err_.reset();
    control_.reset();
    life_.reset();
    if (cancel_) {
      std::exchange(cancel_, nullptr)();
    }
    if (reap_) {
      programs_->let_go(std::exchange(reap_, nullptr));
    }
  }

  /// The same, and nobody waits for its process.
  void abandon() {
    reap_ = nullptr;
    close();
  }

 private:
  void hear(std::string_view piece) {
    if (events_.output) {
      const auto output = events_.output;
      output(piece);
    }
  }

  void hear_complaint(std::string_view piece) {
    said_ += piece;
    if (said_.size() > 2 * kProgramSaidMax) {
      said_.erase(0, said_.size() - kProgramSaidMax);
      cut_ = true;
    }
  }

  void ignore_end() {}

  /// One that says nothing any more is of no use: it is ended, which `control` tells.
  void hear_end() {
    silent_ = true;
    in_.reset();
    finish();
  }

  void hear_control(std::string_view piece) {
    told_ += piece.substr(0, kToldMax - std::min(told_.size(), kToldMax));
  }

  void be_over() {
    over_ = true;
    if (!silent_) {
      later(kLastWordsMax, [](Live& self) {
        self.silent_ = true;
        self.finish();
      });
    }
    finish();
  }

  /// Instead of what was to come later until now.
  void later(Duration delay, void (*then)(Live& self)) {
    if (cancel_) {
      std::exchange(cancel_, nullptr)();
    }
    cancel_ = programs_->after_(delay, [weak = weak_from_this(), then] {
      if (const auto self = weak.lock()) {
        self->cancel_ = nullptr;
        then(*self);
      }
    });
  }

  void finish() {
    if (!silent_) {
      return;
    }
    if (!over_) {
      // It has closed its output, and may run on without it.
      later(kSilentMax, [](Live& self) {
        self.life_.reset();
        self.later(kOutcomeMax, [](Live& late) {
          late.over_ = true;
          late.finish();
        });
      });
      return;
    }
    ToolProgramEnd end = outcome_(told_);
    end.cut = cut_ || said_.size() > kProgramSaidMax;
    end.said = said_.substr(said_.size() - std::min(said_.size(), kProgramSaidMax));
    const auto self = shared_from_this();
    const auto ended = std::move(events_.end);
    close();
    if (ended) {
      ended(std::move(end));
    }
  }

  Programs* programs_;
  ToolProgramEvents events_;
  std::function<ToolProgramEnd(const std::string&)> outcome_;
  std::function<bool()> reap_;
  std::optional<net::PipeWriter> in_;
  std::optional<net::PipeReader> out_;
  std::optional<net::PipeReader> err_;
  std::optional<net::PipeReader> control_;
  platform::FileDescriptor life_;
  std::string said_;
  /// Whether its beginning is missing.
  bool cut_ = false;
  std::string told_;
  /// Whether its output has ended, and whether it has.
  bool silent_ = false;
  bool over_ = false;
  ToolPorts::Cancel cancel_;
};

class Programs::Handle final : public ToolProgram {
 public:
  Handle(std::shared_ptr<Live> live, std::weak_ptr<bool> open)
      : live_(std::move(live)), open_(std::move(open)) {}

  ~Handle() override {
    if (open_.lock() != nullptr) {
      live_->close();
    }
  }

  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void write(std::string text) override { live_->write(std::move(text)); }

  std::size_t unsent() const override { return live_->unsent(); }

  bool reads() const override { return live_->reads(); }

 private:
  std::shared_ptr<Live> live_;
  std::weak_ptr<bool> open_;
};

Programs::Programs(
    net::Server& server, StartProgram start, After after, std::filesystem::path directory
)
    : server_(server),
      start_(std::move(start)),
      after_(std::move(after)),
      directory_(std::move(directory)) {
  // What cannot be removed is in nobody's way.
  (void)platform::remove_tree(directory_);
}

Programs::~Programs() {
  close();
}

Result<std::unique_ptr<ToolProgram>> Programs::start(
    ToolProgramOrder order, ToolProgramEvents events, const std::string& name
) {
  std::erase_if(live_, [](const std::weak_ptr<Live>& each) { return each.expired(); });
  if (open_ == nullptr) {
    return make_error(ErrorCode::Unavailable, "the server is ending", "program");
  }
  if (live_.size() + ending_.size() >= kProgramsMax) {
    return make_error(
        ErrorCode::LimitExceeded, "too many programs run for tool servers", "program"
    );
  }
  REEVE_TRY(StartedProgram started, start_(std::move(order), directory_ / name));
  const auto live = std::make_shared<Live>(*this, std::move(events));
  live->begin(std::move(started));
  live_.push_back(live);
  return std::unique_ptr<ToolProgram>(new Handle(live, open_));
}

void Programs::let_go(std::function<bool()> process) {
  if (!process()) {
    ending_.push_back(std::move(process));
    reap();
  }
}

/// Looks again and again until all of them have gone.
void Programs::reap() {
  if (reaping_) {
    return;
  }
  reaping_ = true;
  after_(kReapPeriod, [this, open = std::weak_ptr(open_)] {
    if (open.lock() == nullptr) {
      return;
    }
    reaping_ = false;
    std::erase_if(ending_, [](const std::function<bool()>& each) { return each(); });
    if (!ending_.empty()) {
      reap();
    }
  });
}

void Programs::close() {
  open_.reset();
  for (const std::weak_ptr<Live>& each : std::exchange(live_, {})) {
    if (const auto live = each.lock()) {
      live->abandon();
    }
  }
}

}  // namespace reeve::gateway
