#include "cli/log_redaction.h"

#include <atomic>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "security/redaction/redactor.h"

namespace reeve::cli {

struct LogRedaction::State {
  std::string apply(std::string_view text);
  void refresh();
  std::vector<Secret> open_all(std::uint64_t& failed);

  std::mutex mutex;
  store::Reader* reader = nullptr;
  api::Environment::Reveal reveal;
  std::shared_ptr<const redaction::Patterns> patterns;
  std::atomic<bool> stale = false;
  std::atomic<std::uint64_t> unmasked = 0;
};

std::string LogRedaction::State::apply(std::string_view text) {
  std::shared_ptr<const redaction::Patterns> known;
  {
    const std::scoped_lock lock(mutex);
    if (stale.exchange(false) && reader != nullptr) {
      refresh();
    }
    known = patterns;
  }
  return known == nullptr || known->empty() ? std::string(text) : redaction::redact(known, text);
}

/// Opens what is there now. With the mutex.
void LogRedaction::State::refresh() {
  std::uint64_t missing = 0;
  const std::vector<Secret> values = open_all(missing);
  std::vector<std::string_view> texts;
  std::size_t bytes = 0;
  for (const Secret& value : values) {
    if (bytes + value.view().size() > redaction::kValuesBytesMax) {
      ++missing;
      continue;
    }
    bytes += value.view().size();
    texts.push_back(value.view());
  }
  Result<std::shared_ptr<const redaction::Patterns>> made = redaction::Patterns::make(texts);
  if (!made) {
    unmasked = missing + texts.size();
    return;
  }
  unmasked = missing + (*made)->ignored();
  patterns = *std::move(made);
}

std::vector<Secret> LogRedaction::State::open_all(std::uint64_t& failed) {
  std::vector<Secret> values;
  store::RowQuery query;
  query.kind = journal::Kind::Credential;
  query.live_only = true;
  while (true) {
    const Result<std::vector<store::ListedRow>> page = reader->list(query);
    if (!page) {
      // Not known, so not masked: the gauge says so until the next change.
      ++failed;
      return values;
    }
    for (const store::ListedRow& listed : *page) {
      Result<Secret> value = reveal(listed.row.key.ns.view(), listed.row.key.name);
      if (value) {
        values.push_back(*std::move(value));
      } else {
        ++failed;
      }
      query.before = listed.created;
    }
    if (page->size() < query.limit) {
      return values;
    }
  }
}

LogRedaction::LogRedaction() : state_(std::make_shared<State>()) {}

LogRedaction::~LogRedaction() {
  detach();
}

telemetry::Redaction LogRedaction::function() const {
  return [state = state_](std::string_view text) {
    return state->apply(text);
  };
}

void LogRedaction::attach(store::Reader& reader, api::Environment::Reveal reveal) {
  const std::scoped_lock lock(state_->mutex);
  state_->reader = &reader;
  state_->reveal = std::move(reveal);
  state_->stale = true;
}

void LogRedaction::detach() {
  const std::scoped_lock lock(state_->mutex);
  state_->reader = nullptr;
  state_->reveal = {};
}

void LogRedaction::changed() {
  state_->stale = true;
}

std::uint64_t LogRedaction::unmasked() const {
  return state_->unmasked;
}

}  // namespace reeve::cli
