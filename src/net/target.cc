#include "net/target.h"

#include <utility>

#include "base/strings.h"
#include "net/text.h"

namespace reeve::net {

namespace {

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), "target");
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return -1;
}

/// The byte that the escape at the beginning of `text` stands for; -1: it is none.
int escaped_byte(std::string_view text) {
  if (text.size() < 3) {
    return -1;
  }
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<std::string> decode_path(std::string_view raw) {
  std::string path;
  path.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] != '%') {
      path.push_back(raw[at]);
      continue;
    }
    const int byte = escaped_byte(raw.substr(at));
    if (byte < 0) {
      return invalid("the path has an escape that is not % and two hexadecimal digits");
    }
    if (byte < 0x20 || byte == 0x7f) {
      return invalid("the path has an encoded control character");
    }
    if (byte == '/') {
      path.append("%2F");
    } else if (byte == '%') {
      path.append("%25");
    } else {
      path.push_back(static_cast<char>(byte));
    }
    at += 2;
  }
  return path;
}

/// Whether a component, separated by real or encoded slashes, is "." or "..".
bool has_dot_component(std::string_view path) {
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= path.size(); ++at) {
    const bool encoded = path.substr(at, 3) == "%2F";
    if (at < path.size() && path[at] != '/' && !encoded) {
      continue;
    }
    const std::string_view component = path.substr(begin, at - begin);
    if (component == "." || component == "..") {
      return true;
    }
    at += encoded ? 2 : 0;
    begin = at + 1;
  }
  return false;
}

Result<std::string> decode_parameter(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] == '+') {
      text.push_back(' ');
      continue;
    }
    if (raw[at] != '%') {
      text.push_back(raw[at]);
      continue;
    }
    const int byte = escaped_byte(raw.substr(at));
    if (byte < 0) {
      return invalid("the query has an escape that is not % and two hexadecimal digits");
    }
    if (byte == 0) {
      return invalid("the query has an encoded NUL");
    }
    text.push_back(static_cast<char>(byte));
    at += 2;
  }
  if (!is_utf8(text)) {
    return invalid("the query is not valid UTF-8");
  }
  return text;
}

Result<std::vector<std::pair<std::string, std::string>>> decode_query(
    std::string_view raw, std::size_t parameters_max
) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!raw.empty()) {
    const std::size_t end = raw.find('&');
    const std::string_view piece = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (piece.empty()) {
      continue;
    }
    if (query.size() == parameters_max) {
      return invalid(concat("the query has more than ", parameters_max, " parameters"));
    }
    const std::size_t equals = piece.find('=');
    REEVE_TRY(std::string name, decode_parameter(piece.substr(0, equals)));
    std::string value;
    if (equals != std::string_view::npos) {
      REEVE_TRY(value, decode_parameter(piece.substr(equals + 1)));
    }
    query.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

/// Takes "http://authority" off an absolute target. The authority, or why it is none.
Result<std::string> take_authority(std::string_view& raw) {
  const std::size_t scheme_end = raw.find("://");
  if (scheme_end == std::string_view::npos || (!same_text(raw.substr(0, scheme_end), "http") &&
                                               !same_text(raw.substr(0, scheme_end), "https"))) {
    return invalid("the target is neither a path nor an http address");
  }
  raw.remove_prefix(scheme_end + 3);
  const std::size_t end = raw.find_first_of("/?");
  std::string authority(raw.substr(0, end));
  if (authority.empty() || !is_authority(authority)) {
    return invalid("the target's host is not valid");
  }
  raw.remove_prefix(authority.size());
  return authority;
}

}  // namespace

bool is_authority(std::string_view text) {
  for (const char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric &&
        std::string_view("-._~%!$&'()*+,;=:[]").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Result<Target> parse_target(std::string_view raw, std::size_t query_parameters_max) {
  for (const char c : raw) {
    if (c <= 0x20 || c >= 0x7f || c == '#') {
      return invalid("the target has a character that has to be percent-encoded");
    }
  }
  Target target;
  if (raw == "*") {
    target.path = "*";
    return target;
  }
  if (!raw.starts_with('/')) {
    REEVE_TRY(target.authority, take_authority(raw));
  }
  const std::size_t question = raw.find('?');
  REEVE_TRY(target.path, decode_path(raw.substr(0, question)));
  if (target.path.empty()) {
    target.path = "/";
  }
  if (!is_utf8(target.path)) {
    return invalid("the path is not valid UTF-8");
  }
  if (has_dot_component(target.path)) {
    return invalid("the path has a component \".\" or \"..\"");
  }
  if (question != std::string_view::npos) {
    REEVE_TRY(target.query, decode_query(raw.substr(question + 1), query_parameters_max));
  }
  return target;
}

std::string decode_path_segment(std::string_view segment) {
  std::string text;
  text.reserve(segment.size());
  for (std::size_t at = 0; at < segment.size(); ++at) {
    const int byte = segment[at] == '%' ? escaped_byte(segment.substr(at)) : -1;
    text.push_back(byte < 0 ? segment[at] : static_cast<char>(byte));
    at += byte < 0 ? 0 : 2;
  }
  return text;
}

}  // namespace reeve::net
