#include "notify/message.h"

#include <array>
#include <cstdint>

#include "base/hash.h"
#include "base/hmac.h"
#include "base/strings.h"

namespace reeve::notify {

namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kKeyPrefix = "whsec_";
constexpr std::int64_t kMillis = 1000;
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kMailLine = 76;
/// Bytes that fit into one encoded word of a header.
constexpr std::size_t kWordBytes = 42;

std::string_view text_of(const Sha256Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Json data_of(const Sink& sink, const Notification& notification, const Words& words) {
  Json subject = Json::object();
  subject.set("kind", notification.subject_kind).set("name", notification.subject);
  Json labels = Json::object();
  for (const auto& [key, value] : notification.facts.labels) {
    labels.set(key, value);
  }
  Json data = Json::object();
  data.set("namespace", notification.ns.str()).set("sink", sink.name);
  data.set("revision", notification.revision.value()).set("subject", std::move(subject));
  if (!notification.mission.empty()) {
    data.set("mission", notification.mission).set("workflow", notification.facts.workflow);
    data.set("labels", std::move(labels));
  }
  if (!notification.task.empty()) {
    data.set("task", notification.task);
  }
  data.set("title", words.title).set("text", words.text);
  if (!notification.command.empty()) {
    data.set("command", notification.command);
  }
  return data;
}

/// In the way that Slack wants it, so that nothing in it is taken for a link or a mention.
std::string slack_text(std::string_view text) {
  return replace_all(replace_all(replace_all(text, "&", "&amp;"), "<", "&lt;"), ">", "&gt;");
}

bool is_ascii_line(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') {
      return false;
    }
  }
  return true;
}

/// A header's text (RFC 2047): what is no plain line becomes encoded words.
std::string header_text(std::string_view text) {
  constexpr std::size_t kPlainMax = 200;
  if (is_ascii_line(text) && text.size() <= kPlainMax) {
    return std::string(text);
  }
  std::string out;
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size()) {
      const std::size_t next = utf8_length(text.substr(size));
      const std::size_t bytes = next == 0 ? 1 : next;
      if (size + bytes > kWordBytes) {
        break;
      }
      size += bytes;
    }
    out += concat(out.empty() ? "" : "\r\n ", "=?utf-8?B?", to_base64(text.substr(0, size)), "?=");
    text.remove_prefix(size);
  }
  return out;
}

/// `Sat, 21 Nov 2026 09:30:00 +0000`
std::string mail_date(Timestamp at) {
  constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::weekday weekday(day);
  // 2026-11-21T09:30:00.000Z
  const std::string text = format_timestamp(at);
  constexpr std::size_t kTimeAt = 11;
  constexpr std::size_t kTimeSize = 8;
  return concat(
      kDays.at(weekday.c_encoding()),
      ", ",
      static_cast<unsigned>(date.day()),
      " ",
      kMonths.at(static_cast<unsigned>(date.month()) - 1),
      " ",
      static_cast<int>(date.year()),
      " ",
      std::string_view(text).substr(kTimeAt, kTimeSize),
      " +0000"
  );
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  constexpr unsigned kSix = 6;
  constexpr unsigned kMask = 0x3F;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::size_t index = at + i;
      group =
          (group << 8U) | (index < bytes.size() ? static_cast<unsigned char>(bytes[index]) : 0U);
    }
    const std::size_t used = std::min<std::size_t>(3, bytes.size() - at) + 1;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto shift = static_cast<unsigned>((3 - i) * kSix);
      out.push_back(i < used ? kDigits[(group >> shift) & kMask] : '=');
    }
  }
  return out;
}

Result<std::string> from_base64(std::string_view text) {
  while (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) {
      return make_error(ErrorCode::Invalid, "is no base64");
    }
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>((bits >> count) & 0xFFU));
    }
  }
  return out;
}

std::string delivery_id(const Sink& sink, const Notification& notification) {
  const Digest digest = sha256(concat(sink.uid, "\n", notification.revision.value()));
  return concat("ntf_", digest.view().substr(digest.view().size() - kIdDigits));
}

Result<std::string> webhook_signature(
    std::string_view key, std::string_view id, std::int64_t seconds, std::string_view body
) {
  std::string raw(key);
  if (key.starts_with(kKeyPrefix)) {
    Result<std::string> decoded = from_base64(key.substr(kKeyPrefix.size()));
    if (!decoded || decoded->empty()) {
      return make_error(
          ErrorCode::Invalid, "the key of the signature is no base64 after whsec_", "credential"
      );
    }
    raw = std::move(*decoded);
  }
  const std::string signed_text = concat(id, ".", seconds, ".", body);
  return concat("v1,", to_base64(text_of(hmac_sha256(raw, signed_text))));
}

Result<HttpMessage> webhook_message(
    const Sink& sink,
    const Notification& notification,
    const Words& words,
    std::string_view key,
    Timestamp now
) {
  Json json = Json::object();
  json.set("type", notification.event).set("timestamp", format_timestamp(notification.at));
  json.set("data", data_of(sink, notification, words));
  HttpMessage message;
  message.body = json.dump();
  const std::string id = delivery_id(sink, notification);
  const std::int64_t seconds = to_unix_millis(now) / kMillis;
  REEVE_TRY(std::string signature, webhook_signature(key, id, seconds, message.body));
  message.headers = {
      {"Content-Type", "application/json"},
      {"User-Agent", "reeve"},
      {"webhook-id", id},
      {"webhook-timestamp", std::to_string(seconds)},
      {"webhook-signature", std::move(signature)}};
  return message;
}

HttpMessage slack_message(const Notification& notification, const Words& words) {
  std::string text = concat("*", slack_text(words.title), "*");
  if (!words.text.empty()) {
    text += concat("\n", slack_text(words.text));
  }
  if (!notification.command.empty()) {
    text += concat("\n`", slack_text(notification.command), "`");
  }
  Json json = Json::object();
  json.set("text", std::move(text));
  return {
      .headers = {{"Content-Type", "application/json"}, {"User-Agent", "reeve"}},
      .body = json.dump()};
}

std::string mail_message(
    const Sink& sink, const Notification& notification, const Words& words, Timestamp now
) {
  const MailServer& mail = sink.mail;
  const std::string domain = mail.from.substr(mail.from.find('@') + 1);
  std::string out;
  const auto header = [&out](std::string_view name, std::string_view value) {
    out += concat(name, ": ", value, "\r\n");
  };
  header("Date", mail_date(now));
  header("From", mail.from);
  header("To", join(mail.to, ",\r\n "));
  header("Subject", header_text(words.title));
  header("Message-ID", concat("<", delivery_id(sink, notification), "@", domain, ">"));
  header("Auto-Submitted", "auto-generated");
  header("MIME-Version", "1.0");
  header("Content-Type", "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", "base64");
  out += "\r\n";
  std::string body = words.text;
  if (!notification.command.empty()) {
    body += concat(body.empty() ? "" : "\n\n", notification.command);
  }
  body += concat(
      body.empty() ? "" : "\n\n",
      "-- \n",
      notification.event,
      " in namespace ",
      notification.ns.view(),
      ", revision ",
      notification.revision.value(),
      "\n"
  );
  const std::string encoded = to_base64(replace_all(body, "\n", "\r\n"));
  for (std::size_t at = 0; at < encoded.size(); at += kMailLine) {
    out += concat(std::string_view(encoded).substr(at, kMailLine), "\r\n");
  }
  return out;
}

}  // namespace reeve::notify
