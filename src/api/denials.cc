#include "api/denials.h"

#include <utility>

#include "engine/denial_book.h"

namespace reeve::api {

namespace {

/// Much shorter than what the journal takes: somebody may ask for anything.
constexpr std::size_t kTextBytesMax = 128;

/// At most so many bytes, cut between characters of UTF-8.
void cut(std::string& text) {
  if (text.size() <= kTextBytesMax) {
    return;
  }
  std::size_t end = kTextBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text.resize(end);
}

Json entry_of(const Denial& denial, std::uint64_t count) {
  Json entry = Json::object();
  entry.set("user", denial.user).set("verb", denial.verb).set("resource", denial.resource);
  if (!denial.asked_namespace.empty()) {
    entry.set("namespace", denial.asked_namespace);
  }
  entry.set("count", count);
  return entry;
}

}  // namespace

void Denials::note(Denial denial, Timestamp at) {
  for (std::string* text :
       {&denial.ns, &denial.user, &denial.verb, &denial.resource, &denial.asked_namespace}) {
    cut(*text);
  }
  if (places_.empty()) {
    since_ = at;
  }
  const bool known = denial.ns.empty() || places_.contains(denial.ns);
  if (!known && places_.size() >= kDenialNamespacesMax) {
    ++places_[{}].others;
    return;
  }
  Place& place = places_[denial.ns];
  const auto found = place.counts.find(denial);
  if (found != place.counts.end()) {
    ++found->second;
  } else if (place.counts.size() < engine::kDenialsOfRecordMax) {
    place.counts.emplace(std::move(denial), 1);
  } else {
    ++place.others;
  }
}

std::vector<Denials::Record> Denials::take(Timestamp now) {
  std::vector<Record> records;
  for (const auto& [ns, place] : places_) {
    Json entries = Json::array();
    for (const auto& [denial, count] : place.counts) {
      entries.push(entry_of(denial, count));
    }
    Json body = Json::object();
    body.set("from", format_timestamp(since_)).set("to", format_timestamp(now));
    body.set("denials", std::move(entries)).set("others", place.others);
    records.push_back({.ns = ns, .body = std::move(body)});
  }
  places_.clear();
  return records;
}

}  // namespace reeve::api
