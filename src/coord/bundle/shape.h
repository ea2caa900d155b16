#pragma once

#include <span>
#include <string_view>

/// The sections of a bundle as a table, for reading and for rendering.
namespace reeve::bundle {

enum class Form : unsigned char {
  Text,     ///< a text
  Texts,    ///< a list of texts
  Record,   ///< an object with the members of `members`
  Records,  ///< a list of such objects
};

/// A section, or a member of one.
struct Part {
  std::string_view name;
  Form form = Form::Text;
  bool required = false;
  std::span<const Part> members = {};
};

/// All sections in the order in which people read them.
std::span<const Part> sections();

}  // namespace reeve::bundle
