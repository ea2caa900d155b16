#include "security/redaction/redactor.h"

#include <algorithm>

#include "base/strings.h"
#include "security/redaction/encodings.h"

namespace reeve::redaction {

namespace {

constexpr unsigned kBitsPerByte = 8;

unsigned char byte_of(char c) {
  return static_cast<unsigned char>(c);
}

std::size_t pair_index(unsigned char first, unsigned char second) {
  return (static_cast<std::size_t>(first) << kBitsPerByte) | second;
}

}  // namespace

// ---- patterns -----------------------------------------------------------------------------------

Result<std::shared_ptr<const Patterns>> Patterns::make(const std::vector<std::string_view>& values
) {
  std::size_t bytes = 0;
  for (const std::string_view value : values) {
    bytes += value.size();
  }
  if (bytes > kValuesBytesMax) {
    Error error = make_error(
        ErrorCode::LimitExceeded,
        concat("the values to be hidden are longer than ", kValuesBytesMax, " bytes together")
    );
    error.hint = "give the task fewer or shorter credentials";
    return error;
  }
  const std::shared_ptr<Patterns> patterns(new Patterns());
  for (const std::string_view value : values) {
    if (value.size() < kValueBytesMin) {
      ++patterns->ignored_;
      continue;
    }
    for (std::string& form : forms_of(value)) {
      patterns->add(form);
      wipe(form);
    }
  }
  patterns->link();
  return std::shared_ptr<const Patterns>(patterns);
}

Patterns::~Patterns() {
  ::explicit_bzero(nodes_.data(), nodes_.size() * sizeof(Node));
}

void Patterns::add(std::string_view form) {
  State node = 0;
  for (const char c : form) {
    State child = child_of(node, byte_of(c));
    if (child == 0) {
      child = static_cast<State>(nodes_.size());
      Node made;
      made.sibling = nodes_[node].child;
      made.depth = nodes_[node].depth + 1;
      made.byte = byte_of(c);
      nodes_.push_back(made);
      nodes_[node].child = child;
      if (node == 0) {
        first_[made.byte] = child;
      }
    }
    node = child;
  }
  nodes_[node].match = static_cast<std::uint32_t>(form.size());
  begins_.set(pair_index(byte_of(form[0]), byte_of(form[1])));
}

/// Breadth first, so that the suffixes of a node are complete before it is looked at.
void Patterns::link() {
  std::deque<State> queue;
  for (State child = nodes_[0].child; child != 0; child = nodes_[child].sibling) {
    queue.push_back(child);
  }
  while (!queue.empty()) {
    const State node = queue.front();
    queue.pop_front();
    for (State child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
      nodes_[child].fail = next(nodes_[node].fail, nodes_[child].byte);
      if (nodes_[child].match == 0) {
        nodes_[child].match = nodes_[nodes_[child].fail].match;
      }
      queue.push_back(child);
    }
  }
}

Patterns::State Patterns::child_of(State node, unsigned char byte) const {
  if (node == 0) {
    return first_[byte];
  }
  for (State child = nodes_[node].child; child != 0; child = nodes_[child].sibling) {
    if (nodes_[child].byte == byte) {
      return child;
    }
  }
  return 0;
}

Patterns::State Patterns::next(State node, unsigned char byte) const {
  State child = child_of(node, byte);
  while (child == 0 && node != 0) {
    node = nodes_[node].fail;
    child = child_of(node, byte);
  }
  return child;
}

// ---- redactor -----------------------------------------------------------------------------------

void Redactor::feed(std::string_view bytes, std::string& out) {
  if (!patterns_ || patterns_->empty()) {
    out.append(bytes);
    return;
  }
  const Patterns& patterns = *patterns_;
  const std::uint64_t start = base_ + held_.size();
  held_.append(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (state_ == 0) {
      // Whatever cannot begin a form leaves the state as it is.
      while (i + 1 < bytes.size() &&
             !patterns.begins_.test(pair_index(byte_of(bytes[i]), byte_of(bytes[i + 1])))) {
        ++i;
      }
    }
    state_ = patterns.next(state_, byte_of(bytes[i]));
    const Patterns::Node* node = &patterns.nodes_[state_];
    if (node->match > 0) {
      const std::uint64_t end = start + i + 1;
      found(end - node->match, end);
    }
    // Nothing goes on from a leaf: only its suffixes can still become something.
    while (state_ != 0 && node->child == 0) {
      state_ = node->fail;
      node = &patterns.nodes_[state_];
    }
  }
  release(base_ + held_.size() - patterns.nodes_[state_].depth, out);
}

void Redactor::flush(std::string& out) {
  release(base_ + held_.size(), out);
}

void Redactor::replace(std::shared_ptr<const Patterns> patterns, std::string& out) {
  patterns_ = std::move(patterns);
  std::string held;
  held.swap(held_);
  ranges_.clear();
  state_ = 0;
  feed(held, out);
  wipe(held);
}

/// Notes an occurrence. `end` only grows from call to call, `begin` need not.
void Redactor::found(std::uint64_t begin, std::uint64_t end) {
  while (!ranges_.empty() && ranges_.back().end > begin) {
    begin = std::min(begin, ranges_.back().begin);
    ranges_.pop_back();
  }
  ranges_.push_back({.begin = begin, .end = end});
}

/// Hands out everything before `limit`, and the mask of an occurrence that begins before it.
void Redactor::release(std::uint64_t limit, std::string& out) {
  const std::string_view held = held_;
  std::uint64_t at = base_;
  while (!ranges_.empty() && ranges_.front().begin < limit) {
    const Range range = ranges_.front();
    ranges_.pop_front();
    if (range.begin > at) {
      out.append(held.substr(at - base_, range.begin - at));
    }
    // One that overlaps what was masked last is a part of the same mask.
    const bool same_mask = range.begin < masked_ && at == masked_;
    if (!same_mask) {
      out.append(kMask);
    }
    at = range.end;
    masked_ = range.end;
  }
  if (limit > at) {
    out.append(held.substr(at - base_, limit - at));
    at = limit;
  }
  const std::size_t gone = at - base_;
  const std::size_t kept = held_.size() - gone;
  std::copy(held_.begin() + static_cast<std::ptrdiff_t>(gone), held_.end(), held_.begin());
  ::explicit_bzero(held_.data() + kept, gone);
  held_.resize(kept);
  base_ = at;
}

std::string redact(const std::shared_ptr<const Patterns>& patterns, std::string_view text) {
  std::string out;
  Redactor redactor(patterns);
  redactor.feed(text, out);
  redactor.flush(out);
  return out;
}

bool contains_secret(const std::shared_ptr<const Patterns>& patterns, std::string_view text) {
  return patterns && !patterns->empty() && redact(patterns, text) != text;
}

}  // namespace reeve::redaction
