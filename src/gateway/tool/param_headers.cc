#include "gateway/tool/param_headers.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/strings.h"
#include "net/text.h"

namespace reeve::gateway {

namespace {

constexpr std::string_view kPrefix = "Mcp-Param-";
constexpr std::string_view kBegin = "=?base64?";
constexpr std::string_view kEnd = "?=";

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t kGroup = 3;
  constexpr unsigned kDigitBits = 6;
  constexpr std::uint32_t kDigitMask = 0x3F;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += kGroup) {
    const std::string_view part = bytes.substr(at, kGroup);
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < kGroup; ++i) {
      word = word << 8U | (i < part.size() ? static_cast<unsigned char>(part[i]) : 0U);
    }
    for (std::size_t i = 0; i <= kGroup; ++i) {
      const auto shift = static_cast<unsigned>(kGroup - i) * kDigitBits;
      out.push_back(i <= part.size() ? kDigits[word >> shift & kDigitMask] : '=');
    }
  }
  return out;
}

bool is_wrapped(std::string_view text) {
  return text.size() >= kBegin.size() + kEnd.size() && text.starts_with(kBegin) &&
         text.ends_with(kEnd);
}

std::string wrapped(std::string_view text) {
  return concat(kBegin, to_base64(text), kEnd);
}

bool is_plain(std::string_view text) {
  return !is_wrapped(text) && trim(text) == text &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_token(std::string_view name) {
  constexpr std::size_t kBytesMax = 64;
  return !name.empty() && name.size() <= kBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

/// A header that is asked for, and the value that is to be in it; no value: there is no such
/// header.
struct Param {
  std::string name;
  bool given = false;
  std::string value;
};

std::vector<Param> params_of(const Json& schema, const Json& arguments) {
  std::vector<Param> params;
  const Json* properties = schema.find("properties");
  if (properties == nullptr || !properties->is_object()) {
    return params;
  }
  for (const auto& [property, part] : properties->as_object()) {
    const std::string name = part.get_string("x-mcp-header");
    if (!is_token(name)) {
      continue;
    }
    Param param;
    param.name = concat(kPrefix, name);
    const Json* value = arguments.find(property);
    if (value != nullptr && (value->is_string() || value->is_bool() || value->is_number())) {
      param.given = true;
      param.value = value->is_string() ? value->as_string() : value->dump();
    }
    params.push_back(std::move(param));
  }
  return params;
}

}  // namespace

std::vector<net::Header> param_headers(const Json& schema, const Json& arguments) {
  std::vector<net::Header> headers;
  for (Param& param : params_of(schema, arguments)) {
    if (param.given) {
      std::string value = is_plain(param.value) ? param.value : wrapped(param.value);
      headers.push_back({std::move(param.name), std::move(value)});
    }
  }
  return headers;
}

std::string param_mismatch(
    const Json& schema, const Json& arguments, const std::vector<net::Header>& headers
) {
  for (const Param& param : params_of(schema, arguments)) {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const net::Header& header) {
      return net::same_text(header.name, param.name);
    });
    if ((found != headers.end()) != param.given) {
      return concat("the header ", param.name, param.given ? " is missing" : " has no argument");
    }
    if (param.given &&
        found->value != (is_wrapped(found->value) ? wrapped(param.value) : param.value)) {
      return concat("the header ", param.name, " is not what the arguments say");
    }
  }
  return {};
}

}  // namespace reeve::gateway
