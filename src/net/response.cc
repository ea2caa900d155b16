#include "net/response.h"

#include <array>
#include <chrono>
#include <utility>

#include "base/strings.h"
#include "net/exchange.h"
#include "net/text.h"

namespace reeve::net {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 48> kReasons{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

void append_two_digits(std::string& out, unsigned value) {
  out.push_back(static_cast<char>('0' + value / 10));
  out.push_back(static_cast<char>('0' + value % 10));
}

}  // namespace

std::string_view reason_phrase(int status) {
  for (const auto& [known, reason] : kReasons) {
    if (known == status) {
      return reason;
    }
  }
  return status == 505 ? "HTTP Version Not Supported" : "";
}

bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

std::string problem_of_head(
    int status, const std::vector<Header>& headers, std::size_t body_bytes
) {
  if (status < 200 || status > 599) {
    return concat("the status ", status, " is not one of a response");
  }
  if (body_bytes > 0 && is_bodiless(status)) {
    return concat("a response with status ", status, " has no body");
  }
  for (const Header& header : headers) {
    if (!is_token(header.name) || !is_field_value(header.value)) {
      return "a header of the response has characters that cannot be sent";
    }
    for (const char* ours : {"content-length", "transfer-encoding", "connection"}) {
      if (same_text(header.name, ours)) {
        return concat("the header ", ours, " is written by the connection");
      }
    }
  }
  return {};
}

void append_head(std::string& out, const HeadText& head) {
  out.append("HTTP/1.1 ").append(std::to_string(head.status)).push_back(' ');
  out.append(reason_phrase(head.status)).append("\r\n");
  bool dated = false;
  for (const Header& header : head.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
    dated = dated || same_text(header.name, "date");
  }
  if (!dated) {
    out.append("Date: ").append(head.date).append("\r\n");
  }
  if (head.framing == BodyFraming::Length) {
    out.append("Content-Length: ").append(std::to_string(head.content_length)).append("\r\n");
  } else if (head.framing == BodyFraming::Chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (head.close_connection) {
    out.append("Connection: close\r\n");
  }
  out.append("\r\n");
}

std::string http_date(Timestamp at) {
  static constexpr std::array<std::string_view, 7> kDays{
      "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  std::string out(kDays[std::chrono::weekday(day).c_encoding()]);
  out.append(", ");
  append_two_digits(out, static_cast<unsigned>(date.day()));
  out.append(concat(" ", kMonths[static_cast<unsigned>(date.month()) - 1], " "));
  out.append(concat(static_cast<int>(date.year()), " "));
  append_two_digits(out, static_cast<unsigned>(time.hours().count()));
  out.push_back(':');
  append_two_digits(out, static_cast<unsigned>(time.minutes().count()));
  out.push_back(':');
  append_two_digits(out, static_cast<unsigned>(time.seconds().count()));
  out.append(" GMT");
  return out;
}

std::string chunk_line(std::size_t size) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 2 * sizeof(size)> digits{};
  std::size_t at = digits.size();
  do {
    digits[--at] = kDigits[size % 16];
    size /= 16;
  } while (size > 0);
  return concat(std::string_view(digits.data() + at, digits.size() - at), "\r\n");
}

std::shared_ptr<const std::string> Body::release() {
  return shared_ ? std::move(shared_) : std::make_shared<const std::string>(std::move(text_));
}

}  // namespace reeve::net
