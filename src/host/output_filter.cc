#include "host/output_filter.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::host {

namespace {

constexpr std::string_view kAddMask = "::add-mask::";
constexpr std::string_view kBlanks = " \t";
/// A mask line begins within so many blanks.
constexpr std::size_t kBlanksMax = 64;

enum class Verdict { Undecided, MaskLine, OtherLine };

/// What the beginning of a line says about it.
Verdict judge(std::string_view line) {
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return line.size() < kBlanksMax ? Verdict::Undecided : Verdict::OtherLine;
  }
  const std::string_view text = line.substr(first);
  if (text.starts_with(kAddMask)) {
    return Verdict::MaskLine;
  }
  return kAddMask.starts_with(text) ? Verdict::Undecided : Verdict::OtherLine;
}

}  // namespace

Result<void> OutputFilter::hide(const std::vector<std::string_view>& values) {
  REEVE_TRY(patterns_, redaction::Patterns::make(values));
  for (const std::string_view value : values) {
    values_.emplace_back(value);
  }
  if (patterns_->ignored() > 0) {
    warnings_.push_back(concat(
        patterns_->ignored(),
        " credentials are shorter than ",
        redaction::kValueBytesMin,
        " bytes and are not masked"
    ));
  }
  return {};
}

PipeId OutputFilter::open(Stream stream) {
  sides_.emplace(
      ++last_pipe_, Side{.stream = stream, .redactor = redaction::Redactor(patterns_), .line = {}}
  );
  return last_pipe_;
}

void OutputFilter::close(PipeId pipe, Timestamp at) {
  settle(sides_.at(pipe), at);
  sides_.erase(pipe);
}

void OutputFilter::append(PipeId pipe, std::string_view bytes, Timestamp at) {
  Side& side = sides_.at(pipe);
  while (!bytes.empty()) {
    if (side.dropping) {
      const std::size_t newline = bytes.find('\n');
      side.dropping = newline == std::string_view::npos;
      bytes.remove_prefix(std::min(bytes.size(), newline));
      continue;
    }
    // Nearly every line: no need to take it apart.
    const bool plain =
        side.line.empty() && judge(bytes.substr(0, kAddMask.size())) == Verdict::OtherLine;
    side.at_line_start = side.at_line_start && !plain;
    if (side.at_line_start) {
      take_line_start(side, bytes, at);
      continue;
    }
    // Whole lines up to the next one that may be a mask.
    std::size_t end = 0;
    while (end < bytes.size()) {
      const std::size_t newline = bytes.find('\n', end);
      if (newline == std::string_view::npos) {
        end = bytes.size();
        break;
      }
      end = newline + 1;
      if (judge(bytes.substr(end, kAddMask.size())) != Verdict::OtherLine) {
        side.at_line_start = true;
        break;
      }
    }
    pass(side, bytes.substr(0, end), at);
    bytes.remove_prefix(end);
  }
}

/// Takes bytes into the line until it is known what it is, and the whole of a mask line.
void OutputFilter::take_line_start(Side& side, std::string_view& bytes, Timestamp at) {
  while (!bytes.empty()) {
    side.line.push_back(bytes.front());
    bytes.remove_prefix(1);
    const bool ended = side.line.back() == '\n';
    const Verdict verdict = judge(side.line);
    if (verdict == Verdict::MaskLine && !ended && side.line.size() < kMaskLineBytesMax) {
      continue;
    }
    if (verdict == Verdict::Undecided && !ended) {
      continue;
    }
    if (verdict == Verdict::MaskLine) {
      add_mask(side.line, at);
      pass(side, concat(kAddMask, redaction::kMask, ended ? "\n" : ""), at);
      side.dropping = !ended;
    } else {
      pass(side, side.line, at);
    }
    wipe(side.line);
    side.at_line_start = ended;
    return;
  }
}

void OutputFilter::add_mask(std::string_view line, Timestamp at) {
  const std::string_view value = trim(line.substr(line.find(kAddMask) + kAddMask.size()));
  if (value.size() < redaction::kValueBytesMin) {
    warnings_.push_back(concat(
        "a value of ::add-mask:: is shorter than ",
        redaction::kValueBytesMin,
        " bytes and is not masked"
    ));
    return;
  }
  if (line.size() >= kMaskLineBytesMax || masks_ >= kMasksMax) {
    warnings_.push_back(concat(
        "a value of ::add-mask:: is not masked: at most ",
        kMasksMax,
        " values in lines of ",
        kMaskLineBytesMax,
        " bytes are"
    ));
    return;
  }
  std::vector<std::string_view> values;
  for (const Secret& known : values_) {
    values.push_back(known.view());
  }
  values.push_back(value);
  auto patterns = redaction::Patterns::make(values);
  if (!patterns.ok()) {
    warnings_.push_back(concat("a value of ::add-mask:: is not masked: ", patterns.error().message)
    );
    return;
  }
  ++masks_;
  values_.emplace_back(value);
  patterns_ = std::move(*patterns);
  for (auto& [pipe, side] : sides_) {
    masked_.clear();
    side.redactor.replace(patterns_, masked_);
    if (!masked_.empty()) {
      log_.append(side.stream, masked_, at);
    }
  }
}

void OutputFilter::pass(Side& side, std::string_view bytes, Timestamp at) {
  if (!active()) {
    log_.append(side.stream, bytes, at);
    return;
  }
  masked_.clear();
  side.redactor.feed(bytes, masked_);
  if (!masked_.empty()) {
    log_.append(side.stream, masked_, at);
  }
}

void OutputFilter::settle(Timestamp at) {
  for (auto& [pipe, side] : sides_) {
    settle(side, at);
  }
}

void OutputFilter::settle(Side& side, Timestamp at) {
  if (!side.line.empty()) {
    const bool mask = judge(side.line) == Verdict::MaskLine;
    if (mask) {
      add_mask(side.line, at);
    }
    pass(side, mask ? concat(kAddMask, redaction::kMask) : side.line, at);
    wipe(side.line);
    side.at_line_start = false;
  }
  masked_.clear();
  side.redactor.flush(masked_);
  if (!masked_.empty()) {
    log_.append(side.stream, masked_, at);
  }
}

}  // namespace reeve::host
