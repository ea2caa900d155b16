#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "workflow/document/yaml.h"
#include "workflow/load/decode.h"

namespace reeve::workflow {

/// The members of a map, and which of them were asked for.
class Fields {
 public:
  /// `node` may be anything; what is not a map has no members and is reported.
  Fields(Decoder& decoder, const document::Node& node, std::string path);

  /// The value of `key`, or null if it is absent or empty (which a native document may not be).
  const document::Node* get(std::string_view key);

  /// As `get`; its absence is an error, whose hint shows `example` or what examples.h has.
  const document::Node* need(std::string_view key, std::string_view example = {});

  /// Text that is known while loading; empty if it is absent.
  std::string word(std::string_view key);

  /// As `word`; its absence is an error.
  std::string needed_word(std::string_view key);

  /// The node of the key `key`, or null.
  const document::Node* key(std::string_view key) const;

  /// `path.key`; of an empty key, the path of the map.
  std::string path(std::string_view key) const;

  /// Whether an unknown field seems to be meant as `key`: its report says so.
  bool has_misspelt(std::string_view key) const { return meant_as(key) != nullptr; }

  /// What nobody asked for, in order.
  std::vector<const document::Member*> rest() const;

  /// The key meant by `word`, or most like it, among those asked for.
  std::string nearest_key(std::string_view word) const;

  /// Reports everything nobody asked for, with the nearest key: an error in a native document, a
  /// warning in Formicary's, which always ignored what it did not know.
  void finish() { finish_except({}); }

  /// As `finish`, for all but the keys in `handled`.
  void finish_except(std::span<const std::string_view> handled);

  Position position() const { return position_; }

 private:
  struct Missing {
    std::string key;
    std::string hint;
  };

  void report(const Missing& missing);

  /// What is there instead of `key`: misspelt, or called by another name. Null if there is nothing.
  const document::Member* meant_as(std::string_view key) const;

  Decoder& decoder_;
  const document::Node* map_ = nullptr;
  std::string path_;
  Position position_;
  std::vector<std::string> asked_;
  /// Missing fields, each with the key that seems to be meant; reported unless that key turns out
  /// to be unknown.
  std::vector<std::pair<Missing, const document::Node*>> excused_;
};

}  // namespace reeve::workflow
