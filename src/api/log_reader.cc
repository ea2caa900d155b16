#include "api/log_reader.h"

#include <utility>

namespace reeve::api {

namespace {

/// What is read at once: with what stands before short lines it becomes much more.
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;

}  // namespace

bool RunOutput::read(std::string& text) {
  if (ended_ || !open()) {
    return false;
  }
  Result<host::LogBatch> batch = log_->read(cursor_, kReadBytes);
  std::string fresh;
  bool more = false;
  if (batch) {
    for (const host::LogChunk& chunk : batch->chunks) {
      add(chunk, fresh);
    }
    more = batch->next != cursor_;
    cursor_ = batch->next;
  }
  ended_ = !batch || batch->ended;
  hand_out(fresh, text);
  if (ended_) {
    log_.reset();
  }
  return more && !ended_;
}

bool RunOutput::open() {
  if (!log_) {
    Result<host::RunLog> log = host::RunLog::open(dir_);
    if (!log) {
      return false;
    }
    log_.emplace(std::move(*log));
  }
  return true;
}

void RunOutput::add(const host::LogChunk& chunk, std::string& text) {
  if (form_.since && chunk.at < *form_.since) {
    return;
  }
  for (const char c : chunk.bytes) {
    if (at_line_start_) {
      if (form_.timestamps) {
        text += format_timestamp(chunk.at);
        text.push_back(' ');
      }
      text += prefix_;
      at_line_start_ = false;
    }
    text.push_back(c);
    at_line_start_ = c == '\n';
  }
}

/// Keeps the beginning of a line back, if lines of other runs may come in between.
void RunOutput::hand_out(std::string& fresh, std::string& text) {
  if (prefix_.empty()) {
    text += fresh;
    return;
  }
  held_ += fresh;
  if (ended_ && !held_.empty() && !held_.ends_with('\n')) {
    held_.push_back('\n');
  }
  const std::size_t end = held_.rfind('\n');
  std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (held_.size() - whole > kHeldLineBytesMax) {
    whole = held_.size();
  }
  text.append(held_, 0, whole);
  held_.erase(0, whole);
}

void LogTail::add(std::string_view text) {
  while (!text.empty()) {
    if (lines_.empty() || lines_.back().ends_with('\n')) {
      lines_.emplace_back();
    }
    const std::size_t end = text.find('\n');
    const std::string_view piece = text.substr(0, end == text.npos ? end : end + 1);
    lines_.back() += piece;
    bytes_ += piece.size();
    text.remove_prefix(piece.size());
    while (!lines_.empty() && (lines_.size() > lines_max_ || bytes_ > kTailBytesMax)) {
      bytes_ -= lines_.front().size();
      lines_.pop_front();
    }
  }
}

std::string LogTail::take(std::size_t bytes_max) {
  std::string text;
  while (!lines_.empty() && text.size() < bytes_max) {
    text += lines_.front();
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
  return text;
}

LogReader::LogReader(const LogForm& form) : form_(form) {
  if (form_.tail_lines) {
    tail_.emplace(*form_.tail_lines);
  }
}

void LogReader::add(const std::string& run, std::string dir, std::string prefix) {
  if (!outputs_.contains(run)) {
    outputs_.emplace(run, RunOutput(std::move(dir), std::move(prefix), form_));
  }
}

LogReader::Piece LogReader::read(std::size_t bytes_max) {
  Piece piece;
  if (!tail_complete_) {
    piece.caught_up = fill(piece.text, bytes_max);
  }
  if (tail_) {
    tail_->add(piece.text);
    piece.text.clear();
    tail_complete_ = tail_complete_ || piece.caught_up;
    if (tail_complete_) {
      piece.text = tail_->take(bytes_max);
      piece.caught_up = tail_->empty();
      if (tail_->empty()) {
        tail_.reset();
        tail_complete_ = false;
      }
    }
  }
  piece.ended = piece.caught_up;
  piece.ended_but_missing = piece.caught_up;
  for (const auto& [run, output] : outputs_) {
    piece.ended = piece.ended && output.ended();
    piece.ended_but_missing = piece.ended_but_missing && (output.ended() || output.missing());
  }
  return piece;
}

/// False: there is more.
bool LogReader::fill(std::string& text, std::size_t bytes_max) {
  for (auto& [run, output] : outputs_) {
    do {
      if (text.size() >= bytes_max) {
        return false;
      }
    } while (output.read(text));
  }
  return true;
}

}  // namespace reeve::api
